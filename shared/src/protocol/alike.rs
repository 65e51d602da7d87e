//! Frames that go to all members of a room alike: what only some of them may know is left out of them.

use crate::id::RoomId;
use crate::protocol::frames::Frame;
use crate::protocol::messages::Message;
use crate::protocol::rooms::Member;

impl Frame {
    /// A message's frame.
    pub fn message(message: Message) -> Self {
        Self::Message { ts: message.created_at.0, message: Box::new(for_all(message)) }
    }

    /// An edited message's frame.
    pub fn message_edited(message: Message) -> Self {
        Self::MessageEdited { message: Box::new(for_all(message)) }
    }

    /// The frame of a new member.
    pub fn member_added(room_id: RoomId, rev: u64, member: Member) -> Self {
        Self::MemberAdded { room_id, rev, member: Box::new(unmarked(member)) }
    }

    /// The frame of a member's other role.
    pub fn member_updated(room_id: RoomId, rev: u64, member: Member) -> Self {
        Self::MemberUpdated { room_id, rev, member: Box::new(unmarked(member)) }
    }
}

/// Which reactions are the reader's own is not told.
fn for_all(mut message: Message) -> Message {
    message.reactions.iter_mut().for_each(|reaction| reaction.mine = None);
    message
}

/// How far the member has read is not everybody's to know.
fn unmarked(member: Member) -> Member {
    Member { read_seq: None, delivered_seq: None, ..member }
}
