//! Delivery by audience size: the sender serves small audiences itself, `fanout` serves large ones in shards, and very large ones get one hint per
//! second.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use futures_util::{StreamExt as _, stream};
use http::Method;

use crate::aws::sigv4_client::SigV4Request;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::id::{ConnectionId, Rev, UserId};
use crate::protocol::frames::{Changed, Frame};
use crate::push::posts::{Post, PostOutcome, Posts};
use crate::push::shards::{Shard, ShardPayload};
use crate::push::socket_registry::Connection;
use crate::push::work_queues::{Later, until};
use crate::push::{Cloud, Encoded, Push, log_push_failure};
use crate::store::recipients::Recipients;
use crate::telemetry::invocation::{self, Count};
use crate::time::Timestamp;

/// Time limit of a sender's inline posts.
const INLINE_DEADLINE: Duration = Duration::from_millis(1500);
/// Time limit of a shard's posts, with all attempts, below the function's.
const SHARD_DEADLINE: Duration = Duration::from_secs(8);
/// Time limit for ending the dead sockets of a broadcast.
const END_WITHIN: Duration = Duration::from_secs(1);
/// Sockets that a broadcast ends concurrently.
const ENDED_AT_ONCE: usize = 16;
/// API Gateway answers 410 while `$connect` still runs, so younger entries are kept.
pub(super) const YOUNG_MS: i64 = 10_000;
const INVOKE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a busy room coalesces changes.
const BUSY_WINDOW_MS: i64 = 1000;

/// The recipients of a frame and their live connections.
#[derive(Debug)]
pub struct Audience {
    recipients: Recipients,
    /// Whether recipients without a live connection are among them.
    complete: bool,
    /// None when the registry does not answer.
    live: Option<Vec<Connection>>,
}

impl Audience {
    pub(super) fn new(recipients: Recipients, live: Option<Vec<Connection>>) -> Self {
        Self { recipients, complete: true, live }
    }

    /// Recipients with live connections; more may be without one.
    pub(super) fn present(recipients: Recipients, live: Vec<Connection>) -> Self {
        Self { recipients, complete: false, live: Some(live) }
    }

    /// The audience of a room whose index does not answer.
    pub fn unknown() -> Self {
        Self { recipients: Recipients::default(), complete: false, live: None }
    }

    /// Returns the number of recipients, or none if only those with a live connection are known.
    pub fn total(&self) -> Option<usize> {
        self.complete.then(|| self.recipients.len())
    }

    pub fn recipients(&self) -> &Recipients {
        &self.recipients
    }

    pub fn is_empty(&self) -> bool {
        self.recipients.is_empty()
    }

    /// The live sockets; none when the registry did not answer.
    pub(super) fn sockets(&self) -> &[Connection] {
        self.live.as_deref().unwrap_or_default()
    }

    /// Returns the sockets of the caller, without the one that the request came over: its answer says the same.
    #[must_use]
    pub fn other_devices(&self, caller: &Caller) -> Self {
        let asking = caller.connection.as_ref();
        self.narrowed(self.recipients.only(caller.user), |socket| socket.user == caller.user && Some(&socket.id) != asking)
    }

    /// Returns the sockets of this recipient alone.
    #[must_use]
    pub fn only(&self, user: UserId) -> Self {
        self.narrowed(self.recipients.only(user), |socket| socket.user == user)
    }

    /// Returns all other recipients.
    #[must_use]
    pub fn except(&self, user: UserId) -> Self {
        self.narrowed(self.recipients.except(user), |socket| socket.user != user)
    }

    /// Returns the recipients that match.
    #[must_use]
    pub fn matching(&self, meant: impl Fn(UserId) -> bool) -> Self {
        self.narrowed(self.recipients.matching(&meant), |socket| meant(socket.user))
    }

    fn narrowed(&self, recipients: Recipients, meant: impl Fn(&Connection) -> bool) -> Self {
        let live = self.live.as_ref().map(|live| live.iter().filter(|socket| meant(socket)).cloned().collect());
        Self { recipients, complete: self.complete, live }
    }

    /// Recipients without a live connection, as far as they are known; empty when the registry did not answer.
    pub fn away(&self) -> Vec<UserId> {
        self.without_connection(self.recipients.users().iter().copied())
    }

    /// Those of these users who have no live connection and can be recipients; empty when the registry did not answer.
    pub fn away_among(&self, users: &[UserId]) -> Vec<UserId> {
        self.without_connection(users.iter().copied().filter(|user| !self.complete || self.recipients.contains(*user)))
    }

    fn without_connection(&self, users: impl Iterator<Item = UserId>) -> Vec<UserId> {
        let Some(live) = &self.live else { return Vec::new() };
        let there: BTreeSet<_> = live.iter().map(|connection| connection.user).collect();
        users.filter(|user| !there.contains(user)).collect()
    }
}

impl Push {
    /// Finds the live connections of the recipients.
    pub async fn find_audience(&self, recipients: Recipients, now: Timestamp) -> Audience {
        let live = match self {
            // Boxed for the same reason as in `Push::to_users`.
            Self::Cloud(cloud) => Box::pin(cloud.live(&recipients, now)).await,
            Self::Memory(memory) => Some(memory.live(&recipients, now).await),
        };
        Audience::new(recipients, live)
    }

