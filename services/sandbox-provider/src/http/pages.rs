//! The issuer's page: a payer's browser, without a key, says yes or no.

use axum::Router;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use bloom_fault::Fault;
use bloom_kernel::TenantId;
use bloom_web::{Path, Query};
use serde::Deserialize;
use uuid::Uuid;

use super::account::call_of;
use crate::Sandbox;
use crate::domain::{Authorisation, Kind, Status};
use crate::ops::settle::{Verdict, decide};
use crate::store::authorisation::authorisation_get;

pub(super) fn routes() -> Router<Sandbox> {
    // At its own port, and behind the gateway.
    Router::new().route("/3ds/{id}", get(page).post(answer)).route("/sandbox/3ds/{id}", get(page).post(answer))
}

#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct Visit {
    account: TenantId,
}

#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct Answer {
    account: TenantId,
    outcome: Outcome,
}

#[derive(Clone, Copy, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Approve,
    Decline,
}

async fn page(
    State(app): State<Sandbox>,
    Path(id): Path<String>,
    Query(Visit { account }): Query<Visit>,
) -> Result<Response, Fault> {
    let mut conn = app.db.read(account).await?;
    let authorisation = authorisation_get(&mut conn, parse(&id)?).await?.ok_or_else(|| Fault::not_found("page"))?;
    if authorisation.status != Status::RequiresAction {
        return Ok(leave(&authorisation));
    }
    Ok(Html(question(&authorisation)).into_response())
}

async fn answer(
    State(app): State<Sandbox>,
    Path(id): Path<String>,
    Query(Answer { account, outcome }): Query<Answer>,
) -> Result<Response, Fault> {
    let verdict = match outcome {
        Outcome::Approve => Verdict::Succeeds,
        Outcome::Decline => Verdict::Fails("authentication_failed"),
    };
    let call = call_of(account);
    let authorisation = decide(&app, &call, parse(&id)?, Status::RequiresAction, verdict).await?;
    Ok(leave(&authorisation))
}

fn parse(id: &str) -> Result<Uuid, Fault> {
    match Kind::parse(id) {
        Some((Kind::Authorisation, id)) => Ok(id),
        Some((Kind::Movement(_), _)) | None => Err(Fault::not_found("page")),
    }
}

fn leave(authorisation: &Authorisation) -> Response {
    match &authorisation.return_url {
        Some(url) => Redirect::to(url).into_response(),
        None => Html(document("<h1>Done</h1><p>You may close this window.</p>")).into_response(),
    }
}

fn question(authorisation: &Authorisation) -> String {
    let account = authorisation.tenant_id;
    let button = |outcome: &str, label: &str| {
        format!(
            r#"<form method="post" action="?account={account}&amp;outcome={outcome}"><button class="{outcome}">{label}</button></form>"#
        )
    };
    document(&format!(
        "<h1>Is this you?</h1><p>A shop asks for</p><p class=\"amount\">{}</p>{}{}<p class=\"small\">Test provider: no money moves.</p>",
        amount(authorisation),
        button("approve", "Yes, pay"),
        button("decline", "No, decline"),
    ))
}

/// Minor units as people write them.
fn amount(authorisation: &Authorisation) -> String {
    let digits = usize::from(authorisation.currency.exponent());
    let minor = format!("{:0>width$}", authorisation.amount, width = digits + 1);
    let (whole, fraction) = minor.split_at(minor.len() - digits);
    let point = if digits == 0 { "" } else { "." };
    format!("{whole}{point}{fraction} {}", authorisation.currency)
}

fn document(body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>Issuer's check</title><style>\
         body{{font:16px/1.5 system-ui,sans-serif;background:#f3f4f6;color:#111;display:grid;place-items:center;min-height:100vh;margin:0}}\
         main{{background:#fff;border-radius:12px;box-shadow:0 8px 30px #0001;padding:2rem 2.5rem;max-width:22rem;text-align:center}}\
         h1{{font-size:1.25rem;margin:0 0 .5rem}}.amount{{font-size:1.75rem;font-weight:600;margin:.25rem 0 1.25rem}}\
         button{{font:inherit;width:100%;padding:.7rem;border-radius:8px;border:1px solid #d1d5db;background:#fff;margin:.25rem 0;cursor:pointer}}\
         button.approve{{background:#0b6b4f;border-color:#0b6b4f;color:#fff}}.small{{font-size:.8rem;color:#6b7280;margin:1rem 0 0}}\
         </style></head><body><main>{body}</main></body></html>"
    )
}
