//! Friendships: one row for two users. The row's lock orders concurrent changes; `domain` holds the rules.

use sqlx::MySqlConnection;

use crate::error::{Error, Result};
use crate::id::{UserId, UserPair};
use crate::protocol::friends::{Direction, FriendState, Friendship};
use crate::protocol::people::User;
use crate::store::on_duplicate;
use crate::store::rows::user::{query_with_user, user_of};
use crate::time::Timestamp;

/// A friendship or a pending request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relationship {
    pub by: UserId,
    pub requested_at: Timestamp,
    /// Set once accepted.
    pub accepted_at: Option<Timestamp>,
}

/// The two sides of a friend request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FriendRequest {
    pub from: UserId,
    pub to: UserId,
}

impl FriendRequest {
    pub fn pair(self) -> UserPair {
        UserPair::new(self.from, self.to)
    }
}

/// Where a page of requests begins: before this one, newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestCursor {
    pub requested_at: i64,
    /// The other user.
    pub user: u64,
}

impl RequestCursor {
    pub const START: Self = Self { requested_at: i64::MAX, user: u64::MAX };
}

pub async fn find(connection: &mut MySqlConnection, pair: UserPair) -> Result<Option<Relationship>> {
    let row = sqlx::query!(
        "select requested_by, requested_at, accepted_at from friendships where user_low = ? and user_high = ?",
        pair.low().0,
        pair.high().0,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| Relationship {
        by: UserId(row.requested_by),
        requested_at: Timestamp(row.requested_at),
        accepted_at: row.accepted_at.map(Timestamp),
    }))
}

/// Like [`find`], with the row locked.
pub async fn lock(transaction: &mut MySqlConnection, pair: UserPair) -> Result<Option<Relationship>> {
    let row = sqlx::query!(
        "select requested_by, requested_at, accepted_at from friendships where user_low = ? and user_high = ? for update",
        pair.low().0,
        pair.high().0,
    )
    .fetch_optional(transaction)
    .await?;
    Ok(row.map(|row| Relationship {
        by: UserId(row.requested_by),
        requested_at: Timestamp(row.requested_at),
        accepted_at: row.accepted_at.map(Timestamp),
    }))
}

/// Inserts a request. Returns false when a concurrent request created one.
pub async fn insert(transaction: &mut MySqlConnection, request: FriendRequest, now: Timestamp) -> Result<bool> {
    let pair = request.pair();
    let inserted = sqlx::query!(
        "insert into friendships (user_low, user_high, requested_by, requested_of, requested_at) values (?, ?, ?, ?, ?)",
        pair.low().0,
        pair.high().0,
        request.from.0,
        request.to.0,
        now.0,
    )
    .execute(transaction)
    .await;
    match on_duplicate(inserted, "PRIMARY", EXISTS) {
        Ok(_) => Ok(true),
        Err(Error::Conflict(EXISTS)) => Ok(false),
        Err(error) => Err(error),
    }
}

const EXISTS: &str = "friendship_exists";

pub async fn accept(transaction: &mut MySqlConnection, pair: UserPair, now: Timestamp) -> Result<()> {
    sqlx::query!(
        "update friendships set state = 'accepted', accepted_at = ? where user_low = ? and user_high = ?",
        now.0,
        pair.low().0,
        pair.high().0,
    )
    .execute(transaction)
    .await?;
    Ok(())
}

/// Deletes a friendship or request.
pub async fn delete(transaction: &mut MySqlConnection, pair: UserPair) -> Result<()> {
    sqlx::query!("delete from friendships where user_low = ? and user_high = ?", pair.low().0, pair.high().0)
        .execute(transaction)
        .await?;
    Ok(())
}

/// Limits on a new request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestLimits {
    /// Number of the sender's pending requests.
    pub open: i64,
    /// End of the pause before the sender may ask this user again.
    pub paused_until: Option<Timestamp>,
}

pub async fn request_limits(connection: &mut MySqlConnection, request: FriendRequest, now: Timestamp) -> Result<RequestLimits> {
    let row = sqlx::query!(
        r#"
        select (select count(*) from friendships where requested_by = ? and state = 'pending') as "open!: i64",
               (select until_at from friend_pauses where requested_by = ? and requested_of = ? and until_at > ?) as "until_at: i64"
        "#,
        request.from.0,
        request.from.0,
        request.to.0,
        now.0,
    )
    .fetch_one(connection)
    .await?;
    Ok(RequestLimits { open: row.open, paused_until: row.until_at.map(Timestamp) })
}

/// Pauses requests until `until`, or later if a longer pause exists.
pub async fn pause(transaction: &mut MySqlConnection, request: FriendRequest, until: Timestamp) -> Result<()> {
    sqlx::query!(
        r#"
        insert into friend_pauses (requested_by, requested_of, until_at) values (?, ?, ?)
        on duplicate key update until_at = greatest(until_at, values(until_at))
        "#,
        request.from.0,
        request.to.0,
        until.0,
    )
    .execute(transaction)
    .await?;
    Ok(())
}

