//! User accounts. Lookups by name do not find deleted or disabled accounts.

use sqlx::QueryBuilder;
use sqlx::mysql::MySqlConnection;
use unicode_normalization::UnicodeNormalization as _;

use crate::error::Result;
use crate::id::UserId;
use crate::protocol::people::{Me, MySettings, User, Visibility};
use crate::store::{on_duplicate, subscriptions};
use crate::time::Timestamp;

/// An account to create.
#[derive(Clone, Copy, Debug)]
pub struct NewUser<'a> {
    pub username: &'a str,
    pub email: Option<&'a str>,
    pub display_name: &'a str,
    /// PHC string.
    pub password_hash: &'a str,
    pub created_at: Timestamp,
}

/// An account and its password hash.
#[derive(Clone)]
pub struct Account {
    pub me: Me,
    /// PHC string.
    pub password_hash: String,
    /// Whether invitations are pending; loaded only by [`account`].
    pub is_invited: bool,
}

/// Normalizes an address for comparison: lower case and composed (NFC), compared bytewise. Collations confuse different mailboxes.
pub fn email_key(email: &str) -> String {
    email.nfc().collect::<String>().to_lowercase().nfc().collect()
}

/// Creates an account. The unique username decides races (`username_taken`). Addresses need not be unique until confirmed.
pub async fn insert(connection: &mut MySqlConnection, new: &NewUser<'_>) -> Result<UserId> {
    let inserted = sqlx::query!(
        r#"insert into users (username, email, email_key, display_name, password_hash, created_at)
           values (?, ?, ?, ?, ?, ?)"#,
        new.username,
        new.email,
        new.email.map(email_key),
        new.display_name,
        new.password_hash,
        new.created_at.0,
    )
    .execute(connection)
    .await;
    Ok(UserId(on_duplicate(inserted, "users_username", "username_taken")?.last_insert_id()))
}

/// Returns a user as others see them.
pub async fn find(connection: &mut MySqlConnection, user: UserId) -> Result<Option<User>> {
    Ok(account(connection, user).await?.map(|account| account.me.user))
}

pub async fn account(connection: &mut MySqlConnection, user: UserId) -> Result<Option<Account>> {
    let row = sqlx::query_as!(
        Row,
        r#"select id, username, email, display_name, about, password_hash as "password_hash: String", avatar_upload,
                  role as "role: String", presence_visibility as "presence: String",
                  notifications as "notifications: String", added_by as "added_by: String", created_at,
                  (select count(*) from room_invitations i where i.user_id = users.id and i.quiet_until is null) as "invitations!: i64"
           from users
           where id = ? and disabled_at is null and deleted_at is null"#,
        user.0,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(Account::from))
}

/// Returns an account by username, ignoring case.
pub async fn account_by_username(connection: &mut MySqlConnection, username: &str) -> Result<Option<Account>> {
    let row = sqlx::query_as!(
        Row,
        r#"select id, username, email, display_name, about, password_hash as "password_hash: String", avatar_upload,
                  role as "role: String", presence_visibility as "presence: String",
                  notifications as "notifications: String", added_by as "added_by: String", created_at,
                  0 as "invitations!: i64"
           from users
           where username = ? and disabled_at is null and deleted_at is null"#,
        username,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(Account::from))
}

/// Most accounts that may log in by an address while none has confirmed it; the oldest win.
pub const MAX_CLAIMANTS: usize = 3;

/// Returns the account that confirmed an address, or else the oldest ones that claim it.
pub async fn accounts_by_email(connection: &mut MySqlConnection, email: &str) -> Result<Vec<Account>> {
    let key = email_key(email);
    // Earlier releases write `email` alone, so `email_key` may be missing or outdated.
    let rows = sqlx::query_as!(
        EmailClaim,
        r#"
        (select id as "id!", username as "username!", email, email_key, email_confirmed_at, display_name as "display_name!",
                about as "about!", password_hash as "password_hash!: String", avatar_upload, role as "role!: String",
                presence_visibility as "presence!: String", notifications as "notifications!: String",
                added_by as "added_by!: String", created_at as "created_at!"
         from users
         where email_key = ? and disabled_at is null and deleted_at is null
         order by email_confirmed_at is null, id
         limit 3)
        union
        (select id, username, email, email_key, email_confirmed_at, display_name, about, password_hash, avatar_upload, role,
                presence_visibility, notifications, added_by, created_at
         from users
         where email = ? and disabled_at is null and deleted_at is null
         order by id
         limit 3)
        "#,
        key,
        email,
    )
    .fetch_all(connection)
    .await?;
    let mut claims: Vec<_> =
        rows.into_iter().filter(|claim| claim.email.as_deref().is_some_and(|own| email_key(own) == key)).collect();
    claims.sort_by_key(|claim| claim.id);
    let confirmed = claims.iter().position(|claim| claim.email_confirmed_at.is_some() && claim.email_key.as_ref() == Some(&key));
    if let Some(owner) = confirmed {
        return Ok(vec![claims.swap_remove(owner).into()]);
    }
    claims.truncate(MAX_CLAIMANTS);
    Ok(claims.into_iter().map(Account::from).collect())
}

