//! The secret fields of the API, read from its documents: every schema with `format: password` in a body, a response, a path or a frame.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde_json::Value;

use super::mask::normalize;

/// Member names from the root to a field; array levels are skipped.
type FieldPath = Vec<String>;

/// The secret fields of one operation.
#[derive(Debug, Default)]
pub(super) struct OperationSecrets {
    /// In the request body.
    pub(super) body: BTreeSet<FieldPath>,
    /// In the response.
    pub(super) answers: BTreeSet<FieldPath>,
    /// Path parameters.
    pub(super) parameters: BTreeSet<String>,
}

/// The secret fields of the whole API.
#[derive(Debug, Default)]
pub(super) struct ApiSecrets {
    /// By route key, as in events.
    operations: BTreeMap<String, OperationSecrets>,
    /// Names that always denote secrets, normalized.
    names: BTreeSet<String>,
}

impl ApiSecrets {
    /// The secrets of ConChat's API.
    pub(super) fn of_api() -> &'static Self {
        static KNOWN: LazyLock<ApiSecrets> = LazyLock::new(|| {
            let documents = [include_str!("../../../shared/openapi.json"), include_str!("../../../shared/asyncapi.json")];
            ApiSecrets::read(&documents.map(|text| serde_json::from_str(text).unwrap_or_default()))
        });
        &KNOWN
    }

    /// Reads API documents.
    fn read(documents: &[Value]) -> Self {
        let (mut secret, mut open) = (BTreeSet::new(), BTreeSet::new());
        for document in documents {
            collect_names(document, &mut secret, &mut open);
        }
        let mut known = Self { operations: BTreeMap::new(), names: secret.difference(&open).cloned().collect() };
        for document in documents {
            for (path, item) in document["paths"].as_object().into_iter().flatten() {
                for (method, operation) in item.as_object().into_iter().flatten() {
                    known
                        .operations
                        .insert(format!("{} {path}", method.to_uppercase()), OperationSecrets::read(operation, document));
                }
            }
        }
        known
    }

    /// The operation with this route key.
    pub(super) fn operation(&self, route: &str) -> Option<&OperationSecrets> {
        self.operations.get(route)
    }

    /// Whether a normalized name always denotes a secret.
    pub(super) fn is_secret_name(&self, plain: &str) -> bool {
        self.names.contains(plain)
    }
}

impl OperationSecrets {
    fn read(operation: &Value, document: &Value) -> Self {
        let mut read = Self::default();
        let schemas = |of: &Value| -> Vec<Value> {
            of["content"].as_object().into_iter().flatten().map(|(_, content)| content["schema"].clone()).collect()
        };
        for schema in schemas(&operation["requestBody"]) {
            collect(&schema, document, &mut Vec::new(), &mut Vec::new(), &mut read.body);
        }
        for (_, answer) in operation["responses"].as_object().into_iter().flatten() {
            for schema in schemas(answer) {
                collect(&schema, document, &mut Vec::new(), &mut Vec::new(), &mut read.answers);
            }
        }
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            if parameter["in"] == "path" && is_secret(&parameter["schema"]) {
                read.parameters.extend(parameter["name"].as_str().map(str::to_owned));
            }
        }
        read
    }
}

fn is_secret(schema: &Value) -> bool {
    schema["format"] == "password"
}

/// Collects the paths of all secret fields of a schema.
fn collect<'a>(
    schema: &'a Value,
    document: &'a Value,
    path: &mut FieldPath,
    within: &mut Vec<&'a str>,
    found: &mut BTreeSet<FieldPath>,
) {
    if is_secret(schema) {
        found.insert(path.clone());
    }
    if let Some(name) = schema["$ref"].as_str()
        && !within.contains(&name)
        && let Some(named) = document.pointer(name.trim_start_matches('#'))
    {
        within.push(name);
        collect(named, document, path, within, found);
        within.pop();
    }
    for list in ["allOf", "anyOf", "oneOf"] {
        for part in schema[list].as_array().into_iter().flatten() {
            collect(part, document, path, within, found);
        }
    }
    for items in ["items", "additionalProperties"] {
        collect_if_any(&schema[items], document, path, within, found);
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        path.push(name.clone());
        collect(property, document, path, within, found);
        path.pop();
    }
}

fn collect_if_any<'a>(
    schema: &'a Value,
    document: &'a Value,
    path: &mut FieldPath,
    within: &mut Vec<&'a str>,
    found: &mut BTreeSet<FieldPath>,
) {
    if schema.is_object() {
        collect(schema, document, path, within, found);
    }
}

/// Sorts all property names of a document into marked and unmarked ones.
fn collect_names(value: &Value, secret: &mut BTreeSet<String>, open: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, property) in members.get("properties").and_then(Value::as_object).into_iter().flatten() {
                if is_secret(property) { &mut *secret } else { &mut *open }.insert(normalize(name));
            }
            members.values().for_each(|value| collect_names(value, secret, open));
        }
        Value::Array(values) => values.iter().for_each(|value| collect_names(value, secret, open)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_documents_mark_is_known_by_its_place_and_where_it_is_nothing_else_by_its_name() {
        let known = ApiSecrets::of_api();
        let path = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<FieldPath>();
        let of = |route: &str| known.operation(route).unwrap_or_else(|| panic!("{route} is not documented"));
        let expected = [
            ("PUT /api/auth/password", vec![&["current"][..], &["new"]]),
            ("PATCH /api/users/me", vec![&["password"]]),
            ("POST /api/auth/refresh", vec![&["refresh_token"]]),
            ("POST /api/rooms/{room_id}/join", vec![&["invite"]]),
            ("PUT /api/push/subscription", vec![&["endpoint"], &["keys", "auth"], &["keys", "p256dh"]]),
        ];
        for (route, ways) in expected {
            assert_eq!(of(route).body, ways.into_iter().map(path).collect(), "{route}");
        }
        assert!(of("GET /api/rooms/{room_id}/invites").answers.contains(&path(&["items", "code"])));
        assert!(of("GET /api/users/me/export").answers.contains(&path(&["invites", "code"])));
        assert!(of("DELETE /api/rooms/{room_id}/invites/{code}").parameters.contains("code"));
        for name in ["password", "refreshtoken", "accesstoken", "ticket", "token", "invite", "p256dh"] {
            assert!(known.is_secret_name(name), "{name}");
        }
        assert!(!known.is_secret_name("code") && !known.is_secret_name("current"), "errors have codes, and sessions are current");
    }
}
