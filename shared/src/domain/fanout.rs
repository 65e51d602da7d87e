//! Serves the shards of `fanout`. A shard names an event and its sockets; the frame is built from the current state. Room frames reach current
//! members only, and a changed message is replaced by a hint to fetch it.

use std::time::Duration;

use crate::domain::messages::coalescing::{self, Missed};
use crate::domain::messages::send::sent_frame;
use crate::domain::people::{friends, profile_updates};
use crate::domain::rooms::changes as room_changes;
use crate::domain::rooms::invitations;
use crate::error::Result;
use crate::id::{Head, MessageRef, Rev, RoomId, RoomRef, UserId, UserPair};
use crate::protocol::frames::{Changed, Frame};
use crate::protocol::uploads::UploadState;
use crate::push::shards::{Shard, ShardPayload};
use crate::push::socket_registry::Connection;
use crate::push::{Encoded, Push};
use crate::store::coalescing::Stretch;
use crate::store::members::{self, Access};
use crate::store::recipients::{self, Recipients};
use crate::store::{Db, friendships, messages, profile_changes, reactions, room_settings, uploads, users};
use crate::time::Timestamp;

/// Waits before sockets that did not answer are tried again, in seconds. After the last attempt their clients resync.
const RETRY_DELAYS: &[u64] = &[1, 2];

/// Serves one shard. A retry pushes the state at that time. What is not due yet, and sockets that do not answer, go to the queue.
pub async fn serve(db: &Db, push: &Push, shard: Shard, now: Timestamp) -> Result<()> {
    if let ShardPayload::Busy { due, .. } = shard.what
        && let Ok(early) = u64::try_from(due.saturating_sub(now.0))
        && early > 0
        && push.deliver_later(&shard, Duration::from_millis(early), now).await?
    {
        return Ok(());
    }
    let missed = match shard.what {
        ShardPayload::Window { room_id, first, rev } => {
            let opening = Head { seq: first, rev };
            match db.retrying(|| coalescing::end_window(db, push, room_id, opening, now)).await {
                Ok(missed) => missed,
                Err(error) => return end_later(push, shard, now).await.and_then(|later| if later { Ok(()) } else { Err(error) }),
            }
        }
        _ => Missed { unanswered: deliver_shard(db, push, &shard, now).await?, what: shard.what },
    };
    let delay = usize::try_from(shard.attempt).ok().and_then(|attempt| RETRY_DELAYS.get(attempt));
    match delay {
        Some(delay) if !missed.unanswered.is_empty() => {
            let again = Shard { attempt: shard.attempt + 1, ..Shard::of(missed.what, &missed.unanswered) };
            push.deliver_later(&again, Duration::from_secs(*delay), now).await.map(drop)
        }
        _ => Ok(()),
    }
}

/// Has a window that could not be ended tried again soon; the queue itself would bring it back after three minutes. Returns whether it is.
async fn end_later(push: &Push, shard: Shard, now: Timestamp) -> Result<bool> {
    let Some(delay) = usize::try_from(shard.attempt).ok().and_then(|attempt| RETRY_DELAYS.get(attempt)) else { return Ok(false) };
    push.deliver_later(&Shard { attempt: shard.attempt + 1, ..shard }, Duration::from_secs(*delay), now).await
}

/// Returns the sockets that did not answer.
async fn deliver_shard(db: &Db, push: &Push, shard: &Shard, now: Timestamp) -> Result<Vec<Connection>> {
    let audience = shard.audience();
    match shard.what {
        ShardPayload::Frame { ref lean, ref full } => {
            let encoded = Encoded { lean: lean.clone().into(), full: full.clone().into() };
            let recipients = recipients::for_users(&mut *db.acquire().await?, &Connection::users_of(&audience)).await?;
            Ok(push.deliver(audience, &recipients, &encoded, now).await)
        }
        ShardPayload::Busy { room_id, rev, due } => {
            let rev = push.busy_rev(Changed { room_id, rev }, due).await;
            let recipients = recipients::for_users(&mut *db.acquire().await?, &Connection::users_of(&audience)).await?;
            Ok(deliver(push, audience, &recipients, &Frame::Room { room_id, rev }, now).await)
        }
        ShardPayload::Message { room_id, seq, rev } => {
            let frame = message_frame(db, MessageRef { room: room_id, seq }, rev).await?;
            push_to_members(db, push, audience, RoomFrame { room: room_id, frame: &frame }, now).await
        }
        ShardPayload::Messages { room_id, first, last, rev } => {
            coalescing::push_messages(db, push, Stretch { room: room_id, first, last, rev }, audience, now).await
        }
        // Served before: it names no sockets.
        ShardPayload::Window { .. } => Ok(Vec::new()),
        ShardPayload::Edited { room_id, seq, rev } => {
            let frame = edit_frame(db, MessageRef { room: room_id, seq }, rev).await?;
            push_to_members(db, push, audience, RoomFrame { room: room_id, frame: &frame }, now).await
        }
        ShardPayload::Facts { room_id, rev } => {
            let profile = room_settings::room_profile(&mut *db.acquire().await?, room_id).await?;
            let frame = profile.map_or(Frame::Room { room_id, rev }, |profile| {
                let room = Box::new(profile);
                Frame::RoomChanged { room_id, rev, room }
            });
            push_to_members(db, push, audience, RoomFrame { room: room_id, frame: &frame }, now).await
        }
        ShardPayload::Member { room_id, rev, user_id, came } => {
            let frame = member_frame(db, Changed { room_id, rev }, user_id, came).await?;
            push_to_members(db, push, audience, RoomFrame { room: room_id, frame: &frame }, now).await
        }
        ShardPayload::Profile { user_id } => {
            let changed = profile_changes::find(&mut *db.acquire().await?, user_id).await?;
            let Some(frame) = changed.map(profile_updates::public_frame) else { return Ok(Vec::new()) };
            let recipients = recipients::for_users(&mut *db.acquire().await?, &Connection::users_of(&audience)).await?;
            Ok(deliver(push, audience, &recipients, &frame, now).await)
        }
        ShardPayload::Joined { .. }
        | ShardPayload::Seen { .. }
        | ShardPayload::Invited { .. }
        | ShardPayload::Friend { .. }
        | ShardPayload::Upload { .. } => {
            let mut unanswered = Vec::new();
            for user in Connection::users_of(&audience) {
                if let Some(frame) = frame_for_user(db, &shard.what, user).await? {
                    let recipients = recipients::for_users(&mut *db.acquire().await?, &[user]).await?;
                    unanswered.extend(deliver(push, audience.clone(), &recipients, &frame, now).await);
                }
            }
            Ok(unanswered)
        }
    }
}

