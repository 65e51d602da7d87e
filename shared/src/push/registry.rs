//! Who is connected: one DynamoDB item per person, one map attribute per live socket. Disposable: whoever is forgotten here only misses pushes.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, ReturnValue};
use futures_util::future::try_join_all;

use crate::error::{Error, Result};
use crate::id::{ConnectionId, SessionId, UserId};
use crate::push::dynamodb::LazyClient;
use crate::time::Timestamp;

/// A socket lives two hours at most; an entry older than this is dead whatever else it says.
const LIFE_SECONDS: i64 = 2 * 3600 + 600;
/// Sockets of one person; the oldest goes when another comes.
pub const MAX_CONNECTIONS: usize = 20;
/// What `BatchGetItem` takes at once.
const BATCH: usize = 100;
/// How often unprocessed keys are asked for again.
const ROUNDS: u32 = 4;
const PREFIX: &str = "c#";

/// One live socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Whose it is.
    pub user: UserId,
    /// API Gateway's name for it.
    pub id: ConnectionId,
    /// The session that opened it.
    pub session: SessionId,
    /// Whether it speaks `conchat.v1`.
    pub lean: bool,
    /// When it was opened.
    pub connected_at: Timestamp,
}

/// The table of live sockets.
#[derive(Debug)]
pub struct Registry {
    client: LazyClient,
    table: String,
}

impl Registry {
    /// Uses the given table.
    pub fn new(client: LazyClient, table: String) -> Self {
        Self { client, table }
    }

    /// Adds a socket with one write. Gives all the person's live sockets, the new one included, oldest first.
    pub async fn register(&self, connection: &Connection) -> Result<Vec<Connection>> {
        let expires = connection.connected_at.seconds() + LIFE_SECONDS;
        let entry = HashMap::from([
            ("session_id".to_owned(), number(&connection.session.0)),
            ("lean".to_owned(), AttributeValue::Bool(connection.lean)),
            ("connected_at".to_owned(), number(&connection.connected_at.0)),
        ]);
        let written = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("user_id", number(&connection.user.0))
            .update_expression("SET #c = :c, expires_at = :e")
            .expression_attribute_names("#c", attribute(&connection.id))
            .expression_attribute_values(":c", AttributeValue::M(entry))
            .expression_attribute_values(":e", number(&expires))
            .return_values(ReturnValue::AllNew)
            .send()
            .await
            .map_err(Error::unavailable)?;
        Ok(written.attributes().map(|item| live(item, connection.connected_at)).unwrap_or_default())
    }

    /// Removes sockets of a person with one write.
    pub async fn forget(&self, user: UserId, connections: &[ConnectionId]) -> Result<()> {
        if connections.is_empty() {
            return Ok(());
        }
        let mut update = self.client.update_item().table_name(&self.table).key("user_id", number(&user.0));
        let mut names = Vec::with_capacity(connections.len());
        for (index, connection) in connections.iter().enumerate() {
            let name = format!("#c{index}");
            update = update.expression_attribute_names(&name, attribute(connection));
            names.push(name);
        }
        update.update_expression(format!("REMOVE {}", names.join(", "))).send().await.map_err(Error::unavailable)?;
        Ok(())
    }

    /// The live sockets of these people: one `BatchGetItem` per hundred, all at once.
    pub async fn find(&self, users: &[UserId], now: Timestamp) -> Result<Vec<Connection>> {
        let batches = try_join_all(users.chunks(BATCH).map(|batch| self.find_batch(batch, now))).await?;
        Ok(batches.into_iter().flatten().collect())
    }

    async fn find_batch(&self, users: &[UserId], now: Timestamp) -> Result<Vec<Connection>> {
        let mut found = Vec::new();
        let mut keys: Vec<_> = users.iter().map(|user| HashMap::from([("user_id".to_owned(), number(&user.0))])).collect();
        for round in 0..ROUNDS {
            if keys.is_empty() {
                break;
            }
            if round > 0 {
                tokio::time::sleep(std::time::Duration::from_millis(fastrand::u64(5..=20 << round))).await;
            }
            let request = KeysAndAttributes::builder().set_keys(Some(keys)).build().map_err(Error::internal)?;
            let answer =
                self.client.batch_get_item().request_items(&self.table, request).send().await.map_err(Error::unavailable)?;
            for item in answer.responses().and_then(|tables| tables.get(&self.table)).into_iter().flatten() {
                found.extend(live(item, now));
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

/// The sockets of an item that can still be alive, oldest first. Attributes that are not ours are passed over.
fn live(item: &HashMap<String, AttributeValue>, now: Timestamp) -> Vec<Connection> {
    let Some(user) = item.get("user_id").and_then(as_number).map(UserId) else { return Vec::new() };
    let mut connections: Vec<_> = item
        .iter()
        .filter_map(|(name, value)| {
            let entry = value.as_m().ok()?;
            let connection = Connection {
                user,
                id: ConnectionId(name.strip_prefix(PREFIX)?.to_owned()),
                session: SessionId(entry.get("session_id").and_then(as_number)?),
                lean: entry.get("lean").and_then(|lean| lean.as_bool().ok().copied()).unwrap_or_default(),
                connected_at: Timestamp(entry.get("connected_at").and_then(as_number)?),
            };
            (now.since(connection.connected_at) < LIFE_SECONDS * 1000).then_some(connection)
        })
        .collect();
    connections.sort_by(|a, b| (a.connected_at, &a.id).cmp(&(b.connected_at, &b.id)));
    connections
}

fn attribute(connection: &ConnectionId) -> String {
    format!("{PREFIX}{}", connection.0)
}

fn number(value: &impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn as_number<T: std::str::FromStr>(value: &AttributeValue) -> Option<T> {
    value.as_n().ok()?.parse().ok()
}
