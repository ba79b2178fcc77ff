//! Kafka settings of a process: combinations that make no sense are refused at the start.

use std::path::PathBuf;

use bloom_events::bus::{Access, Login, Mechanism, Tls};
use bloom_runtime::StartError;
use bloom_runtime::config::Secret;

/// Kafka settings of a process.
#[derive(Clone, Debug, clap::Args)]
pub struct KafkaSettings {
    /// Kafka brokers, `host:port,host:port`; events stay within the process without.
    #[arg(long, global = true, env = "BLOOM_KAFKA_BROKERS")]
    pub kafka_brokers: Option<String>,
    /// What the brokers talk: `PLAINTEXT`, `SSL`, `SASL_PLAINTEXT` or `SASL_SSL`.
    #[arg(
        long,
        global = true,
        env = "BLOOM_KAFKA_SECURITY_PROTOCOL",
        value_enum,
        ignore_case = true,
        default_value = "PLAINTEXT",
        hide_possible_values = true
    )]
    pub kafka_security_protocol: Protocol,
    /// How the login is shown to be known, with `SASL_…`: `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`.
    #[arg(long, global = true, env = "BLOOM_KAFKA_SASL_MECHANISM", value_enum, ignore_case = true, hide_possible_values = true)]
    pub kafka_sasl_mechanism: Option<Sasl>,
    /// The user to log in as, with `SASL_…`.
    #[arg(long, global = true, env = "BLOOM_KAFKA_USER")]
    pub kafka_user: Option<String>,
    /// Their password.
    #[arg(long, global = true, env = "BLOOM_KAFKA_PASSWORD", hide_env_values = true)]
    pub kafka_password: Option<Secret>,
    /// Certificates in PEM that the brokers' are checked against, with `SSL` and `SASL_SSL`; those that the system trusts
    /// without.
    #[arg(long, global = true, env = "BLOOM_KAFKA_CA_FILE")]
    pub kafka_ca_file: Option<PathBuf>,
}

/// Security protocol of the brokers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Protocol {
    /// No encryption, no login.
    Plaintext,
    /// TLS, no login.
    Ssl,
    /// No encryption, with a login.
    SaslPlaintext,
    /// TLS, with a login.
    SaslSsl,
}

/// How knowledge of the password is proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Sasl {
    /// The password is sent.
    #[value(name = "PLAIN")]
    Plain,
    /// The password is not sent.
    #[value(name = "SCRAM-SHA-256")]
    ScramSha256,
    /// The password is not sent.
    #[value(name = "SCRAM-SHA-512")]
    ScramSha512,
}

impl Protocol {
    fn tls(self) -> bool {
        matches!(self, Self::Ssl | Self::SaslSsl)
    }

    fn sasl(self) -> bool {
        matches!(self, Self::SaslPlaintext | Self::SaslSsl)
    }
}

impl KafkaSettings {
    /// The brokers and how to connect to them; `None` if no brokers are configured.
    pub fn access(&self) -> Result<Option<Access>, StartError> {
        let (tls, login) = (self.tls()?, self.login()?);
        match given(self.kafka_brokers.as_deref()) {
            Some(brokers) => Ok(Some(Access { brokers: brokers.to_owned(), tls, login })),
            None if tls.is_some() || login.is_some() => {
                Err(StartError::new("BLOOM_KAFKA_SECURITY_PROTOCOL is set, and BLOOM_KAFKA_BROKERS does not say where Kafka is"))
            }
            None => Ok(None),
        }
    }

    fn tls(&self) -> Result<Option<Tls>, StartError> {
        let ca_file = self.kafka_ca_file.as_ref().filter(|file| !file.as_os_str().is_empty());
        if !self.kafka_security_protocol.tls() {
            return match ca_file {
                None => Ok(None),
                Some(_) => Err(StartError::new(
                    "BLOOM_KAFKA_CA_FILE is set, and nothing is encrypted: set BLOOM_KAFKA_SECURITY_PROTOCOL to SSL or SASL_SSL",
                )),
            };
        }
        if let Some(file) = ca_file {
            std::fs::File::open(file).map_err(|error| {
                StartError::caused(format!("BLOOM_KAFKA_CA_FILE names {}, which cannot be read", file.display()), error)
            })?;
        }
        Ok(Some(Tls { ca_file: ca_file.cloned() }))
    }

