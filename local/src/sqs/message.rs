//! Messages: body, attributes, SQS's validation of both, and the MD5 digests that SDKs verify.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::error::{Code, SqsError};

/// A message attribute as in the API; binary values are base64.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct MessageAttribute {
    pub(crate) data_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) string_value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) binary_value: Option<String>,
}

/// Attributes by name, in digest order.
pub(crate) type MessageAttributes = BTreeMap<String, MessageAttribute>;

/// A message to send.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct NewMessage {
    pub(crate) id: String,
    pub(crate) body: String,
    pub(crate) attributes: MessageAttributes,
    /// The system attribute `AWSTraceHeader`, the only one that a sender can set.
    pub(crate) trace_header: Option<String>,
    pub(crate) group: Option<String>,
    pub(crate) deduplication_id: Option<String>,
    /// Delay; the queue's by default.
    pub(crate) delay_s: Option<u32>,
}

/// A received message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    /// Primary key in the store; grows in the order of sending.
    pub(crate) sequence: i64,
    pub(crate) id: String,
    pub(crate) body: String,
    pub(crate) attributes: MessageAttributes,
    pub(crate) trace_header: Option<String>,
    pub(crate) group: Option<String>,
    pub(crate) deduplication_id: Option<String>,
    pub(crate) sent_at: u64,
    pub(crate) first_received_at: u64,
    pub(crate) receive_count: u32,
    pub(crate) receipt_handle: String,
    /// The source queue of a dead letter.
    pub(crate) source_arn: Option<String>,
    /// Whether it comes from a FIFO queue.
    pub(crate) fifo: bool,
    pub(crate) size: usize,
}

/// Sender of every message; there is only one account.
pub(crate) const SENDER_ID: &str = "AIDALOCALLOCALLOCAL00";
/// Maximum number of attributes.
const MAX_ATTRIBUTES: usize = 10;

impl Message {
    /// System attributes by name.
    pub(crate) fn system_attributes(&self) -> BTreeMap<&'static str, String> {
        let mut all = BTreeMap::from([
            ("ApproximateReceiveCount", self.receive_count.to_string()),
            ("SentTimestamp", self.sent_at.to_string()),
            ("SenderId", SENDER_ID.to_owned()),
            ("ApproximateFirstReceiveTimestamp", self.first_received_at.to_string()),
        ]);
        let optional = [
            ("MessageGroupId", self.group.clone()),
            ("MessageDeduplicationId", self.deduplication_id.clone()),
            ("SequenceNumber", self.fifo.then(|| sequence_number(self.sequence))),
            ("AWSTraceHeader", self.trace_header.clone()),
            ("DeadLetterQueueSourceArn", self.source_arn.clone()),
        ];
        all.extend(optional.into_iter().filter_map(|(name, value)| Some((name, value?))));
        all
    }
}

/// Twenty increasing digits, as on AWS.
pub(crate) fn sequence_number(sequence: i64) -> String {
    (18_850_000_000_000_000_000_u128 + u128::from(sequence.unsigned_abs()) * 256).to_string()
}

pub(crate) fn md5_of(bytes: impl AsRef<[u8]>) -> String {
    format!("{:x}", md5::compute(bytes))
}

/// The MD5 of attributes: sorted by name, each part with its length, the value type as one byte. `None` without attributes.
pub(crate) fn md5_of_attributes<'a>(attributes: impl IntoIterator<Item = (&'a String, &'a MessageAttribute)>) -> Option<String> {
    let mut bytes = Vec::new();
    for (name, attribute) in attributes {
        add_part(&mut bytes, name.as_bytes());
        add_part(&mut bytes, attribute.data_type.as_bytes());
        bytes.push(if attribute.binary_value.is_some() { 2 } else { 1 });
        add_part(&mut bytes, &attribute.value());
    }
    (!bytes.is_empty()).then(|| md5_of(&bytes))
}

fn add_part(bytes: &mut Vec<u8>, part: &[u8]) {
    bytes.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
    bytes.extend_from_slice(part);
}

