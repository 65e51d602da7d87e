//! Push notifications for users who are offline: for every message in direct and mid-sized rooms, for mentions in large ones, within the user's
//! preferences and mutes, and not across a block. The first message of a burst is sent at once, the latest after a pause.

pub mod subscriptions;

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;

use crate::error::Result;
use crate::id::{MessageRef, Seq, SessionId, UserId};
use crate::protocol::messages::{Message, MessageKind};
use crate::protocol::notifications::Notification;
use crate::protocol::people::Notifications;
use crate::protocol::rooms::RoomKind;
use crate::push::Push;
use crate::push::audience::Audience;
use crate::push::notify::{DeviceRetry, LeaseState, NotificationKey, NotifyRequest};
use crate::push::web::{Device, PushMessage, PushOutcome, WebPush};
use crate::store::Db;
use crate::store::subscriptions::{self as store, Endpoint, NotificationSource, NotificationTarget};
use crate::time::Timestamp;

/// Devices notified concurrently.
const CONCURRENCY: usize = 16;
/// Time limit of a run, below Lambda's timeout. Users not reached by then find the message in the app.
const RUN_TIME: Duration = Duration::from_secs(20);
/// Waits before a busy push service is tried again, in seconds, unless it names another time.
const RETRY_DELAYS: &[u64] = &[1, 4];
/// A push service that wants a longer wait is not tried again. Unit: seconds.
const LONGEST_RETRY_DELAY: u64 = 120;
/// Characters of the message in a notification.
const PREVIEW_LENGTH: usize = 240;
/// A device whose push service has failed for this long is removed.
const DEVICE_EXPIRY_MS: i64 = 7 * 24 * 3600 * 1000;

/// Requests notifications for the offline members. Costs a statement if any member is offline, and a call if any of them has a device. Failures
/// are logged, because the message is stored.
pub(super) async fn request(db: &Db, push: &Push, message: &Message, audience: &Audience, now: Timestamp) {
    let Some(most) = push.notify_member_limit() else { return };
    if message.kind == MessageKind::System || message.deleted_at.is_some() {
        return;
    }
    let all = audience.total().is_some_and(|members| members <= most);
    let mut away = if all { audience.away() } else { audience.away_among(&message.mentions) };
    away.retain(|user| Some(*user) != message.sender_id);
    if away.is_empty() {
        return;
    }
    let found = async { store::with_subscription(&mut *db.acquire().await?, &away).await };
    match found.await {
        Ok(to) if to.is_empty() => {}
        Ok(to) => {
            let message = MessageRef { room: message.room_id, seq: message.seq };
            push.request_notifications(&NotifyRequest::of(message, to), now).await;
        }
        Err(error) => tracing::warn!(error = error.causes(), "notifications were not requested"),
    }
}

/// Sends notifications; runs in `notify`.
#[derive(Clone, Copy, Debug)]
pub struct Notifier<'a> {
    pub db: &'a Db,
    pub push: &'a Push,
    pub web: &'a WebPush,
    /// Minimum interval between notifications of a room to a user.
    pub pause: Duration,
}

/// The result of a round of notifications.
#[derive(Debug, Default)]
struct NotifyOutcome {
    /// The number of devices that accepted.
    accepted: usize,
    /// Users who were notified recently.
    waiting: Vec<UserId>,
    /// When all of their pauses are over.
    pause_end: Option<Timestamp>,
}

/// Devices of one user whose push services are busy. They are tried again together, after the longest of their delays: a user has one attempt at a
/// time.
#[derive(Debug, Default)]
struct BusyDevices {
    delay: Duration,
    sessions: Vec<SessionId>,
}

impl BusyDevices {
    fn add(&mut self, session: SessionId, delay: Duration) {
        self.delay = self.delay.max(delay);
        self.sessions.push(session);
    }
}

