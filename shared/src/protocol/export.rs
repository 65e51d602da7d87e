//! Everything that is kept of a person, as they get it.

use serde::Serialize;

use crate::id::{MessageId, ReportId, RoomId, SessionId, UploadId, UserId};
use crate::protocol::people::Me;
use crate::time::Timestamp;

/// A part of an export. The lists of all parts belong one behind the other.
#[derive(Clone, Debug, Default, Serialize, utoipa::ToSchema)]
pub struct Export {
    /// Oneself; in the first part.
    pub account: Option<Me>,
    /// Logins on devices, ended ones included.
    pub sessions: Vec<ExportedSession>,
    /// Rooms that one is in or was in.
    pub rooms: Vec<ExportedRoom>,
    /// Friends, and requests for friendship.
    pub friends: Vec<ExportedFriend>,
    /// People whom one has blocked.
    pub blocks: Vec<ExportedBlock>,
    /// Messages that one reported.
    pub reports: Vec<ExportedReport>,
    /// Invitations that one made.
    pub invites: Vec<ExportedInvite>,
    /// Pictures and files that one sent.
    pub uploads: Vec<ExportedUpload>,
    /// Messages that one hid from oneself.
    pub hidden: Vec<ExportedHidden>,
    /// Devices that are notified while one is away.
    pub subscriptions: Vec<ExportedSubscription>,
    /// Invitations of single people: those that one made, and those that one got.
    pub invitations: Vec<ExportedInvitation>,
    /// Messages that one wrote.
    pub messages: Vec<ExportedMessage>,
    /// What one's messages said before they were edited.
    pub edits: Vec<ExportedEdit>,
    /// What one reacted with.
    pub reactions: Vec<ExportedReaction>,
    /// When one read what.
    pub receipts: Vec<ExportedReceipt>,
    /// Pass it as `cursor` to get the next part; null at the end.
    pub next: Option<String>,
}

/// A login on a device.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ExportedSession {
    /// Its number.
    pub id: SessionId,
    /// What the device is called.
    pub device: String,
    /// The address that it was last used from.
    pub ip: String,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last refreshed.
    pub last_used_at: Timestamp,
    /// When it ends, or ended, by itself.
    pub expires_at: Timestamp,
    /// When it was ended.
    pub revoked_at: Option<Timestamp>,
}

/// A room that one is in or was in.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ExportedRoom {
    /// The room.
    pub room_id: RoomId,
    /// `direct`, `group` or `public`.
    pub kind: String,
    /// Its name; of rooms that one has left, and of direct ones, empty.
    pub name: String,
    /// `owner`, `admin` or `member`.
    pub role: String,
    /// `joined`, `left`, `removed` or `banned`.
    pub state: String,
    /// When one joined.
    pub joined_at: Timestamp,
    /// The last message that one has read.
    pub read_seq: u64,
    /// Until when one wants to hear nothing of it.
    pub muted_until: Option<Timestamp>,
}

/// A friend, or somebody who might become one.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ExportedFriend {
    /// The other one.
    pub user_id: UserId,
    /// Who asked.
    pub requested_by: UserId,
    /// When.
    pub requested_at: Timestamp,
    /// When the other one agreed.
    pub accepted_at: Option<Timestamp>,
}

/// Somebody whom one has blocked.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ExportedBlock {
    /// Who.
    pub user_id: UserId,
    /// When.
    pub created_at: Timestamp,
}

/// A message that one reported.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ExportedReport {
    /// Its number.
    pub id: ReportId,
    /// The message's room.
    pub room_id: RoomId,
    /// The message's place.
    pub seq: u64,
    /// What one said about it.
    pub reason: String,
    /// When.
    pub created_at: Timestamp,
}

/// An invitation that one made.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ExportedInvite {
    /// Its code.
    #[schema(format = Password)]
    pub code: String,
    /// To which room.
    pub room_id: RoomId,
    /// When.
    pub created_at: Timestamp,
}

/// A picture or a file. Its bytes are at `/api/uploads/{id}/content`.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ExportedUpload {
    /// Its number.
    pub id: UploadId,
    /// `avatar`, `image` or `file`.
    pub purpose: String,
    /// What one called it.
    pub file_name: String,
    /// What its bytes are.
    pub content_type: String,
    /// Bytes.
    pub size: u64,
    /// Where it was sent, if it was.
    pub room_id: Option<RoomId>,
    /// The message that it hangs on.
    pub seq: Option<u64>,
    /// When it was announced.
    pub created_at: Timestamp,
}

/// A message that one hid from oneself.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ExportedHidden {
    /// The room.
    pub room_id: RoomId,
    /// The message's place.
    pub seq: u64,
    /// When.
    pub created_at: Timestamp,
}

/// A device that is notified.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ExportedSubscription {
    /// The login that it belongs to.
    pub session_id: SessionId,
    /// Where its push service takes notifications for it.
    #[schema(format = Password)]
    pub endpoint: String,
    /// When it subscribed.
    pub created_at: Timestamp,
}

/// A message that one wrote, or a line of the system about what one did.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ExportedMessage {
    /// Its number.
    pub id: MessageId,
    /// Its room.
    pub room_id: RoomId,
    /// Its place there.
    pub seq: u64,
    /// `text`, `image`, `file` or `system`.
    pub kind: String,
    /// The text; empty once it is unsent.
    pub content: String,
    /// The message that it answers.
    pub reply_to_seq: Option<u64>,
    /// When it was sent.
    pub created_at: Timestamp,
    /// When it was last edited.
    pub edited_at: Option<Timestamp>,
    /// When it was unsent.
    pub deleted_at: Option<Timestamp>,
}

/// What a message of one's own said before it was edited.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ExportedEdit {
    /// The room.
    pub room_id: RoomId,
    /// The message's place.
    pub seq: u64,
    /// 1 is the text as it was first sent.
    pub version: u32,
    /// The text.
    pub content: String,
    /// When it was replaced.
    pub edited_at: Timestamp,
}

/// What one reacted with.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ExportedReaction {
    /// The room.
    pub room_id: RoomId,
    /// The message's place.
    pub seq: u64,
    /// One emoji.
    pub emoji: String,
    /// When.
    pub created_at: Timestamp,
}

/// An act of reading.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ExportedReceipt {
    /// The room.
    pub room_id: RoomId,
    /// The first message that was read.
    pub from_seq: u64,
    /// The last one.
    pub to_seq: u64,
    /// When.
    pub read_at: Timestamp,
}

/// An invitation of one person to one room.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ExportedInvitation {
    /// The room.
    pub room_id: RoomId,
    /// Who was asked.
    pub user_id: UserId,
    /// By whom.
    pub invited_by: UserId,
    /// When.
    pub invited_at: Timestamp,
}
