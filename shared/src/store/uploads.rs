//! Uploads: what was announced, what became of it, and which message shows it. An upload is attached once; its row says when nobody needs it.

use sqlx::MySqlConnection;

use crate::error::Result;
use crate::id::{ObjectId, RoomId, UploadId, UserId};
use crate::protocol::uploads::{self, MAX_ATTACHMENTS, NewUpload, Purpose, UploadState};
use crate::time::Timestamp;

/// An upload as its row has it.
#[derive(Clone, Debug)]
pub struct Upload {
    /// What others may see of it.
    pub seen: uploads::Upload,
    /// Who announced it. Nobody (0) of an avatar that a room kept when that person was erased.
    pub owner: UserId,
    /// The objects that are served.
    pub object: Option<ObjectId>,
    /// The message that it is attached to.
    pub place: Option<(RoomId, u64)>,
    /// How often its bytes were looked at.
    pub attempts: u32,
    /// When the sweep takes it; none while something shows it.
    pub due_at: Option<Timestamp>,
}

/// What looking at the bytes found.
#[derive(Clone, Debug)]
pub struct Found {
    /// The owner's name for it, with the ending of what it became.
    pub file_name: String,
    /// What is served.
    pub content_type: &'static str,
    /// Its bytes.
    pub size: u64,
    /// Pixels, of a picture.
    pub dimensions: Option<(u32, u32)>,
    /// A blurhash, of a picture.
    pub placeholder: Option<String>,
}

/// Uploads as [`Row`]s; the tail picks which.
macro_rules! select_uploads {
    ($tail:literal, $($value:expr),* $(,)?) => {
        sqlx::query_as!(
            Row,
            r#"
            select id, owner_id, purpose as "purpose: String", state as "state: String", file_name, content_type as "content_type: String",
                   size, width, height, placeholder as "placeholder: String", reason as "reason: String", attempts, object_id,
                   object_attempt, room_id, seq, created_at, due_at
            from uploads
            "# + $tail,
            $($value),*
        )
    };
}
pub(super) use select_uploads;

/// Announces an upload.
pub async fn insert(
    connection: &mut MySqlConnection,
    owner: UserId,
    new: &NewUpload,
    now: Timestamp,
    due_at: Timestamp,
) -> Result<UploadId> {
    let inserted = sqlx::query!(
        "insert into uploads (owner_id, purpose, file_name, content_type, size, created_at, due_at) values (?, ?, ?, ?, ?, ?, ?)",
        owner.0,
        purpose_name(new.purpose),
        new.file_name,
        new.content_type,
        new.size,
        now.0,
        due_at.0,
    )
    .execute(connection)
    .await?;
    Ok(UploadId(inserted.last_insert_id()))
}

/// An upload that is not doomed.
pub async fn find(connection: &mut MySqlConnection, id: UploadId) -> Result<Option<Upload>> {
    let row = select_uploads!("where id = ? and state <> 'doomed'", id.0).fetch_optional(connection).await?;
    Ok(row.map(Row::upload))
}

/// The same under the lock of its row.
pub async fn lock(transaction: &mut MySqlConnection, id: UploadId) -> Result<Option<Upload>> {
    let row = select_uploads!("where id = ? and state <> 'doomed' for update", id.0).fetch_optional(transaction).await?;
    Ok(row.map(Row::upload))
}

