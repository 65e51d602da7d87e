//! Message delivery: receives hide messages for the visibility timeout, move them to the dead-letter queue after too many receives, and return a
//! receipt handle for deletion. In a FIFO queue, an in-flight message blocks the rest of its group.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rusqlite::{OptionalExtension as _, Row, Transaction, params};

use super::message::Message;
use super::store::Store;

/// A receive from one queue.
#[derive(Clone, Debug)]
pub(crate) struct ReceiveQuery {
    pub(crate) queue: i64,
    pub(crate) fifo: bool,
    pub(crate) max_messages: usize,
    /// Limit of the bodies' total size; the first message is returned whatever its size.
    pub(crate) max_bytes: usize,
    pub(crate) now: u64,
    pub(crate) visible_at: u64,
    pub(crate) redrive: Option<Redrive>,
}

/// The dead-letter queue of messages that were received too often.
#[derive(Clone, Debug)]
pub(crate) struct Redrive {
    pub(crate) target: i64,
    pub(crate) max_receive_count: u32,
    pub(crate) source_arn: String,
}

/// The result of a receive.
#[derive(Debug, Default)]
pub(crate) struct ReceivedMessages {
    pub(crate) messages: Vec<Message>,
    bytes: usize,
    /// Number of messages moved to the dead-letter queue.
    pub(crate) moved: usize,
}

/// A decoded receipt handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Receipt {
    pub(crate) queue: i64,
    pub(crate) sequence: i64,
    pub(crate) token: i64,
}

impl Receipt {
    fn encode(self) -> String {
        let bytes: Vec<u8> = [self.queue, self.sequence, self.token].iter().flat_map(|part| part.to_be_bytes()).collect();
        // AWS's receipt handles start like this.
        format!("AQEB{}", STANDARD.encode(bytes))
    }

    pub(crate) fn decode(handle: &str) -> Option<Self> {
        let bytes = STANDARD.decode(handle.strip_prefix("AQEB")?).ok()?;
        let part = |at: usize| bytes.get(at..at + 8)?.try_into().ok().map(i64::from_be_bytes);
        Some(Self { queue: part(0)?, sequence: part(8)?, token: part(16)? }).filter(|_| bytes.len() == 24)
    }
}

/// The state of a receipt handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HandleState {
    /// The message was deleted, has expired, or was moved to another queue.
    Gone,
    /// The message was received again; a newer handle exists.
    Superseded,
    /// The visibility timeout has passed without another receive.
    Expired,
    /// In flight since this time.
    InFlight { received_at: u64 },
}

const COLUMNS: &str = "sequence, receive_count, size, sent_at, first_received_at, group_id, deduplication_id, id, source_arn, trace_header, attributes, body";

impl Store {
    /// Returns visible messages and hides them; the caller has removed expired ones.
    pub(crate) fn receive(&mut self, request: &ReceiveQuery) -> rusqlite::Result<ReceivedMessages> {
        let tx = self.db.transaction()?;
        let mut taken = ReceivedMessages::default();
        if request.fifo {
            for group in ready_groups(&tx, request)? {
                if !take_from_group(&tx, request, &group, &mut taken)? {
                    break;
                }
            }
        } else {
            take_standard(&tx, request, &mut taken)?;
        }
        tx.commit()?;
        Ok(taken)
    }

