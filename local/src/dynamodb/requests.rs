//! The requests that are answered from the cache, and what the others may change.

use std::collections::{BTreeMap, HashMap, HashSet};

use dynoxide::AttributeValue;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::cache::Scope;

/// The limit of `BatchGetItem`.
const MAX_KEYS: usize = 100;

/// Operations that change nothing.
const READS: [&str; 14] = [
    "BatchGetItem",
    "DescribeStream",
    "DescribeTable",
    "DescribeTimeToLive",
    "GetItem",
    "GetRecords",
    "GetShardIterator",
    "ListStreams",
    "ListTables",
    "ListTagsOfResource",
    "Query",
    "Scan",
    "SearchVectors",
    "TransactGetItems",
];

/// A key of one attribute, written in the only way in which it can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key<'a> {
    pub(super) json: &'a str,
    pub(super) name: &'a str,
    kind: Kind,
    value: &'a str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Number,
}

/// Keys of one table, and nothing that changes what is returned of their items.
#[derive(Debug)]
pub(super) struct Reads<'a> {
    pub(super) table: &'a str,
    pub(super) keys: Vec<Key<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct BatchGetItem<'a> {
    #[serde(borrow)]
    request_items: BTreeMap<&'a str, KeysAndAttributes<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct KeysAndAttributes<'a> {
    #[serde(borrow)]
    keys: Vec<&'a RawValue>,
    #[serde(default, rename = "ConsistentRead")]
    _consistent_read: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct GetItem<'a> {
    table_name: &'a str,
    #[serde(borrow)]
    key: &'a RawValue,
    #[serde(default, rename = "ConsistentRead")]
    _consistent_read: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Target<'a> {
    table_name: &'a str,
    #[serde(borrow)]
    key: Option<&'a RawValue>,
}

impl<'a> Reads<'a> {
    pub(super) fn of_batch(body: &'a str) -> Option<Self> {
        let request: BatchGetItem<'_> = serde_json::from_str(body).ok()?;
        let mut tables = request.request_items.into_iter();
        let (Some((table, asked)), None) = (tables.next(), tables.next()) else { return None };
        let keys: Vec<_> = asked.keys.into_iter().map(|key| Key::of(key.get())).collect::<Option<_>>()?;
        let distinct: HashSet<_> = keys.iter().map(|key| key.json).collect();
        let is_valid = is_name(table) && (1..=MAX_KEYS).contains(&keys.len()) && distinct.len() == keys.len();
        is_valid.then_some(Self { table, keys })
    }

    pub(super) fn of_item(body: &'a str) -> Option<Self> {
        let request: GetItem<'_> = serde_json::from_str(body).ok()?;
        let key = Key::of(request.key.get())?;
        is_name(request.table_name).then_some(Self { table: request.table_name, keys: vec![key] })
    }
}

impl<'a> Key<'a> {
    fn of(json: &'a str) -> Option<Self> {
        let (name, value) = json.strip_prefix("{\"")?.strip_suffix("\"}}")?.split_once("\":{\"")?;
        let (kind, value) = value.split_once("\":\"")?;
        let kind = match kind {
            "S" if !value.is_empty() => Kind::Text,
            "N" if is_plain_number(value) => Kind::Number,
            _ => return None,
        };
        let is_plain = !json.contains('\\') && !name.contains('"') && !value.contains('"');
        is_plain.then_some(Self { json, name, kind, value })
    }

    /// As the database takes it.
    pub(super) fn attribute(&self) -> HashMap<String, AttributeValue> {
        let value = self.value.to_owned();
        let value = match self.kind {
            Kind::Text => AttributeValue::S(value),
            Kind::Number => AttributeValue::N(value),
        };
        HashMap::from([(self.name.to_owned(), value)])
    }

    /// Whether an item has this key.
    pub(super) fn is_of(&self, item: &HashMap<String, AttributeValue>) -> bool {
        match (self.kind, item.get(self.name)) {
            (Kind::Text, Some(AttributeValue::S(value))) | (Kind::Number, Some(AttributeValue::N(value))) => value == self.value,
            _ => false,
        }
    }
}

/// What a request may change; `None` if it only reads.
pub(super) fn changes(operation: &str, body: &[u8]) -> Option<Scope> {
    if READS.contains(&operation) {
        return None;
    }
    let target = serde_json::from_slice::<Target<'_>>(body).ok().filter(|target| is_name(target.table_name));
    Some(match (operation, target) {
        ("DeleteItem" | "UpdateItem", Some(Target { table_name, key })) => {
            let table = table_name.to_owned();
            match key.and_then(|key| Key::of(key.get())) {
                Some(key) => Scope::Item { table, key: key.json.to_owned() },
                None => Scope::Table(table),
            }
        }
        ("PutItem", Some(Target { table_name, .. })) => Scope::Table(table_name.to_owned()),
        _ => Scope::Everything,
    })
}