impl MessageAttribute {
    /// A string attribute.
    pub(crate) fn text(value: &str) -> Self {
        Self { data_type: "String".into(), string_value: Some(value.to_owned()), binary_value: None }
    }

    fn value(&self) -> Vec<u8> {
        match &self.binary_value {
            Some(binary) => STANDARD.decode(binary).unwrap_or_default(),
            None => self.string_value.clone().unwrap_or_default().into_bytes(),
        }
    }

    fn check(&self, name: &str) -> Result<(), SqsError> {
        check_name(name)?;
        let kind = self.data_type.split('.').next().unwrap_or_default();
        if self.data_type.is_empty() {
            return Err(SqsError::invalid(format!(
                "The message attribute '{name}' must contain a non-empty message attribute type."
            )));
        }
        if !matches!(kind, "String" | "Number" | "Binary") || self.data_type.len() > 256 {
            return Err(SqsError::invalid(format!(
                "The message attribute '{name}' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String."
            )));
        }
        let (value, kind) = match kind {
            "Binary" => (self.binary_value.as_deref().filter(|value| STANDARD.decode(value).is_ok()), "Binary"),
            other => (self.string_value.as_deref(), other),
        };
        let Some(value) = value.filter(|value| !value.is_empty()) else {
            return Err(SqsError::invalid(format!(
                "Message (user) attribute '{name}' must contain a non-empty value of type '{kind}'."
            )));
        };
        if kind == "Number" && value.parse::<f64>().is_err() {
            return Err(SqsError::invalid(format!("Can't cast the value of message (user) attribute '{name}' to a number.")));
        }
        if kind == "Binary" { Ok(()) } else { check_characters(value) }
    }
}

fn check_name(name: &str) -> Result<(), SqsError> {
    let lower = name.to_ascii_lowercase();
    let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let reason = if name.is_empty() || name.len() > 256 {
        "Message (user) attribute names must be shorter than 256 Bytes"
    } else if !name.chars().all(valid) {
        "Message (user) attributes name can only contain upper and lower score characters, digits, periods, hyphens and underscores."
    } else if lower.starts_with("aws.")
        || lower.starts_with("amazon.")
        || name.starts_with('.')
        || name.ends_with('.')
        || name.contains("..")
    {
        "You can't use message attribute names beginning with 'AWS.' or 'Amazon.'. These strings are reserved for internal use. \
         Additionally, they cannot start or end with '.'."
    } else {
        return Ok(());
    };
    Err(SqsError::invalid(reason))
}

/// Whether all characters are valid in XML 1.0, as SQS requires.
fn check_characters(text: &str) -> Result<(), SqsError> {
    let allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    match text.chars().find(|c| !allowed(*c)) {
        None => Ok(()),
        Some(c) => {
            let mut reason = String::new();
            let _ = write!(
                reason,
                "Invalid binary character '#x{:X}' was found in the message body, the set of allowed characters is #x9 | #xA | #xD | #x20 to #xD7FF \
                 | #xE000 to #xFFFD | #x10000 to #x10FFFF",
                u32::from(c)
            );
            Err(SqsError::new(Code::InvalidMessageContents, reason))
        }
    }
}

/// Group and deduplication ids: letters, digits and punctuation.
fn check_fifo_id(value: Option<&str>, parameter: &str) -> Result<(), SqsError> {
    let Some(value) = value else { return Ok(()) };
    if (1..=128).contains(&value.len()) && value.chars().all(|c| c.is_ascii_graphic()) {
        return Ok(());
    }
    let reason = format!("{parameter} can only include alphanumeric and punctuation characters. 1 to 128 in length.");
    Err(SqsError::parameter(value, parameter, &reason))
}

impl NewMessage {
    /// Size for the queue's limit: the body, and names, types and values of attributes.
    pub(crate) fn size(&self) -> usize {
        let attributes = self.attributes.iter().map(|(name, own)| name.len() + own.data_type.len() + own.value().len());
        self.body.len() + attributes.sum::<usize>()
    }

