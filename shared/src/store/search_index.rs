//! Storage of search: texts that a user may read, and the sealed segments of rooms. The meaning of the bits belongs to `domain::search`.

use std::fmt::Write as _;
use std::ops::RangeInclusive;

use sqlx::{AssertSqlSafe, FromRow, MySqlConnection};

use crate::error::Result;
use crate::id::{MessageId, MessageRef, RoomId, Seq, UserId};
use crate::protocol::messages::{Message, MessageKind};
use crate::store::inline_sql::{fetch_generated, list};
use crate::store::members::{Access, Readable};
use crate::store::rows::access::{access_of, query_access};
use crate::store::rows::message::{EVERYONE, select_messages};
use crate::store::{attachments, former_member_view};
use crate::time::Timestamp;

pub const SEGMENT_MESSAGES: u64 = 1024;
/// Bytes of one bit slice: one bit per message of a segment.
const SLICE_BYTES: usize = 128;
/// Bits of a message's signature, and the most slices of a segment.
pub const SEGMENT_SLICES: u16 = 1024;
/// Messages per statement of [`messages`].
const MESSAGES_BATCH: usize = 25;
/// Minimum age of the index's table before a segment is sealed. During the upgrade, earlier functions may still edit messages without unsealing their
/// segments: for up to 100 minutes with the longest `ReleaseType` of `template.yaml`.
const MIN_INDEX_AGE_SECONDS: u32 = 2 * 3600;
/// Largest assumed difference between two instances' clocks.
const MAX_CLOCK_SKEW_SECONDS: i64 = 10;

/// A text that its reader may see, with the columns that search filters by. Only reads with access to the room create one.
#[derive(Debug)]
pub struct SearchText {
    id: MessageId,
    pub seq: Seq,
    pub sender: Option<UserId>,
    pub kind: MessageKind,
    pub content: String,
    /// Names of the attached files, in their order.
    pub file_names: Vec<String>,
    pub created_at: Timestamp,
}

