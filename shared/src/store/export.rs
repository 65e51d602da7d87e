//! All data kept of one user, table by table, in resumable pages.

use sqlx::MySqlConnection;

use crate::caller::Caller;
use crate::error::Result;
use crate::id::{MessageId, ReportId, RoomId, Seq, SessionId, UploadId, UserId};
use crate::protocol::export::{
    ExportedBlock, ExportedEdit, ExportedFriend, ExportedHidden, ExportedInvitation, ExportedInvite, ExportedMessage,
    ExportedReaction, ExportedReceipt, ExportedReport, ExportedRoom, ExportedSession, ExportedSubscription, ExportedUpload,
};
use crate::text::emoji;
use crate::time::Timestamp;

/// Key of the last exported row, after which the next page begins; unused parts are 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RowKey {
    /// Id of the row, or of its room.
    pub id: u64,
    /// Within the room: the seq, or the user.
    pub part: u64,
    /// Number within the message.
    pub number: u64,
}

impl RowKey {
    pub const fn of(id: u64) -> Self {
        Self { id, part: 0, number: 0 }
    }
}

#[derive(Debug)]
pub struct KeyedRow<T> {
    pub key: RowKey,
    pub row: T,
}

pub type KeyedRows<T> = Vec<KeyedRow<T>>;

/// Returns the next room after `room` of all that the user is or was in.
pub async fn room_after(connection: &mut MySqlConnection, by: &Caller, room: u64) -> Result<Option<u64>> {
    let next = sqlx::query_scalar!("select min(room_id) from members where user_id = ? and room_id > ?", by.user.0, room);
    Ok(next.fetch_one(connection).await?)
}

pub async fn sessions(
    connection: &mut MySqlConnection,
    by: &Caller,
    at: RowKey,
    limit: u32,
) -> Result<KeyedRows<ExportedSession>> {
    let rows = sqlx::query!(
        r#"select id, device, ip as "ip: String", created_at, last_used_at, expires_at, revoked_at
           from sessions where user_id = ? and id > ? order by id limit ?"#,
        by.user.0,
        at.id,
        limit,
    )
    .map(|row| {
        let session = ExportedSession {
            id: SessionId(row.id),
            device: row.device,
            ip: row.ip,
            created_at: Timestamp(row.created_at),
            last_used_at: Timestamp(row.last_used_at),
            expires_at: Timestamp(row.expires_at),
            revoked_at: row.revoked_at.map(Timestamp),
        };
        KeyedRow { key: RowKey::of(row.id), row: session }
    });
    Ok(rows.fetch_all(connection).await?)
}

/// Memberships, without direct rooms that were never listed. A user who left a room no longer sees its name.
pub async fn rooms(connection: &mut MySqlConnection, by: &Caller, at: RowKey, limit: u32) -> Result<KeyedRows<ExportedRoom>> {
    let rows = sqlx::query!(
        r#"select m.room_id, r.kind as "kind: String", if(m.state = 'joined' or r.kind = 'public', r.name, '') as "name!: String",
                  m.role as "role: String", m.state as "state: String", m.joined_at, m.read_seq, m.muted_until
           from members m join rooms r on r.id = m.room_id
           where m.user_id = ? and m.room_id > ? and (m.closed_seq is null or m.closed_at is not null or m.closed_seq < r.last_seq)
           order by m.room_id limit ?"#,
        by.user.0,
        at.id,
        limit,
    )
    .map(|row| {
        let room = ExportedRoom {
            room_id: RoomId(row.room_id),
            kind: row.kind,
            name: row.name,
            role: row.role,
            state: row.state,
            joined_at: Timestamp(row.joined_at),
            read_seq: Seq(row.read_seq),
            muted_until: row.muted_until.map(Timestamp),
        };
        KeyedRow { key: RowKey::of(row.room_id), row: room }
    });
    Ok(rows.fetch_all(connection).await?)
}

/// Friends and friend requests.
pub async fn friends(connection: &mut MySqlConnection, by: &Caller, at: RowKey, limit: u32) -> Result<KeyedRows<ExportedFriend>> {
    let rows = sqlx::query!(
        r#"select f.other as "other!: u64", f.requested_by as "requested_by!: u64", f.requested_at as "requested_at!: i64",
                  f.accepted_at as "accepted_at?: i64"
           from (select requested_of as other, requested_by, requested_at, accepted_at from friendships where requested_by = ?
                 union all
                 select requested_by, requested_by, requested_at, accepted_at from friendships where requested_of = ?) f
           where f.other > ? order by f.other limit ?"#,
        by.user.0,
        by.user.0,
        at.id,
        limit,
    )
    .map(|row| {
        let friend = ExportedFriend {
            user_id: UserId(row.other),
            requested_by: UserId(row.requested_by),
            requested_at: Timestamp(row.requested_at),
            accepted_at: row.accepted_at.map(Timestamp),
        };
        KeyedRow { key: RowKey::of(row.other), row: friend }
    });
    Ok(rows.fetch_all(connection).await?)
}

