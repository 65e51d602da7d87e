//! The event of the function `fanout`. It waits in a queue, and after failures for days in the dead-letter queue: so it carries references and
//! no user content or names. `fanout` reads the content when it delivers.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::id::{ConnectionId, Rev, RoomId, Seq, SessionId, UploadId, UserId};
use crate::protocol::dialect::Dialect;
use crate::protocol::frames::Frame;
use crate::push::Encoded;
use crate::push::socket_registry::Connection;
use crate::time::Timestamp;

/// One part of a large audience, and what to deliver.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Shard {
    /// The frame, or a reference to build it from.
    pub what: ShardPayload,
    /// Recipients: user, connection, session, lean, connected at.
    pub to: Vec<(u64, String, u64, bool, i64)>,
    /// The positions in `to` of sockets with `conchat.v2`; release 0.2.0 serves them as those with `conchat.v1`.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub packed: BTreeSet<usize>,
    /// The number of deliveries that these recipients missed because they did not answer.
    #[serde(default)]
    pub attempt: u32,
}

/// What a shard delivers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShardPayload {
    /// A frame without user content or names, per dialect.
    Frame {
        /// The text for `conchat.v1`.
        lean: String,
        /// The text for sockets without a subprotocol.
        full: String,
    },
    /// A coalesced hint at the end of a second, with the room's latest `rev`.
    Busy {
        room_id: RoomId,
        /// The room's `rev` at the first change.
        rev: Rev,
        /// End of the second, in epoch milliseconds.
        due: i64,
    },
    /// A new message.
    Message {
        room_id: RoomId,
        seq: Seq,
        /// The room's `rev` after it.
        rev: Rev,
    },
    /// The messages of a window, for all members. It closes the window.
    Window {
        room_id: RoomId,
        /// The message that opened the window.
        first: Seq,
        /// The room's `rev` after it.
        rev: Rev,
    },
    /// New messages of a window.
    Messages {
        room_id: RoomId,
        first: Seq,
        /// The last one, inclusive.
        last: Seq,
        /// The room's `rev` after the first one.
        rev: Rev,
    },
    /// An edited message.
    Edited {
        room_id: RoomId,
        seq: Seq,
        /// The room's `rev` after it.
        rev: Rev,
    },
    /// A change of the room's profile.
    Facts {
        room_id: RoomId,
        /// The room's `rev` after it.
        rev: Rev,
    },
    /// A new or changed member.
    Member {
        room_id: RoomId,
        /// The room's `rev` after it.
        rev: Rev,
        user_id: UserId,
        /// Whether the member is new.
        came: bool,
    },
    /// A room that the recipient joined.
    Joined { room_id: RoomId },
    /// A room from the recipient's point of view.
    Seen { room_id: RoomId },
    /// An invitation of the recipient.
    Invited { room_id: RoomId },
    /// A friendship of the recipient.
    Friend { user_id: UserId },
    /// An upload of the recipient.
    Upload { upload_id: UploadId },
    /// The public profile of a user.
    Profile { user_id: UserId },
}

