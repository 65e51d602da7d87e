//! The rules of messages: who may send what where, what a retry gives, what history shows.

use crate::caller::Caller;
use crate::config::Limits;
use crate::domain::news::News;
use crate::domain::{mentions, rooms};
use crate::error::{Error, Limit, Result};
use crate::id::{RoomId, RoomRef};
use crate::protocol::frames::Frame;
use crate::protocol::messages::{Forward, Forwarded, History, Message, MessageKind, NewMessage, Reply};
use crate::protocol::page::{DEFAULT_LIMIT, MAX_LIMIT};
use crate::push::Push;
use crate::store::members::{self, Member, Readable};
use crate::store::messages::{self as store, Draft, Origin};
use crate::store::{Db, Handle, Tx, mentions as mention_rows, reactions};
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
        if let Some(joining) = &sent.before {
            joining.push(db, push, caller.now).await?;
        }
        let audience = members::audience(&mut *db.acquire().await?, sent.sent.message.room_id).await?;
        push.to_users(&audience, &sent.frame(), caller.now).await;
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
    let mut items = if first > last { Vec::new() } else { store::range(&mut connection, &readable, first, last).await? };
    reactions::fill(&mut connection, &readable, &mut items).await?;
    // A page may be empty because all of it is hidden; there may be more beyond it.
    let next = match part {
        _ if first > last => None,
        Part::After(_) => (last < readable.visible_to_seq).then_some(last),
        _ => (first > readable.visible_from_seq).then_some(first),
    };
    Ok(History { items, next: next.map(|seq| seq.to_string()), last_seq: readable.visible_to_seq, rev: readable.rev })
}

/// One message.
pub async fn find(db: &Db, caller: &Caller, room: &RoomRef, seq: u64) -> Result<Message> {
    let mut connection = db.acquire().await?;
    let readable = rooms::readable(members::standing(&mut connection, room, caller.user).await?)?;
    one(&mut connection, &readable, seq).await
}

/// One message as the reader sees it, reactions included.
pub(super) async fn one(connection: &mut Handle, room: &Readable, seq: u64) -> Result<Message> {
    let mut found = store::range(connection, room, seq, seq).await?;
    reactions::fill(connection, room, &mut found).await?;
    found.pop().ok_or(Error::NotFound("message_not_found"))
}

/// A message that is about to change, and its room, under the room's lock. Only a member finds one.
pub(super) async fn held(tx: &mut Tx<'_>, caller: &Caller, room: &RoomRef, seq: u64) -> Result<(Readable, Message)> {
    let readable = rooms::readable(members::lock(tx, room, caller.user).await?)?;
    let message = one(tx, &readable, seq).await?;
    rooms::member(&readable)?;
    Ok((readable, message))
}

/// What people wrote and did not unsend may change and be passed on; the rest is only a trace.
pub(super) fn alive(message: &Message) -> Result<()> {
    if message.kind == MessageKind::System {
        Err(Error::Conflict("system_message"))
    } else if message.deleted_at.is_some() {
        Err(Error::Conflict("message_unsent"))
    } else {
        Ok(())
    }
}

/// Tells every member of a room.
pub(super) async fn tell(db: &Db, push: &Push, room: RoomId, frame: &Frame, now: Timestamp) -> Result<()> {
    let audience = members::audience(&mut *db.acquire().await?, room).await?;
    push.to_users(&audience, frame, now).await;
    Ok(())
}

/// The first and the last seq of a part; none when first > last.
fn bounds(room: &Readable, part: Part, limit: u64) -> (u64, u64) {
    let floor = room.visible_from_seq.max(1);
    match part {
        Part::Newest => ((room.visible_to_seq + 1).saturating_sub(limit).max(floor), room.visible_to_seq),
        Part::Before(seq) => {
            let last = seq.saturating_sub(1).min(room.visible_to_seq);
            ((last + 1).saturating_sub(limit).max(floor), last)
        }
        Part::After(seq) => {
            let first = seq.saturating_add(1).max(floor);
            (first, first.saturating_add(limit - 1).min(room.visible_to_seq))
        }
        Part::Around(seq) => {
            let first = seq.saturating_sub(limit / 2).max(floor);
            (first, first.saturating_add(limit - 1).min(room.visible_to_seq))
        }
    }
}

/// A message whose shape is right, borrowed from its input.
struct Checked<'a> {
    what: What<'a>,
    client_id: Option<&'a str>,
    reply_to: Option<u64>,
}

/// One's own words, or a message to pass on.
#[derive(Clone, Copy)]
enum What<'a> {
    Text(&'a str),
    Forward(&'a Forward),
}

fn checked<'a>(new: &'a NewMessage, limits: &Limits) -> Result<Checked<'a>> {
    let what = match (&new.forward, new.content.as_deref()) {
        (Some(source), None) => What::Forward(source),
        (Some(_), Some(_)) => return Err(Error::invalid("content", "conflicting", "must not be given beside forward")),
        (None, content) => What::Text(text(content.unwrap_or_default(), limits)?),
    };
    let client_id = new.client_id.as_deref();
    if client_id.is_some_and(|id| id.is_empty() || id.len() > 256 || id.chars().count() > 64) {
        return Err(Error::invalid("client_id", "invalid", "must have 1 to 64 characters"));
    }
    Ok(Checked { what, client_id, reply_to: new.reply_to })
}