/// A frame for the members of a room.
#[derive(Clone, Copy)]
struct RoomFrame<'a> {
    room: RoomId,
    frame: &'a Frame,
}

async fn push_to_members(
    db: &Db,
    push: &Push,
    audience: Vec<Connection>,
    room_frame: RoomFrame<'_>,
    now: Timestamp,
) -> Result<Vec<Connection>> {
    let RoomFrame { room, frame } = room_frame;
    let users = Connection::users_of(&audience);
    let recipients = recipients::members_among(&mut *db.acquire().await?, room, &users).await?;
    Ok(deliver(push, audience, &recipients, frame, now).await)
}

async fn deliver(
    push: &Push,
    audience: Vec<Connection>,
    recipients: &Recipients,
    frame: &Frame,
    now: Timestamp,
) -> Vec<Connection> {
    let encoded = Encoded::of(frame, &audience);
    push.deliver(audience, recipients, &encoded, now).await
}

/// Builds the frame of a sent message. A message that changed since yields a hint to fetch the room.
async fn message_frame(db: &Db, message: MessageRef, rev: Rev) -> Result<Frame> {
    let stored = messages::find_for_members(&mut *db.acquire().await?, message).await?;
    Ok(stored.map_or(Frame::Room { room_id: message.room, rev }, |mut message| {
        message.rev = rev;
        sent_frame(&message)
    }))
}

async fn edit_frame(db: &Db, message: MessageRef, rev: Rev) -> Result<Frame> {
    let mut connection = db.acquire().await?;
    let stored = messages::find_for_members(&mut connection, message).await?;
    match stored.filter(|message| message.rev == rev && message.deleted_at.is_none()) {
        Some(mut message) => {
            reactions::fill_for_all(&mut connection, std::slice::from_mut(&mut message)).await?;
            Ok(Frame::message_edited(message))
        }
        None => Ok(Frame::Room { room_id: message.room, rev }),
    }
}

async fn member_frame(db: &Db, change: Changed, user: UserId, joined: bool) -> Result<Frame> {
    let Changed { room_id, rev } = change;
    let mut connection = db.acquire().await?;
    let access = members::find_access(&mut connection, &RoomRef::Id(room_id), user).await?;
    let found = match access {
        Some(Access::Readable(room)) => members::find(&mut connection, &room, user).await?,
        _ => None,
    };
    Ok(match found {
        Some(member) if joined => Frame::member_added(room_id, rev, member),
        Some(member) => Frame::member_updated(room_id, rev, member),
        None => Frame::Room { room_id, rev },
    })
}

/// Builds the frame for one user, or `None` if it no longer applies.
async fn frame_for_user(db: &Db, what: &ShardPayload, user: UserId) -> Result<Option<Frame>> {
    match what {
        ShardPayload::Joined { room_id } => {
            let view = room_changes::member_view(db, *room_id, user).await?;
            Ok(view.map(|room| Frame::RoomJoined { room: Box::new(room), private_rev: None }))
        }
        ShardPayload::Seen { room_id } => {
            let view = room_changes::member_view(db, *room_id, user).await?;
            Ok(view.map(|room| Frame::RoomSeen { room_id: room.id, rev: room.rev, room: Box::new(room), private_rev: None }))
        }
        ShardPayload::Invited { room_id } => {
            let invitation = invitations::find(&mut *db.acquire().await?, *room_id, user).await?;
            Ok(invitation.map(|invitation| Frame::RoomInvited(Box::new(invitation))))
        }
        ShardPayload::Friend { user_id } => {
            let mut connection = db.acquire().await?;
            let tie = friendships::find(&mut connection, UserPair::new(user, *user_id)).await?;
            let other = users::find(&mut connection, *user_id).await?;
            Ok(tie.zip(other).map(|(tie, other)| friends::friendship_frame(tie, other, user)))
        }
        ShardPayload::Upload { upload_id } => {
            let found = uploads::find(&mut *db.acquire().await?, *upload_id).await?;
            let ready = found.filter(|upload| upload.owner == user && upload.info.state == UploadState::Ready);
            Ok(ready.map(|upload| Frame::UploadReady { upload: Box::new(upload.info) }))
        }
        ShardPayload::Frame { .. }
        | ShardPayload::Busy { .. }
        | ShardPayload::Message { .. }
        | ShardPayload::Window { .. }
        | ShardPayload::Messages { .. }
        | ShardPayload::Edited { .. }
        | ShardPayload::Facts { .. }
        | ShardPayload::Member { .. }
        | ShardPayload::Profile { .. } => Ok(None),
    }
}
