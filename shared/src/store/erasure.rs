//! What is left of a person, and how it goes: every place that holds something of theirs, each emptied in parts that stay small. What is done is
//! found done, so erasing goes on where it stopped.

use sqlx::MySqlConnection;

use crate::caller::Caller;
use crate::error::Result;
use crate::id::{RoomId, SessionId, UserId};
use crate::protocol::rooms::RoomKind;
use crate::store::endings::{self, Ended, Ending};
use crate::store::recipients::{RecipientRow, Recipients};
use crate::store::{Tx, rooms};
use crate::time::Timestamp;

/// What an erased person is called. It holds a blank, so nobody can take it.
pub const ERASED: &str = "deleted user";

/// A room of theirs, held by the transaction.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    /// The room.
    pub room: RoomId,
    /// What it is.
    pub kind: RoomKind,
    /// Its last seq and its count of changes.
    pub place: (u64, u64),
    /// Whether it is still there for its members.
    pub alive: bool,
    /// Whether anybody else has ever been in it.
    pub shared: bool,
}

/// Ends an account: from the commit on nobody signs in, and everyone sees a deleted user. None when the account is none any longer, or
/// its password another by now. The ending is of its sessions.
pub async fn begin(transaction: &mut Tx<'_>, ending: &Ending, password_hash: Option<&str>) -> Result<Option<Ended>> {
    let done = sqlx::query!(
        r#"
        update users
        set erased_name = username, username = concat(?, ' ', id), display_name = ?, email = null, email_key = null,
            email_confirmed_at = null, about = '', password_hash = '', avatar_upload = null, role = 'user', last_seen_at = null,
            disabled_at = null, presence_visibility = 'nobody', notifications = 'none', added_by = 'nobody', deleted_at = ?
        where id = ? and deleted_at is null and password_hash = coalesce(?, password_hash)
        "#,
        ERASED,
        ERASED,
        ending.now.0,
        ending.user.0,
        password_hash,
    )
    .execute(&mut **transaction)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(None);
    }
    endings::end(transaction, ending).await.map(Some)
}

/// Whose account is being erased by this session: the one thing that it still is good for.
pub async fn asks_again(
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
    Ok(username.map(|username| Caller { user, username, session, now }))
}

/// What a person was called whose erasing is not done.
pub async fn unfinished(connection: &mut MySqlConnection, user: UserId) -> Result<Option<String>> {
    let name = sqlx::query_scalar!("select erased_name from users where id = ? and deleted_at is not null", user.0)
        .fetch_optional(connection)
        .await?;
    Ok(name.flatten())
}

/// Whose erasing began before a moment and is not done, those who have waited longest first. A range of the index `users_state`: who was never
/// erased is not looked at.
pub async fn abandoned(connection: &mut MySqlConnection, before: Timestamp, limit: u32) -> Result<Vec<UserId>> {
    let ids = sqlx::query_scalar!(
        "select id from users where deleted_at > 0 and deleted_at <= ? and erased_name is not null order by deleted_at limit ?",
        before.0,
        limit,
    )
    .fetch_all(connection)
    .await?;
    Ok(ids.into_iter().map(UserId).collect())
}

/// Their rooms that are still to be gone through, those they left included.
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

/// Holds one of their rooms.
pub async fn hold(transaction: &mut MySqlConnection, room: RoomId, user: UserId) -> Result<Option<Held>> {
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
    Ok(row.map(|row| Held {
        room,
        kind: rooms::kind(&row.kind),
        place: (row.last_seq, row.rev),
        alive: row.deleted_at.is_none(),
        shared: row.shared != 0,
    }))
}

/// Who should own a room after them: of those who can, an admin before others, whoever has been there longest.
pub async fn heir(transaction: &mut MySqlConnection, held: &Held, user: UserId) -> Result<Option<UserId>> {
    let heir = sqlx::query_scalar!(
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
    Ok(heir.map(UserId))
}

/// Closes a direct room for good: there is nobody to write to.
pub async fn archive(transaction: &mut MySqlConnection, held: &Held, now: Timestamp) -> Result<()> {
    sqlx::query!("update rooms set archived_at = coalesce(archived_at, ?) where id = ?", now.0, held.room.0)
        .execute(transaction)
        .await?;
    Ok(())
}

/// Notes that the room was gone through: nothing of their membership stays but that it ended.
pub async fn scrub_membership(transaction: &mut MySqlConnection, held: &Held, user: UserId) -> Result<()> {
    sqlx::query!(
        r#"
        update members
        set state = if(state = 'joined', 'left', state), role = 'member', joined_at = 0, read_at = null, delivered_at = null,
            past_rev = null, past_at = null, past_view = null, muted_until = null, pinned = 0, allowance = 0, allowance_at = 0, change_allowance = 0, change_allowance_at = 0, said = ''
        where room_id = ? and user_id = ?
        "#,
        held.room.0,
        user.0,
    )
    .execute(transaction)
    .await?;
    Ok(())
}

/// Deletes a part of what a room that was theirs alone holds. False when nothing is left of it.
pub async fn purge_part(connection: &mut MySqlConnection, room: RoomId) -> Result<bool> {
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
        let text = format!("delete from {table} where room_id = ? limit {PART}");
        let done = sqlx::query(sqlx::AssertSqlSafe(text)).bind(room.0).execute(&mut *connection).await?;
        left |= done.rows_affected() >= PART;
    }
    Ok(left)
}

/// Takes a purged room away; only its number stays.
pub async fn bury(transaction: &mut MySqlConnection, room: RoomId, now: Timestamp) -> Result<()> {
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

/// Who is, or might become, a friend of theirs.
pub async fn ties(connection: &mut MySqlConnection, user: UserId) -> Result<Recipients> {
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
    Ok(Recipients::gathered(rows))
}

/// Deletes a part of what one table holds of them alone. False when nothing is left.
pub async fn forget_part(connection: &mut MySqlConnection, user: UserId) -> Result<bool> {
    let mut left = false;
    for text in FORGOTTEN {
        let mut query = sqlx::query(*text);
        for _ in 0..text.matches('?').count() {
            query = query.bind(user.0);
        }
        left |= query.execute(&mut *connection).await?.rows_affected() >= PART;
    }
    Ok(left)
}

/// Rows that one statement takes at most.
const PART: u64 = 5000;

/// What has no reader but themselves goes; of what others see the person goes.
const FORGOTTEN: &[&str] = &[
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
    "update invites set revoked_at = created_at where created_by = ? and revoked_at is null limit 5000",
    "update reports set reason = '' where reporter_id = ? and reason <> '' limit 5000",
    "update audit set ip = '' where actor_id = ? and ip <> '' limit 5000",
];

/// The last step: their sessions, devices and addresses, and what they were called.
pub async fn finish(transaction: &mut MySqlConnection, user: UserId) -> Result<()> {
    sqlx::query!("delete from sessions where user_id = ?", user.0).execute(&mut *transaction).await?;
    // A release before this one began it, and knows no copy of the address.
    sqlx::query!("update users set erased_name = null, email_key = null, email_confirmed_at = null where id = ?", user.0)
        .execute(transaction)
        .await?;
    Ok(())
}
