//! Operations on queues.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::super::attributes;
use super::super::error::{Code, SqsError};
use super::{ApiCall, name_in};

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct QueueRequest {
    queue_url: Option<String>,
    queue_name: Option<String>,
    attributes: Option<BTreeMap<String, String>>,
    attribute_names: Option<Vec<String>>,
    tags: Option<BTreeMap<String, String>>,
    /// Only `CreateQueue` spells it in lower case.
    #[serde(rename = "tags")]
    first_tags: Option<BTreeMap<String, String>>,
    tag_keys: Option<Vec<String>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ListRequest {
    queue_url: Option<String>,
    queue_name_prefix: Option<String>,
    max_results: Option<usize>,
    next_token: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct MoveRequest {
    source_arn: Option<String>,
    destination_arn: Option<String>,
    max_number_of_messages_per_second: Option<u32>,
    task_handle: Option<String>,
    max_results: Option<usize>,
}

impl ApiCall {
    pub(super) fn create_queue(&self) -> Result<Value, SqsError> {
        let request: QueueRequest = self.read()?;
        let name = request.queue_name.ok_or_else(|| SqsError::missing("QueueName"))?;
        let tags = request.first_tags.or(request.tags).unwrap_or_default();
        self.broker.create(&name, &request.attributes.unwrap_or_default(), &tags)?;
        Ok(json!({ "QueueUrl": self.url(&name) }))
    }

    pub(super) fn delete_queue(&self) -> Result<Value, SqsError> {
        let request: QueueRequest = self.read()?;
        self.broker.delete(&name_in(request.queue_url)?)?;
        Ok(json!({}))
    }

    pub(super) fn get_queue_url(&self) -> Result<Value, SqsError> {
        let request: QueueRequest = self.read()?;
        let name = request.queue_name.ok_or_else(|| SqsError::missing("QueueName"))?;
        self.broker.queue(&name)?;
        Ok(json!({ "QueueUrl": self.url(&name) }))
    }

    pub(super) fn list_queues(&self) -> Result<Value, SqsError> {
        let request: ListRequest = self.read()?;
        let prefix = request.queue_name_prefix.clone().unwrap_or_default();
        let names = self.broker.names().into_iter().filter(|name| name.starts_with(&prefix)).collect();
        self.page(&request, names, "QueueUrls")
    }

    pub(super) fn list_dead_letter_source_queues(&self) -> Result<Value, SqsError> {
        let request: ListRequest = self.read()?;
        let name = name_in(request.queue_url.clone())?;
        self.broker.queue(&name)?;
        let page = self.page(&request, self.broker.sources_of(&name), "queueUrls")?;
        // Unlike `ListQueues`, the list is present even if empty.
        Ok(if page["queueUrls"].is_null() { json!({ "queueUrls": [] }) } else { page })
    }

    /// One page of names; the token is the last name of the previous page.
    fn page(&self, request: &ListRequest, names: Vec<String>, member: &str) -> Result<Value, SqsError> {
        let most = request.max_results.unwrap_or(1000);
        if !(1..=1000).contains(&most) {
            return Err(SqsError::parameter(most, "MaxResults", "Must be between 1 and 1000, if provided."));
        }
        let rest: Vec<String> =
            names.into_iter().filter(|name| request.next_token.as_ref().is_none_or(|last| name > last)).collect();
        let mut page = Map::new();
        let listed: Vec<String> = rest.iter().take(most).map(|name| self.url(name)).collect();
        if !listed.is_empty() {
            page.insert(member.to_owned(), json!(listed));
        }
        if rest.len() > most && request.max_results.is_some() {
            page.insert("NextToken".into(), json!(rest.get(most - 1)));
        }
        Ok(Value::Object(page))
    }

    pub(super) fn get_queue_attributes(&self) -> Result<Value, SqsError> {
        let request: QueueRequest = self.read()?;
        let queue = self.broker.queue(&name_in(request.queue_url)?)?;
        let requested = request.attribute_names.unwrap_or_default();
        if let Some(unknown) = requested.iter().find(|name| !attributes::is_known(name)) {
            return Err(SqsError::new(Code::InvalidAttributeName, format!("Unknown Attribute {unknown}.")));
        }
        let counts = self.broker.counts(&queue)?;
        let seconds = |ms: u64| (ms / 1000).to_string();
        let counted = [
            counts.visible.to_string(),
            counts.delayed.to_string(),
            counts.in_flight.to_string(),
            seconds(queue.row.created_at),
            seconds(queue.row.modified_at),
            self.broker.arn(&queue.row.name),
        ];
        let mut all = queue.attributes.all();
        all.extend(attributes::COUNTED.iter().zip(counted).map(|(name, value)| ((*name).to_owned(), value)));
        if !requested.iter().any(|name| name == "All") {
            all.retain(|name, _| requested.contains(name));
        }
        Ok(if all.is_empty() { json!({}) } else { json!({ "Attributes": all }) })
    }

    pub(super) fn set_queue_attributes(&self) -> Result<Value, SqsError> {
        let request: QueueRequest = self.read()?;
        let name = name_in(request.queue_url)?;
        let changes = request.attributes.ok_or_else(|| SqsError::missing("Attributes"))?;
        self.broker.set_attributes(&name, &changes)?;
        Ok(json!({}))
    }

    pub(super) fn tag_queue(&self) -> Result<Value, SqsError> {
        let request: QueueRequest = self.read()?;
        let name = name_in(request.queue_url)?;
        let tags = request.tags.ok_or_else(|| SqsError::missing("Tags"))?;
        self.broker.set_tags(&name, |own| own.extend(tags))?;
        Ok(json!({}))
    }

    pub(super) fn untag_queue(&self) -> Result<Value, SqsError> {
        let request: QueueRequest = self.read()?;
        let name = name_in(request.queue_url)?;
        let keys = request.tag_keys.ok_or_else(|| SqsError::missing("TagKeys"))?;
        self.broker.set_tags(&name, |own| own.retain(|key, _| !keys.contains(key)))?;
        Ok(json!({}))
    }

    pub(super) fn list_queue_tags(&self) -> Result<Value, SqsError> {
        let request: QueueRequest = self.read()?;
        let queue = self.broker.queue(&name_in(request.queue_url)?)?;
        let tags = &queue.row.tags;
        Ok(if tags.is_empty() { json!({}) } else { json!({ "Tags": tags }) })
    }

    pub(super) fn purge_queue(&self) -> Result<Value, SqsError> {
        let request: QueueRequest = self.read()?;
        self.broker.purge(&name_in(request.queue_url)?)?;
        Ok(json!({}))
    }

    pub(super) fn start_message_move_task(&self) -> Result<Value, SqsError> {
        let request: MoveRequest = self.read()?;
        let source = request.source_arn.ok_or_else(|| SqsError::missing("SourceArn"))?;
        let handle = self.broker.start_move(&source, request.destination_arn, request.max_number_of_messages_per_second)?;
        Ok(json!({ "TaskHandle": handle }))
    }

    pub(super) fn cancel_message_move_task(&self) -> Result<Value, SqsError> {
        let request: MoveRequest = self.read()?;
        let handle = request.task_handle.ok_or_else(|| SqsError::missing("TaskHandle"))?;
        Ok(json!({ "ApproximateNumberOfMessagesMoved": self.broker.cancel_move(&handle)? }))
    }

    pub(super) fn list_message_move_tasks(&self) -> Result<Value, SqsError> {
        let request: MoveRequest = self.read()?;
        let source = request.source_arn.ok_or_else(|| SqsError::missing("SourceArn"))?;
        let most = request.max_results.unwrap_or(1);
        if !(1..=10).contains(&most) {
            return Err(SqsError::parameter(most, "MaxResults", "Must be between 1 and 10, if provided."));
        }
        Ok(json!({ "Results": self.broker.list_moves(&source, most)? }))
    }
}
