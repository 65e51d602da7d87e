//! Uploads: announcement, verification, and the message that shows each. An upload is attached to at most one message; `due_at` schedules its
//! deletion.

use sqlx::MySqlConnection;

use crate::caller::Caller;
use crate::error::Result;
use crate::id::{MessageRef, ObjectId, RoomId, Seq, UploadId, UserId};
use crate::protocol::uploads::{self, MAX_ATTACHMENTS, NewUpload, Purpose, UploadState};
use crate::time::Timestamp;

/// A row of `uploads`.
#[derive(Clone, Debug)]
pub struct UploadRecord {
    /// The part that clients see.
    pub info: uploads::Upload,
    /// The uploader; 0 for copies without owner, and for a room's avatar whose uploader was erased.
    pub owner: UserId,
    /// The stored objects.
    pub object: Option<ObjectId>,
    /// The message it is attached to.
    pub message: Option<MessageRef>,
    /// The picture whose thumbnail a video shows.
    pub poster: Option<UploadId>,
    /// Number of verifications begun.
    pub attempts: u32,
    /// When the sweep deletes it; none while in use.
    pub due_at: Option<Timestamp>,
}

/// Result of a successful verification.
#[derive(Clone, Debug)]
pub struct VerifiedUpload {
    /// The owner's file name, with the extension of the resulting type.
    pub file_name: String,
    pub content_type: &'static str,
    pub size: u64,
    /// Pixels of an image or video.
    pub dimensions: Option<(u32, u32)>,
    /// Blurhash of an image or a poster.
    pub placeholder: Option<String>,
    /// Milliseconds of audio or video.
    pub duration: Option<u32>,
    /// The picture whose thumbnail was stored with a video.
    pub poster: Option<UploadId>,
}

/// Selects uploads as [`Row`]s; the tail picks which.
macro_rules! select_uploads {
    ($tail:literal, $($value:expr),* $(,)?) => {
        sqlx::query_as!(
            Row,
            r#"
            select id, owner_id, purpose as "purpose: String", state as "state: String", file_name, content_type as "content_type: String",
                   size, width, height, duration, placeholder as "placeholder: String", reason as "reason: String", attempts, object_id,
                   object_attempt, room_id, seq, created_at, due_at, poster_id
            from uploads
            "# + $tail,
            $($value),*
        )
    };
}
pub(super) use select_uploads;

pub async fn insert(
    connection: &mut MySqlConnection,
    owner: UserId,
    new: &NewUpload,
    now: Timestamp,
    due_at: Timestamp,
) -> Result<UploadId> {
    let inserted = sqlx::query!(
        r#"
        insert into uploads (owner_id, purpose, file_name, content_type, size, created_at, due_at, poster_id)
        values (?, ?, ?, ?, ?, ?, ?, ?)
        "#,
        owner.0,
        new.purpose.to_string(),
        new.file_name,
        new.content_type,
        new.size,
        now.0,
        due_at.0,
        new.poster_upload_id.map(|poster| poster.0),
    )
    .execute(connection)
    .await?;
    Ok(UploadId(inserted.last_insert_id()))
}

/// Returns an upload that is not marked for deletion.
pub async fn find(connection: &mut MySqlConnection, id: UploadId) -> Result<Option<UploadRecord>> {
    let row = select_uploads!("where id = ? and state <> 'doomed'", id.0).fetch_optional(connection).await?;
    Ok(row.map(Row::upload))
}

/// Like [`find`], with the row locked.
pub async fn lock(transaction: &mut MySqlConnection, id: UploadId) -> Result<Option<UploadRecord>> {
    let row = select_uploads!("where id = ? and state <> 'doomed' for update", id.0).fetch_optional(transaction).await?;
    Ok(row.map(Row::upload))
}

/// Locks and returns those of these uploads that exist.
pub async fn lock_all(transaction: &mut MySqlConnection, ids: &[UploadId]) -> Result<Vec<UploadRecord>> {
    let ids = padded(ids);
    let rows = select_uploads!(
        "where id in (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) and state <> 'doomed' order by id for update",
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
    )
    .fetch_all(transaction)
    .await?;
    Ok(rows.into_iter().map(Row::upload).collect())
}

/// Begins verification of a pending upload and reserves it until `until`. Returns none when a verification runs or the upload is not pending.
pub async fn begin_verification(
    connection: &mut MySqlConnection,
    id: UploadId,
    now: Timestamp,
    until: Timestamp,
) -> Result<Option<ObjectId>> {
    let done = sqlx::query!(
        r#"
        update uploads
        set attempts = last_insert_id(attempts + 1), looking_until = ?
        where id = ? and state = 'pending' and (looking_until is null or looking_until <= ?)
        "#,
        until.0,
        id.0,
        now.0,
    )
    .execute(connection)
    .await?;
    let attempt = u32::try_from(done.last_insert_id()).unwrap_or(u32::MAX);
    Ok((done.rows_affected() == 1).then_some(ObjectId { upload: id, attempt }))
}

/// Releases a verification without a result, unless another has taken over.
pub async fn release_verification(connection: &mut MySqlConnection, look: ObjectId) -> Result<()> {
    sqlx::query!("update uploads set looking_until = null where id = ? and attempts = ?", look.upload.0, look.attempt)
        .execute(connection)
        .await?;
    Ok(())
}

