//! Changes since a `rev`, read as index ranges over the `rev` of each row. There is no event log.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::MySqlConnection;

use crate::error::Result;
use crate::id::{Rev, RoomId, Seq, UserId};
use crate::protocol::messages::Message;
use crate::protocol::rooms::Role;
use crate::protocol::sync::{MemberChange, MemberState};
use crate::store::inline_sql::{fetch_generated, list};
use crate::store::members::{MembershipEnd, Readable};
use crate::store::reactions::{self, Viewer};
use crate::store::read_marker_visibility;
use crate::store::rows::message::{MessageRow, messages_statement};
use crate::store::rows::user::{USER, UserRow};
use crate::time::Timestamp;

/// The time of the latest activity in one of a user's rooms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoomActivity {
    pub room: RoomId,
    /// Last change of the room, of the user's read marker, or of what only the user sees of it.
    pub at: Timestamp,
}

/// A request for the changes of one room after `since`.
#[derive(Clone, Copy, Debug)]
pub struct ChangesQuery<'a> {
    pub room: &'a Readable,
    /// Last `rev` that the client knows.
    pub since: Rev,
    /// Most messages, and most memberships.
    pub limit: u32,
}

/// Returns the first changed messages of each room, ascending by room and `rev`, as far as the reader sees them: one index range per room, in one
/// statement. Rows ∝ limits. Runs no statement for no rooms.
pub async fn messages(connection: &mut MySqlConnection, rooms: &[ChangesQuery<'_>]) -> Result<Vec<Message>> {
    let page = union_all(rooms, |ChangesQuery { room, since, limit }| {
        format!(
            "select x.room_id, x.seq from messages x where x.room_id = {} and x.rev > {since} and x.seq between {} and {} \
             and not exists (select 1 from hidden_messages h where h.user_id = {} and h.room_id = x.room_id and h.seq = x.seq) \
             order by x.rev limit {limit}",
            room.room(),
            room.visible_from_seq,
            room.visible_to_seq,
            room.user(),
        )
    });
    let (Some(page), Some(first)) = (page, rooms.first()) else { return Ok(Vec::new()) };
    let sql = format!(
        "{} join ({page}) page on page.room_id = m.room_id and page.seq = m.seq order by m.room_id, m.rev, m.seq",
        messages_statement(first.room.user()),
    );
    let rows: Vec<MessageRow> = fetch_generated(sql, connection).await?;
    Ok(rows.into_iter().map(MessageRow::message).collect())
}

/// Messages of a room, and their reader.
#[derive(Debug)]
pub struct RoomMessages<'a> {
    pub room: &'a Readable,
    /// Ascending by `seq`.
    pub messages: &'a mut [Message],
}

/// The number of reactions to one message with one emoji.
#[derive(sqlx::FromRow)]
struct ReactionRow {
    room_id: u64,
    #[sqlx(try_from = "u64")]
    seq: Seq,
    emoji: String,
    count: i64,
    mine: i64,
}

