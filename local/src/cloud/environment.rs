//! The environment of each function: the template's variables, with AWS endpoints replaced by local ones.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::stack::{Function, Stack};
use crate::template::queue_host;

/// Endpoints that the template cannot know.
#[derive(Debug, Default)]
pub(super) struct Endpoints {
    /// `http://host:port` of the gateway.
    pub(super) http: String,
    /// The same for calls of functions to `@connections`: over TLS, as on AWS, unless it is off.
    pub(super) management: String,
    /// File with the authority of the gateway's certificate.
    pub(super) authority: Option<PathBuf>,
    /// `mysql://…`
    pub(super) database: String,
    /// The same with a user who may only read and change rows.
    pub(super) functions_database: String,
    /// `AWS_ENDPOINT_URL_DYNAMODB`.
    pub(super) dynamodb: String,
    /// `AWS_ENDPOINT_URL_S3`.
    pub(super) s3: String,
    /// `AWS_ENDPOINT_URL_SQS`.
    pub(super) sqs: String,
    /// `AWS_ENDPOINT_URL_LAMBDA`.
    pub(super) lambda: String,
}

/// Passed from the caller's environment to every function, even if the template does not declare them.
const PASSED_THROUGH: [&str; 3] = ["JWT_EXPIRY", "LOG_LEVEL", "MAX_MESSAGE_LENGTH"];
/// An external Secrets Manager, for tests of secret rotation.
const SECRETS_MANAGER: &str = "AWS_ENDPOINT_URL_SECRETSMANAGER";
/// The variable of a function that migrates as another user than the other functions are.
const USER_SECRET: &str = "DATABASE_USER_SECRET_ARN";
const SECRET: &str = "dev-super-secret-change-me";
const VAPID_SECRET: &str = "dev-secret-of-push-notifications";

/// Builds the environment of one function; `caller` is the environment of the process that starts the cloud.
pub(super) fn environment(
    function: &Function,
    stack: &Stack,
    endpoints: &Endpoints,
    caller: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let mut environment: BTreeMap<_, _> =
        function.environment.iter().map(|(name, value)| (name.clone(), localize_urls(value, stack, endpoints))).collect();
    for name in function.environment.keys().map(String::as_str).chain(PASSED_THROUGH) {
        if let Some(value) = caller.get(name) {
            environment.insert(name.to_owned(), value.clone());
        }
    }
    // Replaces the ARN of a secret by its value, unless the caller names a Secrets Manager.
    if let Some(endpoint) = caller.get(SECRETS_MANAGER) {
        environment.insert(SECRETS_MANAGER.into(), endpoint.clone());
    } else {
        if environment.remove("DATABASE_SECRET_ARN").is_some() {
            // Where the migration makes a user for the functions, they log in as one with the same rights.
            let migrates = environment.remove(USER_SECRET).is_some();
            let is_restricted = !migrates && stack.functions.values().any(|one| one.environment.contains_key(USER_SECRET));
            let url = if is_restricted { &endpoints.functions_database } else { &endpoints.database };
            environment.insert("DATABASE_URL".into(), url.clone());
        }
        if environment.remove("JWT_SECRET_ARN").is_some() {
            environment.insert("JWT_SECRET".into(), caller.get("JWT_SECRET").map_or(SECRET, String::as_str).into());
        }
        if environment.remove("VAPID_SECRET_ARN").is_some() {
            environment.insert("VAPID_SECRET".into(), caller.get("VAPID_SECRET").map_or(VAPID_SECRET, String::as_str).into());
        }
        // No distribution runs here, so no request can come through it.
        environment.remove("EDGE_SECRET_ARN");
    }
    let stage = stack.websocket_apis.values().next().map_or("", |api| api.stage.as_str());
    for (name, value) in [
        // Functions detect the local cloud by this variable and by its credentials.
        ("LOCAL_CLOUD", "true".to_owned()),
        ("AWS_ENDPOINT_URL_DYNAMODB", endpoints.dynamodb.clone()),
        ("AWS_ENDPOINT_URL_S3", endpoints.s3.clone()),
        ("AWS_ENDPOINT_URL_SQS", endpoints.sqs.clone()),
        ("AWS_ENDPOINT_URL_LAMBDA", endpoints.lambda.clone()),
        ("AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI", format!("{}/{stage}", endpoints.management)),
        ("LOCAL_ENDPOINTS", local_endpoints(stack, endpoints, caller)),
    ] {
        environment.insert(name.into(), value);
    }
    if let Some(authority) = &endpoints.authority {
        environment.insert("LOCAL_CA".into(), authority.to_string_lossy().into_owned());
    }
    environment
}

