//! What the purchase saga asks: freeze, give back, complete, each as often as it likes.

use bloom_contract_cart::{CartRef, CartSnapshot, CartState, CompleteRequest, FreezeRequest};
use bloom_fault::{Code, Fault};
use bloom_kernel::{CheckoutId, OrderId};
use serde_json::json;

use super::{Guest, Stage};

impl Stage {
    fn checkout(&self) -> CheckoutId {
        self.bench.host.id(self.bench.tenant)
    }

    async fn freeze(&self, guest: &Guest, checkout: CheckoutId) -> Result<CartSnapshot, Fault> {
        self.freeze_with(guest, checkout, Some(&guest.token), 0).await
    }

    async fn freeze_with(
        &self,
        guest: &Guest,
        checkout: CheckoutId,
        token: Option<&str>,
        version: i64,
    ) -> Result<CartSnapshot, Fault> {
        let cart_token = token.map(str::to_owned);
        let message = FreezeRequest { cart_id: guest.id.clone(), checkout_id: checkout.to_string(), cart_token, version };
        Ok(self.carts().freeze(self.bench.host.request(&self.bench.call(), message)).await?.into_inner())
    }

    async fn unfreeze(&self, guest: &Guest, checkout: CheckoutId) -> Result<CartState, Fault> {
        let message = CartRef { cart_id: guest.id.clone(), checkout_id: checkout.to_string() };
        Ok(self.carts().unfreeze(self.bench.host.request(&self.bench.call(), message)).await?.into_inner())
    }

    async fn complete(&self, guest: &Guest, checkout: CheckoutId, order: OrderId) -> Result<CartState, Fault> {
        let message =
            CompleteRequest { cart_id: guest.id.clone(), checkout_id: checkout.to_string(), order_id: order.to_string() };
        Ok(self.carts().complete(self.bench.host.request(&self.bench.call(), message)).await?.into_inner())
    }
}

fn refusal<T: std::fmt::Debug>(outcome: Result<T, Fault>) -> (Code, String) {
    let fault = outcome.expect_err("it is refused");
    (fault.code, fault.reason.to_string())
}

#[tokio::test]
async fn a_frozen_cart_is_one_checkouts_until_it_gives_it_back() {
    let stage = Stage::open().await;
    let (guest, _) = stage.guest().await;
    let (ours, other) = (stage.checkout(), stage.checkout());
    let first = stage.freeze(&guest, ours).await.unwrap();
    assert_eq!((first.total, first.version, first.lines.len()), (1_100, 2, 1));
    assert_eq!(first.email, "asha@example.com");
    assert_eq!(stage.freeze(&guest, ours).await.unwrap(), first, "the same again");
    assert_eq!(refusal(stage.freeze(&guest, other).await), (Code::Conflict, "cart_frozen".to_owned()));
    let change = Stage::shop(stage.door.patch(&format!("/v1/carts/{}", guest.id)), &guest.token).if_match(2);
    assert_eq!(change.json(&json!({})).send().await.expect(409).code(), "cart_frozen");

    assert_eq!(stage.unfreeze(&guest, other).await.unwrap().status, "frozen", "it is not theirs to give back");
    for _ in 0..2 {
        assert_eq!(stage.unfreeze(&guest, ours).await.unwrap().status, "open");
    }
    assert_eq!(stage.read(&guest).await.version(), 3);
    assert_eq!(refusal(stage.freeze(&guest, ours).await).1, "checkout_ended", "a freeze that comes late is refused");
    stage.freeze(&guest, stage.checkout()).await.unwrap();
}

#[tokio::test]
async fn a_freeze_that_arrives_after_its_checkout_gave_up_is_refused() {
    let stage = Stage::open().await;
    let (guest, _) = stage.guest().await;
    let checkout = stage.checkout();
    stage.unfreeze(&guest, checkout).await.unwrap();
    assert_eq!(refusal(stage.freeze(&guest, checkout).await).1, "checkout_ended");
    assert_eq!(stage.read(&guest).await.version(), 1);
}

#[tokio::test]
async fn a_completed_cart_stays_what_it_is() {
    let stage = Stage::open().await;
    let (guest, _) = stage.guest().await;
    let (checkout, order) = (stage.checkout(), stage.bench.host.id::<OrderId>(stage.bench.tenant));
    assert_eq!(refusal(stage.complete(&guest, checkout, order).await).1, "cart_frozen", "nobody froze it");
    let frozen = stage.freeze(&guest, checkout).await.unwrap();
    for _ in 0..2 {
        assert_eq!(stage.complete(&guest, checkout, order).await.unwrap().status, "completed");
    }
    assert_eq!(stage.unfreeze(&guest, checkout).await.unwrap().status, "completed");
    let again = stage.freeze(&guest, checkout).await.unwrap();
    assert_eq!((again.total, again.lines), (frozen.total, frozen.lines));
    assert_eq!(refusal(stage.freeze(&guest, stage.checkout()).await).1, "cart_completed");
    let read = stage.read(&guest).await.expect(200);
    assert_eq!((&read.json["status"], &read.json["order_id"]), (&json!("completed"), &json!(order.to_string())));
    let lines = format!("/v1/carts/{}/lines", guest.id);
    let more = json!({ "lines": [{ "variant_id": stage.lamp, "quantity": 1 }] });
    let more = Stage::shop(stage.door.post(&lines), &guest.token).if_match(read.version()).json(&more).send().await;
    assert_eq!(more.expect(409).code(), "cart_completed");
}

