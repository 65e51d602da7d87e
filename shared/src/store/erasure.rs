//! Erasure of an account: every table that holds data of the user, emptied in small batches. Each step is idempotent, so erasure resumes where it
//! stopped.

use sqlx::MySqlConnection;

use crate::caller::Caller;
use crate::error::Result;
use crate::id::{Head, Rev, RoomId, Seq, SessionId, UserId};
use crate::protocol::rooms::RoomKind;
use crate::store::Tx;
use crate::store::recipients::{RecipientRow, Recipients};
use crate::store::session_closings::{self, EndedSessions, SessionEnding};
use crate::time::Timestamp;

/// Name of every deleted user. Contains a space, which no username may.
pub const DELETED_USER: &str = "deleted user";

/// A room of the user, locked by the transaction.
#[derive(Clone, Copy, Debug)]
pub struct ErasureRoom {
    pub room: RoomId,
    pub kind: RoomKind,
    pub head: Head,
    /// Whether the room is not deleted.
    pub alive: bool,
    /// Whether the room has ever had another member.
    pub shared: bool,
}

/// Deletes an account: after the commit, logging in fails and others see a deleted user. Ends its sessions. Returns none when the account is already
/// deleted or its password hash differs.
pub async fn begin(
    transaction: &mut Tx<'_>,
    ending: &SessionEnding,
    password_hash: Option<&str>,
) -> Result<Option<EndedSessions>> {
    let done = sqlx::query!(
        r#"
        update users
        set erased_name = username, username = concat(?, ' ', id), display_name = ?, email = null, email_key = null,
            email_confirmed_at = null, about = '', words_of = ?, password_hash = '', avatar_upload = null, role = 'user', last_seen_at = null,
            disabled_at = null, presence_visibility = 'nobody', notifications = 'none', added_by = 'nobody', deleted_at = ?,
            profile_changed_at = greatest(?, profile_changed_at + 1)
        where id = ? and deleted_at is null and password_hash = coalesce(?, password_hash)
        "#,
        DELETED_USER,
        DELETED_USER,
        DELETED_USER,
        ending.now.0,
        ending.now.0,
        ending.user.0,
        password_hash,
    )
    .execute(&mut **transaction)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(None);
    }
    session_closings::end(transaction, ending).await.map(Some)
}

/// Returns the caller of a session whose account is being erased. Such a session may only repeat the request.
pub async fn find_erasing_caller(
    connection: &mut MySqlConnection,
    session: SessionId,
    user: UserId,
    now: Timestamp,
) -> Result<Option<Caller>> {
    let username = sqlx::query_scalar!(
        r#"
        select u.username
        from sessions s
        join users u on u.id = s.user_id
        where s.id = ? and s.user_id = ? and s.revoked_at is null and s.expires_at > ? and u.erased_name is not null
        "#,
        session.0,
        user.0,
        now.0,
    )
    .fetch_optional(connection)
    .await?;
    Ok(username.map(|username| Caller { user, username, session, connection: None, now }))
}

/// Returns the former username while erasure is incomplete.
pub async fn former_username(connection: &mut MySqlConnection, user: UserId) -> Result<Option<String>> {
    let name = sqlx::query_scalar!("select erased_name from users where id = ? and deleted_at is not null", user.0)
        .fetch_optional(connection)
        .await?;
    Ok(name.flatten())
}

/// Returns users whose erasure began before `before` and is incomplete, oldest first. A range of the index `users_state`.
pub async fn list_unfinished(connection: &mut MySqlConnection, before: Timestamp, limit: u32) -> Result<Vec<UserId>> {
    let ids = sqlx::query_scalar!(
        "select id from users where deleted_at > 0 and deleted_at <= ? and erased_name is not null order by deleted_at limit ?",
        before.0,
        limit,
    )
    .fetch_all(connection)
    .await?;
    Ok(ids.into_iter().map(UserId).collect())
}

/// Returns the user's rooms that are not yet processed, former memberships included.
pub async fn rooms(connection: &mut MySqlConnection, user: UserId, limit: u32) -> Result<Vec<RoomId>> {
    let ids = sqlx::query_scalar!(
        "select room_id from members where user_id = ? and (joined_at > 0 or state = 'joined') order by room_id limit ?",
        user.0,
        limit,
    )
    .fetch_all(connection)
    .await?;
    Ok(ids.into_iter().map(RoomId).collect())
}

pub async fn lock_room(transaction: &mut MySqlConnection, room: RoomId, user: UserId) -> Result<Option<ErasureRoom>> {
    let row = sqlx::query!(
        r#"
        select r.kind as "kind: String", r.last_seq, r.rev, r.deleted_at,
               exists (select 1 from members m where m.room_id = r.id and m.user_id <> ?) as "shared!: i64"
        from rooms r
        where r.id = ?
        for update
        "#,
        user.0,
        room.0,
    )
    .fetch_optional(transaction)
    .await?;
    Ok(row.map(|row| ErasureRoom {
        room,
        kind: row.kind.parse().unwrap_or(RoomKind::Group),
        head: Head { seq: Seq(row.last_seq), rev: Rev(row.rev) },
        alive: row.deleted_at.is_none(),
        shared: row.shared != 0,
    }))
}

/// Returns the next owner: active accounts first, then admins, then the longest membership.
pub async fn find_successor(transaction: &mut MySqlConnection, held: &ErasureRoom, user: UserId) -> Result<Option<UserId>> {
    let successor = sqlx::query_scalar!(
        r#"
        select m.user_id
        from members m
        join users u on u.id = m.user_id
        where m.room_id = ? and m.user_id <> ? and m.state = 'joined'
        order by u.disabled_at is not null, u.deleted_at is not null, m.role = 'member', m.joined_at, m.user_id
        limit 1
        "#,
        held.room.0,
        user.0,
    )
    .fetch_optional(transaction)
    .await?;
    Ok(successor.map(UserId))
}

