//! Who can see a cart, and which data of its buyer are stored.

use serde_json::{Value, json};

use crate::tests::{Fixture, storefront};

#[tokio::test]
async fn a_cart_is_visible_with_its_token_only() {
    let fixture = Fixture::new().await;
    let (guest, _) = fixture.guest().await;
    let path = format!("/v1/carts/{}", guest.id);
    let without = fixture.client.get(&path).publishable(&["carts:write"]).send().await.expect(401);
    assert_eq!(without.code(), "cart_token_invalid");
    let (other, _) = fixture.guest().await;
    let wrong = storefront(fixture.client.get(&path), &other.token).send().await.expect(404);
    let unknown = path.replace(&guest.id, "cart_01jd6zv4x8e5yag7k3m2n9p0qr");
    let unknown = storefront(fixture.client.get(&unknown), &other.token).send().await.expect(404);
    assert_eq!((wrong.code(), &wrong.json["detail"]), (unknown.code(), &unknown.json["detail"]));
    fixture.client.get(&path).send().await.expect(200);
    fixture.client.get(&path).tenant(fixture.env.other_tenant).send().await.expect(404);
    let change = fixture.client.post(&format!("{path}/lines")).publishable(&["carts:write"]).if_match(1);
    let change = change.header("bloom-cart-token", &other.token);
    change.json(&json!({ "lines": [{ "variant_id": fixture.lamp, "quantity": 1 }] })).send().await.expect(404);
    fixture.client.get(&path).scopes(&["catalog:read"]).send().await.expect(403);
}

#[tokio::test]
async fn personal_data_are_encrypted_and_never_published() {
    let fixture = Fixture::new().await;
    let (guest, _) = fixture.guest().await;
    let mut connection = fixture.env.superuser().await;
    let dump = sqlx::query_scalar::<_, String>(
        "select coalesce(string_agg(document::text || encode(personal, 'escape'), ''), '')
                || (select coalesce(string_agg(data, ''), '') from outbox) from cart",
    );
    let dump = dump.fetch_one(&mut connection).await.unwrap();
    for word in ["asha", "Asha", "MG Road", "560001", guest.token.as_str()] {
        assert!(!dump.contains(word), "{word} is readable");
    }
    let subject: uuid::Uuid = sqlx::query_scalar("select subject_id from cart").fetch_one(&mut connection).await.unwrap();
    let mut tx = fixture.env.db.write(&fixture.env.call()).await.unwrap();
    bloom_db::seal::erase(&mut tx, subject.into()).await.unwrap();
    tx.commit().await.unwrap();
    let read = fixture.read(&guest).await.expect(200);
    assert_eq!((&read.json["email"], &read.json["shipping_address"]), (&Value::Null, &Value::Null));
    assert_eq!(read.json["total"]["amount"], 1_100, "the total stays");
    let again = storefront(fixture.client.patch(&format!("/v1/carts/{}", guest.id)), &guest.token).if_match(read.version());
    let again = again.json(&json!({ "email": "other@example.com" })).send().await.expect(410);
    assert_eq!(again.code(), "subject_erased", "no personal data are stored again");
    assert_eq!(fixture.read(&guest).await.version(), read.version());
}
