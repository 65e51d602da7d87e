//! The relational store: all SQL of the project, as functions over one connection, without business rules. Queries return `Option` for missing rows.

pub mod admin_accounts;
pub mod admin_rooms;
pub mod attachments;
pub mod audit;
pub mod avatars;
pub mod blocks;
pub mod coalescing;
pub mod contact_relations;
pub mod database;
pub mod directs;
pub mod edits;
pub mod erasure;
pub mod export;
mod former_member_view;
pub mod friendships;
pub mod function_user;
pub mod idempotency;
mod inline_sql;
pub mod invitations;
pub mod invite_codes;
pub mod members;
pub mod membership_changes;
pub mod mentions;
pub mod messages;
pub mod migrations;
pub mod name_words;
pub mod pins;
pub mod presence_visibility;
pub mod private_state;
pub mod profile_changes;
pub mod profiles;
pub mod reactions;
pub mod read_marker_visibility;
pub mod receipts;
pub mod recipients;
pub mod redaction;
pub mod report_evidence;
pub mod reports;
pub mod room_settings;
pub mod rooms;
mod rows;
pub mod search_index;
pub mod sending;
mod server_identity;
pub mod session_closings;
pub mod sessions;
pub mod socket_index;
pub mod storage_usage;
pub mod subscriptions;
pub mod sweep;
pub mod sync;
mod transaction;
mod unread;
pub mod uploads;
pub mod users;

pub use database::{Db, DbConnection};
pub use transaction::Tx;
pub(crate) use transaction::transaction;

/// An open connection to the store, in a transaction or not.
pub type Handle = sqlx::MySqlConnection;

use crate::error::{Error, Result};

/// Classifies database errors as unavailable or internal.
impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        if database::is_lost(&error) {
            database::note_loss(&error);
            Self::unavailable(error)
        } else {
            Self::internal(error)
        }
    }
}

/// Turns a violation of unique key `key` into `conflict`; returns other errors unchanged.
///
/// MySQL names the key as `table.key`, MariaDB as `key`, and the driver does not expose it, so the end of the message is parsed.
pub fn on_duplicate<T>(result: Result<T, sqlx::Error>, key: &str, conflict: &'static str) -> Result<T> {
    result.map_err(|error| match error.as_database_error() {
        Some(duplicate) if duplicate.is_unique_violation() && names_key(duplicate.message(), key) => Error::Conflict(conflict),
        _ => error.into(),
    })
}

/// Whether a "duplicate entry" message concerns `key`.
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
