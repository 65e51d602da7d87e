//! Devices that are told of messages while their people are away, and who of a room that is. A device belongs to a login: whoever ended that
//! hears nothing there any more.

use sqlx::{MySqlConnection, QueryBuilder};

use crate::caller::Caller;
use crate::error::Result;
use crate::id::{RoomId, SessionId, UserId};
use crate::protocol::messages::MessageKind;
use crate::protocol::people::Notifications;
use crate::protocol::rooms::RoomKind;
use crate::store::{mentions, message_row, rooms};
use crate::time::Timestamp;

/// Where and how a device is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its URL at its push service.
    pub url: String,
    /// SHA-256 of that.
    pub hash: [u8; 32],
    /// Its public key.
    pub public: Vec<u8>,
    /// The secret that it shares with us.
    pub auth: Vec<u8>,
    /// Which of our keys it knows.
    pub vapid: Vec<u8>,
}

/// A message that people are told of.
#[derive(Clone, Debug)]
pub struct News {
    /// Its room.
    pub room: RoomId,
    /// What the room is called; empty for a direct one.
    pub room_name: String,
    /// What the room is.
    pub room_kind: RoomKind,
    /// Its place.
    pub seq: u64,
    /// Words, pictures or files.
    pub kind: MessageKind,
    /// Who wrote it, and what they are called.
    pub sender: (UserId, String),
    /// The text.
    pub content: String,
    /// Whom it mentions.
    pub mentions: Vec<UserId>,
}

/// A device of somebody who wants to be told.
#[derive(Clone, Debug)]
pub struct Due {
    /// Who.
    pub user: UserId,
    /// Which messages they want to be told of.
    pub wish: Notifications,
    /// What they have not read of the room.
    pub unread: u64,
    /// Which login it is.
    pub session: SessionId,
    /// How it is told.
    pub endpoint: Endpoint,
    /// Since when that fails.
    pub failed_at: Option<Timestamp>,
}

/// Makes this the one device of the caller's login, and of nobody else's.
pub async fn put(connection: &mut MySqlConnection, caller: &Caller, endpoint: &Endpoint) -> Result<()> {
    // Replaces both what this login had and whatever another login had with the same endpoint.
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

/// Forgets the device of a login; one that is not there is none.
pub async fn delete(connection: &mut MySqlConnection, caller: &Caller) -> Result<()> {
    sqlx::query!("delete from push_subscriptions where session_id = ?", caller.session.0).execute(connection).await?;
    Ok(())
}

/// Those of these people who have a device.
pub async fn among(connection: &mut MySqlConnection, users: &[UserId]) -> Result<Vec<UserId>> {
    let mut query = QueryBuilder::new("select distinct user_id from push_subscriptions where user_id in (0");
    for user in users {
        query.push(", ").push_bind(user.0);
    }
    query.push(")");
    let found: Vec<u64> = query.build_query_scalar().fetch_all(connection).await?;
    Ok(found.into_iter().map(UserId).collect())
}

/// The message of a place, or the newest one up to there that people wrote, if it is still something to tell.
pub async fn news(connection: &mut MySqlConnection, room: RoomId, seq: Option<u64>) -> Result<Option<News>> {
    let row = sqlx::query!(
        r#"
        select r.name, r.kind as "room_kind: String", m.seq, m.kind as "kind: String", m.content, m.mentions, u.id, u.display_name
        from rooms r
        join messages m on m.room_id = r.id and m.seq between coalesce(?, r.last_seq - least(r.last_seq, 20)) and coalesce(?, r.last_seq)
        join users u on u.id = m.sender_id
        where r.id = ? and r.deleted_at is null and m.deleted_at is null and m.kind <> 'system'
        order by m.seq desc
        limit 1
        "#,
        seq,
        seq,
        room.0,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| News {
        room,
        room_name: row.name,
        room_kind: rooms::kind(&row.room_kind),
        seq: row.seq,
        kind: message_row::kind(&row.kind),
        sender: (UserId(row.id), row.display_name),
        content: row.content,
        mentions: mentions::read(&row.mentions),
    }))
}

/// The devices of those of these people who are to be told of a message: members who have not read it, want to know, did not mute the room, and
/// are not parted from its sender by a block. One statement, by keys.
pub async fn due(connection: &mut MySqlConnection, news: &News, users: &[UserId], now: Timestamp) -> Result<Vec<Due>> {
    let mut query = QueryBuilder::new(
        "select p.user_id, u.notifications, r.last_seq, m.read_seq, case when r.last_unsent_seq > m.read_seq then \
         (select count(*) from messages x where x.room_id = r.id and x.seq > m.read_seq and x.deleted_at is not null) else 0 end, \
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
    query.push_bind(news.seq).push(" and m.visible_from_seq <= ").push_bind(news.seq);
    query.push(" and (m.muted_until is null or m.muted_until <= ").push_bind(now.0);
    query.push(") where p.user_id <> ").push_bind(news.sender.0.0).push(" and p.user_id in (0");
    for user in users {
        query.push(", ").push_bind(user.0);
    }
    query.push(") and not exists (select 1 from blocks b where b.user_id = p.user_id and b.blocked_id = ");
    query.push_bind(news.sender.0.0).push(") and not exists (select 1 from blocks b where b.user_id = ");
    query.push_bind(news.sender.0.0).push(" and b.blocked_id = p.user_id) and not exists (select 1 from hidden_messages h");
    query.push(" where h.user_id = p.user_id and h.room_id = r.id and h.seq = ").push_bind(news.seq).push(")");
    let rows: Vec<Row> = query.build_query_as().fetch_all(connection).await?;
    Ok(rows.into_iter().map(Due::from).collect())
}

/// A device is gone, unless its person has subscribed with another one since.
pub async fn forget(connection: &mut MySqlConnection, device: &Due) -> Result<()> {
    sqlx::query!(
        "delete from push_subscriptions where session_id = ? and endpoint_hash = ?",
        device.session.0,
        device.endpoint.hash.as_slice(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes since when a device cannot be told, or that it can again.
pub async fn note(connection: &mut MySqlConnection, device: &Due, failed_at: Option<Timestamp>) -> Result<()> {
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

/// What a person wants to be told of, as its column spells it.
pub(super) fn wish_name(wish: Notifications) -> &'static str {
    match wish {
        Notifications::All => "all",
        Notifications::Mentions => "mentions",
        Notifications::None => "none",
    }
}

/// And the other way round.
pub(super) fn wish(name: &str) -> Notifications {
    match name {
        "mentions" => Notifications::Mentions,
        "none" => Notifications::None,
        _ => Notifications::All,
    }
}

type Row = (u64, String, u64, u64, i64, u64, String, Vec<u8>, Vec<u8>, Vec<u8>, Vec<u8>, Option<i64>);

impl From<Row> for Due {
    fn from(row: Row) -> Self {
        let (user, wanted, last, read, unsent, session, url, hash, public, auth, vapid, failed_at) = row;
        Self {
            user: UserId(user),
            wish: wish(&wanted),
            unread: last.saturating_sub(read).saturating_sub(unsent.unsigned_abs()),
            session: SessionId(session),
            endpoint: Endpoint { url, hash: hash.try_into().unwrap_or_default(), public, auth, vapid },
            failed_at: failed_at.map(Timestamp),
        }
    }
}
