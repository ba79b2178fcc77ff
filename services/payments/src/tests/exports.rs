//! Events, the state export, and the indexes of lists.

use std::collections::BTreeMap;

use bloom_contract_platform::ExportStateRequest;
use bloom_contract_platform::platform_client::PlatformClient;
use serde_json::Value;
use sqlx::AssertSqlSafe;

use crate::tests::Fixture;

#[tokio::test(flavor = "multi_thread")]
async fn last_event_of_every_aggregate_is_what_is_exported() {
    let fixture = Fixture::new().await;
    let payment = fixture.authorised(1000, "tok_duplicate_webhook").await;
    fixture.capture(fixture.operation(), payment, 400).await.unwrap();
    fixture.until_settled(payment).await;
    fixture.refund(fixture.operation(), payment, 100).await.unwrap();
    fixture.until_settled(payment).await;
    fixture.authorise(fixture.ids(), 500, "tok_decline").await.unwrap();
    fixture.authorise(fixture.ids(), 500, "tok_3ds").await.unwrap();
    // A void that waits for the payer, and has nothing to void once the payer has failed.
    let ids = fixture.ids();
    let url = fixture.authorise(ids, 500, "tok_3ds").await.unwrap().action.unwrap().url;
    fixture.void(fixture.operation(), ids.payment).await.unwrap();
    reqwest::Client::builder().build().unwrap().post(format!("{url}&outcome=decline")).send().await.ok();
    fixture.until_settled(ids.payment).await;
    fixture.connect(serde_json::json!({ "provider": "manual", "is_default": true })).await;

    let events: Vec<(String, i64, String)> = sqlx::query_as("select aggregate, version, data from outbox order by seq")
        .fetch_all(&mut fixture.env.superuser().await)
        .await
        .unwrap();
    let mut last: BTreeMap<String, (i64, Value)> = BTreeMap::new();
    for (aggregate, version, data) in events {
        let data = serde_json::from_str(&data).unwrap();
        let before = last.insert(aggregate.clone(), (version, data)).map_or(0, |(before, _)| before);
        assert_eq!(version, before + 1, "no version of {aggregate} is left out");
    }
    let mut exported = BTreeMap::new();
    let mut after = String::new();
    loop {
        let mut client = PlatformClient::new(fixture.client.host.peers.get(crate::NAME));
        let request = ExportStateRequest { kinds: Vec::new(), after: after.clone(), limit: 2 };
        let mut records = client.export_state(fixture.env.host.request(&fixture.call(), request)).await.unwrap().into_inner();
        let mut count = 0;
        while let Some(record) = records.message().await.unwrap() {
            after = record.cursor;
            count += 1;
            exported.insert(record.aggregate, (record.version, serde_json::from_str(&record.data_json).unwrap()));
        }
        if count < 2 {
            break;
        }
    }
    assert_eq!(last, exported);
    let shown = fixture.client.get(&format!("/v1/payments/{payment}")).send().await.expect(200);
    assert_eq!(exported[&payment.to_string()].1, shown.json);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_list_uses_an_index_that_the_tenant_leads() {
    let fixture = Fixture::new().await;
    let payment = fixture.authorised(1000, "tok_success").await.uuid();
    // Enough rows for the planner to choose between plans.
    sqlx::raw_sql(
        "set session_replication_role = replica;
         insert into payment select (jsonb_populate_record(p, jsonb_build_object('id', gen_random_uuid(), 'checkout_id', gen_random_uuid()))).*
           from payment p, generate_series(1, 3000);
         insert into operation select (jsonb_populate_record(o, jsonb_build_object('id', gen_random_uuid(), 'payment_id', gen_random_uuid()))).*
           from operation o, generate_series(1, 3000);
         insert into journal select (jsonb_populate_record(j, jsonb_build_object(
             'id', gen_random_uuid(), 'payment_id', gen_random_uuid(), 'operation_id', gen_random_uuid()))).*
           from journal j, generate_series(1, 3000);
         analyze payment, operation, journal, connection",
    )
    .execute(&mut fixture.env.superuser().await)
    .await
    .unwrap();
    for (list, index) in [
        ("payment where id < $$max$$ order by id desc limit 21", "payment_pkey"),
        ("payment where status = 'failed' and id < $$max$$ order by id desc limit 21", "payment_by_status"),
        ("payment where checkout_id = $$id$$ and id < $$max$$", "payment_checkout_key"),
        ("operation where payment_id = $$id$$ and id > $$id$$ order by id limit 21", "operation_by_payment"),
        ("journal where payment_id = $$id$$ and id > $$id$$ order by id limit 21", "journal_by_payment"),
        ("journal where id < $$max$$ order by id desc limit 21", "journal_pkey"),
        ("connection where id < $$max$$ order by id desc limit 21", "connection_pkey"),
    ] {
        let list = list.replace("$$max$$", "'ffffffff-ffff-ffff-ffff-ffffffffffff'").replace("$$id$$", &format!("'{payment}'"));
        let mut tx = fixture.env.db.write(&fixture.call()).await.unwrap();
        sqlx::raw_sql("set local enable_seqscan = off; set local enable_sort = off").execute(&mut *tx).await.unwrap();
        let plan: Vec<String> = sqlx::query_scalar(AssertSqlSafe(format!("explain (costs off) select id from {list}")))
            .fetch_all(&mut *tx)
            .await
            .unwrap();
        let plan = plan.join("\n");
        let led = plan.contains("tenant_id = ") && !plan.contains("Sort") && plan.contains(index);
        assert!(led, "{list}\n{plan}");
    }
}
