//! Push: the registry of connections and the delivery of frames. Delivery is best effort and happens after the commit; a client that misses a frame
//! detects the gap in `seq`.

pub mod audience;
mod busy_rooms;
pub mod coalescing;
pub mod connections_api;
pub mod contact_counters;
pub mod memory;
pub mod notify;
mod post_writer;
pub mod posts;
pub mod presence_checks;
pub mod presence_record;
pub mod shards;
mod socket_closing;
pub mod socket_index;
pub mod socket_registry;
pub(crate) mod typing_slots;
pub mod web;
mod work_queues;

use std::sync::atomic::AtomicI64;

use bytes::Bytes;

use crate::aws::dynamodb::{self, LazyClient};
use crate::aws::ephemeral_table::Ephemeral;
use crate::aws::sqs::Sqs;
use crate::config;
use crate::error::Result;
use crate::id::{ConnectionId, RoomId, UserId};
use crate::protocol::dialect::Dialect;
use crate::protocol::frames::Frame;
use crate::push::coalescing::Coalescing;
use crate::push::connections_api::ConnectionsApi;
use crate::push::memory::Memory;
use crate::push::socket_index::SocketIndex;
use crate::push::socket_registry::{Connection, Registry};
use crate::store::recipients::Recipients;
use crate::time::Timestamp;

/// Delivers frames to sockets.
#[derive(Debug)]
pub enum Push {
    /// DynamoDB and API Gateway.
    Cloud(Box<Cloud>),
    /// Records what would be sent; for tests.
    Memory(Box<Memory>),
}

/// The production implementation.
#[derive(Debug)]
pub struct Cloud {
    registry: Registry,
    socket_index: SocketIndex,
    posts: ConnectionsApi,
    ephemeral: Ephemeral,
    config: config::PushConfig,
    coalescing: Coalescing,
    invoke_url: String,
    queues: Sqs,
    /// When this instance last requested a close, in epoch milliseconds.
    close_requested_at: AtomicI64,
}

impl Push {
    /// Opens no connection before the first call.
    pub fn cloud(aws: &config::Aws, tables: &config::TableNames, config: config::PushConfig) -> Self {
        Self::cloud_with_client(dynamodb::client(aws), aws, tables, config)
    }

    /// The same as [`Self::cloud`] with another DynamoDB client.
    pub fn cloud_with_client(
        client: LazyClient,
        aws: &config::Aws,
        tables: &config::TableNames,
        config: config::PushConfig,
    ) -> Self {
        let invoke_url = config::service_url(config::Service::Lambda, &aws.region);
        Self::Cloud(Box::new(Cloud {
            registry: Registry::new(client.clone(), tables.connections.clone()),
            socket_index: SocketIndex::new(client.clone(), tables.room_sockets.clone()),
            ephemeral: Ephemeral::new(client, tables.ephemeral.clone()),
            posts: ConnectionsApi::new(aws, config.endpoint.clone()),
            coalescing: Coalescing::new(config.coalescing),
            config,
            invoke_url,
            queues: Sqs::new(&aws.region),
            close_requested_at: AtomicI64::new(0),
        }))
    }

    pub fn memory() -> Self {
        Self::Memory(Box::default())
    }

    /// Returns the frames recorded so far and clears the record.
    pub async fn take_sent(&self) -> Vec<(UserId, Frame)> {
        match self {
            Self::Cloud(_) => Vec::new(),
            Self::Memory(memory) => memory.take_sent().await,
        }
    }

    /// Sends a frame to every live socket of the recipients. Failures are logged, not returned.
    pub async fn to_users(&self, recipients: &Recipients, frame: &Frame, now: Timestamp) {
        match self {
            // Boxed: the unboxed futures of the handlers above exceed the compiler's layout depth limit.
            Self::Cloud(cloud) => Box::pin(cloud.to_users(recipients, frame, now)).await,
            Self::Memory(memory) => {
                memory.count_posts(&memory.live(recipients, now).await).await;
                memory.record(recipients.users(), frame).await;
            }
        }
    }

    /// Answers one socket without a registry lookup.
    pub async fn to_connection(&self, connection: &ConnectionId, frame: &Frame, now: Timestamp) {
        if let Self::Cloud(cloud) = self {
            cloud.posts.send(connection, frame.encode(Dialect::Lean), now).await;
        }
    }

    /// Registers a socket and closes the user's oldest one beyond the maximum. One write, and for a user who was offline one invocation that
    /// announces the user. Returns the rooms whose indexes the user's item names.
    pub async fn register(&self, connection: &Connection) -> Result<Vec<RoomId>> {
        match self {
            Self::Cloud(cloud) => Box::pin(cloud.register(connection)).await,
            Self::Memory(memory) => {
                memory.register(connection).await;
                Ok(Vec::new())
            }
        }
    }

    /// Removes a socket. The user's last one starts the offline grace period.
    pub async fn unregister(&self, user: UserId, connection: &ConnectionId, now: Timestamp) -> Result<()> {
        match self {
            Self::Cloud(cloud) => Box::pin(cloud.unregister(user, std::slice::from_ref(connection), now)).await,
            Self::Memory(memory) => {
                memory.unregister(user, connection, now).await;
                Ok(())
            }
        }
    }
}

impl Cloud {
    async fn register(&self, connection: &Connection) -> Result<Vec<RoomId>> {
        let now = connection.connected_at;
        let mut before = self.registry.register(connection).await?;
        if before.should_announce_online(now) {
            self.announce_online(connection.user, now).await;
        }
        before.live.retain(|other| other.id != connection.id);
        let surplus = (before.live.len() + 1).saturating_sub(socket_registry::MAX_CONNECTIONS);
        before.live.truncate(surplus);
        self.end(&before.live, &BYE_TOO_MANY, now).await;
        Ok(before.indexed_in)
    }
}

const BYE_TOO_MANY: Frame = Frame::Bye {
    code: "too_many_connections",
    reason: "Too many devices are connected; the oldest socket was closed.",
    resume: false,
};

/// Logs a failed push for the operator. Callers never see it.
fn log_push_failure(what: &str, error: &crate::error::Error) {
    tracing::warn!(error = error.causes(), "push failed: {what}");
}

/// A frame, serialised once per dialect.
#[derive(Clone, Debug)]
pub struct Encoded {
    /// The bytes for sockets with a subprotocol.
    pub lean: Bytes,
    /// The bytes for sockets without a subprotocol.
    pub full: Bytes,
}

impl Encoded {
    /// Serialises only the dialects that the audience uses.
    pub fn of(frame: &Frame, audience: &[Connection]) -> Self {
        let form = |dialect, wanted: bool| if wanted { frame.encode(dialect) } else { Bytes::new() };
        Self {
            lean: form(Dialect::Lean, audience.iter().any(|connection| connection.dialect.is_lean())),
            full: form(Dialect::Full, audience.iter().any(|connection| !connection.dialect.is_lean())),
        }
    }

    fn bytes_for(&self, connection: &Connection) -> Bytes {
        if connection.dialect.is_lean() { self.lean.clone() } else { self.full.clone() }
    }
}
