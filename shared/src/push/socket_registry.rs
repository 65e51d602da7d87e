//! The registry of connections: one DynamoDB item per user, one map attribute per live socket. Losing an item only loses pushes.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, ReturnValue, ReturnValuesOnConditionCheckFailure};
use futures_util::future::try_join_all;

use crate::aws::dynamodb::LazyClient;
use crate::error::{Error, Result};
use crate::id::{ConnectionId, RoomId, SessionId, UserId};
use crate::protocol::dialect::Dialect;
use crate::push::presence_record::PresenceRecord;
use crate::time::Timestamp;

/// API Gateway closes sockets after two hours; older entries are dead.
pub const LIFE_SECONDS: i64 = 2 * 3600 + 600;
/// An item outlives its last socket by another lifetime: no socket that saw its user online is open by then.
const ITEM_SECONDS: i64 = 2 * LIFE_SECONDS;
/// Maximum number of sockets per user; a new one closes the oldest.
pub const MAX_CONNECTIONS: usize = 20;
/// The limit of `BatchGetItem`.
const BATCH: usize = 100;
/// Attempts to read unprocessed keys.
const ROUNDS: u32 = 4;
const PREFIX: &str = "c#";

/// A live socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    pub user: UserId,
    /// API Gateway's connection id.
    pub id: ConnectionId,
    /// The session that opened it.
    pub session: SessionId,
    pub dialect: Dialect,
    pub connected_at: Timestamp,
}

impl Connection {
    /// Returns the distinct users of sockets.
    pub fn users_of(sockets: &[Self]) -> Vec<UserId> {
        let mut users: Vec<_> = sockets.iter().map(|socket| socket.user).collect();
        users.sort_unstable();
        users.dedup();
        users
    }
}

/// What a user's item said when sockets were removed from it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unregistered {
    /// Whether the last live socket was among them.
    pub was_last: bool,
    /// The rooms whose indexes may have them.
    pub indexed_in: Vec<RoomId>,
}

/// Read consistency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Freshness {
    /// Eventually consistent, at half the cost.
    Recent,
    /// Strongly consistent.
    Newest,
}

/// The table of connections.
#[derive(Debug)]
pub struct Registry {
    client: LazyClient,
    table: String,
}

impl Registry {
    pub fn new(client: LazyClient, table: String) -> Self {
        Self { client, table }
    }

    /// Adds a socket with one write. Returns the record before the write.
    pub async fn register(&self, connection: &Connection) -> Result<PresenceRecord> {
        let mut entry = HashMap::from([
            ("session_id".to_owned(), number(&connection.session.0)),
            ("lean".to_owned(), AttributeValue::Bool(connection.dialect.is_lean())),
            ("connected_at".to_owned(), number(&connection.connected_at.0)),
        ]);
        if connection.dialect.is_packed() {
            entry.insert("packed".to_owned(), AttributeValue::Bool(true));
        }
        let written = self
            .update(connection.user)
            .update_expression("SET #c = :c, told = :true, expires_at = :e ADD opened :one")
            .expression_attribute_names("#c", attribute(&connection.id))
            .expression_attribute_values(":c", AttributeValue::M(entry))
            .expression_attribute_values(":true", AttributeValue::Bool(true))
            .expression_attribute_values(":one", number(&1))
            .expression_attribute_values(":e", number(&(connection.connected_at.seconds() + ITEM_SECONDS)))
            .return_values(ReturnValue::AllOld)
            .send()
            .await
            .map_err(Error::unavailable)?;
        let before = written.attributes().and_then(|item| parse_record(item, connection.connected_at));
        Ok(before.unwrap_or_else(|| PresenceRecord::never_connected(connection.user)))
    }

