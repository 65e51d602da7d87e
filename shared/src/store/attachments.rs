//! Attachments of messages: JSON in the message's row for readers, and a reference to the message in `uploads`.

use serde::{Deserialize, Serialize};
use sqlx::MySqlConnection;

use crate::error::{Error, Result};
use crate::id::{MessageRef, ObjectId, Rev, RoomId, Seq, UploadId, UserId};
use crate::protocol::messages::{Attachment, AttachmentKind};
use crate::protocol::uploads as wire;
use crate::store::uploads::{Row, UploadRecord, padded, select_uploads};
use crate::time::Timestamp;

/// Attaches uploads, whose rows the transaction locks, to a message.
pub async fn attach(transaction: &mut MySqlConnection, message: MessageRef, ids: &[UploadId]) -> Result<()> {
    let ids = padded(ids);
    sqlx::query!(
        "update uploads set room_id = ?, seq = ?, due_at = null where id in (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        message.room.0,
        message.seq.0,
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
    .execute(transaction)
    .await?;
    Ok(())
}

/// Inserts uploads that share the objects of ready ones; the tail binds owner and message and selects the sources.
macro_rules! insert_copies {
    ($tail:literal, $($value:expr),* $(,)?) => {
        sqlx::query!(
            r#"
            insert into uploads (purpose, state, file_name, content_type, size, width, height, duration, placeholder, attempts, object_id,
                                 object_attempt, poster_id, owner_id, room_id, seq, created_at, due_at)
            select purpose, state, file_name, content_type, size, width, height, duration, placeholder, attempts, object_id, object_attempt,
                   poster_id, ?, ?, ?, ?, null
            from uploads
            where state = 'ready' and
            "# + $tail,
            $($value),*
        )
    };
}

/// A copy of an upload.
#[derive(Clone, Debug)]
pub struct UploadCopy {
    pub source: UploadId,
    pub copy: UploadRecord,
}

/// Copies a message's uploads to a new owner and attaches the copies to another message; both share the same objects. Returns the copies.
pub async fn copy(
    transaction: &mut MySqlConnection,
    from: MessageRef,
    to: MessageRef,
    owner: UserId,
    now: Timestamp,
) -> Result<Vec<UploadCopy>> {
    // The row locks order this against unsending the first message, so no copy refers to objects that are being deleted.
    let sources =
        select_uploads!("where room_id = ? and seq = ? and state = 'ready' order by id for update", from.room.0, from.seq.0)
            .fetch_all(&mut *transaction)
            .await?;
    insert_copies!("room_id = ? and seq = ?", owner.0, to.room.0, to.seq.0, now.0, from.room.0, from.seq.0)
        .execute(&mut *transaction)
        .await?;
    let copies =
        select_uploads!("where room_id = ? and seq = ? and state = 'ready'", to.room.0, to.seq.0).fetch_all(transaction).await?;
    let copies: Vec<UploadRecord> = copies.into_iter().map(Row::upload).collect();
    let of = |object: Option<ObjectId>| copies.iter().find(|copy| copy.object == object).cloned();
    Ok(sources
        .into_iter()
        .map(Row::upload)
        .filter_map(|source| Some(UploadCopy { source: source.info.upload_id, copy: of(source.object)? }))
        .collect())
}

/// Copies the attachments of a message, whose room the transaction locks, to uploads without owner or message, so that the sweep keeps the objects.
/// Returns the attachments with the ids of the copies.
pub(super) async fn copy_for_report(
    transaction: &mut MySqlConnection,
    attachments: &[Attachment],
    now: Timestamp,
) -> Result<Vec<Attachment>> {
    let no_owner = UserId(0);
    let mut kept = Vec::with_capacity(attachments.len());
    for attachment in attachments {
        let copied = insert_copies!("id = ?", no_owner.0, None::<u64>, None::<u64>, now.0, attachment.upload_id.0)
            .execute(&mut *transaction)
            .await?;
        if copied.rows_affected() == 1 {
            kept.push(Attachment { upload_id: UploadId(copied.last_insert_id()), ..attachment.clone() });
        }
    }
    Ok(kept)
}

/// Marks copies made for a report for deletion by the sweep.
pub(super) async fn mark_copies_for_deletion(connection: &mut MySqlConnection, kept: &[UploadId], now: Timestamp) -> Result<()> {
    for id in kept {
        sqlx::query!(
            "update uploads set state = 'doomed', due_at = ? where id = ? and owner_id = 0 and room_id is null",
            now.0,
            id.0
        )
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// Marks the uploads of a message for deletion by the sweep.
pub async fn mark_for_deletion(transaction: &mut MySqlConnection, message: MessageRef, now: Timestamp) -> Result<()> {
    sqlx::query!(
        "update uploads set state = 'doomed', due_at = ? where room_id = ? and seq = ?",
        now.0,
        message.room.0,
        message.seq.0
    )
    .execute(transaction)
    .await?;
    Ok(())
}

/// Returns a room in which the owner has an attachment.
pub async fn room_of(connection: &mut MySqlConnection, owner: UserId) -> Result<Option<RoomId>> {
    let found = sqlx::query_scalar!(
        r#"select room_id as "room_id!" from uploads where owner_id = ? and room_id is not null and state = 'ready' limit 1"#,
        owner.0
    );
    Ok(found.fetch_optional(connection).await?.map(RoomId))
}

/// The text of a message with attachments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachedText {
    pub seq: Seq,
    pub content: String,
}

/// Returns messages of a room with attachments of the owner, by up to `limit` of their uploads. The transaction locks the room.
pub async fn texts_of_owner(
    transaction: &mut MySqlConnection,
    room: RoomId,
    owner: UserId,
    limit: u32,
) -> Result<Vec<AttachedText>> {
    let rows = sqlx::query!(
        r#"
        select p.seq as "seq!", coalesce(m.content, '') as "content!: String"
        from uploads p
        left join messages m on m.room_id = p.room_id and m.seq = p.seq
        where p.owner_id = ? and p.room_id = ? and p.state = 'ready'
        order by p.seq
        limit ?
        "#,
        owner.0,
        room.0,
        limit,
    )
    .fetch_all(transaction)
    .await?;
    let mut texts: Vec<_> = rows.into_iter().map(|row| AttachedText { seq: Seq(row.seq), content: row.content }).collect();
    texts.dedup_by_key(|text| text.seq);
    Ok(texts)
}

/// Detaches the owner's uploads from a message, whose room the transaction locks, and marks them for deletion.
pub async fn detach(
    transaction: &mut MySqlConnection,
    message: MessageRef,
    owner: UserId,
    rev: Rev,
    now: Timestamp,
) -> Result<()> {
    sqlx::query!(
        r#"
        update uploads p
        left join messages m on m.room_id = p.room_id and m.seq = p.seq
        set p.state = 'doomed', p.due_at = ?, m.attachments = null, m.kind = 'text', m.rev = ?
        where p.owner_id = ? and p.room_id = ? and p.seq = ? and p.state = 'ready'
        "#,
        now.0,
        rev.0,
        owner.0,
        message.room.0,
        message.seq.0,
    )
    .execute(transaction)
    .await?;
    Ok(())
}

/// An attachment as a message's row stores it. URLs derive from the id.
#[derive(Serialize, Deserialize)]
struct StoredAttachment {
    id: u64,
    image: bool,
    name: String,
    #[serde(rename = "type")]
    content_type: String,
    size: u64,
    width: Option<u32>,
    height: Option<u32>,
    placeholder: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    duration: Option<u32>,
    /// Whether a video has a thumbnail.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    poster: bool,
}

/// Encodes attachments for the column of a message.
pub(super) fn column(attachments: &[Attachment]) -> Result<Option<String>> {
    if attachments.is_empty() {
        return Ok(None);
    }
    let stored = attachments.iter().map(|attachment| StoredAttachment {
        id: attachment.upload_id.0,
        image: attachment.kind == AttachmentKind::Image,
        name: attachment.file_name.clone(),
        content_type: attachment.content_type.clone(),
        size: attachment.size,
        width: attachment.width,
        height: attachment.height,
        placeholder: attachment.placeholder.clone(),
        duration: attachment.duration,
        poster: attachment.kind == AttachmentKind::File && attachment.thumbnail_url.is_some(),
    });
    serde_json::to_string(&stored.collect::<Vec<_>>()).map(Some).map_err(Error::internal)
}

/// Decodes the attachments of a message. Returns none when the column is unreadable.
pub(super) fn read(column: Option<&str>) -> Vec<Attachment> {
    let stored: Vec<StoredAttachment> = column.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let shown = stored.into_iter().map(|stored| {
        let id = UploadId(stored.id);
        Attachment {
            upload_id: id,
            kind: if stored.image { AttachmentKind::Image } else { AttachmentKind::File },
            file_name: stored.name,
            content_type: stored.content_type,
            size: stored.size,
            width: stored.width,
            height: stored.height,
            placeholder: stored.placeholder,
            duration: stored.duration,
            url: wire::content_url(id),
            thumbnail_url: (stored.image || stored.poster).then(|| wire::thumbnail_url(id)),
        }
    });
    shown.collect()
}

/// Decodes the file names of a message's attachments.
pub(super) fn file_names(column: Option<&str>) -> Vec<String> {
    read(column).into_iter().map(|attachment| attachment.file_name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_gives_back_what_it_was_given() {
        let image = Attachment {
            upload_id: UploadId(7),
            kind: AttachmentKind::Image,
            file_name: "صورة \"1\".jpg".into(),
            content_type: "image/jpeg".into(),
            size: 12,
            width: Some(3),
            height: Some(4),
            duration: None,
            placeholder: Some("LEHV6nWB2yk8pyo0adR*.7kCMdnj".into()),
            url: "/api/uploads/7/content".into(),
            thumbnail_url: Some("/api/uploads/7/thumbnail".into()),
        };
        let file = Attachment { kind: AttachmentKind::File, thumbnail_url: None, duration: Some(12_500), ..image.clone() };
        let video = Attachment { thumbnail_url: image.thumbnail_url.clone(), ..file.clone() };
        let both = vec![image, file, video];
        let text = column(&both).expect("writes");
        assert_eq!(read(text.as_deref()), both);
        assert_eq!(file_names(text.as_deref()), ["صورة \"1\".jpg"; 3]);
        assert_eq!((column(&[]).expect("writes"), read(None)), (None, Vec::new()));
        assert_eq!(read(Some("{}")), Vec::new());
    }
}
