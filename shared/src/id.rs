//! Typed ids. Below the edge no id is a bare number or string. Ids stay below 2^53, so that JavaScript represents them exactly.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};

/// The largest integer that a JavaScript number represents exactly.
pub const MAX_ID: u64 = (1 << 53) - 1;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, utoipa::ToSchema)]
        #[serde(transparent)]
        #[schema(value_type = u64, minimum = 1, example = 7)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<u64> for $name {
            fn from(raw: u64) -> Self {
                Self(raw)
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                parse(text).map(Self).ok_or(InvalidId)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                number_or_text(deserializer).map(Self)
            }
        }
    )*};
}

ids! {
    /// A user.
    UserId;
    /// A login on a device; the `sid` of its access tokens.
    SessionId;
    /// A direct, group or public room.
    RoomId;
    /// A message across all rooms; within its room a message is identified by its `seq`.
    MessageId;
    /// A report of a message.
    ReportId;
    /// An announced upload.
    UploadId;
    /// An entry of the audit log.
    AuditId;
}

/// A stored object: the output of one verification attempt. Attempts never share an object, so verified bytes are never replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ObjectId {
    /// The verified upload.
    pub upload: UploadId,
    /// The attempt, from 1.
    pub attempt: u32,
}

/// The text is not a decimal number from 1 to 2^53 - 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidId;

impl fmt::Display for InvalidId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("must be a whole number from 1 to 9007199254740991")
    }
}

impl std::error::Error for InvalidId {}

/// API Gateway's id of a socket.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConnectionId(pub String);

/// A room reference of a client: `7`, `"7"`, `"room-7"`, or a slug such as `"general"`.
#[derive(Clone, Debug, PartialEq, Eq, utoipa::ToSchema)]
#[serde(untagged)]
#[schema(examples(7, "room-7", "general"))]
pub enum RoomRef {
    Id(RoomId),
    /// A slug in lower case.
    Slug(String),
}

impl RoomRef {
    /// The default room, which migrations create; frames without a room go there.
    pub fn general() -> Self {
        Self::Slug("general".into())
    }
}

impl From<RoomId> for RoomRef {
    fn from(id: RoomId) -> Self {
        Self::Id(id)
    }
}

impl std::str::FromStr for RoomRef {
    type Err = InvalidRoomRef;

    fn from_str(text: &str) -> Result<Self, InvalidRoomRef> {
        if let Some(id) = parse(text.strip_prefix("room-").unwrap_or(text)) {
            return Ok(Self::Id(RoomId(id)));
        }
        let slug = text.to_ascii_lowercase();
        let plausible = (1..=64).contains(&slug.len())
            && slug.starts_with(|first: char| first.is_ascii_lowercase())
            && slug.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if plausible { Ok(Self::Slug(slug)) } else { Err(InvalidRoomRef) }
    }
}

/// The text is neither a room id nor a slug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidRoomRef;

impl fmt::Display for InvalidRoomRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("must be a room: 7, \"7\", \"room-7\" or a slug such as \"general\"")
    }
}

impl std::error::Error for InvalidRoomRef {}

impl<'de> Deserialize<'de> for RoomRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match NumberOrText::deserialize(deserializer)? {
            NumberOrText::Number(id) => {
                checked(id).map(|id| Self::Id(RoomId(id))).ok_or_else(|| de::Error::custom(InvalidRoomRef))
            }
            NumberOrText::Text(text) => text.parse().map_err(de::Error::custom),
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a number or a string")]
enum NumberOrText {
    Number(u64),
    Text(String),
}

fn number_or_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    match NumberOrText::deserialize(deserializer).map_err(|_| de::Error::custom(InvalidId))? {
        NumberOrText::Number(id) => checked(id),
        NumberOrText::Text(text) => parse(&text),
    }
    .ok_or_else(|| de::Error::custom(InvalidId))
}

/// Parses decimal digits without sign, leading zeros or blanks.
fn parse(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
    if plain { text.parse().ok().and_then(checked) } else { None }
}

fn checked(id: u64) -> Option<u64> {
    (1..=MAX_ID).contains(&id).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_is_named_in_every_form_that_older_clients_print() {
        for text in ["7", "room-7"] {
            assert_eq!(text.parse(), Ok(RoomRef::Id(RoomId(7))), "{text}");
        }
        assert_eq!("General".parse(), Ok(RoomRef::general()));
        assert_eq!(serde_json::from_str::<RoomRef>("7").ok(), Some(RoomRef::Id(RoomId(7))));
        assert_eq!(serde_json::from_str::<RoomRef>("\"room-7\"").ok(), Some(RoomRef::Id(RoomId(7))));
    }

    #[test]
    fn invalid_room_references_are_refused() {
        for text in ["", "0", "-1", "00", "7up", "9007199254740992", "a b", "räume", "1.5"] {
            assert_eq!(text.parse::<RoomRef>(), Err(InvalidRoomRef), "{text}");
        }
        for json in ["0", "-1", "1.5", "null", "[1]", "{\"$gt\":0}", "true", "9007199254740992"] {
            assert!(serde_json::from_str::<RoomRef>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn an_id_is_a_plain_number_or_its_text() {
        assert_eq!(serde_json::from_str::<UserId>("12").ok(), Some(UserId(12)));
        assert_eq!(serde_json::from_str::<UserId>("\"12\"").ok(), Some(UserId(12)));
        for json in ["0", "\"01\"", "\"1 \"", "1.0", "[1]", "null", "9007199254740992"] {
            assert!(serde_json::from_str::<UserId>(json).is_err(), "{json}");
        }
    }
}