pub async fn blocks(connection: &mut MySqlConnection, by: &Caller, at: RowKey, limit: u32) -> Result<KeyedRows<ExportedBlock>> {
    let rows = sqlx::query!(
        "select blocked_id, created_at from blocks where user_id = ? and blocked_id > ? order by blocked_id limit ?",
        by.user.0,
        at.id,
        limit,
    )
    .map(|row| {
        let block = ExportedBlock { user_id: UserId(row.blocked_id), created_at: Timestamp(row.created_at) };
        KeyedRow { key: RowKey::of(row.blocked_id), row: block }
    });
    Ok(rows.fetch_all(connection).await?)
}

pub async fn reports(connection: &mut MySqlConnection, by: &Caller, at: RowKey, limit: u32) -> Result<KeyedRows<ExportedReport>> {
    let rows = sqlx::query!(
        "select id, room_id, seq, reason, created_at from reports where reporter_id = ? and id > ? order by id limit ?",
        by.user.0,
        at.id,
        limit,
    )
    .map(|row| {
        let report = ExportedReport {
            id: ReportId(row.id),
            room_id: RoomId(row.room_id),
            seq: Seq(row.seq),
            reason: row.reason,
            created_at: Timestamp(row.created_at),
        };
        KeyedRow { key: RowKey::of(row.id), row: report }
    });
    Ok(rows.fetch_all(connection).await?)
}

/// Invite links the user created. Creation times may collide, so the key counts rows instead.
pub async fn invites(connection: &mut MySqlConnection, by: &Caller, at: RowKey, limit: u32) -> Result<KeyedRows<ExportedInvite>> {
    let mut count = at.id;
    let rows = sqlx::query!(
        r#"select code as "code: String", room_id, created_at from invites
           where created_by = ? order by created_at, code limit ? offset ?"#,
        by.user.0,
        limit,
        at.id,
    )
    .map(|row| {
        count += 1;
        let invite = ExportedInvite { code: row.code, room_id: RoomId(row.room_id), created_at: Timestamp(row.created_at) };
        KeyedRow { key: RowKey::of(count), row: invite }
    });
    Ok(rows.fetch_all(connection).await?)
}

pub async fn uploads(connection: &mut MySqlConnection, by: &Caller, at: RowKey, limit: u32) -> Result<KeyedRows<ExportedUpload>> {
    let rows = sqlx::query!(
        r#"select id, purpose as "purpose: String", file_name, content_type as "content_type: String", size, room_id, seq, created_at
           from uploads where owner_id = ? and id > ? and state in ('pending', 'ready') order by id limit ?"#,
        by.user.0,
        at.id,
        limit,
    )
    .map(|row| {
        let upload = ExportedUpload {
            id: UploadId(row.id),
            purpose: row.purpose,
            file_name: row.file_name,
            content_type: row.content_type,
            size: row.size,
            room_id: row.room_id.map(RoomId),
            seq: row.seq.map(Seq),
            created_at: Timestamp(row.created_at),
        };
        KeyedRow { key: RowKey::of(row.id), row: upload }
    });
    Ok(rows.fetch_all(connection).await?)
}

pub async fn hidden(connection: &mut MySqlConnection, by: &Caller, at: RowKey, limit: u32) -> Result<KeyedRows<ExportedHidden>> {
    let rows = sqlx::query!(
        r#"select room_id, seq, created_at from hidden_messages
           where user_id = ? and room_id >= ? and (room_id > ? or seq > ?) order by room_id, seq limit ?"#,
        by.user.0,
        at.id,
        at.id,
        at.part,
        limit,
    )
    .map(|row| {
        let hidden = ExportedHidden { room_id: RoomId(row.room_id), seq: Seq(row.seq), created_at: Timestamp(row.created_at) };
        KeyedRow { key: RowKey { id: row.room_id, part: row.seq, number: 0 }, row: hidden }
    });
    Ok(rows.fetch_all(connection).await?)
}

pub async fn subscriptions(
    connection: &mut MySqlConnection,
    by: &Caller,
    at: RowKey,
    limit: u32,
) -> Result<KeyedRows<ExportedSubscription>> {
    let rows = sqlx::query!(
        r#"select session_id, endpoint as "endpoint: String", created_at from push_subscriptions
           where user_id = ? and session_id > ? order by session_id limit ?"#,
        by.user.0,
        at.id,
        limit,
    )
    .map(|row| {
        let (session_id, created_at) = (SessionId(row.session_id), Timestamp(row.created_at));
        KeyedRow { key: RowKey::of(row.session_id), row: ExportedSubscription { session_id, endpoint: row.endpoint, created_at } }
    });
    Ok(rows.fetch_all(connection).await?)
}

