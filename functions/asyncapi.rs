//! The AsyncAPI document of the socket, generated from the frame types. `shared/asyncapi.json` is its committed copy.
//!
//! It takes the server's point of view: the server receives actions and answers each as its operation documents, and sends all other frames.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use shared::protocol::action_docs::{FrameId, LEGACY, Verb};
use shared::protocol::actions::VERBS;
use shared::protocol::dialect::Dialect;
use shared::protocol::encoding::OlderKeys;
use shared::protocol::frames::Frame;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::examples_of_frames::frames;

const INTRODUCTION: &str = "One socket receives the frames of all rooms of its user. Frames are JSON texts of at most 32 KB. A client sends actions; each is answered \
    by one frame (`hello` also by its catch-up), and by `error` when it fails. `?roomId=` sets the socket's own room, the default for frames \
    without a room; otherwise that is General.\n\n\
    Every change of a room increments the room's `rev`. A client keeps one `rev` per room: it applies a frame with the next `rev`, ignores \
    an equal or earlier one as a duplicate, and requests `sync` when a later one reveals a gap.\n\n\
    A client offers the subprotocols that it knows, and the server chooses the newest. With `conchat.v1` frames have no redundant keys; without a \
    subprotocol `message` frames also carry the keys of legacy clients. With `conchat.v2` frames are as with `conchat.v1`, and in lively rooms \
    messages come up to about 1.5 s later, several in one `messages` frame. Other changes do not wait: a client requests `sync` for a gap after that time.";

/// Frames that are only sent as answers.
const ANSWERS: [&str; 4] = ["welcome", "ack", "error", "pong"];

/// Generates the document.
pub fn document() -> Value {
    let mut schemas: Vec<(String, RefOr<Schema>)> = Vec::new();
    let mut messages = Map::new();
    for verb in &VERBS {
        (verb.schemas)(&mut schemas);
        messages.insert(format!("action.{}", verb.name), action_message(verb));
    }
    <FrameId as ToSchema>::schemas(&mut schemas);
    schemas.push((FrameId::name().into_owned(), FrameId::schema()));
    <Frame as ToSchema>::schemas(&mut schemas);
    <OlderKeys<'_> as ToSchema>::schemas(&mut schemas);
    for (kind, mut shapes) in shapes_by_kind() {
        if kind == "message" {
            let lean = shapes.remove(0);
            let legacy = as_json(&OlderKeys::schema());
            messages.insert("frame.message.older".into(), legacy_message(&lean, &legacy));
            shapes.push(lean);
        }
        messages.insert(format!("frame.{kind}"), frame_message(&kind, shapes));
    }
    let schemas: BTreeMap<_, _> = schemas.into_iter().map(|(name, schema)| (name, as_json(&schema))).collect();
    let here: Map<_, _> =
        messages.keys().map(|name| (name.clone(), json!({ "$ref": format!("#/components/messages/{name}") }))).collect();
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "ConChat's socket",
            "version": env!("CARGO_PKG_VERSION"),
            "description": INTRODUCTION,
            "license": { "name": "MIT" },
        },
        "defaultContentType": "application/json",
        "servers": servers(),
        "channels": { "socket": {
            "address": "/ws",
            "title": "The socket",
            "messages": here,
            "bindings": { "ws": { "method": "GET", "query": query(), "headers": headers(), "bindingVersion": "0.1.0" } },
        } },
        "operations": operations(messages.keys()),
        "components": { "messages": messages, "schemas": schemas, "securitySchemes": security() },
    })
}

/// The document as committed.
pub fn text() -> Result<String, serde_json::Error> {
    Ok(serde_json::to_string_pretty(&document())? + "\n")
}

/// An action, which the server receives.
fn action_message(verb: &Verb) -> Value {
    let name = json!({ "id": { "$ref": format!("#/components/schemas/{}", FrameId::name()) } });
    let frame = if verb.name == LEGACY {
        json!({ "type": "object", "properties": name })
    } else {
        let mut properties = name;
        properties["action"] = json!({ "type": "string", "const": verb.name });
        json!({ "type": "object", "required": ["action"], "properties": properties })
    };
    let examples: Vec<_> = verb
        .examples
        .iter()
        .filter_map(|text| serde_json::from_str::<Value>(text).ok())
        .map(|payload| json!({ "payload": payload }))
        .collect();
    json!({ "name": verb.name, "title": verb.name, "summary": verb.about,
        "payload": { "allOf": [frame, as_json(&(verb.shape)())] }, "examples": examples })
}

