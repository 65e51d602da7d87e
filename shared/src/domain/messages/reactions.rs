//! Reactions: any member may react to any message that is not unsent. Repeating one changes nothing.

use crate::caller::Caller;
use crate::config::Limits;
use crate::domain::limits::token_bucket::take_token;
use crate::domain::messages::{MessageAddress, find_readable, push_to_members};
use crate::domain::paging::{PageRequest, encode_cursor, page};
use crate::domain::rooms;
use crate::error::{Error, Result};
use crate::id::{MessageRef, RoomRef, Seq, UserId};
use crate::protocol::frames::Frame;
use crate::protocol::messages::{ReactionChange, Reactor};
use crate::protocol::page::Page;
use crate::push::Push;
use crate::store::members::{self, TokenBucket};
use crate::store::messages::{self, MessageChange};
use crate::store::reactions::{self as store, ReactorQuery};
use crate::store::{Db, Tx, transaction};
use crate::text::emoji;

/// Maximum number of different emoji per message.
const MAX_KINDS: u32 = 20;

#[derive(Clone, Copy, Debug)]
pub struct ReactionRequest<'a> {
    pub room: &'a RoomRef,
    pub seq: Seq,
    pub emoji: &'a str,
}

/// Adds a reaction and pushes it to the members.
pub async fn react(
    db: &Db,
    push: &Push,
    limits: &Limits,
    caller: &Caller,
    reacting: ReactionRequest<'_>,
) -> Result<ReactionChange> {
    let canonical = Some(require_emoji(reacting.emoji)?);
    change(db, push, limits, caller, ReactionUpdate { reacting, added: true, canonical }).await
}

/// Removes a reaction and pushes it to the members.
pub async fn unreact(
    db: &Db,
    push: &Push,
    limits: &Limits,
    caller: &Caller,
    reacting: ReactionRequest<'_>,
) -> Result<ReactionChange> {
    let canonical = require_reaction(reacting.emoji)?;
    change(db, push, limits, caller, ReactionUpdate { reacting, added: false, canonical }).await
}

/// Lists who reacted to a message, by emoji and user, optionally with one emoji only, or with one text from an earlier release that still stands.
pub async fn list(
    db: &Db,
    caller: &Caller,
    address: MessageAddress<'_>,
    only: Option<&str>,
    paging: PageRequest<'_>,
) -> Result<Page<Reactor>> {
    let MessageAddress { room, seq } = address;
    let limit = paging.limit()?;
    let is_junk = only.map(require_reaction).transpose()? == Some(None);
    let only = only.map(emoji::bare);
    let (emoji, user) = paging.decode((String::new(), UserId(0)), parse_position)?;
    let query = ReactorQuery { only: only.as_deref(), after_emoji: &emoji, after_user: user };
    let mut connection = db.acquire().await?;
    let readable = rooms::require_readable(members::find_access(&mut connection, room, caller.user).await?)?;
    let message = find_readable(&mut connection, &readable, seq).await?;
    let items = store::list(&mut connection, &readable, message.seq, query, limit + 1).await?;
    if is_junk && items.is_empty() && paging.cursor.is_none() {
        return Err(not_an_emoji());
    }
    Ok(page(items, limit, |last| encode_cursor(&format!("{}.{}", last.user.id, last.emoji))))
}

/// A reaction to add or to remove.
#[derive(Clone, Copy)]
struct ReactionUpdate<'a> {
    reacting: ReactionRequest<'a>,
    added: bool,
    /// The one spelling of the emoji. None for a text that is none, which an earlier release may have stored and its author may take back.
    canonical: Option<&'static str>,
}

fn require_emoji(text: &str) -> Result<&'static str> {
    emoji::canonical(text).ok_or_else(not_an_emoji)
}

/// Returns the one spelling of an emoji, none for another text that an earlier release may have stored.
fn require_reaction(text: &str) -> Result<Option<&'static str>> {
    let canonical = emoji::canonical(text);
    if canonical.is_some() || is_storable(text) { Ok(canonical) } else { Err(not_an_emoji()) }
}

fn not_an_emoji() -> Error {
    Error::invalid("emoji", "invalid", "must be one emoji")
}

async fn change(db: &Db, push: &Push, limits: &Limits, caller: &Caller, update: ReactionUpdate<'_>) -> Result<ReactionChange> {
    let (reaction, changed) = transaction!(db, |tx| store_change(tx, limits, caller, update).await)?;
    if changed {
        push_to_members(db, push, reaction.room_id, &Frame::Reaction(reaction.clone()), caller.now).await?;
    }
    Ok(reaction)
}

async fn store_change(
    tx: &mut Tx<'_>,
    limits: &Limits,
    caller: &Caller,
    update: ReactionUpdate<'_>,
) -> Result<(ReactionChange, bool)> {
    let ReactionUpdate { reacting, added, canonical } = update;
    let bare = emoji::bare(reacting.emoji);
    let readable = rooms::require_readable(members::lock(tx, reacting.room, caller.user).await?)?;
    let current = store::find_state(tx, &readable, reacting.seq, &bare).await?;
    let current = current.ok_or(Error::NotFound("message_not_found"))?;
    let member = rooms::require_member(&readable)?;
    rooms::may_change(&readable)?;
    if current.unsent && added {
        return Err(Error::Conflict("message_unsent"));
    }
    let mut reaction = ReactionChange {
        room_id: readable.room(),
        seq: reacting.seq,
        rev: current.rev,
        emoji: emoji::shown(canonical.unwrap_or(reacting.emoji)).into_owned(),
        user_id: caller.user,
        added,
        count: current.count,
    };
    if canonical.is_none() && !current.mine {
        return Err(not_an_emoji());
    }
    if current.mine == added {
        return Ok((reaction, false));
    }
    let left = TokenBucket { left: take_token(member.change_allowance, limits.change, caller.now)?, filled_at: caller.now };
    reaction.rev = readable.rev.next();
    if added {
        if current.count == 0 && current.kinds >= MAX_KINDS {
            return Err(Error::Conflict("too_many_reactions"));
        }
        store::insert(tx, &reaction, caller.now).await?;
        reaction.count += 1;
    } else {
        store::delete(tx, MessageRef { room: reaction.room_id, seq: reaction.seq }, &bare, caller.user).await?;
        reaction.count -= 1;
    }
    messages::touch(tx, member, MessageChange { seq: reacting.seq, rev: reaction.rev }, left, caller.now).await?;
    Ok((reaction, true))
}

/// Returns whether an earlier release may have stored this text: its column has 64 characters. Comparisons ignore blanks at the end, so that a text with
/// some would be another emoji.
fn is_storable(text: &str) -> bool {
    text.len() <= 256 && (1..=64).contains(&text.chars().count()) && !emoji::bare(text).ends_with(' ')
}

fn parse_position(text: &str) -> Option<(String, UserId)> {
    let (user, emoji) = text.split_once('.')?;
    Some((emoji::bare(emoji), user.parse().ok()?))
}