    /// Sends a frame to every live socket of an audience. Failures are logged, not returned.
    pub async fn send(&self, audience: &Audience, frame: &Frame, now: Timestamp) {
        match self {
            Self::Cloud(cloud) => Box::pin(cloud.send(audience.live.as_deref().unwrap_or_default(), frame, now)).await,
            Self::Memory(memory) => {
                memory.count_posts(audience.live.as_deref().unwrap_or_default()).await;
                memory.record(audience.recipients.users(), frame).await;
            }
        }
    }

    /// Posts a frame to the sockets of a shard whose users are still recipients. Returns the sockets that did not answer.
    pub async fn deliver(
        &self,
        mut audience: Vec<Connection>,
        recipients: &Recipients,
        encoded: &Encoded,
        now: Timestamp,
    ) -> Vec<Connection> {
        audience.retain(|connection| recipients.contains(connection.user));
        match self {
            Self::Cloud(cloud) => {
                let audience = cloud.without_ended_sessions(audience, recipients, now).await;
                cloud.post_within(SHARD_DEADLINE, &audience, encoded, now).await
            }
            Self::Memory(memory) => {
                memory.deliver(audience, recipients, encoded, now).await;
                Vec::new()
            }
        }
    }

    /// Has `fanout` serve a shard after a delay. Returns whether there is a queue for it.
    pub async fn deliver_later(&self, shard: &Shard, delay: Duration, now: Timestamp) -> Result<bool> {
        let cloud = match self {
            Self::Cloud(cloud) => cloud,
            Self::Memory(memory) => return Ok(memory.take_later(shard).await),
        };
        let Some(queue_url) = &cloud.config.fanout_queue else { return Ok(false) };
        Box::pin(cloud.enqueue(shard, Later { queue_url, delay }, now)).await.map(|()| true)
    }

    /// Returns the highest `rev` of a busy room in the second that ended at `due`.
    pub async fn busy_rev(&self, change: Changed, due: i64) -> Rev {
        let Changed { room_id, rev } = change;
        let Self::Cloud(cloud) = self else { return rev };
        cloud.ephemeral.busy_rev(room_id, due).await.unwrap_or_default().max(rev)
    }
}

/// A delivery that the function `fanout` can take over.
struct Handover<'a> {
    function: &'a str,
    what: ShardPayload,
}

impl Cloud {
    pub(super) async fn to_users(&self, recipients: &Recipients, frame: &Frame, now: Timestamp) {
        if let Some(audience) = self.live(recipients, now).await {
            self.send(&audience, frame, now).await;
        }
    }

    async fn live(&self, recipients: &Recipients, now: Timestamp) -> Option<Vec<Connection>> {
        let found = self.registry.find(recipients.users(), now).await;
        let found = found.inspect_err(|error| log_push_failure("finding connections", error)).ok()?;
        Some(self.without_ended_sessions(found, recipients, now).await)
    }

    /// Removes the sockets of ended sessions and requests that they be closed: the original close request can be lost.
    pub(super) async fn without_ended_sessions(
        &self,
        connections: Vec<Connection>,
        recipients: &Recipients,
        now: Timestamp,
    ) -> Vec<Connection> {
        let (ended, open): (Vec<_>, Vec<_>) =
            connections.into_iter().partition(|connection| recipients.has_ended(connection.session, now));
        if let Some(one) = ended.first() {
            self.request_close(one.user, now).await;
        }
        open
    }

    async fn send(&self, audience: &[Connection], frame: &Frame, now: Timestamp) {
        let encoded = Encoded::of(frame, audience);
        let function = self.config.fanout_function.as_deref();
        let handover = function.zip(ShardPayload::of(frame, &encoded)).map(|(function, what)| Handover { function, what });
        let coalescing = self.config.fanout_queue.as_deref().zip(frame.change());
        let sent = match (handover, coalescing) {
            (Some(_), Some((queue_url, change))) if audience.len() > self.config.busy.max(self.config.inline) => {
                self.coalesce(queue_url, audience, change, now).await
            }
            (Some(handover), _) if audience.len() > self.config.inline => self.hand_to_fanout(audience, &handover, now).await,
            (handover, _) => self.send_inline(audience, &encoded, handover, now).await,
        };
        if let Err(error) = sent {
            log_push_failure("handing over to fanout", &error);
        }
    }

    /// Posts to the audience and hands sockets that failed or missed the deadline to `fanout`, so that every acknowledged message is pushed.
    async fn send_inline(
        &self,
        audience: &[Connection],
        encoded: &Encoded,
        handover: Option<Handover<'_>>,
        now: Timestamp,
    ) -> Result<()> {
        let rest = self.post_within(INLINE_DEADLINE, audience, encoded, now).await;
        match handover {
            // Posts in flight can have succeeded, too; clients drop duplicates.
            Some(handover) if !rest.is_empty() => self.hand_to_fanout(&rest, &handover, now).await,
            _ => Ok(()),
        }
    }

