//! Compares the inventory of the deployment: template, routers, OpenAPI document, binaries and environment.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use shared::config::SETTINGS;
use utoipa::openapi::OpenApi;

use crate::template::{read, root, stack};

type Routes = BTreeSet<(String, String)>;
/// A resource: the function that builds it, the environment it requires, and further variables that it reads.
struct Concern {
    path: &'static str,
    required: &'static [&'static str],
    optional: &'static [&'static str],
}

/// The path of a function as text. The compiler refuses a path that does not exist.
macro_rules! path {
    ($path:path) => {{
        let _ = $path;
        stringify!($path)
    }};
}

const CONCERNS: &[Concern] = &[
    Concern { path: path!(functions::resources::database), required: DATABASE, optional: &[] },
    Concern { path: path!(functions::resources::store_url), required: DATABASE, optional: &[] },
    Concern { path: path!(functions::resources::function_user_url), required: &["DATABASE_USER_SECRET_ARN"], optional: &[] },
    Concern { path: path!(functions::resources::keys), required: &["JWT_SECRET_ARN"], optional: &[] },
    Concern { path: path!(functions::resources::late_keys), required: &["JWT_SECRET_ARN"], optional: &[] },
    Concern {
        path: path!(functions::resources::push),
        required: &["CONNECTIONS_TABLE", "ROOM_SOCKETS_TABLE", "EPHEMERAL_TABLE", "PUSH_ENDPOINT"],
        optional: &[
            "FANOUT_FUNCTION",
            "FANOUT_QUEUE",
            "PRESENCE_QUEUE",
            "PRESENCE_GRACE",
            "NOTIFY_QUEUE",
            "NOTIFY_MEMBERS",
            "PUSH_INLINE",
            "PUSH_SHARD",
            "PUSH_BUSY",
            "COALESCE_SOCKETS",
            "COALESCE_RATE",
            "RATE_REACH",
        ],
    },
    Concern {
        path: path!(shared::config::TableNames::from_env),
        required: &["CONNECTIONS_TABLE", "ROOM_SOCKETS_TABLE", "EPHEMERAL_TABLE"],
        optional: &[],
    },
    Concern {
        path: path!(functions::resources::ephemeral),
        required: &["CONNECTIONS_TABLE", "ROOM_SOCKETS_TABLE", "EPHEMERAL_TABLE"],
        optional: &[],
    },
    Concern {
        path: path!(functions::resources::throttle),
        required: &["CONNECTIONS_TABLE", "ROOM_SOCKETS_TABLE", "EPHEMERAL_TABLE"],
        optional: LIMITS,
    },
    Concern { path: path!(functions::resources::limits), required: &[], optional: LIMITS },
    Concern { path: path!(shared::config::TokenConfig::from_env), required: &[], optional: &["JWT_EXPIRY", "SESSION_DAYS"] },
    Concern { path: path!(functions::resources::media), required: &["MEDIA_BUCKET"], optional: UPLOADS },
    Concern { path: path!(shared::config::MediaConfig::from_env), required: &["MEDIA_BUCKET"], optional: UPLOADS },
    Concern { path: path!(functions::resources::presence_grace), required: &["PRESENCE_GRACE"], optional: &[] },
    Concern { path: path!(functions::resources::vapid), required: &["VAPID_SECRET_ARN"], optional: &[] },
    Concern { path: path!(functions::resources::push_hosts), required: &["PUSH_HOSTS"], optional: &[] },
    Concern {
        path: path!(functions::resources::web_push),
        required: &["VAPID_SECRET_ARN", "PUSH_HOSTS", "PUSH_CONTACT", "NOTIFY_PAUSE", "PUSH_ENDPOINT"],
        optional: &[],
    },
    Concern { path: path!(shared::config::allowed_origins), required: &["ALLOWED_ORIGINS"], optional: &[] },
    Concern { path: path!(shared::config::reserved_usernames), required: &["RESERVED_USERNAMES"], optional: &[] },
    Concern { path: path!(functions::resources::distribution), required: &["EDGE_SECRET_ARN"], optional: &[] },
    Concern { path: path!(shared::config::docs), required: &["DOCS"], optional: &[] },
    Concern { path: path!(shared::config::websocket_url), required: &["WEBSOCKET_URL"], optional: &[] },
    // Every function logs, counts and calls AWS.
    Concern {
        path: path!(shared::telemetry::start),
        required: &["LOG_LEVEL", "METRICS_NAMESPACE", "AWS_USE_DUALSTACK_ENDPOINT", "AWS_USE_FIPS_ENDPOINT"],
        optional: &[],
    },
];
const DATABASE: &[&str] = &["DATABASE_SECRET_ARN", "DATABASE_CA"];
const LIMITS: &[&str] = &[
    "MAX_MESSAGE_LENGTH",
    "RATE_SEND",
    "RATE_CHANGE",
    "RATE_REPEAT",
    "RATE_FRAMES",
    "RATE_ACT",
    "RATE_REGISTER",
    "RATE_LOGIN",
    "RATE_CONNECT",
    "RATE_SEARCH",
    "RATE_UPLOAD",
    "QUOTA_MB",
    "QUOTA_FILES",
    "RATE_WORK",
];
const UPLOADS: &[&str] = &["UPLOAD_AVATAR_MB", "UPLOAD_IMAGE_MB", "UPLOAD_FILE_MB", "UPLOAD_REFUSED_TYPES"];

