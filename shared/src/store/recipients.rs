//! Whom something is told. Made by the store alone, together with the sessions of these people that have ended: so nothing can be posted to a socket
//! whose session is known to have.

use std::collections::BTreeSet;

use sqlx::MySqlConnection;

use crate::error::Result;
use crate::id::{MAX_ID, RoomId, SessionId, UserId};
use crate::store::members::Member;
use crate::time::Timestamp;

/// People who are to be told something, and those of their sessions whose sockets are to be closed.
#[derive(Clone, Debug, Default)]
pub struct Recipients {
    users: Vec<UserId>,
    ended: Vec<Ended>,
}

/// A session that is over from a moment on.
#[derive(Clone, Copy, Debug)]
struct Ended {
    session: SessionId,
    at: Timestamp,
}

/// One row: a person, and one of their ended sessions if there is any.
pub(super) struct RecipientRow {
    pub(super) user_id: u64,
    pub(super) session_id: Option<u64>,
    /// When, if that was foreseen; of an end by an act 0.
    pub(super) ended_at: Option<i64>,
}

impl Recipients {
    /// Of rows in any order; somebody with several ended sessions has several.
    pub(super) fn gathered(rows: impl IntoIterator<Item = RecipientRow>) -> Self {
        let mut all = Self::default();
        for row in rows {
            all.users.push(UserId(row.user_id));
            if let (Some(session), Some(at)) = (row.session_id, row.ended_at) {
                all.ended.push(Ended { session: SessionId(session), at: Timestamp(at) });
            }
        }
        if !all.ended.is_empty() {
            all.users.sort_unstable();
            all.users.dedup();
        }
        all
    }

    /// The people.
    pub fn users(&self) -> &[UserId] {
        &self.users
    }

    /// How many they are.
    pub fn len(&self) -> usize {
        self.users.len()
    }

    /// Whether they are none.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    /// Whether somebody is among them.
    pub fn contains(&self, user: UserId) -> bool {
        self.users.contains(&user)
    }

    /// Those who are meant.
    #[must_use]
    pub fn those(&self, meant: impl Fn(UserId) -> bool) -> Self {
        Self { users: self.users.iter().copied().filter(|user| meant(*user)).collect(), ended: self.ended.clone() }
    }

    /// This one of them.
    #[must_use]
    pub fn only(&self, user: UserId) -> Self {
        self.those(|one| one == user)
    }

    /// All others of them.
    #[must_use]
    pub fn but(&self, user: UserId) -> Self {
        self.those(|one| one != user)
    }

    /// Whether a session of theirs has ended by `now`.
    pub fn has_ended(&self, session: SessionId, now: Timestamp) -> bool {
        self.ended.iter().any(|ended| ended.session == session && ended.at <= now)
    }
}

/// These people. One statement, a range of a table that is nearly always empty.
pub async fn of(connection: &mut MySqlConnection, users: &[UserId]) -> Result<Recipients> {
    let (Some(first), Some(last)) = (users.iter().min(), users.iter().max()) else { return Ok(Recipients::default()) };
    let rows = sqlx::query!(
        r#"select session_id, if(cause = 'expired', ended_at, 0) as "ended_at!: i64" from session_closings where user_id between ? and ?"#,
        first.0,
        last.0,
    )
    .fetch_all(connection)
    .await?;
    let ended = rows.into_iter().map(|row| Ended { session: SessionId(row.session_id), at: Timestamp(row.ended_at) }).collect();
    Ok(Recipients { users: users.to_vec(), ended })
}

/// All members who have the room in their lists: the audience of its frames. One range of the primary key.
pub async fn members(connection: &mut MySqlConnection, room: RoomId) -> Result<Recipients> {
    members_among(connection, room, Span::ALL).await
}

/// Ids of people, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The lowest.
    pub first: UserId,
    /// The highest.
    pub last: UserId,
}

impl Span {
    /// Everybody.
    pub const ALL: Self = Self { first: UserId(0), last: UserId(MAX_ID) };
}

