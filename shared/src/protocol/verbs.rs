//! What a client can ask over the socket, as it is documented: a shape for each verb in its canonical spelling, and examples that really are read.
//! `incoming` reads them, and the older clients' spellings besides.

use std::collections::BTreeMap;

use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::id::{RoomRef, UserId};
use crate::protocol::messages::{NewContent, NewMessage, NewReaction};
use crate::protocol::receipts::Mark;

/// A verb of the protocol.
pub struct Verb {
    /// The `action` that names it.
    pub name: &'static str,
    /// What it does.
    pub about: &'static str,
    /// The frames that answer it, besides `error`.
    pub answers: &'static [&'static str],
    /// The fields beside `action` and `id`.
    pub shape: fn() -> RefOr<Schema>,
    /// The schemas that the shape refers to.
    pub schemas: fn(&mut Vec<(String, RefOr<Schema>)>),
    /// Frames that ask for it, the canonical spelling first.
    pub examples: &'static [&'static str],
}

/// What a client calls a frame: echoed in the answer. At most 80 characters as JSON; anything else is no name, and not echoed.
#[derive(ToSchema)]
#[schema(examples("c1", 1))]
#[serde(untagged)]
pub enum Called {
    /// A text.
    Text(String),
    /// A number.
    Number(i64),
}

