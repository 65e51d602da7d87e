//! The rules of messages: who may send what where, what a retry gives, what history shows.

mod replays;

use futures_util::future::join;

use crate::caller::Caller;
use crate::config::{Limits, Quota};
use crate::domain::allowance::{rate, spend};
use crate::domain::news::News;
use crate::domain::paging::clamped;
use crate::domain::visible::shows_nothing;
use crate::domain::{attachments, mentions, notifications, repeats, rooms};
use crate::error::{Error, Rate, Result};
use crate::id::{RoomId, RoomRef, UploadId, UserId};
use crate::protocol::frames::Frame;
use crate::protocol::messages::{Attachment, Forward, Forwarded, History, Message, MessageKind, NewMessage, Reply};
use crate::protocol::page::MAX_LIMIT;
use crate::push::Push;
use crate::store::members::{self, Readable};
use crate::store::messages::{self as store, Draft, Origin};
use crate::store::{Db, Handle, Tx, mentions as mention_rows, reactions, recipients, traces, transaction};
use crate::telemetry::invocation::{self, Count};
use crate::time::Timestamp;

/// What the messages of one answer may take: Lambda's answer has 6 MB.
const MOST_BYTES: usize = 4_000_000;
/// An ordinary page of texts that take less than this together is not weighed.
const LIGHT: usize = 500_000;

/// What became of a message.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The stored message.
    pub message: Message,
    /// Whether an earlier attempt had stored it.
    pub replayed: bool,
    /// How the sender now stands to the limit; a replay is not counted.
    pub rate: Option<Rate>,
}

/// Stores a message and pushes it to every member: commit → push → answer, so whoever has the answer knows that it was pushed.
pub async fn send(db: &Db, push: &Push, limits: &Limits, caller: &Caller, (room, new): (&RoomRef, &NewMessage)) -> Result<Sent> {
    let draft = checked(new, limits)?;
    let stored = transaction!(db, |tx| store_message(tx, limits, caller, (room, &draft)).await)?;
    if !stored.sent.replayed {
        invocation::count(Count::Messages);
    }
    if stored.tells {
        if let Some(joining) = &stored.before {
            joining.push(db, push, caller.now).await?;
        }
        let audience = recipients::members(&mut *db.acquire().await?, stored.sent.message.room_id).await?;
        let audience = push.look(audience, caller.now).await;
        let (frame, message) = (as_sent(&stored.sent.message), &stored.sent.message);
        join(push.tell(&audience, &frame, caller.now), notifications::ask(db, push, message, &audience, caller.now)).await;
    }
    Ok(stored.sent)
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
    history_up_to(db, caller, room, part, clamped(limit)).await
}

/// The same with a limit of the caller's choosing, for the older route whose page is larger.
pub async fn history_up_to(db: &Db, caller: &Caller, room: &RoomRef, part: Part, limit: u32) -> Result<History> {
    let mut connection = db.acquire().await?;
    let readable = rooms::readable(members::standing(&mut connection, room, caller.user).await?)?;
    let (mut first, mut last) = bounds(&readable, part, u64::from(limit));
    let mut items = if first > last { Vec::new() } else { store::range(&mut connection, &readable, first, last).await? };
    reactions::fill(&mut connection, &readable, &mut items).await?;
    if fit(&mut items, part) {
        let ends = items.first().zip(items.last());
        (first, last) = ends.map_or((first, last), |(one, other)| (one.seq, other.seq));
    }
    // A page may be empty because all of it is hidden; there may be more beyond it.
    let next = match part {
        _ if first > last => None,
        Part::After(_) => (last < readable.visible_to_seq).then_some(last),
        _ => (first > readable.visible_from_seq).then_some(first),
    };
    let (last_seq, ascends) = (readable.visible_to_seq, matches!(part, Part::After(_)));
    Ok(History { items, next: next.map(|seq| seq.to_string()), last_seq, rev: readable.seen_rev(), ascends })
}

