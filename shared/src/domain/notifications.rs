//! The rules of notifications: who is told of a message while they are away. Of everything in direct rooms and in rooms of moderate size, of
//! mentions in large ones; as far as the person wants to know, did not mute the room, and stands apart from the sender by no block. A burst is
//! told at once, and once more when the pause after that is over.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;

use crate::error::Result;
use crate::id::UserId;
use crate::protocol::messages::{Message, MessageKind};
use crate::protocol::notifications::Notification;
use crate::protocol::people::Notifications;
use crate::protocol::rooms::RoomKind;
use crate::push::Push;
use crate::push::audience::Audience;
use crate::push::notify::{Asked, Turn};
use crate::push::web::{Device, Told, WebPush, Words};
use crate::store::Db;
use crate::store::subscriptions::{self as store, Due, Endpoint, News};
use crate::time::Timestamp;

/// Devices that are told at once.
const IN_FLIGHT: usize = 16;
/// One telling ends before Lambda ends it; whom it did not get to by then finds the message all the same.
const RUN: Duration = Duration::from_secs(20);
/// Characters of a text that a notification shows.
const PREVIEW: usize = 240;
/// A device whose push service took nothing for so long is given up.
const GIVEN_UP_MS: i64 = 7 * 24 * 3600 * 1000;

/// Has those who are away told of a new message. Costs a statement where somebody is, and a call where one of them has a device; the sender waits
/// for it no longer than for the posts to those who are there. A failure ends here: whoever is not told finds the message all the same.
pub(super) async fn ask(db: &Db, push: &Push, message: &Message, audience: &Audience, now: Timestamp) {
    let Some(most) = push.notifies() else { return };
    if message.kind == MessageKind::System || message.deleted_at.is_some() {
        return;
    }
    let mut away = audience.away();
    away.retain(|user| Some(*user) != message.sender_id && (audience.len() <= most || message.mentions.contains(user)));
    if away.is_empty() {
        return;
    }
    let found = async { store::among(&mut *db.acquire().await?, &away).await };
    match found.await {
        Ok(to) if to.is_empty() => {}
        Ok(to) => push.ask_to_notify(&Asked { room_id: message.room_id, seq: message.seq, to }, now).await,
        Err(error) => tracing::warn!(error = error.source().map(ToString::to_string), "nobody was notified"),
    }
}

/// Tells those who were away when the message came: what the function `notify` does. Gives how many devices took it. Asked again after a failure
/// it tells nobody twice.
pub async fn serve(db: &Db, push: &Push, web: &WebPush, (asked, pause): (&Asked, Duration), now: Timestamp) -> Result<usize> {
    let teller = Teller { db, push, web, pause };
    let Some(news) = teller.news(asked, Some(asked.seq)).await? else { return Ok(0) };
    let (told, waiting) = teller.tell(&news, &asked.to, now).await?;
    let Some(then) = waiting.iter().map(|(_, then)| *then).max() else { return Ok(told) };
    // A pause is short: a wait beyond it would be the wait for a wrong clock.
    let wait = then.since(now).clamp(0, i64::try_from(pause.as_millis()).unwrap_or(i64::MAX));
    tokio::time::sleep(Duration::from_millis(wait.unsigned_abs())).await;
    let now = Timestamp(now.0.saturating_add(wait));
    let waiting: Vec<_> = waiting.into_iter().map(|(user, _)| user).collect();
    let back = push.attend(&waiting, now).await.unwrap_or_default();
    let away = waiting.into_iter().filter(|user| !back.iter().any(|found| found.user == *user && !found.live.is_empty()));
    // Whom the message mentions is told of it; to others the newest stands for all that came since.
    let (called, others): (Vec<_>, Vec<_>) = away.partition(|user| news.mentions.contains(user));
    let mut all = told;
    for (seq, users) in [(Some(asked.seq), called), (None, others)] {
        if let Some(news) = teller.news(asked, seq).await? {
            all += teller.tell(&news, &users, now).await?.0;
        }
    }
    Ok(all)
}

/// All that telling takes.
struct Teller<'a> {
    db: &'a Db,
    push: &'a Push,
    web: &'a WebPush,
    pause: Duration,
}

