//! What `fanout` does: a shard says what happened and where, and is told here as it is then. Nobody hears more than they may: what a room's members are
//! told reaches those who are members still, and what a message says only while it says what it said.

use crate::domain::messages::as_sent;
use crate::domain::{friends, invitations, news};
use crate::error::Result;
use crate::id::{RoomId, RoomRef, UserId};
use crate::protocol::frames::Frame;
use crate::protocol::uploads::UploadState;
use crate::push::registry::Connection;
use crate::push::shards::{Shard, What};
use crate::push::{Encoded, Push};
use crate::store::members::{self, Standing};
use crate::store::recipients::{self, Recipients, Span};
use crate::store::{Db, friendships, messages, reactions, settings, uploads, users};
use crate::time::Timestamp;

/// Serves one shard. Done again after a failure it tells what is true then.
pub async fn serve(db: &Db, push: &Push, shard: Shard, now: Timestamp) -> Result<()> {
    let audience = shard.audience();
    match shard.what {
        What::Frame { lean, full } => {
            let encoded = Encoded { lean: lean.into(), full: full.into() };
            let recipients = recipients::of(&mut *db.acquire().await?, &people(&audience)).await?;
            push.deliver(audience, &recipients, &encoded, now).await;
        }
        What::Busy { room_id, rev, due } => {
            let rev = push.busy_rev((room_id, rev), due, now).await;
            let recipients = recipients::of(&mut *db.acquire().await?, &people(&audience)).await?;
            deliver(push, audience, &recipients, &Frame::Room { room_id, rev }, now).await;
        }
        What::Message { room_id, seq, rev } => {
            let frame = sent(db, room_id, seq, rev).await?;
            to_members(db, push, audience, Told { room: room_id, frame: &frame }, now).await?;
        }
        What::Edited { room_id, seq, rev } => {
            let frame = edited(db, room_id, seq, rev).await?;
            to_members(db, push, audience, Told { room: room_id, frame: &frame }, now).await?;
        }
        What::Facts { room_id, rev } => {
            let facts = settings::facts(&mut *db.acquire().await?, room_id).await?;
            let frame = facts.map_or(Frame::Room { room_id, rev }, |facts| {
                let room = Box::new(facts);
                Frame::RoomChanged { room_id, rev, room }
            });
            to_members(db, push, audience, Told { room: room_id, frame: &frame }, now).await?;
        }
        What::Member { room_id, rev, user_id, came } => {
            let frame = member(db, (room_id, rev), user_id, came).await?;
            to_members(db, push, audience, Told { room: room_id, frame: &frame }, now).await?;
        }
        What::Joined { .. } | What::Seen { .. } | What::Invited { .. } | What::Friend { .. } | What::Upload { .. } => {
            for user in people(&audience) {
                if let Some(frame) = own(db, &shard.what, user).await? {
                    let recipients = recipients::of(&mut *db.acquire().await?, &[user]).await?;
                    deliver(push, audience.clone(), &recipients, &frame, now).await;
                }
            }
        }
    }
    Ok(())
}

/// What the members of a room are told.
#[derive(Clone, Copy)]
struct Told<'a> {
    room: RoomId,
    frame: &'a Frame,
}

/// Who they are whose sockets these are.
fn people(audience: &[Connection]) -> Vec<UserId> {
    let mut users: Vec<_> = audience.iter().map(|connection| connection.user).collect();
    users.sort_unstable();
    users.dedup();
    users
}

async fn to_members(db: &Db, push: &Push, audience: Vec<Connection>, told: Told<'_>, now: Timestamp) -> Result<()> {
    let Told { room, frame } = told;
    let users = people(&audience);
    let (Some(first), Some(last)) = (users.first().copied(), users.last().copied()) else { return Ok(()) };
    let recipients = recipients::members_among(&mut *db.acquire().await?, room, Span { first, last }).await?;
    deliver(push, audience, &recipients, frame, now).await;
    Ok(())
}

async fn deliver(push: &Push, audience: Vec<Connection>, recipients: &Recipients, frame: &Frame, now: Timestamp) {
    let encoded = Encoded::of(frame, &audience);
    push.deliver(audience, recipients, &encoded, now).await;
}

/// A message that was sent. Of one that changed since only that the room did: whoever missed it looks.
async fn sent(db: &Db, room_id: RoomId, seq: u64, rev: u64) -> Result<Frame> {
    let stored = messages::for_all(&mut *db.acquire().await?, room_id, seq).await?;
    Ok(stored.map_or(Frame::Room { room_id, rev }, |mut message| {
        message.rev = rev;
        as_sent(&message)
    }))
}

async fn edited(db: &Db, room_id: RoomId, seq: u64, rev: u64) -> Result<Frame> {
    let mut connection = db.acquire().await?;
    let stored = messages::for_all(&mut connection, room_id, seq).await?;
    match stored.filter(|message| message.rev == rev && message.deleted_at.is_none()) {
        Some(mut message) => {
            reactions::fill_for_all(&mut connection, &mut message).await?;
            Ok(Frame::message_edited(message))
        }
        None => Ok(Frame::Room { room_id, rev }),
    }
}

async fn member(db: &Db, (room_id, rev): (RoomId, u64), user: UserId, came: bool) -> Result<Frame> {
    let mut connection = db.acquire().await?;
    let standing = members::standing(&mut connection, &RoomRef::Id(room_id), user).await?;
    let found = match standing {
        Some(Standing::Readable(room)) => members::find(&mut connection, &room, user).await?,
        _ => None,
    };
    Ok(match found {
        Some(member) if came => Frame::member_added(room_id, rev, member),
        Some(member) => Frame::member_updated(room_id, rev, member),
        None => Frame::Room { room_id, rev },
    })
}

/// What only this person is told; none when it is no longer so.
async fn own(db: &Db, what: &What, user: UserId) -> Result<Option<Frame>> {
    match what {
        What::Joined { room_id } => {
            let view = news::view(db, *room_id, user).await?;
            Ok(view.map(|room| Frame::RoomJoined { room: Box::new(room) }))
        }
        What::Seen { room_id } => {
            let view = news::view(db, *room_id, user).await?;
            Ok(view.map(|room| Frame::RoomSeen { room_id: room.id, rev: room.rev, room: Box::new(room) }))
        }
        What::Invited { room_id } => {
            let invitation = invitations::find(&mut *db.acquire().await?, *room_id, user).await?;
            Ok(invitation.map(|invitation| Frame::RoomInvited(Box::new(invitation))))
        }
        What::Friend { user_id } => {
            let mut connection = db.acquire().await?;
            let tie = friendships::find(&mut connection, (user, *user_id)).await?;
            let other = users::find(&mut connection, *user_id).await?;
            Ok(tie.zip(other).map(|(tie, other)| friends::told(tie, other, user)))
        }
        What::Upload { upload_id } => {
            let found = uploads::find(&mut *db.acquire().await?, *upload_id).await?;
            let ready = found.filter(|upload| upload.owner == user && upload.seen.state == UploadState::Ready);
            Ok(ready.map(|upload| Frame::UploadReady { upload: Box::new(upload.seen) }))
        }
        What::Frame { .. }
        | What::Busy { .. }
        | What::Message { .. }
        | What::Edited { .. }
        | What::Facts { .. }
        | What::Member { .. } => Ok(None),
    }
}