/// Those of these uploads that exist, under the locks of their rows.
pub async fn lock_all(transaction: &mut MySqlConnection, ids: &[UploadId]) -> Result<Vec<Upload>> {
    let ids = ten(ids);
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

/// Begins a look at the bytes of an upload that waits for one: until then nobody else begins another. None when somebody looks already, or when it
/// no longer waits.
pub async fn begin(connection: &mut MySqlConnection, id: UploadId, now: Timestamp, until: Timestamp) -> Result<Option<ObjectId>> {
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

/// Ends a look that found nothing out, unless it was taken over.
pub async fn leave(connection: &mut MySqlConnection, look: ObjectId) -> Result<()> {
    sqlx::query!("update uploads set looking_until = null where id = ? and attempts = ?", look.upload.0, look.attempt)
        .execute(connection)
        .await?;
    Ok(())
}

/// The bytes are what was announced. False when another look was quicker.
pub async fn accept(connection: &mut MySqlConnection, object: ObjectId, found: &Found) -> Result<bool> {
    let done = sqlx::query!(
        r#"
        update uploads
        set state = 'ready', looking_until = null, file_name = ?, content_type = ?, size = ?, width = ?, height = ?, placeholder = ?,
            object_id = ?, object_attempt = ?
        where id = ? and state = 'pending'
        "#,
        found.file_name,
        found.content_type,
        found.size,
        found.dimensions.map(|(width, _)| width),
        found.dimensions.map(|(_, height)| height),
        found.placeholder,
        object.upload.0,
        object.attempt,
        object.upload.0,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The bytes are not what was announced. False when another look was quicker.
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

/// Something shows this upload from now on; it is not swept. Its row is locked by the transaction.
pub async fn keep(transaction: &mut MySqlConnection, id: UploadId) -> Result<()> {
    sqlx::query!("update uploads set due_at = null where id = ?", id.0).execute(transaction).await?;
    Ok(())
}

/// Nobody may see this upload any more; the sweep takes it.
pub async fn doom(connection: &mut MySqlConnection, id: UploadId, now: Timestamp) -> Result<()> {
    sqlx::query!("update uploads set state = 'doomed', due_at = ? where id = ?", now.0, id.0).execute(connection).await?;
    Ok(())
}

/// The same for one that its owner gives up before anything showed it. False when there is none such.
pub async fn discard(connection: &mut MySqlConnection, id: UploadId, owner: UserId, now: Timestamp) -> Result<bool> {
    let done = sqlx::query!(
        "update uploads set state = 'doomed', due_at = ? where id = ? and owner_id = ? and state <> 'doomed' and due_at is not null",
        now.0,
        id.0,
        owner.0,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The row that [`select_uploads`] reads.
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
    pub(super) placeholder: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) attempts: u32,
    pub(super) object_id: Option<u64>,
    pub(super) object_attempt: Option<u32>,
    pub(super) room_id: Option<u64>,
    pub(super) seq: Option<u64>,
    pub(super) created_at: i64,
    pub(super) due_at: Option<i64>,
}

impl Row {
    pub(super) fn upload(self) -> Upload {
        let id = UploadId(self.id);
        let state = match self.state.as_str() {
            "ready" => UploadState::Ready,
            "rejected" => UploadState::Rejected,
            _ => UploadState::Pending,
        };
        let purpose = purpose(&self.purpose);
        let ready = state == UploadState::Ready;
        Upload {
            owner: UserId(self.owner_id),
            object: self.object_id.zip(self.object_attempt).map(|(id, attempt)| ObjectId { upload: UploadId(id), attempt }),
            place: self.room_id.zip(self.seq).map(|(room, seq)| (RoomId(room), seq)),
            attempts: self.attempts,
            due_at: self.due_at.map(Timestamp),
            seen: uploads::Upload {
                upload_id: id,
                purpose,
                state,
                file_name: self.file_name,
                content_type: self.content_type,
                size: self.size,
                width: self.width,
                height: self.height,
                placeholder: self.placeholder,
                reason: self.reason,
                url: ready.then(|| uploads::content_url(id)),
                thumbnail_url: (ready && purpose != Purpose::File).then(|| uploads::thumbnail_url(id)),
                created_at: Timestamp(self.created_at),
            },
        }
    }
}

/// As many ids as a message has attachments; zero is the id of none.
pub(super) fn ten(ids: &[UploadId]) -> [u64; MAX_ATTACHMENTS] {
    let mut ten = [0; MAX_ATTACHMENTS];
    for (place, id) in ten.iter_mut().zip(ids) {
        *place = id.0;
    }
    ten
}

fn purpose(name: &str) -> Purpose {
    match name {
        "avatar" => Purpose::Avatar,
        "image" => Purpose::Image,
        _ => Purpose::File,
    }
}

fn purpose_name(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Avatar => "avatar",
        Purpose::Image => "image",
        Purpose::File => "file",
    }
}
