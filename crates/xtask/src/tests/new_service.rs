//! Runs `cargo xtask new-service` in a copy of this checkout: the new service compiles, passes its tests, and violates no rule.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use bloom_pgdev::Cluster;

use crate::fleet::Fleet;
use crate::new_service::{self, Names};
use crate::tidy::RULES;
use crate::workspace::Workspace;

const NAME: &str = "wish-list";
const CARGO: &str = ".cargo/config.toml";
/// Generated files on which many crates depend. They stay as the last run left them, so that only the new service is compiled
/// again.
const KEPT: [&str; 2] = ["crates/fleet/src/generated.rs", "crates/fleet/src/permission.rs"];

/// A copy of this checkout that is kept between runs. Only changed files are copied again.
struct Copy(Workspace);

impl Copy {
    fn of(original: &Workspace) -> Self {
        let copy = Workspace { root: original.path("target/xtask-new-service") };
        let output = Command::new("git").args(["ls-files", "-co", "--exclude-standard"]).current_dir(&original.root).output();
        let listed = String::from_utf8(output.expect("git runs").stdout).expect("UTF-8");
        let files: BTreeSet<PathBuf> =
            listed.lines().map(PathBuf::from).filter(|path| original.root.join(path).exists()).collect();
        assert!(!files.is_empty(), "git lists no file of the checkout");
        remove_others(&copy.root, &copy.root, &files);
        for file in &files {
            let (mut from, to) = (fs::read(original.root.join(file)).expect("readable"), copy.root.join(file));
            if file == Path::new("Cargo.toml") {
                // Cargo distinguishes the crates of two copies of a workspace only by version, and would confuse them.
                let manifest = String::from_utf8(from).expect("UTF-8");
                let versioned = manifest.replacen("\nversion = \"0.1.0\"\n", "\nversion = \"0.0.0-copy\"\n", 1);
                assert_ne!(manifest, versioned, "the workspace has another version");
                from = versioned.into_bytes();
            }
            if file == Path::new(CARGO) {
                // Both workspaces need the same external crates, which are compiled once.
                from.extend(format!("\n[build]\ntarget-dir = {:?}\n", original.path("target")).bytes());
            }
            let kept = KEPT.iter().any(|kept| Path::new(kept) == file) && to.exists();
            if !kept && fs::read(&to).ok().as_ref() != Some(&from) {
                fs::create_dir_all(to.parent().expect("a folder")).expect("writable");
                fs::write(to, from).expect("writable");
            }
        }
        Self(copy)
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        for purpose in ["dev", "test"] {
            let _ = Cluster::open(&self.0.root, purpose).erase();
        }
    }
}

/// Removes files that the original does not have: those of the last run's service, and those deleted since.
fn remove_others(root: &Path, folder: &Path, files: &BTreeSet<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            remove_others(root, &path, files);
            // This succeeds for empty folders only.
            let _ = fs::remove_dir(&path);
        } else if !files.contains(path.strip_prefix(root).expect("inside")) {
            fs::remove_file(&path).expect("removable");
        }
    }
}

fn written_for(copy: &Workspace, file: &str) -> String {
    fs::read_to_string(copy.path(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

#[test]
fn a_new_service_is_routed_deployed_and_passes_its_tests() {
    let copy = Copy::of(&Workspace::here());
    let copy = &copy.0;
    new_service::run(copy, &Names::of(NAME)).expect("is written");

    let fleet = Fleet::load(copy).expect("is listed");
    assert!(fleet.names().any(|name| name == NAME));
    crate::generate::run(copy, true).expect("all that follows is written");
    for (file, text) in [
        ("gateway/src/routes.json", r#""prefix": "/v1/wish-lists", "service": "wish-list""#),
        ("crates/fleet/src/permission.rs", "pub struct WishListsWrite;"),
        ("crates/bloom/src/services.rs", "bloom_wish_list::SERVICE"),
        ("docker-compose.yml", "BINARY: bloom-wish-list"),
        ("deploy/kubernetes/production/wish-list.yaml", "path: /readyz"),
        ("deploy/kubernetes/keys.txt", "wish-list\n"),
        ("docs/permissions.md", "| `wish_lists:write` |"),
        ("README.md", "| wish-list |"),
    ] {
        assert!(written_for(copy, file).contains(text), "{file} lacks {text}");
    }
    for (name, rule) in RULES {
        let breaches = rule(copy).expect("the rule runs");
        let own: Vec<&String> = breaches.iter().filter(|breach| breach.contains("wish")).collect();
        assert!(own.is_empty(), "{name}: {own:#?}");
    }

    let mut tests = copy.cargo();
    tests.args(["test", "-q", "-p", "bloom-wish-list"]).env("SQLX_OFFLINE", "true");
    let output = tests.output().expect("cargo runs");
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{stdout}{}", String::from_utf8_lossy(&output.stderr));
    let passed = stdout.lines().filter_map(|line| line.strip_prefix("test result: ok. ")?.split(' ').next()?.parse::<u32>().ok());
    assert!(5 < passed.sum::<u32>(), "{stdout}");
    let again = new_service::run(copy, &Names::of(NAME)).expect_err("is there already").to_string();
    assert!(again.contains("exists"), "{again}");
}

#[test]
fn each_kind_of_id_has_a_prefix_of_its_own() {
    let mut prefixes = new_service::id_prefixes(&Workspace::here()).expect("readable");
    assert!(30 < prefixes.len(), "{prefixes:?}");
    prefixes.sort();
    for pair in prefixes.windows(2) {
        assert_ne!(pair[0].0, pair[1].0, "{} and {}", pair[0].1, pair[1].1);
        assert!(pair[0].0.len() <= 5, "{} is longer than the tenant probe expects", pair[0].1);
    }
}

#[test]
fn a_service_is_not_written_under_a_bad_name() {
    let workspace = Workspace::here();
    for name in ["Wishes", "wish_list", "-wish", ""] {
        let error = new_service::run(&workspace, &Names::of(name)).expect_err(name).to_string();
        assert!(error.contains("names are of"), "{name}: {error}");
    }
    let taken = Names { id_prefix: Some("ord".to_owned()), ..Names::of("wish-list") };
    let error = new_service::run(&workspace, &taken).expect_err("another kind has it").to_string();
    assert!(error.contains("ids cannot begin with `ord_`"), "{error}");
}