#[tokio::test]
async fn a_cart_is_frozen_only_as_its_buyer_saw_it() {
    let stage = Stage::open().await;
    let (guest, _) = stage.guest().await;
    let checkout = stage.checkout();
    for shown in ["wrong", ""] {
        assert_eq!(refusal(stage.freeze_with(&guest, checkout, Some(shown), 0).await).0, Code::NotFound);
    }
    let outdated = stage.freeze_with(&guest, checkout, None, 7).await;
    assert_eq!(refusal(outdated), (Code::PreconditionFailed, "stale_version".to_owned()));
    stage.price(&stage.shirt, 900).await;
    let changed = stage.freeze(&guest, checkout).await.expect_err("the price has changed");
    assert_eq!((changed.code, &*changed.reason), (Code::Conflict, "price_changed"));
    assert_eq!(changed.errors[0].pointer, "/lines/0");
    assert_eq!(stage.read(&guest).await.version(), 1, "a refusal changes nothing");

    let path = format!("/v1/carts/{}", guest.id);
    let forget = Stage::shop(stage.door.patch(&path), &guest.token).if_match(1);
    forget.json(&json!({ "email": null })).send().await.expect(200);
    assert_eq!(refusal(stage.freeze(&guest, checkout).await), (Code::Unprocessable, "cart_incomplete".to_owned()));
}

#[tokio::test]
async fn of_many_checkouts_one_gets_the_cart() {
    let stage = Stage::open().await;
    let (guest, _) = stage.guest().await;
    let freezes = (0..8).map(|_| stage.freeze(&guest, stage.checkout()));
    let outcomes = futures::future::join_all(freezes).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    for outcome in outcomes.into_iter().filter(Result::is_err) {
        assert_eq!(refusal(outcome).1, "cart_frozen");
    }
}

/// Changes the guest's cart by `change` beside `ask`, which has read the cart before that and comes to write it only then.
async fn overtaken<T>(stage: &Stage, guest: &Guest, ask: impl Future<Output = T>, change: &str) -> T {
    let (mut writer, mut look) = (stage.bench.superuser().await, stage.bench.superuser().await);
    let cart: uuid::Uuid = guest.id.parse::<bloom_kernel::CartId>().unwrap().uuid();
    sqlx::raw_sql("begin").execute(&mut writer).await.unwrap();
    sqlx::query(sqlx::AssertSqlSafe(change.to_owned())).bind(cart).execute(&mut writer).await.unwrap();
    let commit = async {
        let waiting = "select exists (select from pg_locks where not granted and locktype = 'transactionid'
                           and transactionid::text = (select backend_xid::text from pg_stat_activity where pid = $1))";
        let pid: i32 = sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut writer).await.unwrap();
        while !sqlx::query_scalar::<_, bool>(waiting).bind(pid).fetch_one(&mut look).await.unwrap() {
            // Real time: the request runs beside the test, which waits until it stands before the row.
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        sqlx::raw_sql("commit").execute(&mut writer).await.unwrap();
    };
    futures::join!(ask, commit).0
}

#[tokio::test]
async fn a_freeze_under_way_while_its_checkout_gives_up_is_refused() {
    let stage = Stage::open().await;
    let (guest, _) = stage.guest().await;
    let checkout = stage.checkout();
    let give_back = format!("update cart set released_checkouts = array['{}'::uuid] where id = $1", checkout.uuid());
    let freeze = overtaken(&stage, &guest, stage.freeze(&guest, checkout), &give_back).await;
    assert_eq!(refusal(freeze).1, "checkout_ended");
    assert_eq!(stage.read(&guest).await.version(), 1);
}

#[tokio::test]
async fn a_cart_that_became_another_checkouts_meanwhile_is_not_completed() {
    let stage = Stage::open().await;
    let (guest, _) = stage.guest().await;
    let (ours, other) = (stage.checkout(), stage.checkout());
    let order = stage.bench.host.id::<OrderId>(stage.bench.tenant);
    stage.freeze(&guest, ours).await.unwrap();
    let pass_on = format!(
        "update cart set checkout_id = '{}', version = version + 2,
             document = jsonb_set(jsonb_set(document, '{{version}}', to_jsonb(version + 2)), '{{checkout_id}}', '\"{other}\"')
         where id = $1",
        other.uuid()
    );
    let complete = overtaken(&stage, &guest, stage.complete(&guest, ours, order), &pass_on).await;
    assert_eq!(refusal(complete).1, "cart_frozen");
    assert_eq!(stage.complete(&guest, other, order).await.unwrap().status, "completed");
}
