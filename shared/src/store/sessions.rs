//! Login sessions. Every request reads its session by primary key, so revocation takes effect at once.

use sqlx::mysql::MySqlConnection;

use crate::caller::Caller;
use crate::error::Result;
use crate::id::{SessionId, UserId};
use crate::protocol::accounts::Session;
use crate::time::Timestamp;

/// SHA-256 of a refresh token's secret part.
pub type RefreshHash = [u8; 32];

/// A session to create.
#[derive(Clone, Copy, Debug)]
pub struct NewSession<'a> {
    pub user: UserId,
    /// Hash of its first refresh token.
    pub refresh_hash: &'a RefreshHash,
    /// Name of the device.
    pub device: &'a str,
    pub ip: &'a str,
    pub now: Timestamp,
    /// Expiry without a refresh.
    pub expires_at: Timestamp,
}

/// State of a session after its refresh token was used.
#[derive(Clone, Copy, Debug)]
pub struct Rotation<'a> {
    /// Hash of the presented token.
    pub presented: &'a RefreshHash,
    /// Hash of its replacement.
    pub next: &'a RefreshHash,
    pub ip: &'a str,
    pub now: Timestamp,
    /// Expiry without another refresh.
    pub expires_at: Timestamp,
}

/// Creates a session of an account created in the same transaction.
pub async fn insert(connection: &mut MySqlConnection, new: &NewSession<'_>) -> Result<SessionId> {
    let NewSession { user, refresh_hash, device, ip, now, expires_at } = *new;
    let done = sqlx::query!(
        r#"insert into sessions (user_id, refresh_hash, device, ip, created_at, last_used_at, expires_at)
           values (?, ?, ?, ?, ?, ?, ?)"#,
        user.0,
        refresh_hash.as_slice(),
        device,
        ip,
        now.0,
        now.0,
        expires_at.0,
    )
    .execute(connection)
    .await?;
    Ok(SessionId(done.last_insert_id()))
}

/// Creates a session that replaces another on the same device, whose push subscription it takes over.
pub async fn insert_replacement(connection: &mut MySqlConnection, before: SessionId, new: &NewSession<'_>) -> Result<SessionId> {
    let done = sqlx::query!(
        r#"insert into sessions (user_id, refresh_hash, device, ip, created_at, last_used_at, expires_at)
           select ?, ?, device, ?, ?, ?, ? from sessions where id = ?"#,
        new.user.0,
        new.refresh_hash.as_slice(),
        new.ip,
        new.now.0,
        new.now.0,
        new.expires_at.0,
        before.0,
    )
    .execute(&mut *connection)
    .await?;
    let session = SessionId(done.last_insert_id());
    sqlx::query!("update push_subscriptions set session_id = ? where session_id = ?", session.0, before.0)
        .execute(connection)
        .await?;
    Ok(session)
}

/// Creates a session if the password hash is still the verified one. The row lock orders this against a change of password, which ends earlier
/// sessions.
pub async fn insert_if_unchanged(
    connection: &mut MySqlConnection,
    new: &NewSession<'_>,
    password_hash: &str,
) -> Result<Option<SessionId>> {
    let done = sqlx::query!(
        r#"insert into sessions (user_id, refresh_hash, device, ip, created_at, last_used_at, expires_at)
           select id, ?, ?, ?, ?, ?, ?
           from users
           where id = ? and password_hash = ? and disabled_at is null and deleted_at is null
           for update"#,
        new.refresh_hash.as_slice(),
        new.device,
        new.ip,
        new.now.0,
        new.now.0,
        new.expires_at.0,
        new.user.0,
        password_hash,
    )
    .execute(connection)
    .await?;
    Ok((done.rows_affected() == 1).then(|| SessionId(done.last_insert_id())))
}

/// Authenticates a session at `now`: one read by primary keys. Returns none when the session is unknown, revoked, expired or another user's, or the
/// account disabled or deleted.
pub async fn check(connection: &mut MySqlConnection, session: SessionId, user: UserId, now: Timestamp) -> Result<Option<Caller>> {
    let username = sqlx::query_scalar!(
        r#"select u.username
           from sessions s
           join users u on u.id = s.user_id
           where s.id = ? and s.user_id = ? and s.revoked_at is null and s.expires_at > ?
             and u.disabled_at is null and u.deleted_at is null"#,
        session.0,
        user.0,
        now.0,
    )
    .fetch_optional(connection)
    .await?;
    Ok(username.map(|username| Caller { user, username, session, connection: None, now }))
}

