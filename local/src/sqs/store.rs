//! Queues and messages in `SQLite`: accepted messages survive a restart. Callers pass times in milliseconds since 1970.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::message::NewMessage;

/// The database, a file or in memory.
#[derive(Debug)]
pub(crate) struct Store {
    pub(super) db: Connection,
}

/// A stored queue.
#[derive(Clone, Debug, Default)]
pub(crate) struct QueueRow {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) created_at: u64,
    pub(crate) modified_at: u64,
}

/// Message counts of a queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct MessageCounts {
    pub(crate) visible: u64,
    pub(crate) in_flight: u64,
    pub(crate) delayed: u64,
    /// Sent time of the oldest message.
    pub(crate) oldest_sent_at: Option<u64>,
}

/// A deduplication id and its scope: the whole queue or a message group.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deduplication<'a> {
    pub(crate) scope: &'a str,
    pub(crate) id: &'a str,
}

/// When a message is sent and when it becomes visible.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SendTimes {
    pub(crate) sent_at: u64,
    pub(crate) visible_at: u64,
}

/// The result of storing a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SendResult {
    pub(crate) id: String,
    pub(crate) sequence: i64,
    /// Whether the message is a duplicate.
    pub(crate) duplicate: bool,
}

/// Deduplication interval of FIFO queues.
pub(crate) const DEDUPLICATION_MS: u64 = 300_000;

