//! A collection of all requests, generated from the OpenAPI document in format version 2.1, for Postman, Bruno and others. `shared/collection.json`
//! is its committed copy.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::openapi;

/// Maximum depth of example values.
const DEPTH: u32 = 16;
/// Stores the tokens of a login for later requests.
const KEEP_TOKENS: &str = "if (pm.response.code < 300) { const { access_token, refresh_token } = pm.response.json(); \
    pm.collectionVariables.set('token', access_token); pm.collectionVariables.set('refresh_token', refresh_token); }";
/// Requests whose responses contain tokens.
const SIGNS_IN: [&str; 3] = ["/api/auth/login", "/api/auth/refresh", "/api/auth/register"];

/// Generates the collection with one folder per tag.
pub fn document() -> Result<Value, serde_json::Error> {
    let api = serde_json::to_value(openapi::document())?;
    let mut folders: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for (path, item) in api["paths"].as_object().into_iter().flatten() {
        for (method, operation) in item.as_object().into_iter().flatten() {
            let tag = operation["tags"][0].as_str().unwrap_or_default();
            folders.entry(tag).or_default().push(request(&api, (method, path), operation));
        }
    }
    let tags = api["tags"].as_array().into_iter().flatten();
    let folders: Vec<_> = tags
        .filter_map(|tag| {
            let requests = folders.remove(tag["name"].as_str()?)?;
            Some(json!({ "name": tag["name"], "description": tag["description"], "item": requests }))
        })
        .collect();
    Ok(json!({
        "info": {
            "name": "ConChat",
            "description": "Register or log in first: the tokens are kept for the requests that follow.",
            "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json",
        },
        "auth": { "type": "bearer", "bearer": [{ "key": "token", "value": "{{token}}", "type": "string" }] },
        "variable": [
            { "key": "api", "value": "http://localhost:8081", "description": "Where the API is: by default, where `make run` has it." },
            { "key": "token", "value": "" },
            { "key": "refresh_token", "value": "" },
        ],
        "item": folders,
    }))
}

/// The collection as committed.
pub fn text() -> Result<String, serde_json::Error> {
    Ok(serde_json::to_string_pretty(&document()?)? + "\n")
}

fn request(api: &Value, (method, path): (&str, &str), operation: &Value) -> Value {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let (mut query, mut variables) = (Vec::new(), Vec::new());
    for parameter in parameters {
        let value = match example(api, parameter, DEPTH) {
            Value::String(text) => text,
            Value::Null => String::new(),
            other => other.to_string(),
        };
        let known = json!({ "key": parameter["name"], "value": value, "description": parameter["description"] });
        if parameter["in"] == "path" {
            variables.push(known);
        } else if parameter["in"] == "query" {
            let mut known = known;
            // Optional parameters are included but disabled.
            known["disabled"] = json!(parameter["required"] != true);
            query.push(known);
        }
    }
    let parts: Vec<_> = path.split('/').skip(1).map(|part| part.replace('{', ":").replace('}', "")).collect();
    let mut request = json!({
        "method": method.to_uppercase(),
        "header": [],
        "description": described(operation),
        "url": { "raw": format!("{{{{api}}}}/{}", parts.join("/")), "host": ["{{api}}"], "path": parts, "query": query, "variable": variables },
    });
    if operation["security"].is_null() {
        request["auth"] = json!({ "type": "noauth" });
    }
    let body = &operation["requestBody"]["content"]["application/json"];
    if !body.is_null() {
        let mut shown = example(api, body, DEPTH);
        if shown.get("refresh_token").is_some() {
            shown["refresh_token"] = json!("{{refresh_token}}");
        }
        request["header"] = json!([{ "key": "content-type", "value": "application/json" }]);
        let text = serde_json::to_string_pretty(&shown).unwrap_or_default();
        request["body"] = json!({ "mode": "raw", "raw": text, "options": { "raw": { "language": "json" } } });
    }
    let mut item = json!({ "name": named(operation, path), "request": request });
    if SIGNS_IN.contains(&path) {
        item["event"] = json!([{ "listen": "test", "script": { "type": "text/javascript", "exec": [KEEP_TOKENS] } }]);
    }
    item
}

