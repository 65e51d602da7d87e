//! Invite links: anyone with the code may join while its creator may add users. Joining locks the invite's row, so the use count is exact under
//! concurrency.

use sqlx::MySqlConnection;

use crate::error::Result;
use crate::id::{RoomId, UserId};
use crate::protocol::invite_codes::Invite;
use crate::store::members::Membership;
use crate::time::Timestamp;

pub async fn insert(connection: &mut MySqlConnection, member: &Membership, invite: &Invite) -> Result<()> {
    sqlx::query!(
        "insert into invites (code, room_id, created_by, created_at, expires_at, uses_left) values (?, ?, ?, ?, ?, ?)",
        invite.code,
        member.room().0,
        member.user().0,
        invite.created_at.0,
        invite.expires_at.map(|at| at.0),
        invite.uses_left,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Selects invites whose creators may add users at present, as [`Row`]s; the tail picks which. That right can end in many ways, so every read checks
/// it, by the rule of `domain::members::may_add`.
macro_rules! select_invites {
    ($tail:literal, $($value:expr),* $(,)?) => {
        sqlx::query_as!(
            Row,
            r#"
            select i.code as "code: String", i.room_id, i.created_by, i.created_at, i.expires_at, i.uses_left
            from invites i
            join rooms r on r.id = i.room_id
            join members m on m.room_id = i.room_id and m.user_id = i.created_by
            join users u on u.id = i.created_by
            where i.revoked_at is null and m.state = 'joined' and (r.who_adds = 'members' or m.role in ('admin', 'owner'))
              and u.disabled_at is null and u.deleted_at is null and
            "# + $tail,
            $($value),*
        )
    };
}

/// Returns the usable invites of the member's room, newest first.
pub async fn list(connection: &mut MySqlConnection, member: &Membership, limit: u32, now: Timestamp) -> Result<Vec<Invite>> {
    let rows = select_invites!(
        r#"
        i.room_id = ? and (i.expires_at is null or i.expires_at > ?) and (i.uses_left is null or i.uses_left > 0)
        order by i.created_at desc, i.code
        limit ?
        "#,
        member.room().0,
        now.0,
        limit,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(Row::invite).collect())
}

/// Revokes an invite that this user created, even after they left. Returns false when there is none.
pub async fn revoke_own(connection: &mut MySqlConnection, room: RoomId, by: UserId, code: &str, now: Timestamp) -> Result<bool> {
    let done = sqlx::query!(
        "update invites set revoked_at = ? where code = ? and room_id = ? and created_by = ? and revoked_at is null",
        now.0,
        code,
        room.0,
        by.0,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Whether the room has this invite, used-up and expired ones included, revoked ones excluded.
pub async fn exists(connection: &mut MySqlConnection, member: &Membership, code: &str) -> Result<bool> {
    let found = sqlx::query_scalar!(
        r#"select count(*) as "count!: i64" from invites where code = ? and room_id = ? and revoked_at is null"#,
        code,
        member.room().0,
    );
    Ok(found.fetch_one(connection).await? > 0)
}

/// Revokes an invite of the member's room. Returns false when there is none.
pub async fn revoke(connection: &mut MySqlConnection, member: &Membership, code: &str, now: Timestamp) -> Result<bool> {
    let done = sqlx::query!(
        "update invites set revoked_at = ? where code = ? and room_id = ? and revoked_at is null",
        now.0,
        code,
        member.room().0,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Revokes all invites of the member's room.
pub async fn revoke_all(connection: &mut MySqlConnection, member: &Membership, now: Timestamp) -> Result<()> {
    sqlx::query!("update invites set revoked_at = ? where room_id = ? and revoked_at is null", now.0, member.room().0)
        .execute(connection)
        .await?;
    Ok(())
}

/// Locks an invite that is not revoked, used-up and expired ones included, and whose creator and user no block separates. The transaction locks the
/// room.
pub async fn lock(transaction: &mut MySqlConnection, room: RoomId, code: &str, user: UserId) -> Result<Option<Invite>> {
    let row = select_invites!(
        r#"
        i.code = ? and i.room_id = ?
        and not exists (select 1 from blocks b where b.user_id = i.created_by and b.blocked_id = ?)
        and not exists (select 1 from blocks b where b.user_id = ? and b.blocked_id = i.created_by)
        for update
        "#,
        code,
        room.0,
        user.0,
        user.0,
    )
    .fetch_optional(transaction)
    .await?;
    Ok(row.map(Row::invite))
}

/// Counts a use of an invite whose row the transaction locks.
pub async fn count_use(transaction: &mut MySqlConnection, invite: &Invite) -> Result<()> {
    sqlx::query!("update invites set uses_left = uses_left - 1 where code = ? and uses_left > 0", invite.code)
        .execute(transaction)
        .await?;
    Ok(())
}

struct Row {
    code: String,
    room_id: u64,
    created_by: u64,
    created_at: i64,
    expires_at: Option<i64>,
    uses_left: Option<u32>,
}

impl Row {
    fn invite(self) -> Invite {
        Invite {
            code: self.code,
            room_id: RoomId(self.room_id),
            created_by: UserId(self.created_by),
            created_at: Timestamp(self.created_at),
            expires_at: self.expires_at.map(Timestamp),
            uses_left: self.uses_left,
        }
    }
}
