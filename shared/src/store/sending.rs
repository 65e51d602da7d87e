//! The statements of sending a message, in two round trips: one begins the transaction and locks; one inserts, commits and reads the audience.

use sqlx::{FromRow as _, Row as _};

use crate::caller::MessageSender;
use crate::error::{Error, Result};
use crate::id::{Head, MessageId, MessageRef, RoomRef, Seq, UserId};
use crate::protocol::messages::{Attachment, Forwarded, MessageKind, Reply};
use crate::store::coalescing::Pace;
use crate::store::database::Db;
use crate::store::inline_sql::{InlineSql, fetch_generated};
use crate::store::members::{Access, Membership, TokenBucket};
use crate::store::recipients::{IndexUse, RoomRecipientRow, RoomRecipients, of_room_statement};
use crate::store::rows::access::{ACCESS, AccessRow, BLOCKED};
use crate::store::rows::message::RepliedRow;
use crate::store::rows::room::key;
use crate::store::transaction::Tx;
use crate::store::{attachments, mentions};
use crate::time::Timestamp;

/// State for sending, read under the locks of the room's and the sender's row.
#[derive(Debug)]
pub struct SendContext {
    pub access: Access,
    /// Seq of an earlier message with the same `client_id`.
    pub replay: Option<Seq>,
    /// The message replied to, if it exists.
    pub reply_to: Option<Reply>,
    /// Digests of the sender's recent texts, as the last [`SendState`] stored them.
    pub recent_texts: Vec<u8>,
    /// Members of a direct room whose lists do not show it until this message.
    pub closed_to: Vec<UserId>,
    pub pace: Pace,
}

/// What a message refers to.
#[derive(Clone, Copy, Debug)]
pub struct Lookup<'a> {
    pub room: &'a RoomRef,
    /// Idempotency key of the sender.
    pub client_id: Option<&'a str>,
    pub reply_to: Option<Seq>,
}

/// A message to store.
#[derive(Clone, Copy, Debug)]
pub struct Draft<'a> {
    pub content: &'a str,
    /// Idempotency key of the sender.
    pub client_id: Option<&'a str>,
    pub reply_to: Option<Seq>,
    /// Mentioned members.
    pub mentions: &'a [UserId],
    pub attachments: &'a [Attachment],
    /// Follows from the attachments.
    pub kind: MessageKind,
    /// Set when the message is forwarded.
    pub forwarded_from: Option<&'a ForwardSource>,
    pub after: SendState<'a>,
    /// How to read the audience; none for a message that a window's delivery pushes.
    pub audience: Option<IndexUse>,
}

/// State of the sender and the room after a message.
#[derive(Clone, Copy, Debug)]
pub struct SendState<'a> {
    /// Tokens that remain, in thousandths of a message.
    pub allowance: i32,
    /// Digests of recent texts, this one included.
    pub recent_texts: &'a [u8],
    pub pace: Pace,
}

/// The source of a forwarded message.
#[derive(Clone, Debug)]
pub struct ForwardSource {
    pub message: MessageRef,
    /// The first author, unless erased.
    pub author: Option<UserId>,
    /// The origin as readers see it.
    pub shown: Forwarded,
}

/// A stored message, and who receives it.
#[derive(Debug)]
pub struct Committed {
    pub id: MessageId,
    pub audience: Option<RoomRecipients>,
}

/// A transaction that holds the locks of sending.
#[derive(Debug)]
pub struct Begun<'a> {
    pub tx: Tx<'a>,
    /// The sender's name; none when the session does not live.
    pub username: Option<String>,
    /// None for a room that does not exist.
    pub context: Option<SendContext>,
}

#[derive(sqlx::FromRow)]
struct SendRow {
    #[sqlx(flatten)]
    access: AccessRow,
    said: Option<Vec<u8>>,
    pace_allowance: i32,
    pace_allowance_at: i64,
    window_due: i64,
    replay_seq: Option<u64>,
    reply_seq: Option<u64>,
    reply_kind: Option<String>,
    reply_content: Option<String>,
    reply_deleted_at: Option<i64>,
    reply_username: Option<String>,
}

/// What only direct rooms have.
#[derive(Default, sqlx::FromRow)]
struct DirectRow {
    blocked: i64,
    closed_to: Option<String>,
}

