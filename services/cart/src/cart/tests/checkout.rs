//! The calls of the purchase saga: freeze, unfreeze and complete, each also repeated.

use bloom_contract_cart::{CartRef, CartSnapshot, CartState, CartStatus, CompleteRequest, FreezeRequest};
use bloom_fault::{Code, Fault};
use bloom_kernel::{CheckoutId, OrderId};
use serde_json::json;

use crate::tests::{Fixture, Guest, storefront};

impl Fixture {
    pub(crate) fn checkout(&self) -> CheckoutId {
        self.env.host.id(self.env.tenant)
    }

    pub(crate) async fn freeze(&self, guest: &Guest, checkout: CheckoutId) -> Result<CartSnapshot, Fault> {
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
        Ok(self.carts().freeze(self.env.host.request(&self.env.call(), message)).await?.into_inner())
    }

    pub(crate) async fn unfreeze(&self, guest: &Guest, checkout: CheckoutId) -> Result<CartState, Fault> {
        let message = CartRef { cart_id: guest.id.clone(), checkout_id: checkout.to_string() };
        Ok(self.carts().unfreeze(self.env.host.request(&self.env.call(), message)).await?.into_inner())
    }

    pub(crate) async fn complete(&self, guest: &Guest, checkout: CheckoutId, order: OrderId) -> Result<CartState, Fault> {
        let message =
            CompleteRequest { cart_id: guest.id.clone(), checkout_id: checkout.to_string(), order_id: order.to_string() };
        Ok(self.carts().complete(self.env.host.request(&self.env.call(), message)).await?.into_inner())
    }
}

fn refusal<T: std::fmt::Debug>(outcome: Result<T, Fault>) -> (Code, String) {
    let fault = outcome.expect_err("it is refused");
    (fault.code, fault.reason.to_string())
}

#[tokio::test]
async fn a_frozen_cart_belongs_to_one_checkout() {
    let fixture = Fixture::new().await;
    let (guest, _) = fixture.guest().await;
    let (ours, other) = (fixture.checkout(), fixture.checkout());
    let first = fixture.freeze(&guest, ours).await.unwrap();
    assert_eq!((first.total, first.version, first.lines.len()), (1_100, 2, 1));
    assert_eq!(first.email.as_deref(), Some("asha@example.com"));
    assert_eq!(fixture.freeze(&guest, ours).await.unwrap(), first, "the same answer");
    assert_eq!(refusal(fixture.freeze(&guest, other).await), (Code::Conflict, "cart_frozen".to_owned()));
    let change = storefront(fixture.client.patch(&format!("/v1/carts/{}", guest.id)), &guest.token).if_match(2);
    assert_eq!(change.json(&json!({})).send().await.expect(409).code(), "cart_frozen");

    assert_eq!(
        fixture.unfreeze(&guest, other).await.unwrap().status(),
        CartStatus::Frozen,
        "another checkout does not unfreeze it"
    );
    for _ in 0..2 {
        assert_eq!(fixture.unfreeze(&guest, ours).await.unwrap().status(), CartStatus::Open);
    }
    assert_eq!(fixture.read(&guest).await.version(), 3);
    assert_eq!(refusal(fixture.freeze(&guest, ours).await).1, "checkout_ended", "a freeze that comes late is refused");
    fixture.freeze(&guest, fixture.checkout()).await.unwrap();
}

#[tokio::test]
async fn a_freeze_after_the_unfreeze_is_refused() {
    let fixture = Fixture::new().await;
    let (guest, _) = fixture.guest().await;
    let checkout = fixture.checkout();
    fixture.unfreeze(&guest, checkout).await.unwrap();
    assert_eq!(refusal(fixture.freeze(&guest, checkout).await).1, "checkout_ended");
    assert_eq!(fixture.read(&guest).await.version(), 1);
}

#[tokio::test]
async fn a_completed_cart_does_not_change() {
    let fixture = Fixture::new().await;
    let (guest, _) = fixture.guest().await;
    let (checkout, order) = (fixture.checkout(), fixture.env.host.id::<OrderId>(fixture.env.tenant));
    assert_eq!(refusal(fixture.complete(&guest, checkout, order).await).1, "cart_frozen", "it is not frozen");
    let frozen = fixture.freeze(&guest, checkout).await.unwrap();
    for _ in 0..2 {
        assert_eq!(fixture.complete(&guest, checkout, order).await.unwrap().status(), CartStatus::Completed);
    }
    assert_eq!(fixture.unfreeze(&guest, checkout).await.unwrap().status(), CartStatus::Completed);
    let again = fixture.freeze(&guest, checkout).await.unwrap();
    assert_eq!((again.total, again.lines), (frozen.total, frozen.lines));
    assert_eq!(refusal(fixture.freeze(&guest, fixture.checkout()).await).1, "cart_completed");
    let read = fixture.read(&guest).await.expect(200);
    assert_eq!((&read.json["status"], &read.json["order_id"]), (&json!("completed"), &json!(order.to_string())));
    let lines = format!("/v1/carts/{}/lines", guest.id);
    let more = json!({ "lines": [{ "variant_id": fixture.lamp, "quantity": 1 }] });
    let more = storefront(fixture.client.post(&lines), &guest.token).if_match(read.version()).json(&more).send().await;
    assert_eq!(more.expect(409).code(), "cart_completed");
}

