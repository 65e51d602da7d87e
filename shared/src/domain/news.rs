//! What a change of a room tells: gathered under the room's lock, pushed after the commit. Every frame has a `rev` of its own, so that whoever
//! misses one can tell.

use crate::caller::Caller;
use crate::domain::{invitations, presence};
use crate::error::{Error, Result};
use crate::id::{RoomId, RoomRef, UserId};
use crate::protocol::frames::Frame;
use crate::protocol::rooms::Room;
use crate::push::Push;
use crate::store::members::{self, Readable, Standing};
use crate::store::{Db, Handle, messages, recipients, rooms};
use crate::time::Timestamp;

/// Beyond so many frames, one hint to fetch what is new is cheaper for everyone.
const MOST_FRAMES: usize = 10;

/// The news of one transaction on one room.
#[derive(Debug)]
pub(super) struct News {
    room: RoomId,
    seq: u64,
    rev: u64,
    members: i32,
    frames: Vec<Frame>,
    came: Vec<UserId>,
    went: Vec<UserId>,
    invited: Vec<UserId>,
    uninvited: Vec<UserId>,
}

impl News {
    /// Nothing yet, of a room whose row the transaction holds.
    pub(super) fn of(room: &Readable) -> Self {
        Self::at(room.room(), (room.last_seq, room.rev))
    }

    /// The same at a known `(last seq, rev)`.
    pub(super) fn at(room: RoomId, (seq, rev): (u64, u64)) -> Self {
        let (came, went, invited, uninvited) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { room, seq, rev, members: 0, frames: Vec::new(), came, went, invited, uninvited }
    }

    /// Takes the next `rev`, for the next change.
    pub(super) fn next_rev(&mut self) -> u64 {
        self.rev += 1;
        self.rev
    }

    /// The seq that the next event will have.
    pub(super) fn next_seq(&self) -> u64 {
        self.seq + 1
    }

    /// Tells the members.
    pub(super) fn tell(&mut self, frame: Frame) {
        self.frames.push(frame);
    }

    /// Somebody is a member from now on, and hears of the room as a whole.
    pub(super) fn came(&mut self, user: UserId) {
        self.members += 1;
        self.came.push(user);
    }

    /// Somebody is no member any longer, hears so, and nothing after.
    pub(super) fn went(&mut self, user: UserId) {
        self.members -= 1;
        let (room_id, rev) = (self.room, self.rev);
        self.went.push(user);
        self.tell(Frame::MemberRemoved { room_id, rev, user_id: user });
    }

    /// Somebody is asked, and hears so.
    pub(super) fn invited(&mut self, user: UserId) {
        self.invited.push(user);
    }

    /// These are asked no more, and hear so.
    pub(super) fn uninvited(&mut self, users: Vec<UserId>) {
        self.uninvited.extend(users);
    }

    /// Writes a system message: `(event, text)`.
    pub(super) async fn event(&mut self, tx: &mut Handle, caller: &Caller, what: (&str, &str)) -> Result<()> {
        self.seq += 1;
        self.rev += 1;
        let message = messages::insert_system(tx, caller, self.room, (self.seq, self.rev), what).await?;
        self.tell(Frame::message(message));
        Ok(())
    }

    /// Writes where the room stands now; the last step of the transaction.
    pub(super) async fn write(&self, tx: &mut Handle, now: Timestamp) -> Result<()> {
        rooms::changed(tx, self.room, self.rev, self.members, now).await
    }

    /// Tells everyone concerned, those who left first: after their frame nothing more reaches them.
    pub(super) async fn push(&self, db: &Db, push: &Push, now: Timestamp) -> Result<()> {
        let room_id = self.room;
        if !self.went.is_empty() {
            tell_people(db, push, &self.went, &Frame::RoomLeft { room_id }, now).await?;
        }
        if !self.uninvited.is_empty() {
            tell_people(db, push, &self.uninvited, &Frame::RoomUninvited { room_id }, now).await?;
        }
        invitations::tell(db, push, room_id, &self.invited, now).await?;
        if self.frames.is_empty() && self.came.is_empty() {
            return Ok(());
        }
        let members = recipients::members(&mut *db.acquire().await?, room_id).await?;
        for user in &self.came {
            if let Some(mut room) = view(db, room_id, *user).await? {
                Box::pin(presence::in_rooms(db, push, *user, std::slice::from_mut(&mut room), now)).await?;
                push.to_users(&members.only(*user), &Frame::RoomJoined { room: Box::new(room) }, now).await;
            }
        }
        let audience = members.those(|user| !self.came.contains(&user));
        if self.frames.is_empty() || audience.is_empty() {
            return Ok(());
        }
        if self.frames.len() > MOST_FRAMES {
            push.to_users(&audience, &Frame::Room { room_id, rev: self.rev }, now).await;
            return Ok(());
        }
        for frame in &self.frames {
            push.to_users(&audience, frame, now).await;
        }
        Ok(())
    }
}

/// Sends a frame to all devices of people who are known by their ids alone.
pub(super) async fn tell_people(db: &Db, push: &Push, users: &[UserId], frame: &Frame, now: Timestamp) -> Result<()> {
    let recipients = recipients::of(&mut *db.acquire().await?, users).await?;
    push.to_users(&recipients, frame, now).await;
    Ok(())
}

/// A room as a member of it sees it; none when they are gone again.
pub(super) async fn view(db: &Db, room: RoomId, user: UserId) -> Result<Option<Room>> {
    let mut connection = db.acquire().await?;
    match members::standing(&mut connection, &RoomRef::Id(room), user).await? {
        Some(Standing::Readable(room)) if room.member().is_some() => rooms::view(&mut connection, &room).await,
        _ => Ok(None),
    }
}

/// The frame of a new member, as the room's members see it.
pub(super) async fn member_added(tx: &mut Handle, room: &Readable, user: UserId, rev: u64) -> Result<Frame> {
    let member = members::find(tx, room, user).await?.ok_or(Error::NotFound("user_not_found"))?;
    Ok(Frame::member_added(room.room(), rev, member))
}
