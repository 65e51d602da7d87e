//! Support for tests of accounts: a database, a DynamoDB table per test, keys, registration and login.
#![expect(clippy::expect_used, reason = "a test that has nothing to stand on ends here, and says why")]

use std::sync::{OnceLock, mpsc};
use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType};
use local::dynamodb::DynamoDb;
use shared::aws::dynamodb;
use shared::aws::ephemeral_table::Ephemeral;
use shared::caller::Caller;
use shared::config::{Aws, CoalescingConfig, Limits, PushConfig, Secret, TokenConfig};
use shared::domain::auth::accounts::{self, SignIn};
use shared::domain::auth::anonymous::AnonymousCaller;
use shared::domain::auth::sessions;
use shared::domain::auth::tokens::{Issuer, TokenKeys};
use shared::domain::limits::throttle::Throttle;
use shared::error::Result;
use shared::id::ConnectionId;
use shared::protocol::accounts::{Authenticated, Login, Register};
use shared::protocol::dialect::Dialect;
use shared::push::Push;
use shared::push::socket_registry::Connection;
use shared::store::Db;
use shared::time::Timestamp;

use crate::fixture;

pub(crate) const PASSWORD: &str = "correct horse battery";
/// Start of a minute, so that no rate-limit window ends within a test.
pub(crate) const NOW: Timestamp = Timestamp(1_800_000_000_000);

/// Everything that account operations need.
pub(crate) struct Backend {
    pub(crate) url: Secret,
    pub(crate) db: Db,
    pub(crate) push: Push,
    pub(crate) issuer: Issuer,
    pub(crate) ephemeral: Ephemeral,
    pub(crate) throttle: Throttle,
}

impl Backend {
    /// With limits that no test reaches by accident.
    pub(crate) async fn open() -> Self {
        Self::with(ephemeral().await, fixture::limits()).await
    }

    pub(crate) async fn limited(limits: Limits) -> Self {
        Self::with(ephemeral().await, limits).await
    }

    /// With a DynamoDB that does not answer.
    pub(crate) async fn without_dynamodb() -> Self {
        let client = dynamodb::client_at(&aws(), "http://127.0.0.1:1".into());
        Self::with(Ephemeral::new(client, "none".into()), fixture::limits()).await
    }

    async fn with(ephemeral: Ephemeral, limits: Limits) -> Self {
        Self::over(fixture::migrated().await, ephemeral.clone(), Throttle::new(ephemeral, limits))
    }

    /// Another instance over the same stores, with its own connection.
    pub(crate) fn another(&self) -> Self {
        Self::over(self.url.clone(), self.ephemeral.clone(), self.throttle.clone())
    }

    fn over(url: Secret, ephemeral: Ephemeral, throttle: Throttle) -> Self {
        let keys = TokenKeys::new(&Secret::new("a-secret-for-tests"), false).expect("a key");
        let lives = TokenConfig { expiry: Duration::from_mins(10), session_days: 30 };
        Self {
            db: Db::lazy(&url).expect("the URL is well formed"),
            url,
            push: Push::memory(),
            issuer: Issuer { keys, lifetimes: lives },
            throttle,
            ephemeral,
        }
    }

    pub(crate) fn sign_in<'a>(&'a self, visitor: &'a AnonymousCaller) -> SignIn<'a> {
        SignIn { push: &self.push, issuer: &self.issuer, throttle: &self.throttle, client: visitor }
    }

    /// Registers a user from a unique address.
    pub(crate) async fn register(&self, username: &str) -> Authenticated {
        let given = registration(username);
        accounts::register(&self.db, self.sign_in(&visitor("192.0.2.1")), &[], &given).await.expect("a new name")
    }

    /// Logs in from an address.
    pub(crate) async fn login(&self, username: &str, password: &str, ip: &str) -> Result<Authenticated> {
        let given = Login { username: Some(username.into()), email: None, password: password.into(), device: None };
        accounts::login(&self.db, self.sign_in(&visitor(ip)), &given).await
    }