/// Set by Lambda, or used instead of the ARNs outside AWS.
const NOT_OF_THE_TEMPLATE: &[&str] = &[
    "AWS_REGION",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_CA_BUNDLE",
    "LOCAL_CA",
    "LOCAL_ENDPOINTS",
    "LOCAL_CLOUD",
    "DATABASE_URL",
    "JWT_SECRET",
    "VAPID_SECRET",
];

/// A setting must reach every function that it affects.
const KNOBS: &[(&str, &[&str])] = &[
    ("MAX_MESSAGE_LENGTH", &["messages", "send"]),
    ("RATE_SEND", &["messages", "send"]),
    ("RATE_CHANGE", &["messages", "send"]),
    ("RATE_REPEAT", &["messages", "send"]),
    ("RATE_FRAMES", &["send"]),
    ("RATE_ACT", SIGNED_IN),
    ("RATE_WORK", SIGNED_IN),
    ("RATE_REACH", &["friends", "messages", "rooms"]),
    ("RATE_REGISTER", &["auth"]),
    ("RATE_LOGIN", &["auth", "users"]),
    // A ticket counts as the socket that it opens.
    ("RATE_CONNECT", &["auth", "authorizer"]),
    ("RATE_SEARCH", &["messages"]),
    ("RATE_UPLOAD", &["uploads"]),
    // Functions that upload, forward or notify.
    ("QUOTA_MB", &["messages", "send", "uploads", "users"]),
    ("QUOTA_FILES", &["messages", "send", "uploads", "users"]),
    ("UPLOAD_AVATAR_MB", &["uploads"]),
    ("UPLOAD_IMAGE_MB", &["uploads"]),
    ("UPLOAD_FILE_MB", &["uploads"]),
    ("UPLOAD_REFUSED_TYPES", &["uploads"]),
    ("JWT_EXPIRY", &["auth"]),
    ("SESSION_DAYS", &["auth"]),
    ("PUSH_INLINE", SPEAK_IN_ROOMS),
    ("PUSH_SHARD", DELIVER_LATER),
    ("PUSH_BUSY", SPEAK_IN_ROOMS),
    ("COALESCE_SOCKETS", &["messages", "send"]),
    ("COALESCE_RATE", &["messages", "send"]),
    // What has to wait, or to be tried again, goes back to the queue.
    ("NOTIFY_QUEUE", &["fanout", "messages", "notify", "send"]),
    ("NOTIFY_MEMBERS", &["fanout", "messages", "send"]),
    ("FANOUT_FUNCTION", SPEAK_IN_ROOMS),
    ("FANOUT_QUEUE", DELIVER_LATER),
    ("PRESENCE_QUEUE", MEET_THE_DEAD),
    ("PRESENCE_GRACE", MEET_THE_DEAD),
];
/// Functions that users call directly.
const SIGNED_IN: &[&str] = &["admin", "auth", "friends", "messages", "rooms", "send", "uploads", "users"];
/// Functions that send to whole rooms of any size: connecting may join a room, and erasing changes rooms.
const SPEAK_IN_ROOMS: &[&str] = &["admin", "connect", "messages", "rooms", "send", "sweep", "users"];

/// The same, and `fanout`, which tries sockets again that did not answer, and pushes the messages of a window.
const DELIVER_LATER: &[&str] = &["admin", "connect", "fanout", "messages", "rooms", "send", "sweep", "users"];

