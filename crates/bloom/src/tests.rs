mod openapi;

use crate::check::projection::{Facts, differences};
use crate::check::{Breach, report};
use crate::operate::service_of;
use crate::state::{DevState, StateDir};
use crate::up::{bindable, last_words, master_key};

#[test]
fn the_committed_configuration_is_up_to_date() {
    let committed = include_str!("../../../docs/configuration.md");
    assert!(
        committed == crate::configuration::document(),
        "docs/configuration.md differs: run ./dev gen and look at the difference"
    );
}

#[test]
fn every_service_can_be_reached_by_its_name() {
    let services: Vec<&str> = crate::SERVICES.iter().map(|definition| definition.name).collect();
    assert_eq!(services, bloom_fleet::SERVICES, "a service calls itself as fleet.toml does");
}

#[test]
fn a_check_report_fits_on_one_screen() {
    let breaches = |name: &str, count: usize| (0..count).map(|nr| Breach::new(name, format!("place {nr}"))).collect::<Vec<_>>();
    let lines = report(&[breaches("orders.wrong", 12), breaches("cart.wrong", 2), breaches("cart.five", 5)].concat());
    assert_eq!(lines.len(), 2 + 5 + 6, "{lines:#?}");
    assert_eq!(lines.last().map(String::as_str), Some("orders.wrong: and 7 more"));
    let long = report(&[Breach::new("catalog.wrong", "ü".repeat(100_000))]);
    assert!(long[0].chars().count() < 700 && long[0].ends_with("and 99400 characters more"), "{}", long[0]);

    let facts = |count: i64, amount: i64| (0..count).map(|nr| (format!("chan_{nr:02}"), amount)).collect::<Facts>();
    assert_eq!(differences(&facts(1, 5), &facts(2, 5)), "at chan_01 the listing has nothing, the source 5");
    let many = differences(&facts(40, 5), &facts(40, 6));
    assert!(many.starts_with("at chan_00 the listing has 5, the source 6; ") && many.ends_with("; and 35 more"), "{many}");
}

/// A state folder that is deleted at the end of the test.
struct Scratch(std::path::PathBuf);

impl Scratch {
    fn new(name: &str) -> (Self, StateDir) {
        let path = std::env::temp_dir().join(format!("bloom-state-{name}-{}", std::process::id()));
        let dir = StateDir::open(&path).expect("a folder");
        (Self(path), dir)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn each_state_folder_has_its_own_database() {
    let (scratch, dir) = Scratch::new("cluster");
    let default = StateDir::open(&scratch.0.join(".bloom")).expect("a folder").cluster();
    let present = bloom_pgdev::Cluster::open(&scratch.0, "up");
    assert_eq!(default.home(), present.home(), "data of the default folder stay where they are");
    assert_ne!(dir.cluster().home(), default.home());
}

#[test]
fn no_new_master_key_is_created_for_encrypted_data() {
    let (scratch, dir) = Scratch::new("key");
    let refused = master_key(&dir, true).expect_err("refuses").chain();
    assert!(refused.contains("master.key") && refused.contains("./dev reset"), "{refused}");
    let made = master_key(&dir, false).expect("the first start makes one");
    assert_eq!(master_key(&dir, true).expect("it is kept").0, made.0);
    assert!(!scratch.0.join("master.key.part").exists());
    std::fs::write(scratch.0.join("master.key"), "").expect("a full disk leaves nothing");
    let refused = master_key(&dir, false).expect_err("refuses").chain();
    assert!(refused.contains("is damaged") && refused.contains("./dev reset"), "{refused}");
}

#[test]
fn an_unreadable_state_file_is_renamed() {
    let (scratch, dir) = Scratch::new("garbled");
    assert!(!dir.resume().expect("there is none").seeded);
    dir.write(&DevState { seeded: true, ..DevState::default() }).expect("is written");
    assert!(dir.resume().expect("is read").seeded);
    std::fs::write(scratch.0.join("dev.json"), "{\"secret_key\": \"sk_").expect("half of it");
    assert!(!dir.resume().expect("a new state").seeded);
    assert_eq!(std::fs::read_to_string(scratch.0.join("dev.json.bad")).expect("is kept"), "{\"secret_key\": \"sk_");
    assert!(!scratch.0.join("dev.json").exists());
}

#[test]
fn a_failed_start_explains_the_remedy() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = taken.local_addr().map(|address| (taken, address.to_string())).expect("an address");
    for (address, word) in [(taken.1.as_str(), "is taken"), ("8123", "host:port")] {
        let said = bindable(address).expect_err("refuses").chain();
        assert!(said.contains(word) && said.contains("--gateway"), "{said}");
    }
    bindable("127.0.0.1:0").expect("a free port");
    assert_eq!(last_words("▸ a step\nbloom: it broke\n▸ stopped\n").as_deref(), Some("it broke"));
    assert_eq!(last_words("▸ a step\n\n").as_deref(), Some("▸ a step"));
    assert_eq!(last_words(""), None);
}

#[test]
fn a_consumer_name_leads_to_its_service() {
    for definition in crate::SERVICES {
        assert_eq!(service_of(&format!("{}.anything", definition.name)).expect("is known"), definition.name);
    }
    for consumer in ["nope", "nope.listing", "catalog"] {
        let said = service_of(consumer).expect_err("refuses").chain();
        assert!(said.contains(consumer) && said.contains("catalog.listing"), "{said}");
    }
}
