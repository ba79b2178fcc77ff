//! The table `account`.

use bloom_fault::Fault;
use bloom_kernel::AccountId;
use sqlx::PgConnection;

use crate::domain::account::Account;

/// The account of the connection's tenant.
pub async fn account_own(conn: &mut PgConnection) -> Result<Option<Account>, Fault> {
    let account = sqlx::query_as!(
        Account,
        r#"select id as "id: AccountId", name, version, created_at, updated_at from account where id = own_account()"#
    )
    .fetch_optional(conn)
    .await?;
    Ok(account)
}

/// Adds an account.
pub async fn account_insert(conn: &mut PgConnection, account: &Account) -> Result<(), Fault> {
    sqlx::query!(
        "insert into account (id, name, version, created_at, updated_at) values ($1, $2, $3, $4, $5)",
        account.id.uuid(),
        account.name,
        account.version,
        account.created_at,
        account.updated_at,
    )
    .execute(conn)
    .await?;
    Ok(())
}
