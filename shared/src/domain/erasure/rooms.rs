//! A room that a deleted person was in: somebody else owns it, its texts name them no longer, and its members hear of every change.

use crate::caller::Caller;
use crate::domain::erasure::words;
use crate::domain::messages::tell;
use crate::domain::news::News;
use crate::error::{Error, Result};
use crate::id::{RoomId, RoomRef};
use crate::protocol::frames::Frame;
use crate::protocol::rooms::{Role, RoomKind};
use crate::push::Push;
use crate::store::erasure::{self as store, ERASED, Held};
use crate::store::members::{self, Member, Readable, Standing};
use crate::store::traces::{self, Trace};
use crate::store::{Db, Tx, avatars, evidence, invites, membership, search, settings, transaction};

/// Places of a room that are searched at once.
const STRIDE: u64 = 20_000;
/// Mentions that are taken out at once.
const MENTIONS: u32 = 200;

/// Ends their part in a room: membership, name, marks. A room that was theirs alone goes as a whole; another keeps the avatar that they gave it.
pub(super) async fn go_through(db: &Db, push: &Push, who: (&Caller, &str), room: RoomId) -> Result<()> {
    let (ghost, _) = who;
    let (held, news) = transaction!(db, |tx| depart(tx, ghost, room).await)?;
    news.push(db, push, ghost.now).await?;
    if !held.shared && held.kind != RoomKind::Public {
        while store::purge_part(&mut *db.acquire().await?, room).await? {}
        store::bury(&mut *db.acquire().await?, room, ghost.now).await?;
    } else {
        lines(db, push, who, &held).await?;
        while mentions(db, push, who, room).await? {}
        earlier(db, who.1, room).await?;
        reported(db, who.1, room).await?;
        while traces::forget_marks(&mut *db.acquire().await?, room, ghost.user).await? {}
        if held.alive {
            avatars::leave_to_room(&mut *db.acquire().await?, room, ghost.user).await?;
        }
    }
    store::scrub_membership(&mut *db.acquire().await?, &held, ghost.user).await
}

/// Takes their name off what others passed on, in one room. False when it stands nowhere any more.
pub(super) async fn unname(db: &Db, push: &Push, ghost: &Caller) -> Result<bool> {
    let room = traces::passed_on(&mut *db.acquire().await?, ghost.user).await?;
    let Some(room) = room else { return Ok(false) };
    let changed = transaction!(db, |tx| {
        let held = held(tx, room, ghost).await?;
        let rev = held.place.1 + 1;
        traces::unname(tx, room, ghost.user, rev).await?;
        traces::changed(tx, room, rev, ghost.now).await?;
        Ok((held, rev))
    })?;
    told(db, push, changed, ghost).await.map(|()| true)
}

/// Leaves the room. Whoever owned it alone hands it on; a direct one is closed, for there is nobody to write to.
async fn depart(tx: &mut Tx<'_>, ghost: &Caller, room: RoomId) -> Result<(Held, News)> {
    let held = held(tx, room, ghost).await?;
    let mut news = News::at(room, held.place);
    let standing = if held.alive { members::lock(tx, &RoomRef::Id(room), ghost.user).await? } else { None };
    let Some(Standing::Readable(readable)) = standing else { return Ok((held, news)) };
    let Some(member) = readable.member() else { return Ok((held, news)) };
    if held.kind == RoomKind::Direct {
        close(tx, ghost, &held, &mut news).await?;
    } else if member.role == Role::Owner {
        hand_on(tx, ghost, (&held, &readable, member), &mut news).await?;
    }
    let rev = news.next_rev();
    membership::end(tx, member, ghost.user, (held.place.0, rev), ghost.now).await?;
    news.went(ghost.user);
    if held.kind != RoomKind::Direct {
        news.event(tx, ghost, ("member.left", &format!("{ERASED} left"))).await?;
    }
    news.write(tx, ghost.now).await?;
    Ok((held, news))
}

async fn close(tx: &mut Tx<'_>, ghost: &Caller, held: &Held, news: &mut News) -> Result<()> {
    let mut facts = settings::facts(tx, held.room).await?.ok_or(Error::NotFound("room_not_found"))?;
    if !facts.settings.archived {
        facts.settings.archived = true;
        let rev = news.next_rev();
        store::archive(tx, held, ghost.now).await?;
        news.tell(Frame::RoomChanged { room_id: held.room, rev, room: Box::new(facts) });
    }
    Ok(())
}

