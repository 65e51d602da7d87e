//! Messages, in the history and in frames.

use serde::{Deserialize, Serialize};

use crate::id::{MessageId, Rev, RoomId, RoomRef, Seq, UploadId, UserId};
use crate::protocol::null_is_default;
use crate::protocol::people::User;
use crate::time::Timestamp;

/// Length of a reply's preview in characters.
pub const PREVIEW_LENGTH: usize = 120;

/// The kind of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MessageKind {
    /// Plain text.
    Text,
    /// Text with at least one image.
    Image,
    /// Text with files.
    File,
    /// A system message, such as a member joining.
    System,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Message {
    /// The message's id across all rooms.
    pub id: MessageId,
    /// The room.
    pub room_id: RoomId,
    /// The message's position in the room: 1, 2, 3 … without gaps.
    #[schema(value_type = u64, example = 42)]
    pub seq: Seq,
    /// The room's `rev` at the last change of the message.
    #[schema(value_type = u64, example = 57)]
    pub rev: Rev,
    /// The kind of the message.
    pub kind: MessageKind,
    /// The event of a system message: `member.joined`, `member.left`, `room.renamed` …
    pub event: Option<String>,
    /// The sender; of a system message the acting user.
    pub sender_id: Option<UserId>,
    /// The sender's username.
    #[schema(example = "ann")]
    pub username: Option<String>,
    /// The text; empty after unsending.
    #[schema(example = "Hello, world!")]
    pub content: String,
    /// The sender's `client_id`.
    pub client_id: Option<String>,
    /// The message that this one replies to.
    pub reply_to: Option<Reply>,
    /// The original sender of a forwarded message.
    pub forwarded: Option<Forwarded>,
    /// Images and files.
    pub attachments: Vec<Attachment>,
    /// Reactions by the code points of their emoji. Empty in the last messages of room lists.
    pub reactions: Vec<Reaction>,
    /// Members mentioned in the text as `@name`.
    pub mentions: Vec<UserId>,
    /// When the message was last edited.
    pub edited_at: Option<Timestamp>,
    /// When the message was pinned, if it is.
    pub pinned_at: Option<Timestamp>,
    /// When the message was unsent, or lost all of its content with the account that sent it.
    pub deleted_at: Option<Timestamp>,
    /// The user who unsent it: the sender, also by erasing the account, or a moderator.
    pub deleted_by: Option<UserId>,
    /// When the message was sent.
    pub created_at: Timestamp,
}

/// The message that another one replies to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Reply {
    /// The `seq` of the message.
    #[schema(value_type = u64, example = 40)]
    pub seq: Seq,
    /// The sender's username.
    pub username: Option<String>,
    /// The kind of the message, to describe attachments without text.
    pub kind: MessageKind,
    /// The beginning of the text; empty after unsending, and for a message that the reader hid, whose `username` is null. Frames are the same for all
    /// members: there, clients leave out what their user hid.
    pub preview: String,
}

/// The origin of a forwarded message. The room is omitted, since the reader may not see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Forwarded {
    /// The original sender's username.
    #[schema(example = "ann")]
    pub username: Option<String>,
    /// When the message was originally sent.
    pub created_at: Timestamp,
}

/// How to display an attachment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttachmentKind {
    /// As an image.
    Image,
    /// As a file to download.
    File,
}

/// An image or file of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Attachment {
    /// The upload.
    pub upload_id: UploadId,
    /// How to display it.
    pub kind: AttachmentKind,
    /// The sender's file name.
    pub file_name: String,
    /// The content type.
    pub content_type: String,
    /// The size in bytes.
    pub size: u64,
    /// The width of an image or video in pixels.
    pub width: Option<u32>,
    /// The height of an image or video in pixels.
    pub height: Option<u32>,
    /// The duration of audio or video in milliseconds, if its header has it.
    pub duration: Option<u32>,
    /// A blurhash to display while the image, or the poster of a video, loads.
    pub placeholder: Option<String>,
    /// The URL of the bytes.
    pub url: String,
    /// The URL of the thumbnail of an image, or of a video with a poster.
    pub thumbnail_url: Option<String>,
}