/// The schemas of all frames by `type`; `room` has several.
fn shapes_by_kind() -> BTreeMap<String, Vec<Value>> {
    let mut shapes: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let all = as_json(&Frame::schema());
    for shape in all["oneOf"].as_array().into_iter().flatten() {
        shapes.entry(kind(shape).unwrap_or_default().to_owned()).or_default().push(shape.clone());
    }
    shapes
}

/// The constant value of a schema's `type`.
fn kind(shape: &Value) -> Option<&str> {
    let parts = shape["allOf"].as_array().into_iter().flatten();
    std::iter::once(shape).chain(parts).find_map(|part| part["properties"]["type"]["enum"][0].as_str())
}

/// A frame, which the server sends.
fn frame_message(kind: &str, mut shapes: Vec<Value>) -> Value {
    let about: Vec<_> = shapes.iter().filter_map(|shape| shape["description"].as_str()).collect();
    let about = about.join(" Or: ");
    let payload = if shapes.len() == 1 { shapes.remove(0) } else { json!({ "anyOf": shapes }) };
    let examples: Vec<_> = examples(kind, Dialect::Lean);
    json!({ "name": kind, "title": kind, "summary": about, "payload": payload, "examples": examples })
}

fn legacy_message(lean: &Value, legacy: &Value) -> Value {
    json!({ "name": "message", "title": "message, without conchat.v1", "summary": "A message was sent: includes the keys of legacy clients.",
        "payload": { "allOf": [lean, legacy] }, "examples": examples("message", Dialect::Full) })
}

fn examples(kind: &str, dialect: Dialect) -> Vec<Value> {
    let all = frames().into_iter().filter_map(|frame| serde_json::from_slice::<Value>(&frame.encode(dialect)).ok());
    all.filter(|frame| frame["type"] == kind).map(|payload| json!({ "payload": payload })).collect()
}

/// The operations: one per action, and one for unsolicited frames.
fn operations<'a>(messages: impl Iterator<Item = &'a String>) -> Value {
    let socket = json!({ "$ref": "#/channels/socket" });
    let of = |name: &str| json!({ "$ref": format!("#/channels/socket/messages/{name}") });
    let mut all = Map::new();
    for verb in &VERBS {
        let answers: Vec<_> = verb.answers.iter().chain(&["error"]).map(|kind| of(&format!("frame.{kind}"))).collect();
        let name = if verb.name == LEGACY { "send_as_older_clients" } else { verb.name };
        all.insert(
            name.to_owned(),
            json!({ "action": "receive", "channel": socket, "summary": verb.about,
                "messages": [of(&format!("action.{}", verb.name))], "reply": { "channel": socket, "messages": answers } }),
        );
    }
    let frames_sent: Vec<_> = messages
        .filter(|name| name.strip_prefix("frame.").is_some_and(|kind| !ANSWERS.contains(&kind)))
        .map(|name| of(name))
        .collect();
    let about = "Changes by other users and from the user's other devices, and `bye` before the server closes the socket.";
    all.insert("tell".into(), json!({ "action": "send", "channel": socket, "summary": about, "messages": frames_sent }));
    Value::Object(all)
}

fn servers() -> Value {
    let security: Vec<_> = ["bearer", "ticket", "token", "subprotocol"]
        .iter()
        .map(|name| json!({ "$ref": format!("#/components/securitySchemes/{name}") }))
        .collect();
    json!({
        "local": { "host": "localhost:8081", "protocol": "ws", "description": "`make run` with its default `PORT`.",
            "security": security },
        "deployed": {
            "host": "{api}.execute-api.{region}.amazonaws.com", "protocol": "wss",
            "description": "The output `WebSocketUrl` of the stack.",
            "variables": {
                "api": { "description": "The id of the WebSocket API." },
                "region": { "default": "eu-central-1", "description": "The region of the stack." },
            },
            "security": security,
        },
    })
}

