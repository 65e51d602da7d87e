//! Notifications of people who are away: how a browser subscribes, and what its service worker is told.

use serde::{Deserialize, Serialize};

use crate::id::{RoomId, UserId};
use crate::protocol::messages::MessageKind;
use crate::protocol::rooms::RoomKind;

/// What a browser needs to subscribe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct PushKey {
    /// The server's public key, for `applicationServerKey`: base64url, an uncompressed point of P-256.
    #[schema(example = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4")]
    pub public_key: String,
}

/// Body of `PUT /api/push/subscription`: what the browser's `PushSubscription` says of itself as JSON, as it is.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
pub struct NewSubscription {
    /// A URL of the browser's push service; whoever has it may write there.
    #[schema(format = Password, example = "https://updates.push.services.mozilla.com/wpush/v2/gAAAAABexample", max_length = 1024)]
    pub endpoint: String,
    /// The browser's keys.
    pub keys: SubscriptionKeys,
    /// The `public_key` that it was made with; the present one when absent.
    #[schema(example = json!(null))]
    pub application_server_key: Option<String>,
}

/// Keys of a subscription, base64url.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
pub struct SubscriptionKeys {
    /// The browser's public key.
    #[schema(format = Password, example = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4")]
    pub p256dh: String,
    /// A secret of 16 bytes that the browser shares with the server.
    #[schema(format = Password, example = "BTBZMqHH6r4Tts7J_aSIgg")]
    pub auth: String,
}

/// What a service worker gets, as JSON: enough to show a message without asking anybody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Notification {
    /// Always `message`.
    #[serde(rename = "type")]
    #[schema(example = "message")]
    pub what: &'static str,
    /// The room. A newer notification of a room replaces an older one that was not delivered yet; use it as the `tag`, too.
    pub room_id: RoomId,
    /// What kind of room it is.
    pub room_kind: RoomKind,
    /// What the room is called; a direct one, like the other person.
    pub room: String,
    /// The message's place.
    pub seq: u64,
    /// Words, pictures or files.
    pub kind: MessageKind,
    /// Who wrote it.
    pub sender_id: UserId,
    /// What that person is called.
    pub sender: String,
    /// The beginning of the text; empty for a picture or a file without words.
    pub preview: String,
    /// How many messages of the room the person has not read.
    pub unread: u64,
    /// Whether the message mentions the person.
    pub mentioned: bool,
    /// Where the web client shows the room: a path of its origin.
    #[schema(example = "/#/rooms/7")]
    pub url: String,
}