/// Functions that register or unregister sockets, which schedules presence checks.
const MEET_THE_DEAD: &[&str] = &[
    "admin",
    "auth",
    "connect",
    "disconnect",
    "fanout",
    "friends",
    "messages",
    "presence",
    "rooms",
    "send",
    "sweep",
    "uploads",
    "users",
];

#[test]
fn each_function_is_deployed_with_the_routes_of_its_router() {
    let stack = stack();
    let routers = functions::openapi::parts().map(|(name, document)| (name.to_owned(), documented(&document)));
    let mut deployed: BTreeMap<String, Routes> = BTreeMap::new();
    for route in stack.http_apis.values().flat_map(|api| &api.routes) {
        let binary = stack.functions[&route.function].binary.clone();
        // HTTP APIs have no routes with a trailing slash; this one matches it, and its function refuses other paths.
        let path = route.path.strip_suffix("{proxy+}").unwrap_or(&route.path).to_owned();
        assert!(deployed.entry(binary).or_default().insert((route.method.clone(), path)), "twice: {route:?}");
    }
    assert_eq!(deployed, BTreeMap::from(routers), "left: template.yaml, right: the routers");
}

#[test]
fn the_committed_openapi_document_is_that_of_the_routers() {
    let committed = read("shared/openapi.json");
    let current = functions::openapi::text().unwrap();
    let differs = committed.lines().zip(current.lines()).find(|(old, new)| old != new);
    assert!(committed == current, "shared/openapi.json is stale: run `make swagger`. First difference: {differs:?}");
    let committed: serde_json::Value = serde_json::from_str(&committed).unwrap();
    let mut written = Routes::new();
    for (path, item) in committed["paths"].as_object().unwrap() {
        written.extend(item.as_object().unwrap().keys().map(|method| (method.to_uppercase(), path.clone())));
    }
    // Merging silently drops the second of two documents with the same path.
    let all: Routes = functions::openapi::parts().into_iter().flat_map(|(_, document)| documented(&document)).collect();
    assert_eq!(written, all, "left: shared/openapi.json, right: the routers");
}

#[test]
fn every_operation_has_a_name_of_its_own_and_says_what_it_does() {
    let mut names = BTreeSet::new();
    for (path, item) in functions::openapi::document().paths.paths {
        for operation in [item.get, item.put, item.post, item.delete, item.patch].into_iter().flatten() {
            let name = operation.operation_id.unwrap_or_else(|| panic!("{path} has an operation without a name or tag"));
            assert!(operation.summary.is_some_and(|summary| !summary.is_empty()), "{name} does not say what it does");
            assert!(!operation.responses.responses.is_empty(), "{name} has no answers");
            assert!(names.insert(name.clone()), "{name} stands twice");
        }
    }
}

#[test]
fn every_function_is_a_binary_and_every_binary_a_function() {
    let deployed: BTreeSet<String> = stack().functions.into_values().map(|function| function.binary).collect();
    let manifest = read("functions/Cargo.toml");
    let binaries: BTreeSet<String> = manifest
        .split("[[bin]]")
        .skip(1)
        .filter_map(|section| section.split_once("name = \"")?.1.split_once('"').map(|(name, _)| name.to_owned()))
        .collect();
    assert_eq!(deployed, binaries, "left: template.yaml, right: functions/Cargo.toml");
}

#[test]
fn sockets_have_their_four_routes_and_an_authorizer_without_identity_sources() {
    let stack = stack();
    let api = stack.websocket_apis.values().next().unwrap();
    let binary = |id: &str| stack.functions[id].binary.as_str();
    let routes: Vec<_> = api.routes.iter().map(|(key, route)| (key.as_str(), binary(&route.function))).collect();
    assert_eq!(routes, [("$connect", "connect"), ("$default", "send"), ("$disconnect", "disconnect"), ("send", "send")]);
    assert_eq!((api.stage.as_str(), api.route_selection_expression.as_str()), ("ws", "$request.body.action"));
    let authorizer = api.authorizer.as_ref().unwrap();
    assert_eq!((binary(&authorizer.function), authorizer.identity_sources.len()), ("authorizer", 0));
}

