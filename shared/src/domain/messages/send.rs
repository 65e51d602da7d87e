//! Sending a message: validate, store in one transaction, push to the members, request notifications.

use futures_util::future::join;

use super::replays::{self, FoundReplay, Replay};
use super::{coalescing, find_readable, mentions, require_not_unsent};
use crate::caller::{Caller, MessageSender};
use crate::config::{Limits, Quota};
use crate::domain::auth::sessions::{self, ENDED};
use crate::domain::limits::duplicate_text;
use crate::domain::limits::token_bucket::{rate, take_token};
use crate::domain::notifications;
use crate::domain::rooms::changes::RoomChanges;
use crate::domain::rooms::{self, audience};
use crate::domain::uploads::attachments::{self, AttachmentCopy};
use crate::error::{Error, RateStatus, Result};
use crate::id::{Head, MessageId, MessageRef, RoomRef, Seq, UploadId, UserId};
use crate::protocol::frames::Frame;
use crate::protocol::messages::{Attachment, Forward, Forwarded, Message, NewMessage, Reply};
use crate::push::Push;
use crate::store::coalescing::Pace;
use crate::store::members::{self, Membership, Readable};
use crate::store::recipients::{self, IndexUse, RoomRecipients};
use crate::store::sending::{self as store, Begun, Committed, Draft, ForwardSource, Lookup, SendContext, SendState};
use crate::store::{Db, Tx, mentions as mention_rows, redaction};
use crate::telemetry::invocation::{self, Count};
use crate::text::visible::is_invisible;
use crate::time::Timestamp;

#[derive(Clone, Debug)]
pub struct Sent {
    pub message: Message,
    /// Whether an earlier attempt had stored it.
    pub replayed: bool,
    /// The sender's rate-limit status; absent for a replay, which is not counted.
    pub rate: Option<RateStatus>,
}

/// A message to send.
#[derive(Clone, Copy, Debug)]
pub struct SendRequest<'a> {
    pub room: &'a RoomRef,
    pub new: &'a NewMessage,
}

/// Validates a message for a room that is yet to be made, so that a refused message makes none.
pub fn check_first(new: &NewMessage, limits: &Limits) -> Result<()> {
    validate(new, limits)?;
    if new.reply_to.is_some() { Err(Error::NotFound("message_not_found")) } else { Ok(()) }
}

/// Stores a message and pushes it to the members before it answers: commit, push, answer.
pub async fn send(
    db: &Db,
    push: &Push,
    limits: &Limits,
    sender: impl Into<MessageSender>,
    sending: SendRequest<'_>,
) -> Result<Sent> {
    let sender = &sender.into();
    let message = match validate(sending.new, limits) {
        // The session is checked first: when it has ended, the socket is closed and the charge withdrawn.
        Err(refusal) if sender.username.is_none() => {
            sessions::load_caller(db, sender.user, sender.session, sender.now).await?;
            return Err(refusal);
        }
        checked => checked?,
    };
    let terms = Terms { push, limits, sender };
    let stored = db.retrying(|| store_message(db, terms, sending.room, &message)).await?;
    if !stored.sent.replayed {
        invocation::count(Count::Messages);
    }
    if let Some(audience) = stored.audience {
        if let Some(joining) = &stored.changes_before {
            joining.push(db, push, sender.now).await?;
        }
        let audience = audience::find_of(db, push, stored.sent.message.room_id, audience, sender.now).await?;
        push.note_crowd(stored.sent.message.room_id, &audience, sender.now);
        let (frame, message) = (sent_frame(&stored.sent.message), &stored.sent.message);
        join(push.send(&audience, &frame, sender.now), notifications::request(db, push, message, &audience, sender.now)).await;
    }
    Ok(stored.sent)
}

/// A validated message, borrowed from its input.
pub(super) struct ValidMessage<'a> {
    pub(super) contents: NewContents<'a>,
    pub(super) client_id: Option<&'a str>,
    pub(super) reply_to: Option<Seq>,
}

/// New text with uploads, or a message to forward.
#[derive(Clone, Copy)]
pub(super) enum NewContents<'a> {
    Text(&'a str, &'a [UploadId]),
    Forward(&'a Forward),
}

fn validate<'a>(new: &'a NewMessage, limits: &Limits) -> Result<ValidMessage<'a>> {
    let contents = match (&new.forward, new.content.as_deref()) {
        (Some(source), None) if new.attachments.is_empty() => NewContents::Forward(source),
        (Some(_), None) => return Err(Error::invalid("attachments", "conflicting", "must not be given beside forward")),
        (Some(_), Some(_)) => return Err(Error::invalid("content", "conflicting", "must not be given beside forward")),
        (None, content) => {
            let attachments = attachments::validate(&new.attachments)?;
            NewContents::Text(validate_content(content.unwrap_or_default(), !attachments.is_empty(), limits)?, attachments)
        }
    };
    let client_id = new.client_id.as_deref();
    // The store ignores trailing blanks when it compares.
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
    Ok(ValidMessage { contents, client_id, reply_to: new.reply_to })
}

