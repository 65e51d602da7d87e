//! People as they show themselves, and as others find them: by ranges of names, never by a look through all.

use sqlx::MySqlConnection;

use crate::error::Result;
use crate::id::UserId;
use crate::protocol::people::{Notifications, User, Visibility};
use crate::store::{subscriptions, users};
use crate::time::Timestamp;

/// What changes of a profile; what is none stays.
#[derive(Clone, Copy, Debug)]
pub struct Change<'a> {
    /// What people see.
    pub display_name: Option<&'a str>,
    /// A few words.
    pub about: Option<&'a str>,
    /// Another address, or none.
    pub email: Option<Option<&'a str>>,
    /// Who sees presence.
    pub presence: Option<Visibility>,
    /// Of what one is notified.
    pub notifications: Option<Notifications>,
    /// Who may add one to rooms.
    pub added_by: Option<Visibility>,
}

/// Where a page of found people begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found<'a> {
    /// After this username, among those whose username matches.
    Username(&'a str),
    /// After this display name and person, among those of whom only the display name matches.
    DisplayName(&'a str, UserId),
}

/// Changes a live account. Another address is claimed, and not confirmed any more.
pub async fn update(connection: &mut MySqlConnection, user: UserId, change: &Change<'_>) -> Result<()> {
    let (anew, email) = (change.email.is_some(), change.email.flatten());
    sqlx::query!(
        r#"
        update users
        set display_name = coalesce(?, display_name), about = coalesce(?, about),
            email = if(?, ?, email), email_key = if(?, ?, email_key), email_confirmed_at = if(?, null, email_confirmed_at),
            presence_visibility = coalesce(?, presence_visibility), notifications = coalesce(?, notifications),
            added_by = coalesce(?, added_by)
        where id = ? and disabled_at is null and deleted_at is null
        "#,
        change.display_name,
        change.about,
        anew,
        email,
        anew,
        email.map(users::email_key),
        anew,
        change.presence.map(visibility_name),
        change.notifications.map(subscriptions::wish_name),
        change.added_by.map(visibility_name),
        user.0,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// A person as the messages of theirs that stay show them, erased and disabled ones included.
pub async fn find(connection: &mut MySqlConnection, user: UserId) -> Result<Option<User>> {
    let row = sqlx::query_as!(
        Row,
        "select id, username, display_name, about, avatar_upload, created_at from users where id = ?",
        user.0,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(Row::user))
}

/// The next people whose names begin so, as far as this person may find them: not across a block.
pub async fn search(
    connection: &mut MySqlConnection,
    by: UserId,
    prefix: &str,
    after: Found<'_>,
    limit: u32,
) -> Result<Vec<User>> {
    let pattern = pattern(prefix);
    let rows = match after {
        Found::Username(after) => {
            sqlx::query_as!(
                Row,
                r#"
                select u.id, u.username, u.display_name, u.about, u.avatar_upload, u.created_at
                from users u
                where u.username like ? escape '|' and u.username > ? and u.disabled_at is null and u.deleted_at is null
                  and not exists (select 1 from blocks b where b.user_id = u.id and b.blocked_id = ?)
                  and not exists (select 1 from blocks b where b.user_id = ? and b.blocked_id = u.id)
                order by u.username
                limit ?
                "#,
                pattern,
                after,
                by.0,
                by.0,
                limit,
            )
            .fetch_all(connection)
            .await?
        }
        Found::DisplayName(after, user) => {
            sqlx::query_as!(
                Row,
                r#"
                select u.id, u.username, u.display_name, u.about, u.avatar_upload, u.created_at
                from users u
                where u.display_name like ? escape '|' and u.display_name >= ? and (u.display_name > ? or u.id > ?)
                  and not u.username like ? escape '|' and u.disabled_at is null and u.deleted_at is null
                  and not exists (select 1 from blocks b where b.user_id = u.id and b.blocked_id = ?)
                  and not exists (select 1 from blocks b where b.user_id = ? and b.blocked_id = u.id)
                order by u.display_name, u.id
                limit ?
                "#,
                pattern,
                after,
                after,
                user.0,
                pattern,
                by.0,
                by.0,
                limit,
            )
            .fetch_all(connection)
            .await?
        }
    };
    Ok(rows.into_iter().map(Row::user).collect())
}

/// A prefix as `like` reads it: nothing in it stands for anything else.
pub(super) fn pattern(prefix: &str) -> String {
    let mut pattern = String::with_capacity(prefix.len() + 1);
    for c in prefix.chars() {
        if matches!(c, '%' | '_' | '|') {
            pattern.push('|');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

struct Row {
    id: u64,
    username: String,
    display_name: String,
    about: String,
    avatar_upload: Option<u64>,
    created_at: i64,
}

impl Row {
    fn user(self) -> User {
        let id = UserId(self.id);
        User {
            id,
            username: self.username,
            display_name: self.display_name,
            about: self.about,
            avatar_url: users::avatar_url(id, self.avatar_upload),
            created_at: Timestamp(self.created_at),
        }
    }
}

/// Who may see or do something, as its column spells it.
pub(super) fn visibility_name(visibility: Visibility) -> &'static str {
    match visibility {
        Visibility::Everyone => "everyone",
        Visibility::Friends => "friends",
        Visibility::Nobody => "nobody",
    }
}

#[cfg(test)]
mod tests {
    use super::pattern;

    #[test]
    fn nothing_in_a_prefix_stands_for_anything_else() {
        assert_eq!(pattern("ann"), "ann%");
        assert_eq!(pattern("100%_|"), "100|%|_||%");
        assert_eq!(pattern("a\\"), "a\\%");
    }
}
