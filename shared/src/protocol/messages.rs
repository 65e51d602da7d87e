//! Messages, as history answers them and as frames carry them.

use serde::{Deserialize, Serialize};

use crate::id::{MessageId, RoomId, RoomRef, UploadId, UserId};
use crate::protocol::null_is_default;
use crate::protocol::people::User;
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
    /// What a system message tells, for programs: `member.joined`, `member.left`, `room.renamed` …
    pub event: Option<String>,
    /// Who wrote it; of a system message, who did what it tells.
    pub sender_id: Option<UserId>,
    /// That person's username.
    #[schema(example = "ann")]
    pub username: Option<String>,
    /// The text; empty once the message is unsent.
    #[schema(example = "Hello, world!")]
    pub content: String,
    /// The sender's own key for it.
    pub client_id: Option<String>,
    /// What it answers.
    pub reply_to: Option<Reply>,
    /// Who wrote it first, when it was forwarded from elsewhere.
    pub forwarded: Option<Forwarded>,
    /// Pictures and files.
    pub attachments: Vec<Attachment>,
    /// How many reacted with what, in the order of the emoji's code points. The last messages of room lists leave this empty.
    pub reactions: Vec<Reaction>,
    /// Members that the text mentions as `@name`.
    pub mentions: Vec<UserId>,
    /// When it was last edited.
    pub edited_at: Option<Timestamp>,
    /// When it was pinned, if it is.
    pub pinned_at: Option<Timestamp>,
    /// When it was unsent.
    pub deleted_at: Option<Timestamp>,
    /// Who unsent it: the writer, or a moderator.
    pub deleted_by: Option<UserId>,
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
    /// What it is: of a picture or a file without words this is all there is to show.
    pub kind: MessageKind,
    /// Its beginning; empty when it was unsent.
    pub preview: String,
}

/// Who wrote a forwarded message first. Where it stood is not told: the reader may not see that room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Forwarded {
    /// The first writer's username.
    #[schema(example = "ann")]
    pub username: Option<String>,
    /// When it was first sent.
    pub created_at: Timestamp,
}

/// How an attachment is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttachmentKind {
    /// As a picture.
    Image,
    /// By its name, to be downloaded.
    File,
}

/// A picture or a file of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Attachment {
    /// The upload behind it.
    pub upload_id: UploadId,
    /// How to show it.
    pub kind: AttachmentKind,
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
    /// A blurhash to show while the picture loads.
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
    /// Whether the caller did; null in frames, which all members receive alike.
    pub mine: Option<bool>,
}

/// A reaction that was given or taken back: the frame of it, and the answer to the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ReactionChange {
    /// The room.
    pub room_id: RoomId,
    /// The message's place.
    #[schema(example = 42)]
    pub seq: u64,
    /// The room's count of changes with this one.
    pub rev: u64,
    /// One emoji.
    #[schema(example = "👍")]
    pub emoji: String,
    /// Who.
    pub user_id: UserId,
    /// Whether the reaction stands now.
    pub added: bool,
    /// How many react with this emoji now.
    pub count: u32,
}

/// Someone's reaction to a message.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Reactor {
    /// One emoji.
    #[schema(example = "👍")]
    pub emoji: String,
    /// Who.
    pub user: User,
    /// When.
    pub created_at: Timestamp,
}

/// An earlier text of an edited message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Edit {
    /// 1 is the text as it was first sent.
    pub version: u32,
    /// The text.
    pub content: String,
    /// When it was replaced.
    pub edited_at: Timestamp,
}

/// A message to be sent, as the body of a request or inside a `send` action.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
pub struct NewMessage {
    /// 1 to `MAX_MESSAGE_LENGTH` (1000) characters, not only blanks. May be left out beside attachments.
    #[schema(example = "Hello, world!", min_length = 1, max_length = 1000)]
    pub content: Option<String>,
    /// One's own uploads that are ready and not attached yet, at most 10.
    #[serde(default, deserialize_with = "null_is_default")]
    pub attachments: Vec<UploadId>,
    /// The `seq` of a message of the same room that this one answers.
    pub reply_to: Option<u64>,
    /// The sender's own key, 1–64 characters: sending again with the same key gives the first message and never a second.
    #[schema(example = "c-7", min_length = 1, max_length = 64)]
    pub client_id: Option<String>,
    /// A message to pass on, instead of `content` and `attachments`.
    pub forward: Option<Forward>,
}

/// A message to pass on; the sender must be able to read it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
pub struct Forward {
    /// Its room: `7`, `room-7` or a slug.
    pub room_id: RoomRef,
    /// Its place there.
    #[schema(example = 42)]
    pub seq: u64,
}

/// Body of `PATCH …/messages/{seq}`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
pub struct NewContent {
    /// The new text, under the rules of sending.
    #[schema(example = "Hello, world!", min_length = 1, max_length = 1000)]
    pub content: String,
}

/// Body of `PUT …/messages/{seq}/reactions`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
pub struct NewReaction {
    /// One emoji.
    #[schema(example = "👍", min_length = 1, max_length = 64)]
    pub emoji: String,
}

/// A run of history, ascending by `seq`.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct History {
    /// The messages, oldest first.
    pub items: Vec<Message>,
    /// Pass it as `before` for older messages (as `after` for newer ones, where those were asked for); null at the end of what the caller may read.
    pub next: Option<String>,
    /// The seq of the room's last message.
    pub last_seq: u64,
    /// The room's count of changes when this was read.
    pub rev: u64,
    /// Whether `next` leads to newer messages.
    #[serde(skip)]
    #[schema(ignore)]
    pub ascends: bool,
}