#[tokio::test]
async fn a_cart_is_frozen_only_with_the_prices_it_shows() {
    let fixture = Fixture::new().await;
    let (guest, _) = fixture.guest().await;
    let checkout = fixture.checkout();
    for shown in ["wrong", ""] {
        assert_eq!(refusal(fixture.freeze_with(&guest, checkout, Some(shown), 0).await).0, Code::NotFound);
    }
    let outdated = fixture.freeze_with(&guest, checkout, None, 7).await;
    assert_eq!(refusal(outdated), (Code::PreconditionFailed, "stale_version".to_owned()));
    fixture.price(&fixture.shirt, 900).await;
    let changed = fixture.freeze(&guest, checkout).await.expect_err("the price has changed");
    assert_eq!((changed.code, &*changed.reason), (Code::Conflict, "price_changed"));
    assert_eq!(changed.errors[0].pointer, "/lines/0");
    assert_eq!(fixture.read(&guest).await.version(), 1, "a refusal changes nothing");

    let path = format!("/v1/carts/{}", guest.id);
    let without_email = storefront(fixture.client.patch(&path), &guest.token).if_match(1);
    without_email.json(&json!({ "email": null })).send().await.expect(200);
    assert_eq!(refusal(fixture.freeze(&guest, checkout).await), (Code::Unprocessable, "cart_incomplete".to_owned()));
}

#[tokio::test]
async fn of_concurrent_checkouts_one_freezes_the_cart() {
    let fixture = Fixture::new().await;
    let (guest, _) = fixture.guest().await;
    let freezes = (0..8).map(|_| fixture.freeze(&guest, fixture.checkout()));
    let outcomes = futures::future::join_all(freezes).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    for outcome in outcomes.into_iter().filter(Result::is_err) {
        assert_eq!(refusal(outcome).1, "cart_frozen");
    }
}

/// Runs `request` while another transaction changes the cart: `request` has read the cart before, and writes it after, that commit.
async fn with_concurrent_change<T>(fixture: &Fixture, guest: &Guest, request: impl Future<Output = T>, change: &str) -> T {
    let (mut writer, mut look) = (fixture.env.superuser().await, fixture.env.superuser().await);
    let cart: uuid::Uuid = guest.id.parse::<bloom_kernel::CartId>().unwrap().uuid();
    sqlx::raw_sql("begin").execute(&mut writer).await.unwrap();
    sqlx::query(sqlx::AssertSqlSafe(change.to_owned())).bind(cart).execute(&mut writer).await.unwrap();
    let commit = async {
        let waiting = "select exists (select from pg_locks where not granted and locktype = 'transactionid'
                           and transactionid::text = (select backend_xid::text from pg_stat_activity where pid = $1))";
        let pid: i32 = sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut writer).await.unwrap();
        while !sqlx::query_scalar::<_, bool>(waiting).bind(pid).fetch_one(&mut look).await.unwrap() {
            // Real time: the request runs beside the test, which waits until the request waits for the row lock.
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        sqlx::raw_sql("commit").execute(&mut writer).await.unwrap();
    };
    futures::join!(request, commit).0
}

#[tokio::test]
async fn a_freeze_concurrent_with_the_unfreeze_is_refused() {
    let fixture = Fixture::new().await;
    let (guest, _) = fixture.guest().await;
    let checkout = fixture.checkout();
    let give_back = format!("update cart set released_checkouts = array['{}'::uuid] where id = $1", checkout.uuid());
    let freeze = with_concurrent_change(&fixture, &guest, fixture.freeze(&guest, checkout), &give_back).await;
    assert_eq!(refusal(freeze).1, "checkout_ended");
    assert_eq!(fixture.read(&guest).await.version(), 1);
}

#[tokio::test]
async fn a_cart_frozen_by_another_checkout_is_not_completed() {
    let fixture = Fixture::new().await;
    let (guest, _) = fixture.guest().await;
    let (ours, other) = (fixture.checkout(), fixture.checkout());
    let order = fixture.env.host.id::<OrderId>(fixture.env.tenant);
    fixture.freeze(&guest, ours).await.unwrap();
    let pass_on = format!(
        "update cart set checkout_id = '{}', version = version + 2,
             document = jsonb_set(jsonb_set(document, '{{version}}', to_jsonb(version + 2)), '{{checkout_id}}', '\"{other}\"')
         where id = $1",
        other.uuid()
    );
    let complete = with_concurrent_change(&fixture, &guest, fixture.complete(&guest, ours, order), &pass_on).await;
    assert_eq!(refusal(complete).1, "cart_frozen");
    assert_eq!(fixture.complete(&guest, other, order).await.unwrap().status(), CartStatus::Completed);
}
