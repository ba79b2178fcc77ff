//! The contract, kept by the service and by the fake that other services test with.

use bloom_contract_pricing::PricingClient;
use bloom_contract_pricing::contract::assert_contract;
use bloom_contract_pricing::fake::FakePricing;
use bloom_kernel::{Rate, TaxClassId};
use bloom_testkit::TestEnv;

use super::fixture;
use crate::SERVICE;

#[tokio::test]
async fn the_service_keeps_its_contract() {
    let fixture = fixture().await;
    let class = fixture.taxes(&[("IN", 180_000)]).await.parse().unwrap();
    let client = PricingClient::new(&fixture.env.host);
    assert_contract(&client, &fixture.call(), class, [fixture.id(), fixture.id()]).await;
}

#[tokio::test]
async fn the_fake_keeps_the_contract() {
    let env = TestEnv::of(&SERVICE).await;
    let fake = FakePricing::serve(&env.host, Rate::new(180_000).unwrap());
    let class: TaxClassId = env.host.id(env.tenant);
    fake.add_tax_class(env.tenant, class);
    let ids = [env.host.id(env.tenant), env.host.id(env.tenant)];
    assert_contract(&PricingClient::new(&env.host), &env.call(), class, ids).await;
}