impl Notifier<'_> {
    /// Sends the notifications of a message, and requests what has to wait. Returns how many devices accepted it. A request that is delivered twice
    /// notifies no one twice.
    pub async fn serve(&self, request: &NotifyRequest, now: Timestamp) -> Result<usize> {
        let outcome = match (&request.retry, request.pause_end) {
            (Some(retry), _) => return self.retry_devices(request, retry, now).await,
            (None, Some(end)) => self.notify_after_pause(request, now.max(Timestamp(end))).await?,
            (None, None) => match self.load_source(request, request.seq).await? {
                Some(source) => self.notify_due(&source, &request.to, now).await?,
                None => NotifyOutcome::default(),
            },
        };
        if let Some(end) = outcome.pause_end {
            let message = MessageRef { room: request.room_id, seq: request.seq };
            let later = NotifyRequest { pause_end: Some(end.0), ..NotifyRequest::of(message, outcome.waiting) };
            // The delay is bounded by the pause, in case clocks differ.
            let delay = Duration::from_millis(u64::try_from(end.since(now)).unwrap_or_default()).min(self.pause);
            self.push.request_notifications_later(&later, delay, now).await?;
        }
        Ok(outcome.accepted)
    }

    /// Notifies users whose pause is over, unless they are back.
    async fn notify_after_pause(&self, request: &NotifyRequest, now: Timestamp) -> Result<NotifyOutcome> {
        let mut outcome = NotifyOutcome::default();
        // None if the message was unsent meanwhile; later ones may be due.
        let source = self.load_source(request, request.seq).await?;
        let is_mentioned = |user: &UserId| source.as_ref().is_some_and(|source| source.mentions.contains(user));
        // Mentioned users get the message that mentions them; each of the others gets the newest one that is due for them, because a later message
        // may be across a block or their own.
        let (mentioned, others): (Vec<_>, Vec<_>) = self.still_away(&request.to, now).await.into_iter().partition(is_mentioned);
        let from = MessageRef { room: request.room_id, seq: request.seq };
        let newest = store::find_newest_due(&mut *self.db.acquire().await?, from, &others).await?;
        for (seq, users) in std::iter::once((request.seq, mentioned)).chain(newest) {
            if !users.is_empty()
                && let Some(source) = self.load_source(request, seq).await?
            {
                let round = self.notify_due(&source, &users, now).await?;
                outcome.accepted += round.accepted;
                outcome.waiting.extend(round.waiting);
                outcome.pause_end = outcome.pause_end.max(round.pause_end);
            }
        }
        Ok(outcome)
    }

    /// Tries devices of busy push services again.
    async fn retry_devices(&self, request: &NotifyRequest, retry: &DeviceRetry, now: Timestamp) -> Result<usize> {
        let Some(source) = self.load_source(request, request.seq).await? else { return Ok(0) };
        let message = MessageRef { room: source.room, seq: source.seq };
        let mut last_notified = Vec::new();
        for user in self.still_away(&request.to, now).await {
            match self.push.acquire_notify_retry(NotificationKey { user, message }, retry.attempt).await {
                Ok(true) => last_notified.push(user),
                Ok(false) => {}
                Err(error) => tracing::warn!(error = error.causes(), "a device is not tried again"),
            }
        }
        let mut devices = store::list_targets(&mut *self.db.acquire().await?, &source, &last_notified, now).await?;
        devices.retain(|device| retry.sessions.contains(&device.session) && is_wanted(device, &source));
        self.send_all(&source, &devices, retry.attempt, now).await
    }

    /// Returns the users without a live socket; all of them when the registry does not answer.
    async fn still_away(&self, users: &[UserId], now: Timestamp) -> Vec<UserId> {
        let back = self.push.presence_of(users, now).await.unwrap_or_default();
        let is_back = |user: &UserId| back.iter().any(|found| found.user == *user && !found.live.is_empty());
        users.iter().copied().filter(|user| !is_back(user)).collect()
    }

    /// Loads the message at a seq; `None` if there is nothing to notify of.
    async fn load_source(&self, request: &NotifyRequest, seq: Seq) -> Result<Option<NotificationSource>> {
        store::find_source(&mut *self.db.acquire().await?, request.room_id, seq).await
    }

    /// Notifies users who are due.
    async fn notify_due(&self, source: &NotificationSource, users: &[UserId], now: Timestamp) -> Result<NotifyOutcome> {
        let mut due: BTreeMap<UserId, Vec<NotificationTarget>> = BTreeMap::new();
        for device in store::list_targets(&mut *self.db.acquire().await?, source, users, now).await? {
            if is_wanted(&device, source) {
                due.entry(device.user).or_default().push(device);
            }
        }
        let message = MessageRef { room: source.room, seq: source.seq };
        let leases = stream::iter(due).map(|(user, devices)| async move {
            let lease = self.push.acquire_notify_lease(NotificationKey { user, message }, self.pause, now).await;
            (
                user,
                devices,
                lease
                    .inspect_err(|error| tracing::warn!(%error, "the notification lease could not be acquired"))
                    .unwrap_or(LeaseState::HeldElsewhere),
            )
        });
        let leases: Vec<_> = leases.buffer_unordered(CONCURRENCY).collect().await;
        let (mut devices, mut outcome) = (Vec::new(), NotifyOutcome::default());
        for (user, user_devices, lease) in leases {
            match lease {
                LeaseState::Now => devices.extend(user_devices),
                LeaseState::After(time) => {
                    outcome.waiting.push(user);
                    outcome.pause_end = outcome.pause_end.max(Some(time));
                }
                LeaseState::HeldElsewhere => {}
            }
        }
        outcome.accepted = self.send_all(source, &devices, 0, now).await?;
        Ok(outcome)
    }

    /// Sends to these devices, records the outcomes, and has busy push services tried again later. Returns how many devices accepted.
    async fn send_all(
        &self,
        source: &NotificationSource,
        devices: &[NotificationTarget],
        attempts: u32,
        now: Timestamp,
    ) -> Result<usize> {
        let sending = stream::iter(devices).map(|due| async move {
            let Ok(text) = serde_json::to_string(&notification(source, due)) else { return (due, PushOutcome::Failed) };
            let urgent = source.room_kind == RoomKind::Direct || source.mentions.contains(&due.user);
            let content = PushMessage { text: &text, topic: &format!("room-{}", source.room), urgent };
            let Endpoint { url, public, auth, vapid, .. } = &due.endpoint;
            (due, self.web.send(Device { endpoint: url, public, auth, vapid }, content, now).await)
        });
        let mut sending = Box::pin(sending.buffer_unordered(CONCURRENCY));
        let deadline = tokio::time::Instant::now() + RUN_TIME;
        let (mut accepted, mut gone, mut failed) = (0, 0, 0);
        let mut busy: BTreeMap<UserId, BusyDevices> = BTreeMap::new();
        while let Ok(Some((due, outcome))) = tokio::time::timeout_at(deadline, sending.next()).await {
            if let Some(delay) = retry_delay(attempts, outcome) {
                busy.entry(due.user).or_default().add(due.session, delay);
                continue;
            }
            match outcome {
                PushOutcome::Accepted => accepted += 1,
                PushOutcome::Gone => gone += 1,
                PushOutcome::Failed | PushOutcome::Busy(_) => failed += 1,
            }
            if let Err(error) = self.record_outcome(due, outcome, now).await {
                tracing::warn!(error = error.causes(), "the outcome of a notification was not recorded");
            }
        }
        tracing::info!(devices = devices.len(), accepted, gone, failed, "notifications");
        let mut by_delay: BTreeMap<Duration, BTreeMap<UserId, BusyDevices>> = BTreeMap::new();
        for (user, devices) in busy {
            by_delay.entry(devices.delay).or_default().insert(user, devices);
        }
        for (delay, users) in by_delay {
            let message = MessageRef { room: source.room, seq: source.seq };
            let sessions = users.values().flat_map(|devices| &devices.sessions).copied().collect();
            let retry = DeviceRetry { attempt: attempts + 1, sessions };
            let again = NotifyRequest { retry: Some(retry), ..NotifyRequest::of(message, users.into_keys().collect()) };
            self.push.request_notifications_later(&again, delay, now).await?;
        }
        Ok(accepted)
    }

    async fn record_outcome(&self, due: &NotificationTarget, outcome: PushOutcome, now: Timestamp) -> Result<()> {
        match (outcome, due.failed_at) {
            (PushOutcome::Accepted, None) => Ok(()),
            (PushOutcome::Accepted, Some(_)) => store::set_failed_at(&mut *self.db.acquire().await?, due, None).await,
            (PushOutcome::Failed | PushOutcome::Busy(_), None) => {
                store::set_failed_at(&mut *self.db.acquire().await?, due, Some(now)).await
            }
            (PushOutcome::Failed | PushOutcome::Busy(_), Some(since)) if now.since(since) < DEVICE_EXPIRY_MS => Ok(()),
            (PushOutcome::Gone, _) | (PushOutcome::Failed | PushOutcome::Busy(_), Some(_)) => {
                store::delete_device(&mut *self.db.acquire().await?, due).await
            }
        }
    }
}