/// Begins a transaction with the single locking read of sending: room, member, replay and message replied to, all by keys; and verifies the session
/// unless it is. One round trip, two for a direct room.
pub async fn begin<'a>(db: &'a Db, sender: &MessageSender, lookup: Lookup<'_>) -> Result<Begun<'a>> {
    let mut sql = lock_statement(sender, lookup);
    if sender.username.is_none() {
        sql.next()
            .sql("select u.username from sessions s join users u on u.id = s.user_id where s.id = ")
            .number(sender.session.0);
        sql.sql(" and s.user_id = ")
            .number(sender.user.0)
            .sql(" and s.revoked_at is null and s.expires_at > ")
            .number(sender.now.0);
        sql.sql(" and u.disabled_at is null and u.deleted_at is null");
    }
    let (mut tx, results) = db.begin_with(sql).await?;
    let Some((locked, session)) = results.split_first() else { return Err(Error::internal("a statement was not answered")) };
    let username = match &sender.username {
        Some(username) => Some(username.clone()),
        None => session.first().and_then(|rows| rows.first()).map(|row| row.try_get(0)).transpose()?,
    };
    let Some(row) = locked.first() else { return Ok(Begun { tx, username, context: None }) };
    let mut row = SendRow::from_row(row)?;
    let mut direct = DirectRow::default();
    if row.access.kind == "direct" {
        let found: Vec<DirectRow> = fetch_generated(direct_statement(row.access.room_id, sender).into_text(), &mut tx).await?;
        direct = found.into_iter().next().unwrap_or_default();
    }
    row.access.blocked = direct.blocked;
    let context = SendContext {
        recent_texts: row.said.unwrap_or_default(),
        closed_to: direct.closed_to.map(|ids| mentions::read(&ids)).unwrap_or_default(),
        pace: Pace {
            allowance: TokenBucket { left: row.pace_allowance, filled_at: Timestamp(row.pace_allowance_at) },
            window_due: Timestamp(row.window_due),
        },
        replay: row.replay_seq.map(Seq),
        reply_to: row.reply_seq.map(|seq| {
            RepliedRow {
                seq: Seq(seq),
                username: row.reply_username,
                kind: row.reply_kind,
                content: row.reply_content,
                deleted_at: row.reply_deleted_at,
            }
            .reply()
        }),
        access: row.access.requested_access(sender.user),
    };
    Ok(Begun { tx, username, context: Some(context) })
}

fn lock_statement(sender: &MessageSender, lookup: Lookup<'_>) -> InlineSql {
    let Lookup { room, client_id, reply_to } = lookup;
    let user = sender.user.0;
    let mut sql = InlineSql::default();
    sql.sql("select ").sql(ACCESS).sql(", 0 as blocked, m.said, r.pace_allowance, r.pace_allowance_at, r.window_due, ");
    // Joins that nothing needs are left out.
    sql.sql(if client_id.is_some() { "x.seq as replay_seq, " } else { "null as replay_seq, " });
    sql.sql(if reply_to.is_some() {
        "q.seq as reply_seq, q.kind as reply_kind, q.content as reply_content, q.deleted_at as reply_deleted_at, \
         (select u.username from users u where u.id = q.sender_id) as reply_username"
    } else {
        "null as reply_seq, null as reply_kind, null as reply_content, null as reply_deleted_at, null as reply_username"
    });
    sql.sql(" from rooms r left join members m on m.room_id = r.id and m.user_id = ").number(user);
    if let Some(client_id) = client_id {
        sql.sql(" left join messages x on x.room_id = r.id and x.sender_id = ").number(user);
        sql.sql(" and x.client_id = ").text(client_id);
    }
    if let Some(seq) = reply_to {
        sql.sql(" left join messages q on q.room_id = r.id and q.seq = ").number(seq.0);
    }
    match key(room) {
        (Some(id), _) => sql.sql(" where r.id = ").number(id),
        (None, slug) => sql.sql(" where r.id = (select s.id from rooms s where s.slug = ").optional_text(slug).sql(")"),
    };
    sql.sql(" and r.deleted_at is null for update");
    sql
}

