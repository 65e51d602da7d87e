//! All data kept of one user, table by table, in resumable pages.

use sqlx::MySqlConnection;

use crate::caller::Caller;
use crate::error::Result;
use crate::id::{MessageId, ReportId, RoomId, SessionId, UploadId, UserId};
use crate::protocol::export::{
    ExportedBlock, ExportedEdit, ExportedFriend, ExportedHidden, ExportedInvitation, ExportedInvite, ExportedMessage,
    ExportedReaction, ExportedReceipt, ExportedReport, ExportedRoom, ExportedSession, ExportedSubscription, ExportedUpload,
};
use crate::time::Timestamp;

/// Key of the last exported row, after which the next page begins; unused parts are 0.
pub type RowKey = (u64, u64, u64);
pub type KeyedRows<T> = Vec<(RowKey, T)>;

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
        at.0,
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
        ((row.id, 0, 0), session)
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
        at.0,
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
            read_seq: row.read_seq,
            muted_until: row.muted_until.map(Timestamp),
        };
        ((row.room_id, 0, 0), room)
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
        at.0,
        limit,
    )
    .map(|row| {
        let friend = ExportedFriend {
            user_id: UserId(row.other),
            requested_by: UserId(row.requested_by),
            requested_at: Timestamp(row.requested_at),
            accepted_at: row.accepted_at.map(Timestamp),
        };
        ((row.other, 0, 0), friend)
    });
    Ok(rows.fetch_all(connection).await?)
}

pub async fn blocks(connection: &mut MySqlConnection, by: &Caller, at: RowKey, limit: u32) -> Result<KeyedRows<ExportedBlock>> {
    let rows = sqlx::query!(
        "select blocked_id, created_at from blocks where user_id = ? and blocked_id > ? order by blocked_id limit ?",
        by.user.0,
        at.0,
        limit,
    )
    .map(|row| {
        let block = ExportedBlock { user_id: UserId(row.blocked_id), created_at: Timestamp(row.created_at) };
        ((row.blocked_id, 0, 0), block)
    });
    Ok(rows.fetch_all(connection).await?)
}

pub async fn reports(connection: &mut MySqlConnection, by: &Caller, at: RowKey, limit: u32) -> Result<KeyedRows<ExportedReport>> {
    let rows = sqlx::query!(
        "select id, room_id, seq, reason, created_at from reports where reporter_id = ? and id > ? order by id limit ?",
        by.user.0,
        at.0,
        limit,
    )
    .map(|row| {
        let report = ExportedReport {
            id: ReportId(row.id),
            room_id: RoomId(row.room_id),
            seq: row.seq,
            reason: row.reason,
            created_at: Timestamp(row.created_at),
        };
        ((row.id, 0, 0), report)
    });
    Ok(rows.fetch_all(connection).await?)
}

/// Invite links the user created. Creation times may collide, so the key counts rows instead.
pub async fn invites(connection: &mut MySqlConnection, by: &Caller, at: RowKey, limit: u32) -> Result<KeyedRows<ExportedInvite>> {
    let mut count = at.0;
    let rows = sqlx::query!(
        r#"select code as "code: String", room_id, created_at from invites
           where created_by = ? order by created_at, code limit ? offset ?"#,
        by.user.0,
        limit,
        at.0,
    )
    .map(|row| {
        count += 1;
        let invite = ExportedInvite { code: row.code, room_id: RoomId(row.room_id), created_at: Timestamp(row.created_at) };
        ((count, 0, 0), invite)
    });
    Ok(rows.fetch_all(connection).await?)
}

pub async fn uploads(connection: &mut MySqlConnection, by: &Caller, at: RowKey, limit: u32) -> Result<KeyedRows<ExportedUpload>> {
    let rows = sqlx::query!(
        r#"select id, purpose as "purpose: String", file_name, content_type as "content_type: String", size, room_id, seq, created_at
           from uploads where owner_id = ? and id > ? and state in ('pending', 'ready') order by id limit ?"#,
        by.user.0,
        at.0,
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
            seq: row.seq,
            created_at: Timestamp(row.created_at),
        };
        ((row.id, 0, 0), upload)
    });
    Ok(rows.fetch_all(connection).await?)
}

pub async fn hidden(connection: &mut MySqlConnection, by: &Caller, at: RowKey, limit: u32) -> Result<KeyedRows<ExportedHidden>> {
    let rows = sqlx::query!(
        r#"select room_id, seq, created_at from hidden_messages
           where user_id = ? and room_id >= ? and (room_id > ? or seq > ?) order by room_id, seq limit ?"#,
        by.user.0,
        at.0,
        at.0,
        at.1,
        limit,
    )
    .map(|row| {
        let hidden = ExportedHidden { room_id: RoomId(row.room_id), seq: row.seq, created_at: Timestamp(row.created_at) };
        ((row.room_id, row.seq, 0), hidden)
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
        at.0,
        limit,
    )
    .map(|row| {
        let (session_id, created_at) = (SessionId(row.session_id), Timestamp(row.created_at));
        ((row.session_id, 0, 0), ExportedSubscription { session_id, endpoint: row.endpoint, created_at })
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
        at.0,
        by.user.0,
        at.1,
        limit,
    )
    .map(|row| {
        let message = ExportedMessage {
            id: MessageId(row.id),
            room_id: RoomId(at.0),
            seq: row.seq,
            kind: row.kind,
            content: row.content,
            reply_to_seq: row.reply_to_seq,
            created_at: Timestamp(row.created_at),
            edited_at: row.edited_at.map(Timestamp),
            deleted_at: row.deleted_at.map(Timestamp),
        };
        ((at.0, row.seq, 0), message)
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
        at.0,
        by.user.0,
        at.1,
        at.1,
        at.2,
        limit,
    )
    .map(|row| {
        let edit = ExportedEdit {
            room_id: RoomId(at.0),
            seq: row.seq,
            version: row.version,
            content: row.content,
            edited_at: Timestamp(row.edited_at),
        };
        ((at.0, row.seq, u64::from(row.version)), edit)
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
    let (room, seq, come) = at;
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
        let reaction = ExportedReaction { room_id: RoomId(row.room_id), seq: row.seq, emoji: row.emoji, created_at };
        ((row.room_id, row.seq, count), reaction)
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
        at.0,
        by.user.0,
        at.1,
        limit,
    )
    .map(|row| {
        let read_at = Timestamp(row.read_at);
        let receipt = ExportedReceipt { room_id: RoomId(at.0), from_seq: row.from_seq, to_seq: row.to_seq, read_at };
        ((at.0, row.to_seq, 0), receipt)
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
        at.0,
        at.0,
        at.1,
        limit,
    )
    .map(|row| {
        let invitation = ExportedInvitation {
            room_id: RoomId(row.room_id),
            user_id: UserId(row.user_id),
            invited_by: UserId(row.invited_by),
            invited_at: Timestamp(row.invited_at),
        };
        ((row.room_id, row.user_id, 0), invitation)
    });
    Ok(rows.fetch_all(connection).await?)
}
