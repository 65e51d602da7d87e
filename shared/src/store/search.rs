//! What search reads and keeps: texts that a person may read, and the sealed segments of rooms. What the bits mean is not known here.

use std::fmt::Write as _;

use sqlx::{AssertSqlSafe, MySqlConnection};

use crate::error::Result;
use crate::id::{MessageId, RoomId, UserId};
use crate::protocol::messages::{Message, MessageKind};
use crate::store::members::{Readable, Standing, StandingRow};
use crate::store::message_row::select_messages;
use crate::store::past;
use crate::store::plain::{list, plain};
use crate::time::Timestamp;

/// Messages of a segment.
pub const SEGMENT: u64 = 1024;
/// Bytes of one bit of all messages of a segment.
const SLICE: usize = 128;
/// Bits of a message's signature, and so the most slices that a segment has.
pub const SLICES: u16 = 1024;
/// Messages that one statement of [`messages`] fetches.
const AT_ONCE: usize = 25;
/// A segment is sealed only so long after its table was made: until then a deployment may still run functions that do not know of segments, and
/// would edit a message without throwing its segment away.
const SETTLED_SECONDS: u32 = 600;
/// What the clocks of two functions may differ by.
const SKEW_SECONDS: i64 = 10;

/// A text that its reader may see, and what else search asks of a message. Only reading it as somebody makes one.
#[derive(Debug)]
pub struct Text {
    id: MessageId,
    /// Its place in the room.
    pub seq: u64,
    /// Who wrote it.
    pub sender: Option<UserId>,
    /// What it is.
    pub kind: MessageKind,
    /// What it says.
    pub content: String,
    /// When it was sent.
    pub created_at: Timestamp,
}

impl Text {
    /// The message's number.
    pub fn id(&self) -> MessageId {
        self.id
    }
}

/// A segment that is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Its room.
    pub room: RoomId,
    /// Its number; 0 is the room's first.
    pub segment: u64,
    /// The earliest time of its messages.
    pub from_at: Timestamp,
    /// The latest one.
    pub to_at: Timestamp,
}

/// One bit of all messages of a segment: message `i` of it is bit `i % 8` of byte `i / 8`.
#[derive(Clone, Debug)]
pub struct Slice {
    /// The segment.
    pub segment: u64,
    /// The number of the bit.
    pub number: u16,
    /// The bits.
    pub bits: Vec<u8>,
}

/// Which texts of a room to read: the newest from the first to the last seq, by this person, in this time.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// So many at most.
    pub limit: usize,
    /// The first and the last seq.
    pub seqs: (u64, u64),
    /// Who wrote it, if that matters.
    pub from: Option<UserId>,
    /// From this time on, and up to that.
    pub times: (Timestamp, Timestamp),
}

/// The segment of a message.
pub fn segment(seq: u64) -> u64 {
    seq.saturating_sub(1) / SEGMENT
}

/// The rooms of a person that they may read, members or no longer, newest activity first; each with the time after which nothing was sent.
pub async fn rooms(connection: &mut MySqlConnection, user: UserId, limit: u32) -> Result<Vec<(Readable, Timestamp)>> {
    let rows = sqlx::query!(
        r#"
        select r.id as room_id, r.kind as "kind: String", r.last_seq, r.rev, r.last_unsent_seq, r.archived_at, r.active_at,
               r.slow_mode_seconds, r.who_writes as "who_writes: String", r.who_adds as "who_adds: String",
               r.past_members_read as "past_members_read: bool",
               m.role as "role: String", m.state as "state: String", m.visible_from_seq, m.left_seq, m.past_rev, m.past_at, m.read_seq,
               m.delivered_seq, m.allowance, m.allowance_at
        from members m
        join rooms r on r.id = m.room_id
        where m.user_id = ? and m.state <> 'banned' and r.deleted_at is null
          and (m.state = 'joined' or r.kind = 'public' or r.past_members_read = 1)
        order by r.active_at desc, r.id desc
        limit ?
        "#,
        user.0,
        limit,
    )
    .fetch_all(connection)
    .await?;
    let readable = rows.into_iter().filter_map(|row| {
        let active_at = Timestamp(row.active_at);
        let standing = StandingRow {
            room_id: row.room_id,
            kind: row.kind,
            last_seq: row.last_seq,
            rev: row.rev,
            last_unsent_seq: row.last_unsent_seq,
            archived_at: row.archived_at,
            slow_mode_seconds: row.slow_mode_seconds,
            who_writes: row.who_writes,
            who_adds: row.who_adds,
            past_members_read: row.past_members_read,
            // Across a block one reads on.
            blocked: 0,
            role: Some(row.role),
            state: Some(row.state),
            visible_from_seq: Some(row.visible_from_seq),
            left_seq: row.left_seq,
            past_rev: row.past_rev,
            past_at: row.past_at,
            read_seq: Some(row.read_seq),
            delivered_seq: Some(row.delivered_seq),
            allowance: Some(row.allowance),
            allowance_at: Some(row.allowance_at),
            // Whoever searches changes nothing.
            change_allowance: None,
            change_allowance_at: None,
        }
        .standing(user);
        match standing {
            Standing::Readable(room) => {
                let latest = room.ended().map_or(active_at, |ended| active_at.min(ended.at.plus_seconds(SKEW_SECONDS)));
                Some((room, latest))
            }
            Standing::Banned(..) | Standing::Hidden(_) => None,
        }
    });
    Ok(readable.collect())
}

