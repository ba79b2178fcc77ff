//! The database refuses bad journals, even from the service role; the checks name what was corrupted past it.

use bloom_kernel::PaymentId;
use sqlx::{AssertSqlSafe, Error};

use crate::tests::Fixture;

/// Runs SQL in the service role, and commits.
async fn as_service(fixture: &Fixture, sql: &str) -> Result<(), Error> {
    let mut tx = fixture.env.db.write(&fixture.call()).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut *tx).await?;
    sqlx::raw_sql("commit").execute(&mut *tx).await.map(drop)
}

fn state(error: &Error) -> (String, String) {
    let error = error.as_database_error().expect("the database refuses");
    (error.code().unwrap_or_default().into_owned(), error.constraint().unwrap_or_default().to_owned())
}

/// SQL that inserts a journal with these entries, and an operation for it.
fn journal(fixture: &Fixture, payment: PaymentId, count: i64, entries: &[(i16, &str, &str, i64)]) -> String {
    let tenant = fixture.env.tenant.uuid();
    let (id, operation) = (fixture.operation().uuid(), fixture.operation().uuid());
    let mut sql = format!(
        "insert into operation (tenant_id, id, payment_id, kind, amount, status, fingerprint, provider_sequence, actor, created_at, updated_at)
           select '{tenant}', '{operation}', '{0}', 'capture', 1, 'succeeded', '', 0, 'test', now(), now();
         insert into journal (tenant_id, id, operation_id, payment_id, kind, entry_count, actor, posted_at)
           values ('{tenant}', '{id}', '{operation}', '{0}', 'capture', {count}, 'test', now());",
        payment.uuid()
    );
    for (line, account, currency, amount) in entries {
        let values = format!("'{tenant}', '{id}', {line}, '{account}', '{currency}', {amount}");
        let entry = format!("insert into entry (tenant_id, journal_id, line, account, currency, amount) values ({values});");
        sql.push_str(&entry);
    }
    sql
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_role_cannot_change_or_delete_journals() {
    let fixture = Fixture::new().await;
    let payment = fixture.authorised(1000, "tok_success").await;
    for sql in [
        "update journal set actor = 'other'",
        "delete from journal",
        "update entry set amount = 1",
        "delete from entry",
        "truncate entry",
        "alter table entry disable trigger all",
        "drop table entry",
        "delete from operation",
        "delete from payment",
    ] {
        let refused = as_service(&fixture, sql).await.expect_err(sql);
        assert_eq!(state(&refused).0, "42501", "{sql}: {refused}");
    }
    assert_eq!(fixture.journal(payment).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_commits_only_balanced_journals() {
    let fixture = Fixture::new().await;
    let payment = fixture.authorised(1000, "tok_success").await;
    let (debit, credit) = ("provider_clearing", "customer_liability");
    let unbalanced = journal(&fixture, payment, 2, &[(1, debit, "INR", 100), (2, credit, "INR", -99)]);
    assert_eq!(state(&as_service(&fixture, &unbalanced).await.unwrap_err()), ("23514".to_owned(), "journal_balanced".to_owned()));
    let mixed = journal(&fixture, payment, 2, &[(1, debit, "INR", 100), (2, credit, "EUR", -100)]);
    assert_eq!(state(&as_service(&fixture, &mixed).await.unwrap_err()).1, "journal_balanced");
    for (count, entries) in [(2, &[][..]), (3, &[(1, debit, "INR", 5), (2, credit, "INR", -5)][..])] {
        let incomplete = journal(&fixture, payment, count, entries);
        assert_eq!(state(&as_service(&fixture, &incomplete).await.unwrap_err()).1, "journal_complete");
    }
    let alone = journal(&fixture, payment, 1, &[]);
    assert_eq!(state(&as_service(&fixture, &alone).await.unwrap_err()).1, "journal_has_two_sides");
    let nothing = journal(&fixture, payment, 2, &[(1, debit, "INR", 0), (2, credit, "INR", 0)]);
    assert_eq!(state(&as_service(&fixture, &nothing).await.unwrap_err()).1, "entry_amount_not_zero");
    let unknown = journal(&fixture, payment, 2, &[(1, "petty_cash", "INR", 1), (2, credit, "INR", -1)]);
    assert_eq!(state(&as_service(&fixture, &unknown).await.unwrap_err()).1, "entry_account_known");
    // Setting another tenant does not hide the rows from the check.
    let hidden = format!("{unbalanced} select set_config('bloom.tenant', '{}', true)", fixture.env.other_tenant.uuid());
    assert_eq!(state(&as_service(&fixture, &hidden).await.unwrap_err()).1, "journal_balanced");
    // A temporary table does not replace the real one.
    let shadowed = format!("create temp table entry (like entry); {unbalanced}");
    assert!(as_service(&fixture, &shadowed).await.is_err());

    let fine = journal(&fixture, payment, 2, &[(1, debit, "INR", 7), (2, credit, "INR", -7)]);
    as_service(&fixture, &fine).await.unwrap();
    // No entry can be added later, not even in balance.
    let later = fine[fine.find("insert into entry").unwrap()..].replace("', 1, '", "', 3, '").replace("', 2, '", "', 4, '");
    assert_eq!(state(&as_service(&fixture, &later).await.unwrap_err()).1, "journal_complete");
    // And one operation has one journal.
    let twice = &fine[fine.find("insert into journal").unwrap()..];
    assert_eq!(state(&as_service(&fixture, twice).await.unwrap_err()).0, "23505");
    let foreign = fine.replace(&fixture.env.tenant.uuid().to_string(), &fixture.env.other_tenant.uuid().to_string());
    assert_eq!(state(&as_service(&fixture, &foreign).await.unwrap_err()).0, "42501", "another tenant's ledger");
}

#[tokio::test(flavor = "multi_thread")]
async fn checks_name_the_violated_invariant() {
    let fixture = Fixture::new().await;
    let payment = fixture.authorised(1000, "tok_success").await;
    fixture.capture(fixture.operation(), payment, 1000).await.unwrap();
    assert_eq!(fixture.breaches().await, Vec::<String>::new());
    for (corrupt, repair, names) in [
        (
            "update entry set amount = amount + 1 where account = 'customer_liability'",
            "update entry set amount = amount - 1 where account = 'customer_liability'",
            &["ledger_zero_sum"][..],
        ),
        ("update payment set refunded_amount = 5", "update payment set refunded_amount = 0", &["payments_match_ledger"][..]),
        (
            "update operation set status = 'failed' where kind = 'capture'",
            "update operation set status = 'succeeded' where kind = 'capture'",
            &["one_journal_per_operation"][..],
        ),
        (
            "update operation set amount = 999 where kind = 'capture'",
            "update operation set amount = 1000 where kind = 'capture'",
            &["one_journal_per_operation"][..],
        ),
    ] {
        let mut superuser = fixture.env.superuser().await;
        let without_triggers = |sql: &str| AssertSqlSafe(format!("set session_replication_role = replica; {sql}"));
        sqlx::raw_sql(without_triggers(corrupt)).execute(&mut superuser).await.unwrap();
        assert_eq!(fixture.breaches().await, names, "{corrupt}");
        sqlx::raw_sql(without_triggers(repair)).execute(&mut superuser).await.unwrap();
    }
    assert_eq!(fixture.breaches().await, Vec::<String>::new());
}
