//! What clients of the last release rely on is still there: operations, fields, codes of errors, actions and frames of sockets. Today's documents
//! are compared with those of the release; `fixtures/releases/changed.json` lists what changed on purpose, each with its reason.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::releases::{Release, root};

/// A change on purpose.
#[derive(Deserialize)]
struct Change {
    /// A part of what is reported about it.
    what: String,
    why: String,
}

#[test]
fn what_clients_of_the_last_release_use_is_there() {
    let release = Release::newest();
    let text = fs::read_to_string(root().join("shared/tests/it/fixtures/releases/changed.json")).expect("a list");
    let changes: Vec<Change> = serde_json::from_str(&text).expect("changes with reasons");
    let (openapi, asyncapi) = (today("openapi.json"), today("asyncapi.json"));
    let mut found = operations(&release.json("openapi.json"), &openapi);
    found.extend(codes(&release.json("openapi.json"), &openapi));
    found.extend(frames(&release.json("asyncapi.json"), &asyncapi));
    let unexpected: Vec<_> = found.iter().filter(|one| !changes.iter().any(|change| one.contains(&change.what))).collect();
    assert!(unexpected.is_empty(), "clients of {} break:\n{unexpected:#?}", release.version);
    for Change { what, why } in changes {
        assert!(found.iter().any(|one| one.contains(&what)), "{what} is as it was");
        assert!(why.len() > 20, "{what}: why?");
    }
}

#[test]
fn a_comparison_finds_what_would_break_a_client() {
    let release: Value = Release::newest().json("openapi.json");
    let mut changed = release.clone();
    let message = &mut changed["components"]["schemas"]["Message"];
    message["properties"].as_object_mut().expect("properties").remove("content");
    message["properties"]["seq"]["type"] = "string".into();
    changed["components"]["schemas"]["NewMessage"]["required"] = serde_json::json!(["client_id"]);
    changed["paths"]["/api/rooms"].as_object_mut().expect("methods").remove("post");
    changed["paths"]["/api/users/me"]["get"]["operationId"] = "another".into();
    let found = operations(&release, &changed);
    for what in [
        "get /api/rooms/{room_id}/messages 200: .items[].content is gone",
        "post /api/rooms/{room_id}/messages 201: .seq may be string",
        "post /api/rooms/{room_id}/messages: .client_id is required",
        "post /api/rooms is gone",
        "get /api/users/me is called another",
    ] {
        assert!(found.iter().any(|one| one == what), "{what}: {found:#?}");
    }
    assert_eq!(operations(&release, &release), Vec::<String>::new());
}

fn today(file: &str) -> Value {
    let text = fs::read_to_string(root().join("shared").join(file)).expect("a document");
    serde_json::from_str(&text).expect("JSON")
}

/// What became of the operations of an OpenAPI document.
fn operations(before: &Value, after: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for (path, methods) in object(&before["paths"]) {
        for (method, known) in object(methods) {
            let (place, now) = (format!("{method} {path}"), &after["paths"][path][method]);
            if now.is_null() {
                found.push(format!("{place} is gone"));
                continue;
            }
            if known["operationId"] != now["operationId"] {
                found.push(format!("{place} is called {}", now["operationId"].as_str().unwrap_or_default()));
            }
            parameters(&place, known, now, &mut found);
            for (kind, content) in object(&known["requestBody"]["content"]) {
                let taken = &now["requestBody"]["content"][kind];
                if taken.is_null() {
                    found.push(format!("{place} takes no {kind}"));
                } else {
                    found.extend(request(&place, &fields(before, &content["schema"]), &fields(after, &taken["schema"])));
                }
            }
            for (status, answers) in object(&known["responses"]).iter().filter(|(status, _)| status.as_str() < "400") {
                let place = format!("{place} {status}");
                if now["responses"][status].is_null() {
                    found.push(format!("{place} is gone"));
                    continue;
                }
                for (kind, content) in object(&answers["content"]) {
                    let given = &now["responses"][status]["content"][kind];
                    if given.is_null() {
                        found.push(format!("{place} has no {kind}"));
                    }
                    found.extend(answer(&place, &fields(before, &content["schema"]), &fields(after, &given["schema"])));
                }
            }
        }
    }
    found
}

fn parameters(place: &str, before: &Value, after: &Value, found: &mut Vec<String>) {
    let of = |operation: &Value| -> BTreeMap<String, bool> {
        let all = operation["parameters"].as_array().into_iter().flatten();
        all.map(|one| (format!("{} {}", text(&one["in"]), text(&one["name"])), one["required"] == true)).collect()
    };
    let (before, after) = (of(before), of(after));
    for name in before.keys().filter(|name| !after.contains_key(*name)) {
        found.push(format!("{place}: the parameter {name} is gone"));
    }
    for name in after.iter().filter(|(name, required)| **required && before.get(*name) != Some(&true)).map(|(name, _)| name) {
        found.push(format!("{place}: the parameter {name} is required"));
    }
}

/// The codes of errors that are no more.
fn codes(before: &Value, after: &Value) -> Vec<String> {
    let table = text(&after["info"]["description"]);
    let codes = before["x-codes"].as_array().expect("codes").iter().map(text);
    codes.filter(|code| !table.contains(&format!("| `{code}` |"))).map(|code| format!("the code {code} is gone")).collect()
}

/// What became of the actions and frames of an AsyncAPI document.
fn frames(before: &Value, after: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for name in object(&before["operations"]).keys().filter(|name| after["operations"][name.as_str()].is_null()) {
        found.push(format!("the operation {name} is gone"));
    }
    for (name, known) in object(&before["components"]["messages"]) {
        let now = &after["components"]["messages"][name];
        if now.is_null() {
            found.push(format!("{name} is gone"));
            continue;
        }
        let (before, after) = (fields(before, &known["payload"]), fields(after, &now["payload"]));
        found.extend(if name.starts_with("action.") { request(name, &before, &after) } else { answer(name, &before, &after) });
    }
    found
}