    /// Removes sockets of a user with one write.
    pub async fn unregister(&self, user: UserId, connections: &[ConnectionId], now: Timestamp) -> Result<Unregistered> {
        if connections.is_empty() {
            return Ok(Unregistered::default());
        }
        let mut update = self.update(user);
        let mut names = Vec::with_capacity(connections.len());
        for (index, connection) in connections.iter().enumerate() {
            let name = format!("#c{index}");
            update = update.expression_attribute_names(&name, attribute(connection));
            names.push(name);
        }
        let there: Vec<_> = names.iter().map(|name| format!("attribute_exists({name})")).collect();
        let written = update
            .update_expression(format!("SET seen = :now REMOVE {}", names.join(", ")))
            // A socket that is already gone creates no item and updates no timestamp.
            .condition_expression(there.join(" OR "))
            .expression_attribute_values(":now", number(&now.0))
            .return_values(ReturnValue::AllOld)
            // An earlier removal can have missed the indexes.
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let before = match written {
            Ok(written) => written.attributes,
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => failed.item.clone(),
                _ => return Err(Error::unavailable(error)),
            },
        };
        let Some(before) = before.and_then(|item| parse_record(&item, now)) else { return Ok(Unregistered::default()) };
        let gone = |connection: &Connection| connections.contains(&connection.id);
        let was_last = before.live.iter().any(gone) && before.live.iter().all(gone);
        Ok(Unregistered { was_last, indexed_in: before.indexed_in })
    }

    /// Notes with a user the rooms whose indexes have sockets of theirs.
    pub async fn note_indexes(&self, user: UserId, rooms: &[RoomId]) -> Result<()> {
        if rooms.is_empty() {
            return Ok(());
        }
        let noted = self
            .update(user)
            .update_expression("ADD indexed_in :rooms")
            // Who has no item has no socket.
            .condition_expression("attribute_exists(user_id)")
            .expression_attribute_values(":rooms", AttributeValue::Ns(rooms.iter().map(ToString::to_string).collect()))
            .send()
            .await;
        match noted {
            Err(error) if !error.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception) => {
                Err(Error::unavailable(error))
            }
            _ => Ok(()),
        }
    }

    /// Marks a user offline with one write and removes dead entries. Returns false when another socket opened or another instance marked the user
    /// offline since `found` was read.
    pub async fn mark_offline(&self, found: &PresenceRecord) -> Result<bool> {
        let mut update = self.update(found.user);
        let mut names = Vec::with_capacity(found.dead.len());
        for (index, connection) in found.dead.iter().enumerate() {
            let name = format!("#c{index}");
            update = update.expression_attribute_names(&name, attribute(connection));
            names.push(name);
        }
        let remove = if names.is_empty() { String::new() } else { format!(" REMOVE {}", names.join(", ")) };
        let opened = if found.opened_count == 0 { "attribute_not_exists(opened)" } else { "opened = :opened" };
        update = update
            .update_expression(format!("SET told = :false{remove}"))
            .condition_expression(format!("told = :true AND {opened}"))
            .expression_attribute_values(":true", AttributeValue::Bool(true))
            .expression_attribute_values(":false", AttributeValue::Bool(false));
        if found.opened_count != 0 {
            update = update.expression_attribute_values(":opened", number(&found.opened_count));
        }
        match update.send().await {
            Ok(_) => Ok(true),
            Err(error) if error.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception) => {
                Ok(false)
            }
            Err(error) => Err(Error::unavailable(error)),
        }
    }

    fn update(&self, user: UserId) -> UpdateItemFluentBuilder {
        self.client.update_item().table_name(&self.table).key("user_id", number(&user.0))
    }

    /// Finds the live sockets of users.
    pub async fn find(&self, users: &[UserId], now: Timestamp) -> Result<Vec<Connection>> {
        Ok(self.presence_of(users, now).await?.into_iter().flat_map(|found| found.live).collect())
    }

    /// Finds the live sockets of users with a strongly consistent read.
    pub async fn find_all(&self, users: &[UserId], now: Timestamp) -> Result<Vec<Connection>> {
        Ok(self.records(users, Freshness::Newest, now).await?.into_iter().flat_map(|found| found.live).collect())
    }

    /// Reads the presence records of users.
    pub async fn presence_of(&self, users: &[UserId], now: Timestamp) -> Result<Vec<PresenceRecord>> {
        self.records(users, Freshness::Recent, now).await
    }

    /// One `BatchGetItem` per hundred users, in parallel.
    async fn records(&self, users: &[UserId], freshness: Freshness, now: Timestamp) -> Result<Vec<PresenceRecord>> {
        let batches = try_join_all(users.chunks(BATCH).map(|batch| self.presence_batch(batch, freshness, now))).await?;
        Ok(batches.into_iter().flatten().collect())
    }

    async fn presence_batch(&self, users: &[UserId], freshness: Freshness, now: Timestamp) -> Result<Vec<PresenceRecord>> {
        let mut found = Vec::new();
        let mut keys: Vec<_> = users.iter().map(|user| HashMap::from([("user_id".to_owned(), number(&user.0))])).collect();
        for round in 0..ROUNDS {
            if keys.is_empty() {
                break;
            }
            if round > 0 {
                tokio::time::sleep(std::time::Duration::from_millis(fastrand::u64(5..=20 << round))).await;
            }
            let request = KeysAndAttributes::builder()
                .set_keys(Some(keys))
                .consistent_read(freshness == Freshness::Newest)
                .build()
                .map_err(Error::internal)?;
            let answer =
                self.client.batch_get_item().request_items(&self.table, request).send().await.map_err(Error::unavailable)?;
            for item in answer.responses().and_then(|tables| tables.get(&self.table)).into_iter().flatten() {
                found.extend(parse_record(item, now));
            }
            keys = answer
                .unprocessed_keys()
                .and_then(|tables| tables.get(&self.table))
                .map(|left| left.keys().to_vec())
                .unwrap_or_default();
        }
        if keys.is_empty() { Ok(found) } else { Err(Error::unavailable("DynamoDB left keys unprocessed")) }
    }
}

