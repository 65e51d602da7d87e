//! Push subscriptions, and which of them a room's message goes to. A subscription belongs to a session and ends with it.

use std::collections::BTreeMap;

use sqlx::{MySqlConnection, QueryBuilder};

use crate::caller::Caller;
use crate::error::Result;
use crate::id::{MessageRef, RoomId, Seq, SessionId, UserId};
use crate::protocol::messages::MessageKind;
use crate::protocol::people::Notifications;
use crate::protocol::rooms::RoomKind;
use crate::store::mentions;
use crate::time::Timestamp;

/// Messages of a room among which the newest due one is sought.
const LATEST: u64 = 500;
/// Messages of a room among which those are left out that do not count: badges above it need not be exact.
const LATEST_COUNTED: u64 = 1000;

/// A subscription's address and keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    pub url: String,
    /// SHA-256 of the URL.
    pub hash: [u8; 32],
    /// The device's public key.
    pub public: Vec<u8>,
    /// The authentication secret, shared with the device.
    pub auth: Vec<u8>,
    /// The VAPID public key that it subscribed with.
    pub vapid: Vec<u8>,
}

/// A message to notify of.
#[derive(Clone, Debug)]
pub struct NotificationSource {
    pub room: RoomId,
    /// Empty for a direct room.
    pub room_name: String,
    pub room_kind: RoomKind,
    pub seq: Seq,
    pub kind: MessageKind,
    pub sender: UserId,
    /// The sender's display name.
    pub sender_name: String,
    pub content: String,
    /// Mentioned users.
    pub mentions: Vec<UserId>,
}

/// A device to notify.
#[derive(Clone, Debug)]
pub struct NotificationTarget {
    pub user: UserId,
    pub preference: Notifications,
    /// Number of unread messages in the room; above 1,000 it may include some that do not count.
    pub unread: u64,
    pub session: SessionId,
    pub endpoint: Endpoint,
    /// Since when notifications fail.
    pub failed_at: Option<Timestamp>,
}

