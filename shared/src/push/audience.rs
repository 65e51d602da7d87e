//! From people to sockets: small audiences are served here, large ones by `fanout` in shards, very large ones hear of changes once a second.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use http::Method;

use crate::error::{Error, Result};
use crate::id::{ConnectionId, RoomId, UserId};
use crate::protocol::frames::Frame;
use crate::push::posts::Posted;
use crate::push::registry::Connection;
use crate::push::shards::{Shard, What};
use crate::push::signed::Call;
use crate::push::{Cloud, Encoded, Push, unheard};
use crate::store::recipients::Recipients;
use crate::telemetry::invocation::{self, Count};
use crate::time::Timestamp;

/// Posts under way at once, per instance.
const IN_FLIGHT: usize = 64;
/// A sender waits for its inline posts no longer than this.
const INLINE_DEADLINE: Duration = Duration::from_millis(1500);
/// `fanout` tries a socket that it could not reach again after this, and after four times this.
const AGAIN_AFTER: Duration = Duration::from_millis(500);
/// API Gateway answers 410 while `$connect` still runs: younger entries stay.
pub(super) const YOUNG_MS: i64 = 10_000;
const INVOKE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a busy room gathers changes before it tells of them.
const BUSY_WINDOW_MS: i64 = 1000;

/// Those whom a frame is for, and which of them are there.
#[derive(Debug)]
pub struct Audience {
    recipients: Recipients,
    /// None when the registry does not answer.
    live: Option<Vec<Connection>>,
}

impl Audience {
    pub(super) fn new(recipients: Recipients, live: Option<Vec<Connection>>) -> Self {
        Self { recipients, live }
    }

    /// How many they are.
    pub fn len(&self) -> usize {
        self.recipients.len()
    }

    /// Whether they are none.
    pub fn is_empty(&self) -> bool {
        self.recipients.is_empty()
    }

    /// Those who are not there; nobody when that is not known.
    pub fn away(&self) -> Vec<UserId> {
        let Some(live) = &self.live else { return Vec::new() };
        let there: BTreeSet<_> = live.iter().map(|connection| connection.user).collect();
        self.recipients.users().iter().copied().filter(|user| !there.contains(user)).collect()
    }
}

impl Push {
    /// Looks who of these people is there.
    pub async fn look(&self, recipients: Recipients, now: Timestamp) -> Audience {
        let live = match self {
            // Boxed, as `Push::to_users` is.
            Self::Cloud(cloud) => Box::pin(cloud.live(&recipients, now)).await,
            Self::Memory(memory) => Some(memory.live(&recipients, now).await),
        };
        Audience::new(recipients, live)
    }

    /// Sends a frame to every live socket of an audience. Failures are logged and end here.
    pub async fn tell(&self, audience: &Audience, frame: &Frame, now: Timestamp) {
        match self {
            Self::Cloud(cloud) => Box::pin(cloud.tell(audience.live.as_deref().unwrap_or_default(), frame, now)).await,
            Self::Memory(memory) => memory.hear(audience.recipients.users(), frame).await,
        }
    }

    /// Posts to those sockets of a shard that belong to these people.
    pub async fn deliver(&self, mut audience: Vec<Connection>, recipients: &Recipients, encoded: &Encoded, now: Timestamp) {
        audience.retain(|connection| recipients.contains(connection.user));
        match self {
            Self::Cloud(cloud) => {
                let audience = cloud.listening(audience, recipients, now).await;
                cloud.post_patiently(audience, encoded, now).await;
            }
            Self::Memory(memory) => memory.deliver(audience, recipients, encoded, now).await,
        }
    }

    /// Waits for the end of a busy room's second. Gives the count of changes that the room reached in it.
    pub async fn busy_rev(&self, (room, rev): (RoomId, u64), due: i64, now: Timestamp) -> u64 {
        let Self::Cloud(cloud) = self else { return rev };
        let left = due.saturating_sub(now.0).clamp(0, BUSY_WINDOW_MS).unsigned_abs();
        tokio::time::sleep(Duration::from_millis(left)).await;
        cloud.ephemeral.busy_rev(room, due).await.unwrap_or_default().max(rev)
    }
}

