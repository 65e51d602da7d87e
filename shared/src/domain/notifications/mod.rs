//! Push notifications for users who are offline: for every message in direct and mid-sized rooms, for mentions in large ones, within the user's
//! preferences and mutes, and not across a block. The first message of a burst is sent at once, the latest after a pause.

pub mod subscriptions;

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;

use crate::error::Result;
use crate::id::{MessageRef, Seq, UserId};
use crate::protocol::messages::{Message, MessageKind};
use crate::protocol::notifications::Notification;
use crate::protocol::people::Notifications;
use crate::protocol::rooms::RoomKind;
use crate::push::Push;
use crate::push::audience::Audience;
use crate::push::notify::{LeaseState, NotificationKey, NotifyRequest};
use crate::push::web::{Device, PushMessage, PushOutcome, WebPush};
use crate::store::Db;
use crate::store::subscriptions::{self as store, Endpoint, NotificationSource, NotificationTarget};
use crate::time::Timestamp;

/// Devices notified concurrently.
const CONCURRENCY: usize = 16;
/// Time limit of a run, below Lambda's timeout. Users not reached by then find the message in the app.
const RUN_TIME: Duration = Duration::from_secs(20);
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
    let mut away = audience.away();
    away.retain(|user| Some(*user) != message.sender_id && (audience.len() <= most || message.mentions.contains(user)));
    if away.is_empty() {
        return;
    }
    let found = async { store::with_subscription(&mut *db.acquire().await?, &away).await };
    match found.await {
        Ok(to) if to.is_empty() => {}
        Ok(to) => push.request_notifications(&NotifyRequest { room_id: message.room_id, seq: message.seq, to }, now).await,
        Err(error) => tracing::warn!(error = error.source().map(ToString::to_string), "notifications were not requested"),
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

impl Notifier<'_> {
    /// Sends the notifications of a message. Returns how many devices accepted it. A retry does not notify anyone twice.
    pub async fn serve(&self, request: &NotifyRequest, now: Timestamp) -> Result<usize> {
        let Some(source) = self.load_source(request, request.seq).await? else { return Ok(0) };
        let (notified, waiting) = self.notify_due(&source, &request.to, now).await?;
        let Some(then) = waiting.iter().map(|(_, then)| *then).max() else { return Ok(notified) };
        // The wait is bounded by the pause, in case clocks differ.
        let wait = then.since(now).clamp(0, i64::try_from(self.pause.as_millis()).unwrap_or(i64::MAX));
        tokio::time::sleep(Duration::from_millis(wait.unsigned_abs())).await;
        let now = Timestamp(now.0.saturating_add(wait));
        let waiting: Vec<_> = waiting.into_iter().map(|(user, _)| user).collect();
        let back = self.push.presence_of(&waiting, now).await.unwrap_or_default();
        let away = waiting.into_iter().filter(|user| !back.iter().any(|found| found.user == *user && !found.live.is_empty()));
        // Mentioned users get the message that mentions them; each of the others gets the newest one that is due for them, because a later message
        // may be across a block or their own.
        let (mentioned, others): (Vec<_>, Vec<_>) = away.partition(|user| source.mentions.contains(user));
        let from = MessageRef { room: request.room_id, seq: request.seq };
        let newest = store::find_newest_due(&mut *self.db.acquire().await?, from, &others).await?;
        let mut all = notified;
        for (seq, users) in std::iter::once((request.seq, mentioned)).chain(newest) {
            if !users.is_empty()
                && let Some(source) = self.load_source(request, seq).await?
            {
                all += self.notify_due(&source, &users, now).await?.0;
            }
        }
        Ok(all)
    }

    /// Loads the message at a seq; `None` if there is nothing to notify of.
    async fn load_source(&self, request: &NotifyRequest, seq: Seq) -> Result<Option<NotificationSource>> {
        store::find_source(&mut *self.db.acquire().await?, request.room_id, seq).await
    }

    /// Notifies users who are due. Returns how many devices accepted, and which users are due later.
    async fn notify_due(
        &self,
        source: &NotificationSource,
        users: &[UserId],
        now: Timestamp,
    ) -> Result<(usize, Vec<(UserId, Timestamp)>)> {
        if users.is_empty() {
            return Ok((0, Vec::new()));
        }
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
        let (mut devices, mut later) = (Vec::new(), Vec::new());
        for (user, user_devices, lease) in leases {
            match lease {
                LeaseState::Now => devices.extend(user_devices),
                LeaseState::After(time) => later.push((user, time)),
                LeaseState::HeldElsewhere => {}
            }
        }
        Ok((self.send_all(source, &devices, now).await?, later))
    }

    /// Sends to these devices and records the outcomes.
    async fn send_all(&self, source: &NotificationSource, devices: &[NotificationTarget], now: Timestamp) -> Result<usize> {
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
        while let Ok(Some((due, outcome))) = tokio::time::timeout_at(deadline, sending.next()).await {
            match outcome {
                PushOutcome::Accepted => accepted += 1,
                PushOutcome::Gone => gone += 1,
                PushOutcome::Failed => failed += 1,
            }
            self.record_outcome(due, outcome, now).await?;
        }
        tracing::info!(devices = devices.len(), accepted, gone, failed, "notifications");
        Ok(accepted)
    }

    async fn record_outcome(&self, due: &NotificationTarget, outcome: PushOutcome, now: Timestamp) -> Result<()> {
        match (outcome, due.failed_at) {
            (PushOutcome::Accepted, None) => Ok(()),
            (PushOutcome::Accepted, Some(_)) => store::set_failed_at(&mut *self.db.acquire().await?, due, None).await,
            (PushOutcome::Failed, None) => store::set_failed_at(&mut *self.db.acquire().await?, due, Some(now)).await,
            (PushOutcome::Failed, Some(since)) if now.since(since) < DEVICE_EXPIRY_MS => Ok(()),
            (PushOutcome::Gone, _) | (PushOutcome::Failed, Some(_)) => {
                store::delete_device(&mut *self.db.acquire().await?, due).await
            }
        }
    }
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
