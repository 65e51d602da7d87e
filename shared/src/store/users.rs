//! User accounts. Lookups by name do not find deleted or disabled accounts.

use sqlx::QueryBuilder;
use sqlx::mysql::MySqlConnection;
use unicode_normalization::UnicodeNormalization as _;

use crate::error::Result;
use crate::id::{Rev, UserId};
use crate::protocol::people::{Me, MySettings, User};
use crate::store::on_duplicate;
use crate::store::rows::user::{USER, UserRow, query_with_user, user_of};
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
    pub revs: PrivateRevs,
}

/// The private revs of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrivateRevs {
    /// That of the last private change.
    pub last: Rev,
    /// That of the last change of profile, address, role or settings.
    pub me: Rev,
    /// That of the last change of the list of blocked users.
    pub blocks: Rev,
}

/// Normalizes an address for comparison: lower case and composed (NFC), compared bytewise. Collations confuse different mailboxes.
pub fn email_key(email: &str) -> String {
    email.nfc().collect::<String>().to_lowercase().nfc().collect()
}

/// Creates an account. The unique username decides races (`username_taken`). Addresses need not be unique until confirmed.
pub async fn insert(connection: &mut MySqlConnection, new: &NewUser<'_>) -> Result<UserId> {
    let NewUser { username, email, display_name, password_hash, created_at } = *new;
    let inserted = sqlx::query!(
        r#"insert into users (username, email, email_key, display_name, password_hash, created_at)
           values (?, ?, ?, ?, ?, ?)"#,
        username,
        email,
        email.map(email_key),
        display_name,
        password_hash,
        created_at.0,
    )
    .execute(connection)
    .await;
    Ok(UserId(on_duplicate(inserted, "users_username", "username_taken")?.last_insert_id()))
}

/// Returns a user as others see them.
pub async fn find(connection: &mut MySqlConnection, user: UserId) -> Result<Option<User>> {
    Ok(account(connection, user).await?.map(|account| account.me.user))
}

/// Selects accounts as [`AccountRow`]s; the tail picks which.
macro_rules! select_accounts {
    ($invitations:literal, $tail:literal, $($value:expr),* $(,)?) => {
        query_with_user!(
            AccountRow:
            "select ",
            r#",
                u.email, u.email_key, u.email_confirmed_at, u.password_hash as "password_hash: String", u.role as "role: String",
                u.presence_visibility as "presence: String", u.notifications as "notifications: String",
                u.added_by as "added_by: String", u.private_rev, u.me_rev, u.blocks_rev,
            "# $invitations r#" as "invitations!: i64"
            "# $tail,
            $($value),*
        )
    };
}

pub async fn account(connection: &mut MySqlConnection, user: UserId) -> Result<Option<Account>> {
    let row = select_accounts!(
        "(select count(*) from room_invitations i where i.user_id = u.id and i.quiet_until is null)",
        "from users u where u.id = ? and u.disabled_at is null and u.deleted_at is null",
        user.0,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(AccountRow::account))
}

/// Returns an account by username, ignoring case.
pub async fn account_by_username(connection: &mut MySqlConnection, username: &str) -> Result<Option<Account>> {
    let row =
        select_accounts!("0", "from users u where u.username = ? and u.disabled_at is null and u.deleted_at is null", username,)
            .fetch_optional(connection)
            .await?;
    Ok(row.map(AccountRow::account))
}

/// Most accounts that may log in by an address while none has confirmed it; the oldest win.
pub const MAX_CLAIMANTS: usize = 3;

/// Returns the account that confirmed an address, or else the oldest ones that claim it.
pub async fn accounts_by_email(connection: &mut MySqlConnection, email: &str) -> Result<Vec<Account>> {
    let key = email_key(email);
    // Earlier releases write `email` alone, so `email_key` may be missing or outdated.
    let rows = select_accounts!(
        "0",
        r#"
        from (
            (select c.id from users c
             where c.email_key = ? and c.disabled_at is null and c.deleted_at is null
             order by c.email_confirmed_at is null, c.id
             limit 3)
            union
            (select c.id from users c
             where c.email = ? and c.disabled_at is null and c.deleted_at is null
             order by c.id
             limit 3)
        ) claims
        join users u on u.id = claims.id
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
        return Ok(vec![claims.swap_remove(owner).account()]);
    }
    claims.truncate(MAX_CLAIMANTS);
    Ok(claims.into_iter().map(AccountRow::account).collect())
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
    let mut query = QueryBuilder::new("select ");
    query.push(USER).push(" from users u where disabled_at is null and deleted_at is null and (id in (0");
    for id in ids {
        query.push(", ").push_bind(id.0);
    }
    query.push(") or username in (''");
    for name in names {
        query.push(", ").push_bind(*name);
    }
    query.push("))");
    let rows: Vec<UserRow> = query.build_query_as().fetch_all(connection).await?;
    Ok(rows.into_iter().map(UserRow::user).collect())
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

struct AccountRow {
    id: u64,
    username: String,
    display_name: String,
    about: String,
    avatar_upload: Option<u64>,
    created_at: i64,
    email: Option<String>,
    email_key: Option<String>,
    email_confirmed_at: Option<i64>,
    password_hash: String,
    role: String,
    presence: String,
    notifications: String,
    added_by: String,
    private_rev: u64,
    me_rev: u64,
    blocks_rev: u64,
    invitations: i64,
}

impl AccountRow {
    fn account(self) -> Account {
        let settings = MySettings {
            presence: self.presence.parse().unwrap_or_default(),
            notifications: self.notifications.parse().unwrap_or_default(),
            added_by: self.added_by.parse().unwrap_or_default(),
        };
        let (email, role) = (self.email, self.role);
        let me = Me { user: user_of!(self), email, role, settings };
        let revs = PrivateRevs { last: Rev(self.private_rev), me: Rev(self.me_rev), blocks: Rev(self.blocks_rev) };
        Account { me, password_hash: self.password_hash, is_invited: self.invitations > 0, revs }
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