/// Small columns come first, so that counting does not read the pages of bodies.
const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS queues (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, attributes TEXT NOT NULL, tags TEXT NOT NULL,
    created_at INTEGER NOT NULL, modified_at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS messages (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, queue INTEGER NOT NULL, visible_at INTEGER NOT NULL, sent_at INTEGER NOT NULL,
    receipt INTEGER, received_at INTEGER, first_received_at INTEGER, receive_count INTEGER NOT NULL DEFAULT 0, size INTEGER NOT NULL,
    group_id TEXT, deduplication_id TEXT, id TEXT NOT NULL, source_arn TEXT, trace_header TEXT, attributes TEXT NOT NULL, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS messages_by_visibility ON messages (queue, visible_at, sequence);
CREATE INDEX IF NOT EXISTS messages_by_group ON messages (queue, group_id, sequence);
CREATE INDEX IF NOT EXISTS messages_by_age ON messages (queue, sent_at);
CREATE TABLE IF NOT EXISTS deduplication (
    queue INTEGER NOT NULL, scope TEXT NOT NULL, id TEXT NOT NULL, message_id TEXT NOT NULL, sequence INTEGER NOT NULL, sent_at INTEGER NOT NULL,
    PRIMARY KEY (queue, scope, id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS deduplication_by_age ON deduplication (sent_at);
";

impl Store {
    pub(crate) fn open(file: Option<&Path>) -> rusqlite::Result<Self> {
        let db = match file {
            Some(file) => Connection::open(file)?,
            None => Connection::open_in_memory()?,
        };
        // Acknowledged messages survive the end of this process; commits do not wait for the disk.
        db.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;")?;
        db.execute_batch(SCHEMA)?;
        db.set_prepared_statement_cache_capacity(64);
        Ok(Self { db })
    }

    pub(crate) fn queues(&self) -> rusqlite::Result<Vec<QueueRow>> {
        let mut statement =
            self.db.prepare("SELECT id, name, attributes, tags, created_at, modified_at FROM queues ORDER BY name")?;
        let rows = statement.query_map((), |row| {
            Ok(QueueRow {
                id: row.get(0)?,
                name: row.get(1)?,
                attributes: serde_json::from_str(&row.get::<_, String>(2)?).unwrap_or_default(),
                tags: serde_json::from_str(&row.get::<_, String>(3)?).unwrap_or_default(),
                created_at: row.get(4)?,
                modified_at: row.get(5)?,
            })
        })?;
        rows.collect()
    }

    /// Inserts or replaces a queue by name and returns its id.
    pub(crate) fn put_queue(&self, queue: &QueueRow) -> rusqlite::Result<i64> {
        self.db.query_row(
            "INSERT INTO queues (name, attributes, tags, created_at, modified_at) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (name) DO UPDATE SET attributes = ?2, tags = ?3, modified_at = ?5 RETURNING id",
            params![queue.name, json(&queue.attributes), json(&queue.tags), queue.created_at, queue.modified_at],
            |row| row.get(0),
        )
    }

    pub(crate) fn delete_queue(&mut self, queue: i64) -> rusqlite::Result<()> {
        let tx = self.db.transaction()?;
        tx.execute("DELETE FROM queues WHERE id = ?1", [queue])?;
        tx.execute("DELETE FROM messages WHERE queue = ?1", [queue])?;
        tx.execute("DELETE FROM deduplication WHERE queue = ?1", [queue])?;
        tx.commit()
    }

    /// Adds a message unless one with the same deduplication id was sent within five minutes.
    pub(crate) fn send(
        &mut self,
        queue: i64,
        message: &NewMessage,
        deduplication: Option<Deduplication<'_>>,
        SendTimes { sent_at, visible_at }: SendTimes,
    ) -> rusqlite::Result<SendResult> {
        let tx = self.db.transaction()?;
        if let Some(Deduplication { scope, id }) = deduplication {
            forget_duplicates(&tx, sent_at)?;
            let sql = "SELECT message_id, sequence FROM deduplication WHERE queue = ?1 AND scope = ?2 AND id = ?3";
            let earlier = tx.prepare_cached(sql)?.query_row(params![queue, scope, id], |row| Ok((row.get(0)?, row.get(1)?)));
            if let Some((id, sequence)) = earlier.optional()? {
                return Ok(SendResult { id, sequence, duplicate: true });
            }
        }
        let sql = "INSERT INTO messages (queue, visible_at, sent_at, size, group_id, deduplication_id, id, trace_header, attributes, body)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
        tx.prepare_cached(sql)?.execute(params![
            queue,
            visible_at,
            sent_at,
            message.size(),
            message.group,
            message.deduplication_id,
            message.id,
            message.trace_header,
            json(&message.attributes),
            message.body,
        ])?;
        let sequence = tx.last_insert_rowid();
        if let Some(Deduplication { scope, id }) = deduplication {
            let sql =
                "INSERT INTO deduplication (queue, scope, id, message_id, sequence, sent_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            tx.prepare_cached(sql)?.execute(params![queue, scope, id, message.id, sequence, sent_at])?;
        }
        tx.commit()?;
        Ok(SendResult { id: message.id.clone(), sequence, duplicate: false })
    }

    /// Removes all messages but keeps the deduplication records.
    pub(crate) fn purge(&self, queue: i64) -> rusqlite::Result<()> {
        self.db.execute("DELETE FROM messages WHERE queue = ?1", [queue])?;
        Ok(())
    }

    /// Removes messages sent at or before this time, whose retention has ended.
    pub(crate) fn expire(&self, queue: i64, sent_until: u64) -> rusqlite::Result<()> {
        let sql = "DELETE FROM messages WHERE queue = ?1 AND sent_at <= ?2";
        self.db.prepare_cached(sql)?.execute(params![queue, sent_until])?;
        Ok(())
    }

    pub(crate) fn counts(&self, queue: i64, now: u64) -> rusqlite::Result<MessageCounts> {
        let sql =
            "SELECT COUNT(*) FILTER (WHERE visible_at <= ?2), COUNT(*) FILTER (WHERE visible_at > ?2 AND receipt IS NOT NULL),
                          COUNT(*) FILTER (WHERE visible_at > ?2 AND receipt IS NULL), MIN(sent_at)
                   FROM messages WHERE queue = ?1";
        self.db.prepare_cached(sql)?.query_row(params![queue, now], |row| {
            Ok(MessageCounts { visible: row.get(0)?, in_flight: row.get(1)?, delayed: row.get(2)?, oldest_sent_at: row.get(3)? })
        })
    }

    /// When the next invisible message becomes visible.
    pub(crate) fn next_visible(&self, queue: i64, now: u64) -> rusqlite::Result<Option<u64>> {
        let sql = "SELECT MIN(visible_at) FROM messages WHERE queue = ?1 AND visible_at > ?2";
        self.db.prepare_cached(sql)?.query_row(params![queue, now], |row| row.get(0))
    }

    /// The newest messages in any state, newest first, without receiving them.
    pub(crate) fn peek(&self, queue: i64, max_messages: usize) -> rusqlite::Result<Vec<(i64, String)>> {
        let sql = "SELECT sequence, body FROM messages WHERE queue = ?1 ORDER BY sent_at DESC, sequence DESC LIMIT ?2";
        let mut statement = self.db.prepare_cached(sql)?;
        let rows = statement.query_map(params![queue, max_messages], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect()
    }

    /// Removes a message without a receipt handle; returns whether it existed.
    pub(crate) fn remove(&self, queue: i64, sequence: i64) -> rusqlite::Result<bool> {
        let sql = "DELETE FROM messages WHERE queue = ?1 AND sequence = ?2";
        Ok(self.db.prepare_cached(sql)?.execute(params![queue, sequence])? > 0)
    }
}

fn forget_duplicates(tx: &Transaction<'_>, now: u64) -> rusqlite::Result<()> {
    let sql = "DELETE FROM deduplication WHERE sent_at <= ?1";
    tx.prepare_cached(sql)?.execute([now.saturating_sub(DEDUPLICATION_MS)])?;
    Ok(())
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
