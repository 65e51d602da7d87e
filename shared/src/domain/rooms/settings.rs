//! Room settings and deletion. Admins change settings, owners delete.

use crate::caller::Caller;
use crate::domain::rooms::changes::{RoomChanges, push_to_users};
use crate::domain::rooms::members::{lock_managed, require_role};
use crate::domain::rooms::{self, audience, name_violation, topic_violation};
use crate::domain::uploads::avatars;
use crate::error::{Error, Result, Violation};
use crate::id::RoomRef;
use crate::protocol::frames::Frame;
use crate::protocol::rooms::{ChangeRoom, ChangeSettings, Role, Room, RoomProfile, Settings};
use crate::push::Push;
use crate::store::{Db, Tx, avatars as faces, invitations, room_settings as store, transaction};
use crate::text::line;

/// Maximum interval of slow mode: a day.
const MAX_SLOW_MODE_SECONDS: u32 = 86_400;

/// Changes the given fields.
pub async fn update(db: &Db, push: &Push, caller: &Caller, room: &RoomRef, change: &ChangeRoom) -> Result<Room> {
    let change = &cleaned(change);
    validate(change)?;
    let changes = transaction!(db, |tx| apply(tx, caller, room, change).await)?;
    changes.push(db, push, caller.now).await?;
    rooms::find(db, caller, room).await
}

pub async fn delete(db: &Db, push: &Push, caller: &Caller, room: &RoomRef) -> Result<()> {
    let (room_id, members, invited) = transaction!(db, |tx| {
        let readable = lock_managed(tx, caller, room).await?;
        let owner = require_role(&readable, Role::Owner)?;
        let members = store::delete(tx, owner, readable.rev.next(), caller.now).await?;
        let invited = invitations::end_of_room(tx, readable.room()).await?;
        Ok((readable.room(), members, invited))
    })?;
    push_to_users(db, push, &invited, &Frame::RoomUninvited { room_id }, caller.now).await?;
    let audience = audience::find_former(db, push, room_id, members, caller.now).await?;
    push.send(&audience, &Frame::RoomDeleted { room_id }, caller.now).await;
    Ok(())
}

/// Returns the change with its texts as they are stored.
fn cleaned(change: &ChangeRoom) -> ChangeRoom {
    ChangeRoom {
        name: change.name.as_deref().map(line::cleaned),
        topic: change.topic.as_deref().map(line::cleaned),
        ..change.clone()
    }
}

fn validate(change: &ChangeRoom) -> Result<()> {
    let mut wrong = Vec::new();
    let mut refuse = |field: &str, code, detail: &str| wrong.push(Violation { field: field.into(), code, detail: detail.into() });
    if change.settings.slow_mode_seconds.is_some_and(|seconds| seconds > MAX_SLOW_MODE_SECONDS) {
        refuse("settings.slow_mode_seconds", "too_large", "must be at most 86400, a day");
    }
    wrong.extend(change.name.as_deref().and_then(name_violation));
    wrong.extend(change.topic.as_deref().and_then(topic_violation));
    if wrong.is_empty() { Ok(()) } else { Err(Error::Invalid(wrong)) }
}

async fn apply(tx: &mut Tx<'_>, caller: &Caller, room: &RoomRef, change: &ChangeRoom) -> Result<RoomChanges> {
    let room = lock_managed(tx, caller, room).await?;
    let admin = require_role(&room, Role::Admin)?;
    let before = store::room_profile(tx, room.room()).await?.ok_or(Error::NotFound("room_not_found"))?;
    let mut after = merged(&before, change);
    if let Some(avatar) = change.avatar_upload_id {
        let present = faces::id_of_room(tx, &room).await?;
        if present != avatar {
            if before.settings.archived && after.settings.archived {
                return Err(Error::Conflict("room_archived"));
            }
            avatars::replace(tx, caller, present, avatar).await?;
            faces::set_of_room(tx, admin, avatar).await?;
            after.avatar_url = faces::url_of_room(admin, avatar);
        }
    }
    let mut changes = RoomChanges::of(&room);
    if after == before {
        return Ok(changes);
    }
    if before.settings.archived && after.settings.archived {
        return Err(Error::Conflict("room_archived"));
    }
    let rev = changes.next_rev();
    store::update(tx, admin, &after, rev, caller.now).await?;
    if after.settings.archived && !before.settings.archived {
        changes.add_uninvited(invitations::end_of_room(tx, room.room()).await?);
    }
    let renamed = (after.name != before.name).then(|| format!("{} named the room {}", caller.username, after.name));
    changes.add_frame(Frame::RoomChanged { room_id: room.room(), rev, room: Box::new(after) });
    if let Some(text) = renamed {
        changes.add_system_message(tx, caller, "room.renamed", &text).await?;
    }
    Ok(changes)
}

fn merged(before: &RoomProfile, change: &ChangeRoom) -> RoomProfile {
    // Destructured completely, so that no new field is forgotten. The avatar is replaced separately.
    let ChangeRoom { name, topic, archived, avatar_upload_id: _, settings } = change;
    let ChangeSettings { slow_mode_seconds, who_writes, who_adds, past_members_read, count_system_messages } = settings;
    let rules = before.settings;
    RoomProfile {
        name: name.clone().unwrap_or_else(|| before.name.clone()),
        topic: topic.clone().unwrap_or_else(|| before.topic.clone()),
        avatar_url: before.avatar_url.clone(),
        settings: Settings {
            archived: archived.unwrap_or(rules.archived),
            slow_mode_seconds: slow_mode_seconds.unwrap_or(rules.slow_mode_seconds),
            who_writes: who_writes.unwrap_or(rules.who_writes),
            who_adds: who_adds.unwrap_or(rules.who_adds),
            past_members_read: past_members_read.unwrap_or(rules.past_members_read),
            count_system_messages: count_system_messages.unwrap_or(rules.count_system_messages),
        },
    }
}