/// The text, if a message may say it.
pub(super) fn text<'a>(content: &'a str, limits: &Limits) -> Result<&'a str> {
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
    Ok(content)
}

/// A stored message and what has to be told before it.
struct Stored {
    sent: Sent,
    before: Option<News>,
}

impl Stored {
    /// An old replay was surely pushed already.
    fn message_only_answered(&self, now: Timestamp) -> bool {
        self.sent.replayed && now.since(self.sent.message.created_at) >= REPUSH_MS
    }

    /// The message as it was sent. What became of it since is not in a frame that says "sent": whoever missed it is told to look.
    fn frame(&self) -> Frame {
        let Message { room_id, rev, .. } = self.sent.message;
        let message = &self.sent.message;
        let changed = message.edited_at.is_some() || message.deleted_at.is_some() || message.pinned_at.is_some();
        if changed || !message.reactions.is_empty() { Frame::Room { room_id, rev } } else { Frame::message(message.clone()) }
    }
}

async fn store_message(tx: &mut Tx<'_>, limits: &Limits, caller: &Caller, input: (&RoomRef, &Checked<'_>)) -> Result<Stored> {
    let (room, new) = input;
    let sending = store::lock(tx, caller.user, room, new.client_id, new.reply_to).await?;
    let Some(sending) = sending else { return Err(Error::NotFound("room_not_found")) };
    let mut readable = rooms::readable(Some(sending.standing))?;
    if let Some(seq) = sending.replay {
        let message = one(tx, &readable, seq).await?;
        let says_same = match new.what {
            What::Text(content) => message.forwarded.is_none() && message.content == content,
            What::Forward(_) => message.forwarded.is_some(),
        };
        let same = says_same && message.reply_to.as_ref().map(|reply| reply.seq) == new.reply_to;
        // An edited or unsent message no longer shows what was sent first; its key alone identifies it.
        return if same || message.edited_at.is_some() || message.deleted_at.is_some() {
            Ok(Stored { sent: Sent { message, replayed: true }, before: None })
        } else {
            Err(Error::Conflict("client_id_reused"))
        };
    }
    let mut before = None;
    if readable.member().is_none() {
        // Whoever posts to a public room joins it.
        before = Some(rooms::admit(tx, caller, &readable).await?);
        let standing = members::lock(tx, &RoomRef::Id(readable.room()), caller.user).await?;
        readable = rooms::readable(standing)?;
    }
    let member = readable.member().ok_or(Error::Forbidden("not_a_member"))?;
    rooms::may_write(&readable, member, caller.now)?;
    let reply_to = answered(new.reply_to, sending.reply_to, &readable)?;
    let allowance = spend(member, limits.send, caller.now)?;
    let (seq, rev) = (readable.last_seq + 1, readable.rev + 1);
    let (content, forwarded, mentions) = match new.what {
        What::Text(content) => (content.to_owned(), None, mentions::named(tx, readable.room(), content).await?),
        What::Forward(source) => {
            let (place, content, told) = passed_on(tx, caller, source).await?;
            (content, Some((place, told)), Vec::new())
        }
    };
    let draft = Draft {
        content: &content,
        client_id: new.client_id,
        reply_to: new.reply_to,
        mentions: &mentions,
        origin: forwarded.as_ref().map(|(place, told)| Origin { place: *place, told }),
        allowance,
    };
    let id = store::insert(tx, member, (seq, rev), draft, caller.now).await?;
    mention_rows::insert(tx, (readable.room(), seq), &mentions).await?;
    let message = Message {
        id,
        room_id: readable.room(),
        seq,
        rev,
        kind: MessageKind::Text,
        event: None,
        sender_id: Some(caller.user),
        username: Some(caller.username.clone()),
        content,
        client_id: new.client_id.map(str::to_owned),
        reply_to,
        forwarded: forwarded.map(|(_, told)| told),
        attachments: Vec::new(),
        reactions: Vec::new(),
        mentions,
        edited_at: None,
        pinned_at: None,
        deleted_at: None,
        deleted_by: None,
        created_at: caller.now,
    };
    Ok(Stored { sent: Sent { message, replayed: false }, before })
}

/// Where a message to pass on stands, its text, and what its new readers are told of it. The caller must be able to read it.
async fn passed_on(tx: &mut Tx<'_>, caller: &Caller, source: &Forward) -> Result<((RoomId, u64), String, Forwarded)> {
    let room = rooms::readable(members::standing(tx, &source.room_id, caller.user).await?)?;
    let message = one(tx, &room, source.seq).await?;
    alive(&message)?;
    // Of a message that was forwarded before, the first writer is told, not the one who passed it on.
    let told = message.forwarded.unwrap_or(Forwarded { username: message.username, created_at: message.created_at });
    Ok(((message.room_id, message.seq), message.content, told))
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
