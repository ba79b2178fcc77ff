use std::str::FromStr as _;

use bloom_db::config::Schema;
use bloom_db::migrate;
use bloom_runtime::Keys;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};

use crate::server;
use crate::tests::NOTHING;

#[tokio::test]
async fn an_existing_role_gets_the_password_of_the_current_key() {
    let server = PgConnectOptions::from_str(&server().await).expect("the address is good");
    let schema = Schema { service: "rekeyed".to_owned(), schema: format!("t_rekeyed_{}", std::process::id()) };
    let role = schema.service_role();
    // The socket of a test cluster trusts every role; over TCP the password is checked.
    let host = if server.get_socket().is_some() { "127.0.0.1" } else { server.get_host() };
    let plain = PgConnectOptions::new_without_pgpass().host(host).port(server.get_port()).username(&role);
    let plain = plain.database(server.get_database().unwrap_or("postgres"));
    let enters = async |keys: &Keys| plain.clone().password(&keys.database_password(&role)).connect().await;
    let [before, after] = [1, 2].map(|key| Keys::from_master(&[key; 32], "rekeyed"));
    for (present, other) in [(&before, &after), (&after, &before)] {
        migrate::run(&server, &schema, &NOTHING, present).await.expect("migrated");
        enters(present).await.expect("the present key opens").close().await.expect("closed");
        assert!(enters(other).await.is_err(), "the other key opens nothing");
    }
}
