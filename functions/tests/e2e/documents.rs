//! The documents are complete: authentication, error codes, and examples of every request and response.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use shared::error::CODES;

/// Routes without authentication.
const PUBLIC: &[&str] = &[
    "GET /asyncapi.json",
    "GET /api/push/key",
    "GET /docs",
    "GET /docs/{file}",
    "GET /health",
    "GET /health/ready",
    "GET /openapi.json",
    "GET /swagger",
    "GET /swagger/",
    "GET /swagger/{file}",
    "POST /api/auth/login",
    "POST /api/auth/refresh",
    "POST /api/auth/register",
    "POST /api/login",
    "POST /api/register",
    "POST /api/users/login",
    "POST /api/users/register",
];
/// Codes that no operation returns by itself: of frames, of unknown routes, of defects.
const NOT_OF_AN_OPERATION: &[&str] =
    &["another_session", "internal", "malformed_frame", "method_not_allowed", "route_not_found", "unknown_action"];
/// How a handler declares its rate limit.
const COUNTS: &[&str] = &["RateLimited(", "SecretBody", "throttle", "limits"];

/// Every operation by method and path.
pub(crate) fn operations() -> BTreeMap<String, Value> {
    let document = document();
    let mut all = BTreeMap::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("methods") {
            all.insert(format!("{} {path}", method.to_uppercase()), operation.clone());
        }
    }
    all
}

pub(crate) fn document() -> Value {
    serde_json::to_value(functions::openapi::document()).expect("JSON")
}

#[test]
fn the_committed_asyncapi_document_is_that_of_the_protocol() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/asyncapi.json");
    let (committed, current) = (fs::read_to_string(path).expect("the document"), functions::asyncapi::text().expect("JSON"));
    let differs = committed.lines().zip(current.lines()).find(|(old, new)| old != new);
    assert!(committed == current, "shared/asyncapi.json is stale: run `make swagger`. First difference: {differs:?}");
}

#[test]
fn every_operation_says_whether_it_needs_a_token_and_what_happens_without() {
    for (name, operation) in operations() {
        let secured = operation["security"][0]["bearer"].is_array();
        assert_eq!(secured, !PUBLIC.contains(&name.as_str()), "{name}: either it has security or it is in PUBLIC");
        if secured {
            assert!(operation["responses"]["401"].is_object(), "{name} does not document 401");
        }
    }
}

#[test]
fn every_operation_with_input_says_how_bad_input_is_refused() {
    for (name, operation) in operations() {
        let answers = &operation["responses"];
        let refuses = |status: &str| answers[status].is_object();
        if operation["requestBody"].is_object() {
            assert!(refuses("400") && refuses("413") && refuses("422"), "{name}: a body may be no JSON, too large, or wrong");
        }
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            match parameter["in"].as_str() {
                Some("query") => assert!(refuses("400"), "{name}: a query may be malformed"),
                Some("path") if operation["security"].is_array() => assert!(refuses("422"), "{name}: a path may name nothing"),
                _ => {}
            }
        }
        for (status, answer) in answers.as_object().expect("answers") {
            let problem = &answer["content"]["application/problem+json"];
            assert!(status.as_str() < "400" || problem.is_object(), "{name}: {status} is no problem document");
        }
    }
}

#[test]
fn every_handler_that_counts_its_caller_documents_429() {
    let (mut counted, mut silent) = (0, Vec::new());
    let document = document();
    for (file, text) in handlers() {
        // The code between two attributes is one handler.
        for handler in text.split("#[utoipa::path(").skip(1) {
            let handler = handler.split("\n#[cfg(test)]").next().unwrap_or_default();
            let name = handler.split("async fn ").nth(1).and_then(|rest| rest.split('(').next()).unwrap_or_default();
            let body = handler.split("async fn ").nth(1).unwrap_or_default();
            if COUNTS.iter().any(|sign| body.contains(sign)) {
                counted += 1;
                let attribute: Vec<_> = handler.splitn(4, [',', '"']).map(str::trim).collect();
                let [method, _, path, ..] = attribute.as_slice() else { panic!("{file}: {name} names no path") };
                let documented = &document["paths"][path][method]["responses"]["429"];
                silent.extend((!documented.is_object()).then(|| format!("{file}: {name}, {method} {path}")));
            }
        }
    }
    assert!(silent.is_empty(), "these do not document 429: {silent:?}");
    assert!(counted > 10, "{counted}");
}