/// The reactions to a message with one emoji.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Reaction {
    /// The emoji.
    #[schema(example = "👍")]
    pub emoji: String,
    /// The number of users.
    pub count: u32,
    /// Whether the caller is among them; null in frames, which are the same for all members.
    pub mine: Option<bool>,
}

/// An added or removed reaction: a frame, and the response to the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ReactionChange {
    /// The room.
    pub room_id: RoomId,
    /// The message's `seq`.
    #[schema(value_type = u64, example = 42)]
    pub seq: Seq,
    /// The room's revision after the change.
    #[schema(value_type = u64)]
    pub rev: Rev,
    /// The emoji.
    #[schema(example = "👍")]
    pub emoji: String,
    /// The user.
    pub user_id: UserId,
    /// Whether the reaction was added.
    pub added: bool,
    /// The number of users who now react with this emoji.
    pub count: u32,
}

/// A user's reaction to a message.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Reactor {
    /// The emoji.
    #[schema(example = "👍")]
    pub emoji: String,
    /// The user.
    pub user: User,
    /// When the user reacted.
    pub created_at: Timestamp,
}

/// An earlier text of an edited message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Edit {
    /// The version; 1 is the original text.
    pub version: u32,
    /// The text.
    pub content: String,
    /// When the text was replaced.
    pub edited_at: Timestamp,
}

/// A message to send, as a request body or in a `send` action.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
pub struct NewMessage {
    /// The text: 1 to `MAX_MESSAGE_LENGTH` (1000) characters, not only whitespace. Optional with attachments.
    #[schema(example = "Hello, world!", min_length = 1, max_length = 1000)]
    pub content: Option<String>,
    /// Up to 10 uploads of the caller that are ready and unused.
    #[serde(default, deserialize_with = "null_is_default")]
    pub attachments: Vec<UploadId>,
    /// The `seq` of a message in the same room that this one replies to.
    #[schema(value_type = Option<u64>)]
    pub reply_to: Option<Seq>,
    /// A unique key of the sender, 1–64 characters: sending again with the same key returns the first message.
    #[schema(example = "c-7", min_length = 1, max_length = 64)]
    pub client_id: Option<String>,
    /// A message to forward, instead of `content` and `attachments`.
    pub forward: Option<Forward>,
}

/// A message to forward; the sender must be able to read it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
pub struct Forward {
    /// The room: `7`, `room-7` or a slug.
    pub room_id: RoomRef,
    /// The message's `seq`.
    #[schema(value_type = u64, example = 42)]
    pub seq: Seq,
}

/// Body of `PATCH …/messages/{seq}`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
pub struct NewContent {
    /// The new text, under the same rules as for sending.
    #[schema(example = "Hello, world!", min_length = 1, max_length = 1000)]
    pub content: String,
}

/// Body of `PUT …/messages/{seq}/reactions`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
pub struct NewReaction {
    /// A single emoji: one of Unicode's recommended sequences (Emoji 18.0), in any spelling. It is stored and returned fully qualified (`❤️` for `❤`).
    #[schema(example = "👍", min_length = 1, max_length = 64)]
    pub emoji: String,
}

/// A page of messages, ascending by `seq`.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct History {
    /// The messages, oldest first.
    pub items: Vec<Message>,
    /// The cursor of the next page: pass it as `before`, or as `after` if the request used that; null at the end of what the caller may read.
    pub next: Option<String>,
    /// The `seq` of the room's last message.
    #[schema(value_type = u64)]
    pub last_seq: Seq,
    /// The room's revision at the time of reading.
    #[schema(value_type = u64)]
    pub rev: Rev,
    /// Whether `next` leads to newer messages.
    #[serde(skip)]
    #[schema(ignore)]
    pub ascends: bool,
}