/// Validates a text that may be empty if the message has attachments.
pub(super) fn validate_content<'a>(content: &'a str, shows: bool, limits: &Limits) -> Result<&'a str> {
    if shows && is_invisible(content) && !content.contains('\0') { Ok("") } else { validate_text(content, limits) }
}

fn validate_text<'a>(content: &'a str, limits: &Limits) -> Result<&'a str> {
    if is_invisible(content) {
        return Err(Error::invalid("content", "required", "must have at least one visible character"));
    }
    if content.contains('\0') {
        return Err(Error::invalid("content", "invalid", "must not contain NUL"));
    }
    // The limit counts characters. The byte length is checked first, so long texts are not counted.
    if content.len() > limits.message_length * 4 || content.chars().count() > limits.message_length {
        return Err(Error::invalid("content", "too_long", format!("must have at most {} characters", limits.message_length)));
    }
    Ok(content)
}

/// A stored message and the changes to push before it.
struct StoredMessage {
    sent: Sent,
    changes_before: Option<RoomChanges>,
    /// The members to push to; none for an old replay, which was pushed before, and for a message in a window, which is pushed at its end.
    audience: Option<RoomRecipients>,
}

/// Builds the frame of a sent message. A message that changed since yields a hint to fetch the room.
pub(in crate::domain) fn sent_frame(message: &Message) -> Frame {
    let changed = message.edited_at.is_some() || message.deleted_at.is_some() || message.pinned_at.is_some();
    if changed || !message.reactions.is_empty() {
        Frame::Room { room_id: message.room_id, rev: message.rev }
    } else {
        Frame::message(message.clone())
    }
}

/// Who sends, within which limits, and where pushes go.
#[derive(Clone, Copy)]
struct Terms<'a> {
    push: &'a Push,
    limits: &'a Limits,
    sender: &'a MessageSender,
}

/// Runs the transaction once.
async fn store_message(db: &Db, terms: Terms<'_>, room: &RoomRef, new: &ValidMessage<'_>) -> Result<StoredMessage> {
    let sender = terms.sender;
    let lookup = Lookup { room, client_id: new.client_id, reply_to: new.reply_to };
    let Begun { mut tx, username, context } = store::begin(db, sender, lookup).await?;
    invocation::set_user(sender.user);
    let prepared = match (username, context) {
        (None, _) => Err(Error::Unauthenticated(ENDED)),
        (Some(_), None) => Err(Error::NotFound("room_not_found")),
        (Some(username), Some(context)) => prepare(&mut tx, terms, &sender.verified(username), context, new).await,
    };
    match prepared {
        Ok(Prepared::New(message)) => message.commit(tx, sender.now).await,
        Ok(Prepared::Replay(replay)) => {
            let FoundReplay { message, pushes } = tx.finish(Ok(*replay)).await?;
            let mut audience = None;
            if pushes {
                let index = audience::index_use(terms.push, sender.now);
                audience = Some(recipients::of_room(&mut *db.acquire().await?, message.room_id, index).await?);
            }
            Ok(StoredMessage { sent: Sent { message, replayed: true, rate: None }, changes_before: None, audience })
        }
        Err(error) => tx.finish(Err(error)).await,
    }
}

/// The outcome of the rules.
enum Prepared<'a> {
    New(Box<PreparedMessage<'a>>),
    Replay(Box<FoundReplay>),
}

/// A message that may be stored.
struct PreparedMessage<'a> {
    member: Membership,
    message: Message,
    source: Option<ForwardSource>,
    client_id: Option<&'a str>,
    reply_to: Option<Seq>,
    allowance: i32,
    recent_texts: Vec<u8>,
    pace: Pace,
    /// How to read the audience; none if the delivery of a window pushes the message.
    index: Option<IndexUse>,
    rate: RateStatus,
    changes_before: Option<RoomChanges>,
}

