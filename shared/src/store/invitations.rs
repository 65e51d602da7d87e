//! Invitations of one user to one room. Validity is evaluated on read: the inviter must still be a member who may add users, the room neither
//! archived nor deleted, and no block between the two.

use sqlx::{MySqlConnection, QueryBuilder};

use crate::error::Result;
use crate::id::{ObjectId, RoomId, RoomRef, UploadId, UserId, UserPair};
use crate::protocol::invitations::{Invitation, Invited, InvitedRoom};
use crate::protocol::rooms::RoomKind;
use crate::store::members::Membership;
use crate::store::rows::room::{avatar_url, key};
use crate::store::rows::user::{query_with_user, user_of};
use crate::time::Timestamp;

/// Where a page of invitations begins: before this one, newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvitationCursor {
    pub invited_at: i64,
    pub room: u64,
}

impl InvitationCursor {
    pub const START: Self = Self { invited_at: i64::MAX, room: u64::MAX };
}

/// The state of an earlier invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvitationState {
    pub user: UserId,
    /// The inviter.
    pub by: UserId,
    /// End of the pause after a declined invitation; none while the invitation is pending.
    pub quiet_until: Option<Timestamp>,
}

/// The pending and valid invitations `i`, with `where`, for statements that are built at run time. The same rule as in [`list`]: what does not show
/// must not take a place.
pub(super) const VALID: &str = "room_invitations i \
     join rooms ir on ir.id = i.room_id and ir.deleted_at is null and ir.archived_at is null \
     join users iu on iu.id = i.invited_by and iu.disabled_at is null and iu.deleted_at is null \
     join members im on im.room_id = i.room_id and im.user_id = i.invited_by and im.state = 'joined' \
          and (im.role <> 'member' or ir.who_adds = 'members') \
     left join members io on io.room_id = i.room_id and io.user_id = i.user_id \
     where i.quiet_until is null and (io.state is null or io.state in ('left', 'removed')) \
       and not exists (select 1 from blocks ib where ib.user_id = i.user_id and ib.blocked_id = i.invited_by) \
       and not exists (select 1 from blocks ib where ib.user_id = i.invited_by and ib.blocked_id = i.user_id)";

/// Returns a user's pending and valid invitations, newest first, optionally to one room.
pub async fn list(
    connection: &mut MySqlConnection,
    user: UserId,
    only: Option<RoomId>,
    before: InvitationCursor,
    limit: u32,
) -> Result<Vec<Invitation>> {
    let rows = query_with_user!(
        r#"
        select i.invited_at, r.id as room_id, r.kind as "kind: String", r.name, r.avatar_upload as room_avatar, r.members_count,
               "#,
        r#"
        from room_invitations i
        join rooms r on r.id = i.room_id and r.deleted_at is null and r.archived_at is null
        join users u on u.id = i.invited_by and u.disabled_at is null and u.deleted_at is null
        join members m on m.room_id = i.room_id and m.user_id = i.invited_by and m.state = 'joined'
             and (m.role <> 'member' or r.who_adds = 'members')
        left join members o on o.room_id = i.room_id and o.user_id = i.user_id
        where i.user_id = ? and i.quiet_until is null and i.room_id = coalesce(?, i.room_id)
          and (i.invited_at < ? or (i.invited_at = ? and i.room_id < ?))
          and (o.state is null or o.state in ('left', 'removed'))
          and not exists (select 1 from blocks b where b.user_id = i.user_id and b.blocked_id = i.invited_by)
          and not exists (select 1 from blocks b where b.user_id = i.invited_by and b.blocked_id = i.user_id)
        order by i.invited_at desc, i.room_id desc
        limit ?
        "#,
        user.0,
        only.map(|room| room.0),
        before.invited_at,
        before.invited_at,
        before.room,
        limit,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Invitation {
            room: InvitedRoom {
                id: RoomId(row.room_id),
                kind: row.kind.parse().unwrap_or(RoomKind::Group),
                name: row.name,
                avatar_url: avatar_url(RoomId(row.room_id), row.room_avatar),
                members_count: row.members_count,
            },
            inviter: user_of!(row),
            invited_at: Timestamp(row.invited_at),
        })
        .collect())
}

/// Returns a room's pending invitations by ascending user id, after `after`.
pub async fn of_room(connection: &mut MySqlConnection, by: &Membership, after: u64, limit: u32) -> Result<Vec<Invited>> {
    let rows = query_with_user!(
        r#"
        select i.invited_by, i.invited_at, "#,
        r#"
        from room_invitations i
        join users u on u.id = i.user_id and u.disabled_at is null and u.deleted_at is null
        where i.room_id = ? and i.quiet_until is null and i.user_id > ?
        order by i.user_id
        limit ?
        "#,
        by.room().0,
        after,
        limit,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Invited { user: user_of!(row), invited_by: UserId(row.invited_by), invited_at: Timestamp(row.invited_at) })
        .collect())
}

