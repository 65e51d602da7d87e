//! Editing: one's own words only, while they stand; what they said before is kept.

use crate::caller::Caller;
use crate::config::Limits;
use crate::domain::allowance::spend;
use crate::domain::messages::{alive, held, one, tell, words};
use crate::domain::paging::{after, clamped, page};
use crate::domain::{mentions, rooms};
use crate::error::{Error, Result};
use crate::id::RoomRef;
use crate::protocol::frames::Frame;
use crate::protocol::messages::{Edit, Message, NewContent};
use crate::protocol::page::Page;
use crate::protocol::rooms::{Role, Whoever};
use crate::push::Push;
use crate::store::edits::Remains;
use crate::store::members::{Member, Readable};
use crate::store::{Db, Tx, edits as store, members, mentions as mention_rows, search, transaction};
use crate::time::Timestamp;

/// One's own message and the text that it shall have.
#[derive(Clone, Copy, Debug)]
pub struct Editing<'a> {
    /// Its room.
    pub room: &'a RoomRef,
    /// Its place.
    pub seq: u64,
    /// The new text.
    pub new: &'a NewContent,
}

/// Gives one's own message another text and tells every member. The text that it has already changes nothing.
pub async fn edit(db: &Db, push: &Push, limits: &Limits, caller: &Caller, editing: Editing<'_>) -> Result<Message> {
    // Whether it may go without words is known once the message is.
    let content = words(&editing.new.content, true, limits)?;
    let (message, changed) = transaction!(db, |tx| store_edit(tx, limits, caller, (&editing, content)).await)?;
    if changed {
        tell(db, push, message.room_id, &Frame::message_edited(message.clone()), caller.now).await?;
    }
    Ok(message)
}

/// The earlier texts of a message, oldest first.
pub async fn list(
    db: &Db,
    caller: &Caller,
    (room, seq): (&RoomRef, u64),
    (cursor, limit): (Option<&str>, Option<u32>),
) -> Result<Page<Edit>> {
    let limit = clamped(limit);
    let after = after(cursor, 0)?;
    let mut connection = db.acquire().await?;
    let readable = rooms::readable(members::standing(&mut connection, room, caller.user).await?)?;
    let message = one(&mut connection, &readable, seq).await?;
    let items = store::list(&mut connection, &readable, message.seq, after, limit + 1).await?;
    Ok(page(items, limit, |edit| edit.version.to_string()))
}

async fn store_edit(
    tx: &mut Tx<'_>,
    limits: &Limits,
    caller: &Caller,
    (editing, content): (&Editing<'_>, &str),
) -> Result<(Message, bool)> {
    let (readable, mut message) = held(tx, caller, editing.room, editing.seq).await?;
    rooms::may_change(&readable)?;
    // Where members do not write, an old message of theirs is no way around that.
    let silenced = readable.settings.who_writes == Whoever::Admins && rooms::member(&readable)?.role == Role::Member;
    if message.sender_id != Some(caller.user) || silenced {
        return Err(Error::Forbidden("not_allowed"));
    }
    alive(&message)?;
    if message.forwarded.is_some() {
        return Err(Error::Conflict("forwarded_message"));
    }
    words(content, !message.attachments.is_empty(), limits)?;
    if message.content == content {
        return Ok((message, false));
    }
    let member = rooms::member(&readable)?;
    let mut remains = Remains { changes: spend(member.change_allowance, limits.change, caller.now)?, messages: None };
    if speaks(&readable, member, &message, caller.now) {
        rooms::may_write(&readable, member, caller.now)?;
        remains.messages = Some(spend(member.allowance, limits.send, caller.now)?);
    }
    let place = (message.room_id, message.seq);
    let mentioned = mentions::named(tx, message.room_id, caller.user, content).await?;
    store::insert(tx, &message, readable.rev + 1, caller.now).await?;
    if message.mentions != mentioned {
        mention_rows::delete(tx, place).await?;
        mention_rows::insert(tx, place, &mentioned).await?;
    }
    message.content = content.to_owned();
    message.mentions = mentioned;
    message.edited_at = Some(caller.now);
    message.rev = readable.rev + 1;
    store::write(tx, member, &message, remains, caller.now).await?;
    search::unseal(tx, place, readable.last_seq).await?;
    Ok((message, true))
}

/// Whether an edit is one more thing that is said, where slow mode parts those: it has to wait like a message then, and the next one waits for it.
/// The first correction of what was just said is none.
fn speaks(room: &Readable, member: &Member, message: &Message, now: Timestamp) -> bool {
    let pause = i64::from(room.settings.slow_mode_seconds) * 1000;
    let corrects = message.edited_at.is_none() && now.since(message.created_at) < pause;
    pause > 0 && member.role == Role::Member && !corrects
}
