//! The actions of a client. One declaration each: the fields that parse a frame, and the documentation of `asyncapi.json`.

use std::collections::BTreeMap;

use utoipa::{PartialSchema, ToSchema};

use crate::error::Result;
use crate::id::{Rev, RoomId, RoomRef, Seq, UserId};
use crate::protocol::action_docs::{LEGACY_SEND, Verb};
use crate::protocol::fields::{Fields, optional, part, required, seq};
use crate::protocol::frames::Changed;
use crate::protocol::messages::{NewContent, NewMessage, NewReaction};
use crate::protocol::receipts::Mark;

/// Declares the fields of actions, each with the function that parses it.
macro_rules! shapes {
    ($($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $field:ident: $kind:ty = $read:ident $(($detail:literal))?,)* })*) => {$(
        #[derive(Debug, PartialEq, Eq, ToSchema)]
        $(#[$about])*
        pub struct $name { $($(#[$doc])* pub $field: $kind,)* }

        impl $name {
            pub(super) fn read(fields: &Fields) -> Result<Self> {
                Ok(Self { $($field: $read(fields, stringify!($field) $(, $detail)?)?,)* })
            }
        }
    )*};
}

/// Declares actions: variant, fields, name and documentation.
macro_rules! actions {
    ($($variant:ident($shape:ident) = $name:literal { about: $about:literal, answers: $answers:expr, examples: $examples:expr, })*) => {
        /// An action of a client.
        #[derive(Debug, PartialEq, Eq)]
        pub enum Action { $(#[doc = $about] $variant($shape),)* }

        impl Action {
            /// Returns the value of `action`.
            pub fn name(&self) -> &'static str {
                match self { $(Self::$variant(_) => $name,)* }
            }

            /// Returns the parser of the action with this name.
            pub(super) fn parser(name: &str) -> Option<fn(&Fields) -> Result<Self>> {
                match name {
                    $($name => Some(|fields| $shape::read(fields).map(Self::$variant)),)*
                    _ => None,
                }
            }
        }

        /// All actions, and the legacy form of `send`.
        pub const VERBS: [Verb; [$($name),*].len() + 1] = [
            $(Verb {
                name: $name,
                about: $about,
                answers: $answers,
                shape: <$shape as PartialSchema>::schema,
                schemas: <$shape as ToSchema>::schemas,
                examples: $examples,
            },)*
            LEGACY_SEND,
        ];
    };
}

shapes! {
    /// Requests the user, the rooms, and changes since the given revisions.
    Hello {
        /// Up to 100 known rooms, each with its `rev`. Their changes follow the `welcome`.
        #[schema(value_type = Option<BTreeMap<String, u64>>, example = json!({ "7": 57 }))]
        rooms: Option<BTreeMap<RoomId, Rev>> = optional,
        /// Whether changes come as `catch_up` frames for many rooms; otherwise as one `sync`, `room.left` or `room` per changed room.
        packed: Option<bool> = optional,
    }
    /// Sends a message.
    SendMessage {
        /// The room; defaults to the socket's own room, else General.
        room_id: Option<RoomRef> = optional,
        /// The message to send.
        #[serde(flatten)]
        message: NewMessage = part,
    }
    /// A reference to a message.
    #[schema(as = Place)]
    MessageTarget {
        /// The room.
        room_id: RoomRef = required("must name the room of the message"),
        /// The message's `seq`.
        #[schema(value_type = u64, example = 42)]
        seq: Seq = seq,
    }
    /// Edits a message.
    EditMessage {
        /// The message.
        #[serde(flatten)]
        target: MessageTarget = target,
        /// The new text.
        #[serde(flatten)]
        content: NewContent = part,
    }
    /// Adds or removes a reaction.
    React {
        /// The message.
        #[serde(flatten)]
        target: MessageTarget = target,
        /// The reaction.
        #[serde(flatten)]
        reaction: NewReaction = part,
    }
    /// Joins a room.
    JoinRoom {
        /// The room; defaults to the socket's own room.
        room_id: Option<RoomRef> = optional,
        /// An invite code, for a room that is not public.
        #[schema(format = Password)]
        invite: Option<String> = optional,
    }
    /// Leaves a room.
    LeaveRoom {
        /// The room.
        room_id: RoomRef = required("must name the room to leave"),
        /// The new owner; required from the last owner.
        owner: Option<UserId> = optional,
    }
    /// Moves a read marker.
    MoveMarker {
        /// The room; defaults to the socket's own room.
        room_id: Option<RoomRef> = optional,
        /// The last message.
        #[serde(flatten)]
        mark: Mark = part,
    }
    /// Starts or stops the typing indicator.
    Typing {
        /// The room; defaults to the socket's own room.
        room_id: Option<RoomRef> = optional,
        /// Whether the user is typing; defaults to true.
        active: Option<bool> = optional,
    }
    /// Requests the changes of a room.
    SyncRoom {
        /// The room; defaults to the socket's own room.
        room_id: Option<RoomRef> = optional,
        /// The last `rev` known to the client; everything when absent.
        #[schema(value_type = Option<u64>, example = 57)]
        rev: Option<Rev> = optional,
    }
    /// Checks the connection.
    Ping {
        /// The `ts` of an earlier `pong`.
        #[schema(example = 1_767_323_045_678_i64)]
        since: Option<i64> = optional,
    }
    /// Replaces the access token.
    Renew {
        /// The token, bare or after `Bearer`, of the same user and session.
        #[schema(format = Password)]
        token: String = required("must be an access token"),
    }
}

impl Hello {
    /// Returns the rooms that the client knows, each with its `rev`.
    pub fn known_rooms(&self) -> Vec<Changed> {
        self.rooms.iter().flatten().map(|(room_id, rev)| Changed { room_id: *room_id, rev: *rev }).collect()
    }
}

/// Parses the message that an action changes.
fn target(fields: &Fields, _field: &str) -> Result<MessageTarget> {
    MessageTarget::read(fields)
}

actions! {
    Hello(Hello) = "hello" {
        about: "The first frame: requests the user and the rooms. With `rooms`, their changes follow the `welcome`. Limit: one catch-up per user at a time; \
         beyond it an `error` (`rate_limited` with `retry_after`) follows the `welcome`: repeat `hello` later.",
        answers: &["welcome", "catch_up", "sync"],
        examples: &[
            r#"{"action":"hello"}"#,
            r#"{"action":"hello","rooms":{"7":57},"packed":true,"id":1}"#,
            r#"{"action":"hello","rooms":{"7":57},"id":1}"#,
        ],
    }
    Send(SendMessage) = "send" {
        about: "Sends a message. The `ack` means *stored and pushed*; without one, retry with the same `client_id`.",
        answers: &["ack"],
        examples: &[r#"{"action":"send","room_id":7,"content":"Hello, world!","client_id":"c-7","id":1}"#],
    }
    Edit(EditMessage) = "edit" {
        about: "Edits a message of the user.",
        answers: &["ack"],
        examples: &[r#"{"action":"edit","room_id":7,"seq":42,"content":"Hello, all!"}"#],
    }
    Unsend(MessageTarget) = "unsend" {
        about: "Unsends a message for everyone.",
        answers: &["ack"],
        examples: &[r#"{"action":"unsend","room_id":7,"seq":42}"#],
    }
    React(React) = "react" {
        about: "Adds a reaction to a message.",
        answers: &["ack"],
        examples: &[r#"{"action":"react","room_id":7,"seq":42,"emoji":"👍"}"#],
    }
    Unreact(React) = "unreact" {
        about: "Removes a reaction from a message.",
        answers: &["ack"],
        examples: &[r#"{"action":"unreact","room_id":7,"seq":42,"emoji":"👍"}"#],
    }
    Join(JoinRoom) = "join" {
        about: "Joins a public room, or a room with an invitation or invite code.",
        answers: &["ack"],
        examples: &[
            r#"{"action":"join","room_id":7}"#,
            r#"{"action":"join","room_id":7,"invite":"Qm9zdG9uIFRlYSBQYXJ0eQ"}"#,
        ],
    }
    Leave(LeaveRoom) = "leave" {
        about: "Leaves a room.",
        answers: &["ack"],
        examples: &[r#"{"action":"leave","room_id":7}"#],
    }
    Read(MoveMarker) = "read" {
        about: "Marks all messages up to a `seq` as read, and so as delivered. Without an `id` there is no `ack`.",
        answers: &["ack"],
        examples: &[r#"{"action":"read","room_id":7,"seq":42}"#],
    }
    Delivered(MoveMarker) = "delivered" {
        about: "Marks all messages up to a `seq` as delivered. Clients that read a message at once need only `read`. Without an `id` there is no `ack`.",
        answers: &["ack"],
        examples: &[r#"{"action":"delivered","room_id":7,"seq":42}"#],
    }
    Typing(Typing) = "typing" {
        about: "Starts or stops the typing indicator. Expires: repeat it every few seconds. Without an `id` there is no `ack`.",
        answers: &["ack"],
        examples: &[r#"{"action":"typing","room_id":7,"active":true}"#],
    }
    Sync(SyncRoom) = "sync" {
        about: "Returns the changes of a room since a `rev`.",
        answers: &["sync"],
        examples: &[r#"{"action":"sync","room_id":7,"rev":57}"#],
    }
    Ping(Ping) = "ping" {
        about: "Checks the connection and returns the rooms that changed since.",
        answers: &["pong"],
        examples: &[
            r#"{"action":"ping"}"#,
            r#"{"action":"ping","since":1767323045678}"#,
        ],
    }
    Renew(Renew) = "renew" {
        about: "Presents a fresh access token on the open socket; the `ack` confirms it. The socket lives as long as its session and stays open \
         when a token is refused: `unauthenticated`, `token_expired` or `another_session`.",
        answers: &["ack"],
        examples: &[r#"{"action":"renew","token":"eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCJ9.…"}"#],
    }
}
