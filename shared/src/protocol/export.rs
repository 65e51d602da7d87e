//! The export of a user's data.

use serde::Serialize;

use crate::id::{MessageId, ReportId, RoomId, Seq, SessionId, UploadId, UserId};
use crate::protocol::people::Me;
use crate::time::Timestamp;

/// A part of an export. Concatenate the lists of all parts.
#[derive(Clone, Debug, Default, Serialize, utoipa::ToSchema)]
pub struct Export {
    /// The profile, in the first part only.
    pub account: Option<Me>,
    /// Sessions, including ended ones.
    pub sessions: Vec<ExportedSession>,
    /// Current and former rooms.
    pub rooms: Vec<ExportedRoom>,
    /// Friends and friend requests.
    pub friends: Vec<ExportedFriend>,
    /// Blocked users.
    pub blocks: Vec<ExportedBlock>,
    /// Reports by the user.
    pub reports: Vec<ExportedReport>,
    /// Invite codes created by the user.
    pub invites: Vec<ExportedInvite>,
    /// Images and files uploaded by the user.
    pub uploads: Vec<ExportedUpload>,
    /// Messages hidden by the user.
    pub hidden: Vec<ExportedHidden>,
    /// Devices with push notifications.
    pub subscriptions: Vec<ExportedSubscription>,
    /// Invitations sent and received.
    pub invitations: Vec<ExportedInvitation>,
    /// Messages written by the user.
    pub messages: Vec<ExportedMessage>,
    /// Earlier texts of the user's edited messages.
    pub edits: Vec<ExportedEdit>,
    /// Reactions by the user.
    pub reactions: Vec<ExportedReaction>,
    /// Read receipts of the user.
    pub receipts: Vec<ExportedReceipt>,
    /// The cursor of the next part; null in the last one.
    pub next: Option<String>,
}

/// A login on a device.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ExportedSession {
    /// The session's id.
    pub id: SessionId,
    /// The device's name.
    pub device: String,
    /// The address that last used the session.
    pub ip: String,
    /// When the session began.
    pub created_at: Timestamp,
    /// When the session was last refreshed.
    pub last_used_at: Timestamp,
    /// When the session expires or expired.
    pub expires_at: Timestamp,
    /// When the session was ended.
    pub revoked_at: Option<Timestamp>,
}

/// A current or former room.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ExportedRoom {
    /// The room.
    pub room_id: RoomId,
    /// `direct`, `group` or `public`.
    pub kind: String,
    /// The room's name; empty for direct and former rooms.
    pub name: String,
    /// `owner`, `admin` or `member`.
    pub role: String,
    /// `joined`, `left`, `removed` or `banned`.
    pub state: String,
    /// When the user joined.
    pub joined_at: Timestamp,
    /// The last message that the user has read.
    #[schema(value_type = u64)]
    pub read_seq: Seq,
    /// Until when the user has muted the room.
    pub muted_until: Option<Timestamp>,
}

/// A friendship or friend request.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ExportedFriend {
    /// The other user.
    pub user_id: UserId,
    /// The user who sent the request.
    pub requested_by: UserId,
    /// When the request was sent.
    pub requested_at: Timestamp,
    /// When the request was accepted.
    pub accepted_at: Option<Timestamp>,
}

/// A blocked user.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ExportedBlock {
    /// The user.
    pub user_id: UserId,
    /// When the user was blocked.
    pub created_at: Timestamp,
}

/// A report by the user.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ExportedReport {
    /// The report's id.
    pub id: ReportId,
    /// The message's room.
    pub room_id: RoomId,
    /// The message's `seq`.
    #[schema(value_type = u64)]
    pub seq: Seq,
    /// The reason.
    pub reason: String,
    /// When the message was reported.
    pub created_at: Timestamp,
}

/// An invite code created by the user.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ExportedInvite {
    /// The code.
    #[schema(format = Password)]
    pub code: String,
    /// The room.
    pub room_id: RoomId,
    /// When it was created.
    pub created_at: Timestamp,
}

/// An upload. Its bytes are at `/api/uploads/{id}/content`.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ExportedUpload {
    /// The upload's id.
    pub id: UploadId,
    /// `avatar`, `image` or `file`.
    pub purpose: String,
    /// The file name.
    pub file_name: String,
    /// The content type.
    pub content_type: String,
    /// The size in bytes.
    pub size: u64,
    /// The room where it was sent.
    pub room_id: Option<RoomId>,
    /// The `seq` of its message.
    #[schema(value_type = Option<u64>)]
    pub seq: Option<Seq>,
    /// When the upload was announced.
    pub created_at: Timestamp,
}

/// A message hidden by the user.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ExportedHidden {
    /// The room.
    pub room_id: RoomId,
    /// The message's `seq`.
    #[schema(value_type = u64)]
    pub seq: Seq,
    /// When the message was hidden.
    pub created_at: Timestamp,
}

/// A device with push notifications.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ExportedSubscription {
    /// The session of the device.
    pub session_id: SessionId,
    /// The URL at the push service.
    #[schema(format = Password)]
    pub endpoint: String,
    /// When the device subscribed.
    pub created_at: Timestamp,
}

/// A message by the user, or a system message about the user's action.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ExportedMessage {
    /// The message's id.
    pub id: MessageId,
    /// The room.
    pub room_id: RoomId,
    /// The message's `seq`.
    #[schema(value_type = u64)]
    pub seq: Seq,
    /// `text`, `image`, `file` or `system`.
    pub kind: String,
    /// The text; empty after unsending.
    pub content: String,
    /// The `seq` of the message that it replies to.
    #[schema(value_type = Option<u64>)]
    pub reply_to_seq: Option<Seq>,
    /// When the message was sent.
    pub created_at: Timestamp,
    /// When the message was last edited.
    pub edited_at: Option<Timestamp>,
    /// When the message was unsent.
    pub deleted_at: Option<Timestamp>,
}

/// An earlier text of a message by the user.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ExportedEdit {
    /// The room.
    pub room_id: RoomId,
    /// The message's `seq`.
    #[schema(value_type = u64)]
    pub seq: Seq,
    /// The version; 1 is the original text.
    pub version: u32,
    /// The text.
    pub content: String,
    /// When the text was replaced.
    pub edited_at: Timestamp,
}

/// A reaction by the user.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ExportedReaction {
    /// The room.
    pub room_id: RoomId,
    /// The message's `seq`.
    #[schema(value_type = u64)]
    pub seq: Seq,
    /// The emoji.
    pub emoji: String,
    /// When the user reacted.
    pub created_at: Timestamp,
}

/// A read receipt of the user.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ExportedReceipt {
    /// The room.
    pub room_id: RoomId,
    /// The first message read.
    #[schema(value_type = u64)]
    pub from_seq: Seq,
    /// The last message read.
    #[schema(value_type = u64)]
    pub to_seq: Seq,
    /// When the messages were read.
    pub read_at: Timestamp,
}

/// An invitation of a user to a room.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ExportedInvitation {
    /// The room.
    pub room_id: RoomId,
    /// The invited user.
    pub user_id: UserId,
    /// The user who sent the invitation.
    pub invited_by: UserId,
    /// When the invitation was sent.
    pub invited_at: Timestamp,
}