impl ShardPayload {
    /// Converts a frame into a payload without user content. Returns none for frames that are not worth delivering late, and for frames to a single
    /// socket.
    pub fn of(frame: &Frame, encoded: &Encoded) -> Option<Self> {
        Some(match frame {
            Frame::Message { message, .. } => Self::Message { room_id: message.room_id, seq: message.seq, rev: message.rev },
            Frame::MessageEdited { message } => Self::Edited { room_id: message.room_id, seq: message.seq, rev: message.rev },
            Frame::RoomChanged { room_id, rev, .. } => Self::Facts { room_id: *room_id, rev: *rev },
            Frame::MemberAdded { room_id, rev, member } => {
                Self::Member { room_id: *room_id, rev: *rev, user_id: member.user.id, came: true }
            }
            Frame::MemberUpdated { room_id, rev, member } => {
                Self::Member { room_id: *room_id, rev: *rev, user_id: member.user.id, came: false }
            }
            Frame::RoomJoined { room, .. } => Self::Joined { room_id: room.id },
            Frame::RoomSeen { room_id, .. } => Self::Seen { room_id: *room_id },
            Frame::RoomInvited(invitation) => Self::Invited { room_id: invitation.room.id },
            Frame::FriendRequest(friendship) | Frame::FriendAccepted(friendship) => {
                Self::Friend { user_id: friendship.user.user.id }
            }
            Frame::UploadReady { upload } => Self::Upload { upload_id: upload.upload_id },
            Frame::UserUpdated { profile, .. } => Self::Profile { user_id: profile.id },
            // These hold only numbers, times and one emoji.
            Frame::MessageUnsent { .. }
            | Frame::MessagePinned { .. }
            | Frame::MessageHidden { .. }
            | Frame::UserBlocked { .. }
            | Frame::Reaction(_)
            | Frame::Room { .. }
            | Frame::RoomDeleted { .. }
            | Frame::RoomLeft { .. }
            | Frame::RoomClosed { .. }
            | Frame::RoomUninvited { .. }
            | Frame::MemberRemoved { .. }
            | Frame::Receipt(_)
            | Frame::Presence { .. }
            | Frame::FriendRemoved { .. } => {
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                Self::Frame { lean: text(&encoded.lean), full: text(&encoded.full) }
            }
            // Typing expires after six seconds; the others go to a single socket.
            Frame::Typing { .. }
            | Frame::Sync { .. }
            // A window delivers them, by a reference.
            | Frame::Messages { .. }
            | Frame::CatchUp { .. }
            | Frame::Welcome { .. }
            | Frame::Ack(_)
            | Frame::Error(_)
            | Frame::Pong { .. }
            | Frame::Bye { .. } => return None,
        })
    }
}

impl Shard {
    pub fn of(what: ShardPayload, audience: &[Connection]) -> Self {
        let to = audience.iter().map(|connection| {
            let Connection { user, id, session, dialect, connected_at } = connection;
            (user.0, id.0.clone(), session.0, dialect.is_lean(), connected_at.0)
        });
        let packed = audience.iter().enumerate().filter(|(_, connection)| connection.dialect.is_packed());
        Self { what, to: to.collect(), packed: packed.map(|(position, _)| position).collect(), attempt: 0 }
    }

    pub fn audience(&self) -> Vec<Connection> {
        let connection = |(position, to): (usize, &(u64, String, u64, bool, i64))| {
            let (user, id, session, lean, connected_at) = to;
            Connection {
                user: UserId(*user),
                id: ConnectionId(id.clone()),
                session: SessionId(*session),
                dialect: Dialect::of_flags(*lean, self.packed.contains(&position)),
                connected_at: Timestamp(*connected_at),
            }
        };
        self.to.iter().enumerate().map(connection).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_of_earlier_releases_are_still_read() {
        let text = r#"{"what":{"frame":{"lean":"{}","full":"{}"}},"to":[[7,"abc=",3,true,1000]]}"#;
        let shard: Shard = serde_json::from_str(text).expect("a shard");
        assert_eq!((shard.audience().len(), shard.attempt), (1, 0));
        assert_eq!(shard.what, ShardPayload::Frame { lean: "{}".into(), full: "{}".into() });
        let busy: ShardPayload = serde_json::from_str(r#"{"busy":{"room_id":7,"rev":5,"due":1000}}"#).expect("a hint");
        assert_eq!(busy, ShardPayload::Busy { room_id: RoomId(7), rev: Rev(5), due: 1000 });
    }

    #[test]
    fn every_dialect_survives_the_queue_and_release_0_2_0_reads_the_recipients() {
        /// A shard as release 0.2.0 reads it.
        #[derive(Deserialize)]
        struct Earlier {
            to: Vec<(u64, String, u64, bool, i64)>,
        }
        let connection = |number: u64, dialect| Connection {
            user: UserId(number),
            id: ConnectionId(number.to_string()),
            session: SessionId(3),
            dialect,
            connected_at: Timestamp(1000),
        };
        let audience = [connection(1, Dialect::Lean), connection(2, Dialect::Packed), connection(3, Dialect::Full)];
        let shard = Shard::of(ShardPayload::Joined { room_id: RoomId(7) }, &audience);
        let text = serde_json::to_string(&shard).expect("JSON");
        let read: Shard = serde_json::from_str(&text).expect("a shard");
        assert_eq!(read.audience(), audience);
        let earlier: Earlier = serde_json::from_str(&text).expect("a shard");
        assert_eq!(earlier.to.iter().map(|to| to.3).collect::<Vec<_>>(), [true, true, false]);
    }
}
