//! Coalescing: in a lively room the messages beyond its rate wait for the end of a window of about a second and go out together.
//!
//! No message is lost, because the room's row lock decides who pushes each of them:
//!
//! * A message joins a window only if it sees one open under the lock. Then the window's delivery pushes it; else its sender does.
//! * The delivery is in the queue before the message that opens the window commits. No sender that dies leaves a window without a delivery.
//! * The delivery first closes the window under the lock, then reads all messages since the first. What joined has committed by then and is read;
//!   what comes later sees no open window.
//! * The queue delivers at least once, in any order. A window whose delivery is late counts as closed, so that what comes later does not wait for it
//!   and shows clients the gap. The late delivery still pushes everything since its first message, and clients drop what they have.

use std::time::Duration;

use futures_util::future::{join, join_all, join3};

use crate::domain::limits::token_bucket::{TOKEN, tokens};
use crate::domain::messages::send::sent_frame;
use crate::domain::notifications;
use crate::domain::rooms::audience;
use crate::error::{Limit, Result};
use crate::id::{Head, MAX_ID, Rev, RoomId, Seq};
use crate::protocol::frames::Frame;
use crate::protocol::messages::Message;
use crate::protocol::packing;
use crate::protocol::rooms::RoomKind;
use crate::push::Push;
use crate::push::coalescing::WINDOW;
use crate::push::shards::ShardPayload;
use crate::push::socket_registry::Connection;
use crate::store::Db;
use crate::store::coalescing::{self as store, Pace, Stretch};
use crate::store::members::{Readable, TokenBucket};
use crate::store::recipients::{self, Recipients};
use crate::time::Timestamp;

/// How long a window stays open beyond the time at which its delivery is due.
const LATE_MS: i64 = 2000;
/// Messages that one delivery pushes. Beyond, clients get a hint to fetch them.
const MAX_MESSAGES: u32 = 2000;

/// How a message is pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// By its sender.
    AtOnce,
    /// By the delivery of the open window.
    Joins,
    /// By the delivery of a new window.
    Opens,
}

/// Decides how a message is pushed, and the room's pace after it.
fn decide(pace: Pace, rate: Limit, is_crowded: bool, now: Timestamp) -> (Pace, Way) {
    let have = tokens(pace.allowance, rate, now);
    let within_rate = have >= TOKEN;
    let left = i32::try_from(if within_rate { have - TOKEN } else { have }).unwrap_or(i32::MAX);
    let allowance = TokenBucket { left, filled_at: now };
    let is_open = pace.window_due.0 > 0 && now.since(pace.window_due) < LATE_MS;
    if is_open {
        (Pace { allowance, ..pace }, Way::Joins)
    } else if within_rate || !is_crowded {
        (Pace { allowance, window_due: Timestamp(0) }, Way::AtOnce)
    } else {
        (Pace { allowance, window_due: now.plus_seconds(WINDOW.as_secs().cast_signed()) }, Way::Opens)
    }
}

/// Decides, under the room's lock, whether a delivery pushes the message at `head`. Returns the room's pace to store, and whether it does.
pub(super) async fn join_window(push: &Push, room: &Readable, pace: Pace, head: Head, now: Timestamp) -> (Pace, bool) {
    let Some(rate) = push.coalescing_rate().filter(|_| room.kind != RoomKind::Direct) else { return (pace, false) };
    let (next, way) = decide(pace, rate, push.is_crowded(room.room(), now), now);
    match way {
        Way::AtOnce => (next, false),
        Way::Joins => (next, true),
        Way::Opens if push.leave_window(room.room(), head, now).await => (next, true),
        Way::Opens => (Pace { window_due: Timestamp(0), ..next }, false),
    }
}

/// What a delivery pushes, as the members see it now.
struct Delivery {
    room: RoomId,
    messages: Vec<Message>,
    /// The highest `rev` among the messages.
    rev: Rev,
    recipients: Recipients,
    /// Members who may not read all of it: they fetch what they may.
    newcomers: Recipients,
}

/// The sockets that a delivery did not reach, with what they missed.
pub(in crate::domain) struct Missed {
    pub(in crate::domain) what: ShardPayload,
    pub(in crate::domain) unanswered: Vec<Connection>,
}

/// Closes a window and pushes its messages: up to a shard of sockets by itself, the others through the queue.
pub(in crate::domain) async fn end_window(db: &Db, push: &Push, room: RoomId, opening: Head, now: Timestamp) -> Result<Missed> {
    store::close_window(&mut *db.acquire().await?, room).await?;
    let Head { seq: first, rev } = opening;
    let stretch = Stretch { room, first, last: Seq(MAX_ID), rev };
    // Before the audience: what is sent after a membership or a session has ended does not reach it.
    let messages = store::messages(&mut *db.acquire().await?, stretch, MAX_MESSAGES + 1).await?;
    let audience = audience::find(db, push, room, now).await?;
    let delivery = prepare(db, stretch, messages, audience.recipients().clone()).await?;
    let last = delivery.messages.last().map_or(first, |message| message.seq);
    let what = ShardPayload::Messages { room_id: room, first, last, rev };
    let (own, others) = push.shards_of(&what, &audience);
    for shard in &others {
        push.deliver_later(shard, Duration::ZERO, now).await?;
    }
    let requests = delivery.messages.iter().map(|message| notifications::request(db, push, message, &audience, now));
    let (unanswered, _) = join(delivery.post(push, own, now), join_all(requests)).await;
    Ok(Missed { what, unanswered })
}

