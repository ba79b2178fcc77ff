//! Tests of the table and its representations.

use std::collections::BTreeSet;
use std::error::Error;

use axum::response::IntoResponse;
use bloom_kernel::{Currency, Money};
use proptest::prelude::*;
use tonic::{Code as Grpc, Status};

use crate::{Code, Fault, FaultExt, problem};

#[test]
fn the_table_has_no_duplicates() {
    let statuses: BTreeSet<u16> = Code::ALL.iter().map(|code| code.status().as_u16()).collect();
    let names: BTreeSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    let titles: BTreeSet<&str> = Code::ALL.iter().map(|code| code.title()).collect();
    assert_eq!([statuses.len(), names.len(), titles.len()], [Code::ALL.len(); 3]);
    for code in Code::ALL {
        assert_eq!(Code::parse(code.as_str()), Some(code));
        assert_eq!(code.status().is_server_error(), code.fixed_detail().is_some());
    }
}

#[test]
fn a_problem_names_field_reason_and_policy() {
    let fault = Fault::invalid("/lines/0/quantity", "minimum", "must be at least 1").policy("carts:write");
    let document = problem(&fault, "req_1", "/v1/carts");
    assert_eq!(
        document,
        serde_json::json!({
            "type": "https://docs.bloomcommerceos.com/errors/invalid_request",
            "title": "Invalid request",
            "status": 400,
            "detail": "The request is not valid; see errors.",
            "instance": "/v1/carts",
            "code": "invalid_request",
            "request_id": "req_1",
            "errors": [{ "pointer": "/lines/0/quantity", "code": "minimum", "message": "must be at least 1" }],
            "policy": "carts:write",
        })
    );
}

#[test]
fn a_problem_truncates_a_long_quote() {
    let long = "ü".repeat(500_000);
    let fault = Fault::new(Code::Invalid, "query_invalid", format!("unknown field `{long}`")).at(&*long, "invalid", &*long);
    let document = problem(&fault, "req_1", "/v1/carts");
    for text in [&document["detail"], &document["errors"][0]["pointer"], &document["errors"][0]["message"]] {
        let text = text.as_str().unwrap();
        assert!(text.ends_with("ü…") && text.chars().count() == 1_001, "{}", text.len());
    }
}

#[test]
fn a_response_carries_its_fault_and_no_body() {
    let response = Fault::not_found("product").into_response();
    assert_eq!(response.status(), 404);
    assert_eq!(response.extensions().get::<FaultExt>().unwrap().0.reason, "not_found");
    assert_eq!(http_body_size(&response), Some(0));
}

fn http_body_size(response: &axum::response::Response) -> Option<u64> {
    axum::body::HttpBody::size_hint(response.body()).exact()
}

#[test]
fn the_cause_of_a_failure_is_never_sent() {
    let fault = Fault::internal("password authentication failed for user bloom");
    assert!(fault.chain().contains("password"));
    assert!(!problem(&fault, "r", "/").to_string().contains("password"));
    let status = Status::from(fault);
    assert!(!status.message().contains("password"));
    assert!(!String::from_utf8_lossy(status.details()).contains("password"));
    let arrived = Fault::from(status);
    assert_eq!((arrived.code, arrived.reason.as_ref()), (Code::Internal, "internal"));
    assert!(Error::source(&arrived).is_some());
}

#[test]
fn an_unreachable_peer_is_unavailable() {
    let fault = Fault::from(Status::unavailable("tcp connect error"));
    assert_eq!((fault.code, fault.retry_after_s), (Code::Unavailable, Some(1)));
    let fault = Fault::from(Status::new(Grpc::Cancelled, "timeout"));
    assert_eq!(fault.code, Code::DeadlineExceeded);
}

#[test]
fn an_unreachable_database_is_unavailable() {
    let lost = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
    for error in [sqlx::Error::PoolTimedOut, sqlx::Error::Io(lost)] {
        let fault = Fault::from(error);
        assert_eq!((fault.code, fault.retry_after_s), (Code::Unavailable, Some(1)));
    }
    assert_eq!(Fault::from(sqlx::Error::RowNotFound).code, Code::Internal);
}

#[test]
fn a_money_error_has_a_sentence() {
    let [inr, usd] = ["INR", "USD"].map(|code| Money::new(i64::MAX, Currency::parse(code).unwrap()));
    let refusal = |result: Result<Money, _>| Fault::from(result.unwrap_err());
    assert_eq!(refusal(inr.checked_add(inr)).reason, "amount_out_of_range");
    assert_eq!(refusal(inr.checked_add(usd)).reason, "currency_mismatch");
}

#[test]
fn a_call_on_a_broken_connection_may_be_retried() {
    let reset = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
    let broken = Fault::from(Status::from_error(Box::new(reset)));
    assert_eq!((broken.code, broken.retry_after_s), (Code::Unavailable, Some(1)));
    assert_eq!(Fault::from(Status::unknown("said by the peer itself")).code, Code::Internal);
}

proptest! {
    #[test]
    fn a_refusal_keeps_all_fields_over_grpc(
        line in 0..Code::ALL.len(),
        reason in "[a-z_]{1,30}",
        detail in "[^\0]{0,80}",
        errors in prop::collection::vec(("/[a-z0-9/]{0,20}", "[a-z_]{1,20}", ".{0,40}"), 0..4),
        policy in prop::option::of("[a-z:]{1,20}"),
        retry in prop::option::of(any::<u32>()),
    ) {
        let code = Code::ALL[line];
        let mut fault = Fault::new(code, reason.clone(), detail.clone());
        for (pointer, word, message) in &errors {
            fault = fault.at(pointer, word, message);
        }
        if let Some(policy) = &policy {
            fault = fault.policy(policy);
        }
        if let Some(seconds) = retry {
            fault = fault.retry_after(seconds);
        }
        let before = problem(&fault, "r", "/");
        let after = Fault::from(Status::from(fault));
        prop_assert_eq!(problem(&after, "r", "/"), before);
        prop_assert_eq!(after.code, code);
        prop_assert_eq!(after.retry_after_s, retry);
    }
}
