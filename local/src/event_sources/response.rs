//! What a function says of its batch with `ReportBatchItemFailures`. An answer that Lambda cannot make sense of fails the whole batch.

use std::collections::BTreeSet;

use serde_json::Value;

/// Messages that are not deleted.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failed {
    All,
    Some(BTreeSet<String>),
}

impl Default for Failed {
    fn default() -> Self {
        Self::Some(BTreeSet::new())
    }
}

impl Failed {
    pub(super) fn contains(&self, id: &str) -> bool {
        match self {
            Self::All => true,
            Self::Some(ids) => ids.contains(id),
        }
    }
}

/// Which of the messages with these ids failed.
pub(super) fn failed(result: &[u8], ids: &[&str]) -> Failed {
    if result.is_empty() {
        return Failed::default();
    }
    let list = match serde_json::from_slice::<Value>(result) {
        Ok(Value::Null) => return Failed::default(),
        Ok(Value::Object(mut answer)) => answer.remove("batchItemFailures"),
        _ => return Failed::All,
    };
    let entries = match list {
        None | Some(Value::Null) => return Failed::default(),
        Some(Value::Array(entries)) => entries,
        Some(_) => return Failed::All,
    };
    let named = entries.iter().map(|entry| entry["itemIdentifier"].as_str().filter(|id| ids.contains(id)).map(str::to_owned));
    named.collect::<Option<_>>().map_or(Failed::All, Failed::Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lists of "Success and failure conditions" in Lambda's guide.
    #[test]
    fn answers_are_read_as_the_guide_says() {
        let read = |answer: &str| failed(answer.as_bytes(), &["id1", "id2"]);
        for success in ["", "null", "{}", r#"{"batchItemFailures":[]}"#, r#"{"batchItemFailures":null}"#, r#"{"statusCode":200}"#]
        {
            assert_eq!(read(success), Failed::default(), "{success}");
        }
        for failure in [
            "{",
            r#""done""#,
            "[]",
            r#"{"batchItemFailures":"id1"}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":null}]}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":7}]}"#,
            r#"{"batchItemFailures":[{"ItemIdentifier":"id1"}]}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":"id1"},{"itemIdentifier":"id3"}]}"#,
            r#"{"batchItemFailures":[null]}"#,
        ] {
            assert_eq!(read(failure), Failed::All, "{failure}");
        }
        let some = read(r#"{"batchItemFailures":[{"itemIdentifier":"id2"},{"itemIdentifier":"id2"}]}"#);
        assert!(some.contains("id2") && !some.contains("id1"));
    }
}
