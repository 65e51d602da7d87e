//! MySQL, the truth: all SQL of the project, as plain functions over one connection. No rules here; look-ups give `Option`.

pub mod attachments;
pub mod audit;
pub mod avatars;
pub mod blocks;
pub mod connection;
pub mod directs;
pub mod edits;
pub mod endings;
pub mod erasure;
pub mod evidence;
pub mod export;
pub mod friendships;
pub mod idempotency;
pub mod invitations;
pub mod invites;
pub mod keeping;
pub mod marks;
pub mod members;
pub mod membership;
pub mod mentions;
mod message_row;
pub mod messages;
pub mod migrations;
pub mod oversight;
mod past;
pub mod pins;
mod plain;
pub mod presence;
pub mod profiles;
pub mod reach;
pub mod reactions;
pub mod receipts;
pub mod recipients;
pub mod reports;
mod room_row;
pub mod rooms;
pub mod search;
pub mod sessions;
pub mod settings;
pub mod storage;
pub mod subscriptions;
pub mod sweeping;
pub mod sync;
pub mod traces;
pub mod uploads;
pub mod users;

pub(crate) use connection::transaction;
pub use connection::{Connection, Db, Tx};

/// One open connection to the store, in a transaction or not.
pub type Handle = sqlx::MySqlConnection;

use crate::error::{Error, Result};

/// What went wrong in the store, seen by what can be done about it.
impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        if connection::is_lost(&error) {
            connection::note_loss();
            Self::unavailable(error)
        } else {
            Self::internal(error)
        }
    }
}

/// Turns the violation of unique key `key` into `conflict`; any other error stays what it is.
///
/// MySQL names the key as `table.key`, MariaDB as `key`, and the driver does not single it out: the tail of the message tells.
pub fn on_duplicate<T>(result: Result<T, sqlx::Error>, key: &str, conflict: &'static str) -> Result<T> {
    result.map_err(|error| match error.as_database_error() {
        Some(duplicate) if duplicate.is_unique_violation() && names_key(duplicate.message(), key) => Error::Conflict(conflict),
        _ => error.into(),
    })
}

/// Whether a "duplicate entry" message is about `key`.
pub(crate) fn names_key(message: &str, key: &str) -> bool {
    let named = message.rsplit_once("for key ").map_or("", |(_, tail)| tail.trim_matches(['\'', '`', '"']));
    named.rsplit('.').next() == Some(key)
}

#[cfg(test)]
mod tests {
    use super::names_key;

    #[test]
    fn a_duplicate_key_is_recognised_in_both_servers_words() {
        assert!(names_key("Duplicate entry 'ann' for key 'users_username'", "users_username"));
        assert!(names_key("Duplicate entry 'ann' for key 'users.users_username'", "users_username"));
        assert!(!names_key("Duplicate entry 'x for key y' for key 'users.users_email'", "users_username"));
    }
}