/// Applies the rules to a message in a locked room.
async fn prepare<'a>(
    tx: &mut Tx<'_>,
    terms: Terms<'_>,
    caller: &Caller,
    context: SendContext,
    new: &ValidMessage<'a>,
) -> Result<Prepared<'a>> {
    let Terms { push, limits, .. } = terms;
    let mut readable = rooms::require_readable(Some(context.access))?;
    if let Some(seq) = context.replay {
        let found = replays::find_replay(tx, limits, caller, Replay { room: &readable, seq }, new).await?;
        return Ok(Prepared::Replay(Box::new(found)));
    }
    let mut before = None;
    if readable.member().is_none() {
        // Sending to a public room joins it.
        before = Some(rooms::join_public(tx, caller, &readable).await?);
        let access = members::lock(tx, &RoomRef::Id(readable.room()), caller.user).await?;
        readable = rooms::require_readable(access)?;
    }
    if !context.closed_to.is_empty() {
        // A direct room enters a list with its first message, and a closed one reappears.
        let mut reopened = RoomChanges::of(&readable);
        context.closed_to.iter().for_each(|user| reopened.add_joined(*user));
        before = Some(reopened);
    }
    let member = readable.member().ok_or(Error::Forbidden("not_a_member"))?;
    rooms::may_write(&readable, member, caller.now)?;
    let reply_to = resolve_reply(new.reply_to, context.reply_to, &readable)?;
    let allowance = take_token(member.allowance, limits.send, caller.now)?;
    let Head { seq, rev } = Head { seq: readable.last_seq.next(), rev: readable.rev.next() };
    let here = MessageRef { room: readable.room(), seq };
    let MessageContents { content, attachments, mentions, source } =
        build_contents(tx, caller, limits.quota, here, new.contents).await?;
    let recent_texts = match content.as_str() {
        // Messages without text are not compared.
        "" => context.recent_texts,
        text => duplicate_text::count(&context.recent_texts, text, limits.repeat, caller.now)?,
    };
    let (pace, waits) = match before {
        None => coalescing::join_window(push, &readable, context.pace, Head { seq, rev }, caller.now).await,
        // What it changes first is pushed at once.
        Some(_) => (context.pace, false),
    };
    mention_rows::insert(tx, here, &mentions).await?;
    if let Some(writer) = source.as_ref().and_then(|source| source.author) {
        redaction::insert_forward(tx, here, writer).await?;
    }
    let message = Message {
        // Known when it is stored.
        id: MessageId(0),
        room_id: readable.room(),
        seq,
        rev,
        kind: attachments::message_kind(&attachments),
        event: None,
        sender_id: Some(caller.user),
        username: Some(caller.username.clone()),
        content,
        client_id: new.client_id.map(str::to_owned),
        reply_to,
        forwarded: source.as_ref().map(|source| source.shown.clone()),
        attachments,
        reactions: Vec::new(),
        mentions,
        edited_at: None,
        pinned_at: None,
        deleted_at: None,
        deleted_by: None,
        created_at: caller.now,
    };
    Ok(Prepared::New(Box::new(PreparedMessage {
        member: member.clone(),
        message,
        source,
        client_id: new.client_id,
        reply_to: new.reply_to,
        allowance,
        recent_texts,
        pace,
        index: (!waits).then(|| audience::index_use(push, caller.now)),
        rate: rate(allowance, limits.send),
        changes_before: before,
    })))
}

impl PreparedMessage<'_> {
    /// Stores the message and ends the transaction.
    async fn commit(self, tx: Tx<'_>, now: Timestamp) -> Result<StoredMessage> {
        let Self { member, mut message, source, client_id, reply_to, .. } = self;
        let draft = Draft {
            content: &message.content,
            client_id,
            reply_to,
            mentions: &message.mentions,
            attachments: &message.attachments,
            kind: message.kind,
            forwarded_from: source.as_ref(),
            after: SendState { allowance: self.allowance, recent_texts: &self.recent_texts, pace: self.pace },
            audience: self.index,
        };
        let Committed { id, audience } =
            store::commit(tx, &member, Head { seq: message.seq, rev: message.rev }, draft, now).await?;
        message.id = id;
        let sent = Sent { message, replayed: false, rate: Some(self.rate) };
        Ok(StoredMessage { sent, changes_before: self.changes_before, audience })
    }
}

struct MessageContents {
    content: String,
    attachments: Vec<Attachment>,
    mentions: Vec<UserId>,
    source: Option<ForwardSource>,
}

/// Builds the contents of the message at `here`: the caller's text and uploads, or those of a message that the caller can read.
async fn build_contents(
    tx: &mut Tx<'_>,
    caller: &Caller,
    quota: Quota,
    here: MessageRef,
    new: NewContents<'_>,
) -> Result<MessageContents> {
    match new {
        NewContents::Text(content, uploads) => {
            let mentions = mentions::resolve(tx, here.room, caller.user, content).await?;
            let attachments = attachments::attach(tx, caller, quota, here, uploads).await?;
            Ok(MessageContents { content: content.to_owned(), attachments, mentions, source: None })
        }
        NewContents::Forward(source) => {
            let room = rooms::require_readable(members::find_access(tx, &source.room_id, caller.user).await?)?;
            let message = find_readable(tx, &room, source.seq).await?;
            require_not_unsent(&message)?;
            // A message that was forwarded before keeps its original author.
            let from = MessageRef { room: message.room_id, seq: message.seq };
            let (author, username) = redaction::lock_author(tx, from).await?.unzip();
            let created_at = message.forwarded.map_or(message.created_at, |first| first.created_at);
            let source = Some(ForwardSource { message: from, author, shown: Forwarded { username, created_at } });
            let copy = AttachmentCopy { from, to: here };
            let attachments = attachments::forward(tx, caller, quota, copy, &message.attachments).await?;
            Ok(MessageContents { content: message.content, attachments, mentions: Vec::new(), source })
        }
    }
}

/// Requires the replied-to message to be in the same room and readable by the sender.
fn resolve_reply(wanted: Option<Seq>, found: Option<Reply>, room: &Readable) -> Result<Option<Reply>> {
    match (wanted, found) {
        (None, _) => Ok(None),
        (Some(seq), Some(reply)) if seq >= room.visible_from_seq => Ok(Some(reply)),
        (Some(_), _) => Err(Error::NotFound("message_not_found")),
    }
}