#[test]
fn the_codes_of_the_documents_are_those_of_the_code() {
    let known: BTreeSet<&str> = CODES.iter().map(|(code, _)| *code).collect();
    let mut told = BTreeSet::new();
    for (name, operation) in operations() {
        for (status, answer) in
            operation["responses"].as_object().expect("answers").iter().filter(|(status, _)| status.as_str() >= "400")
        {
            let text = answer["description"].as_str().unwrap_or_default().to_owned();
            let codes: Vec<_> =
                text.split('`').skip(1).step_by(2).filter(|code| known.contains(code)).map(str::to_owned).collect();
            let silent = name.starts_with("GET /swagger") || name == "GET /health/ready";
            assert!(silent || !codes.is_empty(), "{name}: {status} names no code: {text}");
            told.extend(codes);
        }
    }
    let untold: Vec<_> = known.iter().filter(|code| !told.contains(**code) && !NOT_OF_AN_OPERATION.contains(code)).collect();
    assert!(untold.is_empty(), "no operation documents {untold:?}");
}

#[test]
fn nothing_is_referred_to_that_is_not_there() {
    let document = document();
    let text = document.to_string();
    let references: BTreeSet<_> = text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let nowhere: Vec<_> = references.into_iter().filter(|reference| document.pointer(reference).is_none()).collect();
    assert!(nowhere.is_empty(), "{nowhere:?}");
}

#[test]
fn whatever_goes_in_or_out_has_an_example() {
    let document = document();
    let mut bare = Vec::new();
    for (name, operation) in operations() {
        let answers = operation["responses"].as_object().expect("answers").iter();
        let bodies = answers.map(|(status, answer)| (status.as_str(), answer)).chain([("body", &operation["requestBody"])]);
        for (what, body) in bodies {
            let body = &body["content"]["application/json"];
            let anything = body["schema"].as_object().is_some_and(|schema| schema.keys().all(|key| key == "description"));
            bare.extend((!body.is_null() && !anything && !exemplary(body, &document, 0)).then(|| format!("{name}: {what}")));
        }
        for parameter in operation["parameters"].as_array().into_iter().flatten().filter(|parameter| parameter["in"] == "path") {
            bare.extend((!exemplary(parameter, &document, 0)).then(|| format!("{name}: {}", parameter["name"])));
        }
    }
    assert!(bare.is_empty(), "these have no example: {bare:#?}");
}

/// Whether a schema has an example, directly or by reference.
fn exemplary(value: &Value, document: &Value, depth: u32) -> bool {
    if depth > 12 {
        return false;
    }
    match value {
        Value::Object(fields) => fields.iter().any(|(key, inner)| match (key.as_str(), inner) {
            ("example" | "examples" | "enum" | "default", _) => true,
            ("type", Value::String(kind)) if kind == "boolean" => true,
            ("$ref", Value::String(name)) => {
                document.pointer(name.trim_start_matches('#')).is_some_and(|named| exemplary(named, document, depth + 1))
            }
            _ => exemplary(inner, document, depth + 1),
        }),
        Value::Array(items) => items.iter().any(|item| exemplary(item, document, depth + 1)),
        _ => false,
    }
}

/// The text of every file with handlers.
fn handlers() -> Vec<(String, String)> {
    fn files(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() && !["tests", "benches", "examples"].iter().any(|name| path.ends_with(name)) {
                files(&path, found);
            } else if path.extension().is_some_and(|end| end == "rs") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    files(Path::new(env!("CARGO_MANIFEST_DIR")), &mut found);
    let text = |path: PathBuf| (path.display().to_string(), fs::read_to_string(&path).unwrap_or_default());
    found
        .into_iter()
        .map(text)
        .filter(|(_, text)| text.contains("#[utoipa::path(\n") || text.contains("#[utoipa::path(get"))
        .collect()
}
