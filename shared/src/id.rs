//! Typed ids. Below the edge no bare number or string means an id; every id stays below 2^53 so that JavaScript can hold it.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};

/// The largest integer that a JavaScript number holds exactly.
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
            type Err = NotAnId;
            fn from_str(text: &str) -> Result<Self, NotAnId> {
                parse(text).map(Self).ok_or(NotAnId)
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
    /// A person.
    UserId;
    /// A login on a device; the `sid` of its access tokens.
    SessionId;
    /// A room: direct, group or public.
    RoomId;
    /// A message, across all rooms; inside its room a message is named by its `seq`.
    MessageId;
    /// A report of a message.
    ReportId;
    /// A file that was announced for uploading.
    UploadId;
    /// Something that an operator did.
    AuditId;
}

/// Stored bytes: what one look at an upload wrote. No two looks share an object, so what was verified is never replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ObjectId {
    /// The upload that was looked at.
    pub upload: UploadId,
    /// Which look it was, from 1.
    pub attempt: u32,
}

/// The text is not a decimal number from 1 to 2^53 - 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAnId;

impl fmt::Display for NotAnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("must be a whole number from 1 to 9007199254740991")
    }
}

impl std::error::Error for NotAnId {}

/// One socket, as API Gateway names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConnectionId(pub String);

/// How a client names a room: `7`, `"7"`, `"room-7"`, or a slug such as `"general"`.
#[derive(Clone, Debug, PartialEq, Eq, utoipa::ToSchema)]
#[serde(untagged)]
#[schema(examples(7, "room-7", "general"))]
pub enum RoomRef {
    /// By id.
    Id(RoomId),
    /// By slug, in lower case.
    Slug(String),
}

impl RoomRef {
    /// The room that exists after migration, and where a frame without a room goes.
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
    type Err = NotARoom;

    fn from_str(text: &str) -> Result<Self, NotARoom> {
        if let Some(id) = parse(text.strip_prefix("room-").unwrap_or(text)) {
            return Ok(Self::Id(RoomId(id)));
        }
        let slug = text.to_ascii_lowercase();
        let plausible = (1..=64).contains(&slug.len())
            && slug.starts_with(|first: char| first.is_ascii_lowercase())
            && slug.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if plausible { Ok(Self::Slug(slug)) } else { Err(NotARoom) }
    }
}

/// The text is neither a room's id nor a slug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotARoom;

impl fmt::Display for NotARoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("must be a room: 7, \"7\", \"room-7\" or a slug such as \"general\"")
    }
}

impl std::error::Error for NotARoom {}

impl<'de> Deserialize<'de> for RoomRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match NumberOrText::deserialize(deserializer)? {
            NumberOrText::Number(id) => checked(id).map(|id| Self::Id(RoomId(id))).ok_or_else(|| de::Error::custom(NotARoom)),
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
    match NumberOrText::deserialize(deserializer).map_err(|_| de::Error::custom(NotAnId))? {
        NumberOrText::Number(id) => checked(id),
        NumberOrText::Text(text) => parse(&text),
    }
    .ok_or_else(|| de::Error::custom(NotAnId))
}

/// Plain decimal digits only: no sign, no leading zero, no blank.
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
    fn what_is_no_room_is_refused() {
        for text in ["", "0", "-1", "00", "7up", "9007199254740992", "a b", "räume", "1.5"] {
            assert_eq!(text.parse::<RoomRef>(), Err(NotARoom), "{text}");
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
