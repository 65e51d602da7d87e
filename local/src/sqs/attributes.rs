//! Queue attributes: defaults, ranges and FIFO-only attributes, shared by the template and the API.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde_json::{Value, json};

use super::error::{Code, SqsError};

/// A queue's explicit attributes and the effective values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Attributes {
    set: BTreeMap<String, String>,
    pub(crate) fifo: bool,
    pub(crate) delay_s: u32,
    pub(crate) visibility_s: u32,
    pub(crate) retention_s: u32,
    pub(crate) wait_s: u32,
    pub(crate) maximum_size: usize,
    pub(crate) content_based_deduplication: bool,
    /// Whether deduplication is scoped to a message group.
    pub(crate) deduplicates_per_group: bool,
    pub(crate) redrive: Option<RedrivePolicy>,
    allowed_sources: AllowedSources,
}

/// `RedrivePolicy`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RedrivePolicy {
    pub(crate) target_arn: String,
    pub(crate) max_receive_count: u32,
}

/// `RedriveAllowPolicy`: the queues that may use this one as their dead-letter queue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum AllowedSources {
    #[default]
    All,
    None,
    Arns(Vec<String>),
}

/// Numeric attributes with range and default.
static NUMBERS: [(&str, RangeInclusive<u32>, u32); 6] = [
    ("DelaySeconds", 0..=900, 0),
    ("MaximumMessageSize", 1024..=1_048_576, 1_048_576),
    ("MessageRetentionPeriod", 60..=1_209_600, 345_600),
    ("ReceiveMessageWaitTimeSeconds", 0..=20, 0),
    ("VisibilityTimeout", 0..=43_200, 30),
    ("KmsDataKeyReusePeriodSeconds", 60..=86_400, 300),
];
/// Defaults of the other attributes.
const DEFAULTS: [(&str, &str); 6] = [
    ("DelaySeconds", "0"),
    ("MaximumMessageSize", "1048576"),
    ("MessageRetentionPeriod", "345600"),
    ("ReceiveMessageWaitTimeSeconds", "0"),
    ("VisibilityTimeout", "30"),
    ("SqsManagedSseEnabled", "true"),
];
const FIFO_DEFAULTS: [(&str, &str); 3] =
    [("ContentBasedDeduplication", "false"), ("DeduplicationScope", "queue"), ("FifoThroughputLimit", "perQueue")];
/// Attributes that are stored without an effect.
const TEXTS: [&str; 2] = ["Policy", "KmsMasterKeyId"];
/// Read-only attributes, computed on request.
pub(crate) const COUNTED: [&str; 6] = [
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
    "CreatedTimestamp",
    "LastModifiedTimestamp",
    "QueueArn",
];

/// Whether the attribute exists.
pub(crate) fn is_known(name: &str) -> bool {
    name == "All" || is_settable(name) || COUNTED.contains(&name)
}

fn is_settable(name: &str) -> bool {
    matches!(name, "RedrivePolicy" | "RedriveAllowPolicy" | "FifoQueue" | "SqsManagedSseEnabled")
        || TEXTS.contains(&name)
        || NUMBERS.iter().any(|(number, ..)| *number == name)
        || FIFO_DEFAULTS.iter().any(|(fifo, _)| *fifo == name)
}

impl Attributes {
    /// Attributes of a new queue.
    pub(crate) fn new(set: &BTreeMap<String, String>) -> Result<Self, SqsError> {
        let fifo = match set.get("FifoQueue").map(String::as_str) {
            None => false,
            Some("true") => true,
            Some(_) => return Err(SqsError::new(Code::InvalidAttributeName, "Unknown Attribute FifoQueue.")),
        };
        let mut attributes = Self { fifo, ..Self::default() };
        for (name, value) in set {
            attributes.check(name, value)?;
            // An empty policy removes it.
            if !value.is_empty() {
                attributes.set.insert(name.clone(), value.clone());
            }
        }
        attributes.read()?;
        Ok(attributes)
    }

    /// A copy with some attributes changed.
    pub(crate) fn with(&self, changes: &BTreeMap<String, String>) -> Result<Self, SqsError> {
        if let Some(kind) = changes.get("FifoQueue") {
            return Err(if self.fifo && kind != "true" {
                SqsError::new(
                    Code::InvalidAttributeValue,
                    "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported.",
                )
            } else if self.fifo {
                let mut rest = changes.clone();
                rest.remove("FifoQueue");
                return self.with(&rest);
            } else {
                SqsError::new(Code::InvalidAttributeName, "Unknown Attribute FifoQueue.")
            });
        }
        let mut set = self.set.clone();
        set.extend(changes.clone());
        Self::new(&set)
    }

