//! Storage that a user's uploads occupy.

use sqlx::MySqlConnection;

use crate::error::Result;
use crate::id::UserId;

/// Storage of a user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Size as served; for pending uploads, as announced.
    pub bytes: u64,
    pub files: u64,
    /// Uploads not yet in use.
    pub unused: u64,
}

/// Sums the user's storage. Counts each object once, however many uploads share it, and no rejected or deleted ones. A discarded upload without an
/// object counts until the sweep, because its bytes may still arrive. One range of a covering index.
pub async fn usage(connection: &mut MySqlConnection, owner: UserId) -> Result<Usage> {
    let row = sqlx::query!(
        r#"
        select cast(coalesce(sum(bytes), 0) as unsigned) as "bytes!: u64", cast(coalesce(sum(kept), 0) as unsigned) as "files!: u64",
               cast(coalesce(sum(unused), 0) as unsigned) as "unused!: u64"
        from (
            select max(if(state = 'rejected', 0, size)) as bytes, max(state <> 'rejected') as kept, sum(due_at is not null) as unused
            from uploads
            where owner_id = ? and (state in ('pending', 'ready', 'rejected') or state = 'doomed' and object_id is null)
            group by coalesce(object_id, id)
        ) held
        "#,
        owner.0
    )
    .fetch_one(connection)
    .await?;
    Ok(Usage { bytes: row.bytes, files: row.files, unused: row.unused })
}
