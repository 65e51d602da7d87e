//! Avatars of users and rooms.

use sqlx::MySqlConnection;

use crate::error::Result;
use crate::id::{ObjectId, RoomId, UploadId, UserId};
use crate::store::members::{Membership, Readable};
use crate::store::rows::room::avatar_url;
use crate::time::Timestamp;

/// Locks the user's row and returns the avatar.
pub async fn lock_of_user(transaction: &mut MySqlConnection, user: UserId) -> Result<Option<UploadId>> {
    let found = sqlx::query_scalar!("select avatar_upload from users where id = ? for update", user.0);
    Ok(found.fetch_optional(transaction).await?.flatten().map(UploadId))
}

/// Sets or removes a user's avatar, as one private change.
pub async fn set_of_user(
    transaction: &mut MySqlConnection,
    user: UserId,
    upload: Option<UploadId>,
    now: Timestamp,
) -> Result<()> {
    sqlx::query!(
        r#"
        update users
        set avatar_upload = ?, me_rev = private_rev + 1, private_rev = private_rev + 1,
            profile_changed_at = greatest(?, profile_changed_at + 1)
        where id = ?
        "#,
        upload.map(|upload| upload.0),
        now.0,
        user.0,
    )
    .execute(transaction)
    .await?;
    Ok(())
}

/// Returns the objects of a user's avatar.
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

/// Returns the avatar of a room whose row the transaction locks.
pub async fn id_of_room(transaction: &mut MySqlConnection, room: &Readable) -> Result<Option<UploadId>> {
    let found = sqlx::query_scalar!("select avatar_upload from rooms where id = ?", room.room().0);
    Ok(found.fetch_optional(transaction).await?.flatten().map(UploadId))
}

/// Sets or removes the avatar of a room whose row the transaction locks.
pub async fn set_of_room(transaction: &mut MySqlConnection, member: &Membership, upload: Option<UploadId>) -> Result<()> {
    sqlx::query!("update rooms set avatar_upload = ? where id = ?", upload.map(|upload| upload.0), member.room().0)
        .execute(transaction)
        .await?;
    Ok(())
}

/// Clears owner and file name of a room's avatar, so that it outlives its uploader.
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

pub fn url_of_room(member: &Membership, upload: Option<UploadId>) -> Option<String> {
    avatar_url(member.room(), upload.map(|upload| upload.0))
}

/// Returns the objects of a room's avatar; none for past members, because former avatars are not kept.
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