/// Archives a direct room for good.
pub async fn archive(transaction: &mut MySqlConnection, held: &ErasureRoom, now: Timestamp) -> Result<()> {
    sqlx::query!("update rooms set archived_at = coalesce(archived_at, ?) where id = ?", now.0, held.room.0)
        .execute(transaction)
        .await?;
    Ok(())
}

/// Marks a room as processed and clears the membership; only its end remains.
pub async fn scrub_membership(transaction: &mut MySqlConnection, held: &ErasureRoom, user: UserId) -> Result<()> {
    sqlx::query!(
        r#"
        update members
        set state = if(state = 'joined', 'left', state), role = 'member', joined_at = 0, read_at = null, delivered_at = null,
            past_rev = null, past_at = null, past_view = null, muted_until = null, pinned = 0, private_at = 0, allowance = 0, allowance_at = 0, change_allowance = 0, change_allowance_at = 0,
            said = ''
        where room_id = ? and user_id = ?
        "#,
        held.room.0,
        user.0,
    )
    .execute(transaction)
    .await?;
    Ok(())
}

/// Deletes a batch of the contents of a room without other members, past or present. Returns false when nothing is left.
pub async fn purge_batch(connection: &mut MySqlConnection, room: RoomId) -> Result<bool> {
    let mut left = false;
    for table in [
        "messages",
        "message_edits",
        "reactions",
        "mentions",
        "pins",
        "receipts",
        "hidden_messages",
        "forwards",
        "search_slices",
        "search_segments",
        "room_invitations",
    ] {
        let text = format!("delete from {table} where room_id = ? limit {BATCH}");
        let done = sqlx::query(sqlx::AssertSqlSafe(text)).bind(room.0).execute(&mut *connection).await?;
        left |= done.rows_affected() >= BATCH;
    }
    Ok(left)
}

/// Clears the row of a purged room; its id remains.
pub async fn purge_row(transaction: &mut MySqlConnection, room: RoomId, now: Timestamp) -> Result<()> {
    sqlx::query!(
        r#"
        update rooms
        set name = '', topic = '', slug = null, avatar_upload = null, members_count = 0, rev = rev + 1,
            deleted_at = coalesce(deleted_at, ?)
        where id = ?
        "#,
        now.0,
        room.0,
    )
    .execute(transaction)
    .await?;
    Ok(())
}

/// Returns friends and users with pending requests, in either direction.
pub async fn list_related_users(connection: &mut MySqlConnection, user: UserId) -> Result<Recipients> {
    let rows = sqlx::query_as!(
        RecipientRow,
        r#"
        select p.user_id as "user_id!: u64", c.session_id as "session_id?", if(c.cause = 'expired', c.ended_at, 0) as "ended_at?: i64"
        from (
            select requested_of as user_id from friendships where requested_by = ?
            union all
            select requested_by from friendships where requested_of = ?
        ) p
        left join session_closings c on c.user_id = p.user_id
        "#,
        user.0,
        user.0,
    )
    .fetch_all(connection)
    .await?;
    Ok(Recipients::from_rows(rows))
}

/// Deletes a batch of the user's rows from each table. Returns false when nothing is left.
pub async fn delete_batch(connection: &mut MySqlConnection, user: UserId) -> Result<bool> {
    let mut left = false;
    for text in DELETIONS {
        let mut query = sqlx::query(*text);
        for _ in 0..text.matches('?').count() {
            query = query.bind(user.0);
        }
        left |= query.execute(&mut *connection).await?.rows_affected() >= BATCH;
    }
    Ok(left)
}

/// Most rows of one statement.
const BATCH: u64 = 5000;

/// Rows without other readers are deleted; in rows that others see, personal data is cleared.
const DELETIONS: &[&str] = &[
    "delete from hidden_messages where user_id = ? limit 5000",
    "delete from mentions where user_id = ? limit 5000",
    "delete from push_subscriptions where user_id = ? limit 5000",
    "delete from idempotency_keys where user_id = ? limit 5000",
    "delete from friendships where requested_by = ? limit 5000",
    "delete from friendships where requested_of = ? limit 5000",
    "delete from friend_pauses where requested_by = ? limit 5000",
    "delete from friend_pauses where requested_of = ? limit 5000",
    "delete from room_invitations where user_id = ? limit 5000",
    "delete from room_invitations where invited_by = ? limit 5000",
    "delete from blocks where user_id = ? limit 5000",
    "delete from blocks where blocked_id = ? limit 5000",
    "delete from user_name_words where user_id = ? limit 5000",
    "update invites set revoked_at = created_at where created_by = ? and revoked_at is null limit 5000",
    "update reports set reason = '' where reporter_id = ? and reason <> '' limit 5000",
    "update audit set ip = '' where actor_id = ? and ip <> '' limit 5000",
];

/// Finishes erasure: deletes sessions with their devices and addresses, and the former username.
pub async fn finish(transaction: &mut MySqlConnection, user: UserId) -> Result<()> {
    sqlx::query!("delete from sessions where user_id = ?", user.0).execute(&mut *transaction).await?;
    // Earlier releases that began the erasure do not clear `email_key` and `words_of`.
    sqlx::query!(
        r#"update users
           set erased_name = null, email_key = null, email_confirmed_at = null, words_of = display_name
           where id = ?"#,
        user.0
    )
    .execute(transaction)
    .await?;
    Ok(())
}
