//! Operations on single messages.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::broker::{ReceiveOptions, new_id};
use super::super::error::{Code, SqsError};
use super::super::message::{Message, MessageAttribute, MessageAttributes, NewMessage, md5_of, md5_of_attributes};
use super::{ApiCall, name_in};

/// A message to send, alone or as a batch entry.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct SendRequest {
    queue_url: Option<String>,
    pub(super) id: Option<String>,
    message_body: Option<String>,
    delay_seconds: Option<i64>,
    message_attributes: MessageAttributes,
    message_system_attributes: MessageAttributes,
    pub(super) message_deduplication_id: Option<String>,
    pub(super) message_group_id: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ReceiveRequest {
    queue_url: Option<String>,
    attribute_names: Vec<String>,
    message_system_attribute_names: Vec<String>,
    message_attribute_names: Vec<String>,
    max_number_of_messages: Option<i64>,
    visibility_timeout: Option<i64>,
    wait_time_seconds: Option<i64>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct HandleRequest {
    queue_url: Option<String>,
    pub(super) id: Option<String>,
    receipt_handle: Option<String>,
    visibility_timeout: Option<i64>,
}

const SYSTEM_ATTRIBUTES: [&str; 10] = [
    "All",
    "SenderId",
    "SentTimestamp",
    "ApproximateReceiveCount",
    "ApproximateFirstReceiveTimestamp",
    "SequenceNumber",
    "MessageDeduplicationId",
    "MessageGroupId",
    "AWSTraceHeader",
    "DeadLetterQueueSourceArn",
];

impl SendRequest {
    /// Validates the message independently of the queue.
    pub(super) fn message(&self) -> Result<NewMessage, SqsError> {
        let mut trace_header = None;
        for (name, attribute) in &self.message_system_attributes {
            let value = attribute.string_value.clone().filter(|_| attribute.data_type == "String");
            match (name.as_str(), value) {
                ("AWSTraceHeader", Some(value)) => trace_header = Some(value),
                _ => return Err(SqsError::invalid(format!("Message system attribute name '{name}' is invalid."))),
            }
        }
        let delay_s = match self.delay_seconds {
            None => None,
            Some(delay) => Some(
                u32::try_from(delay)
                    .map_err(|_| SqsError::parameter(delay, "DelaySeconds", "DelaySeconds must be >= 0 and <= 900."))?,
            ),
        };
        let message = NewMessage {
            id: new_id(),
            body: self.message_body.clone().ok_or_else(|| SqsError::missing("MessageBody"))?,
            attributes: self.message_attributes.clone(),
            trace_header,
            group: self.message_group_id.clone(),
            deduplication_id: self.message_deduplication_id.clone(),
            delay_s,
        };
        message.check()?;
        Ok(message)
    }
}

impl ApiCall {
    pub(super) fn send_message(&self) -> Result<Value, SqsError> {
        let request: SendRequest = self.read()?;
        let name = name_in(request.queue_url.clone())?;
        self.broker.queue(&name)?;
        let message = request.message()?;
        self.send(&name, message)
    }

    /// Sends a message and returns its result without the batch entry's id.
    pub(super) fn send(&self, name: &str, message: NewMessage) -> Result<Value, SqsError> {
        let mut answer = json!({ "MD5OfMessageBody": md5_of(&message.body) });
        let system = message.trace_header.as_deref().map(MessageAttribute::text);
        let system: MessageAttributes = system.into_iter().map(|header| ("AWSTraceHeader".to_owned(), header)).collect();
        let digests = [
            ("MD5OfMessageAttributes", md5_of_attributes(&message.attributes)),
            ("MD5OfMessageSystemAttributes", md5_of_attributes(&system)),
        ];
        let sent = self.broker.send(name, message)?;
        answer["MessageId"] = json!(sent.id);
        for (member, value) in digests.into_iter().chain([("SequenceNumber", sent.sequence_number)]) {
            if let Some(value) = value {
                answer[member] = json!(value);
            }
        }
        Ok(answer)
    }

    pub(super) async fn receive_message(&self) -> Result<Value, SqsError> {
        let request: ReceiveRequest = self.read()?;
        let name = name_in(request.queue_url)?;
        let queue = self.broker.queue(&name)?;
        let max_messages = request.max_number_of_messages.unwrap_or(1);
        let max_messages = usize::try_from(max_messages)
            .ok()
            .filter(|max_messages| (1..=10).contains(max_messages))
            .ok_or_else(|| SqsError::parameter(max_messages, "MaxNumberOfMessages", "Must be between 1 and 10, if provided."))?;
        let wait = request.wait_time_seconds.unwrap_or_else(|| queue.attributes.wait_s.into());
        let wait = u64::try_from(wait)
            .ok()
            .filter(|wait| *wait <= 20)
            .ok_or_else(|| SqsError::parameter(wait, "WaitTimeSeconds", "Must be >= 0 and <= 20, if provided."))?;
        let visibility_s = request.visibility_timeout.map(visibility).transpose()?;
        let system: Vec<String> = request.attribute_names.into_iter().chain(request.message_system_attribute_names).collect();
        if let Some(unknown) = system.iter().find(|name| !SYSTEM_ATTRIBUTES.contains(&name.as_str())) {
            return Err(SqsError::new(Code::InvalidAttributeName, format!("Unknown Attribute {unknown}.")));
        }
        let requested = ReceiveOptions { max_messages, max_bytes: usize::MAX, visibility_s };
        let messages = self.broker.receive_within(&name, requested, Duration::from_secs(wait)).await?;
        let shown: Vec<Value> =
            messages.iter().map(|message| message_json(message, &system, &request.message_attribute_names)).collect();
        Ok(if shown.is_empty() { json!({}) } else { json!({ "Messages": shown }) })
    }

    pub(super) fn delete_message(&self) -> Result<Value, SqsError> {
        let request: HandleRequest = self.read()?;
        let name = name_in(request.queue_url.clone())?;
        self.broker.queue(&name)?;
        self.delete(&name, &request)
    }

    pub(super) fn delete(&self, name: &str, request: &HandleRequest) -> Result<Value, SqsError> {
        self.broker.delete_message(name, request.handle()?)?;
        Ok(json!({}))
    }

    pub(super) fn change_message_visibility(&self) -> Result<Value, SqsError> {
        let request: HandleRequest = self.read()?;
        let name = name_in(request.queue_url.clone())?;
        self.broker.queue(&name)?;
        self.change(&name, &request)
    }

    pub(super) fn change(&self, name: &str, request: &HandleRequest) -> Result<Value, SqsError> {
        let handle = request.handle()?;
        let seconds = request.visibility_timeout.ok_or_else(|| SqsError::missing("VisibilityTimeout"))?;
        self.broker.change_visibility(name, handle, visibility(seconds)?)?;
        Ok(json!({}))
    }
}

impl HandleRequest {
    fn handle(&self) -> Result<&str, SqsError> {
        self.receipt_handle.as_deref().filter(|handle| !handle.is_empty()).ok_or_else(|| SqsError::missing("ReceiptHandle"))
    }
}

fn visibility(seconds: i64) -> Result<u32, SqsError> {
    let valid = u32::try_from(seconds).ok().filter(|seconds| *seconds <= 43_200);
    valid.ok_or_else(|| SqsError::parameter(seconds, "VisibilityTimeout", "Must be >= 0 and <= 43200, if provided."))
}

/// A received message with the requested attributes and their MD5.
fn message_json(message: &Message, system: &[String], names: &[String]) -> Value {
    let mut shown = json!({
        "MessageId": message.id,
        "ReceiptHandle": message.receipt_handle,
        "MD5OfBody": md5_of(&message.body),
        "Body": message.body,
    });
    let all = system.iter().any(|name| name == "All");
    let attributes: BTreeMap<_, _> = message
        .system_attributes()
        .into_iter()
        .filter(|(name, _)| all || system.iter().any(|requested| requested == name))
        .collect();
    if !attributes.is_empty() {
        shown["Attributes"] = json!(attributes);
    }
    let own: BTreeMap<_, _> =
        message.attributes.iter().filter(|(name, _)| names.iter().any(|requested| asks_for(requested, name))).collect();
    if let Some(digest) = md5_of_attributes(own.iter().map(|(name, attribute)| (*name, *attribute))) {
        shown["MD5OfMessageAttributes"] = json!(digest);
        shown["MessageAttributes"] = json!(own);
    }
    shown
}

/// Whether a requested name (`All`, `.*`, a prefix with `.*`, or exact) matches an attribute.
fn asks_for(requested: &str, name: &str) -> bool {
    match requested.strip_suffix(".*") {
        Some(prefix) => name.starts_with(prefix),
        None => requested == "All" || requested == name,
    }
}
