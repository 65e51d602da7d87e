//! Recipients of frames. Only the store creates them, together with their ended sessions, so no frame is posted to a socket whose session is known to
//! have ended.

use std::collections::BTreeSet;

use sqlx::MySqlConnection;

use crate::error::Result;
use crate::id::{RoomId, SessionId, UserId};
use crate::store::inline_sql::{InlineSql, fetch_generated, list};
use crate::store::members::Membership;
use crate::time::Timestamp;

/// Users to send a frame to, and those of their sessions that have ended.
#[derive(Clone, Debug, Default)]
pub struct Recipients {
    users: Vec<UserId>,
    ended: Vec<EndedSession>,
}

/// A session that ends at `at`.
#[derive(Clone, Copy, Debug)]
struct EndedSession {
    session: SessionId,
    at: Timestamp,
}

/// Users per statement of [`members_among`].
const AT_ONCE: usize = 1000;

/// A user and, if any, one of their ended sessions.
#[derive(sqlx::FromRow)]
pub(super) struct RecipientRow {
    pub(super) user_id: u64,
    pub(super) session_id: Option<u64>,
    /// Time of expiry; 0 for a session that an action ended.
    pub(super) ended_at: Option<i64>,
}

impl Recipients {
    /// Collects rows in any order; a user with several ended sessions has several rows.
    pub(super) fn from_rows(rows: impl IntoIterator<Item = RecipientRow>) -> Self {
        let mut all = Self::default();
        for row in rows {
            all.users.push(UserId(row.user_id));
            if let (Some(session), Some(at)) = (row.session_id, row.ended_at) {
                all.ended.push(EndedSession { session: SessionId(session), at: Timestamp(at) });
            }
        }
        if !all.ended.is_empty() {
            all.users.sort_unstable();
            all.users.dedup();
        }
        all
    }

    pub fn users(&self) -> &[UserId] {
        &self.users
    }

    pub fn len(&self) -> usize {
        self.users.len()
    }

    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    pub fn contains(&self, user: UserId) -> bool {
        self.users.contains(&user)
    }

    /// Returns the recipients that match.
    #[must_use]
    pub fn matching(&self, meant: impl Fn(UserId) -> bool) -> Self {
        Self { users: self.users.iter().copied().filter(|user| meant(*user)).collect(), ended: self.ended.clone() }
    }

    /// Returns this recipient alone, if present.
    #[must_use]
    pub fn only(&self, user: UserId) -> Self {
        self.matching(|one| one == user)
    }

    /// Returns all other recipients.
    #[must_use]
    pub fn except(&self, user: UserId) -> Self {
        self.matching(|one| one != user)
    }

    /// Whether the session has ended by `now`.
    pub fn has_ended(&self, session: SessionId, now: Timestamp) -> bool {
        self.ended.iter().any(|ended| ended.session == session && ended.at <= now)
    }
}

/// Returns these users as recipients. One range of a table that is nearly always empty.
pub async fn for_users(connection: &mut MySqlConnection, users: &[UserId]) -> Result<Recipients> {
    let (Some(first), Some(last)) = (users.iter().min(), users.iter().max()) else { return Ok(Recipients::default()) };
    let rows = sqlx::query!(
        r#"select session_id, if(cause = 'expired', ended_at, 0) as "ended_at!: i64" from session_closings where user_id between ? and ?"#,
        first.0,
        last.0,
    )
    .fetch_all(connection)
    .await?;
    let ended =
        rows.into_iter().map(|row| EndedSession { session: SessionId(row.session_id), at: Timestamp(row.ended_at) }).collect();
    Ok(Recipients { users: users.to_vec(), ended })
}

/// Returns all members who list the room: the audience of its frames. One range of the primary key.
pub async fn members(connection: &mut MySqlConnection, room: RoomId) -> Result<Recipients> {
    let rows = sqlx::query_as!(
        RecipientRow,
        r#"
        select m.user_id, c.session_id as "session_id?", if(c.cause = 'expired', c.ended_at, 0) as "ended_at?: i64"
        from rooms r
        join members m on m.room_id = r.id and m.state = 'joined' and (m.closed_seq is null or m.closed_seq < r.last_seq)
        left join session_closings c on c.user_id = m.user_id
        where r.id = ?
        "#,
        room.0,
    )
    .fetch_all(connection)
    .await?;
    Ok(Recipients::from_rows(rows))
}

/// Like [`members`], of these users alone: one key each.
pub async fn members_among(connection: &mut MySqlConnection, room: RoomId, users: &[UserId]) -> Result<Recipients> {
    let mut rows: Vec<RecipientRow> = Vec::with_capacity(users.len());
    for users in users.chunks(AT_ONCE) {
        let sql = format!(
            "select m.user_id, c.session_id, if(c.cause = 'expired', c.ended_at, 0) as ended_at \
             from rooms r \
             join members m on m.room_id = r.id and m.state = 'joined' and (m.closed_seq is null or m.closed_seq < r.last_seq) \
             left join session_closings c on c.user_id = m.user_id \
             where r.id = {room} and m.user_id in ({})",
            list(users),
        );
        rows.extend(fetch_generated::<RecipientRow>(sql, &mut *connection).await?);
    }
    Ok(Recipients::from_rows(rows))
}