    /// Validation that does not depend on the queue.
    pub(crate) fn check(&self) -> Result<(), SqsError> {
        if self.body.is_empty() {
            return Err(SqsError::missing("MessageBody"));
        }
        check_characters(&self.body)?;
        if self.attributes.len() > MAX_ATTRIBUTES {
            let count = self.attributes.len();
            let reason = format!("Number of message attributes [{count}] exceeds the allowed maximum [{MAX_ATTRIBUTES}].");
            return Err(SqsError::invalid(reason));
        }
        for (name, attribute) in &self.attributes {
            attribute.check(name)?;
        }
        check_fifo_id(self.group.as_deref(), "MessageGroupId")?;
        check_fifo_id(self.deduplication_id.as_deref(), "MessageDeduplicationId")?;
        match self.delay_s {
            Some(delay @ 901..) => Err(SqsError::parameter(delay, "DelaySeconds", "DelaySeconds must be >= 0 and <= 900.")),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn attributes(texts: Value) -> MessageAttributes {
        let texts: BTreeMap<String, String> = serde_json::from_value(texts).unwrap();
        texts.into_iter().map(|(name, value)| (name, MessageAttribute::text(&value))).collect()
    }

    #[test]
    fn digests_are_those_that_aws_was_recorded_with() {
        assert_eq!(md5_of("msg"), "6e2baaf3b97dbeef01c0043275f9a0e7");
        assert_eq!(md5_of_attributes(&MessageAttributes::new()), None);
        let digest = |texts: Value| md5_of_attributes(&attributes(texts)).unwrap();
        assert_eq!(digest(json!({ "Foo": "Bar" })), "ae7155c6026991b6d54b11589678bf9c");
        assert_eq!(digest(json!({ "MyAttribute": "foobar" })), "adb59cd4678ea5a855436b949cd07ab6");
        assert_eq!(digest(json!({ "Hello": "There", "General": "Kenobi", "Help.Me": "Me" })), "4c360f3fdafd970e05fae2f149d997f5");
        let mut book = attributes(json!({ "Author": "John Grisham", "Title": "The Whistler", "WeeksOn": "6" }));
        book.get_mut("WeeksOn").unwrap().data_type = "Number".into();
        assert_eq!(md5_of_attributes(&book).unwrap(), "d25a6aea97eb8f585bfa92d314504a92");
    }

    #[test]
    fn what_no_message_may_have_is_refused() {
        let message = |body: &str| NewMessage { body: body.into(), ..NewMessage::default() };
        assert_eq!(message("").check().unwrap_err().code, Code::MissingParameter);
        assert_eq!(message("a\u{0}b").check().unwrap_err().code, Code::InvalidMessageContents);
        assert_eq!(message("a\u{ffff}b").check().unwrap_err().code, Code::InvalidMessageContents);
        assert_eq!(message("tab\t, line\n, emoji 😀").check(), Ok(()));
        for name in ["", "a b", "AWS.x", "amazon.x", ".a", "a.", "a..b"] {
            let wrong = NewMessage { attributes: attributes(json!({ name: "x" })), ..message("m") };
            assert_eq!(wrong.check().unwrap_err().code, Code::InvalidParameterValue, "{name:?}");
        }
        for (data_type, string, binary) in [
            ("", Some("x"), None),
            ("Text", Some("x"), None),
            ("String", Some(""), None),
            ("String", None, Some("eA==")),
            ("Number", Some("six"), None),
            ("Binary", None, Some("no base64")),
        ] {
            let attribute = MessageAttribute {
                data_type: data_type.into(),
                string_value: string.map(str::to_owned),
                binary_value: binary.map(str::to_owned),
            };
            let wrong = NewMessage { attributes: [("a".to_owned(), attribute)].into(), ..message("m") };
            assert_eq!(wrong.check().unwrap_err().code, Code::InvalidParameterValue, "{data_type} {string:?} {binary:?}");
        }
    }
}