/// The names of AWS's services in the region and where they lead: our functions make names as on AWS, and look them up here.
fn local_endpoints(stack: &Stack, endpoints: &Endpoints, caller: &BTreeMap<String, String>) -> String {
    let secrets_manager = caller.get(SECRETS_MANAGER).map_or("", String::as_str);
    let services = [
        ("dynamodb", endpoints.dynamodb.as_str()),
        ("lambda", &endpoints.lambda),
        ("s3", &endpoints.s3),
        ("secretsmanager", secrets_manager),
        ("sqs", &endpoints.sqs),
    ];
    let known = services.into_iter().filter(|(_, url)| !url.is_empty());
    known.map(|(service, url)| format!("{service}.{}.amazonaws.com={url}", stack.region)).collect::<Vec<_>>().join(",")
}

/// Replaces the AWS URLs of the stack's own APIs and queues by local URLs.
fn localize_urls(value: &str, stack: &Stack, Endpoints { http, management, sqs, .. }: &Endpoints) -> String {
    let socket = http.replacen("http://", "ws://", 1);
    let value = value.replace(&queue_host(&stack.region), sqs);
    let apis = stack.http_apis.keys().map(|api| (api, http)).chain(stack.websocket_apis.keys().map(|api| (api, management)));
    apis.fold(value, |value, (api, url)| {
        let host = format!("{api}.execute-api.{}.amazonaws.com", stack.region);
        value.replace(&format!("https://{host}"), url).replace(&format!("wss://{host}"), &socket)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::stack::{EventInvoke, WebSocketApi};

    fn function(environment: Value) -> Function {
        Function {
            id: "F".into(),
            binary: "f".into(),
            environment: serde_json::from_value(environment).unwrap(),
            memory_size: 128,
            timeout: 3,
            reserved_concurrency: None,
            event_invoke: EventInvoke::default(),
            schedules: Vec::new(),
        }
    }

    fn environment_of(template: Value, caller: Value) -> BTreeMap<String, String> {
        let map = |variables: Value| serde_json::from_value(variables).unwrap();
        let function = function(template);
        let mut stack = Stack { region: "us-east-1".into(), ..Stack::default() };
        let api = WebSocketApi {
            id: "Sockets".into(),
            stage: "ws".into(),
            route_selection_expression: String::new(),
            routes: BTreeMap::new(),
            authorizer: None,
        };
        stack.websocket_apis.insert("Sockets".into(), api);
        let endpoints = Endpoints {
            http: "http://127.0.0.1:8081".into(),
            management: "https://127.0.0.1:8081".into(),
            authority: Some("/data/ca.pem".into()),
            database: "mysql://here".into(),
            sqs: "http://127.0.0.1:9324".into(),
            ..Endpoints::default()
        };
        environment(&function, &stack, &endpoints, &map(caller))
    }

    #[test]
    fn only_functions_that_ask_for_a_secret_get_it() {
        let told_all = environment_of(json!({ "DATABASE_SECRET_ARN": "arn:…", "JWT_SECRET_ARN": "arn:…" }), json!({}));
        assert_eq!(told_all["DATABASE_URL"], "mysql://here");
        assert_eq!(told_all["JWT_SECRET"], SECRET);
        assert!(!told_all.contains_key("DATABASE_SECRET_ARN") && !told_all.contains_key("JWT_SECRET_ARN"));
        let told_nothing =
            environment_of(json!({}), json!({ "JWT_SECRET": "x", "DATABASE_URL": "mysql://there", "HOME": "/root" }));
        assert!(["DATABASE_URL", "JWT_SECRET", "HOME"].iter().all(|name| !told_nothing.contains_key(*name)));
    }

    #[test]
    fn only_the_migration_logs_in_as_administrator() {
        let mut stack = Stack::default();
        let endpoints = Endpoints {
            database: "mysql://admin@here".into(),
            functions_database: "mysql://functions@here".into(),
            ..Endpoints::default()
        };
        let migration = function(json!({ "DATABASE_SECRET_ARN": "arn:…", USER_SECRET: "" }));
        let other = function(json!({ "DATABASE_SECRET_ARN": "arn:…" }));
        let url = |function: &Function, stack: &Stack| {
            environment(function, stack, &endpoints, &BTreeMap::new())["DATABASE_URL"].clone()
        };
        assert_eq!(url(&other, &stack), "mysql://admin@here", "there is one user");
        stack.functions.insert("Migrate".into(), migration.clone());
        assert_eq!(
            (url(&migration, &stack).as_str(), url(&other, &stack).as_str()),
            ("mysql://admin@here", "mysql://functions@here")
        );
    }

    #[test]
    fn a_secrets_manager_of_the_callers_own_is_asked_by_arn() {
        let environment_of =
            environment_of(json!({ "DATABASE_SECRET_ARN": "arn:…" }), json!({ SECRETS_MANAGER: "http://127.0.0.1:1" }));
        assert_eq!(
            (environment_of["DATABASE_SECRET_ARN"].as_str(), environment_of[SECRETS_MANAGER].as_str()),
            ("arn:…", "http://127.0.0.1:1")
        );
        assert!(!environment_of.contains_key("DATABASE_URL"));
    }

    #[test]
    fn the_callers_environment_wins_over_the_template() {
        let environment_of = environment_of(
            json!({ "RATE_SEND": "30/10", "JWT_SECRET_ARN": "arn:…" }),
            json!({ "RATE_SEND": "1/1", "JWT_SECRET": "mine", "LOG_LEVEL": "debug" }),
        );
        assert_eq!(
            (environment_of["RATE_SEND"].as_str(), environment_of["JWT_SECRET"].as_str(), environment_of["LOG_LEVEL"].as_str()),
            ("1/1", "mine", "debug")
        );
    }

    #[test]
    fn the_stacks_own_addresses_are_those_of_this_machine() {
        let host = "Sockets.execute-api.us-east-1.amazonaws.com";
        let environment_of = environment_of(
            json!({ "PUSH_ENDPOINT": format!("https://{host}/ws"), "WEBSOCKET_URL": format!("wss://{host}/ws") }),
            json!({}),
        );
        assert_eq!(environment_of["PUSH_ENDPOINT"], "https://127.0.0.1:8081/ws");
        assert_eq!(environment_of["WEBSOCKET_URL"], "ws://127.0.0.1:8081/ws");
        assert_eq!(environment_of["AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI"], "https://127.0.0.1:8081/ws");
        assert_eq!(environment_of["LOCAL_CA"], "/data/ca.pem");
    }

    #[test]
    fn urls_of_queues_lead_to_this_machine() {
        let environment_of =
            environment_of(json!({ "QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/000000000000/Jobs" }), json!({}));
        assert_eq!(environment_of["QUEUE_URL"], "http://127.0.0.1:9324/000000000000/Jobs");
        assert_eq!(environment_of["AWS_ENDPOINT_URL_SQS"], "http://127.0.0.1:9324");
        assert_eq!(environment_of["LOCAL_ENDPOINTS"], "sqs.us-east-1.amazonaws.com=http://127.0.0.1:9324");
    }
}
