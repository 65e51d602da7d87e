//! What each function is told: the template's variables, with everything that is elsewhere on AWS pointed at this machine.

use std::collections::BTreeMap;

use crate::{
    stack::{Function, Stack},
    template::queue_host,
};

/// Addresses and values that a template cannot know.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// `http://host:port` of the gateway.
    pub(super) http: String,
    /// `mysql://…`.
    pub(super) database: String,
    /// `AWS_ENDPOINT_URL_DYNAMODB`.
    pub(super) dynamodb: String,
    /// `AWS_ENDPOINT_URL_S3`.
    pub(super) s3: String,
    /// `AWS_ENDPOINT_URL_SQS`.
    pub(super) sqs: String,
    /// `AWS_ENDPOINT_URL_LAMBDA`.
    pub(super) lambda: String,
}

/// Given to every function when the caller has them, declared or not.
const PASSED_ON: [&str; 3] = ["JWT_EXPIRY", "LOG_LEVEL", "MAX_MESSAGE_LENGTH"];
/// A Secrets Manager of the caller's own, for whoever wants to see secrets rotate.
const SECRETS_MANAGER: &str = "AWS_ENDPOINT_URL_SECRETSMANAGER";
const SECRET: &str = "dev-super-secret-change-me";
const VAPID_SECRET: &str = "dev-secret-of-push-notifications";

/// The environment of one function; `caller` is the environment of whoever starts the cloud.
pub(super) fn environment(
    function: &Function,
    stack: &Stack,
    places: &Places,
    caller: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let mut environment: BTreeMap<_, _> =
        function.environment.iter().map(|(name, value)| (name.clone(), here(value, stack, places))).collect();
    for name in function.environment.keys().map(String::as_str).chain(PASSED_ON) {
        if let Some(value) = caller.get(name) {
            environment.insert(name.to_owned(), value.clone());
        }
    }
    // A secret's value in place of its ARN: there is nobody to ask for it, unless the caller says who.
    if let Some(endpoint) = caller.get(SECRETS_MANAGER) {
        environment.insert(SECRETS_MANAGER.into(), endpoint.clone());
    } else {
        if environment.remove("DATABASE_SECRET_ARN").is_some() {
            environment.insert("DATABASE_URL".into(), places.database.clone());
        }
        if environment.remove("JWT_SECRET_ARN").is_some() {
            environment.insert("JWT_SECRET".into(), caller.get("JWT_SECRET").map_or(SECRET, String::as_str).into());
        }
        if environment.remove("VAPID_SECRET_ARN").is_some() {
            environment.insert("VAPID_SECRET".into(), caller.get("VAPID_SECRET").map_or(VAPID_SECRET, String::as_str).into());
        }
    }
    let stage = stack.websocket_apis.values().next().map_or("", |api| api.stage.as_str());
    for (name, value) in [
        // Beside its credentials, what functions know the local cloud by.
        ("LOCAL_CLOUD", "true".to_owned()),
        ("AWS_ENDPOINT_URL_DYNAMODB", places.dynamodb.clone()),
        ("AWS_ENDPOINT_URL_S3", places.s3.clone()),
        ("AWS_ENDPOINT_URL_SQS", places.sqs.clone()),
        ("AWS_ENDPOINT_URL_LAMBDA", places.lambda.clone()),
        ("AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI", format!("{}/{stage}", places.http)),
    ] {
        environment.insert(name.into(), value);
    }
    environment
}

