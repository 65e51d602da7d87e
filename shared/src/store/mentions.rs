//! Mentions of users. A message's row lists them; `mentions` is the inverse index, for counts in room lists.

use std::collections::BTreeMap;

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

/// Counts mentions of the user in each room after a message: one range of the primary key per room, in one statement. Omits messages across a present
/// block, and rooms without mentions. Runs no statement for an empty list.
pub async fn count(connection: &mut MySqlConnection, user: UserId, after: &[MessageRef]) -> Result<BTreeMap<RoomId, u64>> {
    if after.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut query = QueryBuilder::new("select x.room_id, count(*) from mentions x force index (primary) where x.user_id = ");
    query.push_bind(user.0).push(" and (");
    let mut ranges = query.separated(" or ");
    for MessageRef { room, seq } in after {
        ranges.push("(x.room_id = ").push_bind_unseparated(room.0);
        ranges.push_unseparated(" and x.seq > ").push_bind_unseparated(seq.0).push_unseparated(")");
    }
    query.push(
        ") and not exists (select 1 from messages g where g.room_id = x.room_id and g.seq = x.seq and (\
         exists (select 1 from blocks b where b.user_id = x.user_id and b.blocked_id = g.sender_id) or \
         exists (select 1 from blocks b where b.user_id = g.sender_id and b.blocked_id = x.user_id))) group by x.room_id",
    );
    let found: Vec<(u64, i64)> = query.build_query_as().fetch_all(connection).await?;
    Ok(found.into_iter().map(|(room, count)| (RoomId(room), count.unsigned_abs())).collect())
}

/// Encodes mentions for a message's row.
pub(super) fn column(users: &[UserId]) -> String {
    users.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// Decodes the mentions in a message's row.
pub(super) fn read(column: &str) -> Vec<UserId> {
    column.split(',').filter_map(|id| id.parse().ok()).collect()
}
