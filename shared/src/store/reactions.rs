//! Reactions: one row per user, message and emoji. Rows of earlier releases may spell an emoji with or without U+FE0F (`EFB88F` in bytes), which
//! comparisons leave out.

use std::collections::BTreeSet;

use sqlx::MySqlConnection;

use crate::error::Result;
use crate::id::{MessageRef, Rev, Seq, UserId};
use crate::protocol::messages::{Message, Reaction, ReactionChange, Reactor};
use crate::store::inline_sql::{fetch_generated, list as numbers};
use crate::store::members::{MembershipEnd, Readable};
use crate::store::rows::user::{query_with_user, user_of};
use crate::text::emoji;
use crate::time::Timestamp;

/// State of a message before a reaction changes.
#[derive(Clone, Copy, Debug)]
pub struct ReactionState {
    /// Also true of what an erasure by a release up to 0.2.0 emptied.
    pub unsent: bool,
    /// The room's `rev` when the message last changed.
    pub rev: Rev,
    /// Number of distinct emoji.
    pub kinds: u32,
    /// Number of users with this emoji.
    pub count: u32,
    /// Whether the user is among them.
    pub mine: bool,
}

/// Reads the state of a message in a transaction that locks the room. `bare` is the emoji in [`emoji::bare`] form. Returns none when the message
/// does not exist.
pub async fn find_state(
    transaction: &mut MySqlConnection,
    room: &Readable,
    seq: Seq,
    bare: &str,
) -> Result<Option<ReactionState>> {
    let row = sqlx::query!(
        r#"
        select max(m.deleted_at is not null or (m.kind <> 'system' and m.content = '' and m.attachments is null)) as "unsent!: bool", m.rev,
               count(distinct replace(x.emoji, _utf8mb4 x'EFB88F', '')) as "kinds!: i64",
               count(distinct case when replace(x.emoji, _utf8mb4 x'EFB88F', '') = ? then x.user_id end) as "count!: i64",
               count(case when replace(x.emoji, _utf8mb4 x'EFB88F', '') = ? and x.user_id = ? then 1 end) as "mine!: i64"
        from messages m
        left join reactions x on x.room_id = m.room_id and x.seq = m.seq
        where m.room_id = ? and m.seq = ? and m.seq between ? and ?
          and not exists (select 1 from hidden_messages h where h.user_id = ? and h.room_id = m.room_id and h.seq = m.seq)
        group by m.room_id, m.seq, m.rev
        "#,
        bare,
        bare,
        room.user().0,
        room.room().0,
        seq.0,
        room.visible_from_seq.0,
        room.visible_to_seq.0,
        room.user().0,
    )
    .fetch_optional(transaction)
    .await?;
    Ok(row.map(|row| ReactionState {
        unsent: row.unsent,
        rev: Rev(row.rev),
        kinds: number(row.kinds),
        count: number(row.count),
        mine: row.mine > 0,
    }))
}

pub async fn insert(transaction: &mut MySqlConnection, given: &ReactionChange, now: Timestamp) -> Result<()> {
    sqlx::query!(
        "insert into reactions (room_id, seq, emoji, user_id, created_at, rev) values (?, ?, ?, ?, ?, ?)",
        given.room_id.0,
        given.seq.0,
        given.emoji,
        given.user_id.0,
        now.0,
        given.rev.0,
    )
    .execute(transaction)
    .await?;
    Ok(())
}

/// Deletes a user's reaction in every spelling.
pub async fn delete(transaction: &mut MySqlConnection, message: MessageRef, bare: &str, by: UserId) -> Result<()> {
    sqlx::query!(
        "delete from reactions where room_id = ? and seq = ? and replace(emoji, _utf8mb4 x'EFB88F', '') = ? and user_id = ?",
        message.room.0,
        message.seq.0,
        bare,
        by.0,
    )
    .execute(transaction)
    .await?;
    Ok(())
}

/// Deletes all reactions to a message.
pub async fn purge(transaction: &mut MySqlConnection, message: MessageRef) -> Result<()> {
    sqlx::query!("delete from reactions where room_id = ? and seq = ?", message.room.0, message.seq.0)
        .execute(transaction)
        .await?;
    Ok(())
}

/// Fills in the reactions of one room's messages, given in ascending order, as the reader sees them. One index range; no statement for no messages.
pub async fn fill(connection: &mut MySqlConnection, room: &Readable, messages: &mut [Message]) -> Result<()> {
    filled(connection, Viewer { user: room.user(), known: MembershipEnd::known_to(room) }, messages).await
}

/// Fills in the reactions of one room's messages, given in ascending order, without a viewer.
pub async fn fill_for_all(connection: &mut MySqlConnection, messages: &mut [Message]) -> Result<()> {
    filled(connection, Viewer { user: UserId(0), known: MembershipEnd::NEVER }, messages).await
}

/// A viewer, and where their view ends.
#[derive(Clone, Copy)]
pub(super) struct Viewer {
    pub(super) user: UserId,
    pub(super) known: MembershipEnd,
}