/// Returns earlier invitations of these users to a room whose row the transaction locks. Runs no statement for an empty list.
pub async fn states(transaction: &mut MySqlConnection, room: RoomId, users: &[UserId]) -> Result<Vec<InvitationState>> {
    if users.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = QueryBuilder::new("select user_id, invited_by, quiet_until from room_invitations where room_id = ");
    query.push_bind(room.0).push(" and user_id in (");
    let mut ids = query.separated(", ");
    for user in users {
        ids.push_bind(user.0);
    }
    query.push(")");
    let rows: Vec<(u64, u64, Option<i64>)> = query.build_query_as().fetch_all(transaction).await?;
    Ok(rows
        .into_iter()
        .map(|(user, by, quiet)| InvitationState { user: UserId(user), by: UserId(by), quiet_until: quiet.map(Timestamp) })
        .collect())
}

/// Inserts or replaces an invitation.
pub async fn upsert(transaction: &mut MySqlConnection, room: RoomId, user: UserId, by: UserId, now: Timestamp) -> Result<()> {
    sqlx::query!(
        r#"
        insert into room_invitations (room_id, user_id, invited_by, invited_at) values (?, ?, ?, ?)
        on duplicate key update invited_by = values(invited_by), invited_at = values(invited_at), quiet_until = null
        "#,
        room.0,
        user.0,
        by.0,
        now.0,
    )
    .execute(transaction)
    .await?;
    Ok(())
}

/// Ends a pending invitation and pauses new ones until `until`. Returns the room, or none without a pending invitation.
pub async fn close_until(
    transaction: &mut MySqlConnection,
    room: &RoomRef,
    user: UserId,
    until: Timestamp,
) -> Result<Option<RoomId>> {
    let (id, slug) = key(room);
    let found = sqlx::query_scalar!(
        r#"
        select room_id from room_invitations
        where room_id = coalesce(?, (select s.id from rooms s where s.slug = ?)) and user_id = ? and quiet_until is null
        for update
        "#,
        id,
        slug,
        user.0,
    )
    .fetch_optional(&mut *transaction)
    .await?;
    let Some(room) = found else { return Ok(None) };
    sqlx::query!("update room_invitations set quiet_until = ? where room_id = ? and user_id = ?", until.0, room, user.0)
        .execute(transaction)
        .await?;
    Ok(Some(RoomId(room)))
}

pub async fn delete(transaction: &mut MySqlConnection, room: RoomId, user: UserId) -> Result<()> {
    sqlx::query!("delete from room_invitations where room_id = ? and user_id = ?", room.0, user.0).execute(transaction).await?;
    Ok(())
}

/// Deletes pending invitations that a user sent or received in a room. Returns the invitees.
pub async fn end_of_member(transaction: &mut MySqlConnection, room: RoomId, user: UserId) -> Result<Vec<UserId>> {
    let ids = sqlx::query_scalar!(
        "select user_id from room_invitations where room_id = ? and (invited_by = ? or user_id = ?) and quiet_until is null for update",
        room.0,
        user.0,
        user.0,
    )
    .fetch_all(&mut *transaction)
    .await?;
    end(transaction, room, ids).await
}

/// Deletes all pending invitations to a room. Returns the invitees.
pub async fn end_of_room(transaction: &mut MySqlConnection, room: RoomId) -> Result<Vec<UserId>> {
    let ids =
        sqlx::query_scalar!("select user_id from room_invitations where room_id = ? and quiet_until is null for update", room.0)
            .fetch_all(&mut *transaction)
            .await?;
    end(transaction, room, ids).await
}

async fn end(transaction: &mut MySqlConnection, room: RoomId, ids: Vec<u64>) -> Result<Vec<UserId>> {
    let users: Vec<_> = ids.into_iter().map(UserId).collect();
    for user in &users {
        delete(transaction, room, *user).await?;
    }
    Ok(users)
}

/// Deletes all pending invitations between two users.
pub async fn end_between(transaction: &mut MySqlConnection, pair: UserPair) -> Result<Vec<EndedInvitation>> {
    let rows = sqlx::query!(
        r#"
        select room_id, user_id from room_invitations
        where quiet_until is null and (user_id = ? and invited_by = ? or user_id = ? and invited_by = ?)
        for update
        "#,
        pair.low().0,
        pair.high().0,
        pair.high().0,
        pair.low().0,
    )
    .fetch_all(&mut *transaction)
    .await?;
    let ended: Vec<_> =
        rows.into_iter().map(|row| EndedInvitation { room: RoomId(row.room_id), user: UserId(row.user_id) }).collect();
    for EndedInvitation { room, user } in &ended {
        delete(transaction, *room, *user).await?;
    }
    Ok(ended)
}

/// A deleted invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndedInvitation {
    pub room: RoomId,
    /// The invitee.
    pub user: UserId,
}

/// Returns the objects of the avatar of the room.
pub async fn avatar(connection: &mut MySqlConnection, invitation: &Invitation) -> Result<Option<ObjectId>> {
    let row = sqlx::query!(
        r#"
        select p.object_id as "object_id!", p.object_attempt as "object_attempt!"
        from rooms r
        join uploads p on p.id = r.avatar_upload
        where r.id = ? and p.state = 'ready'
        "#,
        invitation.room.id.0
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| ObjectId { upload: UploadId(row.object_id), attempt: row.object_attempt }))
}

/// Deletes expired pauses. Returns their number.
pub async fn sweep(connection: &mut MySqlConnection, now: Timestamp) -> Result<u64> {
    let done = sqlx::query!("delete from room_invitations where quiet_until <= ? limit 1000", now.0).execute(connection).await?;
    Ok(done.rows_affected())
}
