//! The OpenAPI document of the HTTP API, merged from the routers. `shared/openapi.json` is its committed copy.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::{Value, json};
use shared::error::{CODES, Left, Violation};
use shared::protocol::notifications::Notification;
use shared::protocol::problem::Problem;
use utoipa::openapi::schema::AdditionalProperties;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, RefOr, Schema, ServerBuilder};

use crate::{admin, auth, friends, messages, refusals, rooms, system, uploads, users};

const INTRODUCTION: &str = "The API of a realtime chat backend. Requests and responses are JSON; ids are numbers below 2^53, times RFC 3339 in UTC with milliseconds. \
    A body with a field that the request does not have is refused with 422: its error has the code `unknown_field` and names the field that may be \
    meant. Routes of older clients ignore such fields. The WebSocket at `/ws` sends and receives messages, too, under the same rules.\n\n\
    Rate limits are reported in the headers `RateLimit-Policy` (quota and window in seconds) and `RateLimit` (remaining quota, and seconds until \
    it is full again). Requests beyond a limit get 429 with `Retry-After`.\n\n\
    Errors are `application/problem+json` (RFC 9457). Branch on `code`:\n\n| code | meaning |\n|---|---|\n";

const TAGS: [(&str, &str); 9] = [
    ("auth", "Accounts, sessions, tokens, tickets."),
    ("users", "Users, and the caller's own profile."),
    ("friends", "Friends, friend requests, blocks."),
    ("rooms", "Rooms and their members."),
    ("messages", "Sending and reading messages."),
    ("admin", "Administration of the deployment. Requires an operator; everyone else gets `not_allowed`."),
    ("uploads", "Images and files: sent directly to the object store, verified, then attached."),
    (LEGACY, "Legacy forms of the routes above, under the same rules."),
    ("system", "Health checks and documentation."),
];

/// The tag of legacy routes.
const LEGACY: &str = "older clients";
/// The name of the security scheme.
const BEARER: &str = "bearer";

/// Generates the document of all routes.
pub fn document() -> OpenApi {
    let mut document = OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("ConChat")
                .version(env!("CARGO_PKG_VERSION"))
                .description(Some(introduction()))
                .license(Some(LicenseBuilder::new().name("MIT").identifier(Some("MIT")).build()))
                .build(),
        )
        .servers(Some([ServerBuilder::new().url("/").build()]))
        .tags(Some(TAGS.map(|(name, text)| TagBuilder::new().name(name).description(Some(text)).build())))
        .components(Some(
            ComponentsBuilder::new()
                .security_scheme(BEARER, bearer())
                .schema_from::<Problem>()
                .schema_from::<Violation>()
                .schema_from::<Left>()
                // No response contains it; it arrives through the browser's push service.
                .schema_from::<Notification>()
                .build(),
        ))
        .build();
    for (_, part) in parts() {
        document.merge(part);
    }
    complete(&mut document);
    close_bodies(&mut document);
    document
}

/// The document of each function.
pub fn parts() -> [(&'static str, OpenApi); 8] {
    [
        ("admin", admin::document()),
        ("auth", auth::document()),
        ("friends", friends::document()),
        ("rooms", rooms::document()),
        ("messages", messages::document()),
        ("system", system::document()),
        ("uploads", uploads::document()),
        ("users", users::document()),
    ]
}

/// The document as committed: pretty-printed, with a trailing newline.
pub fn text() -> Result<String, serde_json::Error> {
    Ok(document().to_pretty_json()? + "\n")
}

/// Adds the common refusals and the operation ids. Ids consist of the tag and the handler's name; a duplicate also includes the last fixed path
/// segment, so that generated clients have unique names. Ids of legacy routes consist of method and path.
fn complete(document: &mut OpenApi) {
    let mut taken = BTreeSet::new();
    for (path, item) in &mut document.paths.paths {
        let methods = [("get", &mut item.get), ("put", &mut item.put), ("post", &mut item.post), ("delete", &mut item.delete)];
        for (method, operation) in methods.into_iter().chain([("patch", &mut item.patch)]) {
            let Some(operation) = operation else { continue };
            refusals::complete(operation);
            let tag = operation.tags.iter().flatten().next().map_or("", String::as_str);
            let name = operation.operation_id.as_deref().unwrap_or_default();
            let mut id = if tag == LEGACY { format!("older_{method}{path}") } else { format!("{tag}_{name}") };
            if taken.contains(&id) {
                let thing = path.rsplit('/').find(|part| !part.starts_with('{')).unwrap_or_default();
                id = format!("{tag}_{thing}_{name}");
            }
            operation.operation_id = Some(id.replace(|c: char| !c.is_ascii_alphanumeric(), "_"));
            taken.insert(id);
        }
    }
}

/// Marks the bodies of requests as closed: `JsonBody` refuses fields that they do not have. What responses contain stays open.
fn close_bodies(document: &mut OpenApi) {
    let (mut bodies, mut answers) = (BTreeSet::new(), BTreeSet::new());
    for item in document.paths.paths.values() {
        for operation in [&item.get, &item.put, &item.post, &item.delete, &item.patch].into_iter().flatten() {
            if operation.tags.iter().flatten().all(|tag| tag != LEGACY) {
                references(&json!(operation.request_body), &mut bodies);
            }
            references(&json!(operation.responses), &mut answers);
        }
    }
    let Some(components) = &mut document.components else { return };
    let parts: BTreeMap<_, _> = components.schemas.iter().map(|(name, schema)| (name.clone(), json!(schema))).collect();
    let [bodies, answers] = [bodies, answers].map(|direct| with_parts(direct, &parts));
    for name in bodies.difference(&answers) {
        if let Some(RefOr::T(Schema::Object(object))) = components.schemas.get_mut(name)
            && !object.properties.is_empty()
        {
            object.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
        }
    }
}

/// Adds what these schemas refer to, however deep.
fn with_parts(direct: BTreeSet<String>, parts: &BTreeMap<String, Value>) -> BTreeSet<String> {
    let (mut all, mut open) = (direct.clone(), direct);
    while let Some(name) = open.pop_first() {
        let mut found = BTreeSet::new();
        references(parts.get(&name).unwrap_or(&Value::Null), &mut found);
        for name in found {
            if all.insert(name.clone()) {
                open.insert(name);
            }
        }
    }
    all
}

/// Collects the names of the schemas that a part of the document refers to.
fn references(part: &Value, found: &mut BTreeSet<String>) {
    match part {
        Value::Object(fields) => {
            if let Some(name) = fields.get("$ref").and_then(Value::as_str).and_then(|place| place.rsplit('/').next()) {
                found.insert(name.to_owned());
            }
            for field in fields.values() {
                references(field, found);
            }
        }
        Value::Array(items) => {
            for item in items {
                references(item, found);
            }
        }
        _ => {}
    }
}

fn introduction() -> String {
    let mut text = INTRODUCTION.to_owned();
    for (code, meaning) in CODES {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| `{code}` | {meaning} |");
    }
    text
}

fn bearer() -> SecurityScheme {
    let about = "The `access_token` from registration or login. The token without `Bearer` is accepted, too.";
    SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").description(Some(about)).build())
}
