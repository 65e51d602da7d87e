//! How other products ask for a private room. Only a wish for privacy counts: nothing else of these fields is read.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::id::UserId;
use crate::protocol::null_is_default;
use crate::protocol::rooms::{NewRoom, RoomKind};

/// Fields that ask for privacy unless they deny. Names of fields and values are compared in lower case, without what is neither letter nor digit.
const FLAGS: &[&str] = &[
    "private",
    "privacymode",
    "secret",
    "inviteonly",
    "invitationonly",
    "membersonly",
    "hidden",
    "unlisted",
    "closed",
    "protected",
    "restricted",
    "confidential",
    "locked",
    "group",
    "direct",
    "dm",
    "im",
];
/// Fields that ask for privacy if they deny.
const DENIED_FLAGS: &[&str] =
    &["public", "open", "listed", "visible", "discoverable", "searchable", "joinable", "anyonecanjoin", "everyone"];
/// Fields that name a kind of room.
const TYPES: &[&str] = &["type", "kind"];
/// Their values that leave a room open.
const OPEN_TYPES: &[&str] = &[
    "",
    "public",
    "publicroom",
    "publicchannel",
    "publicgroup",
    "publicchat",
    "open",
    "o",
    "c",
    "channel",
    "room",
    "chat",
    "chatroom",
    "conversation",
    "text",
    "textchannel",
    "default",
    "standard",
    "normal",
    "general",
    "forum",
    "topic",
    "lobby",
    "voice",
    "announcement",
];
/// Fields that say who sees or joins a room.
const VISIBILITIES: &[&str] = &[
    "visibility",
    "visibilitylevel",
    "privacy",
    "privacylevel",
    "privacytype",
    "access",
    "accesslevel",
    "accesstype",
    "joinrule",
    "joinrules",
    "joinpolicy",
    "joinmode",
    "preset",
];
/// Their values that leave a room open.
const OPEN_VISIBILITIES: &[&str] =
    &["", "public", "publicchat", "open", "everyone", "everybody", "all", "world", "anyone", "any", "visible", "listed"];
/// Fields whose objects hold such fields.
const HOLDERS: &[&str] =
    &["settings", "options", "config", "configuration", "room", "channel", "data", "attributes", "properties", "permissions"];
/// Texts that deny.
const DENIALS: &[&str] = &["", "false", "0", "no", "off", "n", "f", "none", "null"];

/// Body of the older clients' `POST /api/rooms/create`: [`NewRoom`], and what asks for a private room in the words of other products.
#[derive(Clone, Debug, Deserialize)]
pub struct LegacyNewRoom {
    name: String,
    kind: Option<RoomKind>,
    topic: Option<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    member_ids: Vec<UserId>,
    #[serde(flatten)]
    wish: PrivacyWish,
}

impl LegacyNewRoom {
    /// Returns the room and its kind: public where the body leaves it open. A wish for privacy, however it is spelled, never makes a public room.
    pub fn into_room(self) -> Result<(RoomKind, NewRoom)> {
        let Self { name, kind, topic, member_ids, wish: PrivacyWish(is_private) } = self;
        let kind = match kind {
            Some(RoomKind::Public) if is_private => {
                return Err(Error::invalid("kind", "conflicting", "must not be public in a body that asks for a private room"));
            }
            Some(kind) => kind,
            None if is_private => RoomKind::Group,
            None => RoomKind::Public,
        };
        Ok((kind, NewRoom { name, kind: Some(kind), topic, member_ids }))
    }
}

/// Whether any field of the body asks for a private room. Fields that repeat count each time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct PrivacyWish(bool);

impl<'de> Deserialize<'de> for PrivacyWish {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(WishVisitor)
    }
}

struct WishVisitor;

impl<'de> Visitor<'de> for WishVisitor {
    type Value = PrivacyWish;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<PrivacyWish, A::Error> {
        let mut wish = PrivacyWish(false);
        while let Some((field, value)) = fields.next_entry::<String, Value>()? {
            wish.0 |= asks_for_privacy(&field, &value);
        }
        Ok(wish)
    }
}

