//! The rules of messages: who may send what where, what a retry gives, what history shows.

use crate::caller::Caller;
use crate::config::Limits;
use crate::domain::rooms;
use crate::error::{Error, Limit, Result};
use crate::id::RoomRef;
use crate::protocol::frames::Frame;
use crate::protocol::messages::{History, Message, NewMessage, Reply};
use crate::protocol::page::{DEFAULT_LIMIT, MAX_LIMIT};
use crate::push::Push;
use crate::store::members::{self, Member, Readable};
use crate::store::messages::{self as store, Draft};
use crate::store::{Db, Handle, Tx};
use crate::time::Timestamp;

/// A replay younger than this is pushed once more: the first attempt may have died before its push.
const REPUSH_MS: i64 = 60_000;
/// What one message costs of an allowance.
const COST: i64 = 1000;

/// What became of a message.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The stored message.
    pub message: Message,
    /// Whether an earlier attempt had stored it.
    pub replayed: bool,
}

/// Stores a message and pushes it to every member: commit → push → answer, so whoever has the answer knows that it was pushed.
pub async fn send(db: &Db, push: &Push, limits: &Limits, caller: &Caller, (room, new): (&RoomRef, &NewMessage)) -> Result<Sent> {
    let draft = checked(new, limits)?;
    let sent = db
        .retrying(|| async {
            let mut tx = db.begin().await?;
            let outcome = store_message(&mut tx, limits, caller, (room, &draft)).await;
            tx.finish(outcome).await
        })
        .await?;
    if !sent.message_only_answered(caller.now) {
        let audience = members::audience(&mut *db.acquire().await?, sent.sent.message.room_id).await?;
        for frame in &sent.before {
            push.to_users(&audience, frame, caller.now).await;
        }
        push.to_users(&audience, &Frame::message(sent.sent.message.clone()), caller.now).await;
    }
    Ok(sent.sent)
}

/// Which part of history to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The newest messages.
    Newest,
    /// The newest ones before a seq.
    Before(u64),
    /// The oldest ones after a seq.
    After(u64),
    /// Those around a seq.
    Around(u64),
}

/// A run of history, ascending. Seqs have no holes, so a page is a range of them and nothing is counted or skipped.
pub async fn history(db: &Db, caller: &Caller, room: &RoomRef, part: Part, limit: Option<u32>) -> Result<History> {
    history_up_to(db, caller, room, part, limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT)).await
}

/// The same with a limit of the caller's choosing, for the older route whose page is larger.
pub async fn history_up_to(db: &Db, caller: &Caller, room: &RoomRef, part: Part, limit: u32) -> Result<History> {
    let mut connection = db.acquire().await?;
    let readable = rooms::readable(members::standing(&mut connection, room, caller.user).await?)?;
    let (first, last) = bounds(&readable, part, u64::from(limit));
    let items = if first > last { Vec::new() } else { store::range(&mut connection, &readable, first, last).await? };
    let next = match part {
        Part::After(_) => (last < readable.last_seq && !items.is_empty()).then_some(last),
        _ => (first > readable.visible_from_seq && !items.is_empty()).then_some(first),
    };
    Ok(History { items, next: next.map(|seq| seq.to_string()), last_seq: readable.last_seq, rev: readable.rev })
}

/// One message.
pub async fn find(db: &Db, caller: &Caller, room: &RoomRef, seq: u64) -> Result<Message> {
    let mut connection = db.acquire().await?;
    let readable = rooms::readable(members::standing(&mut connection, room, caller.user).await?)?;
    one(&mut connection, &readable, seq).await
}

async fn one(connection: &mut Handle, room: &Readable, seq: u64) -> Result<Message> {
    store::range(connection, room, seq, seq).await?.pop().ok_or(Error::NotFound("message_not_found"))
}

/// The first and the last seq of a part; none when first > last.
fn bounds(room: &Readable, part: Part, limit: u64) -> (u64, u64) {
    let floor = room.visible_from_seq.max(1);
    match part {
        Part::Newest => ((room.last_seq + 1).saturating_sub(limit).max(floor), room.last_seq),
        Part::Before(seq) => {
            let last = seq.saturating_sub(1).min(room.last_seq);
            ((last + 1).saturating_sub(limit).max(floor), last)
        }
        Part::After(seq) => {
            let first = seq.saturating_add(1).max(floor);
            (first, first.saturating_add(limit - 1).min(room.last_seq))
        }
        Part::Around(seq) => {
            let first = seq.saturating_sub(limit / 2).max(floor);
            (first, first.saturating_add(limit - 1).min(room.last_seq))
        }
    }
}

/// A message whose shape is right, borrowed from its input.
struct Checked<'a> {
    content: &'a str,
    client_id: Option<&'a str>,
    reply_to: Option<u64>,
}

