//! Frames as bytes. One serialiser for both dialects: without `conchat.v1` a message carries the older clients' keys besides.

use bytes::Bytes;
use serde::Serialize;

use crate::id::MessageId;
use crate::protocol::frames::{Dialect, Frame, MAX_FRAME};
use crate::protocol::messages::Message;

impl Frame {
    /// The bytes for a connection of this dialect. What does not fit a frame becomes a hint to fetch it.
    pub fn encode(&self, dialect: Dialect) -> Bytes {
        let bytes = match (self, dialect) {
            (Self::Message { message, .. }, Dialect::Full) => json(&Older { frame: self, extra: OlderKeys::of(message) }),
            _ => json(self),
        };
        match self.change() {
            Some((room_id, rev)) if bytes.len() > MAX_FRAME => json(&Self::Room { room_id, rev }),
            _ => bytes,
        }
    }
}

/// A frame and the keys that older clients read.
#[derive(Serialize)]
struct Older<'a> {
    #[serde(flatten)]
    frame: &'a Frame,
    #[serde(flatten)]
    extra: OlderKeys<'a>,
}

/// What the frame of a message carries besides, to a socket without the subprotocol `conchat.v1`.
#[derive(Serialize, utoipa::ToSchema)]
pub struct OlderKeys<'a> {
    /// The message in the shape of a `message` frame with `data`.
    data: OlderData<'a>,
    /// Who wrote it.
    #[schema(example = "ann")]
    user: Option<&'a str>,
    /// What they wrote.
    #[schema(example = "Hello, world!")]
    message: &'a str,
}

/// The message in the shape of a `message` frame with `data`.
#[derive(Serialize, utoipa::ToSchema)]
pub struct OlderData<'a> {
    /// The room, as a text.
    #[schema(example = "7")]
    room_id: String,
    /// The text.
    #[schema(example = "Hello, world!")]
    content: &'a str,
    /// Where the first attachment is.
    file_url: Option<&'a str>,
    /// The message's number.
    message_id: MessageId,
}

impl<'a> OlderKeys<'a> {
    fn of(message: &'a Message) -> Self {
        Self {
            data: OlderData {
                room_id: message.room_id.to_string(),
                content: &message.content,
                file_url: message.attachments.first().map(|attachment| attachment.url.as_str()),
                message_id: message.id,
            },
            user: message.username.as_deref(),
            message: &message.content,
        }
    }
}

/// Our own types always serialise; an empty frame would be the sign of a defect, and the tests would see it.
fn json(value: &impl Serialize) -> Bytes {
    serde_json::to_vec(value).map(Bytes::from).unwrap_or_default()
}
