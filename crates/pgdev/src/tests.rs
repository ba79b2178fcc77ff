//! Tests with the PostgreSQL of this machine.

use std::path::PathBuf;

use crate::{Cluster, Options, PgError};

/// A cluster that is deleted at the end of the test.
struct Scratch {
    cluster: Cluster,
    folder: PathBuf,
}

impl Scratch {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("bloom-pgdev-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a temporary folder");
        Self { cluster: Cluster::open(&folder, "scratch"), folder }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = self.cluster.erase();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[test]
fn starts_once_keeps_its_data_and_survives_a_stale_pid_file() {
    let scratch = Scratch::new("life");
    let cluster = &scratch.cluster;
    let first = cluster.start(&Options::volatile()).expect("starts");
    assert_eq!(cluster.start(&Options::volatile()).expect("is running").port, first.port);
    first.query("postgres", "postgres", "create table kept (n int); insert into kept values (7)").expect("writes");
    assert_eq!(first.query("postgres", "postgres", "show fsync").expect("answers"), "off");
    cluster.stop().expect("stops");
    cluster.stop().expect("stops twice");
    assert_eq!(cluster.address().expect("readable"), None);

    // A pid file that names a running process which is not a server of this data directory.
    let stale = format!("{}\n{}\n0\n{}\n\n\n", std::process::id(), cluster.home().display(), first.port);
    std::fs::write(cluster.home().join("data/postmaster.pid"), stale).expect("a stale file");
    let again = cluster.start(&Options::durable()).expect("starts in spite of it");
    assert_eq!(again.query("postgres", "postgres", "select n from kept").expect("answers"), "7");
    assert_eq!(again.query("postgres", "postgres", "show fsync").expect("answers"), "on");
}

#[test]
fn a_taken_port_is_one_clear_sentence() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port();
    let scratch = Scratch::new("port");
    let error = scratch.cluster.start(&Options { port: Some(port), ..Options::volatile() }).expect_err("refuses");
    assert!(matches!(error, PgError::PortTaken(p) if p == port), "{error}");
    assert_eq!(error.to_string(), format!("port {port} is taken by another process: stop that one, or choose another port"));
}

#[test]
fn tcp_needs_the_password() {
    let scratch = Scratch::new("tcp");
    let address = scratch.cluster.start(&Options::volatile()).expect("starts");
    let mut psql = address.psql("postgres", "postgres");
    let program = psql.args(["-c", ""]).get_program().to_owned();
    let connect = |url: &str| {
        let mut command = std::process::Command::new(&program);
        command.args(["-X", "-w", "-c", "select 1", url]).output().expect("runs").status.success()
    };
    assert!(connect(&address.tcp_url("postgres")));
    assert!(!connect(&format!("postgres://postgres@127.0.0.1:{}/postgres", address.port)));
}

#[test]
fn each_folder_has_its_own_cluster() {
    let checkout = std::env::temp_dir();
    let homes = [
        Cluster::open(&checkout, "up"),
        Cluster::open(&checkout, "dev"),
        Cluster::within(&checkout, "state"),
        Cluster::within(&checkout.join("other"), "state"),
    ]
    .map(|cluster| cluster.home().to_owned());
    let different: std::collections::BTreeSet<_> = homes.iter().collect();
    assert_eq!(different.len(), homes.len(), "{homes:?}");
    assert_eq!(Cluster::open(&checkout.join("."), "up").home(), homes[0], "one folder, however it is written");
    assert!(!Cluster::within(&checkout.join("other"), "state").has_data());
}
