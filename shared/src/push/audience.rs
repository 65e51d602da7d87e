//! From people to sockets: small audiences are served here, large ones by `fanout` in shards, very large ones hear of changes once a second.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use http::Method;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::id::{ConnectionId, RoomId, SessionId, UserId};
use crate::protocol::frames::{Dialect, Frame};
use crate::push::posts::Posted;
use crate::push::registry::Connection;
use crate::push::signed::Call;
use crate::push::{Cloud, Encoded, Push, unheard};
use crate::telemetry::invocation;
use crate::time::Timestamp;

/// Posts under way at once, per instance.
const IN_FLIGHT: usize = 64;
/// A sender waits for its inline posts no longer than this.
const INLINE_DEADLINE: Duration = Duration::from_millis(1500);
/// `fanout` tries a socket that it could not reach again after this, and after four times this.
const AGAIN_AFTER: Duration = Duration::from_millis(500);
/// API Gateway answers 410 while `$connect` still runs: younger entries stay.
const YOUNG_MS: i64 = 10_000;
const INVOKE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a busy room gathers changes before it tells of them.
const BUSY_WINDOW_MS: i64 = 1000;

/// What `fanout` is asked to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Shard {
    /// The frame, or what to make it from.
    pub what: What,
    /// To whom: user, connection, session, lean, connected at.
    pub to: Vec<(u64, String, u64, bool, i64)>,
}

/// What a shard delivers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// These bytes, per dialect.
    Frame {
        /// For `conchat.v1`.
        lean: String,
        /// For everyone else.
        full: String,
    },
    /// At the end of its second: a hint that the room changed, with the count that it has by then.
    Busy {
        /// The room.
        room_id: u64,
        /// Its count of changes when the second began.
        rev: u64,
        /// End of the second, epoch milliseconds.
        due: i64,
    },
}

/// Those whom a frame is for, and which of them are there.
#[derive(Debug)]
pub struct Audience {
    users: Vec<UserId>,
    /// None when the registry does not answer.
    live: Option<Vec<Connection>>,
}

impl Audience {
    pub(super) fn new(users: Vec<UserId>, live: Option<Vec<Connection>>) -> Self {
        Self { users, live }
    }

    /// How many they are.
    pub fn len(&self) -> usize {
        self.users.len()
    }

    /// Whether they are none.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    /// Those who are not there; nobody when that is not known.
    pub fn away(&self) -> Vec<UserId> {
        let Some(live) = &self.live else { return Vec::new() };
        let there: BTreeSet<_> = live.iter().map(|connection| connection.user).collect();
        self.users.iter().copied().filter(|user| !there.contains(user)).collect()
    }
}

impl Push {
    /// Looks who of these people is there.
    pub async fn look(&self, users: Vec<UserId>, now: Timestamp) -> Audience {
        let live = match self {
            // Boxed, as `Push::to_users` is.
            Self::Cloud(cloud) => Box::pin(cloud.live(&users, now)).await,
            Self::Memory(memory) => Some(memory.attend(&users).await.into_iter().flat_map(|found| found.live).collect()),
        };
        Audience::new(users, live)
    }

    /// Sends a frame to every live socket of an audience. Failures are logged and end here.
    pub async fn tell(&self, audience: &Audience, frame: &Frame, now: Timestamp) {
        match self {
            Self::Cloud(cloud) => Box::pin(cloud.tell(audience.live.as_deref().unwrap_or_default(), frame, now)).await,
            Self::Memory(memory) => memory.hear(&audience.users, frame).await,
        }
    }

