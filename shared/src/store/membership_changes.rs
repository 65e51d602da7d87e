//! Changes of memberships, under the room's lock. Rows of ended memberships remain, because they record what their users may still read.

use sqlx::{MySqlConnection, QueryBuilder};

use crate::error::Result;
use crate::id::{Head, Rev, RoomId, UserId};
use crate::protocol::rooms::Role;
use crate::store::former_member_view;
use crate::store::members::Membership;
use crate::time::Timestamp;

/// State of a user's membership in a locked room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MembershipState {
    Joined(Role),
    /// Left by themselves.
    Left,
    /// Removed by another member.
    Removed,
    Banned,
}

/// A user to add to a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewMember {
    pub user: UserId,
    pub role: Role,
}

/// Adds members to a room whose row the transaction locks. `head` has the last message that they have read, and the `rev` of the change.
///
/// Returning members keep higher markers; messages sent in between count as read.
pub async fn insert(
    transaction: &mut MySqlConnection,
    room: RoomId,
    head: Head,
    users: &[NewMember],
    now: Timestamp,
) -> Result<()> {
    for NewMember { user, role } in users {
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
            role.to_string(),
            now.0,
            head.seq.0,
            head.seq.0,
            head.seq.0,
            head.rev.0,
        )
        .execute(&mut *transaction)
        .await?;
    }
    Ok(())
}

/// State of a room before a user joins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JoinState {
    /// Whether the room has a creator and no members left.
    pub abandoned: bool,
}

/// Locks the user and returns the state of the room, whose row the transaction locks; none when the account is gone. The lock orders joining against
/// erasure, so erasure finds every membership.
pub async fn lock_for_join(transaction: &mut MySqlConnection, room: RoomId, user: UserId) -> Result<Option<JoinState>> {
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
    Ok(abandoned.map(|abandoned| JoinState { abandoned }))
}

/// Locks and returns the memberships of these users, without users who never had one. The transaction locks the room.
pub async fn lock_states(
    transaction: &mut MySqlConnection,
    by: &Membership,
    users: &[UserId],
) -> Result<Vec<(UserId, MembershipState)>> {
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
                "joined" => MembershipState::Joined(role.parse().unwrap_or(Role::Member)),
                "banned" => MembershipState::Banned,
                "removed" => MembershipState::Removed,
                _ => MembershipState::Left,
            };
            (UserId(user), state)
        })
        .collect())
}

pub async fn set_role(transaction: &mut MySqlConnection, by: &Membership, user: UserId, role: Role, rev: Rev) -> Result<()> {
    sqlx::query!(
        "update members set role = ?, rev = ? where room_id = ? and user_id = ? and state = 'joined'",
        role.to_string(),
        rev.0,
        by.room().0,
        user.0,
    )
    .execute(transaction)
    .await?;
    Ok(())
}

/// Ends a membership, as `left` when the member ends their own and `removed` otherwise. `head` has the room's last seq, the limit of what the
/// former member may read, and its new `rev`.
pub async fn end(transaction: &mut MySqlConnection, by: &Membership, user: UserId, head: Head, now: Timestamp) -> Result<()> {
    former_member_view::save(transaction, by, user, head.rev, now).await?;
    sqlx::query!(
        "update members set state = ?, role = 'member', left_seq = ?, rev = ? where room_id = ? and user_id = ?",
        if by.user() == user { "left" } else { "removed" },
        head.seq.0,
        head.rev.0,
        by.room().0,
        user.0,
    )
    .execute(transaction)
    .await?;
    Ok(())
}

/// Bans a user, member or not.
pub async fn ban(transaction: &mut MySqlConnection, by: &Membership, user: UserId, head: Head, now: Timestamp) -> Result<()> {
    former_member_view::save(transaction, by, user, head.rev, now).await?;
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
        head.rev.0,
        head.seq.0,
    )
    .execute(transaction)
    .await?;
    Ok(())
}

/// Lifts a ban. Returns false when there is none.
pub async fn unban(transaction: &mut MySqlConnection, by: &Membership, user: UserId) -> Result<bool> {
    let done = sqlx::query!(
        "update members set state = 'left' where room_id = ? and user_id = ? and state = 'banned'",
        by.room().0,
        user.0,
    )
    .execute(transaction)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Numbers of members besides one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OtherMembers {
    pub owners: i64,
    pub all: i64,
}

/// Counts the members besides this user.
pub async fn count_others(transaction: &mut MySqlConnection, by: &Membership, user: UserId) -> Result<OtherMembers> {
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
    Ok(OtherMembers { owners: row.owners, all: row.all })
}

/// Stores the token bucket of changes, where no other statement of the change does.
pub async fn set_change_allowance(
    transaction: &mut MySqlConnection,
    member: &Membership,
    left: i32,
    now: Timestamp,
) -> Result<()> {
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

/// Sets until when a room is muted. Only the member sees this, so it takes no `rev` of the room.
pub async fn mute(
    transaction: &mut MySqlConnection,
    member: &Membership,
    until: Option<Timestamp>,
    now: Timestamp,
) -> Result<()> {
    sqlx::query!(
        "update members set muted_until = ?, private_at = greatest(?, private_at + 1) where room_id = ? and user_id = ?",
        until.map(|until| until.0),
        now.0,
        member.room().0,
        member.user().0,
    )
    .execute(transaction)
    .await?;
    Ok(())
}