/// Not an ARN, which would be another name of the same table.
fn is_name(table: &str) -> bool {
    !table.contains(':')
}

/// Whether a number is an integer in its shortest form.
fn is_plain_number(number: &str) -> bool {
    let digits = number.strip_prefix('-').unwrap_or(number);
    number == "0"
        || (digits.len() <= 30
            && !digits.starts_with('0')
            && !digits.is_empty()
            && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_known_only_in_the_one_way_of_writing_it() {
        for key in [r#"{"id":{"N":"0"}}"#, r#"{"id":{"N":"-12"}}"#, r#"{"id":{"S":"a b:ä"}}"#] {
            assert_eq!(Key::of(key).unwrap().json, key);
        }
        for key in [
            r#"{"id":{"N":"01"}}"#,
            r#"{"id":{"N":"1.0"}}"#,
            r#"{"id":{"N":"1e3"}}"#,
            r#"{"id":{"N":"-0"}}"#,
            r#"{"id":{"N":""}}"#,
            r#"{"id":{"S":""}}"#,
            r#"{"id":{"S":"\u0061"}}"#,
            r#"{"id":{"B":"YQ=="}}"#,
            r#"{"id": {"S":"a"}}"#,
            r#"{"id":{"S":"a"},"range":{"S":"b"}}"#,
            r#"{"id":{"S":"a","N":"1"}}"#,
        ] {
            assert_eq!(Key::of(key), None, "{key}");
        }
    }

    #[test]
    fn only_plain_reads_are_answered_from_the_cache() {
        let reads =
            Reads::of_batch(r#"{"RequestItems":{"T":{"Keys":[{"id":{"N":"1"}},{"id":{"N":"2"}}],"ConsistentRead":true}}}"#);
        let reads = reads.unwrap();
        assert_eq!((reads.table, reads.keys.len(), reads.keys[1].name), ("T", 2, "id"));
        assert_eq!(Reads::of_item(r#"{"TableName":"T","Key":{"id":{"N":"1"}}}"#).unwrap().table, "T");
        for body in [
            r#"{"RequestItems":{}}"#,
            r#"{"RequestItems":{"T":{"Keys":[]}}}"#,
            r#"{"RequestItems":{"T":{"Keys":[{"id":{"N":"1"}},{"id":{"N":"1"}}]}}}"#,
            r#"{"RequestItems":{"T":{"Keys":[{"id":{"N":"1"}}],"ProjectionExpression":"a"}}}"#,
            r#"{"RequestItems":{"T":{"Keys":[{"id":{"N":"1"}}]},"U":{"Keys":[{"id":{"N":"1"}}]}}}"#,
            r#"{"RequestItems":{"arn:aws:dynamodb:x:1:table/T":{"Keys":[{"id":{"N":"1"}}]}}}"#,
            r#"{"RequestItems":{"T":{"Keys":[{"id":{"N":"1"}}]}},"ReturnConsumedCapacity":"TOTAL"}"#,
            "[]",
        ] {
            assert!(Reads::of_batch(body).is_none(), "{body}");
        }
        assert!(Reads::of_item(r#"{"TableName":"T","Key":{"id":{"N":"1"}},"AttributesToGet":["a"]}"#).is_none());
    }

    #[test]
    fn a_request_changes_its_item_its_table_or_perhaps_everything() {
        let table = || Scope::Table("T".into());
        for (operation, body, scope) in [
            ("Query", r#"{"TableName":"T"}"#, None),
            (
                "UpdateItem",
                r#"{"TableName":"T","Key":{"id":{"N":"1"}},"UpdateExpression":"SET a = :a"}"#,
                Some(Scope::Item { table: "T".into(), key: r#"{"id":{"N":"1"}}"#.into() }),
            ),
            ("DeleteItem", r#"{"TableName":"T","Key":{"id":{"N":"1.0"}}}"#, Some(table())),
            ("PutItem", r#"{"TableName":"T","Item":{"id":{"N":"1"}}}"#, Some(table())),
            ("PutItem", r#"{"TableName":"arn:aws:dynamodb:x:1:table/T","Item":{}}"#, Some(Scope::Everything)),
            ("UpdateItem", "{", Some(Scope::Everything)),
            ("TransactWriteItems", r#"{"TableName":"T"}"#, Some(Scope::Everything)),
            ("", "", Some(Scope::Everything)),
        ] {
            assert_eq!(changes(operation, body.as_bytes()), scope, "{operation} {body}");
        }
    }
}
