//! The actions of the socket as documented: a schema for each in its canonical form, with examples that `incoming` parses. `incoming` also accepts
//! the forms of legacy clients.

use std::collections::BTreeMap;

use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::id::{RoomRef, UserId};
use crate::protocol::messages::{NewContent, NewMessage, NewReaction};
use crate::protocol::receipts::Mark;

/// A documented action.
pub struct Verb {
    /// The value of `action`.
    pub name: &'static str,
    /// The description.
    pub about: &'static str,
    /// The frames that answer it, besides `error`.
    pub answers: &'static [&'static str],
    /// The schema of the fields besides `action` and `id`.
    pub shape: fn() -> RefOr<Schema>,
    /// The schemas that `shape` refers to.
    pub schemas: fn(&mut Vec<(String, RefOr<Schema>)>),
    /// Example frames, the canonical form first.
    pub examples: &'static [&'static str],
}

/// The client's id of a frame, echoed in the response. At most 80 characters as JSON; other values are ignored and not echoed.
#[derive(ToSchema)]
#[schema(as = Called, examples("c1", 1))]
#[serde(untagged)]
pub enum FrameId {
    /// A string.
    Text(String),
    /// A number.
    Number(i64),
}

/// The value of `data`.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes the frame; `incoming` reads it")]
enum OlderFields {
    /// The text.
    Text(String),
    /// The fields of a message.
    Fields {
        /// The room; also accepted as `roomId`, `conversation_id` and `conversationId`.
        room_id: Option<RoomRef>,
        /// The text.
        content: Option<String>,
        /// The URL of a file: an upload of this server is attached, any other URL becomes part of the text.
        file_url: Option<String>,
    },
}