    fn login(&self) -> Result<Option<Login>, StartError> {
        let user = given(self.kafka_user.as_deref());
        let password = self.kafka_password.as_ref().filter(|password| !password.reveal().is_empty());
        match (self.kafka_security_protocol.sasl(), self.kafka_sasl_mechanism, user, password) {
            (false, None, None, None) => Ok(None),
            (false, ..) => Err(StartError::new(
                "BLOOM_KAFKA_SASL_MECHANISM, BLOOM_KAFKA_USER and BLOOM_KAFKA_PASSWORD are a login, and there is none: set \
                 BLOOM_KAFKA_SECURITY_PROTOCOL to SASL_SSL, or to SASL_PLAINTEXT",
            )),
            (true, Some(mechanism), Some(user), Some(password)) => {
                Ok(Some(Login { mechanism: mechanism.into(), user: user.to_owned(), password: password.clone() }))
            }
            (true, ..) => Err(StartError::new(
                "BLOOM_KAFKA_SECURITY_PROTOCOL asks for a login, which is BLOOM_KAFKA_SASL_MECHANISM, BLOOM_KAFKA_USER and \
                 BLOOM_KAFKA_PASSWORD: set all three",
            )),
        }
    }
}

impl From<Sasl> for Mechanism {
    fn from(sasl: Sasl) -> Self {
        match sasl {
            Sasl::Plain => Self::Plain,
            Sasl::ScramSha256 => Self::ScramSha256,
            Sasl::ScramSha512 => Self::ScramSha512,
        }
    }
}

/// Treats an empty variable as unset.
fn given(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Process {
        #[command(flatten)]
        kafka: KafkaSettings,
    }

    fn access(options: &str) -> Result<Option<Access>, String> {
        let words = std::iter::once("process").chain(options.split_whitespace());
        Process::try_parse_from(words).expect("the options parse").kafka.access().map_err(|error| error.chain())
    }

    const LOGIN: &str = "--kafka-sasl-mechanism SCRAM-SHA-512 --kafka-user bloom --kafka-password hush";

    #[test]
    fn kafka_is_used_if_brokers_are_configured() {
        assert!(access("").unwrap().is_none());
        let open = access("--kafka-brokers kafka:9092").unwrap().unwrap();
        assert!(open.tls.is_none() && open.login.is_none());
    }

    #[test]
    fn a_login_over_tls_is_complete() {
        let all = format!("--kafka-brokers kafka:9093 --kafka-security-protocol sasl_ssl {LOGIN}");
        let access = access(&all).unwrap().unwrap();
        let login = access.login.as_ref().unwrap();
        assert_eq!((login.mechanism, login.user.as_str(), login.password.reveal()), (Mechanism::ScramSha512, "bloom", "hush"));
        assert!(access.tls.is_some());
        assert!(!format!("{access:?}").contains("hush"), "a password is never shown");
    }

    #[test]
    fn contradictory_settings_are_refused_in_one_sentence() {
        let kafka = "--kafka-brokers kafka:9092";
        for (options, says) in [
            (format!("{kafka} {LOGIN}"), "set BLOOM_KAFKA_SECURITY_PROTOCOL to SASL_SSL"),
            (format!("{kafka} --kafka-user bloom --kafka-security-protocol SSL"), "there is none"),
            (format!("{kafka} --kafka-security-protocol SASL_SSL"), "set all three"),
            (format!("{kafka} --kafka-security-protocol SASL_PLAINTEXT --kafka-user bloom"), "set all three"),
            (format!("{kafka} --kafka-ca-file /etc/hosts"), "nothing is encrypted"),
            (
                format!("{kafka} --kafka-security-protocol SSL --kafka-ca-file /nowhere/ca.crt"),
                "/nowhere/ca.crt, which cannot be read",
            ),
            ("--kafka-security-protocol SSL".to_owned(), "does not say where Kafka is"),
        ] {
            let error = access(&options).expect_err(&options);
            assert!(error.contains(says), "{options}: {error}");
        }
    }
}