fn asks_for_privacy(field: &str, value: &Value) -> bool {
    let field = plain(field);
    let named = |names: &[&str]| meanings(&field).any(|field| names.contains(&field));
    if let (Value::Object(fields), true) = (value, named(HOLDERS)) {
        return fields.iter().any(|(field, value)| asks_for_privacy(field, value));
    }
    if named(TYPES) {
        value.as_str().is_some_and(|text| !OPEN_TYPES.contains(&plain(text).as_str()))
    } else if named(VISIBILITIES) {
        match value {
            Value::Null => false,
            Value::String(text) => !OPEN_VISIBILITIES.contains(&plain(text).as_str()),
            _ => true,
        }
    } else if named(DENIED_FLAGS) {
        !value.is_null() && !affirms(value)
    } else {
        named(FLAGS) && affirms(value)
    }
}

/// The name itself, and without the words that others put around it: `isPrivate`, `room_type`, `private_channel`.
fn meanings(field: &str) -> impl Iterator<Item = &str> {
    const NOUNS: [&str; 5] = ["room", "group", "channel", "chat", "conversation"];
    let bare = field.strip_prefix("is").unwrap_or(field);
    let before = NOUNS.into_iter().filter_map(move |noun| bare.strip_prefix(noun));
    let after = NOUNS.into_iter().filter_map(move |noun| bare.strip_suffix(noun));
    [field, bare].into_iter().chain(before).chain(after).filter(|meaning| !meaning.is_empty())
}

fn plain(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn affirms(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !DENIALS.contains(&plain(text).as_str()),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The kind of the room; none when the body is refused.
    fn kind(fields: &str) -> Option<RoomKind> {
        let body = format!(r#"{{"name":"Room"{fields}}}"#);
        serde_json::from_str::<LegacyNewRoom>(&body).expect("a body").into_room().ok().map(|(kind, _)| kind)
    }

    #[test]
    fn a_wish_for_privacy_is_understood_in_every_spelling() {
        for wish in [
            r#""is_private":true"#,
            r#""isPrivate":1"#,
            r#""IsPrivate":"yes""#,
            r#""Private":true"#,
            r#""private-room":"true""#,
            r#""is_private":true,"isPrivate":false"#,
            r#""is_private":true,"is_private":false"#,
            r#""private":true,"is_private":true,"secret":true"#,
            r#""type":"private_group""#,
            r#""type":"direct""#,
            r#""type":"dm""#,
            r#""type":"d""#,
            r#""type":"im""#,
            r#""type":"hidden""#,
            r#""Kind":"group""#,
            r#""roomType":"P""#,
            r#""is_group":true"#,
            r#""isGroup":true"#,
            r#""hidden":true"#,
            r#""unlisted":true"#,
            r#""is_public":false"#,
            r#""IsPublic":0"#,
            r#""public":"no""#,
            r#""visibility":"Members""#,
            r#""visibility":0"#,
            r#""join_rule":"invite""#,
            r#""preset":"private_chat""#,
            r#""settings":{"isPrivate":true}"#,
        ] {
            assert_eq!(kind(&format!(",{wish}")), Some(RoomKind::Group), "{wish}");
            assert_eq!(kind(&format!(r#",{wish},"kind":"group""#)), Some(RoomKind::Group), "{wish}");
            assert_eq!(kind(&format!(r#",{wish},"kind":"public""#)), None, "{wish}");
        }
    }

    #[test]
    fn other_fields_leave_a_room_open() {
        for fields in [
            "",
            r#","is_private":false"#,
            r#","private":null,"public":null,"visibility":null"#,
            r#","secret":"off","hidden":0"#,
            r#","type":"room","visibility":"public""#,
            r#","type":"Public-Channel""#,
            r#","type":7"#,
            r#","colour":"private","description":"a private joke","island":true"#,
            r#","metadata":{"private":true},"settings":{"private":false}"#,
        ] {
            assert_eq!(kind(fields), Some(RoomKind::Public), "{fields}");
        }
    }
}
