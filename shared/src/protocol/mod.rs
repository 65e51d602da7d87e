//! The wire format: HTTP bodies and socket frames. No I/O.
//!
//! Terms: a **room** has **members** who send **messages**; **seq** is the position of a message in its room, **rev** the room's revision,
//! incremented by every change; a **connection** is one socket; clients send **actions**, the server sends **frames**.

pub mod accounts;
pub mod action_docs;
pub mod actions;
pub mod admin;
pub mod answers;
pub mod dialect;
pub mod encoding;
mod enum_text;
pub mod export;
mod fields;
pub mod frames;
pub mod friends;
pub mod incoming;
pub mod invitations;
pub mod invite_codes;
pub mod messages;
pub mod notifications;
pub mod packing;
pub mod page;
pub mod people;
pub mod privacy;
pub mod problem;
pub mod profiles;
pub mod receipts;
pub mod reports;
mod room_frames;
pub mod rooms;
pub mod search;
pub mod session_end_cause;
pub mod sync;
pub mod uploads;

/// Reads null as the default, since Go serialises an unset list as null.
fn null_is_default<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: serde::Deserialize<'de> + Default,
    D: serde::Deserializer<'de>,
{
    Ok(<Option<T> as serde::Deserialize>::deserialize(deserializer)?.unwrap_or_default())
}
