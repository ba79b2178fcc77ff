//! Receives a provider's notice: its signature is checked, it is acted on once, and it is harmless in any order.

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bloom_db::TenantTx;
use bloom_fault::{Code, Fault};
use bloom_kernel::{ConnectionId, OperationId, TenantId};
use bloom_runtime::RequestContext;
use bloom_web::Path;
use http::HeaderMap;
use http_body_util::{BodyExt as _, Limited};

use super::signature::{SignatureError, SignatureHeaders, verify};
use super::store::{notice_insert, notice_refuse};
use crate::connection::{ConnectionSelector, connection_tenant};
use crate::operation::{Operation, operation_get};
use crate::payment::{Outcome, apply, payment_get};
use crate::provider::{Notice, parse_notice};
use crate::{NAME, Payments};

/// Longest body of a notice, in bytes.
const NOTICE_MAX: usize = 64 * 1024;

/// For providers, which carry no key.
pub(crate) fn routes() -> Router<Payments> {
    Router::new().route("/v1/payments/webhooks/{connection_id}", post(receive))
}

async fn receive(State(app): State<Payments>, Path(connection): Path<ConnectionId>, request: Request) -> Result<Response, Fault> {
    let (parts, body) = request.into_parts();
    let headers = signature_headers(&parts.headers)?;
    let body = Limited::new(body, NOTICE_MAX).collect().await.map_err(|error| {
        Fault::new(Code::TooLarge, "body_too_large", format!("A notice has at most {NOTICE_MAX} bytes.")).source(error)
    })?;
    let body = body.to_bytes();
    let tenant = connection_tenant(&app.db, connection).await?.ok_or_else(|| Fault::not_found("connection"))?;
    authenticate(&app, tenant, connection, headers, &body).await?;
    let notice = parse_notice(&body)
        .map_err(|error| Fault::new(Code::Invalid, "webhook_malformed", "The notice cannot be read.").source(error))?;
    if notice.id != headers.id {
        return Err(Fault::new(Code::Invalid, "webhook_malformed", "The notice and its header name different ids."));
    }
    process(&app, tenant, connection, notice).await?;
    Ok(axum::Json(serde_json::json!({})).into_response())
}

fn signature_headers(headers: &HeaderMap) -> Result<SignatureHeaders<'_>, Fault> {
    let missing = |name: &'static str| {
        Fault::new(Code::Unauthenticated, "webhook_signature_missing", format!("The notice carries no header {name}."))
    };
    let malformed = |detail: &'static str| Fault::new(Code::Invalid, "webhook_malformed", detail);
    let text = |name: &'static str| headers.get(name).and_then(|value| value.to_str().ok()).ok_or_else(|| missing(name));
    // The id is stored before anything else is known of the notice.
    let id = headers.get("webhook-id").ok_or_else(|| missing("webhook-id"))?;
    let id =
        id.to_str().ok().filter(|id| (1..=255).contains(&id.len()) && !id.chars().any(char::is_control)).ok_or_else(|| {
            malformed("webhook-id is not 1 to 255 printable ASCII characters. Send the notice with a shorter, plain id.")
        })?;
    let timestamp = text("webhook-timestamp")?.parse().map_err(|_| malformed("webhook-timestamp is not a number of seconds."))?;
    Ok(SignatureHeaders { id, timestamp, signatures: text("webhook-signature")? })
}

/// Refuses a notice that is not signed with the secret of its connection.
async fn authenticate(
    app: &Payments,
    tenant: TenantId,
    connection: ConnectionId,
    headers: SignatureHeaders<'_>,
    body: &[u8],
) -> Result<(), Fault> {
    let mut conn = app.db.read(tenant).await?;
    let connection = app.connections.get(&mut conn, tenant, ConnectionSelector::Id(connection)).await?;
    drop(conn);
    let secret = connection.webhook_secret().ok_or_else(|| Fault::not_found("connection"))?;
    verify(secret, headers, body, app.context.platform_now().timestamp()).map_err(|error| match error {
        SignatureError::Mismatch => Fault::new(
            Code::Unauthenticated,
            "webhook_signature_invalid",
            "The notice is not signed with this connection's webhook secret.",
        ),
        SignatureError::Stale => Fault::new(
            Code::Invalid,
            "webhook_timestamp_stale",
            "The notice was signed more than 5 minutes ago, or in the future.",
        ),
    })
}

/// Stores the notice and applies it, in one transaction. A notice that was stored before changes nothing.
async fn process(app: &Payments, tenant: TenantId, connection: ConnectionId, notice: Notice) -> Result<(), Fault> {
    let context = RequestContext::background(NAME, tenant, &format!("provider:{connection}"));
    let Notice { id, operation, report } = notice;
    app.db
        .transaction(&context, async |tx| {
            if !notice_insert(tx, connection, &id, operation).await? {
                return Ok(());
            }
            let known = match operation {
                Some(operation) => operation_of_connection(tx, operation, connection).await?,
                None => None,
            };
            let refusal = match known {
                Some(known) => {
                    let applied = apply(tx, known.id, Outcome::Report(report)).await?;
                    applied.refusal.map(|refusal| refusal.to_string())
                }
                None => Some("no operation of this connection".to_owned()),
            };
            if let Some(refusal) = refusal {
                notice_refuse(tx, connection, &id, &refusal).await?;
            }
            Ok(())
        })
        .await
}

/// The operation, if its payment uses this connection: the secret of one connection must not move money of another.
async fn operation_of_connection(
    tx: &mut TenantTx,
    id: OperationId,
    connection: ConnectionId,
) -> Result<Option<Operation>, Fault> {
    let Some(known) = operation_get(tx, id).await? else { return Ok(None) };
    let payment = payment_get(tx, known.payment_id).await?;
    Ok(payment.filter(|payment| payment.connection_id == connection).map(|_| known))
}