/// What breaks those who read an answer.
fn answer(place: &str, before: &Fields, after: &Fields) -> Vec<String> {
    let mut found = Vec::new();
    for (path, known) in before {
        let Some(now) = after.get(path) else {
            found.push(format!("{place}: {path} is gone"));
            continue;
        };
        if known.required && !now.required {
            found.push(format!("{place}: {path} may be absent"));
        }
        let others: Vec<_> = now.types.difference(&known.types).map(String::as_str).collect();
        if !known.types.is_empty() && !others.is_empty() {
            found.push(format!("{place}: {path} may be {}", others.join(", ")));
        }
    }
    found
}

/// What breaks those who make a request.
fn request(place: &str, before: &Fields, after: &Fields) -> Vec<String> {
    let mut found = Vec::new();
    for (path, known) in before {
        let Some(now) = after.get(path) else {
            found.push(format!("{place}: {path} is not taken"));
            continue;
        };
        let types: Vec<_> = known.types.difference(&now.types).map(String::as_str).collect();
        if !now.types.is_empty() && !types.is_empty() {
            found.push(format!("{place}: {path} may not be {}", types.join(", ")));
        }
        let values: Vec<_> = known.values.difference(&now.values).map(String::as_str).collect();
        if !now.values.is_empty() && !values.is_empty() {
            found.push(format!("{place}: {path} may not be {}", values.join(", ")));
        }
    }
    for (path, _) in after.iter().filter(|(path, now)| now.required && !before.get(*path).is_some_and(|known| known.required)) {
        found.push(format!("{place}: {path} is required"));
    }
    found
}

/// The fields of a schema by their paths: `.items[].sender.id`.
type Fields = BTreeMap<String, Field>;

struct Field {
    required: bool,
    types: BTreeSet<String>,
    /// Of an enumeration.
    values: BTreeSet<String>,
}

impl Default for Field {
    fn default() -> Self {
        Self { required: true, types: BTreeSet::new(), values: BTreeSet::new() }
    }
}

fn fields(document: &Value, schema: &Value) -> Fields {
    let mut reader = Reader { document, within: Vec::new(), fields: Fields::new() };
    reader.read(schema, "", true);
    reader.fields
}

struct Reader<'d> {
    document: &'d Value,
    /// References that are being followed.
    within: Vec<&'d str>,
    fields: Fields,
}

impl<'d> Reader<'d> {
    fn read(&mut self, schema: &'d Value, path: &str, required: bool) {
        if let Some(reference) = schema["$ref"].as_str() {
            if self.within.contains(&reference) {
                return;
            }
            self.within.push(reference);
            self.read(self.document.pointer(reference.trim_start_matches('#')).expect("a schema"), path, required);
            self.within.pop();
        }
        let field = self.fields.entry(path.to_owned()).or_default();
        field.required &= required;
        field.types.extend(one_or_many(&schema["type"]));
        field.values.extend(schema["enum"].as_array().into_iter().flatten().chain(schema.get("const")).map(Value::to_string));
        let demanded: BTreeSet<_> = one_or_many(&schema["required"]).collect();
        for (name, property) in object(&schema["properties"]) {
            self.read(property, &format!("{path}.{name}"), required && demanded.contains(name));
        }
        if schema["items"].is_object() {
            self.read(&schema["items"], &format!("{path}[]"), required);
        }
        if schema["additionalProperties"].is_object() {
            self.read(&schema["additionalProperties"], &format!("{path}.*"), false);
        }
        for part in schema["allOf"].as_array().into_iter().flatten() {
            self.read(part, path, required);
        }
        let alternatives: Vec<_> = ["oneOf", "anyOf"].into_iter().filter_map(|name| schema[name].as_array()).flatten().collect();
        self.read_alternatives(&alternatives, path, required);
    }

    /// A field is there for certain if each alternative has it; null is none of them.
    fn read_alternatives(&mut self, alternatives: &[&'d Value], path: &str, required: bool) {
        let read = |schema: &&'d Value| {
            let mut reader = Reader { document: self.document, within: self.within.clone(), fields: Fields::new() };
            reader.read(schema, path, required);
            reader.fields
        };
        let each: Vec<Fields> = alternatives.iter().filter(|schema| schema["type"] != "null").map(read).collect();
        let certain = |name: &String| each.iter().all(|fields| fields.get(name).is_some_and(|field| field.required));
        let names: BTreeSet<&String> = each.iter().flat_map(Fields::keys).collect();
        for name in names {
            let field = self.fields.entry(name.clone()).or_default();
            field.required &= certain(name);
            for other in each.iter().filter_map(|fields| fields.get(name)) {
                field.types.extend(other.types.iter().cloned());
                field.values.extend(other.values.iter().cloned());
            }
        }
        if alternatives.iter().any(|schema| schema["type"] == "null") {
            self.fields.entry(path.to_owned()).or_default().types.insert("null".into());
        }
    }
}

/// The members of an object; none of anything else.
fn object(value: &Value) -> &Map<String, Value> {
    static NONE: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
    value.as_object().unwrap_or(&NONE)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A text, or several.
fn one_or_many(value: &Value) -> impl Iterator<Item = String> {
    let many = value.as_array().into_iter().flatten();
    many.chain(value.is_string().then_some(value)).filter_map(|item| item.as_str().map(str::to_owned))
}
