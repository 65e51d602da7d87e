//! Batch operations on up to ten messages: entries succeed or fail individually; an invalid batch is refused as a whole.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::super::error::{Code, SqsError};
use super::messages::{HandleRequest, SendRequest};
use super::{ApiCall, name_in};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct BatchRequest<T> {
    queue_url: Option<String>,
    entries: Option<Vec<T>>,
}

/// Maximum number of entries in a batch, and of bytes of all its messages.
const MAX_ENTRIES: usize = 10;
const MAX_BYTES: usize = 1_048_576;

impl ApiCall {
    pub(super) fn send_message_batch(&self) -> Result<Value, SqsError> {
        let (name, entries) = self.batch(|entry: &SendRequest| entry.id.as_deref())?;
        let queue = self.broker.queue(&name)?;
        if queue.attributes.fifo {
            // As recorded from AWS: without group ids, no message is sent.
            if entries.iter().any(|entry| entry.message_group_id.is_none()) {
                return Err(SqsError::invalid("The request must contain the parameter MessageGroupId."));
            }
            let digests = queue.attributes.content_based_deduplication;
            if !digests && entries.iter().any(|entry| entry.message_deduplication_id.is_none()) {
                let reason = "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly";
                return Err(SqsError::invalid(reason));
            }
        }
        let messages: Vec<_> = entries.iter().map(SendRequest::message).collect();
        let bytes: usize = messages.iter().flatten().map(super::super::message::NewMessage::size).sum();
        if bytes > MAX_BYTES {
            let reason = format!("Batch requests cannot be longer than {MAX_BYTES} bytes. You have sent {bytes} bytes.");
            return Err(SqsError::new(Code::BatchRequestTooLong, reason));
        }
        let sent = messages.into_iter().map(|message| self.send(&name, message?));
        Ok(results(entries.iter().map(|entry| entry.id.as_deref()).zip(sent)))
    }

    pub(super) fn delete_message_batch(&self) -> Result<Value, SqsError> {
        let (name, entries) = self.batch(|entry: &HandleRequest| entry.id.as_deref())?;
        Ok(results(entries.iter().map(|entry| (entry.id.as_deref(), self.delete(&name, entry)))))
    }

    pub(super) fn change_message_visibility_batch(&self) -> Result<Value, SqsError> {
        let (name, entries) = self.batch(|entry: &HandleRequest| entry.id.as_deref())?;
        Ok(results(entries.iter().map(|entry| (entry.id.as_deref(), self.change(&name, entry)))))
    }

    /// The queue's name and the entries of a valid batch: not empty, not too long, with distinct ids.
    fn batch<T: DeserializeOwned>(&self, id: impl Fn(&T) -> Option<&str>) -> Result<(String, Vec<T>), SqsError> {
        let request: BatchRequest<T> = self.read()?;
        let name = name_in(request.queue_url)?;
        self.broker.queue(&name)?;
        let entries = request.entries.unwrap_or_default();
        if entries.is_empty() {
            let reason = "There should be at least one SendMessageBatchRequestEntry in the request.";
            return Err(SqsError::new(Code::EmptyBatchRequest, reason));
        }
        if entries.len() > MAX_ENTRIES {
            let count = entries.len();
            let reason = format!("Maximum number of entries per request are {MAX_ENTRIES}. You have sent {count}.");
            return Err(SqsError::new(Code::TooManyEntriesInBatchRequest, reason));
        }
        let mut ids = BTreeSet::new();
        for entry in &entries {
            let id = id(entry).unwrap_or_default();
            let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
            if !(1..=80).contains(&id.len()) || !id.chars().all(valid) {
                let reason = "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.";
                return Err(SqsError::new(Code::InvalidBatchEntryId, reason));
            }
            if !ids.insert(id.to_owned()) {
                return Err(SqsError::new(Code::BatchEntryIdsNotDistinct, format!("Id {id} repeated.")));
            }
        }
        Ok((name, entries))
    }
}

fn results<'a>(entries: impl Iterator<Item = (Option<&'a str>, Result<Value, SqsError>)>) -> Value {
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    for (id, result) in entries {
        match result {
            Ok(mut answer) => {
                answer["Id"] = json!(id);
                successful.push(answer);
            }
            Err(error) => failed.push(json!({
                "Id": id,
                "Code": error.code.query(),
                "Message": error.message,
                "SenderFault": !error.is_server_error(),
            })),
        }
    }
    let mut results = Map::new();
    for (member, list) in [("Successful", successful), ("Failed", failed)] {
        if !list.is_empty() {
            results.insert(member.into(), Value::Array(list));
        }
    }
    Value::Object(results)
}
