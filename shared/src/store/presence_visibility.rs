//! Visibility and audience of presence, and times last seen. The registry of sockets knows who is online.

use sqlx::{MySqlConnection, QueryBuilder};

use crate::error::Result;
use crate::id::UserId;
use crate::protocol::people::Visibility;
use crate::store::recipients::{RecipientRow, Recipients};
use crate::time::Timestamp;

// `straight_join` makes both statements below begin with the user's memberships. To satisfy the order by activity, a server might otherwise scan all
// direct rooms.

/// Most direct rooms, by latest activity, whose other members receive a user's presence. Bounds the fan-out of accounts with very many contacts.
const MAX_DIRECT_ROOMS: u32 = 500;

/// Returns those of these users whose presence `viewer` may see, with times last seen. Applies visibility settings and blocks.
pub async fn visible_to(
    connection: &mut MySqlConnection,
    viewer: UserId,
    users: &[UserId],
) -> Result<Vec<(UserId, Option<Timestamp>)>> {
    let mut query = QueryBuilder::new("select u.id, u.last_seen_at from users u where u.id in (0");
    for user in users {
        query.push(", ").push_bind(user.0);
    }
    query.push(") and u.disabled_at is null and u.deleted_at is null and (u.id = ").push_bind(viewer.0);
    query.push(
        " or u.presence_visibility = 'everyone' or u.presence_visibility = 'friends' and exists (select 1 from friendships f",
    );
    query.push(" where f.user_low = least(u.id, ").push_bind(viewer.0);
    query.push(") and f.user_high = greatest(u.id, ").push_bind(viewer.0);
    query.push(") and f.state = 'accepted')) and not exists (select 1 from blocks b where b.user_id = ").push_bind(viewer.0);
    query.push(" and b.blocked_id = u.id) and not exists (select 1 from blocks b where b.user_id = u.id and b.blocked_id = ");
    query.push_bind(viewer.0).push(")");
    let rows: Vec<(u64, Option<i64>)> = query.build_query_as().fetch_all(connection).await?;
    Ok(rows.into_iter().map(|(user, seen)| (UserId(user), seen.map(Timestamp))).collect())
}

/// Returns who receives a user's presence: friends, and members of direct rooms who list them, within the user's visibility setting (or `visibility`
/// instead), never across a block.
pub async fn audience(connection: &mut MySqlConnection, user: UserId, visibility: Option<Visibility>) -> Result<Recipients> {
    let visibility = visibility.map(|visibility| visibility.to_string());
    let rows = sqlx::query_as!(
        RecipientRow,
        r#"
        select distinct p.id as "user_id!: u64", c.session_id as "session_id?", if(c.cause = 'expired', c.ended_at, 0) as "ended_at?: i64"
        from (
            select requested_of as id, 1 as friend from friendships where requested_by = ? and state = 'accepted'
            union all
            select requested_by, 1 from friendships where requested_of = ? and state = 'accepted'
            union all
            select id, 0 from (
                select o.user_id as id
                from members m
                straight_join rooms r on r.id = m.room_id and r.kind = 'direct' and r.deleted_at is null
                straight_join members o on o.room_id = r.id and o.user_id <> m.user_id and o.state = 'joined'
                     and (o.closed_seq is null or o.closed_seq < r.last_seq)
                where m.user_id = ? and m.state = 'joined'
                order by r.active_at desc
                limit ?
            ) directs
        ) p
        join users u on u.id = ?
        left join session_closings c on c.user_id = p.id
        where (coalesce(?, u.presence_visibility) = 'everyone' or coalesce(?, u.presence_visibility) = 'friends' and p.friend = 1)
          and not exists (select 1 from blocks b where b.user_id = ? and b.blocked_id = p.id)
          and not exists (select 1 from blocks b where b.user_id = p.id and b.blocked_id = ?)
        "#,
        user.0,
        user.0,
        user.0,
        MAX_DIRECT_ROOMS,
        user.0,
        visibility,
        visibility,
        user.0,
        user.0,
    )
    .fetch_all(connection)
    .await?;
    Ok(Recipients::from_rows(rows))
}

/// Returns whose presence a user receives, friends first: the rule of [`audience`] in the other direction.
pub async fn watched_by(connection: &mut MySqlConnection, viewer: UserId, limit: u32) -> Result<Vec<UserId>> {
    let ids = sqlx::query_scalar!(
        r#"
        select p.id as "id!: u64"
        from (
            select requested_of as id, 1 as friend from friendships where requested_by = ? and state = 'accepted'
            union all
            select requested_by, 1 from friendships where requested_of = ? and state = 'accepted'
            union all
            select id, 0 from (
                select o.user_id as id
                from members m
                straight_join rooms r on r.id = m.room_id and r.kind = 'direct' and r.deleted_at is null
                straight_join members o on o.room_id = r.id and o.user_id <> m.user_id and o.state = 'joined'
                where m.user_id = ? and m.state = 'joined' and (m.closed_seq is null or m.closed_seq < r.last_seq)
                order by r.active_at desc
                limit ?
            ) directs
        ) p
        join users u on u.id = p.id
        where u.disabled_at is null and u.deleted_at is null
          and (u.presence_visibility = 'everyone' or u.presence_visibility = 'friends' and p.friend = 1)
          and not exists (select 1 from blocks b where b.user_id = ? and b.blocked_id = p.id)
          and not exists (select 1 from blocks b where b.user_id = p.id and b.blocked_id = ?)
        group by p.id
        order by max(p.friend) desc, p.id
        limit ?
        "#,
        viewer.0,
        viewer.0,
        viewer.0,
        MAX_DIRECT_ROOMS,
        viewer.0,
        viewer.0,
        limit,
    )
    .fetch_all(connection)
    .await?;
    Ok(ids.into_iter().map(UserId).collect())
}

/// Raises the time a user was last seen.
pub async fn set_last_seen(connection: &mut MySqlConnection, user: UserId, at: Timestamp) -> Result<()> {
    sqlx::query!("update users set last_seen_at = greatest(coalesce(last_seen_at, 0), ?) where id = ?", at.0, user.0)
        .execute(connection)
        .await?;
    Ok(())
}
