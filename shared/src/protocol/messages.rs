//! Messages, as history answers them and as frames carry them.

use serde::{Deserialize, Serialize};

use crate::id::{MessageId, RoomId, UploadId, UserId};
use crate::time::Timestamp;

/// Characters of a reply's preview.
pub const PREVIEW_LENGTH: usize = 120;

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MessageKind {
    /// Plain text.
    Text,
    /// Text with at least one picture.
    Image,
    /// Text with files.
    File,
    /// Written by the system: who joined, who left.
    System,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Message {
    /// The message's number across all rooms.
    pub id: MessageId,
    /// Its room.
    pub room_id: RoomId,
    /// Its place in the room: 1, 2, 3 … without holes.
    #[schema(example = 42)]
    pub seq: u64,
    /// The room's `rev` when the message last changed.
    #[schema(example = 57)]
    pub rev: u64,
    /// What it is.
    pub kind: MessageKind,
    /// Who wrote it; null for system messages.
    pub sender_id: Option<UserId>,
    /// The writer's username.
    #[schema(example = "ann")]
    pub username: Option<String>,
    /// The text; empty once the message is unsent.
    #[schema(example = "Hello, world!")]
    pub content: String,
    /// The sender's own key for it.
    pub client_id: Option<String>,
    /// What it answers.
    pub reply_to: Option<Reply>,
    /// Pictures and files.
    pub attachments: Vec<Attachment>,
    /// Who reacted with what.
    pub reactions: Vec<Reaction>,
    /// Members that the text mentions.
    pub mentions: Vec<UserId>,
    /// When it was last edited.
    pub edited_at: Option<Timestamp>,
    /// When it was unsent.
    pub deleted_at: Option<Timestamp>,
    /// When it was sent.
    pub created_at: Timestamp,
}

/// What a message answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Reply {
    /// The answered message.
    #[schema(example = 40)]
    pub seq: u64,
    /// Who wrote it.
    pub username: Option<String>,
    /// Its beginning; empty when it was unsent.
    pub preview: String,
}

/// A picture or a file of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Attachment {
    /// The upload behind it.
    pub upload_id: UploadId,
    /// `image` or `file`.
    pub kind: String,
    /// The sender's name for the file.
    pub file_name: String,
    /// What the bytes are.
    pub content_type: String,
    /// Bytes.
    pub size: u64,
    /// Pixels, of a picture.
    pub width: Option<u32>,
    /// Pixels, of a picture.
    pub height: Option<u32>,
    /// A tiny stand-in to show while the picture loads.
    pub placeholder: Option<String>,
    /// Where the bytes are.
    pub url: String,
    /// Where a small version is, of a picture.
    pub thumbnail_url: Option<String>,
}

/// One kind of reaction to a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Reaction {
    /// One emoji.
    #[schema(example = "👍")]
    pub emoji: String,
    /// How many reacted with it.
    pub count: u32,
    /// Whether the caller did.
    pub mine: bool,
}

/// A message to be sent, as the body of a request or inside a `send` action.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
pub struct NewMessage {
    /// 1 to `MAX_MESSAGE_LENGTH` (1000) characters, not only blanks.
    #[schema(example = "Hello, world!", min_length = 1, max_length = 1000)]
    pub content: Option<String>,
    /// The `seq` of a message of the same room that this one answers.
    pub reply_to: Option<u64>,
    /// The sender's own key, 1–64 characters: sending again with the same key gives the first message and never a second.
    #[schema(example = "c-7", min_length = 1, max_length = 64)]
    pub client_id: Option<String>,
}

/// A run of history, ascending by `seq`.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct History {
    /// The messages, oldest first.
    pub items: Vec<Message>,
    /// Pass it as `before` for older messages; null at the beginning of what the caller may read.
    pub next: Option<String>,
    /// The seq of the room's last message.
    pub last_seq: u64,
    /// The room's count of changes when this was read.
    pub rev: u64,
}