async fn hand_on(tx: &mut Tx<'_>, ghost: &Caller, room: (&Held, &Readable, &Member), news: &mut News) -> Result<()> {
    let (held, readable, member) = room;
    if membership::others(tx, member, ghost.user).await?.0 > 0 {
        return Ok(());
    }
    let Some(heir) = store::heir(tx, held, ghost.user).await? else {
        return invites::revoke_all(tx, member, ghost.now).await;
    };
    let rev = news.next_rev();
    membership::set_role(tx, member, heir, Role::Owner, rev).await?;
    let owner = members::find(tx, readable, heir).await?.ok_or(Error::NotFound("member_not_found"))?;
    news.tell(Frame::member_updated(held.room, rev, owner));
    Ok(())
}

/// Takes the name out of the system's lines, a part of the room after the other.
async fn lines(db: &Db, push: &Push, (ghost, name): (&Caller, &str), held: &Held) -> Result<()> {
    let pattern = pattern("", name);
    let mut first = 1;
    while first <= held.place.0 {
        let part = (first, first + STRIDE - 1);
        let mut found = traces::lines(&mut *db.acquire().await?, held.room, part, (ghost.user, &pattern)).await?;
        found.retain_mut(|trace| replaced(trace, |trace| words::line(&trace.content, name, trace.theirs)));
        if !found.is_empty() {
            // Nothing else changes a line of the system, so it is still the one that was read.
            let changed = transaction!(db, |tx| write(tx, ghost, held.room, &found).await)?;
            told(db, push, changed, ghost).await?;
        }
        first += STRIDE;
    }
    Ok(())
}

/// Takes a part of their mentions out of what others wrote. False when none are left.
async fn mentions(db: &Db, push: &Push, (ghost, name): (&Caller, &str), room: RoomId) -> Result<bool> {
    let (changed, found) = transaction!(db, |tx| {
        let held = held(tx, room, ghost).await?;
        let mut found = traces::mentions(tx, room, ghost.user, MENTIONS).await?;
        for trace in &found {
            traces::unmention(tx, room, trace.seq, ghost.user).await?;
        }
        let count = found.len();
        for trace in &mut found {
            trace.content = words::mention(&trace.content, name);
        }
        let changed = if found.is_empty() { (held, held.place.1) } else { write(tx, ghost, room, &found).await? };
        Ok((changed, count))
    })?;
    if found > 0 {
        told(db, push, changed, ghost).await?;
    }
    Ok(found == MENTIONS as usize)
}

/// Takes their mentions out of what is kept of reported messages. What they wrote themselves stays until the reports are closed.
async fn reported(db: &Db, name: &str, room: RoomId) -> Result<()> {
    let found = evidence::texts(&mut *db.acquire().await?, room, &pattern("@", name)).await?;
    for mut texts in found {
        texts.content = words::mention(&texts.content, name);
        for edit in &mut texts.edits {
            edit.content = words::mention(&edit.content, name);
        }
        evidence::rewrite(&mut *db.acquire().await?, &texts).await?;
    }
    Ok(())
}

/// Takes their mentions out of earlier texts, which nothing changes any more.
async fn earlier(db: &Db, name: &str, room: RoomId) -> Result<()> {
    let mut found = traces::earlier(&mut *db.acquire().await?, room, &pattern("@", name)).await?;
    found.retain_mut(|trace| replaced(trace, |trace| words::mention(&trace.content, name)));
    for trace in &found {
        traces::rewrite(&mut *db.acquire().await?, room, trace, 0).await?;
    }
    Ok(())
}

/// Writes other texts as one change of their room.
async fn write(tx: &mut Tx<'_>, ghost: &Caller, room: RoomId, texts: &[Trace]) -> Result<(Held, u64)> {
    let held = held(tx, room, ghost).await?;
    let rev = held.place.1 + 1;
    for trace in texts {
        traces::rewrite(tx, room, trace, rev).await?;
        search::unseal(tx, (room, trace.seq), held.place.0).await?;
    }
    traces::changed(tx, room, rev, ghost.now).await?;
    Ok((held, rev))
}

pub(super) async fn held(tx: &mut Tx<'_>, room: RoomId, ghost: &Caller) -> Result<Held> {
    store::hold(tx, room, ghost.user).await?.ok_or(Error::NotFound("room_not_found"))
}

/// Whoever has the room open fetches what changed.
pub(super) async fn told(db: &Db, push: &Push, (held, rev): (Held, u64), ghost: &Caller) -> Result<()> {
    if !held.alive {
        return Ok(());
    }
    tell(db, push, held.room, &Frame::Room { room_id: held.room, rev }, ghost.now).await
}

/// Gives a trace its new text; false when that is the old one.
fn replaced(trace: &mut Trace, text: impl Fn(&Trace) -> String) -> bool {
    let new = text(trace);
    let differs = new != trace.content;
    trace.content = new;
    differs
}

/// Texts that have the name somewhere, after `before`.
fn pattern(before: &str, name: &str) -> String {
    format!("%{before}{}%", name.replace('_', "|_"))
}