/// Parses an item and ignores foreign attributes.
fn parse_record(item: &HashMap<String, AttributeValue>, now: Timestamp) -> Option<PresenceRecord> {
    let user = UserId(item.get("user_id").and_then(as_number)?);
    let connections = item.iter().filter_map(|(name, value)| {
        let entry = value.as_m().ok()?;
        let flag = |name: &str| entry.get(name).and_then(|flag| flag.as_bool().ok().copied()).unwrap_or_default();
        Some(Connection {
            user,
            id: ConnectionId(name.strip_prefix(PREFIX)?.to_owned()),
            session: SessionId(entry.get("session_id").and_then(as_number)?),
            dialect: Dialect::of_flags(flag("lean"), flag("packed")),
            connected_at: Timestamp(entry.get("connected_at").and_then(as_number)?),
        })
    });
    let alive = |connection: &Connection| now.since(connection.connected_at) < LIFE_SECONDS * 1000;
    let (mut live, dead): (Vec<_>, Vec<_>) = connections.partition(alive);
    live.sort_by(|a, b| (a.connected_at, &a.id).cmp(&(b.connected_at, &b.id)));
    let told = item.get("told").and_then(|told| told.as_bool().ok().copied()).unwrap_or_default();
    let seen = item.get("seen").and_then(as_number).map(Timestamp);
    let indexed_in = item.get("indexed_in").and_then(|rooms| rooms.as_ns().ok());
    Some(PresenceRecord {
        user,
        announced_online: told,
        opened_count: item.get("opened").and_then(as_number).unwrap_or_default(),
        // Without a recorded close, the start of the last expired socket is the best known time.
        last_closed_at: dead.iter().map(|connection| connection.connected_at).chain(seen).max(),
        dead: dead.into_iter().map(|connection| connection.id).collect(),
        live,
        indexed_in: indexed_in.into_iter().flatten().filter_map(|room| room.parse().ok()).map(RoomId).collect(),
    })
}

fn attribute(connection: &ConnectionId) -> String {
    format!("{PREFIX}{}", connection.0)
}

pub(super) fn number(value: &impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub(super) fn as_number<T: std::str::FromStr>(value: &AttributeValue) -> Option<T> {
    value.as_n().ok()?.parse().ok()
}
