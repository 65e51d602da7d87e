//! Relations between a user and those they want to contact, in one statement.

use sqlx::{MySqlConnection, QueryBuilder, Row};

use crate::error::Result;
use crate::id::UserId;
use crate::protocol::people::Visibility;
use crate::store::invitations::VALID;

/// A contact's relation to the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relation {
    /// The contact.
    pub user: UserId,
    /// Whether either blocks the other.
    pub blocked: bool,
    pub friends: bool,
    /// Whether they share a room that is not public, where the contact has written. Reading is no act towards anyone.
    pub acquainted: bool,
    /// Who may add the contact to rooms.
    pub added_by: Visibility,
    /// The contact's pending and valid invitations,
    pub pending: i64,
    /// and those of them that the user sent.
    pub pending_of_user: i64,
}

/// Returns the relations of these users to `by`, without accounts that are gone. Runs no statement for an empty list.
pub async fn relations(connection: &mut MySqlConnection, by: UserId, users: &[UserId]) -> Result<Vec<Relation>> {
    if users.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = QueryBuilder::new(
        "select u.id, cast(u.added_by as char) as added_by, (exists (select 1 from blocks b where b.user_id = ",
    );
    query
        .push_bind(by.0)
        .push(" and b.blocked_id = u.id) or exists (select 1 from blocks b where b.user_id = u.id and b.blocked_id = ");
    query.push_bind(by.0).push(")) as parted, exists (select 1 from friendships f where f.user_low = least(u.id, ");
    query.push_bind(by.0).push(") and f.user_high = greatest(u.id, ").push_bind(by.0);
    query.push(") and f.state = 'accepted') as friends, exists (select 1 from members m join rooms r on r.id = m.room_id ");
    query.push("and r.kind <> 'public' and r.deleted_at is null join members o on o.room_id = m.room_id and o.user_id = ");
    query.push_bind(by.0).push(" and o.state = 'joined' where m.user_id = u.id and m.state = 'joined' and m.allowance_at > 0) ");
    query
        .push("as acquainted, (select count(*) from ")
        .push(VALID)
        .push(" and i.user_id = u.id) as pending, (select count(*) from ");
    query.push(VALID).push(" and i.user_id = u.id and i.invited_by = ").push_bind(by.0).push(") as pending_of_user ");
    query.push("from users u where u.disabled_at is null and u.deleted_at is null and u.id in (");
    let mut ids = query.separated(", ");
    for user in users {
        ids.push_bind(user.0);
    }
    query.push(")");
    let mut relations = Vec::new();
    for row in query.build().fetch_all(connection).await? {
        let is = |column: &str| -> Result<bool> { Ok(row.try_get::<i64, _>(column)? != 0) };
        relations.push(Relation {
            user: UserId(row.try_get("id")?),
            blocked: is("parted")?,
            friends: is("friends")?,
            acquainted: is("acquainted")?,
            added_by: row.try_get::<String, _>("added_by")?.parse().unwrap_or_default(),
            pending: row.try_get("pending")?,
            pending_of_user: row.try_get("pending_of_user")?,
        });
    }
    Ok(relations)
}
