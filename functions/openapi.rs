//! The OpenAPI document of the whole HTTP API, put together from the routers. `shared/openapi.json` is its committed copy.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use shared::error::{CODES, Left, Violation};
use shared::protocol::notifications::Notification;
use shared::protocol::problem::Problem;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, ServerBuilder};

use crate::{admin, auth, friends, messages, refusals, rooms, system, uploads, users};

const INTRODUCTION: &str = "A realtime chat backend. JSON in and out; ids are numbers below 2^53, times RFC 3339 in UTC with milliseconds. \
    Unknown fields are ignored. Messages also come and go over the WebSocket at `/ws`; what both doors can do follows the same rules.\n\n\
    Limits are told in the headers `RateLimit-Policy` (so often in so many seconds) and `RateLimit` (what is left, and the seconds until all of \
    it is back); whoever meets one gets 429 with `Retry-After`.\n\n\
    Errors are `application/problem+json` (RFC 9457). Branch on `code`:\n\n| code | meaning |\n|---|---|\n";

const TAGS: [(&str, &str); 9] = [
    ("auth", "Accounts, sessions, tokens, tickets."),
    ("users", "People, and one's own profile."),
    ("friends", "Friends, requests for friendship, blocks."),
    ("rooms", "Rooms and who is in them."),
    ("messages", "Sending and history."),
    ("admin", "What operators of the deployment see and do; everyone else gets `not_allowed`."),
    ("uploads", "Pictures and files: sent straight to the object store, looked at, then attached."),
    (OLDER, "Other spellings of the routes above; the same rules."),
    ("system", "Health, and this documentation."),
];

/// The tag of routes that older clients use.
const OLDER: &str = "older clients";
/// Name of the security scheme that routes refer to.
const BEARER: &str = "bearer";

/// All routes that are deployed, with their documentation.
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
                // No answer has it: it comes through the browser's push service.
                .schema_from::<Notification>()
                .build(),
        ))
        .build();
    for (_, part) in parts() {
        document.merge(part);
    }
    complete(&mut document);
    document
}

/// What each function documents, by the name of the function.
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

/// The document as it is committed: pretty, and with a newline at its end.
pub fn text() -> Result<String, serde_json::Error> {
    Ok(document().to_pretty_json()? + "\n")
}

/// Adds what all handlers refuse alike, and names the operations. Handlers are named within their module; across modules the tag goes before,
/// and where that is not enough the thing that the path ends in, so that generated clients have one name for each. Other spellings are named
/// after their whole path.
fn complete(document: &mut OpenApi) {
    let mut taken = BTreeSet::new();
    for (path, item) in &mut document.paths.paths {
        let methods = [("get", &mut item.get), ("put", &mut item.put), ("post", &mut item.post), ("delete", &mut item.delete)];
        for (method, operation) in methods.into_iter().chain([("patch", &mut item.patch)]) {
            let Some(operation) = operation else { continue };
            refusals::complete(operation);
            let tag = operation.tags.iter().flatten().next().map_or("", String::as_str);
            let name = operation.operation_id.as_deref().unwrap_or_default();
            let mut id = if tag == OLDER { format!("older_{method}{path}") } else { format!("{tag}_{name}") };
            if taken.contains(&id) {
                let thing = path.rsplit('/').find(|part| !part.starts_with('{')).unwrap_or_default();
                id = format!("{tag}_{thing}_{name}");
            }
            operation.operation_id = Some(id.replace(|c: char| !c.is_ascii_alphanumeric(), "_"));
            taken.insert(id);
        }
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
    let about = "The `access_token` of registering or logging in. The bare token without `Bearer` is accepted too.";
    SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").description(Some(about)).build())
}