/// Fills in reactions as the reader sees them, in one statement for all rooms, and one for each room with an emoji in several spellings. The messages may
/// be far apart, so each is named.
pub async fn fill_reactions(connection: &mut MySqlConnection, rooms: &mut [RoomMessages<'_>]) -> Result<()> {
    let named: Vec<_> = rooms.iter().filter(|shown| !shown.messages.is_empty()).collect();
    let counted = union_all(&named, |shown| {
        let (room, user) = (shown.room.room(), shown.room.user());
        let seqs = list(shown.messages.iter().map(|message| message.seq));
        format!(
            "select room_id, seq, emoji, count(*) as count, count(case when user_id = {user} then 1 end) as mine \
             from reactions where room_id = {room} and seq in ({seqs}) group by room_id, seq, emoji"
        )
    });
    let Some(counted) = counted else { return Ok(()) };
    let rows: Vec<ReactionRow> = fetch_generated(format!("{counted} order by room_id, seq, emoji"), connection).await?;
    let mut recounted: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for row in rows {
        let Some(place) = rooms.iter().position(|shown| shown.room.room().0 == row.room_id) else { continue };
        let shown = &mut rooms[place];
        if let Ok(at) = shown.messages.binary_search_by_key(&row.seq, |message| message.seq) {
            let count = u32::try_from(row.count).unwrap_or(u32::MAX);
            if !reactions::add(&mut shown.messages[at], &row.emoji, count, row.mine > 0) {
                recounted.entry(place).or_default().insert(at);
            }
        }
    }
    for (place, at) in recounted {
        let viewer = Viewer { user: rooms[place].room.user(), known: MembershipEnd::NEVER };
        reactions::recount(connection, viewer, rooms[place].messages, &at).await?;
    }
    Ok(())
}

/// A changed membership of a room.
#[derive(Debug)]
pub struct RoomMemberChange {
    pub room: RoomId,
    pub member: MemberChange,
}

#[derive(sqlx::FromRow)]
struct MemberRow {
    room_id: u64,
    state: String,
    role: String,
    joined_at: i64,
    #[sqlx(try_from = "u64")]
    read_seq: Seq,
    #[sqlx(try_from = "u64")]
    delivered_seq: Seq,
    #[sqlx(try_from = "u64")]
    rev: Rev,
    #[sqlx(flatten)]
    user: UserRow,
    shows: bool,
}

/// Returns the first changed memberships of each room, like [`messages`].
pub async fn members(connection: &mut MySqlConnection, rooms: &[ChangesQuery<'_>]) -> Result<Vec<RoomMemberChange>> {
    let page = union_all(rooms, |ChangesQuery { room, since, limit }| {
        format!(
            "select y.room_id, y.user_id, {} from members y where y.room_id = {} and y.rev > {since} order by y.rev limit {limit}",
            read_marker_visibility::page_columns(room),
            room.room(),
        )
    });
    let (Some(page), Some(first)) = (page, rooms.first()) else { return Ok(Vec::new()) };
    let shows = read_marker_visibility::shows_column(first.room.user());
    let sql = format!(
        "select m.room_id, cast(m.state as char) as state, cast(m.role as char) as role, m.joined_at, m.read_seq, m.delivered_seq, m.rev, \
                {USER}, {shows} \
         from ({page}) page \
         join members m on m.room_id = page.room_id and m.user_id = page.user_id \
         join users u on u.id = m.user_id \
         order by m.room_id, m.rev, m.user_id"
    );
    let rows: Vec<MemberRow> = fetch_generated(sql, connection).await?;
    Ok(rows.into_iter().map(|row| RoomMemberChange { room: RoomId(row.room_id), member: row.member() }).collect())
}

impl MemberRow {
    fn member(self) -> MemberChange {
        MemberChange {
            user_id: UserId(self.user.id),
            user: self.user.user(),
            state: self.state.parse().unwrap_or(MemberState::Left),
            role: self.role.parse().unwrap_or(Role::Member),
            joined_at: Timestamp(self.joined_at),
            read_seq: self.shows.then_some(self.read_seq),
            delivered_seq: self.shows.then_some(self.delivered_seq),
            rev: self.rev,
        }
    }
}

/// Joins one selection per item with `union all`.
fn union_all<T>(all: &[T], select: impl Fn(&T) -> String) -> Option<String> {
    match all {
        [] => None,
        [one] => Some(select(one)),
        several => Some(several.iter().map(|one| format!("({})", select(one))).collect::<Vec<_>>().join(" union all ")),
    }
}

/// Returns all rooms in a user's list with the time of their latest activity. Rows ∝ rooms.
pub async fn room_activity(connection: &mut MySqlConnection, user: UserId) -> Result<Vec<RoomActivity>> {
    let rows = sqlx::query!(
        r#"
        select r.id, greatest(r.changed_at, coalesce(m.read_at, 0), coalesce(m.closed_at, 0), m.private_at) as "at!: i64"
        from members m
        join rooms r on r.id = m.room_id
        where m.user_id = ? and m.state = 'joined' and (m.closed_seq is null or m.closed_seq < r.last_seq)
          and r.deleted_at is null
        "#,
        user.0,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| RoomActivity { room: RoomId(row.id), at: Timestamp(row.at) }).collect())
}
