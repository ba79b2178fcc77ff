//! SQL of the table `account`.

use bloom_kernel::{AccountId, Name};
use sqlx::PgConnection;

use super::model::Account;

/// The account of the connection's tenant.
pub(super) async fn account_get(conn: &mut PgConnection) -> sqlx::Result<Option<Account>> {
    sqlx::query_as!(
        Account,
        r#"select id as "id: AccountId", name as "name: Name", version, created_at, updated_at from account where id = own_account()"#
    )
    .fetch_optional(conn)
    .await
}

pub(super) async fn account_insert(conn: &mut PgConnection, account: &Account) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into account (id, name, version, created_at, updated_at) values ($1, $2, $3, $4, $5)",
        account.id.uuid(),
        account.name.as_str(),
        account.version,
        account.created_at,
        account.updated_at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Accounts that have no live environment or several.
pub(crate) async fn accounts_without_one_live_environment(conn: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    let accounts = sqlx::query_scalar!(
        r#"select account.id as "id: AccountId" from account
           where 1 <> (select count(*) from environment where account_id = account.id and kind = 'live')
           order by account.id limit 100"#
    )
    .fetch_all(conn)
    .await?;
    Ok(accounts.into_iter().map(|account| format!("{account} has no live environment or several")).collect())
}