/// Sets the subscription of the caller's session.
pub async fn upsert(connection: &mut MySqlConnection, caller: &Caller, endpoint: &Endpoint) -> Result<()> {
    // Replaces this session's former subscription and any other session's with the same endpoint.
    sqlx::query!(
        r#"replace into push_subscriptions (session_id, user_id, endpoint, endpoint_hash, p256dh, auth, vapid, created_at)
           values (?, ?, ?, ?, ?, ?, ?, ?)"#,
        caller.session.0,
        caller.user.0,
        endpoint.url,
        endpoint.hash.as_slice(),
        endpoint.public,
        endpoint.auth,
        endpoint.vapid,
        caller.now.0,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Deletes the subscription of the caller's session. Idempotent.
pub async fn delete(connection: &mut MySqlConnection, caller: &Caller) -> Result<()> {
    sqlx::query!("delete from push_subscriptions where session_id = ?", caller.session.0).execute(connection).await?;
    Ok(())
}

/// Returns those of these users who have a subscription.
pub async fn with_subscription(connection: &mut MySqlConnection, users: &[UserId]) -> Result<Vec<UserId>> {
    let mut query = QueryBuilder::new("select distinct user_id from push_subscriptions where user_id in (0");
    for user in users {
        query.push(", ").push_bind(user.0);
    }
    query.push(")");
    let found: Vec<u64> = query.build_query_scalar().fetch_all(connection).await?;
    Ok(found.into_iter().map(UserId).collect())
}

/// Returns the message at `seq`; none when there is nothing to notify of.
pub async fn find_source(connection: &mut MySqlConnection, room: RoomId, seq: Seq) -> Result<Option<NotificationSource>> {
    let row = sqlx::query!(
        r#"
        select r.name, r.kind as "room_kind: String", m.seq, m.kind as "kind: String", m.content, m.mentions, u.id, u.display_name
        from rooms r
        join messages m on m.room_id = r.id and m.seq = ?
        join users u on u.id = m.sender_id
        where r.id = ? and r.deleted_at is null and m.deleted_at is null and m.kind <> 'system'
        "#,
        seq.0,
        room.0,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| NotificationSource {
        room,
        room_name: row.name,
        room_kind: row.room_kind.parse().unwrap_or(RoomKind::Group),
        seq: Seq(row.seq),
        kind: row.kind.parse().unwrap_or(MessageKind::Text),
        sender: UserId(row.id),
        sender_name: row.display_name,
        content: row.content,
        mentions: mentions::read(&row.mentions),
    }))
}

/// Returns, for each message from `message` on, the users for whom it is the newest that they may be notified of: unread, not their own, not hidden,
/// and not across a block. Looks at the room's latest messages.
pub async fn find_newest_due(
    connection: &mut MySqlConnection,
    message: MessageRef,
    users: &[UserId],
) -> Result<BTreeMap<Seq, Vec<UserId>>> {
    if users.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut query = QueryBuilder::new(
        "select m.user_id, max(x.seq) from rooms r join members m on m.room_id = r.id and m.state = 'joined' \
         join messages x on x.room_id = r.id and x.seq > r.last_seq - least(r.last_seq, ",
    );
    query.push_bind(LATEST).push(") and x.seq >= ").push_bind(message.seq.0);
    query.push(
        " and x.seq > m.read_seq and x.seq >= m.visible_from_seq and x.sender_id <> m.user_id and x.kind <> 'system' \
         and x.deleted_at is null where r.deleted_at is null and r.id = ",
    );
    query.push_bind(message.room.0).push(" and m.user_id in (0");
    for user in users {
        query.push(", ").push_bind(user.0);
    }
    query.push(
        ") and not exists (select 1 from blocks b where b.user_id = m.user_id and b.blocked_id = x.sender_id) \
         and not exists (select 1 from blocks b where b.user_id = x.sender_id and b.blocked_id = m.user_id) \
         and not exists (select 1 from hidden_messages h where h.user_id = m.user_id and h.room_id = r.id and h.seq = x.seq) \
         group by m.user_id",
    );
    let rows: Vec<(u64, u64)> = query.build_query_as().fetch_all(connection).await?;
    let mut due = BTreeMap::<_, Vec<_>>::new();
    for (user, seq) in rows {
        due.entry(Seq(seq)).or_default().push(UserId(user));
    }
    Ok(due)
}

/// Returns the devices to notify: of members among `users` who have not read the message, want notifications, have not muted the room, and are not
/// parted from the sender by a block. One statement by keys, and a second one if unread messages do not count.
pub async fn list_targets(
    connection: &mut MySqlConnection,
    news: &NotificationSource,
    users: &[UserId],
    now: Timestamp,
) -> Result<Vec<NotificationTarget>> {
    let mut query = QueryBuilder::new(
        "select p.user_id, u.notifications, r.last_seq, m.read_seq, \
         r.last_uncounted_seq, r.count_system_messages = 1 as counts_system, \
         (select count(*) from hidden_messages h join messages x on x.room_id = h.room_id and x.seq = h.seq \
          where h.user_id = m.user_id and h.room_id = r.id and h.seq > m.read_seq \
          and x.deleted_at is null and (x.kind <> 'system' or r.count_system_messages = 1)) as hidden, \
         p.session_id, p.endpoint, p.endpoint_hash, p.p256dh, p.auth, p.vapid, p.failed_at \
         from push_subscriptions p \
         join sessions s on s.id = p.session_id and s.user_id = p.user_id and s.revoked_at is null and s.expires_at > ",
    );
    query.push_bind(now.0);
    query.push(
        " join users u on u.id = p.user_id and u.disabled_at is null and u.deleted_at is null and u.notifications <> 'none'",
    );
    query.push(" join rooms r on r.id = ").push_bind(news.room.0);
    query.push(" join members m on m.room_id = r.id and m.user_id = p.user_id and m.state = 'joined' and m.read_seq < ");
    query.push_bind(news.seq.0).push(" and m.visible_from_seq <= ").push_bind(news.seq.0);
    query.push(" and (m.muted_until is null or m.muted_until <= ").push_bind(now.0);
    query.push(") where p.user_id <> ").push_bind(news.sender.0).push(" and p.user_id in (0");
    for user in users {
        query.push(", ").push_bind(user.0);
    }
    query.push(") and not exists (select 1 from blocks b where b.user_id = p.user_id and b.blocked_id = ");
    query.push_bind(news.sender.0).push(") and not exists (select 1 from blocks b where b.user_id = ");
    query.push_bind(news.sender.0).push(" and b.blocked_id = p.user_id) and not exists (select 1 from hidden_messages h");
    query.push(" where h.user_id = p.user_id and h.room_id = r.id and h.seq = ").push_bind(news.seq.0).push(")");
    let rows: Vec<Row> = query.build_query_as().fetch_all(&mut *connection).await?;
    let since = rows
        .iter()
        .filter(|row| row.last_uncounted_seq > row.read_seq)
        .map(|row| row.read_seq.max(row.last_seq.saturating_sub(LATEST_COUNTED)))
        .min();
    let uncounted = match (since, rows.first()) {
        (Some(since), Some(row)) => uncounted(connection, news.room, Seq(since), row.counts_system != 0).await?,
        _ => Vec::new(),
    };
    Ok(rows.into_iter().map(|row| row.target(&uncounted)).collect())
}

/// Returns the unsent messages after `seq`, ascending, and those of the system unless they count.
async fn uncounted(connection: &mut MySqlConnection, room: RoomId, seq: Seq, counts_system: bool) -> Result<Vec<u64>> {
    let seqs = sqlx::query_scalar!(
        "select seq from messages force index (messages_trace) where room_id = ? and trace in (?, 2) and seq > ? order by seq",
        room.0,
        if counts_system { 2 } else { 1 },
        seq.0,
    );
    Ok(seqs.fetch_all(connection).await?)
}

/// Deletes a subscription, unless its session has a newer one.
pub async fn delete_device(connection: &mut MySqlConnection, device: &NotificationTarget) -> Result<()> {
    sqlx::query!(
        "delete from push_subscriptions where session_id = ? and endpoint_hash = ?",
        device.session.0,
        device.endpoint.hash.as_slice(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Stores since when notifications fail; none once they succeed.
pub async fn set_failed_at(
    connection: &mut MySqlConnection,
    device: &NotificationTarget,
    failed_at: Option<Timestamp>,
) -> Result<()> {
    sqlx::query!(
        "update push_subscriptions set failed_at = ? where session_id = ? and endpoint_hash = ?",
        failed_at.map(|at| at.0),
        device.session.0,
        device.endpoint.hash.as_slice(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

#[derive(sqlx::FromRow)]
struct Row {
    user_id: u64,
    notifications: String,
    last_seq: u64,
    read_seq: u64,
    last_uncounted_seq: u64,
    counts_system: i64,
    hidden: i64,
    session_id: u64,
    endpoint: String,
    endpoint_hash: Vec<u8>,
    p256dh: Vec<u8>,
    auth: Vec<u8>,
    vapid: Vec<u8>,
    failed_at: Option<i64>,
}

impl Row {
    /// Converts, with the seqs of uncounted messages, ascending.
    fn target(self, uncounted: &[u64]) -> NotificationTarget {
        let after = uncounted.len() - uncounted.partition_point(|seq| *seq <= self.read_seq);
        let less = self.hidden.unsigned_abs() + u64::try_from(after).unwrap_or(u64::MAX);
        NotificationTarget {
            user: UserId(self.user_id),
            preference: self.notifications.parse().unwrap_or_default(),
            unread: Seq(self.last_seq).since(Seq(self.read_seq)).saturating_sub(less),
            session: SessionId(self.session_id),
            endpoint: Endpoint {
                url: self.endpoint,
                hash: self.endpoint_hash.try_into().unwrap_or_default(),
                public: self.p256dh,
                auth: self.auth,
                vapid: self.vapid,
            },
            failed_at: self.failed_at.map(Timestamp),
        }
    }
}
