//! Changes of a room: collected under the room's lock, pushed after the commit. Each frame has its own `rev`, so clients notice a missing one.

use crate::caller::Caller;
use crate::domain::people::presence;
use crate::domain::rooms::{audience, invitations};
use crate::error::{Error, Result};
use crate::id::{Head, Rev, RoomId, RoomRef, Seq, UserId};
use crate::protocol::frames::Frame;
use crate::protocol::rooms::Room;
use crate::push::Push;
use crate::store::members::{self, Access, Readable};
use crate::store::messages::SystemMessage;
use crate::store::{Db, Handle, messages, recipients, rooms};
use crate::time::Timestamp;

/// Above this number of frames, one hint to fetch the room is cheaper.
const MAX_FRAMES: usize = 10;

/// The changes of one transaction on one room.
#[derive(Debug)]
pub(crate) struct RoomChanges {
    room: RoomId,
    head: Head,
    members: i32,
    frames: Vec<Frame>,
    joined: Vec<UserId>,
    present: Vec<UserId>,
    left: Vec<UserId>,
    invited: Vec<UserId>,
    uninvited: Vec<UserId>,
    /// Of a private change of the one who joined.
    private_rev: Option<Rev>,
}

impl RoomChanges {
    /// Starts without changes, at the state of a locked room.
    pub(crate) fn of(room: &Readable) -> Self {
        Self::at(room.room(), Head { seq: room.last_seq, rev: room.rev })
    }

    /// Of a room that a user was to join and is a member of already.
    pub(crate) fn of_member(room: &Readable, user: UserId) -> Self {
        let mut none = Self::of(room);
        none.add_present(user);
        none
    }

    /// The same at a known head.
    pub(crate) fn at(room: RoomId, head: Head) -> Self {
        let (joined, present, left) = (Vec::new(), Vec::new(), Vec::new());
        let (invited, uninvited) = (Vec::new(), Vec::new());
        Self { room, head, members: 0, frames: Vec::new(), joined, present, left, invited, uninvited, private_rev: None }
    }

    /// Takes the `rev` of the next change.
    pub(crate) fn next_rev(&mut self) -> Rev {
        self.head.rev = self.head.rev.next();
        self.head.rev
    }

    /// Returns the seq that the next event will have.
    pub(crate) fn next_seq(&self) -> Seq {
        self.head.seq.next()
    }

    /// Adds a frame for the members.
    pub(crate) fn add_frame(&mut self, frame: Frame) {
        self.frames.push(frame);
    }

    /// Adds a new member, who gets the whole room.
    pub(crate) fn add_joined(&mut self, user: UserId) {
        self.members += 1;
        self.joined.push(user);
    }

    /// Sets the private rev at which the new member reopened the room.
    pub(crate) fn set_private_rev(&mut self, private_rev: Option<Rev>) {
        self.private_rev = private_rev;
    }

    /// Adds a user who was to join and is a member already: an earlier attempt may have ended after its commit.
    pub(crate) fn add_present(&mut self, user: UserId) {
        self.present.push(user);
    }

    /// Adds a departed member, who gets one last frame.
    pub(crate) fn add_left(&mut self, user: UserId) {
        self.members -= 1;
        let (room_id, rev) = (self.room, self.head.rev);
        self.left.push(user);
        self.add_frame(Frame::MemberRemoved { room_id, rev, user_id: user });
    }

    pub(crate) fn add_invited(&mut self, user: UserId) {
        self.invited.push(user);
    }

    /// Adds users whose invitation ended.
    pub(crate) fn add_uninvited(&mut self, users: Vec<UserId>) {
        self.uninvited.extend(users);
    }

    /// Writes a system message.
    pub(crate) async fn add_system_message(&mut self, tx: &mut Handle, caller: &Caller, event: &str, text: &str) -> Result<()> {
        self.head = Head { seq: self.head.seq.next(), rev: self.head.rev.next() };
        let message = messages::insert_system(tx, caller, self.room, self.head, SystemMessage { event, text }).await?;
        self.add_frame(Frame::message(message));
        Ok(())
    }

    /// Writes the new state of the room, as the last step of the transaction.
    pub(crate) async fn write(&self, tx: &mut Handle, now: Timestamp) -> Result<()> {
        rooms::changed(tx, self.room, self.head.rev, self.members, now).await
    }

    /// Pushes everything, starting with the departed members, who get no later frames.
    pub(crate) async fn push(&self, db: &Db, push: &Push, now: Timestamp) -> Result<()> {
        let room_id = self.room;
        if !self.left.is_empty() {
            push_to_users(db, push, &self.left, &Frame::RoomLeft { room_id }, now).await?;
        }
        if !self.uninvited.is_empty() {
            push_to_users(db, push, &self.uninvited, &Frame::RoomUninvited { room_id }, now).await?;
        }
        invitations::push_invitations(db, push, room_id, &self.invited, now).await?;
        audience::add_again(db, push, room_id, &self.present, now).await?;
        if self.frames.is_empty() && self.joined.is_empty() {
            return Ok(());
        }
        let members = audience::find_with_new(db, push, room_id, &self.joined, now).await?;
        for user in &self.joined {
            if let Some(mut room) = member_view(db, room_id, *user).await? {
                Box::pin(presence::fill_rooms(db, push, *user, std::slice::from_mut(&mut room), now)).await?;
                let frame = Frame::RoomJoined { room: Box::new(room), private_rev: self.private_rev };
                push.send(&members.only(*user), &frame, now).await;
            }
        }
        let audience = members.matching(|user| !self.joined.contains(&user));
        if self.frames.is_empty() || audience.is_empty() {
            return Ok(());
        }
        if self.frames.len() > MAX_FRAMES {
            push.send(&audience, &Frame::Room { room_id, rev: self.head.rev }, now).await;
            return Ok(());
        }
        for frame in &self.frames {
            push.send(&audience, frame, now).await;
        }
        Ok(())
    }
}

/// Pushes a frame to all devices of users known by id.
pub(crate) async fn push_to_users(db: &Db, push: &Push, users: &[UserId], frame: &Frame, now: Timestamp) -> Result<()> {
    let recipients = recipients::for_users(&mut *db.acquire().await?, users).await?;
    push.to_users(&recipients, frame, now).await;
    Ok(())
}

/// Returns a room as one of its members sees it, or `None` if the membership has ended.
pub(crate) async fn member_view(db: &Db, room: RoomId, user: UserId) -> Result<Option<Room>> {
    let mut connection = db.acquire().await?;
    match members::find_access(&mut connection, &RoomRef::Id(room), user).await? {
        Some(Access::Readable(room)) if room.member().is_some() => rooms::view(&mut connection, &room).await,
        _ => Ok(None),
    }
}

/// Builds the frame of a new member.
pub(crate) async fn member_added_frame(tx: &mut Handle, room: &Readable, user: UserId, rev: Rev) -> Result<Frame> {
    let member = members::find(tx, room, user).await?.ok_or(Error::NotFound("user_not_found"))?;
    Ok(Frame::member_added(room.room(), rev, member))
}