impl SearchText {
    pub fn id(&self) -> MessageId {
        self.id
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealedSegment {
    pub room: RoomId,
    /// Number of the segment; 0 is the room's first.
    pub segment: u64,
    /// Time of its earliest message.
    pub from_at: Timestamp,
    /// Time of its latest message.
    pub to_at: Timestamp,
}

/// One bit of all messages of a segment: message `i` is bit `i % 8` of byte `i / 8`.
#[derive(Clone, Debug)]
pub struct BitSlice {
    pub segment: u64,
    /// Number of the bit in the signature.
    pub number: u16,
    pub bits: Vec<u8>,
}

/// Selects the newest texts of a room by seq, sender and time.
#[derive(Clone, Debug)]
pub struct TextQuery {
    pub limit: usize,
    pub seqs: RangeInclusive<Seq>,
    /// Sender, if restricted.
    pub from: Option<UserId>,
    pub times: RangeInclusive<Timestamp>,
}

/// Returns the segment of a message.
pub fn segment_of(seq: Seq) -> u64 {
    seq.minus(1).0 / SEGMENT_MESSAGES
}

/// Returns the rooms that a user may read, as current or former member, newest activity first; each with the latest time of its visible messages.
pub async fn rooms(connection: &mut MySqlConnection, user: UserId, limit: u32) -> Result<Vec<(Readable, Timestamp)>> {
    // Blocks do not restrict reading.
    let rows = query_access!(
        r#"
        cast(0 as signed) as "blocked!: i64", r.active_at
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
        match access_of!(row).access(user) {
            Access::Readable(room) => {
                let latest = room.ended().map_or(active_at, |ended| active_at.min(ended.at.plus_seconds(MAX_CLOCK_SKEW_SECONDS)));
                Some((room, latest))
            }
            Access::Banned(..) | Access::Hidden(_) => None,
        }
    });
    Ok(readable.collect())
}

/// Returns texts of a room, newest first, without system messages, unsent messages and those that the reader hid. `among` restricts the seqs.
pub async fn texts(
    connection: &mut MySqlConnection,
    room: &Readable,
    wanted: TextQuery,
    among: Option<&[Seq]>,
) -> Result<Vec<SearchText>> {
    let (first, last) = ((*wanted.seqs.start()).max(room.visible_from_seq), (*wanted.seqs.end()).min(room.visible_to_seq));
    if first > last || among.is_some_and(<[Seq]>::is_empty) {
        return Ok(Vec::new());
    }
    let among = among.map(|seqs| format!(" and m.seq in ({})", list(seqs))).unwrap_or_default();
    let from = wanted.from.map(|user| format!(" and m.sender_id = {user}")).unwrap_or_default();
    let (room_id, user, times, limit) = (room.room(), room.user(), wanted.times, wanted.limit);
    let sql = format!(
        "{TEXTS} where m.room_id = {room_id} and m.seq between {first} and {last}{among} and m.kind <> 'system' and m.deleted_at is null \
         and m.created_at between {} and {}{from} and not exists (select 1 from hidden_messages h where h.room_id = m.room_id \
         and h.seq = m.seq and h.user_id = {user}) order by m.seq desc limit {limit}",
        times.start().0,
        times.end().0,
    );
    let texts = read(sql, connection).await?;
    restore(connection, room, texts).await
}

/// Restores texts to what a former member sees.
async fn restore(connection: &mut MySqlConnection, room: &Readable, mut found: Vec<SearchText>) -> Result<Vec<SearchText>> {
    let seqs: Vec<_> = found.iter().map(|text| text.seq).collect();
    let mut earlier = former_member_view::texts(connection, room, &seqs).await?;
    for text in &mut found {
        if let Some(then) = earlier.remove(&text.seq) {
            text.content = then.content;
        }
    }
    Ok(found)
}

/// Returns when the message of this seq was sent. Seqs have no holes.
pub async fn sent_at(connection: &mut MySqlConnection, room: &Readable, seq: Seq) -> Result<Option<Timestamp>> {
    let at = sqlx::query_scalar!("select created_at from messages where room_id = ? and seq = ?", room.room().0, seq.0)
        .fetch_optional(connection)
        .await?;
    Ok(at.map(Timestamp))
}

/// Returns the messages of texts read in these rooms, in no order.
pub async fn messages(connection: &mut MySqlConnection, rooms: &[&Readable], texts: &[&SearchText]) -> Result<Vec<Message>> {
    let reader = rooms.first().map_or(EVERYONE, |room| room.user().0);
    let mut found = Vec::with_capacity(texts.len());
    for some in texts.chunks(MESSAGES_BATCH) {
        // Ids begin at 1, so unused parameters match nothing.
        let mut ids = [0; MESSAGES_BATCH];
        for (id, text) in ids.iter_mut().zip(some) {
            *id = text.id.0;
        }
        let rows = select_messages!(
            "where m.id in (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) and m.deleted_at is null",
            reader,
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
        found.extend(former_member_view::messages_of(connection, rooms, rows).await?);
    }
    Ok(found)
}

/// Returns the segments of rooms that are sealed with this version of the bits, oldest first.
pub async fn list_sealed(connection: &mut MySqlConnection, rooms: &[&Readable], folding: u16) -> Result<Vec<SealedSegment>> {
    if rooms.is_empty() {
        return Ok(Vec::new());
    }
    let rooms = list(rooms.iter().map(|room| room.room()));
    let sql = format!(
        "select room_id, segment, from_at, to_at from search_segments where room_id in ({rooms}) and folding = {folding} \
         order by room_id, segment"
    );
    let rows: Vec<(u64, u64, i64, i64)> = fetch_generated(sql, connection).await?;
    let sealed = |(room, segment, from_at, to_at)| SealedSegment {
        room: RoomId(room),
        segment,
        from_at: Timestamp(from_at),
        to_at: Timestamp(to_at),
    };
    Ok(rows.into_iter().map(sealed).collect())
}

/// Returns which of these segments are still sealed with this version of the bits, and these bits of them. Each pair is one key, and the segments of
/// one bit are adjacent. A single statement reads both at one moment, because the bits of an unsealed segment must not be used.
pub async fn slices(
    connection: &mut MySqlConnection,
    room: &Readable,
    segments: &[u64],
    slices: &[u16],
    folding: u16,
) -> Result<(Vec<u64>, Vec<BitSlice>)> {
    if segments.is_empty() || slices.is_empty() {
        return Ok((segments.to_vec(), Vec::new()));
    }
    let (room, segments, slices) = (room.room(), list(segments), list(slices));
    // Servers differ in the type of a union's column without a cast.
    let sql = format!(
        "select segment, cast({SEGMENT_SLICES} as unsigned) as slice, x'' as bits from search_segments where room_id = {room} and segment in ({segments}) \
         and folding = {folding} \
         union all \
         select segment, cast(slice as unsigned), bits from search_slices where room_id = {room} and segment in ({segments}) and slice in ({slices})"
    );
    let rows: Vec<(u64, u64, Vec<u8>)> = fetch_generated(sql, connection).await?;
    let (mut sealed, mut found) = (Vec::new(), Vec::new());
    for (segment, number, bits) in rows {
        match u16::try_from(number) {
            Ok(number) if number < SEGMENT_SLICES => found.push(BitSlice { segment, number, bits }),
            _ => sealed.push(segment),
        }
    }
    Ok((sealed, found))
}

/// Locks the messages of a full segment and returns their texts; none if the segment is sealed with this version of the bits or the index too
/// young. Deletes the bits of another version.
pub async fn lock_unsealed(
    transaction: &mut MySqlConnection,
    room: RoomId,
    segment: u64,
    folding: u16,
) -> Result<Option<Vec<SearchText>>> {
    let may = sqlx::query_scalar!(
        r#"
        select count(*) as "may!: i64" from _sqlx_migrations
        where version = 36 and success and installed_on <= now() - interval ? second
        "#,
        MIN_INDEX_AGE_SECONDS,
    )
    .fetch_one(&mut *transaction)
    .await?;
    if may == 0 {
        return Ok(None);
    }
    let (first, last) = (segment * SEGMENT_MESSAGES + 1, (segment + 1) * SEGMENT_MESSAGES);
    let sql = format!(
        "{TEXTS} where m.room_id = {room} and m.seq between {first} and {last} and m.kind <> 'system' and m.deleted_at is null for update"
    );
    let texts = read(sql, &mut *transaction).await?;
    let sealed = sqlx::query_scalar!("select folding from search_segments where room_id = ? and segment = ?", room.0, segment)
        .fetch_optional(&mut *transaction)
        .await?;
    if sealed == Some(folding) {
        return Ok(None);
    }
    if sealed.is_some() {
        delete_slices(transaction, room, segment).await?;
    }
    Ok(Some(texts))
}

/// Seals a segment whose messages the transaction locks, in place of one of another version.
pub async fn seal(transaction: &mut MySqlConnection, sealed: SealedSegment, folding: u16, slices: &[BitSlice]) -> Result<()> {
    sqlx::query!(
        "replace into search_segments (room_id, segment, from_at, to_at, folding) values (?, ?, ?, ?, ?)",
        sealed.room.0,
        sealed.segment,
        sealed.from_at.0,
        sealed.to_at.0,
        folding,
    )
    .execute(&mut *transaction)
    .await?;
    if slices.is_empty() {
        return Ok(());
    }
    // An earlier layout of the index may have left slices without a seal.
    let mut sql = String::from("replace into search_slices (room_id, segment, slice, bits) values ");
    for (index, slice) in slices.iter().enumerate() {
        debug_assert_eq!(slice.bits.len(), SLICE_BYTES);
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

/// Deletes the index of a changed message's segment. The transaction locks the room, whose messages end at `last_seq`.
pub async fn unseal(transaction: &mut MySqlConnection, message: MessageRef, last_seq: Seq) -> Result<()> {
    let MessageRef { room, seq } = message;
    let segment = segment_of(seq);
    if (segment + 1) * SEGMENT_MESSAGES > last_seq.0 {
        // Only full segments are sealed.
        return Ok(());
    }
    let seal = sqlx::query!("delete from search_segments where room_id = ? and segment = ?", room.0, segment)
        .execute(&mut *transaction)
        .await?;
    if seal.rows_affected() == 0 {
        return Ok(());
    }
    delete_slices(transaction, room, segment).await
}

/// Marks the index of segments as outdated in which the owner has attachments in a room, which the transaction locks: the next search deletes their
/// bits.
pub async fn outdate(transaction: &mut MySqlConnection, room: RoomId, owner: UserId) -> Result<()> {
    sqlx::query!(
        r#"
        update search_segments s
        join uploads p on p.room_id = s.room_id and (p.seq - 1) div ? = s.segment
        set s.folding = 0
        where p.owner_id = ? and p.room_id = ? and p.state = 'ready'
        "#,
        SEGMENT_MESSAGES,
        owner.0,
        room.0,
    )
    .execute(transaction)
    .await?;
    Ok(())
}

async fn delete_slices(transaction: &mut MySqlConnection, room: RoomId, segment: u64) -> Result<()> {
    // Listing each slice makes the keys single rows; otherwise the range would cover the room's whole index.
    let slices = list(0..SEGMENT_SLICES);
    let sql = format!("delete from search_slices where room_id = {room} and segment = {segment} and slice in ({slices})");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(transaction).await?;
    Ok(())
}

const TEXTS: &str =
    "select m.id, m.seq, m.sender_id, cast(m.kind as char) as kind, m.content, m.attachments, m.created_at from messages m";

#[derive(FromRow)]
struct TextRow {
    id: u64,
    #[sqlx(try_from = "u64")]
    seq: Seq,
    sender_id: Option<u64>,
    kind: String,
    content: String,
    attachments: Option<String>,
    created_at: i64,
}

async fn read(sql: String, connection: &mut MySqlConnection) -> Result<Vec<SearchText>> {
    let rows: Vec<TextRow> = fetch_generated(sql, connection).await?;
    let text = |row: TextRow| SearchText {
        id: MessageId(row.id),
        seq: row.seq,
        sender: row.sender_id.map(UserId),
        kind: row.kind.parse().unwrap_or(MessageKind::Text),
        content: row.content,
        file_names: attachments::file_names(row.attachments.as_deref()),
        created_at: Timestamp(row.created_at),
    };
    Ok(rows.into_iter().map(text).collect())
}
