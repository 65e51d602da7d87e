//! People. A deleted or disabled account is as absent to everyone who asks by name.

use sqlx::QueryBuilder;
use sqlx::mysql::MySqlConnection;

use crate::error::Result;
use crate::id::UserId;
use crate::protocol::people::{Me, MySettings, User, Visibility};
use crate::store::{names_key, on_duplicate, subscriptions};
use crate::time::Timestamp;

/// An account to be made.
#[derive(Clone, Copy, Debug)]
pub struct NewUser<'a> {
    /// The unique name.
    pub username: &'a str,
    /// The e-mail address, if one was given.
    pub email: Option<&'a str>,
    /// What people see.
    pub display_name: &'a str,
    /// The password's hash, a PHC string.
    pub password_hash: &'a str,
    /// When it is made.
    pub created_at: Timestamp,
}

/// An account and the hash that its password must match.
#[derive(Clone)]
pub struct Account {
    /// The person.
    pub me: Me,
    /// A PHC string.
    pub password_hash: String,
}

/// Makes an account. The names that exist decide races: `username_taken`, `email_taken`.
pub async fn insert(connection: &mut MySqlConnection, new: &NewUser<'_>) -> Result<UserId> {
    let inserted = sqlx::query!(
        r#"insert into users (username, email, display_name, password_hash, created_at)
           values (?, ?, ?, ?, ?)"#,
        new.username,
        new.email,
        new.display_name,
        new.password_hash,
        new.created_at.0,
    )
    .execute(connection)
    .await;
    let about_email = matches!(&inserted, Err(sqlx::Error::Database(refused)) if names_key(refused.message(), "users_email"));
    let done = if about_email {
        on_duplicate(inserted, "users_email", "email_taken")
    } else {
        on_duplicate(inserted, "users_username", "username_taken")
    }?;
    Ok(UserId(done.last_insert_id()))
}

/// A person as others see them.
pub async fn find(connection: &mut MySqlConnection, user: UserId) -> Result<Option<User>> {
    Ok(account(connection, user).await?.map(|account| account.me.user))
}

/// An account by its id.
pub async fn account(connection: &mut MySqlConnection, user: UserId) -> Result<Option<Account>> {
    let row = sqlx::query_as!(
        Row,
        r#"select id, username, email, display_name, about, password_hash as "password_hash: String", avatar_upload,
                  role as "role: String", presence_visibility as "presence: String",
                  notifications as "notifications: String", created_at
           from users
           where id = ? and disabled_at is null and deleted_at is null"#,
        user.0,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(Account::from))
}

/// An account by its username, without regard to case.
pub async fn account_by_username(connection: &mut MySqlConnection, username: &str) -> Result<Option<Account>> {
    let row = sqlx::query_as!(
        Row,
        r#"select id, username, email, display_name, about, password_hash as "password_hash: String", avatar_upload,
                  role as "role: String", presence_visibility as "presence: String",
                  notifications as "notifications: String", created_at
           from users
           where username = ? and disabled_at is null and deleted_at is null"#,
        username,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(Account::from))
}

/// An account by its e-mail address, without regard to case.
pub async fn account_by_email(connection: &mut MySqlConnection, email: &str) -> Result<Option<Account>> {
    let row = sqlx::query_as!(
        Row,
        r#"select id, username, email, display_name, about, password_hash as "password_hash: String", avatar_upload,
                  role as "role: String", presence_visibility as "presence: String",
                  notifications as "notifications: String", created_at
           from users
           where email = ? and disabled_at is null and deleted_at is null"#,
        email,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(Account::from))
}

/// Replaces the hash of the present password. False when the hash is no longer `present`: somebody else was quicker.
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

/// Those of these people who exist, named by id or by username.
pub async fn named(connection: &mut MySqlConnection, ids: &[UserId], names: &[&str]) -> Result<Vec<User>> {
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

/// Where the avatar of a person is, if there is one.
pub fn avatar_url(user: UserId, upload: Option<u64>) -> Option<String> {
    // Another one has another URL, so that nobody goes on showing the one before.
    upload.map(|upload| format!("/api/users/{user}/avatar?v={upload}"))
}

/// Holds the rows of these people until the transaction ends, and gives those who can take part in anything: from here on none of them can be
/// erased before it commits, and whoever erases them later finds what it wrote.
pub async fn hold(transaction: &mut MySqlConnection, users: &[UserId]) -> Result<Vec<UserId>> {
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

/// Who may see something, as its column spells it.
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
    created_at: i64,
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
        let settings = MySettings { presence: visibility(&row.presence), notifications: subscriptions::wish(&row.notifications) };
        Self { me: Me { user, email: row.email, role: row.role, settings }, password_hash: row.password_hash }
    }
}