    /// The state of a receipt handle.
    pub(crate) fn handle_state(&self, receipt: Receipt, now: u64) -> rusqlite::Result<HandleState> {
        let sql = "SELECT receipt, visible_at, received_at FROM messages WHERE sequence = ?1 AND queue = ?2";
        let row = self.db.prepare_cached(sql)?.query_row(params![receipt.sequence, receipt.queue], |row| {
            Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, u64>(1)?, row.get::<_, Option<u64>>(2)?))
        });
        Ok(match row.optional()? {
            None => HandleState::Gone,
            Some((token, ..)) if token != Some(receipt.token) => HandleState::Superseded,
            Some((_, visible_at, _)) if visible_at <= now => HandleState::Expired,
            Some((.., received_at)) => HandleState::InFlight { received_at: received_at.unwrap_or(now) },
        })
    }

    /// Sets the time at which a message becomes visible.
    pub(crate) fn set_visible_at(&self, receipt: Receipt, visible_at: u64) -> rusqlite::Result<()> {
        let sql = "UPDATE messages SET visible_at = ?1 WHERE sequence = ?2";
        self.db.prepare_cached(sql)?.execute(params![visible_at, receipt.sequence])?;
        Ok(())
    }

    /// The oldest visible message and its source queue as a dead letter.
    pub(crate) fn oldest_visible(&self, queue: i64, now: u64) -> rusqlite::Result<Option<(i64, Option<String>)>> {
        let sql = "SELECT sequence, source_arn FROM messages WHERE queue = ?1 AND visible_at <= ?2 ORDER BY sequence LIMIT 1";
        self.db.prepare_cached(sql)?.query_row(params![queue, now], |row| Ok((row.get(0)?, row.get(1)?))).optional()
    }

    /// Moves a message to another queue as a new message with its own id, sent time and receive count.
    pub(crate) fn move_as_new(&self, sequence: i64, target: i64, id: &str, now: u64) -> rusqlite::Result<()> {
        let tx = self.db.unchecked_transaction()?;
        let sql = "INSERT INTO messages (queue, visible_at, sent_at, size, group_id, deduplication_id, id, trace_header, attributes, body)
                   SELECT ?2, ?3, ?3, size, group_id, deduplication_id, ?4, trace_header, attributes, body FROM messages WHERE sequence = ?1";
        tx.prepare_cached(sql)?.execute(params![sequence, target, now, id])?;
        tx.prepare_cached("DELETE FROM messages WHERE sequence = ?1")?.execute([sequence])?;
        tx.commit()
    }

    /// Whether at least this many messages are in flight, not counting delayed ones.
    pub(crate) fn has_in_flight(&self, queue: i64, now: u64, many: u64) -> rusqlite::Result<bool> {
        // The index alone answers the common case.
        let sql = "SELECT 1 FROM messages WHERE queue = ?1 AND visible_at > ?2 LIMIT 1 OFFSET ?3";
        let hidden = self.db.prepare_cached(sql)?.query_row(params![queue, now, many - 1], |_| Ok(())).optional()?;
        Ok(hidden.is_some() && self.counts(queue, now)?.in_flight >= many)
    }
}

/// Standard queues: messages visible for longest come first.
fn take_standard(tx: &Transaction<'_>, request: &ReceiveQuery, taken: &mut ReceivedMessages) -> rusqlite::Result<()> {
    let sql = "SELECT sequence, visible_at FROM messages
               WHERE queue = ?1 AND visible_at <= ?2 AND (visible_at, sequence) > (?3, ?4) ORDER BY visible_at, sequence LIMIT ?5";
    let mut last = (0_u64, 0_i64);
    loop {
        let room = request.max_messages - taken.messages.len();
        let mut statement = tx.prepare_cached(sql)?;
        let page: Vec<(i64, u64)> = statement
            .query_map(params![request.queue, request.now, last.0, last.1, room], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        for (sequence, visible_at) in &page {
            last = (*visible_at, *sequence);
            // With a visibility timeout of zero a message is visible again at once; one receive returns it only once.
            let again = taken.messages.iter().any(|message| message.sequence == *sequence);
            if !again && !take(tx, request, *sequence, taken)? {
                return Ok(());
            }
        }
        if page.len() < room || taken.messages.len() == request.max_messages {
            return Ok(());
        }
    }
}

/// Message groups whose first message is visible, by age of that message. Skips from group to group through the index.
fn ready_groups(tx: &Transaction<'_>, request: &ReceiveQuery) -> rusqlite::Result<Vec<String>> {
    let sql = "WITH RECURSIVE found (name) AS (
                   SELECT MIN(group_id) FROM messages WHERE queue = ?1
                   UNION ALL
                   SELECT (SELECT MIN(group_id) FROM messages WHERE queue = ?1 AND group_id > name) FROM found WHERE name IS NOT NULL)
               SELECT name FROM found
               JOIN messages AS head ON head.sequence = (SELECT MIN(sequence) FROM messages WHERE queue = ?1 AND group_id = name)
               WHERE head.visible_at <= ?2 ORDER BY head.sequence";
    let mut statement = tx.prepare_cached(sql)?;
    statement.query_map(params![request.queue, request.now], |row| row.get(0))?.collect()
}