/// Returns the user of a live session.
pub async fn find_owner(connection: &mut MySqlConnection, session: SessionId, now: Timestamp) -> Result<Option<UserId>> {
    let user = sqlx::query_scalar!(
        r#"select s.user_id
           from sessions s
           join users u on u.id = s.user_id
           where s.id = ? and s.revoked_at is null and s.expires_at > ? and u.disabled_at is null and u.deleted_at is null"#,
        session.0,
        now.0,
    )
    .fetch_optional(connection)
    .await?;
    Ok(user.map(UserId))
}

/// Returns the expiry of a live session; none where [`check`] returns none.
pub async fn expires_at(
    connection: &mut MySqlConnection,
    session: SessionId,
    user: UserId,
    now: Timestamp,
) -> Result<Option<Timestamp>> {
    let at = sqlx::query_scalar!(
        r#"select s.expires_at
           from sessions s
           join users u on u.id = s.user_id
           where s.id = ? and s.user_id = ? and s.revoked_at is null and s.expires_at > ?
             and u.disabled_at is null and u.deleted_at is null"#,
        session.0,
        user.0,
        now.0,
    )
    .fetch_optional(connection)
    .await?;
    Ok(at.map(Timestamp))
}

/// Replaces the refresh token if the presented one is current: one of two concurrent calls returns true. Moves a scheduled closing to the new expiry.
pub async fn rotate(connection: &mut MySqlConnection, session: SessionId, rotation: &Rotation<'_>) -> Result<bool> {
    let done = sqlx::query!(
        r#"update sessions s
           left join session_closings c on c.session_id = s.id
           set s.refresh_hash = ?, s.previous_hash = ?, s.rotated_at = ?, s.ip = ?, s.last_used_at = ?, s.expires_at = ?,
               c.ended_at = ?
           where s.id = ? and s.refresh_hash = ? and s.revoked_at is null and s.expires_at > ?"#,
        rotation.next.as_slice(),
        rotation.presented.as_slice(),
        rotation.now.0,
        rotation.ip,
        rotation.now.0,
        rotation.expires_at.0,
        rotation.expires_at.0,
        session.0,
        rotation.presented.as_slice(),
        rotation.now.0,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Returns the hash of the token that replaced the presented one, if it did so after `since` and is still unused.
pub async fn successor(
    connection: &mut MySqlConnection,
    session: SessionId,
    presented: &RefreshHash,
    since: Timestamp,
) -> Result<Option<Vec<u8>>> {
    let hash = sqlx::query_scalar!(
        r#"select refresh_hash as "hash: Vec<u8>" from sessions where id = ? and previous_hash = ? and rotated_at > ? and revoked_at is null"#,
        session.0,
        presented.as_slice(),
        since.0,
    )
    .fetch_optional(connection)
    .await?;
    Ok(hash)
}

/// Returns the caller's live sessions before `before`, newest first.
pub async fn list(connection: &mut MySqlConnection, caller: &Caller, before: SessionId, limit: u32) -> Result<Vec<Session>> {
    let rows = sqlx::query!(
        r#"select id, device, ip as "ip: String", created_at, last_used_at, expires_at
           from sessions
           where user_id = ? and id < ? and revoked_at is null and expires_at > ?
           order by id desc
           limit ?"#,
        caller.user.0,
        before.0,
        caller.now.0,
        limit,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Session {
            id: SessionId(row.id),
            device: row.device,
            ip: row.ip,
            created_at: Timestamp(row.created_at),
            last_used_at: Timestamp(row.last_used_at),
            expires_at: Timestamp(row.expires_at),
            current: row.id == caller.session.0,
        })
        .collect())
}

/// Returns a batch of a user's live sessions beyond the `most` that were used last.
pub async fn list_surplus(connection: &mut MySqlConnection, user: UserId, most: u32, now: Timestamp) -> Result<Vec<SessionId>> {
    let found = sqlx::query_scalar!(
        r#"select id
           from sessions
           where user_id = ? and revoked_at is null and expires_at > ?
           order by last_used_at desc, id desc
           limit 20 offset ?"#,
        user.0,
        now.0,
        most,
    )
    .fetch_all(connection)
    .await?;
    Ok(found.into_iter().map(SessionId).collect())
}

/// Returns those of at most three users who have logged in from this network: the first 4 bytes of an IPv4 address, or 8 of IPv6.
pub async fn known_in_network(connection: &mut MySqlConnection, users: [UserId; 3], prefix: &[u8]) -> Result<Vec<UserId>> {
    let [one, two, three] = users;
    let found = sqlx::query_scalar!(
        "select distinct user_id from sessions where user_id in (?, ?, ?) and left(inet6_aton(ip), 8) = ?",
        one.0,
        two.0,
        three.0,
        prefix,
    )
    .fetch_all(connection)
    .await?;
    Ok(found.into_iter().map(UserId).collect())
}
