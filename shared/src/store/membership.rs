//! How memberships begin, change and end, under the lock of their room. Rows stay when they end: they say up to where one may still read.

use sqlx::{MySqlConnection, QueryBuilder};

use crate::error::Result;
use crate::id::{RoomId, UserId};
use crate::protocol::rooms::Role;
use crate::store::members::{self, Member};
use crate::store::past;
use crate::time::Timestamp;

/// How somebody stands to a room that the transaction holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Is a member, with this role.
    Joined(Role),
    /// Is none any longer, and ended that themselves.
    Left,
    /// Somebody else ended it.
    Removed,
    /// May not come back.
    Banned,
}

/// Makes people members of a room whose row the transaction holds, as `(room, rev, read up to)`.
///
/// Who comes back keeps higher watermarks; what was written meanwhile counts as read.
pub async fn insert(
    transaction: &mut MySqlConnection,
    room: (RoomId, u64, u64),
    users: &[(UserId, Role)],
    now: Timestamp,
) -> Result<()> {
    let (room, rev, read_seq) = room;
    for (user, role) in users {
        sqlx::query!(
            r#"
            insert into members (room_id, user_id, role, state, joined_at, joined_seq, read_seq, delivered_seq, rev)
            values (?, ?, ?, 'joined', ?, ?, ?, ?, ?)
            on duplicate key update
                role = if(state = 'joined', role, values(role)),
                joined_at = if(state = 'joined', joined_at, values(joined_at)),
                joined_seq = if(state = 'joined', joined_seq, values(joined_seq)),
                read_seq = if(state = 'joined', read_seq, greatest(read_seq, values(read_seq))),
                delivered_seq = if(state = 'joined', delivered_seq, greatest(delivered_seq, values(delivered_seq))),
                left_seq = if(state = 'joined', left_seq, null),
                past_rev = if(state = 'joined', past_rev, null),
                past_at = if(state = 'joined', past_at, null),
                past_view = if(state = 'joined', past_view, null),
                rev = if(state = 'joined', rev, values(rev)),
                state = 'joined'
            "#,
            room.0,
            user.0,
            role_name(*role),
            now.0,
            read_seq,
            read_seq,
            read_seq,
            rev,
        )
        .execute(&mut *transaction)
        .await?;
    }
    Ok(())
}

/// What somebody finds who comes into a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entrance {
    /// Whether somebody made the room, and nobody is left in it.
    pub abandoned: bool,
}

/// How a person comes into a room whose row the transaction holds; none when there is no such person any more. Holds the person, too: nobody is
/// erased while they join, so that erasing finds all that they joined.
pub async fn entrance(transaction: &mut MySqlConnection, room: RoomId, user: UserId) -> Result<Option<Entrance>> {
    let abandoned = sqlx::query_scalar!(
        r#"
        select r.members_count = 0 and r.created_by is not null as "abandoned!: bool"
        from users u
        join rooms r on r.id = ?
        where u.id = ? and u.disabled_at is null and u.deleted_at is null
        for update
        "#,
        room.0,
        user.0,
    )
    .fetch_optional(transaction)
    .await?;
    Ok(abandoned.map(|abandoned| Entrance { abandoned }))
}

/// How these people stand to the room of a member whose row the transaction holds; those who never had to do with it are left out.
pub async fn states(transaction: &mut MySqlConnection, by: &Member, users: &[UserId]) -> Result<Vec<(UserId, State)>> {
    if users.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = QueryBuilder::new(
        "select user_id, cast(role as char) as role, cast(state as char) as state from members where room_id = ",
    );
    query.push_bind(by.room().0).push(" and user_id in (");
    let mut ids = query.separated(", ");
    for user in users {
        ids.push_bind(user.0);
    }
    query.push(") for update");
    let rows: Vec<(u64, String, String)> = query.build_query_as().fetch_all(transaction).await?;
    Ok(rows
        .into_iter()
        .map(|(user, role, state)| {
            let state = match state.as_str() {
                "joined" => State::Joined(members::role(&role)),
                "banned" => State::Banned,
                "removed" => State::Removed,
                _ => State::Left,
            };
            (UserId(user), state)
        })
        .collect())
}