/// Replaces the hash of the current password. Returns false when it is no longer `present`.
pub async fn replace_password_hash(connection: &mut MySqlConnection, user: UserId, present: &str, new: &str) -> Result<bool> {
    let done = sqlx::query!(
        r#"update users
           set password_hash = ?
           where id = ? and password_hash = ? and disabled_at is null and deleted_at is null"#,
        new,
        user.0,
        present,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Returns those of these users who exist, by id or username.
pub async fn find_many(connection: &mut MySqlConnection, ids: &[UserId], names: &[&str]) -> Result<Vec<User>> {
    let mut query = QueryBuilder::new(
        "select id, username, display_name, about, avatar_upload, created_at from users \
         where disabled_at is null and deleted_at is null and (id in (0",
    );
    for id in ids {
        query.push(", ").push_bind(id.0);
    }
    query.push(") or username in (''");
    for name in names {
        query.push(", ").push_bind(*name);
    }
    query.push("))");
    let rows: Vec<(u64, String, String, String, Option<u64>, i64)> = query.build_query_as().fetch_all(connection).await?;
    Ok(rows
        .into_iter()
        .map(|(id, username, display_name, about, avatar, created_at)| User {
            id: UserId(id),
            username,
            display_name,
            about,
            avatar_url: avatar_url(UserId(id), avatar),
            created_at: Timestamp(created_at),
        })
        .collect())
}

pub fn avatar_url(user: UserId, upload: Option<u64>) -> Option<String> {
    // The URL changes with the avatar, so that caches do not serve the former one.
    upload.map(|upload| format!("/api/users/{user}/avatar?v={upload}"))
}

/// Locks the rows of these users and returns the active ones. None of them can be erased before the commit, and a later erasure finds what the
/// transaction wrote.
pub async fn lock_active(transaction: &mut MySqlConnection, users: &[UserId]) -> Result<Vec<UserId>> {
    if users.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = QueryBuilder::new("select id from users where id in (");
    let mut ids = query.separated(", ");
    for user in users {
        ids.push_bind(user.0);
    }
    query.push(") and disabled_at is null and deleted_at is null order by id for update");
    let found: Vec<u64> = query.build_query_scalar().fetch_all(transaction).await?;
    Ok(found.into_iter().map(UserId).collect())
}

/// Parses a visibility column.
pub(super) fn visibility(name: &str) -> Visibility {
    match name {
        "friends" => Visibility::Friends,
        "nobody" => Visibility::Nobody,
        _ => Visibility::Everyone,
    }
}

struct Row {
    id: u64,
    username: String,
    email: Option<String>,
    display_name: String,
    about: String,
    password_hash: String,
    avatar_upload: Option<u64>,
    role: String,
    presence: String,
    notifications: String,
    added_by: String,
    created_at: i64,
    invitations: i64,
}

impl From<Row> for Account {
    fn from(row: Row) -> Self {
        let id = UserId(row.id);
        let user = User {
            id,
            username: row.username,
            display_name: row.display_name,
            about: row.about,
            avatar_url: avatar_url(id, row.avatar_upload),
            created_at: Timestamp(row.created_at),
        };
        let settings = MySettings {
            presence: visibility(&row.presence),
            notifications: subscriptions::notifications(&row.notifications),
            added_by: visibility(&row.added_by),
        };
        let me = Me { user, email: row.email, role: row.role, settings };
        Self { me, password_hash: row.password_hash, is_invited: row.invitations > 0 }
    }
}

/// An account that claims an address.
struct EmailClaim {
    id: u64,
    username: String,
    email: Option<String>,
    email_key: Option<String>,
    email_confirmed_at: Option<i64>,
    display_name: String,
    about: String,
    password_hash: String,
    avatar_upload: Option<u64>,
    role: String,
    presence: String,
    notifications: String,
    added_by: String,
    created_at: i64,
}

impl From<EmailClaim> for Account {
    fn from(claim: EmailClaim) -> Self {
        Row {
            id: claim.id,
            username: claim.username,
            email: claim.email,
            display_name: claim.display_name,
            about: claim.about,
            password_hash: claim.password_hash,
            avatar_upload: claim.avatar_upload,
            role: claim.role,
            presence: claim.presence,
            notifications: claim.notifications,
            added_by: claim.added_by,
            created_at: claim.created_at,
            invitations: 0,
        }
        .into()
    }
}

#[cfg(test)]
mod tests {
    use super::email_key;

    #[test]
    fn addresses_are_the_same_in_any_case_and_composition_and_no_further() {
        assert_eq!(email_key("J\u{fc}rgen@Example.COM"), email_key("ju\u{308}rgen@example.com"));
        assert_eq!(email_key("\u{130}x@y.zz"), email_key("i\u{307}x@y.zz"));
        assert_ne!(email_key("j\u{fc}rgen@x.de"), email_key("jurgen@x.de"));
        assert_ne!(email_key("stra\u{df}e@x.de"), email_key("strasse@x.de"));
    }
}