macro_rules! shapes {
    ($($(#[$about:meta])* $name:ident { $($(#[$field_about:meta])* $field:ident: $kind:ty,)* })*) => {$(
        $(#[$about])*
        #[derive(ToSchema)]
        #[expect(dead_code, reason = "describes the frame; `incoming` reads it")]
        struct $name { $($(#[$field_about])* $field: $kind,)* }
    )*};
}

shapes! {
    /// Requests the user, the rooms, and changes since the given revisions.
    Hello {
        /// Up to 100 known rooms, each with its `rev`. Their changes follow the `welcome`.
        #[schema(example = json!({ "7": 57 }))]
        rooms: Option<BTreeMap<String, u64>>,
        /// Whether changes come as `catch_up` frames for many rooms; otherwise as one `sync`, `room.left` or `room` per changed room.
        packed: Option<bool>,
    }
    /// Sends a message.
    Send {
        /// The room; defaults to the socket's own room, else General.
        room_id: Option<RoomRef>,
        /// The message to send.
        #[serde(flatten)]
        message: NewMessage,
    }
    /// A reference to a message.
    Place {
        /// The room.
        room_id: RoomRef,
        /// The message's `seq`.
        #[schema(example = 42)]
        seq: u64,
    }
    /// A message in the form of legacy clients. Also accepts all fields of `send`.
    OlderSend {
        /// `sendmessage` when there is no `type`. Both are optional with `content`.
        action: Option<String>,
        /// `message`.
        r#type: Option<String>,
        /// The text, or an object with `room_id`, `content` and `file_url`.
        data: Option<OlderFields>,
        /// The text.
        content: Option<String>,
    }
    /// Edits a message.
    Edit {
        /// The message.
        #[serde(flatten)]
        place: Place,
        /// The new text.
        #[serde(flatten)]
        content: NewContent,
    }
    /// Adds or removes a reaction.
    React {
        /// The message.
        #[serde(flatten)]
        place: Place,
        /// The reaction.
        #[serde(flatten)]
        reaction: NewReaction,
    }
    /// Joins a room.
    Join {
        /// The room; defaults to the socket's own room.
        room_id: Option<RoomRef>,
        /// An invite code, for a room that is not public.
        #[schema(format = Password)]
        invite: Option<String>,
    }
    /// Leaves a room.
    Leave {
        /// The room.
        room_id: RoomRef,
        /// The new owner; required from the last owner.
        owner: Option<UserId>,
    }
    /// Moves a read marker.
    Reached {
        /// The room; defaults to the socket's own room.
        room_id: Option<RoomRef>,
        /// The last message.
        #[serde(flatten)]
        mark: Mark,
    }
    /// Starts or stops the typing indicator.
    Typing {
        /// The room; defaults to the socket's own room.
        room_id: Option<RoomRef>,
        /// Whether the user is typing; defaults to true.
        active: Option<bool>,
    }
    /// Requests the changes of a room.
    Since {
        /// The room; defaults to the socket's own room.
        room_id: Option<RoomRef>,
        /// The last `rev` known to the client; everything when absent.
        #[schema(example = 57)]
        rev: Option<u64>,
    }
    /// Checks the connection.
    Ping {
        /// The `ts` of an earlier `pong`.
        #[schema(example = 1_767_323_045_678_i64)]
        since: Option<i64>,
    }
    /// Replaces the access token.
    Renew {
        /// The token, bare or after `Bearer`, of the same user and session.
        #[schema(format = Password)]
        token: String,
    }
}

const fn verb<T: ToSchema>(
    name: &'static str,
    about: &'static str,
    answers: &'static [&'static str],
    examples: &'static [&'static str],
) -> Verb {
    Verb { name, about, answers, shape: <T as PartialSchema>::schema, schemas: <T as ToSchema>::schemas, examples }
}

/// The name of the legacy send action, whose frames need no `action`.
pub const LEGACY: &str = "message";

/// All actions.
pub const VERBS: [Verb; 15] = [
    verb::<Hello>(
        "hello",
        "The first frame: requests the user and the rooms. With `rooms`, their changes follow the `welcome`. Limit: one catch-up per user at a time; \
         beyond it an `error` (`rate_limited` with `retry_after`) follows the `welcome`: repeat `hello` later.",
        &["welcome", "catch_up", "sync"],
        &[
            r#"{"action":"hello"}"#,
            r#"{"action":"hello","rooms":{"7":57},"packed":true,"id":1}"#,
            r#"{"action":"hello","rooms":{"7":57},"id":1}"#,
        ],
    ),
    verb::<Send>(
        "send",
        "Sends a message. The `ack` means *stored and pushed*; without one, retry with the same `client_id`.",
        &["ack"],
        &[r#"{"action":"send","room_id":7,"content":"Hello, world!","client_id":"c-7","id":1}"#],
    ),
    verb::<Edit>(
        "edit",
        "Edits a message of the user.",
        &["ack"],
        &[r#"{"action":"edit","room_id":7,"seq":42,"content":"Hello, all!"}"#],
    ),
    verb::<Place>("unsend", "Unsends a message for everyone.", &["ack"], &[r#"{"action":"unsend","room_id":7,"seq":42}"#]),
    verb::<React>(
        "react",
        "Adds a reaction to a message.",
        &["ack"],
        &[r#"{"action":"react","room_id":7,"seq":42,"emoji":"👍"}"#],
    ),
    verb::<React>(
        "unreact",
        "Removes a reaction from a message.",
        &["ack"],
        &[r#"{"action":"unreact","room_id":7,"seq":42,"emoji":"👍"}"#],
    ),
    verb::<Join>(
        "join",
        "Joins a public room, or a room with an invitation or invite code.",
        &["ack"],
        &[r#"{"action":"join","room_id":7}"#, r#"{"action":"join","room_id":7,"invite":"Qm9zdG9uIFRlYSBQYXJ0eQ"}"#],
    ),
    verb::<Leave>("leave", "Leaves a room.", &["ack"], &[r#"{"action":"leave","room_id":7}"#]),
    verb::<Reached>(
        "read",
        "Marks all messages up to a `seq` as read.",
        &["ack"],
        &[r#"{"action":"read","room_id":7,"seq":42}"#],
    ),
    verb::<Reached>(
        "delivered",
        "Marks all messages up to a `seq` as delivered.",
        &["ack"],
        &[r#"{"action":"delivered","room_id":7,"seq":42}"#],
    ),
    verb::<Typing>(
        "typing",
        "Starts or stops the typing indicator. Expires: repeat it every few seconds.",
        &["ack"],
        &[r#"{"action":"typing","room_id":7,"active":true}"#],
    ),
    verb::<Since>(
        "sync",
        "Returns the changes of a room since a `rev`.",
        &["sync"],
        &[r#"{"action":"sync","room_id":7,"rev":57}"#],
    ),
    verb::<Ping>(
        "ping",
        "Checks the connection and returns the rooms that changed since.",
        &["pong"],
        &[r#"{"action":"ping"}"#, r#"{"action":"ping","since":1767323045678}"#],
    ),
    verb::<Renew>(
        "renew",
        "Presents a fresh access token on the open socket; the `ack` confirms it. The socket lives as long as its session and stays open \
         when a token is refused: `unauthenticated`, `token_expired` or `another_session`.",
        &["ack"],
        &[r#"{"action":"renew","token":"eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCJ9.…"}"#],
    ),
    verb::<OlderSend>(
        LEGACY,
        "Sends a message in the form of legacy clients.",
        &["ack"],
        &[
            r#"{"content":"Your message here"}"#,
            r#"{"type":"message","data":{"room_id":"room-123","content":"Hello world!","file_url":"https://cloudinary.com/file.jpg"}}"#,
            r#"{"type":"message","data":"Hello, world!"}"#,
            r#"{"action":"sendmessage","data":"Hello, world!"}"#,
        ],
    ),
];