/// The rooms whose index of sockets is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexUse {
    /// Indexes that began by then are complete.
    pub begun_by: Timestamp,
    /// Rooms with more members read their index.
    pub beyond: u32,
}

/// The recipients of a room's frames, or that its index of sockets names them.
#[derive(Clone, Debug)]
pub enum RoomRecipients {
    /// All members who list the room.
    Members {
        members: Recipients,
        /// Since when the room has an index, which is not read yet.
        index_since: Option<Timestamp>,
    },
    /// Users with a socket in the room's index, as far as [`members_among`] still finds them.
    Indexed,
}

#[derive(sqlx::FromRow)]
pub(super) struct RoomRecipientRow {
    #[sqlx(flatten)]
    recipient: RecipientRow,
    socket_index_since: Option<i64>,
}

impl RoomRecipients {
    /// Collects the rows of [`of_room_statement`].
    pub(super) fn from_rows(rows: Vec<RoomRecipientRow>) -> Self {
        // A room without listing members has no rows either. Its index leads to no socket.
        let Some(first) = rows.first() else { return Self::Indexed };
        let index_since = first.socket_index_since.map(Timestamp);
        Self::Members { members: Recipients::from_rows(rows.into_iter().map(|row| row.recipient)), index_since }
    }
}

/// Like [`members`], without a row for a room whose index is read. The condition on the room is evaluated before any member is read.
pub(super) fn of_room_statement(room: RoomId, index: IndexUse) -> InlineSql {
    let mut sql = InlineSql::default();
    sql.sql(
        "select m.user_id, c.session_id, if(c.cause = 'expired', c.ended_at, 0) as ended_at, r.socket_index_since \
         from rooms r \
         join members m on m.room_id = r.id and m.state = 'joined' and (m.closed_seq is null or m.closed_seq < r.last_seq) \
         left join session_closings c on c.user_id = m.user_id \
         where r.id = ",
    );
    sql.number(room.0).sql(" and (r.socket_index_since is null or r.socket_index_since > ").number(index.begun_by.0);
    sql.sql(" or r.members_count <= ").number(u64::from(index.beyond)).sql(")");
    sql
}

/// Returns the recipients of a room's frames, or that its index names them.
pub async fn of_room(connection: &mut MySqlConnection, room: RoomId, index: IndexUse) -> Result<RoomRecipients> {
    let rows = fetch_generated(of_room_statement(room, index).into_text(), connection).await?;
    Ok(RoomRecipients::from_rows(rows))
}

/// The audience of a member's activity in a small room.
#[derive(Clone, Debug)]
pub struct SmallRoomAudience {
    /// The member, for their other sockets.
    pub own: Recipients,
    /// The other members; none when there are too many.
    pub others: Option<Recipients>,
}

/// A user, whether they receive the frame, and one of their ended sessions, if any.
struct SmallRoomRow {
    user_id: u64,
    hears: bool,
    session_id: Option<u64>,
    ended_at: Option<i64>,
}

impl SmallRoomAudience {
    /// Collects rows of the member and of at most `most` + 1 others.
    fn from_rows(user: UserId, rows: Vec<SmallRoomRow>, most: usize) -> Self {
        let hears = |row: SmallRoomRow| RecipientRow { user_id: row.user_id, session_id: row.session_id, ended_at: row.ended_at };
        let members: BTreeSet<u64> = rows.iter().map(|row| row.user_id).collect();
        let all = Recipients::from_rows(rows.into_iter().filter(|row| row.hears).map(hears));
        Self { own: all.only(user), others: (members.len() <= most).then(|| all.except(user)) }
    }
}

/// Returns a member and, unless the room has more than `most` members, those who receive the member's transient activity, such as typing: others who
/// list the room, not parted by a block.
pub async fn small_room(connection: &mut MySqlConnection, member: &Membership, most: usize) -> Result<SmallRoomAudience> {
    let user = member.user();
    let rows = sqlx::query_as!(
        SmallRoomRow,
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
    Ok(SmallRoomAudience::from_rows(user, rows, most))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(user_id: u64) -> RecipientRow {
        RecipientRow { user_id, session_id: None, ended_at: None }
    }

    fn ended(user_id: u64, session_id: u64, ended_at: i64) -> RecipientRow {
        RecipientRow { user_id, session_id: Some(session_id), ended_at: Some(ended_at) }
    }

    #[test]
    fn somebody_with_several_ended_sessions_is_one_person() {
        let all = Recipients::from_rows([ended(7, 1, 10), row(3), ended(7, 2, 20)]);
        assert_eq!(all.users(), [UserId(3), UserId(7)]);
        let ended = |now| [1, 2, 3].map(|session| all.only(UserId(7)).has_ended(SessionId(session), Timestamp(now)));
        assert_eq!((ended(9), ended(10), ended(20)), ([false; 3], [true, false, false], [true, true, false]));
        assert_eq!(all.except(UserId(7)).users(), [UserId(3)]);
    }
}
