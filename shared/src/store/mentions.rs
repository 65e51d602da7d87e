//! Mentions of users. A message's row lists them; `mentions` is the inverse index, for counts in room lists.

use sqlx::{MySqlConnection, QueryBuilder};

use crate::error::Result;
use crate::id::{MessageRef, RoomId, UserId};

/// Returns members by username, ignoring case, with the names as registered. Omits users parted from the author by a block.
pub async fn find_members(
    connection: &mut MySqlConnection,
    room: RoomId,
    by: UserId,
    names: &[&str],
) -> Result<Vec<(UserId, String)>> {
    let mut query = QueryBuilder::new(
        "select u.id, u.username from users u join members m on m.user_id = u.id where m.state = 'joined' and m.room_id = ",
    );
    query.push_bind(room.0).push(" and u.deleted_at is null and u.username in (");
    let mut list = query.separated(", ");
    for name in names {
        list.push_bind(*name);
    }
    query.push(") and not exists (select 1 from blocks b where b.user_id = u.id and b.blocked_id = ").push_bind(by.0);
    query.push(") and not exists (select 1 from blocks b where b.user_id = ").push_bind(by.0).push(" and b.blocked_id = u.id)");
    let found: Vec<(u64, String)> = query.build_query_as().fetch_all(connection).await?;
    Ok(found.into_iter().map(|(id, name)| (UserId(id), name)).collect())
}

/// Stores the mentions of a message. Runs no statement for an empty list.
pub async fn insert(transaction: &mut MySqlConnection, message: MessageRef, users: &[UserId]) -> Result<()> {
    if users.is_empty() {
        return Ok(());
    }
    let mut query = QueryBuilder::new("insert into mentions (user_id, room_id, seq) ");
    query.push_values(users, |mut row, user| {
        row.push_bind(user.0).push_bind(message.room.0).push_bind(message.seq.0);
    });
    query.build().execute(transaction).await?;
    Ok(())
}

pub async fn delete(transaction: &mut MySqlConnection, message: MessageRef) -> Result<()> {
    sqlx::query!("delete from mentions where room_id = ? and seq = ?", message.room.0, message.seq.0)
        .execute(transaction)
        .await?;
    Ok(())
}

/// Encodes mentions for a message's row.
pub(super) fn column(users: &[UserId]) -> String {
    users.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// Decodes the mentions in a message's row.
pub(super) fn read(column: &str) -> Vec<UserId> {
    column.split(',').filter_map(|id| id.parse().ok()).collect()
}
