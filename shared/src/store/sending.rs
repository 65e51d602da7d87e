//! The statements of sending a message, in two round trips: one begins the transaction and locks; one inserts, commits and reads the audience.

use crate::caller::UnverifiedCaller;
use crate::error::Result;
use crate::id::{Head, MessageId, MessageRef, RoomRef, Seq, UserId};
use crate::protocol::messages::{Attachment, Forwarded, MessageKind, Reply};
use crate::store::database::{Db, Tx};
use crate::store::inline_sql::InlineSql;
use crate::store::members::{Access, Membership};
use crate::store::recipients::{RecipientRow, Recipients};
use crate::store::rows::access::{ACCESS, AccessRow, BLOCKED};
use crate::store::rows::message::RepliedRow;
use crate::store::rows::room::key;
use crate::store::{attachments, mentions};
use crate::time::Timestamp;

/// State for sending, read under the locks of the room's and the sender's row.
#[derive(Debug)]
pub struct SendContext {
    /// The sender's name; none when the session does not live.
    pub username: Option<String>,
    pub access: Access,
    /// Seq of an earlier message with the same `client_id`.
    pub replay: Option<Seq>,
    /// The message replied to, if it exists.
    pub reply_to: Option<Reply>,
    /// Digests of the sender's recent texts, as the last [`SenderState`] stored them.
    pub recent_texts: Vec<u8>,
    /// Members of a direct room whose lists do not show it until this message.
    pub closed_to: Vec<UserId>,
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
    pub sender: SenderState<'a>,
}

/// State of the sender after a message.
#[derive(Clone, Copy, Debug)]
pub struct SenderState<'a> {
    /// Tokens that remain, in thousandths of a message.
    pub allowance: i32,
    /// Digests of recent texts, this one included.
    pub recent_texts: &'a [u8],
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
    pub audience: Recipients,
}

#[derive(sqlx::FromRow)]
struct SendRow {
    #[sqlx(flatten)]
    access: AccessRow,
    username: Option<String>,
    said: Option<Vec<u8>>,
    closed_to: Option<String>,
    replay_seq: Option<u64>,
    reply_seq: Option<u64>,
    reply_kind: Option<String>,
    reply_content: Option<String>,
    reply_deleted_at: Option<i64>,
    reply_username: Option<String>,
}

/// Begins a transaction with the single locking read of sending: room, member, replay and message replied to, all by keys. Verifies the session in the
/// same statement, without a lock. Returns no context for a room that does not exist.
pub async fn begin<'a>(db: &'a Db, sender: &UnverifiedCaller, lookup: Lookup<'_>) -> Result<(Tx<'a>, Option<SendContext>)> {
    let (tx, mut rows) = db.begin_with::<SendRow>(lock_statement(sender, lookup)).await?;
    let context = rows.pop().map(|row| SendContext {
        username: row.username,
        recent_texts: row.said.unwrap_or_default(),
        closed_to: row.closed_to.map(|ids| mentions::read(&ids)).unwrap_or_default(),
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
    });
    Ok((tx, context))
}

fn lock_statement(sender: &UnverifiedCaller, lookup: Lookup<'_>) -> InlineSql {
    let Lookup { room, client_id, reply_to } = lookup;
    let user = sender.user.0;
    let mut sql = InlineSql::default();
    sql.sql("select ").sql(ACCESS).sql(", ").sql(BLOCKED).sql(
        " as blocked, m.said, case when r.kind = 'direct' then ( \
             select group_concat(d.user_id) from members d \
             where d.room_id = r.id and d.state = 'joined' and d.closed_seq >= r.last_seq \
         ) end as closed_to, ( \
             select u.username from sessions s join users u on u.id = s.user_id \
             where s.revoked_at is null and u.disabled_at is null and u.deleted_at is null and s.id = ",
    );
    sql.number(sender.session.0).sql(" and s.user_id = ").number(user).sql(" and s.expires_at > ").number(sender.now.0);
    sql.sql(") as username, ");
    // Joins that nothing needs are left out.
    sql.sql(if client_id.is_some() { "x.seq as replay_seq, " } else { "null as replay_seq, " });
    sql.sql(if reply_to.is_some() {
        "q.seq as reply_seq, cast(q.kind as char) as reply_kind, q.content as reply_content, q.deleted_at as reply_deleted_at, \
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

/// Stores a message as the new head of the room that the transaction locks, commits, and reads the room's audience: one round trip.
pub async fn commit(tx: Tx<'_>, member: &Membership, head: Head, draft: Draft<'_>, now: Timestamp) -> Result<Committed> {
    let done = tx.commit_with::<RecipientRow>(insert_statements(member, head, draft, now)?, audience_statement(member)).await?;
    Ok(Committed { id: MessageId(done.first_id), audience: Recipients::from_rows(done.rows) })
}

/// Inserts the message, then updates its room and sender.
fn insert_statements(member: &Membership, head: Head, draft: Draft<'_>, now: Timestamp) -> Result<InlineSql> {
    let Draft { content, client_id, reply_to, mentions, attachments, kind, forwarded_from, sender } = draft;
    let (room, user, now) = (member.room().0, member.user().0, now.0);
    let mut sql = InlineSql::default();
    sql.sql(
        "insert into messages (room_id, seq, sender_id, kind, content, client_id, reply_to_seq, mentions, forwarded_room_id, \
         forwarded_seq, forwarded_username, forwarded_at, attachments, created_at, rev) values (",
    );
    sql.number(room).sql(", ").number(head.seq.0).sql(", ").number(user).sql(", ").text(&kind.to_string());
    sql.sql(", ").text(content).sql(", ").optional_text(client_id).sql(", ").optional_number(reply_to.map(|seq| seq.0));
    sql.sql(", ").text(&mentions::column(mentions));
    sql.sql(", ").optional_number(forwarded_from.map(|source| source.message.room.0));
    sql.sql(", ").optional_number(forwarded_from.map(|source| source.message.seq.0));
    sql.sql(", ").optional_text(forwarded_from.and_then(|source| source.shown.username.as_deref()));
    sql.sql(", ").optional_number(forwarded_from.map(|source| source.shown.created_at.0));
    sql.sql(", ").optional_text(attachments::column(attachments)?.as_deref());
    sql.sql(", ").number(now).sql(", ").number(head.rev.0);
    sql.sql(")").next().sql("update rooms set last_seq = ").number(head.seq.0).sql(", rev = ").number(head.rev.0);
    sql.sql(", active_at = greatest(active_at, ").number(now).sql("), changed_at = greatest(changed_at, ").number(now);
    sql.sql(") where id = ").number(room);
    sql.next().sql("update members set read_seq = ").number(head.seq.0).sql(", read_at = ").number(now);
    sql.sql(", delivered_seq = ").number(head.seq.0).sql(", allowance = ").number(sender.allowance);
    sql.sql(", allowance_at = ").number(now).sql(", said = ").bytes(sender.recent_texts);
    sql.sql(" where room_id = ").number(room).sql(" and user_id = ").number(user);
    Ok(sql)
}

/// The same rows as [`super::recipients::members`].
fn audience_statement(member: &Membership) -> InlineSql {
    let mut sql = InlineSql::default();
    sql.sql(AUDIENCE).number(member.room().0);
    sql
}

const AUDIENCE: &str = "\
    select m.user_id, c.session_id, if(c.cause = 'expired', c.ended_at, 0) as ended_at \
    from rooms r \
    join members m on m.room_id = r.id and m.state = 'joined' and (m.closed_seq is null or m.closed_seq < r.last_seq) \
    left join session_closings c on c.user_id = m.user_id \
    where r.id = ";