    /// Serves one shard: what `fanout` does.
    pub async fn deliver(&self, shard: Shard, now: Timestamp) -> Result<()> {
        let Self::Cloud(cloud) = self else { return Ok(()) };
        let audience: Vec<_> = shard
            .to
            .into_iter()
            .map(|(user, id, session, lean, connected_at)| Connection {
                user: UserId(user),
                id: ConnectionId(id),
                session: SessionId(session),
                lean,
                connected_at: Timestamp(connected_at),
            })
            .collect();
        let encoded = match shard.what {
            What::Frame { lean, full } => Encoded { lean: Bytes::from(lean), full: Bytes::from(full) },
            What::Busy { room_id, rev, due } => {
                tokio::time::sleep(Duration::from_millis(due.saturating_sub(now.0).clamp(0, BUSY_WINDOW_MS).unsigned_abs()))
                    .await;
                let newest = cloud.ephemeral.busy_rev(RoomId(room_id), due).await.unwrap_or_default().max(rev);
                Encoded::of(&Frame::Room { room_id: RoomId(room_id), rev: newest }, &audience)
            }
        };
        cloud.post_patiently(audience, &encoded, now).await;
        Ok(())
    }
}

impl Cloud {
    pub(super) async fn to_users(&self, users: &[UserId], frame: &Frame, now: Timestamp) {
        if let Some(audience) = self.live(users, now).await {
            self.tell(&audience, frame, now).await;
        }
    }

    async fn live(&self, users: &[UserId], now: Timestamp) -> Option<Vec<Connection>> {
        self.registry.find(users, now).await.inspect_err(|error| unheard("finding connections", error)).ok()
    }

    async fn tell(&self, audience: &[Connection], frame: &Frame, now: Timestamp) {
        let sent = match (audience.len(), &self.config.fanout_function, frame.change()) {
            (_, None, _) => self.inline(audience, frame, now).await,
            (count, Some(_), _) if count <= self.config.inline => self.inline(audience, frame, now).await,
            (count, Some(function), Some(change)) if count > self.config.busy => self.busy(function, audience, change, now).await,
            (_, Some(function), _) => self.hand_over(function, audience, &Encoded::of(frame, audience).what(), now).await,
        };
        if let Err(error) = sent {
            unheard("handing over to fanout", &error);
        }
    }

    /// Serves the audience here; whoever is not served by the deadline, or could not be reached, is left to `fanout`, so that every acknowledged
    /// message was pushed.
    async fn inline(&self, audience: &[Connection], frame: &Frame, now: Timestamp) -> Result<()> {
        let encoded = Encoded::of(frame, audience);
        let mut left = (0..audience.len()).collect();
        let posting = self.post_all(audience, &encoded, &mut left, now);
        let ended = tokio::time::timeout(INLINE_DEADLINE, posting).await.is_ok();
        if ended && left.is_empty() {
            return Ok(());
        }
        // Those in flight may have been served, too; receivers drop doubles.
        let rest: Vec<_> = left.into_iter().map(|index| audience[index].clone()).collect();
        tracing::warn!(connections = audience.len(), left = rest.len(), ended, "posts failed or met the deadline");
        match &self.config.fanout_function {
            Some(function) => self.hand_over(function, &rest, &encoded.what(), now).await,
            None => Ok(()),
        }
    }

    /// Says a last frame to these sockets, closes and forgets them.
    pub(super) async fn close(&self, connections: &[Connection], bye: &Frame, now: Timestamp) {
        for connection in connections {
            self.posts.post(&connection.id, bye.encode(Dialect::Lean), now).await;
            self.posts.close(&connection.id, now).await;
            self.drop_dead(connection, now).await;
        }
    }

    /// The same without a deadline; whoever could not be reached is tried again after a while, and then given up: it will resync.
    async fn post_patiently(&self, audience: Vec<Connection>, encoded: &Encoded, now: Timestamp) {
        let mut audience = audience;
        for pause in [Some(AGAIN_AFTER), Some(AGAIN_AFTER * 4), None] {
            let mut left = (0..audience.len()).collect();
            self.post_all(&audience, encoded, &mut left, now).await;
            audience = left.into_iter().map(|index| audience[index].clone()).collect();
            match pause {
                Some(pause) if !audience.is_empty() => tokio::time::sleep(pause).await,
                _ => break,
            }
        }
    }

