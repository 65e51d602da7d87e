//! How other products ask for a private room. Only a wish for privacy counts: nothing else of these fields is read.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Whether a field of the body asks for a private room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PrivacyWish(pub bool);

/// Values of `type` that name a private room, in lower case.
const PRIVATE_TYPES: &[&str] =
    &["private", "group", "p", "g", "secret", "closed", "invite", "invite_only", "invite-only", "private_channel", "protected"];
/// Values of `visibility` that name a public room, in lower case.
const PUBLIC_VISIBILITIES: &[&str] = &["", "public", "open", "everyone", "all", "world", "anyone"];
/// Texts that deny, in lower case.
const DENIALS: &[&str] = &["", "false", "0", "no", "off", "n", "f"];

/// Reads `private` and fields like it: anything but a denial asks for privacy.
pub(super) fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PrivacyWish, D::Error> {
    Value::deserialize(deserializer).map(|value| PrivacyWish(affirms(&value)))
}

/// Reads `public` and fields like it, which ask for privacy by a denial.
pub(super) fn denied_flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PrivacyWish, D::Error> {
    Value::deserialize(deserializer).map(|value| PrivacyWish(!value.is_null() && !affirms(&value)))
}

/// Reads `type`, which has other meanings, too.
pub(super) fn room_type<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PrivacyWish, D::Error> {
    let value = Value::deserialize(deserializer)?;
    Ok(PrivacyWish(value.as_str().is_some_and(|text| PRIVATE_TYPES.contains(&text.trim().to_lowercase().as_str()))))
}

/// Reads `visibility` and fields like it: what is not public is private.
pub(super) fn visibility<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PrivacyWish, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let is_public = match &value {
        Value::Null => true,
        Value::String(text) => PUBLIC_VISIBILITIES.contains(&text.trim().to_lowercase().as_str()),
        _ => false,
    };
    Ok(PrivacyWish(!is_public))
}

fn affirms(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !DENIALS.contains(&text.trim().to_lowercase().as_str()),
        _ => true,
    }
}
