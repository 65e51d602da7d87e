//! Frames about rooms: those that are identical for all members, without the fields that only some members may see, and the change that each reports.

use crate::id::{Rev, RoomId};
use crate::protocol::frames::{Changed, Frame};
use crate::protocol::messages::Message;
use crate::protocol::rooms::Member;

impl Frame {
    /// The frame of a new message.
    pub fn message(message: Message) -> Self {
        Self::Message { ts: message.created_at.0, message: Box::new(without_own_reactions(message)) }
    }

    /// The frame of an edited message.
    pub fn message_edited(message: Message) -> Self {
        Self::MessageEdited { message: Box::new(without_own_reactions(message)) }
    }

    /// The frame of a new member.
    pub fn member_added(room_id: RoomId, rev: Rev, member: Member) -> Self {
        Self::MemberAdded { room_id, rev, member: Box::new(without_markers(member)) }
    }

    /// The frame of a changed role.
    pub fn member_updated(room_id: RoomId, rev: Rev, member: Member) -> Self {
        Self::MemberUpdated { room_id, rev, member: Box::new(without_markers(member)) }
    }

    /// Returns the change that `sync` reports as well.
    pub fn change(&self) -> Option<Changed> {
        let (room_id, rev) = match self {
            Self::Message { message, .. } | Self::MessageEdited { message } => (message.room_id, message.rev),
            Self::Messages { messages } => messages.last().map(|message| (message.room_id, message.rev))?,
            Self::Reaction(reaction) => (reaction.room_id, reaction.rev),
            Self::MessageUnsent { room_id, rev, .. }
            | Self::MessagePinned { room_id, rev, .. }
            | Self::Room { room_id, rev }
            | Self::RoomChanged { room_id, rev, .. }
            | Self::MemberAdded { room_id, rev, .. }
            | Self::MemberUpdated { room_id, rev, .. }
            | Self::MemberRemoved { room_id, rev, .. } => (*room_id, *rev),
            _ => return None,
        };
        Some(Changed { room_id, rev })
    }
}

/// Removes whether reactions are the reader's own.
fn without_own_reactions(mut message: Message) -> Message {
    message.reactions.iter_mut().for_each(|reaction| reaction.mine = None);
    message
}

/// Removes the read markers, which not every member may see.
fn without_markers(member: Member) -> Member {
    Member { read_seq: None, delivered_seq: None, ..member }
}
