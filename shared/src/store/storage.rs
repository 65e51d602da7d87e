//! How much a person keeps, as the rows of their uploads say.

use sqlx::MySqlConnection;

use crate::error::Result;
use crate::id::UserId;

/// What a person keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes: of pictures and files as they are served, of what is still on its way as it was announced.
    pub bytes: u64,
    /// Pictures and files.
    pub files: u64,
    /// Uploads that nothing shows yet.
    pub unused: u64,
}

/// Sums what a person keeps: each object once, however many messages of theirs show it, and nothing that nobody may see any more. One range of an
/// index that holds all of it.
pub async fn usage(connection: &mut MySqlConnection, owner: UserId) -> Result<Usage> {
    let row = sqlx::query!(
        r#"
        select cast(coalesce(sum(bytes), 0) as unsigned) as "bytes!: u64", cast(coalesce(sum(kept), 0) as unsigned) as "files!: u64",
               cast(coalesce(sum(unused), 0) as unsigned) as "unused!: u64"
        from (
            select max(if(state = 'rejected', 0, size)) as bytes, max(state <> 'rejected') as kept, sum(due_at is not null) as unused
            from uploads
            where owner_id = ? and state in ('pending', 'ready', 'rejected')
            group by coalesce(object_id, id)
        ) held
        "#,
        owner.0
    )
    .fetch_one(connection)
    .await?;
    Ok(Usage { bytes: row.bytes, files: row.files, unused: row.unused })
}
