//! Authorisations.

use bloom_db::WriteOnce;
use bloom_db::write_once;
use bloom_kernel::{Currency, TenantId};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::{Authorisation, Status, Token};

/// Selects authorisations; the tail is the rest of the statement.
macro_rules! select_authorisation {
    ($tail:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            Authorisation,
            r#"select tenant_id as "tenant_id: TenantId", id, idempotency_key, fingerprint, amount,
                      currency as "currency: Currency", token as "token: Token", return_url, status as "status: Status",
                      failure_code, captured_amount, voided_amount, refunded_amount, sequence, created_at
               from authorisation "# + $tail
            $(, $argument)*
        )
    };
}

/// Stores a new one; false when its idempotency key was used before.
pub async fn authorisation_insert(write: WriteOnce<'_>, new: &Authorisation) -> Result<bool, sqlx::Error> {
    let inserted = write_once!(
        write,
        "changed as (
             insert into authorisation (tenant_id, id, idempotency_key, fingerprint, amount, currency, token, return_url, status,
                                        failure_code, captured_amount, voided_amount, refunded_amount, sequence, created_at)
             values ($1, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0, 0, 0, $13, $14)
             on conflict (tenant_id, idempotency_key) do nothing
             returning sequence as answer
         )",
        new.id,
        new.idempotency_key,
        new.fingerprint,
        new.amount,
        new.currency as Currency,
        new.token.as_str(),
        new.return_url,
        new.status.as_str(),
        new.failure_code,
        new.sequence,
        new.created_at,
    )?;
    Ok(inserted.is_some())
}

/// By id.
pub async fn authorisation_get(conn: &mut PgConnection, id: Uuid) -> Result<Option<Authorisation>, sqlx::Error> {
    select_authorisation!("where id = $1", id).fetch_optional(conn).await
}

/// By id, under its row lock.
pub async fn authorisation_lock(conn: &mut PgConnection, id: Uuid) -> Result<Option<Authorisation>, sqlx::Error> {
    select_authorisation!("where id = $1 for update", id).fetch_optional(conn).await
}

/// By the key of the request that made it.
pub async fn authorisation_by_key(conn: &mut PgConnection, key: &str) -> Result<Option<Authorisation>, sqlx::Error> {
    select_authorisation!("where idempotency_key = $1", key).fetch_optional(conn).await
}

/// Stores how it stands.
pub async fn authorisation_update(conn: &mut PgConnection, changed: &Authorisation) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update authorisation
         set status = $2, failure_code = $3, captured_amount = $4, voided_amount = $5, refunded_amount = $6, sequence = $7
         where id = $1",
        changed.id,
        changed.status.as_str(),
        changed.failure_code,
        changed.captured_amount,
        changed.voided_amount,
        changed.refunded_amount,
        changed.sequence,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Authorisations of all accounts whose amounts are not the sums of their movements; at most a hundred.
pub async fn authorisation_breaches(conn: &mut PgConnection) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select format('authorisation %s: captured %s voided %s refunded %s, movements say %s %s %s',
                         a.id, a.captured_amount, a.voided_amount, a.refunded_amount, m.captured, m.voided, m.refunded) as "detail!"
           from authorisation a
           cross join lateral (
             select coalesce(sum(amount) filter (where kind = 'capture'), 0) as captured,
                    coalesce(sum(amount) filter (where kind = 'void'), 0) as voided,
                    coalesce(sum(amount) filter (where kind = 'refund'), 0) as refunded
             from movement where movement.tenant_id = a.tenant_id and movement.authorisation_id = a.id) m
           where (a.captured_amount, a.voided_amount, a.refunded_amount) is distinct from (m.captured, m.voided, m.refunded)
           order by a.tenant_id, a.id limit 100"#
    )
    .fetch_all(conn)
    .await
}