/// Pushes messages of a window to these sockets. Returns those that did not answer.
pub(in crate::domain) async fn push_messages(
    db: &Db,
    push: &Push,
    stretch: Stretch,
    audience: Vec<Connection>,
    now: Timestamp,
) -> Result<Vec<Connection>> {
    let users = Connection::users_of(&audience);
    let recipients = recipients::members_among(&mut *db.acquire().await?, stretch.room, &users).await?;
    let messages = store::messages(&mut *db.acquire().await?, stretch, MAX_MESSAGES + 1).await?;
    Ok(prepare(db, stretch, messages, recipients).await?.post(push, audience, now).await)
}

async fn prepare(db: &Db, stretch: Stretch, messages: Vec<Message>, recipients: Recipients) -> Result<Delivery> {
    let newcomers = store::joined_within(&mut *db.acquire().await?, stretch).await?;
    Ok(Delivery {
        room: stretch.room,
        rev: messages.iter().map(|message| message.rev).max().unwrap_or_default(),
        messages,
        newcomers: recipients.matching(|user| newcomers.contains(&user)),
        recipients,
    })
}

impl Delivery {
    async fn post(&self, push: &Push, audience: Vec<Connection>, now: Timestamp) -> Vec<Connection> {
        let Self { room, messages, rev, recipients, newcomers } = self;
        if messages.is_empty() {
            return Vec::new();
        }
        let hint = [Frame::Room { room_id: *room, rev: *rev }];
        if messages.len() > MAX_MESSAGES as usize {
            return push.deliver_in_order(audience, recipients, &hint, now).await;
        }
        let frames: Vec<_> = messages.iter().map(sent_frame).collect();
        let (new, settled): (Vec<_>, Vec<_>) = audience.into_iter().partition(|socket| newcomers.contains(socket.user));
        let (packed, single): (Vec<_>, Vec<_>) = settled.into_iter().partition(|socket| socket.dialect.is_packed());
        let packed_frames = packing::pack(&frames);
        // Boxed because each of them contains the futures of a delivery.
        let (packed, single, new) = join3(
            Box::pin(push.deliver_in_order(packed, recipients, &packed_frames, now)),
            Box::pin(push.deliver_in_order(single, recipients, &frames, now)),
            Box::pin(push.deliver_in_order(new, newcomers, &hint, now)),
        )
        .await;
        [packed, single, new].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Limit = Limit { quota: 4, window: 1 };
    const START: i64 = 1_700_000_000_000;
    const QUIET: Pace = Pace { allowance: TokenBucket { left: 0, filled_at: Timestamp(0) }, window_due: Timestamp(0) };

    /// Plays messages at these milliseconds; each window's delivery comes 100 ms after it is due.
    fn play(times: impl IntoIterator<Item = i64>, is_crowded: bool) -> Vec<Way> {
        let mut pace = QUIET;
        let played = times.into_iter().map(|time| {
            let now = Timestamp(START + time);
            if pace.window_due.0 > 0 && now.0 >= pace.window_due.0 + 100 {
                pace.window_due = Timestamp(0);
            }
            let (next, way) = decide(pace, RATE, is_crowded, now);
            pace = next;
            way
        });
        played.collect()
    }

    fn count(ways: &[Way], way: Way) -> usize {
        ways.iter().filter(|one| **one == way).count()
    }

    #[test]
    fn the_first_messages_go_at_once_and_a_burst_goes_in_windows() {
        let ways = play((0..100).map(|number| number * 100), true);
        assert_eq!(ways[..6], [Way::AtOnce; 6], "while the room is within its rate");
        let (at_once, windows) = (count(&ways, Way::AtOnce), count(&ways, Way::Opens));
        assert!((8..=9).contains(&windows) && at_once <= 12, "{windows} windows, {at_once} at once");
        assert!(4 * (at_once + windows) <= 100, "a quarter of the frames at most");
    }

    #[test]
    fn a_room_within_its_rate_gets_every_message_at_once() {
        assert_eq!(count(&play((0..100).map(|number| number * 250), true), Way::AtOnce), 100);
        assert_eq!(count(&play((0..100).map(|number| number * 10), false), Way::AtOnce), 100, "and one that few listen to");
    }

    #[test]
    fn after_a_pause_messages_go_at_once_again() {
        let ways = play((0..20).map(|number| number * 50).chain([5000, 5100]), true);
        assert!(count(&ways, Way::Joins) > 10, "{ways:?}");
        assert_eq!(ways[20..], [Way::AtOnce, Way::AtOnce]);
    }

    #[test]
    fn a_window_is_open_until_its_delivery_or_until_that_is_late() {
        let open = Pace { window_due: Timestamp(START), ..QUIET };
        let way = |late| decide(open, RATE, false, Timestamp(START + late));
        assert_eq!((way(-1000).1, way(0).1, way(LATE_MS - 1).1), (Way::Joins, Way::Joins, Way::Joins));
        let (pace, late) = way(LATE_MS);
        assert_eq!((pace.window_due, late), (Timestamp(0), Way::AtOnce));
        let empty = Pace { allowance: TokenBucket { left: 0, filled_at: Timestamp(START) }, ..QUIET };
        let (pace, way) = decide(empty, RATE, true, Timestamp(START));
        assert_eq!((pace.window_due, way), (Timestamp(START + 1000), Way::Opens));
    }
}