/// How long to wait before a device is tried again; none if it is not.
fn retry_delay(attempts: u32, outcome: PushOutcome) -> Option<Duration> {
    let PushOutcome::Busy(retry_after) = outcome else { return None };
    let own = usize::try_from(attempts).ok().and_then(|attempts| RETRY_DELAYS.get(attempts).copied())?;
    let seconds = retry_after.unwrap_or(own);
    (seconds <= LONGEST_RETRY_DELAY).then(|| Duration::from_secs(seconds))
}

/// Returns whether the user's preference includes this message. Users without notifications are not read.
fn is_wanted(due: &NotificationTarget, source: &NotificationSource) -> bool {
    due.preference == Notifications::All || source.room_kind == RoomKind::Direct || source.mentions.contains(&due.user)
}

fn notification(source: &NotificationSource, due: &NotificationTarget) -> Notification {
    let sender = &source.sender_name;
    Notification {
        what: "message",
        room_id: source.room,
        room_kind: source.room_kind,
        room: if source.room_kind == RoomKind::Direct { sender.clone() } else { source.room_name.clone() },
        seq: source.seq,
        kind: source.kind,
        sender_id: source.sender,
        sender: sender.clone(),
        preview: preview(&source.content),
        unread: due.unread,
        mentioned: source.mentions.contains(&due.user),
        url: format!("/#/rooms/{}", source.room),
    }
}

