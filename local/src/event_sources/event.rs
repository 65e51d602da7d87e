//! The event of a batch: one record per message, with the same members as Lambda's.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::sqs::{Message, MessageAttributes, md5_of, md5_of_attributes};

pub(super) fn sqs_event(messages: &[Message], arn: &str, region: &str) -> Bytes {
    let records: Vec<Value> = messages.iter().map(|message| record(message, arn, region)).collect();
    Bytes::from(json!({ "Records": records }).to_string())
}

fn record(message: &Message, arn: &str, region: &str) -> Value {
    let mut record = json!({
        "messageId": message.id,
        "receiptHandle": message.receipt_handle,
        "body": message.body,
        "attributes": message.system_attributes(),
        "messageAttributes": attributes(&message.attributes),
        "md5OfBody": md5_of(&message.body),
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": region,
    });
    if let Some(digest) = md5_of_attributes(&message.attributes) {
        record["md5OfMessageAttributes"] = json!(digest);
    }
    record
}

fn attributes(own: &MessageAttributes) -> Value {
    let mut all = Map::new();
    for (name, attribute) in own {
        let mut shown = json!({ "stringListValues": [], "binaryListValues": [], "dataType": attribute.data_type });
        for (member, value) in [("stringValue", &attribute.string_value), ("binaryValue", &attribute.binary_value)] {
            if let Some(value) = value {
                shown[member] = json!(value);
            }
        }
        all.insert(name.clone(), shown);
    }
    Value::Object(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqs::message::MessageAttribute;

    fn message() -> Message {
        Message {
            sequence: 1,
            id: "059f36b4-87a3-44ab-83d2-661975830a7d".into(),
            body: "Test message.".into(),
            attributes: MessageAttributes::new(),
            trace_header: None,
            group: None,
            deduplication_id: None,
            sent_at: 1_545_082_649_183,
            first_received_at: 1_545_082_649_185,
            receive_count: 1,
            receipt_handle: "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a".into(),
            source_arn: None,
            fifo: false,
            size: 13,
        }
    }

    fn event(message: Message, queue: &str) -> Value {
        serde_json::from_slice(&sqs_event(&[message], &format!("arn:aws:sqs:us-east-1:000000000000:{queue}"), "us-east-1"))
            .unwrap()
    }

    /// The examples of "Using Lambda with Amazon SQS", and of a recording with attributes.
    #[test]
    fn records_have_the_shape_of_the_guide() {
        let mut with_attributes = message();
        let attribute = |data_type: &str, text: Option<&str>, binary: Option<&str>| MessageAttribute {
            data_type: data_type.into(),
            string_value: text.map(str::to_owned),
            binary_value: binary.map(str::to_owned),
        };
        with_attributes.attributes.insert("WeeksOn".into(), attribute("Number", Some("6"), None));
        with_attributes.attributes.insert("Author".into(), attribute("String", Some("John Grisham"), None));
        with_attributes.attributes.insert("Title".into(), attribute("String", Some("The Whistler"), None));
        let plain = json!({
            "messageId": "059f36b4-87a3-44ab-83d2-661975830a7d",
            "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
            "body": "Test message.",
            "attributes": {
                "ApproximateReceiveCount": "1",
                "SentTimestamp": "1545082649183",
                "SenderId": "AIDALOCALLOCALLOCAL00",
                "ApproximateFirstReceiveTimestamp": "1545082649185"
            },
            "messageAttributes": {},
            "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:my-queue",
            "awsRegion": "us-east-1"
        });
        assert_eq!(event(message(), "my-queue"), json!({ "Records": [plain.clone()] }));
        let mut expected = plain;
        expected["md5OfMessageAttributes"] = json!("d25a6aea97eb8f585bfa92d314504a92");
        expected["messageAttributes"] = json!({
            "WeeksOn": { "stringValue": "6", "stringListValues": [], "binaryListValues": [], "dataType": "Number" },
            "Author": { "stringValue": "John Grisham", "stringListValues": [], "binaryListValues": [], "dataType": "String" },
            "Title": { "stringValue": "The Whistler", "stringListValues": [], "binaryListValues": [], "dataType": "String" }
        });
        assert_eq!(event(with_attributes, "my-queue"), json!({ "Records": [expected] }));
    }

    #[test]
    fn records_of_fifo_queues_name_group_deduplication_and_sequence() {
        let message = Message {
            fifo: true,
            group: Some("1".into()),
            deduplication_id: Some("d".into()),
            trace_header: Some("Root=1".into()),
            source_arn: Some("arn:aws:sqs:us-east-1:000000000000:source.fifo".into()),
            ..message()
        };
        let event = event(message, "fifo.fifo");
        assert_eq!(
            event["Records"][0]["attributes"],
            json!({
                "ApproximateReceiveCount": "1",
                "SentTimestamp": "1545082649183",
                "SequenceNumber": "18850000000000000256",
                "MessageGroupId": "1",
                "SenderId": "AIDALOCALLOCALLOCAL00",
                "MessageDeduplicationId": "d",
                "ApproximateFirstReceiveTimestamp": "1545082649185",
                "AWSTraceHeader": "Root=1",
                "DeadLetterQueueSourceArn": "arn:aws:sqs:us-east-1:000000000000:source.fifo"
            })
        );
    }
}