/// Those of the members whose ids lie in a span.
pub async fn members_among(connection: &mut MySqlConnection, room: RoomId, span: Span) -> Result<Recipients> {
    let rows = sqlx::query_as!(
        RecipientRow,
        r#"
        select m.user_id, c.session_id as "session_id?", if(c.cause = 'expired', c.ended_at, 0) as "ended_at?: i64"
        from rooms r
        join members m on m.room_id = r.id and m.state = 'joined' and (m.closed_seq is null or m.closed_seq < r.last_seq)
        left join session_closings c on c.user_id = m.user_id
        where r.id = ? and m.user_id between ? and ?
        "#,
        room.0,
        span.first.0,
        span.last.0,
    )
    .fetch_all(connection)
    .await?;
    Ok(Recipients::gathered(rows))
}

/// Whom a member tells in a small room.
#[derive(Clone, Debug)]
pub struct Near {
    /// The member.
    pub oneself: Recipients,
    /// The other members; none when there are too many.
    pub others: Option<Recipients>,
}

/// One row of [`Near`]: a person, whether they hear it, and one of their ended sessions if there is any.
pub(super) struct NearRow {
    pub(super) user_id: u64,
    pub(super) hears: bool,
    pub(super) session_id: Option<u64>,
    pub(super) ended_at: Option<i64>,
}

impl Near {
    /// Of rows of a member and of the others, of whom no more than `most` were to be found.
    pub(super) fn gathered(user: UserId, rows: Vec<NearRow>, most: usize) -> Self {
        let hears = |row: NearRow| RecipientRow { user_id: row.user_id, session_id: row.session_id, ended_at: row.ended_at };
        let members: BTreeSet<u64> = rows.iter().map(|row| row.user_id).collect();
        let all = Recipients::gathered(rows.into_iter().filter(|row| row.hears).map(hears));
        Self { oneself: all.only(user), others: (members.len() <= most).then(|| all.but(user)) }
    }
}

/// A member and, when all members are no more than `most`, the others who hear what that member does in passing, such as typing: those who have the
/// room in their lists and whom no block parts from them.
pub async fn near(connection: &mut MySqlConnection, member: &Member, most: usize) -> Result<Near> {
    let user = member.user();
    let rows = sqlx::query_as!(
        NearRow,
        r#"
        select p.user_id as "user_id!: u64", p.hears as "hears!: bool", c.session_id as "session_id?",
               if(c.cause = 'expired', c.ended_at, 0) as "ended_at?: i64"
        from (
            select ? as user_id, 1 as hears
            union all
            (select m.user_id,
                    (m.closed_seq is null or m.closed_seq < r.last_seq)
                    and not exists (select 1 from blocks b where b.user_id = m.user_id and b.blocked_id = ?)
                    and not exists (select 1 from blocks b where b.user_id = ? and b.blocked_id = m.user_id) as hears
             from rooms r
             join members m on m.room_id = r.id and m.state = 'joined' and m.user_id <> ?
             where r.id = ?
             limit ?)
        ) p
        left join session_closings c on c.user_id = p.user_id
        "#,
        user.0,
        user.0,
        user.0,
        user.0,
        member.room().0,
        u64::try_from(most).unwrap_or(u64::MAX),
    )
    .fetch_all(connection)
    .await?;
    Ok(Near::gathered(user, rows, most))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(user_id: u64, ended: Option<(u64, i64)>) -> RecipientRow {
        RecipientRow { user_id, session_id: ended.map(|(session, _)| session), ended_at: ended.map(|(_, at)| at) }
    }

    #[test]
    fn somebody_with_several_ended_sessions_is_one_person() {
        let all = Recipients::gathered([row(7, Some((1, 10))), row(3, None), row(7, Some((2, 20)))]);
        assert_eq!(all.users(), [UserId(3), UserId(7)]);
        let ended = |now| [1, 2, 3].map(|session| all.only(UserId(7)).has_ended(SessionId(session), Timestamp(now)));
        assert_eq!((ended(9), ended(10), ended(20)), ([false; 3], [true, false, false], [true, true, false]));
        assert_eq!(all.but(UserId(7)).users(), [UserId(3)]);
    }
}
