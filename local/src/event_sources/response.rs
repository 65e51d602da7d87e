//! Partial batch responses (`ReportBatchItemFailures`). An invalid response fails the whole batch, as on Lambda.

use std::collections::BTreeSet;

use serde_json::Value;

/// The failed messages of a batch, which are not deleted.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum BatchItemFailures {
    All,
    Some(BTreeSet<String>),
}

impl Default for BatchItemFailures {
    fn default() -> Self {
        Self::Some(BTreeSet::new())
    }
}

impl BatchItemFailures {
    pub(super) fn contains(&self, id: &str) -> bool {
        match self {
            Self::All => true,
            Self::Some(ids) => ids.contains(id),
        }
    }
}

/// Determines which of these messages failed.
pub(super) fn batch_item_failures(result: &[u8], ids: &[&str]) -> BatchItemFailures {
    if result.is_empty() {
        return BatchItemFailures::default();
    }
    let list = match serde_json::from_slice::<Value>(result) {
        Ok(Value::Null) => return BatchItemFailures::default(),
        Ok(Value::Object(mut answer)) => answer.remove("batchItemFailures"),
        _ => return BatchItemFailures::All,
    };
    let entries = match list {
        None | Some(Value::Null) => return BatchItemFailures::default(),
        Some(Value::Array(entries)) => entries,
        Some(_) => return BatchItemFailures::All,
    };
    let named = entries.iter().map(|entry| entry["itemIdentifier"].as_str().filter(|id| ids.contains(id)).map(str::to_owned));
    named.collect::<Option<_>>().map_or(BatchItemFailures::All, BatchItemFailures::Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lists of "Success and failure conditions" in Lambda's guide.
    #[test]
    fn answers_are_read_as_the_guide_says() {
        let read = |answer: &str| batch_item_failures(answer.as_bytes(), &["id1", "id2"]);
        for success in ["", "null", "{}", r#"{"batchItemFailures":[]}"#, r#"{"batchItemFailures":null}"#, r#"{"statusCode":200}"#]
        {
            assert_eq!(read(success), BatchItemFailures::default(), "{success}");
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
            assert_eq!(read(failure), BatchItemFailures::All, "{failure}");
        }
        let some = read(r#"{"batchItemFailures":[{"itemIdentifier":"id2"},{"itemIdentifier":"id2"}]}"#);
        assert!(some.contains("id2") && !some.contains("id1"));
    }
}