    /// The first requested attribute in which an existing queue differs.
    pub(crate) fn conflict<'a>(&self, requested: &'a BTreeMap<String, String>) -> Option<&'a str> {
        let own = self.all();
        requested.iter().find(|(name, value)| own.get(name.as_str()) != Some(*value)).map(|(name, _)| name.as_str())
    }

    /// All attributes including defaults.
    pub(crate) fn all(&self) -> BTreeMap<String, String> {
        let fifo = if self.fifo { &FIFO_DEFAULTS[..] } else { &[] };
        let defaults = DEFAULTS.iter().chain(fifo).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let mut all: BTreeMap<_, _> = defaults.collect();
        if self.set.contains_key("KmsMasterKeyId") {
            all.insert("SqsManagedSseEnabled".into(), "false".into());
        }
        all.extend(self.set.clone());
        if let Some(RedrivePolicy { target_arn, max_receive_count }) = &self.redrive {
            let policy = json!({ "deadLetterTargetArn": target_arn, "maxReceiveCount": max_receive_count });
            all.insert("RedrivePolicy".into(), policy.to_string());
        }
        all
    }

    /// The explicit attributes.
    pub(crate) fn set(&self) -> &BTreeMap<String, String> {
        &self.set
    }

    /// Whether the queue with this ARN may use this queue as its dead-letter queue.
    pub(crate) fn allows_source(&self, arn: &str) -> bool {
        match &self.allowed_sources {
            AllowedSources::All => true,
            AllowedSources::None => false,
            AllowedSources::Arns(arns) => arns.iter().any(|allowed| allowed == arn),
        }
    }

    fn check(&self, name: &str, value: &str) -> Result<(), SqsError> {
        let unknown = || SqsError::new(Code::InvalidAttributeName, format!("Unknown Attribute {name}."));
        if !is_settable(name) {
            return Err(unknown());
        }
        if !self.fifo {
            match name {
                "DeduplicationScope" | "FifoThroughputLimit" => {
                    let reason = format!("You can specify the {name} only when FifoQueue is set to true.");
                    return Err(SqsError::new(Code::InvalidAttributeName, reason));
                }
                "ContentBasedDeduplication" => return Err(unknown()),
                _ => {}
            }
        }
        let range = NUMBERS.iter().find(|(number, ..)| *number == name).map(|(_, range, _)| range);
        let good = match (name, range) {
            (_, Some(range)) => value.parse().is_ok_and(|number| range.contains(&number)),
            ("ContentBasedDeduplication" | "SqsManagedSseEnabled", _) => matches!(value, "true" | "false"),
            ("DeduplicationScope", _) => matches!(value, "queue" | "messageGroup"),
            ("FifoThroughputLimit", _) => matches!(value, "perQueue" | "perMessageGroupId"),
            _ => true,
        };
        if good { Ok(()) } else { Err(wrong(name, range)) }
    }

    fn read(&mut self) -> Result<(), SqsError> {
        let number = |name: &str| {
            let default = NUMBERS.iter().find(|(number, ..)| *number == name).map_or(0, |(.., default)| *default);
            self.set.get(name).and_then(|value| value.parse().ok()).unwrap_or(default)
        };
        let is = |name: &str, value: &str| self.set.get(name).is_some_and(|set| set == value);
        let (delay, visibility, retention) =
            (number("DelaySeconds"), number("VisibilityTimeout"), number("MessageRetentionPeriod"));
        let (wait, size) = (number("ReceiveMessageWaitTimeSeconds"), number("MaximumMessageSize"));
        let (content_based, per_group) = (is("ContentBasedDeduplication", "true"), is("DeduplicationScope", "messageGroup"));
        if is("FifoThroughputLimit", "perMessageGroupId") && !per_group {
            let reason = "The perMessageGroupId value is allowed only when the value for DeduplicationScope is messageGroup.";
            return Err(SqsError::new(Code::InvalidAttributeValue, reason));
        }
        let redrive = self.set.get("RedrivePolicy").map(|policy| redrive_policy(policy)).transpose()?;
        let allowed_sources = self.set.get("RedriveAllowPolicy").map(|policy| allow_policy(policy)).transpose()?;
        (self.delay_s, self.visibility_s, self.retention_s) = (delay, visibility, retention);
        (self.wait_s, self.maximum_size) = (wait, usize::try_from(size).unwrap_or(usize::MAX));
        (self.content_based_deduplication, self.deduplicates_per_group) = (content_based, per_group);
        (self.redrive, self.allowed_sources) = (redrive, allowed_sources.unwrap_or_default());
        Ok(())
    }
}

fn wrong(name: &str, range: Option<&RangeInclusive<u32>>) -> SqsError {
    let reason = range.map(|range| format!(" Reason: Must be between {} and {}, if provided.", range.start(), range.end()));
    let message = format!("Invalid value for the parameter {name}.{}", reason.unwrap_or_default());
    SqsError::new(Code::InvalidAttributeValue, message)
}

