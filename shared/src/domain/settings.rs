//! The rules of what a room says of itself and allows, and of its end: admins change it, owners end it.

use crate::caller::Caller;
use crate::domain::avatars;
use crate::domain::members::{at_least, ruled};
use crate::domain::news::{News, tell_people};
use crate::domain::rooms::{self, wrong_name, wrong_topic};
use crate::error::{Error, Result, Violation};
use crate::id::RoomRef;
use crate::protocol::frames::Frame;
use crate::protocol::rooms::{ChangeRoom, ChangeSettings, Facts, Role, Room, Settings};
use crate::push::Push;
use crate::store::{Db, Tx, avatars as faces, invitations, settings as store, transaction};

/// The longest pause of slow mode: a day.
const MAX_SLOW_MODE_SECONDS: u32 = 86_400;

/// Changes what is given; what stays the same is no change.
pub async fn update(db: &Db, push: &Push, caller: &Caller, room: &RoomRef, change: &ChangeRoom) -> Result<Room> {
    checked(change)?;
    let news = transaction!(db, |tx| apply(tx, caller, room, change).await)?;
    news.push(db, push, caller.now).await?;
    rooms::find(db, caller, room).await
}

/// Ends a room for everyone.
pub async fn delete(db: &Db, push: &Push, caller: &Caller, room: &RoomRef) -> Result<()> {
    let (room_id, audience, asked) = transaction!(db, |tx| {
        let readable = ruled(tx, caller, room).await?;
        let owner = at_least(&readable, Role::Owner)?;
        let audience = store::delete(tx, owner, readable.rev + 1, caller.now).await?;
        let asked = invitations::end_of_room(tx, readable.room()).await?;
        Ok((readable.room(), audience, asked))
    })?;
    tell_people(db, push, &asked, &Frame::RoomUninvited { room_id }, caller.now).await?;
    push.to_users(&audience, &Frame::RoomDeleted { room_id }, caller.now).await;
    Ok(())
}

fn checked(change: &ChangeRoom) -> Result<()> {
    let mut wrong = Vec::new();
    let mut refuse = |field: &str, code, detail: &str| wrong.push(Violation { field: field.into(), code, detail: detail.into() });
    if change.settings.slow_mode_seconds.is_some_and(|seconds| seconds > MAX_SLOW_MODE_SECONDS) {
        refuse("settings.slow_mode_seconds", "too_large", "must be at most 86400, a day");
    }
    wrong.extend(change.name.as_deref().and_then(|name| wrong_name(name.trim())));
    wrong.extend(change.topic.as_deref().and_then(|topic| wrong_topic(topic.trim())));
    if wrong.is_empty() { Ok(()) } else { Err(Error::Invalid(wrong)) }
}

async fn apply(tx: &mut Tx<'_>, caller: &Caller, room: &RoomRef, change: &ChangeRoom) -> Result<News> {
    let room = ruled(tx, caller, room).await?;
    let admin = at_least(&room, Role::Admin)?;
    let before = store::facts(tx, room.room()).await?.ok_or(Error::NotFound("room_not_found"))?;
    let mut after = changed(&before, change);
    if let Some(avatar) = change.avatar_upload_id {
        let present = faces::id_of_room(tx, &room).await?;
        if present != avatar {
            if before.settings.archived && after.settings.archived {
                return Err(Error::Conflict("room_archived"));
            }
            avatars::exchange(tx, caller, (present, avatar)).await?;
            faces::set_of_room(tx, admin, avatar).await?;
            after.avatar_url = faces::url_of_room(admin, avatar);
        }
    }
    let mut news = News::of(&room);
    if after == before {
        return Ok(news);
    }
    if before.settings.archived && after.settings.archived {
        return Err(Error::Conflict("room_archived"));
    }
    let rev = news.next_rev();
    store::update(tx, admin, &after, rev, caller.now).await?;
    if after.settings.archived && !before.settings.archived {
        news.uninvited(invitations::end_of_room(tx, room.room()).await?);
    }
    let renamed = (after.name != before.name).then(|| format!("{} named the room {}", caller.username, after.name));
    news.tell(Frame::RoomChanged { room_id: room.room(), rev, room: Box::new(after) });
    if let Some(text) = renamed {
        news.event(tx, caller, ("room.renamed", &text)).await?;
    }
    Ok(news)
}

fn changed(before: &Facts, change: &ChangeRoom) -> Facts {
    // Named one by one, so that no new field is forgotten. The picture is exchanged apart.
    let ChangeRoom { name, topic, archived, avatar_upload_id: _, settings } = change;
    let ChangeSettings { slow_mode_seconds, who_writes, who_adds, past_members_read } = settings;
    let rules = before.settings;
    Facts {
        name: name.as_deref().map_or_else(|| before.name.clone(), |name| name.trim().to_owned()),
        topic: topic.as_deref().map_or_else(|| before.topic.clone(), |topic| topic.trim().to_owned()),
        avatar_url: before.avatar_url.clone(),
        settings: Settings {
            archived: archived.unwrap_or(rules.archived),
            slow_mode_seconds: slow_mode_seconds.unwrap_or(rules.slow_mode_seconds),
            who_writes: who_writes.unwrap_or(rules.who_writes),
            who_adds: who_adds.unwrap_or(rules.who_adds),
            past_members_read: past_members_read.unwrap_or(rules.past_members_read),
        },
    }
}