impl Cloud {
    pub(super) async fn to_users(&self, recipients: &Recipients, frame: &Frame, now: Timestamp) {
        if let Some(audience) = self.live(recipients, now).await {
            self.tell(&audience, frame, now).await;
        }
    }

    async fn live(&self, recipients: &Recipients, now: Timestamp) -> Option<Vec<Connection>> {
        let found = self.registry.find(recipients.users(), now).await;
        let found = found.inspect_err(|error| unheard("finding connections", error)).ok()?;
        Some(self.listening(found, recipients, now).await)
    }

    /// Leaves out the sockets of sessions that have ended. Whoever meets one has them closed: what should have done so may have died.
    async fn listening(&self, connections: Vec<Connection>, recipients: &Recipients, now: Timestamp) -> Vec<Connection> {
        let (over, open): (Vec<_>, Vec<_>) =
            connections.into_iter().partition(|connection| recipients.has_ended(connection.session, now));
        if let Some(one) = over.first() {
            self.ask_to_close(one.user, now).await;
        }
        open
    }

    async fn tell(&self, audience: &[Connection], frame: &Frame, now: Timestamp) {
        let encoded = Encoded::of(frame, audience);
        let later = self.config.fanout_function.as_deref().zip(What::of(frame, &encoded));
        let sent = match (later, frame.change()) {
            (Some((function, _)), Some(change)) if audience.len() > self.config.busy.max(self.config.inline) => {
                self.busy(function, audience, change, now).await
            }
            (Some((function, what)), _) if audience.len() > self.config.inline => {
                self.hand_over(function, audience, &what, now).await
            }
            (later, _) => self.inline(audience, &encoded, later, now).await,
        };
        if let Err(error) = sent {
            unheard("handing over to fanout", &error);
        }
    }

    /// Serves the audience here; whoever is not served by the deadline, or could not be reached, is left to `fanout`, so that every acknowledged
    /// message was pushed.
    async fn inline(
        &self,
        audience: &[Connection],
        encoded: &Encoded,
        later: Option<(&str, What)>,
        now: Timestamp,
    ) -> Result<()> {
        let mut left = (0..audience.len()).collect();
        let posting = self.post_all(audience, encoded, &mut left, now);
        let ended = tokio::time::timeout(INLINE_DEADLINE, posting).await.is_ok();
        if ended && left.is_empty() {
            return Ok(());
        }
        // Those in flight may have been served, too; receivers drop doubles.
        let rest: Vec<_> = left.into_iter().map(|index| audience[index].clone()).collect();
        tracing::warn!(connections = audience.len(), left = rest.len(), ended, "posts failed or met the deadline");
        match later {
            Some((function, what)) => self.hand_over(function, &rest, &what, now).await,
            None => Ok(()),
        }
    }

    /// Posts without a deadline; whoever could not be reached is tried again after a while, and then given up: it will resync.
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
        invocation::count_all(Count::Heard, u64::try_from(audience.len()).unwrap_or_default());
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
        if let Err(error) = self.forget(connection.user, std::slice::from_ref(&connection.id), now).await {
            unheard("forgetting a connection", &error);
        }
    }

    /// Forgets sockets of a person; who has none left is looked after.
    pub(super) async fn forget(&self, user: UserId, connections: &[ConnectionId], now: Timestamp) -> Result<()> {
        if self.registry.forget(user, connections, now).await? {
            self.look_after(user, now).await;
        }
        Ok(())
    }

    /// The first change of a second asks `fanout` to tell at its end; later ones only raise the count that will be told.
    async fn busy(&self, function: &str, audience: &[Connection], room: (RoomId, u64), now: Timestamp) -> Result<()> {
        let (room, rev) = room;
        let due = (now.0.div_euclid(BUSY_WINDOW_MS) + 1) * BUSY_WINDOW_MS;
        if self.ephemeral.raise_busy_rev(room, due, rev).await? {
            self.hand_over(function, audience, &What::Busy { room_id: room, rev, due }, now).await?;
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
        let body = serde_json::to_vec(&Shard::of(what, audience)).map_err(Error::internal)?;
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