/// Stores a successful verification. Returns false when another one finished first.
pub async fn accept(connection: &mut MySqlConnection, object: ObjectId, found: &VerifiedUpload) -> Result<bool> {
    let VerifiedUpload { file_name, content_type, size, dimensions, placeholder, duration, poster } = found;
    let done = sqlx::query!(
        r#"
        update uploads
        set state = 'ready', looking_until = null, file_name = ?, content_type = ?, size = ?, width = ?, height = ?, placeholder = ?,
            duration = ?, poster_id = ?, object_id = ?, object_attempt = ?
        where id = ? and state = 'pending'
        "#,
        file_name,
        content_type,
        size,
        dimensions.map(|(width, _)| width),
        dimensions.map(|(_, height)| height),
        placeholder,
        *duration,
        poster.map(|poster| poster.0),
        object.upload.0,
        object.attempt,
        object.upload.0,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Rejects an upload. Returns false when another verification finished first.
pub async fn reject(connection: &mut MySqlConnection, id: UploadId, reason: &str) -> Result<bool> {
    let done = sqlx::query!(
        "update uploads set state = 'rejected', looking_until = null, reason = ? where id = ? and state = 'pending'",
        reason,
        id.0
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Marks an upload, whose row the transaction locks, as used, so that the sweep keeps it.
pub async fn mark_used(transaction: &mut MySqlConnection, id: UploadId) -> Result<()> {
    sqlx::query!("update uploads set due_at = null where id = ?", id.0).execute(transaction).await?;
    Ok(())
}

/// Marks an upload for deletion by the sweep.
pub async fn mark_for_deletion(connection: &mut MySqlConnection, id: UploadId, now: Timestamp) -> Result<()> {
    sqlx::query!("update uploads set state = 'doomed', due_at = ? where id = ?", now.0, id.0).execute(connection).await?;
    Ok(())
}

/// Marks an unused upload for deletion by its owner: at once, or at `expiry` if its bytes may still arrive, whose room it takes until then. Returns
/// false when there is none.
pub async fn discard(connection: &mut MySqlConnection, caller: &Caller, id: UploadId, expiry: Timestamp) -> Result<bool> {
    let done = sqlx::query!(
        r#"
        update uploads
        set size = if(state = 'rejected', 0, size), due_at = if(object_id is null, ?, ?), state = 'doomed'
        where id = ? and owner_id = ? and state <> 'doomed' and due_at is not null
        "#,
        expiry.0,
        caller.now.0,
        id.0,
        caller.user.0,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(super) struct Row {
    pub(super) id: u64,
    pub(super) owner_id: u64,
    pub(super) purpose: String,
    pub(super) state: String,
    pub(super) file_name: String,
    pub(super) content_type: String,
    pub(super) size: u64,
    pub(super) width: Option<u32>,
    pub(super) height: Option<u32>,
    pub(super) duration: Option<u32>,
    pub(super) placeholder: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) attempts: u32,
    pub(super) object_id: Option<u64>,
    pub(super) object_attempt: Option<u32>,
    pub(super) room_id: Option<u64>,
    pub(super) seq: Option<u64>,
    pub(super) created_at: i64,
    pub(super) due_at: Option<i64>,
    pub(super) poster_id: Option<u64>,
}

impl Row {
    pub(super) fn upload(self) -> UploadRecord {
        let id = UploadId(self.id);
        let state = self.state.parse().unwrap_or(UploadState::Pending);
        let purpose = self.purpose.parse().unwrap_or(Purpose::File);
        let ready = state == UploadState::Ready;
        // Release 0.2.0 leaves an announced poster as it is when it completes a video.
        let has_thumbnail = purpose != Purpose::File || self.poster_id.is_some() && self.placeholder.is_some();
        UploadRecord {
            owner: UserId(self.owner_id),
            object: self.object_id.zip(self.object_attempt).map(|(id, attempt)| ObjectId { upload: UploadId(id), attempt }),
            message: self.room_id.zip(self.seq).map(|(room, seq)| MessageRef { room: RoomId(room), seq: Seq(seq) }),
            poster: self.poster_id.map(UploadId),
            attempts: self.attempts,
            due_at: self.due_at.map(Timestamp),
            info: uploads::Upload {
                upload_id: id,
                purpose,
                state,
                file_name: self.file_name,
                content_type: self.content_type,
                size: self.size,
                width: self.width,
                height: self.height,
                duration: self.duration,
                placeholder: self.placeholder,
                reason: self.reason,
                url: ready.then(|| uploads::content_url(id)),
                thumbnail_url: (ready && has_thumbnail).then(|| uploads::thumbnail_url(id)),
                created_at: Timestamp(self.created_at),
            },
        }
    }
}

/// Pads ids to the most attachments of a message with 0, which is no upload's id.
pub(super) fn padded(ids: &[UploadId]) -> [u64; MAX_ATTACHMENTS] {
    let mut padded = [0; MAX_ATTACHMENTS];
    for (place, id) in padded.iter_mut().zip(ids) {
        *place = id.0;
    }
    padded
}