/// Returns the beginning of a text on one line.
fn preview(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(PREVIEW_LENGTH) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{RoomId, SessionId};
    use crate::push::web::encryption::MOST_TEXT;

    #[test]
    fn the_longest_notification_fits_into_what_push_services_take() {
        // Control characters have the longest JSON escapes; characters beyond the first plane take four bytes.
        for longest in ["\u{1}", "\u{1f600}", "\u{200d}"] {
            let source = NotificationSource {
                room: RoomId(u64::MAX),
                room_name: "\u{1f600}".repeat(100),
                room_kind: RoomKind::Public,
                seq: Seq(u64::MAX),
                kind: MessageKind::Image,
                sender: UserId(u64::MAX),
                sender_name: "\u{1f600}".repeat(64),
                content: longest.repeat(16_000),
                mentions: Vec::new(),
            };
            let endpoint = Endpoint { url: String::new(), hash: [0; 32], public: vec![], auth: vec![], vapid: vec![] };
            let wish = Notifications::All;
            let due = NotificationTarget {
                user: UserId(1),
                preference: wish,
                unread: u64::MAX,
                session: SessionId(1),
                endpoint,
                failed_at: None,
            };
            let text = serde_json::to_string(&notification(&source, &due)).expect("JSON");
            assert!(text.len() <= MOST_TEXT, "{} of {MOST_TEXT}", text.len());
        }
    }

    #[test]
    fn a_preview_is_the_beginning_in_one_line() {
        assert_eq!(preview(" two\n lines\t"), "two lines");
        assert_eq!(preview(&"ü".repeat(241)), format!("{}…", "ü".repeat(240)));
    }
}