fn checked<'a>(new: &'a NewMessage, limits: &Limits) -> Result<Checked<'a>> {
    let content = new.content.as_deref().unwrap_or_default();
    if content.trim().is_empty() {
        return Err(Error::invalid("content", "required", "must have at least one visible character"));
    }
    if content.contains('\0') {
        return Err(Error::invalid("content", "invalid", "must not contain NUL"));
    }
    // Characters, not bytes: a thousand emoji are a thousand. Bytes bound characters from below, so long texts are not counted out.
    if content.len() > limits.message_length * 4 || content.chars().count() > limits.message_length {
        return Err(Error::invalid("content", "too_long", format!("must have at most {} characters", limits.message_length)));
    }
    let client_id = new.client_id.as_deref();
    if client_id.is_some_and(|id| id.is_empty() || id.len() > 256 || id.chars().count() > 64) {
        return Err(Error::invalid("client_id", "invalid", "must have 1 to 64 characters"));
    }
    Ok(Checked { content, client_id, reply_to: new.reply_to })
}

/// A stored message and what has to be told before it.
struct Stored {
    sent: Sent,
    before: Vec<Frame>,
}

impl Stored {
    /// An old replay was surely pushed already.
    fn message_only_answered(&self, now: Timestamp) -> bool {
        self.sent.replayed && now.since(self.sent.message.created_at) >= REPUSH_MS
    }
}

async fn store_message(tx: &mut Tx<'_>, limits: &Limits, caller: &Caller, input: (&RoomRef, &Checked<'_>)) -> Result<Stored> {
    let (room, new) = input;
    let sending = store::lock(tx, caller.user, room, new.client_id, new.reply_to).await?;
    let Some(sending) = sending else { return Err(Error::NotFound("room_not_found")) };
    let mut readable = rooms::readable(Some(sending.standing))?;
    if let Some(seq) = sending.replay {
        let message = one(tx, &readable, seq).await?;
        let same = message.content == new.content && message.reply_to.as_ref().map(|reply| reply.seq) == new.reply_to;
        // An edited or unsent message no longer shows what was sent first; its key alone identifies it.
        return if same || message.edited_at.is_some() || message.deleted_at.is_some() {
            Ok(Stored { sent: Sent { message, replayed: true }, before: Vec::new() })
        } else {
            Err(Error::Conflict("client_id_reused"))
        };
    }
    if readable.archived {
        return Err(Error::Conflict("room_archived"));
    }
    let mut before = Vec::new();
    if readable.member().is_none() {
        // Whoever posts to a public room joins it.
        before.push(rooms::admit(tx, caller, &readable).await?);
        let standing = members::lock(tx, &RoomRef::Id(readable.room()), caller.user).await?;
        readable = rooms::readable(standing)?;
    }
    let member = readable.member().ok_or(Error::Forbidden("not_a_member"))?;
    let reply_to = answered(new.reply_to, sending.reply_to, &readable)?;
    let allowance = spend(member, limits.send, caller.now)?;
    let (seq, rev) = (readable.last_seq + 1, readable.rev + 1);
    let draft = Draft { content: new.content, client_id: new.client_id, reply_to: new.reply_to, allowance };
    let id = store::insert(tx, member, (seq, rev), draft, caller.now).await?;
    let message = Message {
        id,
        room_id: readable.room(),
        seq,
        rev,
        kind: crate::protocol::messages::MessageKind::Text,
        sender_id: Some(caller.user),
        username: Some(caller.username.clone()),
        content: new.content.to_owned(),
        client_id: new.client_id.map(str::to_owned),
        reply_to,
        attachments: Vec::new(),
        reactions: Vec::new(),
        mentions: Vec::new(),
        edited_at: None,
        deleted_at: None,
        created_at: caller.now,
    };
    Ok(Stored { sent: Sent { message, replayed: false }, before })
}

/// The answered message must be in the same room and readable by the sender.
fn answered(wanted: Option<u64>, found: Option<Reply>, room: &Readable) -> Result<Option<Reply>> {
    match (wanted, found) {
        (None, _) => Ok(None),
        (Some(seq), Some(reply)) if seq >= room.visible_from_seq => Ok(Some(reply)),
        (Some(_), _) => Err(Error::NotFound("message_not_found")),
    }
}

/// A token bucket on the member's row: full at first, refilled evenly, at most `quota` at once.
fn spend(member: &Member, limit: Limit, now: Timestamp) -> Result<i32> {
    let full = i64::from(limit.quota) * COST;
    let (left, filled_at) = member.allowance;
    let refill = now.since(filled_at).max(0).saturating_mul(full) / (i64::from(limit.window) * 1000);
    let have = i64::from(left).saturating_add(refill).min(full);
    if have < COST {
        let wait_ms = (COST - have) * i64::from(limit.window) * 1000 / full;
        let retry_after = u32::try_from(wait_ms.div_euclid(1000) + 1).unwrap_or(u32::MAX);
        return Err(Error::TooMany { retry_after, policy: Some(limit) });
    }
    Ok(i32::try_from(have - COST).unwrap_or(i32::MAX))
}