impl Teller<'_> {
    /// The message of a place, or the newest; none when there is nothing to tell any more.
    async fn news(&self, asked: &Asked, seq: Option<u64>) -> Result<Option<News>> {
        store::news(&mut *self.db.acquire().await?, asked.room_id, seq).await
    }

    /// Tells those whose turn it is: how many devices took it, and who is to be told later.
    async fn tell(&self, news: &News, users: &[UserId], now: Timestamp) -> Result<(usize, Vec<(UserId, Timestamp)>)> {
        if users.is_empty() {
            return Ok((0, Vec::new()));
        }
        let mut due: BTreeMap<UserId, Vec<Due>> = BTreeMap::new();
        for device in store::due(&mut *self.db.acquire().await?, news, users, now).await? {
            if wants(&device, news) {
                due.entry(device.user).or_default().push(device);
            }
        }
        let turns = stream::iter(due).map(|(user, devices)| async move {
            let turn = self.push.turn((user, news.room, news.seq), self.pause, now).await;
            (
                user,
                devices,
                turn.inspect_err(|error| tracing::warn!(%error, "whose turn it is is not known")).unwrap_or(Turn::Others),
            )
        });
        let turns: Vec<_> = turns.buffer_unordered(IN_FLIGHT).collect().await;
        let (mut devices, mut later) = (Vec::new(), Vec::new());
        for (user, theirs, turn) in turns {
            match turn {
                Turn::Now => devices.extend(theirs),
                Turn::Then(time) => later.push((user, time)),
                Turn::Others => {}
            }
        }
        Ok((self.tell_all(news, &devices, now).await?, later))
    }

    /// Tells these devices, and keeps in mind what became of that.
    async fn tell_all(&self, news: &News, devices: &[Due], now: Timestamp) -> Result<usize> {
        let telling = stream::iter(devices).map(|due| async move {
            let Ok(text) = serde_json::to_string(&notification(news, due)) else { return (due, Told::Failed) };
            let urgent = news.room_kind == RoomKind::Direct || news.mentions.contains(&due.user);
            let words = Words { text: &text, topic: &format!("room-{}", news.room), urgent };
            let Endpoint { url, public, auth, vapid, .. } = &due.endpoint;
            (due, self.web.tell(Device { endpoint: url, public, auth, vapid }, words, now).await)
        });
        let mut telling = Box::pin(telling.buffer_unordered(IN_FLIGHT));
        let deadline = tokio::time::Instant::now() + RUN;
        let (mut accepted, mut gone, mut failed) = (0, 0, 0);
        while let Ok(Some((due, told))) = tokio::time::timeout_at(deadline, telling.next()).await {
            match told {
                Told::Accepted => accepted += 1,
                Told::Gone => gone += 1,
                Told::Failed => failed += 1,
            }
            self.keep(due, told, now).await?;
        }
        tracing::info!(devices = devices.len(), accepted, gone, failed, "notifications");
        Ok(accepted)
    }

    async fn keep(&self, due: &Due, told: Told, now: Timestamp) -> Result<()> {
        match (told, due.failed_at) {
            (Told::Accepted, None) => Ok(()),
            (Told::Accepted, Some(_)) => store::note(&mut *self.db.acquire().await?, due, None).await,
            (Told::Failed, None) => store::note(&mut *self.db.acquire().await?, due, Some(now)).await,
            (Told::Failed, Some(since)) if now.since(since) < GIVEN_UP_MS => Ok(()),
            (Told::Gone, _) | (Told::Failed, Some(_)) => store::forget(&mut *self.db.acquire().await?, due).await,
        }
    }
}

/// Whether a person wants to know of this message; those who want to know of none are not asked for.
fn wants(due: &Due, news: &News) -> bool {
    due.wish == Notifications::All || news.room_kind == RoomKind::Direct || news.mentions.contains(&due.user)
}

fn notification(news: &News, due: &Due) -> Notification {
    let (sender_id, sender) = &news.sender;
    Notification {
        what: "message",
        room_id: news.room,
        room_kind: news.room_kind,
        room: if news.room_kind == RoomKind::Direct { sender.clone() } else { news.room_name.clone() },
        seq: news.seq,
        kind: news.kind,
        sender_id: *sender_id,
        sender: sender.clone(),
        preview: preview(&news.content),
        unread: due.unread,
        mentioned: news.mentions.contains(&due.user),
        url: format!("/#/rooms/{}", news.room),
    }
}

/// The beginning of a text, in one line.
fn preview(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(PREVIEW) {
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
        // What JSON spells longest are control characters; of four bytes each are the characters beyond the first plane.
        for longest in ["\u{1}", "\u{1f600}", "\u{200d}"] {
            let news = News {
                room: RoomId(u64::MAX),
                room_name: "\u{1f600}".repeat(100),
                room_kind: RoomKind::Public,
                seq: u64::MAX,
                kind: MessageKind::Image,
                sender: (UserId(u64::MAX), "\u{1f600}".repeat(64)),
                content: longest.repeat(16_000),
                mentions: Vec::new(),
            };
            let endpoint = Endpoint { url: String::new(), hash: [0; 32], public: vec![], auth: vec![], vapid: vec![] };
            let wish = Notifications::All;
            let due = Due { user: UserId(1), wish, unread: u64::MAX, session: SessionId(1), endpoint, failed_at: None };
            let text = serde_json::to_string(&notification(&news, &due)).expect("JSON");
            assert!(text.len() <= MOST_TEXT, "{} of {MOST_TEXT}", text.len());
        }
    }

    #[test]
    fn a_preview_is_the_beginning_in_one_line() {
        assert_eq!(preview(" two\n lines\t"), "two lines");
        assert_eq!(preview(&"ü".repeat(241)), format!("{}…", "ü".repeat(240)));
    }
}