/// The user's messages in one room.
pub async fn messages(
    connection: &mut MySqlConnection,
    by: &Caller,
    at: RowKey,
    limit: u32,
) -> Result<KeyedRows<ExportedMessage>> {
    let rows = sqlx::query!(
        r#"select id, seq, kind as "kind: String", content, reply_to_seq, created_at, edited_at, deleted_at
           from messages where room_id = ? and sender_id = ? and seq > ? order by seq limit ?"#,
        at.id,
        by.user.0,
        at.part,
        limit,
    )
    .map(|row| {
        let message = ExportedMessage {
            id: MessageId(row.id),
            room_id: RoomId(at.id),
            seq: Seq(row.seq),
            kind: row.kind,
            content: row.content,
            reply_to_seq: row.reply_to_seq.map(Seq),
            created_at: Timestamp(row.created_at),
            edited_at: row.edited_at.map(Timestamp),
            deleted_at: row.deleted_at.map(Timestamp),
        };
        KeyedRow { key: RowKey { id: at.id, part: row.seq, number: 0 }, row: message }
    });
    Ok(rows.fetch_all(connection).await?)
}

/// Previous versions of the user's messages in one room.
pub async fn edits(connection: &mut MySqlConnection, by: &Caller, at: RowKey, limit: u32) -> Result<KeyedRows<ExportedEdit>> {
    let rows = sqlx::query!(
        r#"select e.seq, e.version, e.content, e.edited_at
           from message_edits e join messages m on m.room_id = e.room_id and m.seq = e.seq
           where e.room_id = ? and m.sender_id = ? and e.seq >= ? and (e.seq > ? or e.version > ?)
           order by e.seq, e.version limit ?"#,
        at.id,
        by.user.0,
        at.part,
        at.part,
        at.number,
        limit,
    )
    .map(|row| {
        let edit = ExportedEdit {
            room_id: RoomId(at.id),
            seq: Seq(row.seq),
            version: row.version,
            content: row.content,
            edited_at: Timestamp(row.edited_at),
        };
        KeyedRow { key: RowKey { id: at.id, part: row.seq, number: u64::from(row.version) }, row: edit }
    });
    Ok(rows.fetch_all(connection).await?)
}

/// The user's reactions. The key counts those on one message, which has at most 20 kinds.
pub async fn reactions(
    connection: &mut MySqlConnection,
    by: &Caller,
    at: RowKey,
    limit: u32,
) -> Result<KeyedRows<ExportedReaction>> {
    let RowKey { id: room, part: seq, number: come } = at;
    let (mut place, mut count) = ((room, seq), come);
    let rows = sqlx::query!(
        r#"select room_id, seq, emoji as "emoji: String", created_at from reactions
           where user_id = ? and room_id >= ? and (room_id > ? or seq >= ?) order by room_id, seq, emoji limit ? offset ?"#,
        by.user.0,
        room,
        room,
        seq,
        limit,
        come,
    )
    .map(|row| {
        count = if place == (row.room_id, row.seq) { count + 1 } else { 1 };
        place = (row.room_id, row.seq);
        let created_at = Timestamp(row.created_at);
        let reaction = ExportedReaction {
            room_id: RoomId(row.room_id),
            seq: Seq(row.seq),
            emoji: emoji::shown(&row.emoji).into_owned(),
            created_at,
        };
        KeyedRow { key: RowKey { id: row.room_id, part: row.seq, number: count }, row: reaction }
    });
    Ok(rows.fetch_all(connection).await?)
}

/// Read receipts in one room.
pub async fn receipts(
    connection: &mut MySqlConnection,
    by: &Caller,
    at: RowKey,
    limit: u32,
) -> Result<KeyedRows<ExportedReceipt>> {
    let rows = sqlx::query!(
        "select from_seq, to_seq, read_at from receipts where room_id = ? and user_id = ? and to_seq > ? order by to_seq limit ?",
        at.id,
        by.user.0,
        at.part,
        limit,
    )
    .map(|row| {
        let read_at = Timestamp(row.read_at);
        let receipt = ExportedReceipt { room_id: RoomId(at.id), from_seq: Seq(row.from_seq), to_seq: Seq(row.to_seq), read_at };
        KeyedRow { key: RowKey { id: at.id, part: row.to_seq, number: 0 }, row: receipt }
    });
    Ok(rows.fetch_all(connection).await?)
}

/// Invitations that the user sent or received, by room and invitee.
pub async fn invitations(
    connection: &mut MySqlConnection,
    by: &Caller,
    at: RowKey,
    limit: u32,
) -> Result<KeyedRows<ExportedInvitation>> {
    let rows = sqlx::query!(
        r#"select room_id, user_id, invited_by, invited_at
           from room_invitations
           where (user_id = ? or invited_by = ?) and (room_id > ? or room_id = ? and user_id > ?)
           order by room_id, user_id limit ?"#,
        by.user.0,
        by.user.0,
        at.id,
        at.id,
        at.part,
        limit,
    )
    .map(|row| {
        let invitation = ExportedInvitation {
            room_id: RoomId(row.room_id),
            user_id: UserId(row.user_id),
            invited_by: UserId(row.invited_by),
            invited_at: Timestamp(row.invited_at),
        };
        KeyedRow { key: RowKey { id: row.room_id, part: row.user_id, number: 0 }, row: invitation }
    });
    Ok(rows.fetch_all(connection).await?)
}