/// Takes messages from the front of a group up to the first invisible one; `false` when the receive is complete.
fn take_from_group(
    tx: &Transaction<'_>,
    request: &ReceiveQuery,
    group: &str,
    taken: &mut ReceivedMessages,
) -> rusqlite::Result<bool> {
    let sql = "SELECT sequence, visible_at FROM messages WHERE queue = ?1 AND group_id = ?2 AND sequence > ?3 ORDER BY sequence LIMIT 1";
    let mut last = 0_i64;
    loop {
        let next = tx.prepare_cached(sql)?.query_row(params![request.queue, group, last], |row| Ok((row.get(0)?, row.get(1)?)));
        let next: Option<(i64, u64)> = next.optional()?;
        match next.filter(|(_, visible_at)| *visible_at <= request.now) {
            None => return Ok(true),
            Some((sequence, _)) => {
                last = sequence;
                if !take(tx, request, sequence, taken)? {
                    return Ok(false);
                }
            }
        }
    }
}

/// Takes a message, or moves it to the dead-letter queue; `false` when the receive is complete.
fn take(tx: &Transaction<'_>, request: &ReceiveQuery, sequence: i64, taken: &mut ReceivedMessages) -> rusqlite::Result<bool> {
    if taken.messages.len() >= request.max_messages {
        return Ok(false);
    }
    let sql = format!("SELECT {COLUMNS} FROM messages WHERE sequence = ?1");
    let mut message = tx.prepare_cached(&sql)?.query_row([sequence], read)?;
    if let Some(redrive) = request.redrive.as_ref().filter(|redrive| message.receive_count >= redrive.max_receive_count) {
        move_to_dead_letter_queue(tx, sequence, redrive, request)?;
        taken.moved += 1;
        return Ok(true);
    }
    if !taken.messages.is_empty() && taken.bytes + message.size > request.max_bytes {
        return Ok(false);
    }
    taken.bytes += message.size;
    let proof = fastrand::i64(..);
    let sql = "UPDATE messages SET visible_at = ?2, receipt = ?3, received_at = ?4, receive_count = receive_count + 1,
                      first_received_at = COALESCE(first_received_at, ?4) WHERE sequence = ?1";
    tx.prepare_cached(sql)?.execute(params![sequence, request.visible_at, proof, request.now])?;
    message.receive_count += 1;
    if message.first_received_at == 0 {
        message.first_received_at = request.now;
    }
    message.fifo = request.fifo;
    message.receipt_handle = Receipt { queue: request.queue, sequence, token: proof }.encode();
    taken.messages.push(message);
    Ok(taken.messages.len() < request.max_messages)
}

/// A dead letter keeps its id, attributes and receive count; in a FIFO queue its sent time is reset, as documented by AWS.
fn move_to_dead_letter_queue(
    tx: &Transaction<'_>,
    sequence: i64,
    redrive: &Redrive,
    request: &ReceiveQuery,
) -> rusqlite::Result<()> {
    let sql = "INSERT INTO messages (queue, visible_at, sent_at, first_received_at, receive_count, size, group_id, deduplication_id, id, source_arn,
                                     trace_header, attributes, body)
               SELECT ?2, ?3, CASE WHEN ?4 THEN ?3 ELSE sent_at END, first_received_at, receive_count, size, group_id, deduplication_id, id, ?5,
                      trace_header, attributes, body
               FROM messages WHERE sequence = ?1";
    tx.prepare_cached(sql)?.execute(params![sequence, redrive.target, request.now, request.fifo, redrive.source_arn])?;
    tx.prepare_cached("DELETE FROM messages WHERE sequence = ?1")?.execute([sequence])?;
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<Message> {
    Ok(Message {
        sequence: row.get(0)?,
        receive_count: row.get(1)?,
        size: row.get(2)?,
        sent_at: row.get(3)?,
        first_received_at: row.get::<_, Option<u64>>(4)?.unwrap_or_default(),
        group: row.get(5)?,
        deduplication_id: row.get(6)?,
        id: row.get(7)?,
        source_arn: row.get(8)?,
        trace_header: row.get(9)?,
        attributes: serde_json::from_str(&row.get::<_, String>(10)?).unwrap_or_default(),
        body: row.get(11)?,
        receipt_handle: String::new(),
        fifo: false,
    })
}
