//! Reactions: any member, any message that stands, one emoji each time; giving or taking back twice changes nothing.

use crate::caller::Caller;
use crate::config::Limits;
use crate::domain::allowance::spend;
use crate::domain::messages::{one, tell};
use crate::domain::paging::{clamped, cursor_of, page, place_in};
use crate::domain::{emoji, rooms};
use crate::error::{Error, Result};
use crate::id::{RoomRef, UserId};
use crate::protocol::frames::Frame;
use crate::protocol::messages::{ReactionChange, Reactor};
use crate::protocol::page::Page;
use crate::push::Push;
use crate::store::{Db, Tx, members, messages, reactions as store, transaction};

/// Different emoji that one message can have.
const MAX_KINDS: u32 = 20;

/// A message and an emoji.
#[derive(Clone, Copy, Debug)]
pub struct Reacting<'a> {
    /// Its room.
    pub room: &'a RoomRef,
    /// Its place.
    pub seq: u64,
    /// The emoji.
    pub emoji: &'a str,
}

/// Reacts to a message and tells every member.
pub async fn react(db: &Db, push: &Push, limits: &Limits, caller: &Caller, reacting: Reacting<'_>) -> Result<ReactionChange> {
    change(db, push, limits, caller, (reacting, true)).await
}

/// Takes a reaction back and tells every member.
pub async fn unreact(db: &Db, push: &Push, limits: &Limits, caller: &Caller, reacting: Reacting<'_>) -> Result<ReactionChange> {
    change(db, push, limits, caller, (reacting, false)).await
}

/// Who reacted to a message, by emoji and person; with one emoji only, if it is given.
pub async fn list(
    db: &Db,
    caller: &Caller,
    (room, seq): (&RoomRef, u64),
    only: Option<&str>,
    (cursor, limit): (Option<&str>, Option<u32>),
) -> Result<Page<Reactor>> {
    let limit = clamped(limit);
    let only = only.map(emoji::one).transpose()?;
    let (emoji, user) = cursor.map_or_else(|| Ok((String::new(), UserId(0))), |cursor| place_in(cursor, place))?;
    let mut connection = db.acquire().await?;
    let readable = rooms::readable(members::standing(&mut connection, room, caller.user).await?)?;
    let message = one(&mut connection, &readable, seq).await?;
    let items = store::list(&mut connection, (&readable, message.seq), only, (&emoji, user), limit + 1).await?;
    Ok(page(items, limit, |last| cursor_of(&format!("{}.{}", last.user.id, last.emoji))))
}

async fn change(
    db: &Db,
    push: &Push,
    limits: &Limits,
    caller: &Caller,
    (reacting, added): (Reacting<'_>, bool),
) -> Result<ReactionChange> {
    emoji::one(reacting.emoji)?;
    let (reaction, changed) = transaction!(db, |tx| store_change(tx, limits, caller, (&reacting, added)).await)?;
    if changed {
        tell(db, push, reaction.room_id, &Frame::Reaction(reaction.clone()), caller.now).await?;
    }
    Ok(reaction)
}

async fn store_change(
    tx: &mut Tx<'_>,
    limits: &Limits,
    caller: &Caller,
    (reacting, added): (&Reacting<'_>, bool),
) -> Result<(ReactionChange, bool)> {
    let readable = rooms::readable(members::lock(tx, reacting.room, caller.user).await?)?;
    let look = store::look(tx, &readable, reacting.seq, reacting.emoji).await?;
    let look = look.ok_or(Error::NotFound("message_not_found"))?;
    let member = rooms::member(&readable)?;
    rooms::may_change(&readable)?;
    if look.unsent && added {
        return Err(Error::Conflict("message_unsent"));
    }
    let mut reaction = ReactionChange {
        room_id: readable.room(),
        seq: reacting.seq,
        rev: look.rev,
        emoji: reacting.emoji.to_owned(),
        user_id: caller.user,
        added,
        count: look.count,
    };
    if look.mine == added {
        return Ok((reaction, false));
    }
    let allowance = spend(member.change_allowance, limits.change, caller.now)?;
    reaction.rev = readable.rev + 1;
    if added {
        if look.count == 0 && look.kinds >= MAX_KINDS {
            return Err(Error::Conflict("too_many_reactions"));
        }
        store::insert(tx, &reaction, caller.now).await?;
        reaction.count += 1;
    } else {
        store::delete(tx, (reaction.room_id, reaction.seq), reacting.emoji, caller.user).await?;
        reaction.count -= 1;
    }
    messages::touch(tx, member, (reacting.seq, reaction.rev), (allowance, caller.now), caller.now).await?;
    Ok((reaction, true))
}

fn place(text: &str) -> Option<(String, UserId)> {
    let (user, emoji) = text.split_once('.')?;
    Some((emoji.to_owned(), user.parse().ok()?))
}