    /// Returns the caller of an access token.
    pub(crate) async fn caller(&self, authenticated: &Authenticated) -> Result<Caller> {
        sessions::authenticate(&self.db, &self.issuer.keys, &authenticated.tokens.access_token, NOW).await
    }

    /// Updates a user's row directly.
    pub(crate) async fn set(&self, username: &str, assignment: &str) {
        let text = format!("update users set {assignment} where username = ?");
        let mut connection = self.db.acquire().await.expect("a connection");
        sqlx::query(sqlx::AssertSqlSafe(text)).bind(username).execute(&mut *connection).await.expect("the row changes");
    }
}

/// A valid registration.
pub(crate) fn registration(username: &str) -> Register {
    Register {
        username: username.into(),
        password: PASSWORD.into(),
        email: None,
        display_name: None,
        device: Some("laptop".into()),
    }
}

pub(crate) fn visitor(ip: &str) -> AnonymousCaller {
    AnonymousCaller { ip: ip.into(), now: NOW }
}

/// A table per test.
pub(crate) async fn ephemeral() -> Ephemeral {
    static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(1);
    let table = format!("ephemeral-{}", NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
    let client = dynamodb::client_at(&aws(), endpoint().to_owned());
    let key = AttributeDefinition::builder().attribute_name("key").attribute_type(ScalarAttributeType::S).build().expect("a key");
    let schema = KeySchemaElement::builder().attribute_name("key").key_type(KeyType::Hash).build().expect("a schema");
    let made = client.create_table().table_name(&table).attribute_definitions(key).key_schema(schema);
    made.billing_mode(BillingMode::PayPerRequest).send().await.expect("a table");
    Ephemeral::new(client, table)
}

/// A push whose registry does not answer.
pub(crate) fn unreachable_push() -> Push {
    let client = dynamodb::client_at(&aws(), "http://127.0.0.1:1".into());
    let tables = shared::config::TableNames { connections: "none".into(), room_sockets: "none".into(), ephemeral: "none".into() };
    Push::cloud_with_client(client, &aws(), &tables, push_config("http://127.0.0.1:1"))
}

/// Limits without counters, for operations that count nothing.
pub(crate) fn unreachable_throttle() -> Throttle {
    let client = dynamodb::client_at(&aws(), "http://127.0.0.1:1".into());
    Throttle::new(Ephemeral::new(client, "none".into()), fixture::limits())
}

/// Pushes by the sender alone, without functions and queues, to sockets behind `endpoint`.
pub(crate) fn push_config(endpoint: &str) -> PushConfig {
    PushConfig {
        endpoint: endpoint.into(),
        fanout_function: None,
        fanout_queue: None,
        presence_queue: None,
        notify_queue: None,
        presence_grace: Duration::from_secs(5),
        notify_members: 200,
        inline: 100,
        shard: 500,
        busy: 1000,
        coalescing: CoalescingConfig { sockets: 0, rate: fixture::limits().act, most: 1000 },
        reach: fixture::limits().act,
    }
}

/// A socket that opens now.
pub(crate) fn socket(who: &Caller, id: &str) -> Connection {
    Connection {
        user: who.user,
        id: ConnectionId(id.into()),
        session: who.session,
        dialect: Dialect::Lean,
        connected_at: who.now,
    }
}

pub(crate) fn aws() -> Aws {
    Aws {
        region: "us-east-1".into(),
        access_key_id: "test".into(),
        secret_access_key: Secret::new("test"),
        session_token: None,
        is_real: false,
    }
}

/// Runs DynamoDB in its own thread, independent of any test's runtime, until the process ends.
pub(crate) fn endpoint() -> &'static str {
    static URL: OnceLock<String> = OnceLock::new();
    URL.get_or_init(|| {
        let (ready, started) = mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let dynamodb = DynamoDb::start(None, Duration::from_hours(1)).await.expect("DynamoDB starts");
                ready.send(dynamodb.endpoint()).expect("someone waits");
                std::future::pending::<()>().await;
            });
        });
        started.recv().expect("DynamoDB starts")
    })
}