#[test]
fn each_function_is_given_what_it_reads_and_nothing_else() {
    for function in stack().functions.into_values() {
        let code = code(&function.binary);
        let concerns: Vec<_> = CONCERNS.iter().filter(|concern| calls(&code, concern.path)).collect();
        let required: BTreeSet<_> = concerns.iter().flat_map(|concern| concern.required).copied().collect();
        let knobs = KNOBS.iter().filter(|(_, of)| of.contains(&function.binary.as_str())).map(|(name, _)| *name);
        let expected: BTreeSet<_> = required.iter().copied().chain(knobs).collect();
        let given: BTreeSet<_> = function.environment.keys().map(String::as_str).collect();
        assert_eq!(given, expected, "left: what {} is given, right: what its code needs", function.binary);
        let read: BTreeSet<_> = concerns.iter().flat_map(|concern| concern.optional).copied().chain(required).collect();
        let unread: Vec<_> = given.difference(&read).collect();
        assert!(unread.is_empty(), "{} is given {unread:?}, which its code does not read", function.binary);
    }
}

#[test]
fn every_concern_is_one_of_some_function() {
    let all: Vec<_> = stack().functions.into_values().map(|function| code(&function.binary)).collect();
    for concern in CONCERNS {
        assert!(all.iter().any(|code| calls(code, concern.path)), "no function calls {}", concern.path);
    }
}

#[test]
fn every_variable_of_the_configuration_is_known_here() {
    let files = fs::read_dir(root().join("shared/src/config")).unwrap().map(|entry| entry.unwrap().path());
    let config: String = files.map(|path| fs::read_to_string(path).unwrap()).collect();
    let quoted = config
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| line.split('"').skip(1).step_by(2))
        .filter(|text| text.len() > 3 && text.bytes().all(|b| b.is_ascii_uppercase() || b == b'_'));
    let named: BTreeSet<&str> = quoted.chain(SETTINGS.iter().map(|setting| setting.name)).collect();
    let of_template = CONCERNS.iter().flat_map(|concern| concern.required.iter().chain(concern.optional)).copied();
    let known: BTreeSet<&str> = of_template.chain(NOT_OF_THE_TEMPLATE.iter().copied()).collect();
    let unknown: Vec<_> = named.iter().filter(|name| !known.contains(*name)).collect();
    assert!(
        unknown.is_empty(),
        "shared/src/config reads {unknown:?}: add them to CONCERNS, and to template.yaml where they matter"
    );
    for (knob, _) in KNOBS {
        assert!(named.contains(knob), "shared/src/config does not read {knob}");
    }
    for setting in SETTINGS {
        assert!(config.contains(&format!("settings::{}", setting.name)), "shared/src/config does not read {}", setting.name);
    }
}

#[test]
fn the_deployment_runs_the_newest_migration() {
    let newest = fs::read_dir(root().join("shared/migrations"))
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().to_str()?.get(..4)?.parse::<u64>().ok())
        .max();
    let stack = stack();
    let migration = stack.custom_resources.values().find(|resource| resource.kind == "Custom::Migration").unwrap();
    assert_eq!(stack.functions[&migration.function].binary, "migrate");
    let version = &migration.properties["Version"];
    let version = version.as_u64().or_else(|| version.as_str()?.parse().ok());
    assert_eq!(version, newest, "left: Version of Migration in template.yaml, right: shared/migrations");
}

fn documented(document: &OpenApi) -> Routes {
    let mut routes = Routes::new();
    for (path, item) in &document.paths.paths {
        let methods =
            [("GET", &item.get), ("PUT", &item.put), ("POST", &item.post), ("DELETE", &item.delete), ("PATCH", &item.patch)];
        routes.extend(
            methods.into_iter().filter(|(_, operation)| operation.is_some()).map(|(method, _)| (method.to_owned(), path.clone())),
        );
    }
    routes
}

/// Whether code refers to a function by the last two segments of its path.
fn calls(code: &str, path: &str) -> bool {
    let mut segments = path.rsplit("::").map(str::trim);
    let name = segments.next().unwrap_or_default();
    let called = format!("{}::{name}", segments.next().unwrap_or_default());
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    code.match_indices(&called).any(|(at, _)| !code[..at].ends_with(is_word) && !code[at + called.len()..].starts_with(is_word))
}

/// The code of a function without comments.
fn code(binary: &str) -> String {
    let folder = root().join("functions").join(binary);
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let texts = files.filter_map(Result::ok).map(|file| fs::read_to_string(file.path()).unwrap_or_default());
    let mut lines = texts.collect::<Vec<_>>().join("\n");
    if lines.contains("crate::shared_state::") {
        lines.push_str(&read("functions/shared_state.rs"));
    }
    lines.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}