/// The first sentence of the summary.
fn named(operation: &Value, path: &str) -> String {
    let summary = operation["summary"].as_str().unwrap_or(path);
    summary.split(". ").next().unwrap_or(summary).trim_end_matches('.').to_owned()
}

fn described(operation: &Value) -> String {
    let texts = [&operation["summary"], &operation["description"]];
    texts.into_iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n\n")
}

/// Returns the example of a schema, or builds one from its fields.
fn example(api: &Value, of: &Value, depth: u32) -> Value {
    if let Some(given) = given(of) {
        return given.clone();
    }
    let below = |schema: &Value| if depth == 0 { Value::Null } else { example(api, schema, depth - 1) };
    if !of["schema"].is_null() {
        return below(&of["schema"]);
    }
    if let Some(name) = of["$ref"].as_str() {
        return api.pointer(name.trim_start_matches('#')).map_or(Value::Null, below);
    }
    if let Some(parts) = of["allOf"].as_array() {
        let mut whole = Map::new();
        for part in parts {
            match below(part) {
                Value::Object(fields) => whole.extend(fields),
                other => return other,
            }
        }
        return Value::Object(whole);
    }
    if let Some(choices) = of["oneOf"].as_array().or(of["anyOf"].as_array()) {
        return choices.iter().map(below).find(|value| !value.is_null()).unwrap_or_default();
    }
    if let Some(fields) = of["properties"].as_object() {
        let required =
            |name: &String| of["required"].as_array().is_some_and(|required| required.iter().any(|other| other == name.as_str()));
        // Includes optional fields only if they declare an example, since other values may conflict.
        let shown = fields.iter().filter(|(name, schema)| required(name) || given(schema).is_some());
        return shown.map(|(name, schema)| (name.clone(), below(schema))).collect::<Map<_, _>>().into();
    }
    match of["type"].as_str() {
        Some("string") => json!("text"),
        Some("boolean") => json!(true),
        Some("integer" | "number") => json!(1),
        Some("array") => json!([below(&of["items"])]),
        _ => Value::Null,
    }
}

/// The example declared by a schema.
fn given(of: &Value) -> Option<&Value> {
    let places = [&of["example"], &of["examples"][0], &of["default"], &of["const"], &of["enum"][0]];
    places.into_iter().find(|given| !given.is_null())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_collection_is_that_of_the_openapi_document() {
        let committed = include_str!("../shared/collection.json");
        let current = text().expect("JSON");
        let differs = committed.lines().zip(current.lines()).find(|(old, new)| old != new);
        assert!(committed == current, "shared/collection.json is stale: run `make collection`. First difference: {differs:?}");
    }

    fn requests(items: &Value) -> Vec<Value> {
        let all = items.as_array().into_iter().flatten();
        all.flat_map(|item| if item["item"].is_null() { vec![item.clone()] } else { requests(&item["item"]) }).collect()
    }

    #[test]
    fn every_operation_is_a_request_that_can_be_sent_as_it_is() {
        let all = requests(&document().expect("JSON")["item"]);
        let operations: usize = serde_json::to_value(openapi::document()).expect("JSON")["paths"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(_, item)| item.as_object().map_or(0, Map::len))
            .sum();
        assert_eq!(all.len(), operations);
        for item in all {
            let (name, request) = (&item["name"], &item["request"]);
            assert!(name.as_str().is_some_and(|name| !name.is_empty()));
            for variable in request["url"]["variable"].as_array().into_iter().flatten() {
                assert!(variable["value"].as_str().is_some_and(|value| !value.is_empty()), "{name}: {variable}");
            }
            if let Some(body) = request["body"]["raw"].as_str() {
                let body: Value = serde_json::from_str(body).expect("JSON");
                assert!(body.is_object(), "{name}: {body}");
            }
        }
    }
}
