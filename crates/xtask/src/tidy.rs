//! House rules that a program can check. Each rule returns one line per violation; `cargo test -p xtask` expects none.

pub(crate) mod dependencies;
pub(crate) mod layout;
pub(crate) mod manifests;
pub(crate) mod source;
pub(crate) mod sql;

use crate::Outcome;
use crate::workspace::Workspace;

/// A rule: its name, and the function that finds its violations.
pub(crate) type Rule = (&'static str, fn(&Workspace) -> Outcome<Vec<String>>);

/// All rules.
pub(crate) const RULES: &[Rule] = &[
    ("files are short", source::files_are_short),
    ("main.rs only starts", source::main_only_starts),
    ("nothing is left for later", source::nothing_is_left_for_later),
    ("tests do not sleep", source::tests_do_not_sleep),
    ("names say what is inside", source::names_say_what_is_inside),
    ("a crate says why it exists", source::crates_say_why),
    ("services have resources", layout::services_have_resources),
    ("models are pure", layout::models_are_pure),
    ("services do not name aide", layout::services_do_not_name_aide),
    ("modules do not use each other", layout::modules_do_not_use_each_other),
    ("transactions call no service", layout::transactions_call_no_service),
    ("test names are short", layout::test_names_are_short),
    ("connections past the usual three ways are listed", source::connections_are_listed),
    ("a statement sets its tenant first", source::tenants_are_set_first),
    ("features live in the root manifest", manifests::features_live_in_the_root),
    ("every dependency is used", dependencies::dependencies_are_used),
    ("every snapshot is used", dependencies::snapshots_are_used),
    ("services stand alone", manifests::services_stand_alone),
    ("tables state retention and personal columns", sql::tables_state_retention),
    ("tables are behind row-level security", sql::tables_are_guarded),
    ("no SQL crosses a schema", sql::no_sql_crosses_a_schema),
    ("SQL does not read the clock", sql::sql_does_not_read_the_clock),
];

/// Runs every rule and prints its violations.
pub(crate) fn run(workspace: &Workspace) -> Outcome {
    let mut breaches = 0;
    for (name, rule) in RULES {
        for breach in rule(workspace)? {
            println!("{name}: {breach}");
            breaches += 1;
        }
    }
    for long in source::files_worth_splitting(workspace)? {
        println!("worth splitting: {long}");
    }
    if breaches == 0 { Ok(()) } else { Err(format!("{breaches} breaches of the house rules").into()) }
}
