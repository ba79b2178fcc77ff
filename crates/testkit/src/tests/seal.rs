use bloom_db::{seal::blind_index, seal::erase, seal::open, seal::open_many, seal::open_own, seal::seal, seal::seal_own};
use bloom_kernel::SubjectId;

use crate::tests::counter;

#[tokio::test]
async fn encrypted_columns_are_readable_until_erasure() {
    let (bench, ..) = counter().await;
    let (host, subject): (_, SubjectId) = (&bench.host, bench.host.id(bench.tenant));
    let mut tx = bench.db.write(&bench.call()).await.expect("a transaction");
    let email = seal(&mut tx, host, subject, "email", b"ada@example.com").await.expect("sealed");
    let twice = seal(&mut tx, host, subject, "email", b"ada@example.com").await.expect("sealed");
    tx.commit().await.expect("committed");
    assert_ne!(email, twice, "equal texts seal differently");
    assert!(!email.windows(3).any(|window| window == b"ada"));

    let mut read = bench.db.read(bench.tenant).await.expect("a connection");
    let opened = open(&mut read, host, bench.tenant, subject, "email", &email).await.expect("opened");
    assert_eq!(opened.as_deref(), Some(b"ada@example.com".as_slice()));
    assert!(open(&mut read, host, bench.tenant, subject, "phone", &email).await.is_err(), "it opens as no other column");
    let other: SubjectId = host.id(bench.tenant);
    let many =
        open_many(&mut read, host, bench.tenant, &[(other, "email", &email), (subject, "email", &twice)]).await.expect("opened");
    assert_eq!(many, [None, Some(b"ada@example.com".to_vec())]);
    drop(read);

    let mut tx = bench.db.write(&bench.call()).await.expect("a transaction");
    assert!(erase(&mut tx, subject).await.expect("erased"));
    assert!(!erase(&mut tx, subject).await.expect("erased before"));
    assert_eq!(open(&mut tx, host, bench.tenant, subject, "email", &email).await.expect("asked"), None);
    let refused = seal(&mut tx, host, subject, "email", b"again").await.expect_err("nothing is sealed for an erased person");
    assert_eq!(refused.reason, "subject_erased");
    tx.commit().await.expect("committed");
}

#[tokio::test]
async fn service_data_decrypts_in_its_own_row_only() {
    let (bench, ..) = counter().await;
    let host = &bench.host;
    let (tenant, other) = (bench.tenant.uuid(), bench.other_tenant.uuid());
    let place: [&[u8]; 2] = [tenant.as_bytes(), b"1"];
    let sealed = seal_own(host, "reply", &place, b"the token");
    assert!(!sealed.windows(3).any(|window| window == b"the"));
    assert_eq!(open_own(host, "reply", &place, &sealed).expect("opened"), b"the token");
    let elsewhere: [(&'static str, [&[u8]; 2]); 3] =
        [("reply", [tenant.as_bytes(), b"2"]), ("reply", [other.as_bytes(), b"1"]), ("instructions", place)];
    for (purpose, place) in elsewhere {
        assert!(open_own(host, purpose, &place, &sealed).is_err(), "it opens as {purpose} at {place:?}");
    }
}

#[tokio::test]
async fn blind_indexes_match_within_one_tenant_and_column() {
    let (bench, ..) = counter().await;
    let index = |tenant, column, text| blind_index(&bench.host, tenant, column, text);
    let ada = index(bench.tenant, "email", "ada@example.com");
    assert_eq!(ada, index(bench.tenant, "email", "  Ada@Example.COM "));
    assert_ne!(ada, index(bench.other_tenant, "email", "ada@example.com"));
    assert_ne!(ada, index(bench.tenant, "phone", "ada@example.com"));
    assert_ne!(ada, index(bench.tenant, "email", "bob@example.com"));
}