fn redrive_policy(text: &str) -> Result<RedrivePolicy, SqsError> {
    let invalid = |reason: &str| SqsError::parameter(text, "RedrivePolicy", reason);
    let policy: Value = serde_json::from_str(text).map_err(|_| invalid("Redrive policy is not a valid JSON map."))?;
    let target_arn = policy["deadLetterTargetArn"].as_str().filter(|arn| !arn.is_empty());
    let target_arn =
        target_arn.ok_or_else(|| invalid("Redrive policy does not contain mandatory attribute: deadLetterTargetArn."))?;
    let count = match &policy["maxReceiveCount"] {
        Value::Null => return Err(invalid("Redrive policy does not contain mandatory attribute: maxReceiveCount.")),
        Value::String(text) => text.parse().ok(),
        number => number.as_u64(),
    };
    let max_receive_count = count.and_then(|count| u32::try_from(count).ok()).filter(|count| (1..=1000).contains(count));
    let Some(max_receive_count) = max_receive_count else {
        let given = &policy["maxReceiveCount"];
        let reason = format!("Invalid value for maxReceiveCount: {given}, valid values are from 1 to 1000 both inclusive.");
        return Err(invalid(&reason));
    };
    Ok(RedrivePolicy { target_arn: target_arn.to_owned(), max_receive_count })
}

fn allow_policy(text: &str) -> Result<AllowedSources, SqsError> {
    let invalid = |reason: &str| SqsError::parameter(text, "RedriveAllowPolicy", reason);
    let policy: Value =
        serde_json::from_str(text).map_err(|_| invalid("Amazon SQS can't parse the policy: it is not a JSON map."))?;
    let arns: Option<Vec<String>> =
        policy["sourceQueueArns"].as_array().map(|arns| arns.iter().filter_map(Value::as_str).map(str::to_owned).collect());
    match (policy["redrivePermission"].as_str(), arns) {
        (Some("allowAll") | None, None) => Ok(AllowedSources::All),
        (Some("denyAll"), None) => Ok(AllowedSources::None),
        (Some("byQueue"), Some(arns)) if (1..=10).contains(&arns.len()) => Ok(AllowedSources::Arns(arns)),
        (Some("byQueue"), _) => Err(invalid("byQueue needs one to ten sourceQueueArns.")),
        _ => Err(invalid("redrivePermission is allowAll, denyAll or byQueue; only byQueue takes sourceQueueArns.")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn attributes(given: Value) -> Result<Attributes, SqsError> {
        Attributes::new(&serde_json::from_value(given).unwrap())
    }

    fn code(given: Value) -> Option<Code> {
        attributes(given).err().map(|error| error.code)
    }

    #[test]
    fn every_number_has_its_range() {
        for (name, range, _) in &NUMBERS {
            for good in [*range.start(), *range.end()] {
                assert_eq!(code(json!({ *name: good.to_string() })), None, "{name}={good}");
            }
            let below = i64::from(*range.start()) - 1;
            for bad in [below.to_string(), (u64::from(*range.end()) + 1).to_string(), "x".into(), "1.5".into()] {
                assert_eq!(code(json!({ *name: bad })), Some(Code::InvalidAttributeValue), "{name}={bad}");
            }
        }
    }

    #[test]
    fn only_fifo_queues_have_what_is_theirs() {
        for (name, value) in FIFO_DEFAULTS {
            assert_eq!(code(json!({ name: value })), Some(Code::InvalidAttributeName));
            assert_eq!(code(json!({ name: value, "FifoQueue": "true" })), None);
        }
        assert_eq!(
            code(json!({ "FifoQueue": "true", "FifoThroughputLimit": "perMessageGroupId" })),
            Some(Code::InvalidAttributeValue)
        );
        assert_eq!(code(json!({ "Nonsense": "1" })), Some(Code::InvalidAttributeName));
        assert_eq!(code(json!({ "QueueArn": "x" })), Some(Code::InvalidAttributeName));
    }

    #[test]
    fn a_redrive_policy_names_a_queue_and_a_count() {
        let good = attributes(json!({ "RedrivePolicy": r#"{"deadLetterTargetArn":"arn:x","maxReceiveCount":"3"}"# })).unwrap();
        assert_eq!(good.redrive, Some(RedrivePolicy { target_arn: "arn:x".into(), max_receive_count: 3 }));
        assert_eq!(good.all()["RedrivePolicy"], r#"{"deadLetterTargetArn":"arn:x","maxReceiveCount":3}"#);
        assert_eq!(good.with(&BTreeMap::from([("RedrivePolicy".into(), String::new())])).unwrap().redrive, None);
        for bad in ["x", "{}", r#"{"deadLetterTargetArn":"a"}"#, r#"{"deadLetterTargetArn":"a","maxReceiveCount":1001}"#] {
            assert_eq!(code(json!({ "RedrivePolicy": bad })), Some(Code::InvalidParameterValue), "{bad}");
        }
    }

    #[test]
    fn a_dead_letter_queue_may_choose_its_sources() {
        let allows = |policy: &str| attributes(json!({ "RedriveAllowPolicy": policy })).map(|own| own.allows_source("arn:a"));
        assert_eq!(allows(r#"{"redrivePermission":"allowAll"}"#), Ok(true));
        assert_eq!(allows(r#"{"redrivePermission":"denyAll"}"#), Ok(false));
        assert_eq!(allows(r#"{"redrivePermission":"byQueue","sourceQueueArns":["arn:a"]}"#), Ok(true));
        assert_eq!(allows(r#"{"redrivePermission":"byQueue","sourceQueueArns":["arn:b"]}"#), Ok(false));
        assert!(allows(r#"{"redrivePermission":"byQueue"}"#).is_err() && allows("x").is_err());
    }
}
