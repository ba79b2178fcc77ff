//! Operator commands on a running platform.

use std::path::Path;

use bloom_contract_platform::{DrainedRequest, EraseSubjectRequest, ListParkedRequest, ReplayRequest, UnparkRequest};
use bloom_fault::Fault;
use bloom_kernel::{SubjectId, TenantId};
use bloom_process::{Settings, print_line};
use bloom_runtime::StartError;

use crate::SERVICES;
use crate::peers::Reach;

/// `bloom events …`
#[derive(clap::Subcommand)]
pub enum EventsCommand {
    /// Rebuild what a consumer made of events: it loads its sources' state once more, then follows.
    Replay {
        /// Name of the consumer, for example `catalog.listing`.
        consumer: String,
    },
    /// List events that a consumer could not apply, and messages that it could not read as events.
    Parked {
        /// Name of the consumer, for example `catalog.listing`.
        consumer: String,
    },
    /// Apply parked events again, in order.
    Unpark {
        /// Name of the consumer.
        consumer: String,
        /// Throw them away instead.
        #[arg(long)]
        discard: bool,
    },
    /// How far the events of every service are from being done.
    Status,
}

/// `bloom subject …`
#[derive(clap::Subcommand)]
pub enum SubjectCommand {
    /// Destroy the keys of a person's data in every service. Cannot be undone.
    Erase {
        /// The environment (`env_…`).
        tenant: TenantId,
        /// The person (`subj_…`).
        subject: SubjectId,
    },
}

/// Runs an events command.
pub async fn events(settings: &Settings, state: &Path, command: EventsCommand) -> Result<(), StartError> {
    let reach = Reach::new(settings, state)?;
    match command {
        EventsCommand::Replay { consumer } => {
            let generation = replay(&reach, &consumer).await?;
            print_line(format_args!(
                "{consumer} reloads its sources as generation {generation}; `bloom events status` shows when it is done"
            ))?;
        }
        EventsCommand::Parked { consumer } => {
            let request = reach.host.request(&reach.call(), ListParkedRequest { consumer: consumer.clone(), limit: 1_000 });
            let reply = reach.platform(service_of(&consumer)?).list_parked(request).await.map_err(failed)?.into_inner();
            for event in reply.events {
                print_line(format_args!(
                    "{} {} {} {} {}",
                    event.parked_at, event.tenant_id, event.aggregate, event.kind, event.cause
                ))?;
            }
            for message in reply.unreadable {
                let place = format!("{}/{}@{}", message.topic, message.partition, message.offset);
                let (headers, excerpt) = (message.headers, message.excerpt);
                print_line(format_args!("{} {place} {}\n    {headers:?}\n    {excerpt:?}", message.parked_at, message.cause))?;
            }
        }
        EventsCommand::Unpark { consumer, discard } => {
            let message = UnparkRequest { consumer: consumer.clone(), discard, ..UnparkRequest::default() };
            let request = reach.host.request(&reach.call(), message);
            let reply = reach.platform(service_of(&consumer)?).unpark(request).await.map_err(failed)?.into_inner();
            print_line(format_args!("{} done, {} left", reply.done, reply.left))?;
        }
        EventsCommand::Status => {
            print_line(format_args!("{:<18}{:>8}{:>8}{:>8}{:>8}", "service", "outbox", "lag", "parked", "timers"))?;
            for definition in SERVICES {
                let request = reach.host.request(&reach.call(), DrainedRequest {});
                let reply = reach.platform(definition.name).drained(request).await.map_err(failed)?.into_inner();
                print_line(format_args!(
                    "{:<18}{:>8}{:>8}{:>8}{:>8}",
                    definition.name, reply.outbox, reply.lag, reply.parked, reply.timers_due
                ))?;
            }
        }
    }
    Ok(())
}

/// Starts a new generation of a consumer.
pub async fn replay(reach: &Reach, consumer: &str) -> Result<i32, StartError> {
    let request = reach.host.request(&reach.call(), ReplayRequest { consumer: consumer.to_owned() });
    let reply = reach.platform(service_of(consumer)?).replay(request).await.map_err(failed)?;
    Ok(reply.into_inner().generation)
}

/// Runs a subject command.
pub async fn subject(settings: &Settings, state: &Path, command: SubjectCommand) -> Result<(), StartError> {
    let reach = Reach::new(settings, state)?;
    let SubjectCommand::Erase { tenant, subject } = command;
    for (service, erased) in erase(&reach, tenant, subject).await? {
        print_line(format_args!("{service:<18}{}", if erased { "key destroyed" } else { "held nothing" }))?;
    }
    Ok(())
}

/// Destroys a subject's key in every service; returns per service whether there was one.
pub async fn erase(reach: &Reach, tenant: TenantId, subject: SubjectId) -> Result<Vec<(&'static str, bool)>, StartError> {
    let mut erased = Vec::new();
    for definition in SERVICES {
        let message = EraseSubjectRequest { tenant_id: tenant.to_string(), subject_id: subject.to_string() };
        let request = reach.host.request(&reach.call(), message);
        let reply = reach.platform(definition.name).erase_subject(request).await.map_err(failed)?;
        erased.push((definition.name, reply.into_inner().erased));
    }
    Ok(erased)
}

/// The service of a consumer, whose name is the prefix of the consumer's name. The service itself validates the rest.
pub(crate) fn service_of(consumer: &str) -> Result<&str, StartError> {
    let known = |service: &&str| bloom_fleet::SERVICES.contains(service);
    consumer.split_once('.').map(|(service, _)| service).filter(known).ok_or_else(|| {
        let names = bloom_fleet::SERVICES.join(", ");
        StartError::new(format!("`{consumer}` names no service's consumer, as `catalog.listing` does; services are {names}"))
    })
}

pub(crate) fn failed(status: tonic::Status) -> StartError {
    let sentence = match status.code() {
        tonic::Code::Unavailable => "a service could not be reached; is the platform up?",
        _ => "a service refused",
    };
    StartError::caused(sentence, Fault::from(status))
}
