//! Tests of the log reader, on which the reference for an order depends.

use crate::load::percentile_ms;
use crate::record::Recording;
use crate::replay::Order;
use crate::report::{median, number};

const CART: &str = "0197f7a1-0000-7000-8000-000000000001";

/// A `csvlog` line with the columns that are read.
fn line(session: &str, role: &str, message: &str, detail: &str) -> String {
    let quote = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let message = quote(message);
    let detail = quote(detail);
    format!("2025-01-01,\"{role}\",\"bloom\",1,\"[local]\",{session},1,\"x\",t,1/1,0,LOG,00000,{message},{detail},,,,,,,\"\"\n")
}

fn read(lines: &[String]) -> Recording {
    Recording::parse(&lines.concat(), 0, 0)
}

#[test]
fn a_transaction_is_a_unit_with_its_parameters() {
    let recording = read(&[
        line("s1", "bloom_cart", "statement: begin; set local bloom.tenant = 'x'", ""),
        line("s2", "postgres", "statement: select 1", ""),
        line(
            "s1",
            "bloom_cart",
            "execute sqlx_s_1: insert into cart\n  values ($1, $2, $3)",
            "parameters: $1 = 'it''s, \"so\"', $2 = NULL, $3 = '7'",
        ),
        line("s1", "bloom_cart", "statement: COMMIT", ""),
    ]);
    assert_eq!(recording.units.len(), 1);
    let statements = &recording.units[0].statements;
    assert_eq!(statements.len(), 3);
    assert!(statements[0].simple && !statements[1].simple);
    assert_eq!(recording.texts[statements[1].text], "insert into cart\n  values ($1, $2, $3)");
    let values: Vec<Option<&str>> = statements[1].parameters.iter().map(Option::as_deref).collect();
    assert_eq!(values, [Some("it's, \"so\""), None, Some("7")]);
}

#[test]
fn a_read_includes_the_setting_of_its_tenant() {
    let tenant = |id: &str| line("s1", "bloom_cart", &format!("statement: set bloom.tenant = '{id}'"), "");
    let select = || line("s1", "bloom_cart", "execute sqlx_s_3: select 1", "");
    let page = || line("s1", "bloom_cart", "execute sqlx_s_2: select set_config('bloom.tenant', $1, false)", "");
    let recording = read(&[tenant("a"), select(), tenant("b"), select(), select(), page()]);
    let sizes: Vec<usize> = recording.units.iter().map(|unit| unit.statements.len()).collect();
    assert_eq!(sizes, [2, 3, 1]);
}

#[test]
fn units_of_one_cart_depend_on_each_other() {
    let begin = |session| line(session, "bloom_cart", "statement: BEGIN", "");
    let commit = |session| line(session, "bloom_cart", "statement: COMMIT", "");
    let work = |session, value: &str| {
        line(session, "bloom_cart", "execute <unnamed>: select $1", &format!("parameters: $1 = '{value}'"))
    };
    // The cart's id as a UUID, then as typed id within JSON; another cart in between.
    let id = bloom_kernel::CartId::from_uuid(CART.parse().unwrap());
    let typed = format!(r#"{{"id":"{id}"}}"#);
    let other = "0197f7a1-0000-7000-8000-000000000002";
    let recording = read(&[
        begin("s1"),
        work("s1", CART),
        commit("s1"),
        begin("s2"),
        work("s2", other),
        commit("s2"),
        begin("s1"),
        work("s1", &typed),
        commit("s1"),
    ]);
    assert_eq!(recording.units[0].ids, recording.units[2].ids);
    let order = Order::of(&recording.units, &recording.roles);
    assert_eq!(order.waiting(), [0, 0, 1]);
}

#[test]
fn the_system_role_keeps_its_order() {
    let unit = |session| {
        [line(session, "bloom_cart_system", "statement: BEGIN", ""), line(session, "bloom_cart_system", "statement: COMMIT", "")]
            .concat()
    };
    let recording = read(&[unit("s1"), unit("s2"), unit("s3")]);
    assert_eq!(Order::of(&recording.units, &recording.roles).waiting(), [0, 1, 1]);
}

#[test]
fn percentiles_and_medians() {
    let micros: Vec<u32> = (1..=1_000).map(|ms| ms * 1_000).collect();
    assert_eq!([50.0, 99.0, 100.0].map(|percent| number(percentile_ms(&micros, percent))), ["500", "990", "1000"]);
    let medians = [median([3.0, 1.0, 2.0]), median([4.0, 1.0, 2.0, 3.0]), median([])];
    assert_eq!(medians.map(number), ["2.00", "2.50", "0.00"]);
}
