//! Secret rotation under running functions: a fake Secrets Manager changes its values without a deployment or restart.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use local::mysql::{MySql, MySqlOptions};
use serde_json::{Value, json};
use shared::config::Secret;
use shared::domain::auth::tokens::{Claims, TokenKeys};
use shared::store::Db;
use shared::time::Timestamp;

use crate::api::Person;
use crate::cloud::{Variable, World, own_world};
use crate::fake_aws::play;
use crate::socket::Socket;
use crate::wait::until_within;

const OLD: &str = "a-secret-of-more-than-thirty-two-bytes";
const NEW: &str = "another-secret-of-more-than-thirty-two-bytes";

/// The values of the two secrets.
struct Shelf {
    database: String,
    jwt: String,
}

/// Answers `GetSecretValue`. Returns its URL.
async fn secrets_manager(shelf: Arc<Mutex<Shelf>>) -> String {
    play(move |asked| {
        let asked: Value = serde_json::from_slice(asked).expect("JSON");
        let arn = asked["SecretId"].as_str().expect("an ARN");
        let shelf = shelf.lock().expect("the shelf");
        let text = if arn.contains(":database-") { &shelf.database } else { &shelf.jwt };
        json!({ "ARN": arn, "SecretString": text }).to_string()
    })
    .await
}

async fn run(db: &Db, statement: &str) {
    use sqlx::Executor as _;
    db.acquire().await.expect("a connection").execute(sqlx::AssertSqlSafe(statement.to_owned())).await.expect("done");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_password_and_a_new_key_reach_running_functions() {
    let server = MySql::temporary(MySqlOptions { durable: false, ..MySqlOptions::default() }).await.expect("MariaDB starts");
    let root = Db::lazy(&Secret::new(server.url())).expect("a URL");
    let (_, place) = server.url().rsplit_once('@').map(|(user, place)| (user.to_owned(), place.to_owned())).expect("a user");
    let url = |password: &str| format!("mysql://app:{password}@{place}");
    run(&root, "create user 'app'@'%' identified by 'first'").await;
    run(&root, "grant all on *.* to 'app'@'%'").await;
    let shelf = Arc::new(Mutex::new(Shelf { database: url("first"), jwt: format!("k1:{OLD}") }));
    let endpoint = secrets_manager(Arc::clone(&shelf)).await;
    let store = server.url();
    let told = move || own_world(&[Variable("AWS_ENDPOINT_URL_SECRETSMANAGER", &endpoint), Variable("DATABASE_URL", &store)]);
    let world = tokio::task::spawn_blocking(told).await.expect("a cloud");
    let ann = world.api.person("ann").await;
    world.api.get("/api/rooms", &ann).await.is(200);

    // The password changes, and existing connections are cut.
    run(&root, "alter user 'app'@'%' identified by 'second'").await;
    shelf.lock().expect("the shelf").database = url("second");
    run(&root, "kill user app").await;
    within_moments(&world, "/api/rooms", &ann).await;

    // A token signed with a key that no running function has loaded.
    shelf.lock().expect("the shelf").jwt = format!("k2:{NEW},k1:{OLD}");
    let keys = TokenKeys::new(&Secret::new(format!("k2:{NEW}")), false).expect("a key");
    let sessions = within_moments(&world, "/api/auth/sessions", &ann).await;
    let session = sessions["items"][0]["id"].as_u64().expect("a session");
    let claims = Claims { user: ann.id.into(), session: session.into() };
    let token = keys.sign(claims, Duration::from_mins(5), Timestamp::now()).expect("a token");
    world.api.get("/api/rooms", &Person { token: token.clone(), ..ann.clone() }).await.is(200);
    world.api.get("/api/rooms", &ann).await.is(200);

    // Sockets need no key until they present a token: an unreadable secret is noticed only then, and only while it lasts.
    let mut socket = Socket::with_token(&world.ws, &token).await.expect("opens");
    let kept = std::mem::take(&mut shelf.lock().expect("the shelf").jwt);
    assert_eq!(socket.ask(json!({ "action": "hello" })).await["type"], "welcome");
    let renew = json!({ "action": "renew", "token": token });
    assert_eq!(socket.ask(renew.clone()).await["code"], "internal");
    shelf.lock().expect("the shelf").jwt = kept;
    assert_eq!(socket.ask(renew).await["type"], "ack");
}

/// Retries until it is served again; each refusal asks to retry.
async fn within_moments(world: &World, path: &str, who: &Person) -> Value {
    let mut found = Value::Null;
    let is_served = async || {
        let answer = world.api.get(path, who).await;
        let served = answer.status == 200;
        found = answer.is(if served { 200 } else { 503 });
        served
    };
    until_within(Duration::from_secs(10), "the new password is followed", is_served).await;
    found
}
