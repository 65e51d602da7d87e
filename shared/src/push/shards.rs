//! What `fanout` is asked to do. It waits in a queue of Lambda's, and for days among the dead letters if it fails: so it says what happened and where,
//! and nothing that anybody wrote or is called. Whoever serves it reads that then.

use serde::{Deserialize, Serialize};

use crate::id::{ConnectionId, RoomId, SessionId, UploadId, UserId};
use crate::protocol::frames::Frame;
use crate::push::Encoded;
use crate::push::registry::Connection;
use crate::time::Timestamp;

/// One part of a large audience, and what it is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Shard {
    /// The frame, or what to make it from.
    pub what: What,
    /// To whom: user, connection, session, lean, connected at.
    pub to: Vec<(u64, String, u64, bool, i64)>,
}

/// What a shard delivers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A frame without anybody's words or names, per dialect.
    Frame {
        /// For `conchat.v1`.
        lean: String,
        /// For everyone else.
        full: String,
    },
    /// At the end of its second: a hint that the room changed, with the count that it has by then.
    Busy {
        /// The room.
        room_id: RoomId,
        /// Its count of changes when the second began.
        rev: u64,
        /// End of the second, epoch milliseconds.
        due: i64,
    },
    /// A message that was sent.
    Message {
        /// The room.
        room_id: RoomId,
        /// Its place.
        seq: u64,
        /// The room's count of changes with it.
        rev: u64,
    },
    /// A message that was edited.
    Edited {
        /// The room.
        room_id: RoomId,
        /// Its place.
        seq: u64,
        /// The room's count of changes with it.
        rev: u64,
    },
    /// What a room says of itself.
    Facts {
        /// The room.
        room_id: RoomId,
        /// The room's count of changes with it.
        rev: u64,
    },
    /// A member who came, or changed.
    Member {
        /// The room.
        room_id: RoomId,
        /// The room's count of changes with it.
        rev: u64,
        /// Who.
        user_id: UserId,
        /// Whether they came.
        came: bool,
    },
    /// A room that its receiver is now a member of.
    Joined {
        /// The room.
        room_id: RoomId,
    },
    /// A room as its receiver sees it.
    Seen {
        /// The room.
        room_id: RoomId,
    },
    /// A room that asks the receiver in.
    Invited {
        /// The room.
        room_id: RoomId,
    },
    /// What stands between the receiver and another one.
    Friend {
        /// The other one.
        user_id: UserId,
    },
    /// An upload of the receiver's.
    Upload {
        /// The upload.
        upload_id: UploadId,
    },
}

impl What {
    /// What a frame for others says, without what anybody wrote. None of what is not worth telling later, and of what is said to one socket alone.
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
            Frame::RoomJoined { room } => Self::Joined { room_id: room.id },
            Frame::RoomSeen { room_id, .. } => Self::Seen { room_id: *room_id },
            Frame::RoomInvited(invitation) => Self::Invited { room_id: invitation.room.id },
            Frame::FriendRequest(friendship) | Frame::FriendAccepted(friendship) => {
                Self::Friend { user_id: friendship.user.user.id }
            }
            Frame::UploadReady { upload } => Self::Upload { upload_id: upload.upload_id },
            // Numbers, times, and one emoji.
            Frame::MessageUnsent { .. }
            | Frame::MessagePinned { .. }
            | Frame::MessageHidden { .. }
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
            // Typing is forgotten after six seconds; the others are said to one socket alone.
            Frame::Typing { .. }
            | Frame::Sync { .. }
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
    /// The same for these sockets.
    pub(super) fn of(what: &What, audience: &[Connection]) -> Self {
        let to = audience.iter().map(|connection| {
            let Connection { user, id, session, lean, connected_at } = connection;
            (user.0, id.0.clone(), session.0, *lean, connected_at.0)
        });
        Self { what: what.clone(), to: to.collect() }
    }

    /// Its sockets.
    pub fn audience(&self) -> Vec<Connection> {
        let connection = |(user, id, session, lean, connected_at): &(u64, String, u64, bool, i64)| Connection {
            user: UserId(*user),
            id: ConnectionId(id.clone()),
            session: SessionId(*session),
            lean: *lean,
            connected_at: Timestamp(*connected_at),
        };
        self.to.iter().map(connection).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_earlier_release_handed_over_is_still_read() {
        let text = r#"{"what":{"frame":{"lean":"{}","full":"{}"}},"to":[[7,"abc=",3,true,1000]]}"#;
        let shard: Shard = serde_json::from_str(text).expect("a shard");
        assert_eq!((shard.audience().len(), shard.what), (1, What::Frame { lean: "{}".into(), full: "{}".into() }));
        let busy: What = serde_json::from_str(r#"{"busy":{"room_id":7,"rev":5,"due":1000}}"#).expect("a hint");
        assert_eq!(busy, What::Busy { room_id: RoomId(7), rev: 5, due: 1000 });
    }
}