async fn filled(connection: &mut MySqlConnection, viewer: Viewer, messages: &mut [Message]) -> Result<()> {
    let (Some(first), Some(last)) = (messages.first(), messages.last()) else { return Ok(()) };
    let Viewer { user, known } = viewer;
    let rows = sqlx::query!(
        r#"
        select seq, emoji as "emoji: String", count(*) as "count!: i64", count(case when user_id = ? then 1 end) as "mine!: i64"
        from reactions
        where room_id = ? and seq between ? and ? and ((rev > 0 and rev <= ?) or (rev = 0 and created_at <= ?))
        group by seq, emoji
        order by seq, emoji
        "#,
        user.0,
        first.room_id.0,
        first.seq.0,
        last.seq.0,
        known.rev.0,
        known.at.0,
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut recounted = BTreeSet::new();
    for row in rows {
        if let Ok(at) = messages.binary_search_by_key(&Seq(row.seq), |message| message.seq)
            && !add(&mut messages[at], &row.emoji, number(row.count), row.mine > 0)
        {
            recounted.insert(at);
        }
    }
    recount(connection, viewer, messages, &recounted).await
}

/// Adds a reaction as it is shown, in the order of the code points. Returns false if the message has it already, in another spelling.
pub(super) fn add(message: &mut Message, stored: &str, count: u32, mine: bool) -> bool {
    let emoji = emoji::shown(stored).into_owned();
    match message.reactions.binary_search_by(|known| known.emoji.cmp(&emoji)) {
        Ok(_) => false,
        Err(place) => {
            message.reactions.insert(place, Reaction { emoji, count, mine: Some(mine) });
            true
        }
    }
}

/// The number of users with one emoji, in whatever spellings.
#[derive(sqlx::FromRow)]
struct BareRow {
    #[sqlx(try_from = "u64")]
    seq: Seq,
    bare: String,
    count: i64,
    mine: i64,
}

/// Counts the reactions to those of one room's messages that have one emoji in several spellings, each user once, in one statement. `places` are
/// indices of messages.
pub(super) async fn recount(
    connection: &mut MySqlConnection,
    viewer: Viewer,
    messages: &mut [Message],
    places: &BTreeSet<usize>,
) -> Result<()> {
    let Some(room) = places.first().map(|at| messages[*at].room_id) else { return Ok(()) };
    let Viewer { user, known } = viewer;
    let (rev, at, seqs) = (known.rev, known.at.0, numbers(places.iter().map(|at| messages[*at].seq)));
    let sql = format!(
        "select x.seq, x.bare, count(distinct x.user_id) as count, count(case when x.user_id = {user} then 1 end) as mine \
         from (select seq, user_id, replace(emoji, _utf8mb4 x'EFB88F', '') as bare from reactions \
         where room_id = {room} and seq in ({seqs}) and ((rev > 0 and rev <= {rev}) or (rev = 0 and created_at <= {at}))) x \
         group by x.seq, x.bare"
    );
    let rows: Vec<BareRow> = fetch_generated(sql, connection).await?;
    for at in places {
        messages[*at].reactions.clear();
    }
    for row in rows {
        if let Ok(at) = messages.binary_search_by_key(&row.seq, |message| message.seq) {
            add(&mut messages[at], &row.bare, number(row.count), row.mine > 0);
        }
    }
    Ok(())
}

/// Selects reactions to a message, by emoji and user.
#[derive(Clone, Copy, Debug)]
pub struct ReactorQuery<'a> {
    /// One reaction in [`emoji::bare`] form, if restricted.
    pub only: Option<&'a str>,
    /// After this emoji, in the same form, and user.
    pub after_emoji: &'a str,
    pub after_user: UserId,
}

/// Returns a page of reactions, one for each user and emoji. The caller has checked access to the message.
pub async fn list(
    connection: &mut MySqlConnection,
    room: &Readable,
    seq: Seq,
    query: ReactorQuery<'_>,
    limit: u32,
) -> Result<Vec<Reactor>> {
    let known = MembershipEnd::known_to(room);
    let rows = query_with_user!(
        r#"
        select x.emoji as "emoji!: String", x.created_at as "reacted_at!: i64",
               "#,
        r#"
        from (
            select r.user_id, min(r.emoji) as emoji, min(r.created_at) as created_at, r.bare
            from (
                select user_id, emoji, created_at, replace(emoji, _utf8mb4 x'EFB88F', '') as bare
                from reactions
                where room_id = ? and seq = ? and ((rev > 0 and rev <= ?) or (rev = 0 and created_at <= ?))
                  and (? is null or replace(emoji, _utf8mb4 x'EFB88F', '') = ?)
            ) r
            group by r.bare, r.user_id
        ) x
        join users u on u.id = x.user_id
        where x.bare > ? or (x.bare = ? and x.user_id > ?)
        order by x.bare, x.user_id
        limit ?
        "#,
        room.room().0,
        seq.0,
        known.rev.0,
        known.at.0,
        query.only,
        query.only,
        query.after_emoji,
        query.after_emoji,
        query.after_user.0,
        limit,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Reactor {
            emoji: emoji::shown(&row.emoji).into_owned(),
            user: user_of!(row),
            created_at: Timestamp(row.reacted_at),
        })
        .collect())
}

fn number(count: i64) -> u32 {
    u32::try_from(count).unwrap_or_default()
}