    /// Posts once per socket, as far as the time suffices. Unregisters dead sockets and closes throttled ones. Returns the sockets that did not answer.
    async fn post_within(&self, limit: Duration, audience: &[Connection], encoded: &Encoded, now: Timestamp) -> Vec<Connection> {
        if audience.is_empty() {
            return Vec::new();
        }
        let begun = Instant::now();
        let frames = audience.iter().map(|connection| Post { connection: &connection.id, frame: encoded.bytes_for(connection) });
        let mut posts = Posts::new(frames.collect());
        invocation::count_many(Count::AudiencePosts, u64::try_from(audience.len()).unwrap_or_default());
        let ended = tokio::time::timeout(limit, self.posts.post_all(&mut posts, now)).await.is_ok();
        invocation::record_fanout(begun);
        let ending = audience.iter().zip(posts.outcomes()).map(|(connection, outcome)| async move {
            match outcome {
                Some(PostOutcome::Gone) if now.since(connection.connected_at) >= YOUNG_MS => {
                    self.unregister_dead(connection, now).await;
                }
                Some(PostOutcome::Throttled) => {
                    self.posts.close(&connection.id).await;
                    self.unregister_dead(connection, now).await;
                }
                _ => {}
            }
        });
        let ending = stream::iter(ending).for_each_concurrent(ENDED_AT_ONCE, |ended| ended);
        // The next frame ends those that are left.
        drop(tokio::time::timeout(END_WITHIN, ending).await);
        let is_open = |outcome: &Option<PostOutcome>| matches!(outcome, None | Some(PostOutcome::Failed));
        let outcomes = audience.iter().zip(posts.outcomes());
        let unanswered: Vec<_> =
            outcomes.filter(|(_, outcome)| is_open(outcome)).map(|(connection, _)| connection.clone()).collect();
        if !unanswered.is_empty() {
            tracing::warn!(connections = audience.len(), left = unanswered.len(), ended, "posts failed or met the deadline");
        }
        unanswered
    }

    async fn unregister_dead(&self, connection: &Connection, now: Timestamp) {
        if let Err(error) = self.unregister(connection.user, std::slice::from_ref(&connection.id), now).await {
            log_push_failure("forgetting a connection", &error);
        }
    }

    /// Unregisters sockets of a user. Schedules the offline check when none is left.
    pub(super) async fn unregister(&self, user: UserId, connections: &[ConnectionId], now: Timestamp) -> Result<()> {
        let before = self.registry.unregister(user, connections, now).await?;
        if before.was_last {
            self.schedule_offline_check(user, now).await;
        }
        // What stays is removed after the next frame to the room, at the latest by its age.
        if let Err(error) = self.socket_index.delete(connections, &before.indexed_in).await {
            log_push_failure("removing connections from indexes", &error);
        }
        Ok(())
    }

    /// The first change of a second leaves shards for its end in the queue; later changes only raise the `rev`.
    async fn coalesce(&self, queue_url: &str, audience: &[Connection], change: Changed, now: Timestamp) -> Result<()> {
        let Changed { room_id, rev } = change;
        let due = (now.0.div_euclid(BUSY_WINDOW_MS) + 1) * BUSY_WINDOW_MS;
        if !self.ephemeral.raise_busy_rev(room_id, due, rev).await? {
            return Ok(());
        }
        let shards = self.shards(&ShardPayload::Busy { room_id, rev, due }, audience);
        let delay = until(Timestamp(due), now);
        let sends = shards.iter().map(|shard| self.enqueue(shard, Later { queue_url, delay }, now));
        join_all(sends).await.into_iter().collect()
    }

    async fn hand_to_fanout(&self, audience: &[Connection], handover: &Handover<'_>, now: Timestamp) -> Result<()> {
        let shards = self.shards(&handover.what, audience);
        let invokes = shards.iter().map(|shard| self.invoke_async(handover.function, shard, now));
        join_all(invokes).await.into_iter().collect()
    }

    fn shards(&self, what: &ShardPayload, audience: &[Connection]) -> Vec<Shard> {
        audience.chunks(self.config.shard.max(1)).map(|part| Shard::of(what.clone(), part)).collect()
    }

    /// Invokes a function asynchronously.
    async fn invoke_async(&self, function: &str, shard: &Shard, now: Timestamp) -> Result<()> {
        let body = serde_json::to_vec(shard).map_err(Error::internal)?;
        let name = percent_encoding::utf8_percent_encode(function, percent_encoding::NON_ALPHANUMERIC);
        let call = SigV4Request {
            service: "lambda",
            method: Method::POST,
            url: format!("{}/2015-03-31/functions/{name}/invocations", self.invoke_url),
            headers: &[("x-amz-invocation-type", "Event"), ("content-type", "application/json")],
            body: body.into(),
        };
        let answer = self.posts.signing_client().call(call, now, INVOKE_TIMEOUT).await?;
        if answer.status().is_success() {
            Ok(())
        } else {
            Err(Error::unavailable(format!("Invoke answered {}", answer.status())))
        }
    }
}
