//! The wire: bodies of HTTP and frames of the socket, one type per thing. No I/O.
//!
//! Words: a **room** (not channel, not conversation), its **members**, their **messages**; **seq** is a message's place in its room, **rev** the
//! count of the room's changes; a **connection** is one socket; an **action** goes from client to server, a **frame** comes back.

pub mod accounts;
pub mod actions;
pub mod admin;
mod alike;
pub mod encoding;
pub mod endings;
pub mod export;
pub mod frames;
pub mod friends;
pub mod incoming;
pub mod invitations;
pub mod invites;
pub mod messages;
pub mod notifications;
pub mod page;
pub mod people;
pub mod problem;
pub mod profiles;
pub mod receipts;
pub mod reports;
pub mod rooms;
pub mod search;
pub mod sync;
pub mod uploads;
pub mod verbs;

/// A null, which is how Go prints a list that was not set, is as good as nothing.
fn null_is_default<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: serde::Deserialize<'de> + Default,
    D: serde::Deserializer<'de>,
{
    Ok(<Option<T> as serde::Deserialize>::deserialize(deserializer)?.unwrap_or_default())
}