/// Leaves out what an answer has no room for, at the end where the next page begins. Whether anything was.
fn fit(items: &mut Vec<Message>, part: Part) -> bool {
    let texts: usize = items.iter().map(|message| message.content.len()).sum();
    if items.len() <= MAX_LIMIT as usize && texts < LIGHT {
        return false;
    }
    let (all, mut bytes) = (items.len(), 0);
    let fits = |message: &&Message| {
        bytes += serde_json::to_vec(message).map_or(0, |text| text.len());
        bytes <= MOST_BYTES
    };
    if matches!(part, Part::After(_)) {
        let some = items.iter().take_while(fits).count().max(1);
        items.truncate(some);
    } else {
        let some = items.iter().rev().take_while(fits).count().max(1);
        items.drain(..all.saturating_sub(some));
    }
    items.len() < all
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
    let audience = recipients::members(&mut *db.acquire().await?, room).await?;
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
            let first = seq.min(room.visible_to_seq).saturating_sub(limit / 2).max(floor);
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
    Text(&'a str, &'a [UploadId]),
    Forward(&'a Forward),
}

fn checked<'a>(new: &'a NewMessage, limits: &Limits) -> Result<Checked<'a>> {
    let what = match (&new.forward, new.content.as_deref()) {
        (Some(source), None) if new.attachments.is_empty() => What::Forward(source),
        (Some(_), None) => return Err(Error::invalid("attachments", "conflicting", "must not be given beside forward")),
        (Some(_), Some(_)) => return Err(Error::invalid("content", "conflicting", "must not be given beside forward")),
        (None, content) => {
            let attachments = attachments::checked(&new.attachments)?;
            What::Text(words(content.unwrap_or_default(), !attachments.is_empty(), limits)?, attachments)
        }
    };
    let client_id = new.client_id.as_deref();
    // The store takes blanks at its end for nothing.
    let fits = |id: &str| {
        !id.is_empty() && id.len() <= 256 && id.chars().count() <= 64 && id.trim() == id && !id.contains(char::is_control)
    };
    if client_id.is_some_and(|id| !fits(id)) {
        return Err(Error::invalid(
            "client_id",
            "invalid",
            "must have 1 to 64 characters, without control characters or blanks at its ends",
        ));
    }
    Ok(Checked { what, client_id, reply_to: new.reply_to })
}

/// The same for a message that needs no words where it has something else to show.
pub(super) fn words<'a>(content: &'a str, shows: bool, limits: &Limits) -> Result<&'a str> {
    if shows && shows_nothing(content) && !content.contains('\0') { Ok("") } else { text(content, limits) }
}

/// The text, if a message may say it.
fn text<'a>(content: &'a str, limits: &Limits) -> Result<&'a str> {
    if shows_nothing(content) {
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
    /// Whether the members are told; of an old replay they surely were.
    tells: bool,
}

/// The message as it was sent. What became of it since is not in a frame that says "sent": whoever missed it is told to look.
pub(super) fn as_sent(message: &Message) -> Frame {
    let changed = message.edited_at.is_some() || message.deleted_at.is_some() || message.pinned_at.is_some();
    if changed || !message.reactions.is_empty() {
        Frame::Room { room_id: message.room_id, rev: message.rev }
    } else {
        Frame::message(message.clone())
    }
}