/// Texts of a room, newest first: what people wrote, did not unsend, and the reader did not hide. With `among`, only those of these seqs.
pub async fn texts(
    connection: &mut MySqlConnection,
    room: &Readable,
    wanted: Wanted,
    among: Option<&[u64]>,
) -> Result<Vec<Text>> {
    let (first, last) = (wanted.seqs.0.max(room.visible_from_seq), wanted.seqs.1.min(room.visible_to_seq));
    if first > last || among.is_some_and(<[u64]>::is_empty) {
        return Ok(Vec::new());
    }
    let among = among.map(|seqs| format!(" and m.seq in ({})", list(seqs))).unwrap_or_default();
    let from = wanted.from.map(|user| format!(" and m.sender_id = {user}")).unwrap_or_default();
    let (room_id, user, times, limit) = (room.room(), room.user(), wanted.times, wanted.limit);
    let sql = format!(
        "{TEXTS} where m.room_id = {room_id} and m.seq between {first} and {last}{among} and m.kind <> 'system' and m.deleted_at is null \
         and m.created_at between {} and {}{from} and not exists (select 1 from hidden_messages h where h.room_id = m.room_id \
         and h.seq = m.seq and h.user_id = {user}) order by m.seq desc limit {limit}",
        times.0.0, times.1.0,
    );
    let texts = read(sql, connection).await?;
    past::searched(connection, room, texts).await
}

/// When the message of this seq was sent; the room has it, because seqs have no holes.
pub async fn sent_at(connection: &mut MySqlConnection, room: &Readable, seq: u64) -> Result<Option<Timestamp>> {
    let at = sqlx::query_scalar!("select created_at from messages where room_id = ? and seq = ?", room.room().0, seq)
        .fetch_optional(connection)
        .await?;
    Ok(at.map(Timestamp))
}

/// The messages of texts that were read as somebody in these rooms, in no order.
pub async fn messages(connection: &mut MySqlConnection, rooms: &[&Readable], texts: &[&Text]) -> Result<Vec<Message>> {
    let mut found = Vec::with_capacity(texts.len());
    for some in texts.chunks(AT_ONCE) {
        // Numbers begin at 1, so the places that are left over find nothing.
        let mut ids = [0; AT_ONCE];
        for (id, text) in ids.iter_mut().zip(some) {
            *id = text.id.0;
        }
        let rows = select_messages!(
            "where m.id in (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) and m.deleted_at is null",
            ids[0],
            ids[1],
            ids[2],
            ids[3],
            ids[4],
            ids[5],
            ids[6],
            ids[7],
            ids[8],
            ids[9],
            ids[10],
            ids[11],
            ids[12],
            ids[13],
            ids[14],
            ids[15],
            ids[16],
            ids[17],
            ids[18],
            ids[19],
            ids[20],
            ids[21],
            ids[22],
            ids[23],
            ids[24],
        )
        .fetch_all(&mut *connection)
        .await?;
        found.extend(past::messages_of(connection, rooms, rows).await?);
    }
    Ok(found)
}

/// The sealed segments of rooms, oldest first.
pub async fn sealed(connection: &mut MySqlConnection, rooms: &[&Readable]) -> Result<Vec<Sealed>> {
    if rooms.is_empty() {
        return Ok(Vec::new());
    }
    let rooms = list(rooms.iter().map(|room| room.room()));
    let sql = format!(
        "select room_id, segment, from_at, to_at from search_segments where room_id in ({rooms}) order by room_id, segment"
    );
    let rows: Vec<(u64, u64, i64, i64)> = plain(sql, connection).await?;
    let sealed = |(room, segment, from_at, to_at)| Sealed {
        room: RoomId(room),
        segment,
        from_at: Timestamp(from_at),
        to_at: Timestamp(to_at),
    };
    Ok(rows.into_iter().map(sealed).collect())
}

