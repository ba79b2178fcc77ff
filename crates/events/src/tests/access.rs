//! TLS and logins, on a Kafka that requires both: `BLOOM_TEST_KAFKA_SECURE` is its address and `BLOOM_TEST_KAFKA_CA`
//! the certificate authority's file (`deploy/kafka/kafka.sh start`).

use std::path::PathBuf;
use std::time::Duration;

use bloom_kernel::OsEntropy;
use bloom_kernel::entropy::base62;
use bloom_runtime::config::Secret;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::Bus;
use crate::bus::{Access, Login, Mechanism, Tls};
use crate::consume::Sources;
use crate::store::inbox::ConsumerGeneration;
use crate::tests::fixture::{Pair, named};

/// Valid settings for the broker; `None` when none is configured.
#[expect(clippy::disallowed_methods, reason = "tests are configured by their environment")]
fn right() -> Option<Access> {
    let brokers = std::env::var("BLOOM_TEST_KAFKA_SECURE").ok()?;
    let ca = std::env::var("BLOOM_TEST_KAFKA_CA").expect("BLOOM_TEST_KAFKA_CA names a file");
    let login = Login { mechanism: Mechanism::ScramSha512, user: "bloom".to_owned(), password: Secret::from("bloom-secret") };
    Some(Access { brokers, tls: Some(Tls { ca_file: Some(PathBuf::from(ca)) }), login: Some(login) })
}

async fn pair(access: Access) -> Pair {
    let run = base62(10, &OsEntropy);
    let (source, consumer) = (String::leak(format!("alpha-{run}")), String::leak(format!("beta.projection-{run}")));
    named(Bus::kafka(access).expect("the settings make a client"), source, consumer).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_pass_over_tls_with_each_mechanism() {
    let Some(right) = right() else { return };
    for mechanism in [Mechanism::Plain, Mechanism::ScramSha256, Mechanism::ScramSha512] {
        let login = right.login.clone().map(|login| Login { mechanism, ..login });
        let pair = pair(Access { login, ..right.clone() }).await;
        let mut tasks = JoinSet::new();
        pair.start(&mut tasks).await;
        for id in ["one", "two", "one"] {
            pair.change(id).await;
        }
        pair.drained().await;
        pair.assert_exact().await;
        pair.stop(tasks).await;
    }
}

/// A relay and a consumer that are refused both report the reason within a short time, at each attempt.
async fn refused(access: Access, reason: &str) {
    let pair = pair(access).await;
    pair.change("one").await;
    let mut relay = pair.relay();
    let began = Instant::now();
    for _ in 0..2 {
        let cause = relay.round().await.expect_err("nothing is published").chain();
        assert!(cause.contains(reason), "{cause}");
        assert!(!cause.contains("wrong-secret"), "{cause}");
    }
    let (Bus::Kafka(kafka), Sources::Kafka(group)) = (&pair.bus, &pair.sources) else { unreachable!("the bus is Kafka") };
    let reader = ConsumerGeneration { consumer: pair.consumer().handler.consumer(), generation: 1 };
    let cause = group.start_at_heads(kafka, reader).await.expect_err("nothing is read").chain();
    assert!(cause.contains(reason), "{cause}");
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_is_reported_and_nothing_hangs() {
    let Some(right) = right() else { return };
    let wrong = |mechanism| {
        let login = right.login.clone().map(|login| Login { mechanism, password: Secret::from("wrong-secret"), ..login });
        refused(Access { login, ..right.clone() }, "Authentication failed")
    };
    tokio::join!(wrong(Mechanism::Plain), wrong(Mechanism::ScramSha512));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_certificate_of_an_unknown_authority_is_refused() {
    let Some(right) = right() else { return };
    refused(Access { tls: Some(Tls { ca_file: None }), ..right }, "certificate verify failed").await;
}
