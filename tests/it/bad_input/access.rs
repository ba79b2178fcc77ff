//! Requests without the right to act: with another guest's cart, with a card number in a text field, with a forged notice,
//! with an expired key.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::{all_refused, problem};
use crate::fleet;
use crate::shop::{Answer, eventually, send};
use crate::trade::{Trade, text};

#[test]
fn a_cart_of_another_guest_answers_as_unknown() {
    fleet::test(async |fleet| {
        let trade = Trade::open(fleet, &[("A", 1_000, 10)]).await;
        let (mine, theirs) = (trade.basket(&[("A", 1)]).await, trade.basket(&[("A", 1)]).await);
        let bought = trade.basket(&[("A", 1)]).await;
        let checkout = trade.buy(&bought, "tok_success", "bought").await.expect(201).id();
        let unknown_id = format!("{}0000000000", &theirs.id[..theirs.id.len() - 10]);
        let with = |request: RequestBuilder, token: Option<&str>| match token {
            Some(token) => send(request.header("bloom-cart-token", token.to_owned()).header("if-match", "\"1\"")),
            None => send(request.header("if-match", "\"1\"")),
        };
        let line = text(&theirs.body["lines"][0]["id"]);
        let requests = |id: &str| {
            vec![
                trade.storefront(Method::GET, &format!("/v1/carts/{id}")),
                trade.storefront(Method::GET, &format!("/v1/carts/{id}/delivery-options")),
                trade.storefront(Method::PATCH, &format!("/v1/carts/{id}")).json(&json!({ "email": "thief@example.com" })),
                trade
                    .storefront(Method::POST, &format!("/v1/carts/{id}/lines"))
                    .json(&json!({ "lines": [{ "variant_id": trade.variant("A"), "quantity": 1 }] })),
                trade.storefront(Method::PATCH, &format!("/v1/carts/{id}/lines/{line}")).json(&json!({ "quantity": 5 })),
                trade.storefront(Method::DELETE, &format!("/v1/carts/{id}/lines/{line}")),
                trade
                    .storefront(Method::POST, "/v1/checkouts")
                    .header("idempotency-key", "thief")
                    .json(&json!({ "cart_id": id, "payment": { "token": "tok_success" } })),
            ]
        };
        let reply = |mut answer: Answer| {
            for member in ["request_id", "instance"] {
                answer.body.as_object_mut().and_then(|body| body.remove(member));
            }
            (answer.status, answer.body)
        };
        for (there, nowhere) in requests(&theirs.id).into_iter().zip(requests(&unknown_id)) {
            let (there, nowhere) = (with(there, Some(&mine.token)).await, with(nowhere, Some(&mine.token)).await);
            assert_eq!(there.status, 404, "{:#}", there.body);
            assert_eq!(reply(there), reply(nowhere), "a cart that is there looks like one that is not");
        }
        for token in [None, Some(""), Some("x")] {
            for request in requests(&theirs.id) {
                let answer = with(request, token).await;
                assert!(matches!(answer.status, 401 | 404), "{:#}", answer.body);
            }
        }
        let theirs_now =
            send(trade.storefront(Method::GET, &format!("/v1/carts/{}", theirs.id)).header("bloom-cart-token", &theirs.token));
        let mut before = theirs.body.clone();
        before.as_object_mut().and_then(|body| body.remove("token"));
        assert_eq!(theirs_now.await.expect(200).body, before);
        let spied = trade.storefront(Method::GET, &format!("/v1/checkouts/{checkout}")).header("bloom-cart-token", &mine.token);
        assert_eq!(send(spied).await.status, 404);
        for path in ["/v1/orders", "/v1/payments", "/v1/inventory/items", "/v1/identity/api-keys", "/v1/catalog/imports"] {
            let answer = send(trade.storefront(Method::GET, path)).await.expect(403);
            assert!(answer.body["policy"].is_string(), "the policy is named: {:#}", answer.body);
        }
    });
}

#[test]
fn card_numbers_are_refused_everywhere() {
    fleet::test(async |fleet| {
        let trade = Trade::open(fleet, &[("A", 1_000, 10)]).await;
        for number in ["4111111111111111", "4242 4242 4242 4242", "5555-5555-5555-4444", "378282246310005"] {
            let basket = trade.basket(&[("A", 1)]).await;
            let answer = trade.buy(&basket, number, &format!("card {}", &number[..4])).await;
            problem(&answer, number, (422, "card_number_refused", "/payment/token"));
            assert!(!answer.body.to_string().contains(number), "it is not repeated");
            assert_eq!(stored(fleet, number).await, [""; 0], "nothing keeps {number}");
        }
        trade.assert_untouched(&[("A", 10)]).await;
    });
}