/// Gives a member another role.
pub async fn set_role(transaction: &mut MySqlConnection, by: &Member, user: UserId, role: Role, rev: u64) -> Result<()> {
    sqlx::query!(
        "update members set role = ?, rev = ? where room_id = ? and user_id = ? and state = 'joined'",
        role_name(role),
        rev,
        by.room().0,
        user.0,
    )
    .execute(transaction)
    .await?;
    Ok(())
}

/// Ends a membership: whoever ends their own has left, anybody else was removed. `place` is the room's last seq, up to which they may read on where
/// that is allowed, and the new rev.
pub async fn end(transaction: &mut MySqlConnection, by: &Member, user: UserId, place: (u64, u64), now: Timestamp) -> Result<()> {
    let (left_seq, rev) = place;
    past::keep(transaction, by, user, rev, now).await?;
    sqlx::query!(
        "update members set state = ?, role = 'member', left_seq = ?, rev = ? where room_id = ? and user_id = ?",
        if by.user() == user { "left" } else { "removed" },
        left_seq,
        rev,
        by.room().0,
        user.0,
    )
    .execute(transaction)
    .await?;
    Ok(())
}

/// Keeps somebody out, whether a member so far or not.
pub async fn ban(transaction: &mut MySqlConnection, by: &Member, user: UserId, place: (u64, u64), now: Timestamp) -> Result<()> {
    let (left_seq, rev) = place;
    past::keep(transaction, by, user, rev, now).await?;
    sqlx::query!(
        r#"
        insert into members (room_id, user_id, state, joined_at, left_seq, rev)
        values (?, ?, 'banned', ?, 0, ?)
        on duplicate key update
            left_seq = if(state = 'joined', ?, left_seq), rev = if(state = 'joined', values(rev), rev), role = 'member',
            state = 'banned'
        "#,
        by.room().0,
        user.0,
        now.0,
        rev,
        left_seq,
    )
    .execute(transaction)
    .await?;
    Ok(())
}

/// Lets somebody come back. False when they were not banned.
pub async fn unban(transaction: &mut MySqlConnection, by: &Member, user: UserId) -> Result<bool> {
    let done = sqlx::query!(
        "update members set state = 'left' where room_id = ? and user_id = ? and state = 'banned'",
        by.room().0,
        user.0,
    )
    .execute(transaction)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// How many owners the room has besides this person, and how many other members at all.
pub async fn others(transaction: &mut MySqlConnection, by: &Member, user: UserId) -> Result<(i64, i64)> {
    let row = sqlx::query!(
        r#"
        select count(case when role = 'owner' then 1 end) as "owners!: i64", count(*) as "all!: i64"
        from members
        where room_id = ? and user_id <> ? and state = 'joined'
        "#,
        by.room().0,
        user.0,
    )
    .fetch_one(transaction)
    .await?;
    Ok((row.owners, row.all))
}

/// Notes what is left of a member's allowance for changes, where nothing else of the change is written.
pub async fn spend_change(transaction: &mut MySqlConnection, member: &Member, left: i32, now: Timestamp) -> Result<()> {
    sqlx::query!(
        "update members set change_allowance = ?, change_allowance_at = ? where room_id = ? and user_id = ?",
        left,
        now.0,
        member.room().0,
        member.user().0,
    )
    .execute(transaction)
    .await?;
    Ok(())
}

/// Until when a member wants to hear nothing of the room. Nobody else sees it, so it takes no rev.
pub async fn mute(connection: &mut MySqlConnection, member: &Member, until: Option<Timestamp>) -> Result<()> {
    sqlx::query!(
        "update members set muted_until = ? where room_id = ? and user_id = ?",
        until.map(|until| until.0),
        member.room().0,
        member.user().0,
    )
    .execute(connection)
    .await?;
    Ok(())
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::Owner => "owner",
        Role::Admin => "admin",
        Role::Member => "member",
    }
}
