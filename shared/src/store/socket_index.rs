//! The state of the socket indexes of large rooms: since when every socket that opens is added. The rules are in `domain::rooms::audience`.

use sqlx::MySqlConnection;

use crate::error::Result;
use crate::id::{RoomId, UserId};
use crate::time::Timestamp;

/// The numbers of members between which a room keeps what it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexBounds {
    /// A room with fewer members ends its index.
    pub fewest: u32,
    /// A room with more members begins one.
    pub most: u32,
}

/// Begins or ends the index of a room as its number of members demands. Does nothing when another instance did.
pub async fn adjust(connection: &mut MySqlConnection, room: RoomId, bounds: IndexBounds, now: Timestamp) -> Result<()> {
    sqlx::query!(
        r#"
        update rooms
        set socket_index_since = case
            when members_count > ? then coalesce(socket_index_since, ?)
            when members_count >= ? then socket_index_since
        end
        where id = ?
        "#,
        bounds.most,
        now.0,
        bounds.fewest,
        room.0,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Has the index of a room begin anew, because a socket is missing in it.
pub async fn restart(connection: &mut MySqlConnection, room: RoomId, now: Timestamp) -> Result<()> {
    sqlx::query!("update rooms set socket_index_since = ? where id = ? and socket_index_since is not null", now.0, room.0)
        .execute(connection)
        .await?;
    Ok(())
}

/// Ends all indexes, because functions that know none may have opened sockets, or the table of the indexes may be another one.
pub async fn end_all(connection: &mut MySqlConnection) -> Result<()> {
    sqlx::query!("update rooms set socket_index_since = null where socket_index_since is not null").execute(connection).await?;
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