/// Text columns of all services that contain `wanted`.
async fn stored(fleet: &fleet::Running, wanted: &str) -> Vec<String> {
    let mut database = fleet.database().await;
    let tables: Vec<String> = sqlx::query_scalar(
        "select format('%I.%I', schemaname, tablename) from pg_tables
         where schemaname not in ('pg_catalog', 'information_schema') and tablename not like '%\\_2%'",
    )
    .fetch_all(&mut database)
    .await
    .expect("the tables are listed");
    let mut found = Vec::new();
    for table in tables {
        let statement = format!("select exists (select from {table} t where strpos(t::text, $1) > 0)");
        let there: bool = sqlx::query_scalar(sqlx::AssertSqlSafe(statement))
            .bind(wanted)
            .fetch_one(&mut database)
            .await
            .expect("it can be read");
        found.extend(there.then_some(table));
    }
    found
}

#[test]
fn forged_notices_are_refused() {
    fleet::test(async |fleet| {
        let trade = Trade::open(fleet, &[("A", 1_000, 10)]).await;
        let basket = trade.basket(&[("A", 1)]).await;
        let open = trade.buy(&basket, "tok_3ds", "3ds").await.expect(202).body;
        let before = trade.everything().await;
        let payment = trade.get("/v1/payments").await.body["data"][0].clone();
        let operations = trade.get(&format!("/v1/payments/{}/operations", text(&payment["id"]))).await.body;
        let path = format!("/v1/payments/webhooks/{}", trade.id("connection_id"));
        let notice = json!({
            "id": "evt_forged", "type": "authorisation.succeeded",
            "data": { "id": operations["data"][0]["provider_reference"], "idempotency_key": operations["data"][0]["id"], "status": "succeeded" },
        });
        let forge = |headers: &[(&str, &str)], body: &Value| {
            let request = trade.anonymous(Method::POST, &path).json(body);
            send(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)))
        };
        let now = text_of_now(fleet).await;
        problem(&forge(&[], &notice).await, "without a signature", (401, "webhook_signature_missing", ""));
        for signature in ["v1,AAAA", "v1,", "garbage", "v1a,AAAA v1,BBBB"] {
            let headers = [("webhook-id", "evt_forged"), ("webhook-timestamp", now.as_str()), ("webhook-signature", signature)];
            problem(&forge(&headers, &notice).await, signature, (401, "webhook_signature_invalid", ""));
        }
        let headers = [("webhook-id", "evt"), ("webhook-timestamp", "soon"), ("webhook-signature", "v1,AAAA")];
        problem(&forge(&headers, &notice).await, "a time that is none", (400, "webhook_malformed", ""));
        for nowhere in ["conn_x".to_owned(), format!("{}0000000000", &trade.id("connection_id")[..21])] {
            let answer = send(trade.anonymous(Method::POST, &format!("/v1/payments/webhooks/{nowhere}")).json(&notice)).await;
            assert!(matches!(answer.status, 401 | 404), "{:#}", answer.body);
        }
        let other = format!("/v1/payments/return/{}?connection={}", text(&payment["id"]), "conn_01jd6zv4x8e5yag7k3m2n9p0qr");
        assert_eq!(send(trade.anonymous(Method::GET, &other)).await.status, 404);
        trade.assert_unchanged(&before).await;
        assert_eq!(trade.checkout_now(&basket, &text(&open["id"])).await["status"], "action_required");
        let url = text(&open["action"]["url"]);
        let page = url.strip_prefix(&trade.url).expect("it leads through the gateway").to_owned();
        send(trade.anonymous(Method::POST, &format!("{page}&outcome=decline"))).await;
        eventually("the checkout ends", async || {
            (trade.checkout_now(&basket, &text(&open["id"])).await["status"] == "failed").then_some(())
        })
        .await;
    });
}

/// The database's current time as seconds since 1970, in text.
async fn text_of_now(fleet: &fleet::Running) -> String {
    let statement = "select floor(extract(epoch from clock_timestamp()))::bigint::text";
    sqlx::query_scalar(statement).fetch_one(&mut fleet.database().await).await.expect("it has a clock")
}

#[test]
fn an_expired_key_is_refused() {
    fleet::test(async |fleet| {
        let trade = Trade::open(fleet, &[("A", 1_000, 10)]).await;
        let soon =
            "select to_char(clock_timestamp() at time zone 'utc' + interval '1500 ms', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')";
        let soon: String = sqlx::query_scalar(soon).fetch_one(&mut fleet.database().await).await.expect("it has a clock");
        let body = json!({ "kind": "secret", "name": "Short", "expires_at": soon });
        let key = trade.post("/v1/identity/api-keys", &body).await.expect(201);
        let secret = text(&key.body["secret"]);
        let list = || send(trade.anonymous(Method::GET, "/v1/catalog/products").bearer_auth(&secret));
        list().await.expect(200);
        let dead = eventually("the key is over", async || {
            let answer = list().await;
            (answer.status != 200).then_some(answer)
        })
        .await;
        problem(&dead, "a key that is over", (401, "key_unknown", ""));
        let early = json!({ "kind": "secret", "name": "Past", "expires_at": "2020-01-01T00:00:00Z" });
        all_refused(&trade, vec![("POST", "/v1/identity/api-keys".to_owned(), early, 400, "invalid_request", "/expires_at")])
            .await;
    });
}
