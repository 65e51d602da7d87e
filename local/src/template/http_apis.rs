//! `AWS::Serverless::HttpApi` and the routes that functions declare. Routes are unique and lead to existing functions.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::stack::{Cors, HttpApi, HttpRoute};

use super::error::UnlocatedError;
use super::properties::Properties;

/// The API that SAM generates for events without an API.
const IMPLICIT_API: &str = "ServerlessHttpApi";

/// Event types without a route, which are ignored.
const IGNORED_EVENTS: [&str; 15] = [
    "AlexaSkill",
    "CloudWatchEvent",
    "CloudWatchLogs",
    "Cognito",
    "DocumentDB",
    "DynamoDB",
    "EventBridgeRule",
    "IoTRule",
    "Kinesis",
    "MQ",
    "MSK",
    "S3",
    "SNS",
    "Schedule",
    "SelfManagedKafka",
];

/// Reads an API without its routes.
pub(super) fn api(id: &str, properties: &Properties<'_>) -> Result<HttpApi, UnlocatedError> {
    // States that there is no authorizer, which `sam deploy --guided` otherwise asks for each route.
    let no_authorizer = Some(&json!({ "EnableIamAuthorizer": false }));
    for property in ["DefinitionBody", "DefinitionUri", "Auth"] {
        if properties.value(property).is_some_and(|value| property != "Auth" || Some(value) != no_authorizer) {
            let message =
                format!("{property} is not supported locally; declare routes as events of functions and authorize inside them");
            return Err(UnlocatedError::new(message).near(property));
        }
    }
    if let Some(stage) = properties.text("StageName")?.filter(|stage| stage != "$default") {
        return Err(UnlocatedError::new(format!(
            "only the stage $default of an HTTP API is supported, not {stage}; omit StageName"
        ))
        .near("StageName"));
    }
    Ok(HttpApi { id: id.to_owned(), routes: Vec::new(), cors: cors(properties)? })
}

/// Adds the routes of one function's events.
pub(super) fn add_routes(
    apis: &mut BTreeMap<String, HttpApi>,
    function: &str,
    properties: &Properties<'_>,
) -> Result<(), UnlocatedError> {
    let events = properties.within("Events")?;
    for (name, event) in events.entries() {
        let event = Properties::new(event, name)?;
        match event.required("Type")?.as_str() {
            "HttpApi" => add_route(apis, function, &event.within("Properties")?).map_err(|fault| fault.near(name.as_str()))?,
            "ScheduleV2" | "SQS" => {}
            kind if IGNORED_EVENTS.contains(&kind) => {
                tracing::warn!(
                    function,
                    event = name.as_str(),
                    kind,
                    "this event never fires locally; `local invoke` runs the function"
                );
            }
            kind => {
                let message =
                    format!("events of type {kind} are not supported locally; an HTTP route is an event of type HttpApi");
                return Err(UnlocatedError::new(message).near(name.as_str()));
            }
        }
    }
    Ok(())
}

fn add_route(apis: &mut BTreeMap<String, HttpApi>, function: &str, event: &Properties<'_>) -> Result<(), UnlocatedError> {
    if event.value("Auth").is_some() {
        return Err(UnlocatedError::new(
            "an authorizer on an HTTP route is not supported locally; authorize inside the function",
        ));
    }
    if let Some(version) = event.text("PayloadFormatVersion")?.filter(|version| version != "2.0") {
        return Err(UnlocatedError::new(format!("events of payload format {version} are not supported locally; use 2.0")));
    }
    if event.value("TimeoutInMillis").is_some() {
        tracing::warn!(function, "TimeoutInMillis of a route is not supported locally: every route has 30 seconds");
    }
    let id = event.text("ApiId")?.unwrap_or_else(|| IMPLICIT_API.to_owned());
    if id == IMPLICIT_API {
        apis.entry(id.clone()).or_insert_with(|| HttpApi { id: id.clone(), ..HttpApi::default() });
    }
    let Some(api) = apis.get_mut(&id) else {
        return Err(UnlocatedError::new(format!("ApiId is {id}, which is not an AWS::Serverless::HttpApi of this template")));
    };
    let route = match (event.text("Method")?, event.text("Path")?) {
        (Some(method), Some(path)) => {
            HttpRoute { method: checked_method(&method)?, path: checked_path(path)?, function: function.to_owned() }
        }
        (None, None) => HttpRoute { method: "ANY".to_owned(), path: "$default".to_owned(), function: function.to_owned() },
        _ => return Err(UnlocatedError::new("an HttpApi event has both Method and Path, or neither for the $default route")),
    };
    if let Some(other) =
        api.routes.iter().find(|other| other.method == route.method && route_shape(&other.path) == route_shape(&route.path))
    {
        let message =
            format!("the route {} {} is already taken by {} ({})", route.method, route.path, other.function, other.path);
        return Err(UnlocatedError::new(message));
    }
    api.routes.push(route);
    Ok(())
}

