//! The socket indexes of large rooms: one DynamoDB item per room and live socket. A frame reads the sockets that are open, instead of asking the
//! registry about every member. Which rooms have an index, and why none misses a socket: `domain::rooms::audience`.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::types::{AttributeValue, DeleteRequest, PutRequest, WriteRequest};
use futures_util::future::{try_join, try_join_all};
use futures_util::stream::{self, TryStreamExt as _};

use crate::aws::dynamodb::LazyClient;
use crate::error::{Error, Result};
use crate::id::{ConnectionId, RoomId, SessionId, UserId};
use crate::protocol::dialect::Dialect;
use crate::push::audience::Audience;
use crate::push::socket_registry::{Connection, LIFE_SECONDS, as_number, number};
use crate::push::{Cloud, Push, log_push_failure};
use crate::store::recipients::Recipients;
use crate::time::Timestamp;

/// Partitions of a room, so that neither a wave of reconnects nor a lively conversation meets the throughput of one. Changing it loses sockets.
const PARTS: u64 = 4;
/// The limit of `BatchWriteItem`.
const BATCH: usize = 25;
/// Batches written at once.
const IN_FLIGHT: usize = 8;
/// Attempts to write unprocessed items.
const ROUNDS: u32 = 4;

/// The table of indexes.
#[derive(Debug)]
pub struct SocketIndex {
    client: LazyClient,
    table: String,
}

impl SocketIndex {
    pub fn new(client: LazyClient, table: String) -> Self {
        Self { client, table }
    }

    /// Adds sockets to the indexes of rooms.
    async fn insert(&self, sockets: &[Connection], rooms: &[RoomId]) -> Result<()> {
        let puts = pairs(sockets, rooms).map(|(socket, room)| {
            let mut item = key(room, &socket.id);
            item.insert("user_id".into(), number(&socket.user.0));
            item.insert("session_id".into(), number(&socket.session.0));
            item.insert("lean".into(), AttributeValue::Bool(socket.dialect.is_lean()));
            item.insert("packed".into(), AttributeValue::Bool(socket.dialect.is_packed()));
            item.insert("connected_at".into(), number(&socket.connected_at.0));
            item.insert("expires_at".into(), number(&(socket.connected_at.seconds() + LIFE_SECONDS)));
            let put = PutRequest::builder().set_item(Some(item)).build().map_err(Error::internal)?;
            Ok(WriteRequest::builder().put_request(put).build())
        });
        self.write(puts.collect::<Result<_>>()?).await
    }

    /// Removes sockets from the indexes of rooms.
    pub(super) async fn delete(&self, sockets: &[ConnectionId], rooms: &[RoomId]) -> Result<()> {
        let deletes = pairs(sockets, rooms).map(|(socket, room)| {
            let delete = DeleteRequest::builder().set_key(Some(key(room, socket))).build().map_err(Error::internal)?;
            Ok(WriteRequest::builder().delete_request(delete).build())
        });
        self.write(deletes.collect::<Result<_>>()?).await
    }

    async fn write(&self, requests: Vec<WriteRequest>) -> Result<()> {
        let batches = requests.chunks(BATCH).map(|batch| Ok::<_, Error>(self.write_batch(batch.to_vec())));
        stream::iter(batches).try_for_each_concurrent(IN_FLIGHT, |batch| batch).await
    }

    async fn write_batch(&self, mut requests: Vec<WriteRequest>) -> Result<()> {
        for round in 0..ROUNDS {
            if round > 0 {
                tokio::time::sleep(std::time::Duration::from_millis(fastrand::u64(5..=20 << round))).await;
            }
            let answer =
                self.client.batch_write_item().request_items(&self.table, requests).send().await.map_err(Error::unavailable)?;
            requests = answer.unprocessed_items.and_then(|mut tables| tables.remove(&self.table)).unwrap_or_default();
            if requests.is_empty() {
                return Ok(());
            }
        }
        Err(Error::unavailable("DynamoDB left items unprocessed"))
    }

    /// Returns the live sockets in a room's index.
    async fn find(&self, room: RoomId, now: Timestamp) -> Result<Vec<Connection>> {
        let parts = try_join_all((0..PARTS).map(|part| self.find_part(room, part, now))).await?;
        Ok(parts.into_iter().flatten().collect())
    }

    async fn find_part(&self, room: RoomId, part: u64, now: Timestamp) -> Result<Vec<Connection>> {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = self
                .client
                .query()
                .table_name(&self.table)
                // The same invocation may have written it.
                .consistent_read(true)
                .key_condition_expression("room = :room")
                .expression_attribute_values(":room", partition(room, part))
                .set_exclusive_start_key(after)
                .send()
                .await
                .map_err(Error::unavailable)?;
            found.extend(page.items().iter().filter_map(parse_socket));
            after = page.last_evaluated_key.filter(|key| !key.is_empty());
            if after.is_none() {
                found.retain(|socket| now.since(socket.connected_at) < LIFE_SECONDS * 1000);
                return Ok(found);
            }
        }
    }
}

