//! Which upload is the face of a person or a room.

use sqlx::MySqlConnection;

use crate::error::Result;
use crate::id::{ObjectId, RoomId, UploadId, UserId};
use crate::store::members::{Member, Readable};
use crate::store::rooms;

/// A person's avatar, under the lock of the person's row.
pub async fn lock_of_user(transaction: &mut MySqlConnection, user: UserId) -> Result<Option<UploadId>> {
    let found = sqlx::query_scalar!("select avatar_upload from users where id = ? for update", user.0);
    Ok(found.fetch_optional(transaction).await?.flatten().map(UploadId))
}

/// Gives a person another one, or none.
pub async fn set_of_user(transaction: &mut MySqlConnection, user: UserId, upload: Option<UploadId>) -> Result<()> {
    sqlx::query!("update users set avatar_upload = ? where id = ?", upload.map(|upload| upload.0), user.0)
        .execute(transaction)
        .await?;
    Ok(())
}

/// The objects of a person's avatar.
pub async fn of_user(connection: &mut MySqlConnection, user: UserId) -> Result<Option<ObjectId>> {
    let row = sqlx::query!(
        r#"
        select p.object_id as "object_id!", p.object_attempt as "object_attempt!"
        from users u
        join uploads p on p.id = u.avatar_upload
        where u.id = ? and u.deleted_at is null and p.state = 'ready'
        "#,
        user.0
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| ObjectId { upload: UploadId(row.object_id), attempt: row.object_attempt }))
}

/// A room's avatar, whose row the transaction holds.
pub async fn id_of_room(transaction: &mut MySqlConnection, room: &Readable) -> Result<Option<UploadId>> {
    let found = sqlx::query_scalar!("select avatar_upload from rooms where id = ?", room.room().0);
    Ok(found.fetch_optional(transaction).await?.flatten().map(UploadId))
}

/// Gives a room, whose row the transaction holds, another one, or none.
pub async fn set_of_room(transaction: &mut MySqlConnection, member: &Member, upload: Option<UploadId>) -> Result<()> {
    sqlx::query!("update rooms set avatar_upload = ? where id = ?", upload.map(|upload| upload.0), member.room().0)
        .execute(transaction)
        .await?;
    Ok(())
}

/// Leaves a room the avatar that a person gave it: the upload is nobody's from now on, and has no name.
pub async fn leave_to_room(connection: &mut MySqlConnection, room: RoomId, owner: UserId) -> Result<()> {
    sqlx::query!(
        "update uploads p join rooms r on r.avatar_upload = p.id set p.owner_id = 0, p.file_name = '' where r.id = ? and p.owner_id = ?",
        room.0,
        owner.0,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Where a room's avatar is.
pub fn url_of_room(member: &Member, upload: Option<UploadId>) -> Option<String> {
    rooms::avatar_url(member.room(), upload.map(|upload| upload.0))
}

/// The objects of a room's avatar. A past member sees none: the one of their time is not kept.
pub async fn of_room(connection: &mut MySqlConnection, room: &Readable) -> Result<Option<ObjectId>> {
    if room.is_past() {
        return Ok(None);
    }
    let row = sqlx::query!(
        r#"
        select p.object_id as "object_id!", p.object_attempt as "object_attempt!"
        from rooms r
        join uploads p on p.id = r.avatar_upload
        where r.id = ? and p.state = 'ready'
        "#,
        room.room().0
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| ObjectId { upload: UploadId(row.object_id), attempt: row.object_attempt }))
}
