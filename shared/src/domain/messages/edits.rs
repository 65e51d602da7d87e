//! Edits of the caller's own messages. Earlier versions are kept.

use crate::caller::Caller;
use crate::config::Limits;
use crate::domain::limits::token_bucket::take_token;
use crate::domain::messages::mentions;
use crate::domain::messages::send::validate_content;
use crate::domain::messages::{MessageAddress, find_readable, lock_message, push_to_members, require_not_unsent};
use crate::domain::paging::{PageRequest, page};
use crate::domain::rooms;
use crate::error::{Error, Result};
use crate::id::{MessageRef, RoomRef, Seq};
use crate::protocol::frames::Frame;
use crate::protocol::messages::{Edit, Message, NewContent};
use crate::protocol::page::Page;
use crate::protocol::rooms::{AllowedRole, Role};
use crate::push::Push;
use crate::store::edits::RemainingTokens;
use crate::store::members::{Membership, Readable};
use crate::store::{Db, Tx, edits as store, members, mentions as mention_rows, search_index, transaction};
use crate::time::Timestamp;

/// An edit of one of the caller's messages.
#[derive(Clone, Copy, Debug)]
pub struct EditRequest<'a> {
    pub room: &'a RoomRef,
    pub seq: Seq,
    pub new: &'a NewContent,
}

/// Replaces the text of the caller's message and pushes it to the members. The same text changes nothing.
pub async fn edit(db: &Db, push: &Push, limits: &Limits, caller: &Caller, editing: EditRequest<'_>) -> Result<Message> {
    // Whether an empty text is allowed depends on the message, which is read later.
    let content = validate_content(&editing.new.content, true, limits)?;
    let (message, changed) = transaction!(db, |tx| store_edit(tx, limits, caller, &editing, content).await)?;
    if changed {
        push_to_members(db, push, message.room_id, &Frame::message_edited(message.clone()), caller.now).await?;
    }
    Ok(message)
}

/// Lists the earlier versions of a message, oldest first.
pub async fn list(db: &Db, caller: &Caller, address: MessageAddress<'_>, paging: PageRequest<'_>) -> Result<Page<Edit>> {
    let MessageAddress { room, seq } = address;
    let limit = paging.limit()?;
    let after = paging.position(0)?;
    let mut connection = db.acquire().await?;
    let readable = rooms::require_readable(members::find_access(&mut connection, room, caller.user).await?)?;
    let message = find_readable(&mut connection, &readable, seq).await?;
    let items = store::list(&mut connection, &readable, message.seq, after, limit + 1).await?;
    Ok(page(items, limit, |edit| edit.version.to_string()))
}

async fn store_edit(
    tx: &mut Tx<'_>,
    limits: &Limits,
    caller: &Caller,
    editing: &EditRequest<'_>,
    content: &str,
) -> Result<(Message, bool)> {
    let (readable, mut message) = lock_message(tx, caller, editing.room, editing.seq).await?;
    rooms::may_change(&readable)?;
    // Members without the right to write cannot write through an old message.
    let silenced = readable.settings.who_writes == AllowedRole::Admins && rooms::require_member(&readable)?.role == Role::Member;
    if message.sender_id != Some(caller.user) || silenced {
        return Err(Error::Forbidden("not_allowed"));
    }
    require_not_unsent(&message)?;
    if message.forwarded.is_some() {
        return Err(Error::Conflict("forwarded_message"));
    }
    validate_content(content, !message.attachments.is_empty(), limits)?;
    if message.content == content {
        return Ok((message, false));
    }
    let member = rooms::require_member(&readable)?;
    let mut remains =
        RemainingTokens { changes: take_token(member.change_allowance, limits.change, caller.now)?, messages: None };
    if counts_as_message(&readable, member, &message, caller.now) {
        rooms::may_write(&readable, member, caller.now)?;
        remains.messages = Some(take_token(member.allowance, limits.send, caller.now)?);
    }
    let here = MessageRef { room: message.room_id, seq: message.seq };
    let mentioned = mentions::resolve(tx, message.room_id, caller.user, content).await?;
    store::insert(tx, &message, readable.rev.next(), caller.now).await?;
    if message.mentions != mentioned {
        mention_rows::delete(tx, here).await?;
        mention_rows::insert(tx, here, &mentioned).await?;
    }
    message.content = content.to_owned();
    message.mentions = mentioned;
    message.edited_at = Some(caller.now);
    message.rev = readable.rev.next();
    store::update(tx, member, &message, remains, caller.now).await?;
    search_index::unseal(tx, here, readable.last_seq).await?;
    Ok((message, true))
}

/// Returns whether slow mode treats an edit as a new message, which has to wait and delays the next one. The first correction right after sending
/// is exempt.
fn counts_as_message(room: &Readable, member: &Membership, message: &Message, now: Timestamp) -> bool {
    let pause = i64::from(room.settings.slow_mode_seconds) * 1000;
    let corrects = message.edited_at.is_none() && now.since(message.created_at) < pause;
    pause > 0 && member.role == Role::Member && !corrects
}
