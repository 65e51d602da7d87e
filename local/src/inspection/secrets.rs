//! What the documents of the API say is a secret: whatever has `format: password`, in a body, an answer, a path or a frame. Nothing of it is listed
//! here, so that a field which is marked there is masked here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde_json::Value;

use super::mask::plain;

/// The names on the way to a field; lists on the way are passed through.
type Way = Vec<String>;

/// What is secret of one operation.
#[derive(Debug, Default)]
pub(super) struct Operation {
    /// Fields of its body.
    pub(super) body: BTreeSet<Way>,
    /// Fields of what it answers.
    pub(super) answers: BTreeSet<Way>,
    /// Parameters of its path.
    pub(super) parameters: BTreeSet<String>,
}

/// What is secret of the whole API.
#[derive(Debug, Default)]
pub(super) struct Secrets {
    /// By route key, as events have it.
    operations: BTreeMap<String, Operation>,
    /// Names that are never anything else, letters and digits only.
    names: BTreeSet<String>,
}

impl Secrets {
    /// Of ConChat's API.
    pub(super) fn known() -> &'static Self {
        static KNOWN: LazyLock<Secrets> = LazyLock::new(|| {
            let documents = [include_str!("../../../shared/openapi.json"), include_str!("../../../shared/asyncapi.json")];
            Secrets::read(&documents.map(|text| serde_json::from_str(text).unwrap_or_default()))
        });
        &KNOWN
    }

    /// Of these documents.
    fn read(documents: &[Value]) -> Self {
        let (mut secret, mut open) = (BTreeSet::new(), BTreeSet::new());
        for document in documents {
            name_all(document, &mut secret, &mut open);
        }
        let mut known = Self { operations: BTreeMap::new(), names: secret.difference(&open).cloned().collect() };
        for document in documents {
            for (path, item) in document["paths"].as_object().into_iter().flatten() {
                for (method, operation) in item.as_object().into_iter().flatten() {
                    known.operations.insert(format!("{} {path}", method.to_uppercase()), Operation::read(operation, document));
                }
            }
        }
        known
    }

    /// Of the operation with this route key.
    pub(super) fn operation(&self, route: &str) -> Option<&Operation> {
        self.operations.get(route)
    }

    /// Whether a name is that of a secret wherever it stands.
    pub(super) fn is_name(&self, plain: &str) -> bool {
        self.names.contains(plain)
    }
}

impl Operation {
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

/// The ways to all secrets of a schema.
fn collect<'a>(schema: &'a Value, document: &'a Value, way: &mut Way, within: &mut Vec<&'a str>, found: &mut BTreeSet<Way>) {
    if is_secret(schema) {
        found.insert(way.clone());
    }
    if let Some(name) = schema["$ref"].as_str()
        && !within.contains(&name)
        && let Some(named) = document.pointer(name.trim_start_matches('#'))
    {
        within.push(name);
        collect(named, document, way, within, found);
        within.pop();
    }
    for list in ["allOf", "anyOf", "oneOf"] {
        for part in schema[list].as_array().into_iter().flatten() {
            collect(part, document, way, within, found);
        }
    }
    for items in ["items", "additionalProperties"] {
        collect_if_any(&schema[items], document, way, within, found);
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        way.push(name.clone());
        collect(property, document, way, within, found);
        way.pop();
    }
}

fn collect_if_any<'a>(
    schema: &'a Value,
    document: &'a Value,
    way: &mut Way,
    within: &mut Vec<&'a str>,
    found: &mut BTreeSet<Way>,
) {
    if schema.is_object() {
        collect(schema, document, way, within, found);
    }
}

/// Sorts the names of all properties of a document by whether they are marked there.
fn name_all(value: &Value, secret: &mut BTreeSet<String>, open: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, property) in members.get("properties").and_then(Value::as_object).into_iter().flatten() {
                if is_secret(property) { &mut *secret } else { &mut *open }.insert(plain(name));
            }
            members.values().for_each(|value| name_all(value, secret, open));
        }
        Value::Array(values) => values.iter().for_each(|value| name_all(value, secret, open)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_documents_mark_is_known_by_its_place_and_where_it_is_nothing_else_by_its_name() {
        let known = Secrets::known();
        let way = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Way>();
        let of = |route: &str| known.operation(route).unwrap_or_else(|| panic!("{route} is not documented"));
        let expected = [
            ("PUT /api/auth/password", vec![&["current"][..], &["new"]]),
            ("PATCH /api/users/me", vec![&["password"]]),
            ("POST /api/auth/refresh", vec![&["refresh_token"]]),
            ("POST /api/rooms/{room_id}/join", vec![&["invite"]]),
            ("PUT /api/push/subscription", vec![&["endpoint"], &["keys", "auth"], &["keys", "p256dh"]]),
        ];
        for (route, ways) in expected {
            assert_eq!(of(route).body, ways.into_iter().map(way).collect(), "{route}");
        }
        assert!(of("GET /api/rooms/{room_id}/invites").answers.contains(&way(&["items", "code"])));
        assert!(of("GET /api/users/me/export").answers.contains(&way(&["invites", "code"])));
        assert!(of("DELETE /api/rooms/{room_id}/invites/{code}").parameters.contains("code"));
        for name in ["password", "refreshtoken", "accesstoken", "ticket", "token", "invite", "p256dh"] {
            assert!(known.is_name(name), "{name}");
        }
        assert!(!known.is_name("code") && !known.is_name("current"), "errors have codes, and sessions are current");
    }
}