fn checked_method(method: &str) -> Result<String, UnlocatedError> {
    let method = method.to_ascii_uppercase();
    match method.as_str() {
        "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS" | "ANY" => Ok(method),
        "*" | "X-AMAZON-APIGATEWAY-ANY-METHOD" => Ok("ANY".to_owned()),
        _ => Err(UnlocatedError::new(format!("{method} is not a method of an HTTP route"))),
    }
}

fn checked_path(path: String) -> Result<String, UnlocatedError> {
    if path == "$default" {
        return Ok(path);
    }
    let Some(rest) = path.strip_prefix('/') else {
        return Err(UnlocatedError::new(format!("the path {path} must begin with /")));
    };
    if rest.ends_with('/') {
        return Err(UnlocatedError::new(format!("HTTP APIs do not route the path {path}; use {path}{{proxy+}}")));
    }
    let mut names = Vec::new();
    let segments: Vec<&str> = rest.split('/').collect();
    for (place, segment) in segments.iter().enumerate() {
        if !segment.contains(['{', '}']) {
            continue;
        }
        let inner = segment.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
        let name = inner.map(|text| text.strip_suffix('+').unwrap_or(text));
        let Some(name) = name.filter(|name| !name.is_empty() && !name.contains(['{', '}', '+'])) else {
            return Err(UnlocatedError::new(format!(
                "in the path {path} a variable must fill its segment, as in /{{name}} or /{{name+}}"
            )));
        };
        if inner.is_some_and(|text| text.ends_with('+')) && place + 1 != segments.len() {
            return Err(UnlocatedError::new(format!("in the path {path} a greedy variable must be the last segment")));
        }
        if names.contains(&name) {
            return Err(UnlocatedError::new(format!("in the path {path} the variable {name} occurs twice")));
        }
        names.push(name);
    }
    Ok(path)
}

/// A path without variable names: paths of equal shape are the same route.
fn route_shape(path: &str) -> Vec<&str> {
    let of_segment = |segment| match segment {
        text if str::starts_with(text, '{') && text.ends_with("+}") => "{+}",
        text if text.starts_with('{') => "{}",
        text => text,
    };
    path.split('/').map(of_segment).collect()
}

fn cors(properties: &Properties<'_>) -> Result<Option<Cors>, UnlocatedError> {
    let any = || Cors { allow_origins: vec!["*".to_owned()], ..Cors::default() };
    match properties.value("CorsConfiguration") {
        None | Some(Value::Bool(false)) => return Ok(None),
        Some(Value::Bool(true)) => return Ok(Some(any())),
        Some(_) => {}
    }
    let given = properties.within("CorsConfiguration")?;
    let known = ["AllowOrigins", "AllowMethods", "AllowHeaders", "ExposeHeaders", "AllowCredentials", "MaxAge"];
    if let Some((unknown, _)) = given.entries().find(|(name, _)| !known.contains(&name.as_str())) {
        return Err(UnlocatedError::new(format!("CorsConfiguration has no {unknown}; it has {}", known.join(", ")))
            .near(unknown.as_str()));
    }
    let cors = Cors {
        allow_origins: given.strings("AllowOrigins")?,
        allow_methods: given.strings("AllowMethods")?,
        allow_headers: given.strings("AllowHeaders")?,
        expose_headers: given.strings("ExposeHeaders")?,
        allow_credentials: given.flag("AllowCredentials")?,
        max_age: given.number("MaxAge")?,
    };
    if cors.allow_credentials && cors.allow_origins.iter().any(|origin| origin == "*") {
        return Err(UnlocatedError::new("AllowCredentials forbids the origin *; name the origins").near("AllowCredentials"));
    }
    Ok(Some(cors))
}