fn security() -> Value {
    json!({
        "bearer": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
            "description": "The access token in `Authorization`, with or without `Bearer`." },
        "ticket": { "type": "httpApiKey", "in": "query", "name": "ticket",
            "description": "For browsers: the response of `POST /api/auth/ticket`, valid once within 60 s." },
        "token": { "type": "httpApiKey", "in": "query", "name": "token",
            "description": "The access token. Discouraged: URLs end up in logs." },
        "subprotocol": { "type": "httpApiKey", "in": "header", "name": "Sec-WebSocket-Protocol",
            "description": "`bearer.<token>` among the subprotocols offered." },
    })
}

fn query() -> Value {
    json!({ "type": "object", "properties": {
        "roomId": { "type": "string", "description": "The socket's own room: `7`, `room-7` or a slug. Connecting joins a public room." },
        "ticket": { "type": "string", "format": "password", "description": "A ticket." },
        "token": { "type": "string", "format": "password", "description": "An access token." },
    } })
}

fn headers() -> Value {
    json!({ "type": "object", "properties": {
        "Authorization": { "type": "string", "format": "password", "description": "`Bearer <token>`, or the token alone." },
        "Sec-WebSocket-Protocol": { "type": "string", "description": "`conchat.v2`, `conchat.v1`, `bearer.<token>`, several of them or none." },
    } })
}

/// Serialising a schema cannot fail; null would fail the tests.
fn as_json(schema: &RefOr<Schema>) -> Value {
    serde_json::to_value(schema).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use shared::protocol::incoming;

    use super::*;

    #[test]
    fn every_example_of_an_action_is_read_as_that_action() {
        for verb in &VERBS {
            assert!(!verb.examples.is_empty(), "{} has no example", verb.name);
            for example in verb.examples {
                let action = incoming::read(example).action.unwrap_or_else(|error| panic!("{example}: {error:?}"));
                let meant = if verb.name == LEGACY { "send" } else { verb.name };
                assert_eq!(action.name(), meant, "{example}");
            }
        }
    }

    #[test]
    fn every_frame_has_an_example_whose_keys_are_those_of_its_shape() {
        let shapes = shapes_by_kind();
        let document = document();
        let mut shown = BTreeSet::new();
        for frame in frames() {
            let example: Value = serde_json::from_slice(&frame.encode(Dialect::Lean)).unwrap_or_default();
            let kind = example["type"].as_str().unwrap_or_default().to_owned();
            let given: BTreeSet<_> = example.as_object().into_iter().flatten().map(|(key, _)| key.clone()).collect();
            let fits = shapes[&kind].iter().any(|shape| {
                let (known, required) = keys(shape, &document);
                given.is_subset(&known) && required.is_subset(&given)
            });
            assert!(
                fits,
                "{example} is none of {:?}",
                shapes[&kind].iter().map(|shape| keys(shape, &document)).collect::<Vec<_>>()
            );
            shown.insert(kind);
        }
        assert_eq!(shown, shapes.into_keys().collect(), "left: frames with an example, right: all frames");
    }

    /// All properties of a schema, and the required ones.
    fn keys(shape: &Value, document: &Value) -> (BTreeSet<String>, BTreeSet<String>) {
        let (mut known, mut required) = (BTreeSet::new(), BTreeSet::new());
        let named = shape["$ref"].as_str().and_then(|name| document.pointer(name.trim_start_matches('#')));
        for part in shape["allOf"].as_array().into_iter().flatten().chain(named) {
            let (more, needed) = keys(part, document);
            known.extend(more);
            required.extend(needed);
        }
        // An optional flattened field is a `oneOf` with null.
        for part in shape["oneOf"].as_array().into_iter().flatten() {
            known.extend(keys(part, document).0);
        }
        known.extend(shape["properties"].as_object().into_iter().flatten().map(|(key, _)| key.clone()));
        required.extend(shape["required"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned));
        (known, required)
    }

    #[test]
    fn nothing_is_referred_to_that_is_not_there() {
        let document = document();
        let text = document.to_string();
        for reference in text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(document.pointer(reference).is_some(), "{reference}");
        }
    }
}