/// Which of these segments of a room are sealed still, and these bits of them. Every pair of them is one key; the segments of one bit lie side by
/// side. One statement sees both at one moment: without its seal, a segment has no bits to go by.
pub async fn slices(
    connection: &mut MySqlConnection,
    room: &Readable,
    segments: &[u64],
    slices: &[u16],
) -> Result<(Vec<u64>, Vec<Slice>)> {
    if segments.is_empty() || slices.is_empty() {
        return Ok((segments.to_vec(), Vec::new()));
    }
    let (room, segments, slices) = (room.room(), list(segments), list(slices));
    // Servers differ in what type a union has, unless told.
    let sql = format!(
        "select segment, cast({SLICES} as unsigned) as slice, x'' as bits from search_segments where room_id = {room} and segment in ({segments}) \
         union all \
         select segment, cast(slice as unsigned), bits from search_slices where room_id = {room} and segment in ({segments}) and slice in ({slices})"
    );
    let rows: Vec<(u64, u64, Vec<u8>)> = plain(sql, connection).await?;
    let (mut sealed, mut found) = (Vec::new(), Vec::new());
    for (segment, number, bits) in rows {
        match u16::try_from(number) {
            Ok(number) if number < SLICES => found.push(Slice { segment, number, bits }),
            _ => sealed.push(segment),
        }
    }
    Ok((sealed, found))
}

/// Locks the messages of a full segment and gives what people wrote in it; none if it is sealed, or the index too young.
pub async fn open(transaction: &mut MySqlConnection, room: RoomId, segment: u64) -> Result<Option<Vec<Text>>> {
    let may = sqlx::query_scalar!(
        r#"
        select count(*) as "may!: i64" from _sqlx_migrations
        where version = 8 and success and installed_on <= now() - interval ? second
        "#,
        SETTLED_SECONDS,
    )
    .fetch_one(&mut *transaction)
    .await?;
    if may == 0 {
        return Ok(None);
    }
    let (first, last) = (segment * SEGMENT + 1, (segment + 1) * SEGMENT);
    let sql = format!(
        "{TEXTS} where m.room_id = {room} and m.seq between {first} and {last} and m.kind <> 'system' and m.deleted_at is null for update"
    );
    let texts = read(sql, transaction).await?;
    let known = sqlx::query_scalar!(
        r#"select count(*) as "known!: i64" from search_segments where room_id = ? and segment = ?"#,
        room.0,
        segment,
    )
    .fetch_one(transaction)
    .await?;
    Ok((known == 0).then_some(texts))
}

/// Seals a segment whose messages the transaction holds.
pub async fn seal(transaction: &mut MySqlConnection, sealed: Sealed, slices: &[Slice]) -> Result<()> {
    sqlx::query!(
        "insert into search_segments (room_id, segment, from_at, to_at) values (?, ?, ?, ?)",
        sealed.room.0,
        sealed.segment,
        sealed.from_at.0,
        sealed.to_at.0,
    )
    .execute(&mut *transaction)
    .await?;
    if slices.is_empty() {
        return Ok(());
    }
    // What the code before this one kept under a layout of its own may have left bits without a seal.
    let mut sql = String::from("replace into search_slices (room_id, segment, slice, bits) values ");
    for (index, slice) in slices.iter().enumerate() {
        debug_assert_eq!(slice.bits.len(), SLICE);
        let comma = if index == 0 { "" } else { ", " };
        let _ = write!(sql, "{comma}({}, {}, {}, x'", sealed.room, slice.segment, slice.number);
        for byte in &slice.bits {
            let _ = write!(sql, "{byte:02x}");
        }
        sql.push_str("')");
    }
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(transaction).await?;
    Ok(())
}

/// Throws away what the index knows of the segment of a message that changes; the transaction holds its room, whose messages end at `last_seq`.
pub async fn unseal(transaction: &mut MySqlConnection, (room, seq): (RoomId, u64), last_seq: u64) -> Result<()> {
    let segment = segment(seq);
    if (segment + 1) * SEGMENT > last_seq {
        // Only full ones are sealed.
        return Ok(());
    }
    let seal = sqlx::query!("delete from search_segments where room_id = ? and segment = ?", room.0, segment)
        .execute(&mut *transaction)
        .await?;
    if seal.rows_affected() == 0 {
        return Ok(());
    }
    // Each bit is named: its keys are single rows, where the room's whole index would be one range.
    let slices = list(0..SLICES);
    let sql = format!("delete from search_slices where room_id = {room} and segment = {segment} and slice in ({slices})");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(transaction).await?;
    Ok(())
}

const TEXTS: &str = "select m.id, m.seq, m.sender_id, cast(m.kind as char) as kind, m.content, m.created_at from messages m";

type TextRow = (u64, u64, Option<u64>, String, String, i64);

async fn read(sql: String, connection: &mut MySqlConnection) -> Result<Vec<Text>> {
    let rows: Vec<TextRow> = plain(sql, connection).await?;
    let text = |(id, seq, sender, kind, content, created_at): TextRow| Text {
        id: MessageId(id),
        seq,
        sender: sender.map(UserId),
        kind: match kind.as_str() {
            "image" => MessageKind::Image,
            "file" => MessageKind::File,
            _ => MessageKind::Text,
        },
        content,
        created_at: Timestamp(created_at),
    };
    Ok(rows.into_iter().map(text).collect())
}