/// What stands in `data`.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes the frame; `incoming` reads it")]
enum OlderFields {
    /// The text.
    Text(String),
    /// The fields of a message.
    Fields {
        /// The room; `roomId`, `conversation_id` and `conversationId` are read, too.
        room_id: Option<RoomRef>,
        /// The text.
        content: Option<String>,
        /// Where a file is: one of our own uploads is attached, any other address stands in the text.
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
    /// Who am I, what are my rooms, and what changed in some of them.
    Hello {
        /// Rooms that the client knows, each up to a `rev`; at most 100. Their catch-up follows the `welcome`.
        #[schema(example = json!({ "7": 57 }))]
        rooms: Option<BTreeMap<String, u64>>,
        /// Whether the catch-up comes as `catch_up` frames of many rooms each; without it as one `sync`, `room.left` or `room` for each room that
        /// changed.
        packed: Option<bool>,
    }
    /// A message.
    Send {
        /// The room; without it the message goes to the socket's own room, else to General.
        room_id: Option<RoomRef>,
        /// What to say.
        #[serde(flatten)]
        message: NewMessage,
    }
    /// A message, by its place.
    Place {
        /// The room.
        room_id: RoomRef,
        /// The message's place.
        #[schema(example = 42)]
        seq: u64,
    }
    /// A message as older clients send it. All fields of `send` are read as well.
    OlderSend {
        /// `sendmessage`, where there is no `type`; both may be left out beside `content`.
        action: Option<String>,
        /// `message`.
        r#type: Option<String>,
        /// The text, or an object of the fields `room_id`, `content`, `file_url`.
        data: Option<OlderFields>,
        /// The text.
        content: Option<String>,
    }
    /// Another text for a message.
    Edit {
        /// Which message.
        #[serde(flatten)]
        place: Place,
        /// The text.
        #[serde(flatten)]
        content: NewContent,
    }
    /// A reaction to a message.
    React {
        /// Which message.
        #[serde(flatten)]
        place: Place,
        /// The reaction.
        #[serde(flatten)]
        reaction: NewReaction,
    }
    /// A room to become a member of.
    Join {
        /// The room; the socket's own without it.
        room_id: Option<RoomRef>,
        /// The code of an invitation, for a room that is not public.
        #[schema(format = Password)]
        invite: Option<String>,
    }
    /// A room to leave.
    Leave {
        /// The room.
        room_id: RoomRef,
        /// The member who owns it from now on; needed of the last owner.
        owner: Option<UserId>,
    }
    /// How far one has come in a room.
    Reached {
        /// The room; the socket's own without it.
        room_id: Option<RoomRef>,
        /// The last message.
        #[serde(flatten)]
        mark: Mark,
    }
    /// Whether one writes.
    Typing {
        /// The room; the socket's own without it.
        room_id: Option<RoomRef>,
        /// Whether one writes; true without it.
        active: Option<bool>,
    }
    /// What one knows of a room.
    Since {
        /// The room; the socket's own without it.
        room_id: Option<RoomRef>,
        /// The room's count of changes up to which one knows it; everything without it.
        #[schema(example = 57)]
        rev: Option<u64>,
    }
    /// When one last asked.
    Ping {
        /// The `ts` of an earlier `pong`.
        #[schema(example = 1_767_323_045_678_i64)]
        since: Option<i64>,
    }
    /// A fresh access token.
    Renew {
        /// The token, bare or after `Bearer`: of the same person and of the same session.
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

/// The name of the verb that stands for what older clients send: its frames need no `action`.
pub const OLDER: &str = "message";

/// Every verb, in the order in which one meets them.
pub const VERBS: [Verb; 15] = [
    verb::<Hello>(
        "hello",
        "The first frame: who am I, what are my rooms. With `rooms`, what changed in those follows the `welcome`: one catch-up of a person at a \
         time. One that cannot be made now is refused by an `error` after the `welcome` (`rate_limited`, with `retry_after`): say `hello` again then.",
        &["welcome", "catch_up", "sync"],
        &[
            r#"{"action":"hello"}"#,
            r#"{"action":"hello","rooms":{"7":57},"packed":true,"id":1}"#,
            r#"{"action":"hello","rooms":{"7":57},"id":1}"#,
        ],
    ),
    verb::<Send>(
        "send",
        "Sends a message. The answer means *stored and pushed*; without an answer, send again with the same `client_id`.",
        &["ack"],
        &[r#"{"action":"send","room_id":7,"content":"Hello, world!","client_id":"c-7","id":1}"#],
    ),
    verb::<Edit>(
        "edit",
        "Changes the text of one's own message.",
        &["ack"],
        &[r#"{"action":"edit","room_id":7,"seq":42,"content":"Hello, all!"}"#],
    ),
    verb::<Place>("unsend", "Takes a message back, for everyone.", &["ack"], &[r#"{"action":"unsend","room_id":7,"seq":42}"#]),
    verb::<React>("react", "Reacts to a message.", &["ack"], &[r#"{"action":"react","room_id":7,"seq":42,"emoji":"👍"}"#]),
    verb::<React>("unreact", "Takes a reaction back.", &["ack"], &[r#"{"action":"unreact","room_id":7,"seq":42,"emoji":"👍"}"#]),
    verb::<Join>(
        "join",
        "Becomes a member of a room that is public, or to which one is invited.",
        &["ack"],
        &[r#"{"action":"join","room_id":7}"#, r#"{"action":"join","room_id":7,"invite":"Qm9zdG9uIFRlYSBQYXJ0eQ"}"#],
    ),
    verb::<Leave>("leave", "Leaves a room.", &["ack"], &[r#"{"action":"leave","room_id":7}"#]),
    verb::<Reached>("read", "Everything up to a message was read.", &["ack"], &[r#"{"action":"read","room_id":7,"seq":42}"#]),
    verb::<Reached>(
        "delivered",
        "Everything up to a message has arrived.",
        &["ack"],
        &[r#"{"action":"delivered","room_id":7,"seq":42}"#],
    ),
    verb::<Typing>(
        "typing",
        "One writes, or stopped. Never stored; say it again every few seconds.",
        &["ack"],
        &[r#"{"action":"typing","room_id":7,"active":true}"#],
    ),
    verb::<Since>("sync", "What changed in a room since a `rev`.", &["sync"], &[r#"{"action":"sync","room_id":7,"rev":57}"#]),
    verb::<Ping>(
        "ping",
        "Am I still heard, and which of my rooms changed since.",
        &["pong"],
        &[r#"{"action":"ping"}"#, r#"{"action":"ping","since":1767323045678}"#],
    ),
    verb::<Renew>(
        "renew",
        "A fresh access token on the open socket: the answer says that it is good. The socket lasts as long as its session, whatever becomes of \
         tokens, and stays as it is when one is refused: `unauthenticated`, `token_expired`, or `another_session`.",
        &["ack"],
        &[r#"{"action":"renew","token":"eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCJ9.…"}"#],
    ),
    verb::<OlderSend>(
        OLDER,
        "A message as older clients send it.",
        &["ack"],
        &[
            r#"{"content":"Your message here"}"#,
            r#"{"type":"message","data":{"room_id":"room-123","content":"Hello world!","file_url":"https://cloudinary.com/file.jpg"}}"#,
            r#"{"type":"message","data":"Hello, world!"}"#,
            r#"{"action":"sendmessage","data":"Hello, world!"}"#,
        ],
    ),
];