async fn store_message(tx: &mut Tx<'_>, limits: &Limits, caller: &Caller, input: (&RoomRef, &Checked<'_>)) -> Result<Stored> {
    let (room, new) = input;
    let sending = store::lock(tx, caller.user, room, new.client_id, new.reply_to).await?;
    let Some(sending) = sending else { return Err(Error::NotFound("room_not_found")) };
    let mut readable = rooms::readable(Some(sending.standing))?;
    if let Some(seq) = sending.replay {
        return replays::replayed(tx, limits, caller, (&readable, seq), new).await;
    }
    let mut before = None;
    if readable.member().is_none() {
        // Whoever posts to a public room joins it.
        before = Some(rooms::admit(tx, caller, &readable).await?);
        let standing = members::lock(tx, &RoomRef::Id(readable.room()), caller.user).await?;
        readable = rooms::readable(standing)?;
    }
    if !sending.closed_to.is_empty() {
        // A direct room comes into a list with its first message, and back into it with the next one.
        let mut shown = News::of(&readable);
        sending.closed_to.iter().for_each(|user| shown.came(*user));
        before = Some(shown);
    }
    let member = readable.member().ok_or(Error::Forbidden("not_a_member"))?;
    rooms::may_write(&readable, member, caller.now)?;
    let reply_to = answered(new.reply_to, sending.reply_to, &readable)?;
    let allowance = spend(member.allowance, limits.send, caller.now)?;
    let (seq, rev) = (readable.last_seq + 1, readable.rev + 1);
    let here = (readable.room(), seq);
    let Contents { content, attachments, mentions, origin } = contents(tx, (caller, limits.quota), here, new.what).await?;
    let said = match content.as_str() {
        // Pictures without words say nothing twice.
        "" => sending.said,
        content => repeats::count(&sending.said, content, limits.repeat, caller.now)?,
    };
    let kind = attachments::kind(&attachments);
    let draft = Draft {
        content: &content,
        client_id: new.client_id,
        reply_to: new.reply_to,
        mentions: &mentions,
        attachments: (&attachments, kind),
        origin: origin.as_ref().map(|first| Origin { place: first.place, told: &first.told }),
        allowance,
        said: &said,
    };
    let id = store::insert(tx, member, (seq, rev), draft, caller.now).await?;
    mention_rows::insert(tx, here, &mentions).await?;
    if let Some(writer) = origin.as_ref().and_then(|first| first.writer) {
        traces::note(tx, here, writer).await?;
    }
    let message = Message {
        id,
        room_id: readable.room(),
        seq,
        rev,
        kind,
        event: None,
        sender_id: Some(caller.user),
        username: Some(caller.username.clone()),
        content,
        client_id: new.client_id.map(str::to_owned),
        reply_to,
        forwarded: origin.map(|first| first.told),
        attachments,
        reactions: Vec::new(),
        mentions,
        edited_at: None,
        pinned_at: None,
        deleted_at: None,
        deleted_by: None,
        created_at: caller.now,
    };
    Ok(Stored { sent: Sent { message, replayed: false, rate: Some(rate(allowance, limits.send)) }, before, tells: true })
}

/// What a new message shows.
struct Contents {
    content: String,
    attachments: Vec<Attachment>,
    mentions: Vec<UserId>,
    /// Where it comes from, when it is forwarded.
    origin: Option<First>,
}

/// The message that another one passes on.
struct First {
    /// Where it stands.
    place: (RoomId, u64),
    /// What its new readers are told of who wrote it first.
    told: Forwarded,
    writer: Option<UserId>,
}

/// What the message at `here` shows: one's own words with what one uploaded, or those of a message that one can read.
async fn contents(tx: &mut Tx<'_>, (caller, quota): (&Caller, Quota), here: (RoomId, u64), what: What<'_>) -> Result<Contents> {
    match what {
        What::Text(content, uploads) => {
            let mentions = mentions::named(tx, here.0, caller.user, content).await?;
            let attachments = attachments::attach(tx, (caller, quota), here, uploads).await?;
            Ok(Contents { content: content.to_owned(), attachments, mentions, origin: None })
        }
        What::Forward(source) => {
            let room = rooms::readable(members::standing(tx, &source.room_id, caller.user).await?)?;
            let message = one(tx, &room, source.seq).await?;
            alive(&message)?;
            // Of a message that was forwarded before, the first writer is told, not the one who passed it on.
            let place = (message.room_id, message.seq);
            let (writer, username) = traces::writer(tx, place).await?.unzip();
            let created_at = message.forwarded.map_or(message.created_at, |first| first.created_at);
            let origin = Some(First { place, told: Forwarded { username, created_at }, writer });
            let attachments = attachments::pass_on(tx, (caller, quota), place, here, &message.attachments).await?;
            Ok(Contents { content: message.content, attachments, mentions: Vec::new(), origin })
        }
    }
}

/// The answered message must be in the same room and readable by the sender.
fn answered(wanted: Option<u64>, found: Option<Reply>, room: &Readable) -> Result<Option<Reply>> {
    match (wanted, found) {
        (None, _) => Ok(None),
        (Some(seq), Some(reply)) if seq >= room.visible_from_seq => Ok(Some(reply)),
        (Some(_), _) => Err(Error::NotFound("message_not_found")),
    }
}