/// Deletes expired pauses. Returns their number.
pub async fn sweep(connection: &mut MySqlConnection, now: Timestamp) -> Result<u64> {
    let done = sqlx::query!("delete from friend_pauses where until_at <= ? limit 1000", now.0).execute(connection).await?;
    Ok(done.rows_affected())
}

/// Returns the larger of the two users' friend counts.
pub async fn count_friends(connection: &mut MySqlConnection, pair: UserPair) -> Result<i64> {
    let most = sqlx::query_scalar!(
        r#"
        select greatest(
            (select count(*) from friendships where requested_by = ? and state = 'accepted')
            + (select count(*) from friendships where requested_of = ? and state = 'accepted'),
            (select count(*) from friendships where requested_by = ? and state = 'accepted')
            + (select count(*) from friendships where requested_of = ? and state = 'accepted')
        ) as "most!: i64"
        "#,
        pair.low().0,
        pair.low().0,
        pair.high().0,
        pair.high().0,
    );
    Ok(most.fetch_one(connection).await?)
}

/// Returns a page of a user's friends by ascending id, after `after`.
pub async fn friends(connection: &mut MySqlConnection, user: UserId, after: u64, limit: u32) -> Result<Vec<Friendship>> {
    let rows = query_with_user!(
        Row:
        r#"
        select "#,
        r#",
               f.requested_by as "requested_by!: u64", f.requested_at as "requested_at!: i64", f.accepted_at as "accepted_at?: i64"
        from (
            select requested_of as other, requested_by, requested_at, accepted_at
            from friendships where requested_by = ? and state = 'accepted'
            union all
            select requested_by, requested_by, requested_at, accepted_at
            from friendships where requested_of = ? and state = 'accepted'
        ) f
        join users u on u.id = f.other
        where f.other > ? and u.disabled_at is null and u.deleted_at is null
        order by f.other
        limit ?
        "#,
        user.0,
        user.0,
        after,
        limit,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| row.seen_by(user)).collect())
}

/// Returns a page of a user's sent or received requests, newest first.
pub async fn requests(
    connection: &mut MySqlConnection,
    user: UserId,
    direction: Direction,
    before: RequestCursor,
    limit: u32,
) -> Result<Vec<Friendship>> {
    let rows = match direction {
        Direction::Out => {
            query_with_user!(
                Row:
                r#"
                select "#,
                r#",
                       f.requested_by, f.requested_at, f.accepted_at
                from friendships f
                join users u on u.id = f.requested_of
                where f.requested_by = ? and f.state = 'pending' and u.disabled_at is null and u.deleted_at is null
                  and (f.requested_at < ? or (f.requested_at = ? and f.requested_of < ?))
                order by f.requested_at desc, f.requested_of desc
                limit ?
                "#,
                user.0,
                before.requested_at,
                before.requested_at,
                before.user,
                limit,
            )
            .fetch_all(connection)
            .await?
        }
        Direction::In => {
            query_with_user!(
                Row:
                r#"
                select "#,
                r#",
                       f.requested_by, f.requested_at, f.accepted_at
                from friendships f
                join users u on u.id = f.requested_by
                where f.requested_of = ? and f.state = 'pending' and u.disabled_at is null and u.deleted_at is null
                  and (f.requested_at < ? or (f.requested_at = ? and f.requested_by < ?))
                order by f.requested_at desc, f.requested_by desc
                limit ?
                "#,
                user.0,
                before.requested_at,
                before.requested_at,
                before.user,
                limit,
            )
            .fetch_all(connection)
            .await?
        }
    };
    Ok(rows.into_iter().map(|row| row.seen_by(user)).collect())
}

/// A friendship joined to the other user.
struct Row {
    id: u64,
    username: String,
    display_name: String,
    about: String,
    avatar_upload: Option<u64>,
    created_at: i64,
    requested_by: u64,
    requested_at: i64,
    accepted_at: Option<i64>,
}

impl Row {
    fn seen_by(self, user: UserId) -> Friendship {
        let (requested_at, accepted_at) = (Timestamp(self.requested_at), self.accepted_at.map(Timestamp));
        Relationship { by: UserId(self.requested_by), requested_at, accepted_at }.with(user_of!(self), user)
    }
}

impl Relationship {
    /// Converts to the view of `user`; `other` is the other side.
    pub fn with(self, other: User, user: UserId) -> Friendship {
        Friendship {
            user: other.into(),
            state: if self.accepted_at.is_some() { FriendState::Accepted } else { FriendState::Pending },
            direction: if self.by == user { Direction::Out } else { Direction::In },
            requested_at: self.requested_at,
            accepted_at: self.accepted_at,
        }
    }
}