/// A value in which the addresses of the stack's own APIs and queues are those of this machine.
fn here(value: &str, stack: &Stack, Places { http, sqs, .. }: &Places) -> String {
    let socket = http.replacen("http://", "ws://", 1);
    let value = value.replace(&queue_host(&stack.region), sqs);
    stack.http_apis.keys().chain(stack.websocket_apis.keys()).fold(value, |value, api| {
        let host = format!("{api}.execute-api.{}.amazonaws.com", stack.region);
        value.replace(&format!("https://{host}"), http).replace(&format!("wss://{host}"), &socket)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::{EventInvoke, WebSocketApi};

    fn told(template: &[(&str, &str)], caller: &[(&str, &str)]) -> BTreeMap<String, String> {
        let map = |pairs: &[(&str, &str)]| pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let function = Function {
            id: "F".into(),
            binary: "f".into(),
            environment: map(template),
            memory_size: 128,
            timeout: 3,
            reserved_concurrency: None,
            event_invoke: EventInvoke::default(),
            schedules: Vec::new(),
        };
        let mut stack = Stack { region: "us-east-1".into(), ..Stack::default() };
        let api = WebSocketApi {
            id: "Sockets".into(),
            stage: "ws".into(),
            route_selection_expression: String::new(),
            routes: BTreeMap::new(),
            authorizer: None,
        };
        stack.websocket_apis.insert("Sockets".into(), api);
        let places = Places {
            http: "http://127.0.0.1:8081".into(),
            database: "mysql://here".into(),
            sqs: "http://127.0.0.1:9324".into(),
            ..Places::default()
        };
        environment(&function, &stack, &places, &map(caller))
    }

    #[test]
    fn only_functions_that_ask_for_a_secret_get_it() {
        let told_all = told(&[("DATABASE_SECRET_ARN", "arn:…"), ("JWT_SECRET_ARN", "arn:…")], &[]);
        assert_eq!(told_all["DATABASE_URL"], "mysql://here");
        assert_eq!(told_all["JWT_SECRET"], SECRET);
        assert!(!told_all.contains_key("DATABASE_SECRET_ARN") && !told_all.contains_key("JWT_SECRET_ARN"));
        let told_nothing = told(&[], &[("JWT_SECRET", "x"), ("DATABASE_URL", "mysql://there"), ("HOME", "/root")]);
        assert!(["DATABASE_URL", "JWT_SECRET", "HOME"].iter().all(|name| !told_nothing.contains_key(*name)));
    }

    #[test]
    fn a_secrets_manager_of_the_callers_own_is_asked_by_arn() {
        let told = told(&[("DATABASE_SECRET_ARN", "arn:…")], &[(SECRETS_MANAGER, "http://127.0.0.1:1")]);
        assert_eq!((told["DATABASE_SECRET_ARN"].as_str(), told[SECRETS_MANAGER].as_str()), ("arn:…", "http://127.0.0.1:1"));
        assert!(!told.contains_key("DATABASE_URL"));
    }

    #[test]
    fn the_callers_environment_wins_over_the_template() {
        let told = told(
            &[("RATE_SEND", "30/10"), ("JWT_SECRET_ARN", "arn:…")],
            &[("RATE_SEND", "1/1"), ("JWT_SECRET", "mine"), ("LOG_LEVEL", "debug")],
        );
        assert_eq!(
            (told["RATE_SEND"].as_str(), told["JWT_SECRET"].as_str(), told["LOG_LEVEL"].as_str()),
            ("1/1", "mine", "debug")
        );
    }

    #[test]
    fn the_stacks_own_addresses_are_those_of_this_machine() {
        let host = "Sockets.execute-api.us-east-1.amazonaws.com";
        let told = told(&[("PUSH_ENDPOINT", &format!("https://{host}/ws")), ("WEBSOCKET_URL", &format!("wss://{host}/ws"))], &[]);
        assert_eq!(told["PUSH_ENDPOINT"], "http://127.0.0.1:8081/ws");
        assert_eq!(told["WEBSOCKET_URL"], "ws://127.0.0.1:8081/ws");
        assert_eq!(told["AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI"], "http://127.0.0.1:8081/ws");
    }

    #[test]
    fn urls_of_queues_lead_to_this_machine() {
        let told = told(&[("QUEUE_URL", "https://sqs.us-east-1.amazonaws.com/000000000000/Jobs")], &[]);
        assert_eq!(told["QUEUE_URL"], "http://127.0.0.1:9324/000000000000/Jobs");
        assert_eq!(told["AWS_ENDPOINT_URL_SQS"], "http://127.0.0.1:9324");
    }
}
