//! Changed profiles: who is notified of one, and which of them a client missed.

use sqlx::MySqlConnection;

use crate::error::Result;
use crate::id::UserId;
use crate::protocol::sync::UserChange;
use crate::store::inline_sql::{fetch_generated, list};
use crate::store::recipients::{RecipientRow, Recipients};
use crate::store::rows::user::{USER, UserRow, query_with_user, user_of};
use crate::time::Timestamp;

/// Most direct rooms, by latest activity, whose other members are notified: as many as of presence.
const MAX_DIRECT_ROOMS: u32 = 500;
/// The largest room whose members are notified: as of read markers.
const MAX_MEMBERS: u32 = 100;
/// Most such rooms, by latest activity. Bounds the fan-out of users with very many rooms; others learn of the change from `sync`.
const MAX_SMALL_ROOMS: u32 = 100;

/// Returns who is notified of a user's changed profile, without the user: friends, members of direct rooms who list them, and members of small rooms,
/// never across a block.
pub async fn audience(connection: &mut MySqlConnection, user: UserId) -> Result<Recipients> {
    let rows = sqlx::query_as!(
        RecipientRow,
        r#"
        select distinct p.id as "user_id!: u64", c.session_id as "session_id?", if(c.cause = 'expired', c.ended_at, 0) as "ended_at?: i64"
        from (
            select requested_of as id from friendships where requested_by = ? and state = 'accepted'
            union all
            select requested_by from friendships where requested_of = ? and state = 'accepted'
            union all
            select id from (
                select o.user_id as id
                from members m
                straight_join rooms r on r.id = m.room_id and r.kind = 'direct' and r.deleted_at is null
                straight_join members o on o.room_id = r.id and o.user_id <> m.user_id and o.state = 'joined'
                     and (o.closed_seq is null or o.closed_seq < r.last_seq)
                where m.user_id = ? and m.state = 'joined'
                order by r.active_at desc
                limit ?
            ) directs
            union all
            select o.user_id
            from (
                select r.id
                from members m
                straight_join rooms r on r.id = m.room_id and r.kind <> 'direct' and r.deleted_at is null and r.members_count <= ?
                where m.user_id = ? and m.state = 'joined'
                order by r.active_at desc
                limit ?
            ) small
            straight_join members o on o.room_id = small.id and o.state = 'joined'
        ) p
        left join session_closings c on c.user_id = p.id
        where p.id <> ?
          and not exists (select 1 from blocks b where b.user_id = ? and b.blocked_id = p.id)
          and not exists (select 1 from blocks b where b.user_id = p.id and b.blocked_id = ?)
        "#,
        user.0,
        user.0,
        user.0,
        MAX_DIRECT_ROOMS,
        MAX_MEMBERS,
        user.0,
        MAX_SMALL_ROOMS,
        user.0,
        user.0,
        user.0,
    )
    .fetch_all(connection)
    .await?;
    Ok(Recipients::from_rows(rows))
}

/// Returns a user's present profile and the time of its last change, of erased users, too.
pub async fn find(connection: &mut MySqlConnection, user: UserId) -> Result<Option<UserChange>> {
    let row = query_with_user!("select ", ", u.profile_changed_at from users u where u.id = ?", user.0)
        .fetch_optional(connection)
        .await?;
    Ok(row.map(|row| UserChange { ts: row.profile_changed_at, user: user_of!(row) }))
}

#[derive(sqlx::FromRow)]
struct ChangedUserRow {
    #[sqlx(flatten)]
    user: UserRow,
    profile_changed_at: i64,
}

/// Returns the present profiles of users that `viewer` may be showing and who changed them from `since` on. Returns none when more than `most` users of
/// the whole server changed theirs: one range of an index, and one statement about those in it.
pub async fn since(
    connection: &mut MySqlConnection,
    viewer: UserId,
    since: Timestamp,
    most: u32,
) -> Result<Option<Vec<UserChange>>> {
    let changed =
        sqlx::query_scalar!("select id from users where profile_changed_at >= ? limit ?", since.0, most.saturating_add(1),)
            .fetch_all(&mut *connection)
            .await?;
    if changed.is_empty() {
        return Ok(Some(Vec::new()));
    }
    if changed.len() > most as usize {
        return Ok(None);
    }
    let sql = format!(
        "select {USER}, u.profile_changed_at from users u \
         where u.id in ({}) and u.id <> {viewer} \
           and (exists (select 1 from members theirs \
                        straight_join members mine on mine.room_id = theirs.room_id and mine.user_id = {viewer} and mine.state = 'joined' \
                        where theirs.user_id = u.id) \
                or exists (select 1 from friendships f where f.user_low = least(u.id, {viewer}) and f.user_high = greatest(u.id, {viewer})) \
                or exists (select 1 from blocks b where b.user_id = {viewer} and b.blocked_id = u.id)) \
         order by u.id",
        list(changed),
    );
    let rows: Vec<ChangedUserRow> = fetch_generated(sql, connection).await?;
    Ok(Some(rows.into_iter().map(|row| UserChange { ts: row.profile_changed_at, user: row.user.user() }).collect()))
}