fn direct_statement(room: u64, sender: &MessageSender) -> InlineSql {
    let mut sql = InlineSql::default();
    sql.sql("select ").sql(BLOCKED).sql(
        " as blocked, (select group_concat(d.user_id) from members d \
          where d.room_id = r.id and d.state = 'joined' and d.closed_seq >= r.last_seq) as closed_to \
          from rooms r left join members m on m.room_id = r.id and m.user_id = ",
    );
    sql.number(sender.user.0).sql(" where r.id = ").number(room);
    sql
}

/// Stores a message as the new head of the room that the transaction locks, commits, and reads the room's audience: one round trip.
pub async fn commit(tx: Tx<'_>, member: &Membership, head: Head, draft: Draft<'_>, now: Timestamp) -> Result<Committed> {
    let audience = draft.audience.map(|index| of_room_statement(member.room(), index));
    let done = tx.commit_with::<RoomRecipientRow>(insert_statements(member, head, draft, now)?, audience).await?;
    let audience = draft.audience.map(|_| RoomRecipients::from_rows(done.rows));
    Ok(Committed { id: MessageId(done.first_id), audience })
}

/// Inserts the message, then updates its room and sender. Columns without a value are left out.
fn insert_statements(member: &Membership, head: Head, draft: Draft<'_>, now: Timestamp) -> Result<InlineSql> {
    let Draft { content, client_id, reply_to, mentions, attachments, kind, forwarded_from, after, audience: _ } = draft;
    let SendState { allowance, recent_texts, pace } = after;
    let (room, user, now) = (member.room().0, member.user().0, now.0);
    let attachments = attachments::column(attachments)?;
    let mut sql = InlineSql::default();
    sql.sql("insert into messages (room_id, seq, sender_id, kind, content, mentions, created_at, rev");
    sql.sql(if client_id.is_some() { ", client_id" } else { "" }).sql(if reply_to.is_some() { ", reply_to_seq" } else { "" });
    sql.sql(if attachments.is_some() { ", attachments" } else { "" });
    sql.sql(if forwarded_from.is_some() { ", forwarded_room_id, forwarded_seq, forwarded_username, forwarded_at" } else { "" });
    sql.sql(") values (").number(room).sql(", ").number(head.seq.0).sql(", ").number(user).sql(", ").text(&kind.to_string());
    sql.sql(", ").text(content).sql(", ").text(&mentions::column(mentions)).sql(", ").number(now).sql(", ").number(head.rev.0);
    if let Some(client_id) = client_id {
        sql.sql(", ").text(client_id);
    }
    if let Some(seq) = reply_to {
        sql.sql(", ").number(seq.0);
    }
    if let Some(attachments) = attachments {
        sql.sql(", ").text(&attachments);
    }
    if let Some(source) = forwarded_from {
        sql.sql(", ").number(source.message.room.0).sql(", ").number(source.message.seq.0);
        sql.sql(", ").optional_text(source.shown.username.as_deref()).sql(", ").number(source.shown.created_at.0);
    }
    sql.sql(")").next().sql("update rooms r join members m on m.room_id = r.id and m.user_id = ").number(user);
    // Precedes the assignments of the columns that it reads: what a release wrote that does not know them makes it unknown.
    sql.sql(" set r.last_system_seq = if(greatest(coalesce(r.last_member_seq, 0), coalesce(r.last_system_seq, 0)) = ");
    sql.number(head.seq.minus(1).0).sql(", r.last_system_seq, null), r.last_seq = ").number(head.seq.0);
    sql.sql(", r.rev = ").number(head.rev.0).sql(", r.last_member_seq = ").number(head.seq.0);
    sql.sql(", r.active_at = greatest(r.active_at, ").number(now).sql("), r.changed_at = greatest(r.changed_at, ").number(now);
    sql.sql("), r.pace_allowance = ").number(pace.allowance.left);
    sql.sql(", r.pace_allowance_at = ").number(pace.allowance.filled_at.0).sql(", r.window_due = ").number(pace.window_due.0);
    sql.sql(", m.read_seq = ")
        .number(head.seq.0)
        .sql(", m.read_at = ")
        .number(now)
        .sql(", m.delivered_seq = ")
        .number(head.seq.0);
    sql.sql(", m.allowance = ").number(allowance).sql(", m.allowance_at = ").number(now).sql(", m.said = ").bytes(recent_texts);
    sql.sql(" where r.id = ").number(room);
    Ok(sql)
}
