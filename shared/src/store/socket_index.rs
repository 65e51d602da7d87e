//! The state of the socket indexes of large rooms: since when every socket that opens is added. The rules are in `domain::rooms::audience`.

use sqlx::MySqlConnection;

use crate::error::Result;
use crate::id::{RoomId, UserId};
use crate::time::Timestamp;

/// Begins the index of a room with more than `members` members. Returns false when another instance did, or the room has shrunk.
pub async fn begin(connection: &mut MySqlConnection, room: RoomId, members: u32, now: Timestamp) -> Result<bool> {
    let begun = sqlx::query!(
        "update rooms set socket_index_since = ? where id = ? and socket_index_since is null and members_count > ?",
        now.0,
        room.0,
        members,
    )
    .execute(connection)
    .await?;
    Ok(begun.rows_affected() == 1)
}

/// Ends the index of a room with fewer than `members` members.
pub async fn end(connection: &mut MySqlConnection, room: RoomId, members: u32) -> Result<()> {
    sqlx::query!("update rooms set socket_index_since = null where id = ? and members_count < ?", room.0, members)
        .execute(connection)
        .await?;
    Ok(())
}

/// Records that an index which began at `begun` has all older sockets, too, unless it began anew.
pub async fn complete(connection: &mut MySqlConnection, room: RoomId, begun: Timestamp) -> Result<()> {
    sqlx::query!("update rooms set socket_index_since = 0 where id = ? and socket_index_since = ?", room.0, begun.0)
        .execute(connection)
        .await?;
    Ok(())
}

/// Whether all functions that may run keep indexes: the schema of indexes is older than `seconds`, or as old as the database.
pub async fn is_kept_by_all(connection: &mut MySqlConnection, seconds: u32) -> Result<bool> {
    let kept = sqlx::query_scalar!(
        r#"
        select i.installed_on < now() - interval ? second or i.installed_on < f.installed_on + interval 1 hour as "kept!: bool"
        from _sqlx_migrations i
        join _sqlx_migrations f on f.version = 1
        where i.version = 33
        "#,
        seconds,
    )
    .fetch_optional(connection)
    .await?;
    Ok(kept.unwrap_or_default())
}

/// Has the index of a room begin anew, because a socket is missing in it.
pub async fn restart(connection: &mut MySqlConnection, room: RoomId, now: Timestamp) -> Result<()> {
    sqlx::query!("update rooms set socket_index_since = ? where id = ? and socket_index_since is not null", now.0, room.0)
        .execute(connection)
        .await?;
    Ok(())
}

/// Has all indexes begin anew, because functions that know none may have opened sockets, or the table of the indexes may be another one.
pub async fn restart_all(connection: &mut MySqlConnection, now: Timestamp) -> Result<()> {
    sqlx::query!("update rooms set socket_index_since = ? where socket_index_since is not null", now.0)
        .execute(&mut *connection)
        .await?;
    // Which functions may still run is judged by this time.
    sqlx::query!("update _sqlx_migrations set installed_on = now() where version = 33").execute(connection).await?;
    Ok(())
}

/// Returns since when a room has an index, if it has one. A deleted room keeps it.
pub async fn find_since(connection: &mut MySqlConnection, room: RoomId) -> Result<Option<Timestamp>> {
    let since = sqlx::query_scalar!("select socket_index_since from rooms where id = ?", room.0);
    Ok(since.fetch_optional(connection).await?.flatten().map(Timestamp))
}

/// Returns the rooms with an index whose member the user is.
pub async fn list_of_member(connection: &mut MySqlConnection, user: UserId) -> Result<Vec<RoomId>> {
    let rooms = sqlx::query_scalar!(
        r#"
        select r.id
        from members m
        join rooms r on r.id = m.room_id and r.socket_index_since is not null
        where m.user_id = ? and m.state = 'joined'
        "#,
        user.0,
    )
    .fetch_all(connection)
    .await?;
    Ok(rooms.into_iter().map(RoomId).collect())
}
