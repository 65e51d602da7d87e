//! Push: who is connected, and how a frame reaches them. Best effort and after the commit; whoever misses a frame finds it by its `seq`.

pub mod attendance;
pub mod audience;
mod busy;
mod closing;
pub mod dynamodb;
pub mod ephemeral;
pub(crate) mod http;
pub mod memory;
pub mod notify;
pub mod posts;
pub mod presence;
pub mod reach;
pub mod registry;
pub mod shards;
pub mod signed;
pub mod tables;
pub mod web;

use std::sync::atomic::AtomicI64;

use bytes::Bytes;

use crate::config;
use crate::error::Result;
use crate::id::{ConnectionId, UserId};
use crate::protocol::frames::{Dialect, Frame};
use crate::push::dynamodb::LazyClient;
use crate::push::ephemeral::Ephemeral;
use crate::push::memory::Memory;
use crate::push::posts::Posts;
use crate::push::registry::{Connection, Registry};
use crate::push::signed::Signed;
use crate::store::recipients::Recipients;
use crate::time::Timestamp;

/// The way to the sockets.
#[derive(Debug)]
pub enum Push {
    /// Through DynamoDB and API Gateway.
    Cloud(Box<Cloud>),
    /// Keeps what would be sent, for tests of the rules.
    Memory(Box<Memory>),
}

/// The real parts.
#[derive(Debug)]
pub struct Cloud {
    registry: Registry,
    posts: Posts,
    ephemeral: Ephemeral,
    config: config::Push,
    invoke_url: String,
    /// When closing was last asked for, epoch milliseconds.
    asked_at: AtomicI64,
}

impl Push {
    /// The way to real sockets; nothing is opened yet.
    pub fn cloud(aws: &config::Aws, tables: &config::Tables, config: config::Push) -> Self {
        Self::cloud_over(dynamodb::client(aws), aws, tables, config)
    }

    /// The same over a DynamoDB that is somewhere else.
    pub fn cloud_over(client: LazyClient, aws: &config::Aws, tables: &config::Tables, config: config::Push) -> Self {
        let invoke_url = config::service_url("lambda", &aws.region);
        Self::Cloud(Box::new(Cloud {
            registry: Registry::new(client.clone(), tables.connections.clone()),
            ephemeral: Ephemeral::new(client, tables.ephemeral.clone()),
            posts: Posts::new(config.endpoint.clone(), Signed::new(aws)),
            config,
            invoke_url,
            asked_at: AtomicI64::new(0),
        }))
    }

    /// Keeps what would be sent.
    pub fn memory() -> Self {
        Self::Memory(Box::default())
    }

    /// What was kept so far, and forgets it.
    pub async fn taken(&self) -> Vec<(UserId, Frame)> {
        match self {
            Self::Cloud(_) => Vec::new(),
            Self::Memory(memory) => memory.taken().await,
        }
    }

    /// Sends a frame to every live socket of these people. Failures are logged and end here.
    pub async fn to_users(&self, recipients: &Recipients, frame: &Frame, now: Timestamp) {
        match self {
            // Boxed, or the layouts of the handlers above would pass the compiler's limit of depth.
            Self::Cloud(cloud) => Box::pin(cloud.to_users(recipients, frame, now)).await,
            Self::Memory(memory) => memory.hear(recipients.users(), frame).await,
        }
    }

    /// Answers one socket. Its person is not known to be online elsewhere, nor asked for.
    pub async fn to_connection(&self, connection: &ConnectionId, frame: &Frame, now: Timestamp) {
        if let Self::Cloud(cloud) = self {
            cloud.posts.post(connection, frame.encode(Dialect::Lean), now).await;
        }
    }

    /// Enters a new socket; a person's twenty-first closes the oldest. One write, and only for a person who was away a call that has it told.
    pub async fn register(&self, connection: &Connection) -> Result<()> {
        match self {
            Self::Cloud(cloud) => Box::pin(cloud.register(connection)).await,
            Self::Memory(memory) => {
                memory.register(connection).await;
                Ok(())
            }
        }
    }

    /// A socket is no more. With the last one its person begins to be away.
    pub async fn forget(&self, user: UserId, connection: &ConnectionId, now: Timestamp) -> Result<()> {
        match self {
            Self::Cloud(cloud) => Box::pin(cloud.forget(user, std::slice::from_ref(connection), now)).await,
            Self::Memory(memory) => {
                memory.forget(user, connection, now).await;
                Ok(())
            }
        }
    }
}

impl Cloud {
    async fn register(&self, connection: &Connection) -> Result<()> {
        let now = connection.connected_at;
        let mut before = self.registry.register(connection).await?;
        if before.is_coming(now) {
            self.look_at(connection.user, now).await;
        }
        before.live.retain(|other| other.id != connection.id);
        let surplus = (before.live.len() + 1).saturating_sub(registry::MAX_CONNECTIONS);
        before.live.truncate(surplus);
        self.end(&before.live, &BYE_TOO_MANY, now).await;
        Ok(())
    }
}

const BYE_TOO_MANY: Frame = Frame::Bye {
    code: "too_many_connections",
    reason: "Another device of yours connected; the oldest socket ends.",
    resume: false,
};

/// A push that failed is told to the operator and to nobody else.
fn unheard(what: &str, error: &crate::error::Error) {
    tracing::warn!(error = error.source().map(ToString::to_string), "push failed: {what}");
}

/// A frame in the forms that its audience needs; each is made once.
#[derive(Clone, Debug)]
pub struct Encoded {
    /// For `conchat.v1`.
    pub lean: Bytes,
    /// For everyone else.
    pub full: Bytes,
}

impl Encoded {
    /// Serialises for those dialects that are present.
    pub fn of(frame: &Frame, audience: &[Connection]) -> Self {
        let form = |dialect, wanted: bool| if wanted { frame.encode(dialect) } else { Bytes::new() };
        Self {
            lean: form(Dialect::Lean, audience.iter().any(|connection| connection.lean)),
            full: form(Dialect::Full, audience.iter().any(|connection| !connection.lean)),
        }
    }

    fn bytes_for(&self, connection: &Connection) -> Bytes {
        if connection.lean { self.lean.clone() } else { self.full.clone() }
    }
}