fn pairs<'a, T>(sockets: &'a [T], rooms: &'a [RoomId]) -> impl Iterator<Item = (&'a T, RoomId)> {
    sockets.iter().flat_map(|socket| rooms.iter().map(move |room| (socket, *room)))
}

fn key(room: RoomId, socket: &ConnectionId) -> HashMap<String, AttributeValue> {
    let part = socket.0.bytes().fold(0_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into())) % PARTS;
    HashMap::from([("room".into(), partition(room, part)), ("socket".into(), AttributeValue::S(socket.0.clone()))])
}

fn partition(room: RoomId, part: u64) -> AttributeValue {
    AttributeValue::S(format!("{room}#{part}"))
}

fn parse_socket(item: &HashMap<String, AttributeValue>) -> Option<Connection> {
    let flag = |name: &str| item.get(name).and_then(|value| value.as_bool().ok().copied()).unwrap_or_default();
    Some(Connection {
        user: UserId(item.get("user_id").and_then(as_number)?),
        id: ConnectionId(item.get("socket")?.as_s().ok()?.clone()),
        session: SessionId(item.get("session_id").and_then(as_number)?),
        dialect: Dialect::of_flags(flag("lean"), flag("packed")),
        connected_at: Timestamp(item.get("connected_at").and_then(as_number)?),
    })
}

/// Sockets of one user to add to indexes.
#[derive(Clone, Copy, Debug)]
pub struct Indexing<'a> {
    pub user: UserId,
    pub sockets: &'a [Connection],
    pub rooms: &'a [RoomId],
    /// Rooms that the user's item in the registry names already.
    pub noted: &'a [RoomId],
}

impl Push {
    /// Adds sockets to the indexes of rooms. The user's item in the registry names the rooms, so that removing a socket needs no other store.
    pub async fn index(&self, indexing: Indexing<'_>) -> Result<()> {
        match self {
            Self::Cloud(cloud) => Box::pin(cloud.index(indexing)).await,
            Self::Memory(memory) => {
                memory.index(indexing).await;
                Ok(())
            }
        }
    }

    /// Finds the live sockets of users with a strongly consistent read.
    pub async fn find_sockets(&self, users: &[UserId], now: Timestamp) -> Result<Vec<Connection>> {
        match self {
            Self::Cloud(cloud) => Box::pin(cloud.registry.find_all(users, now)).await,
            Self::Memory(memory) => Ok(memory.presence_of(users).await.into_iter().flat_map(|found| found.live).collect()),
        }
    }

    /// Finds the live sockets in a room's index. None when the table does not answer.
    pub async fn indexed_sockets(&self, room: RoomId, now: Timestamp) -> Option<Vec<Connection>> {
        match self {
            Self::Cloud(cloud) => {
                let found = Box::pin(cloud.socket_index.find(room, now)).await;
                found.inspect_err(|error| log_push_failure("reading a room's index", error)).ok()
            }
            Self::Memory(memory) => Some(memory.indexed_sockets(room).await),
        }
    }

    /// Returns those of the sockets that belong to recipients and to no ended session.
    pub async fn audience_among(&self, mut sockets: Vec<Connection>, recipients: Recipients, now: Timestamp) -> Audience {
        let users: BTreeSet<_> = recipients.users().iter().copied().collect();
        sockets.retain(|socket| users.contains(&socket.user));
        let live = match self {
            Self::Cloud(cloud) => Box::pin(cloud.without_ended_sessions(sockets, &recipients, now)).await,
            Self::Memory(_) => {
                sockets.retain(|socket| !recipients.has_ended(socket.session, now));
                sockets
            }
        };
        Audience::present(recipients, live)
    }
}

impl Cloud {
    async fn index(&self, indexing: Indexing<'_>) -> Result<()> {
        let Indexing { user, sockets, rooms, noted } = indexing;
        let new: Vec<_> = rooms.iter().copied().filter(|room| !noted.contains(room)).collect();
        try_join(self.registry.note_indexes(user, &new), self.socket_index.insert(sockets, rooms)).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sockets_of_a_room_spread_over_its_partitions() {
        let mut partitions: BTreeSet<String> = BTreeSet::new();
        for number in 0..64 {
            let key = key(RoomId(7), &ConnectionId(format!("L0SM9cOF{number}vHcCIhw=")));
            partitions.insert(key["room"].as_s().expect("a text").clone());
        }
        assert_eq!(partitions.into_iter().collect::<Vec<_>>(), ["7#0", "7#1", "7#2", "7#3"]);
    }
}
