//! Push notifications: subscriptions, and the payload for the service worker.

use serde::{Deserialize, Serialize};

use crate::id::{RoomId, Seq, UserId};
use crate::protocol::messages::MessageKind;
use crate::protocol::rooms::RoomKind;

/// The key for subscribing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct PushKey {
    /// The server's public key for `applicationServerKey`: base64url, an uncompressed P-256 point.
    #[schema(example = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4")]
    pub public_key: String,
}

/// Body of `PUT /api/push/subscription`: the browser's `PushSubscription` as JSON.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
pub struct NewSubscription {
    /// The URL at the browser's push service. It is a credential.
    #[schema(format = Password, example = "https://updates.push.services.mozilla.com/wpush/v2/gAAAAABexample", max_length = 1024)]
    pub endpoint: String,
    /// The browser's keys.
    pub keys: SubscriptionKeys,
    /// The `public_key` that the subscription was created with; the current one when absent.
    #[schema(example = json!(null))]
    pub application_server_key: Option<String>,
    /// Part of the browser's JSON; not used.
    #[serde(rename = "expirationTime")]
    #[schema(example = json!(null))]
    pub expiration_time: Option<f64>,
}

/// The keys of a subscription in base64url.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
pub struct SubscriptionKeys {
    /// The browser's public key.
    #[schema(format = Password, example = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4")]
    pub p256dh: String,
    /// The authentication secret of 16 bytes.
    #[schema(format = Password, example = "BTBZMqHH6r4Tts7J_aSIgg")]
    pub auth: String,
}

/// The payload for the service worker, as JSON: enough to display a notification without a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Notification {
    /// Always `message`.
    #[serde(rename = "type")]
    #[schema(example = "message")]
    pub what: &'static str,
    /// The room. Use it as the `tag`: a newer notification of a room replaces an undelivered one.
    pub room_id: RoomId,
    /// The kind of the room.
    pub room_kind: RoomKind,
    /// The room's name; in a direct room the other user's name.
    pub room: String,
    /// The message's `seq`.
    #[schema(value_type = u64)]
    pub seq: Seq,
    /// The kind of the message.
    pub kind: MessageKind,
    /// The sender's id.
    pub sender_id: UserId,
    /// The sender's display name.
    pub sender: String,
    /// The beginning of the text; empty for an attachment without text.
    pub preview: String,
    /// The number of unread messages in the room.
    pub unread: u64,
    /// Whether the message mentions the recipient.
    pub mentioned: bool,
    /// The path of the room in the web client.
    #[schema(example = "/#/rooms/7")]
    pub url: String,
}