    /// One post per socket, a bounded number at once; the dead are forgotten, the stuck closed. Takes out of `left` whoever was reached or is gone.
    async fn post_all(&self, audience: &[Connection], encoded: &Encoded, left: &mut BTreeSet<usize>, now: Timestamp) {
        let begun = Instant::now();
        let mut waiting = audience.iter().enumerate();
        let mut running = FuturesUnordered::new();
        let post = |(index, connection): (usize, &'_ Connection)| {
            let (connection, frame) = (connection.clone(), encoded.bytes_for(connection));
            async move { (self.posts.post(&connection.id, frame, now).await, index, connection) }
        };
        running.extend(waiting.by_ref().take(IN_FLIGHT).map(post));
        let (mut accepted, mut gone, mut throttled, mut failed) = (0u32, 0u32, 0u32, 0u32);
        while let Some((outcome, index, connection)) = running.next().await {
            running.extend(waiting.next().map(post));
            if outcome != Posted::Failed {
                left.remove(&index);
            }
            match outcome {
                Posted::Accepted => accepted += 1,
                Posted::Failed => failed += 1,
                Posted::Gone => {
                    gone += 1;
                    if now.since(connection.connected_at) >= YOUNG_MS {
                        self.drop_dead(&connection, now).await;
                    }
                }
                Posted::Throttled => {
                    throttled += 1;
                    self.posts.close(&connection.id, now).await;
                    self.drop_dead(&connection, now).await;
                }
            }
        }
        if !audience.is_empty() {
            invocation::fanned_out(begun);
        }
        tracing::debug!(accepted, gone, throttled, failed, "posts");
    }

    async fn drop_dead(&self, connection: &Connection, now: Timestamp) {
        if let Err(error) = self.forget(connection.user, &connection.id, now).await {
            unheard("forgetting a connection", &error);
        }
    }

    /// Forgets a socket; who has none left is looked after.
    pub(super) async fn forget(&self, user: UserId, connection: &ConnectionId, now: Timestamp) -> Result<()> {
        if self.registry.forget(user, std::slice::from_ref(connection), now).await? {
            self.look_after(user, now).await;
        }
        Ok(())
    }

    /// The first change of a second asks `fanout` to tell at its end; later ones only raise the count that will be told.
    async fn busy(&self, function: &str, audience: &[Connection], room: (RoomId, u64), now: Timestamp) -> Result<()> {
        let (room, rev) = room;
        let due = (now.0.div_euclid(BUSY_WINDOW_MS) + 1) * BUSY_WINDOW_MS;
        if self.ephemeral.raise_busy_rev(room, due, rev).await? {
            self.hand_over(function, audience, &What::Busy { room_id: room.0, rev, due }, now).await?;
        }
        Ok(())
    }

    async fn hand_over(&self, function: &str, audience: &[Connection], what: &What, now: Timestamp) -> Result<()> {
        let invokes = audience.chunks(self.config.shard.max(1)).map(|shard| self.invoke(function, shard, what, now));
        for outcome in futures_util::future::join_all(invokes).await {
            outcome?;
        }
        Ok(())
    }

    async fn invoke(&self, function: &str, audience: &[Connection], what: &What, now: Timestamp) -> Result<()> {
        let to = audience
            .iter()
            .map(|connection| {
                let Connection { user, id, session, lean, connected_at } = connection;
                (user.0, id.0.clone(), session.0, *lean, connected_at.0)
            })
            .collect();
        let body = serde_json::to_vec(&Shard { what: what.clone(), to }).map_err(Error::internal)?;
        self.call_later(function, body, now).await
    }

    /// Has a function invoked with this event, without waiting for what it does.
    pub(super) async fn call_later(&self, function: &str, body: Vec<u8>, now: Timestamp) -> Result<()> {
        let name = percent_encoding::utf8_percent_encode(function, percent_encoding::NON_ALPHANUMERIC);
        let call = Call {
            service: "lambda",
            method: Method::POST,
            url: format!("{}/2015-03-31/functions/{name}/invocations", self.invoke_url),
            headers: &[("x-amz-invocation-type", "Event"), ("content-type", "application/json")],
            body: body.into(),
        };
        let answer = self.posts.signed().call(call, now, INVOKE_TIMEOUT).await?;
        if answer.status().is_success() {
            Ok(())
        } else {
            Err(Error::unavailable(format!("Invoke answered {}", answer.status())))
        }
    }
}
