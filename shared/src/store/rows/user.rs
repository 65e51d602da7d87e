//! A user as others see them: one column list and one conversion for every statement that returns users.

use crate::id::UserId;
use crate::protocol::people::User;
use crate::text::confusable;
use crate::time::Timestamp;

/// The columns of [`UserRow`] for generated statements, over `users u`.
pub(in crate::store) const USER: &str = "u.id, u.username, u.display_name, u.about, u.avatar_upload, u.created_at";

/// Inserts the columns of [`UserRow`], over `users u`, between two parts of a statement; returns rows for [`user_of`], or of the type before the colon.
macro_rules! query_with_user {
    ($row:ty: $before:literal, $($after:literal)+, $($value:expr),* $(,)?) => {
        sqlx::query_as!(
            $row,
            $before + "u.id, u.username, u.display_name, u.about, u.avatar_upload, u.created_at" $(+ $after)+,
            $($value),*
        )
    };
    ($before:literal, $($after:literal)+, $($value:expr),* $(,)?) => {
        sqlx::query!(
            $before + "u.id, u.username, u.display_name, u.about, u.avatar_upload, u.created_at" $(+ $after)+,
            $($value),*
        )
    };
}
pub(in crate::store) use query_with_user;

/// Converts the [`UserRow`] columns of a row.
macro_rules! user_of {
    ($row:expr) => {
        crate::store::rows::user::UserRow {
            id: $row.id,
            username: $row.username,
            display_name: $row.display_name,
            about: $row.about,
            avatar_upload: $row.avatar_upload,
            created_at: $row.created_at,
        }
        .user()
    };
}
pub(in crate::store) use user_of;

/// Converts the columns of a left-joined user, named in the order of [`UserRow`].
macro_rules! joined_user_of {
    ($row:expr, $id:ident, $username:ident, $display_name:ident, $about:ident, $avatar_upload:ident, $created_at:ident) => {
        $row.$id.map(|id| {
            crate::store::rows::user::UserRow {
                id,
                username: $row.$username.unwrap_or_default(),
                display_name: $row.$display_name.unwrap_or_default(),
                about: $row.$about.unwrap_or_default(),
                avatar_upload: $row.$avatar_upload,
                created_at: $row.$created_at.unwrap_or_default(),
            }
            .user()
        })
    };
}
pub(in crate::store) use joined_user_of;

#[derive(sqlx::FromRow)]
pub(in crate::store) struct UserRow {
    pub(in crate::store) id: u64,
    pub(in crate::store) username: String,
    pub(in crate::store) display_name: String,
    pub(in crate::store) about: String,
    pub(in crate::store) avatar_upload: Option<u64>,
    pub(in crate::store) created_at: i64,
}

impl UserRow {
    pub(in crate::store) fn user(self) -> User {
        let id = UserId(self.id);
        User {
            id,
            username: self.username,
            name_keys: confusable::keys(&self.display_name),
            display_name: self.display_name,
            about: self.about,
            // The URL changes with the avatar, so that caches do not serve the former one.
            avatar_url: self.avatar_upload.map(|upload| format!("/api/users/{id}/avatar?v={upload}")),
            created_at: Timestamp(self.created_at),
        }
    }
}
