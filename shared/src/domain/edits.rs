//! Editing: one's own words only, while they stand; what they said before is kept.

use crate::caller::Caller;
use crate::config::Limits;
use crate::domain::messages::{alive, held, one, tell, text};
use crate::domain::{mentions, rooms};
use crate::error::{Error, Result};
use crate::id::RoomRef;
use crate::protocol::frames::Frame;
use crate::protocol::messages::{Edit, Message, NewContent};
use crate::protocol::page::{DEFAULT_LIMIT, MAX_LIMIT, Page};
use crate::protocol::rooms::{Role, Whoever};
use crate::push::Push;
use crate::store::{Db, Tx, edits as store, members, mentions as mention_rows, messages};

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
    let content = text(&editing.new.content, limits)?;
    let (message, changed) = db
        .retrying(|| async {
            let mut tx = db.begin().await?;
            let outcome = store_edit(&mut tx, caller, &editing, content).await;
            tx.finish(outcome).await
        })
        .await?;
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
    let limit = limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT);
    let after = match cursor {
        None => 0,
        Some(cursor) => {
            cursor.parse().map_err(|_| Error::invalid("cursor", "invalid", "must be the `next` of an earlier page"))?
        }
    };
    let mut connection = db.acquire().await?;
    let readable = rooms::readable(members::standing(&mut connection, room, caller.user).await?)?;
    let message = one(&mut connection, &readable, seq).await?;
    let mut items = store::list(&mut connection, &message, after, limit + 1).await?;
    let more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let next = items.last().filter(|_| more).map(|edit| edit.version.to_string());
    Ok(Page { items, next })
}

async fn store_edit(tx: &mut Tx<'_>, caller: &Caller, editing: &Editing<'_>, content: &str) -> Result<(Message, bool)> {
    let (readable, mut message) = held(tx, caller, editing.room, editing.seq).await?;
    rooms::may_change(&readable)?;
    // Where members do not write, an old message of theirs is no way around that. Slow mode counts messages, not corrections.
    let silenced = readable.settings.who_writes == Whoever::Admins && rooms::member(&readable)?.role == Role::Member;
    if message.sender_id != Some(caller.user) || silenced {
        return Err(Error::Forbidden("not_allowed"));
    }
    alive(&message)?;
    if message.forwarded.is_some() {
        return Err(Error::Conflict("forwarded_message"));
    }
    if message.content == content {
        return Ok((message, false));
    }
    let place = (message.room_id, message.seq);
    let mentioned = mentions::named(tx, message.room_id, content).await?;
    store::insert(tx, &message, caller.now).await?;
    if message.mentions != mentioned {
        mention_rows::delete(tx, place).await?;
        mention_rows::insert(tx, place, &mentioned).await?;
    }
    message.content = content.to_owned();
    message.mentions = mentioned;
    message.edited_at = Some(caller.now);
    message.rev = readable.rev + 1;
    messages::edit(tx, &message, caller.now).await?;
    Ok((message, true))
}
