//! `AWS::Serverless::WebSocketApi`: stage, routes and authorizer. A route responds on its socket only with a `RouteResponse`.

use std::collections::{BTreeMap, BTreeSet};

use crate::stack::{WebSocketApi, WebSocketAuthorizer, WebSocketRoute};

use super::error::UnlocatedError;
use super::functions::by_arn;
use super::names::route_id;
use super::properties::Properties;
use super::scope::Scope;

/// Route ids named by `AWS::ApiGatewayV2::RouteResponse` resources.
pub(super) type RouteResponses = BTreeSet<String>;

/// Reads an API; `responses` are those of the whole template.
pub(super) fn api(
    scope: &Scope,
    id: &str,
    properties: &Properties<'_>,
    responses: &RouteResponses,
) -> Result<WebSocketApi, UnlocatedError> {
    let stage = properties.text("StageName")?.unwrap_or_else(|| "default".to_owned());
    if stage == "$default"
        || stage.is_empty()
        || !stage.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_".contains(letter))
    {
        return Err(UnlocatedError::new(format!(
            "a WebSocket API cannot have the stage {stage:?}; use letters, digits, - and _"
        ))
        .near("StageName"));
    }
    let route_selection_expression = properties.required("RouteSelectionExpression")?;
    if !route_selection_expression.contains("request.body") {
        let message = format!("RouteSelectionExpression must select from $request.body, not {route_selection_expression:?}");
        return Err(UnlocatedError::new(message).near("RouteSelectionExpression"));
    }
    let authorizer = authorizer(scope, properties)?;
    let routes = routes(scope, id, properties, responses)?;
    if authorizer.is_some() && !routes.contains_key("$connect") {
        return Err(UnlocatedError::new("an authorizer needs a $connect route").near("Auth"));
    }
    Ok(WebSocketApi { id: id.to_owned(), stage, route_selection_expression, routes, authorizer })
}

/// The route id of an `AWS::ApiGatewayV2::RouteResponse`.
pub(super) fn response(properties: &Properties<'_>) -> Result<String, UnlocatedError> {
    let key = properties.required("RouteResponseKey")?;
    if key != "$default" {
        return Err(UnlocatedError::new(format!("RouteResponseKey must be $default, not {key}")).near("RouteResponseKey"));
    }
    properties.required("RouteId")
}

fn routes(
    scope: &Scope,
    api: &str,
    properties: &Properties<'_>,
    responses: &RouteResponses,
) -> Result<BTreeMap<String, WebSocketRoute>, UnlocatedError> {
    let mut routes = BTreeMap::new();
    let mut ids = BTreeMap::new();
    for (key, route) in properties.within("Routes")?.entries() {
        if !is_route_key(key) {
            let message = format!("the route key {key:?} must be alphanumeric, or $connect, $disconnect or $default");
            return Err(UnlocatedError::new(message).near(format!("{key}:")));
        }
        let id = route_id(api, key);
        if let Some(other) = ids.insert(id.clone(), key) {
            return Err(UnlocatedError::new(format!("the routes {other} and {key} conflict: SAM names both {id}"))
                .near(format!("{key}:")));
        }
        let route = Properties::new(route, key)?;
        let function =
            by_arn(scope, &route.required("FunctionArn")?, "FunctionArn").map_err(|fault| fault.near(format!("{key}:")))?;
        let answers = route.text("RouteResponseSelectionExpression")?.as_deref() == Some("$default");
        let integration_timeout_ms = route.bounded("IntegrationTimeout", 29_000, 50..=29_000)?;
        routes.insert(
            key.clone(),
            WebSocketRoute { function, integration_timeout_ms, responds: answers && responses.contains(&id) },
        );
    }
    if routes.is_empty() {
        return Err(UnlocatedError::new("a WebSocket API needs Routes").near("Routes"));
    }
    Ok(routes)
}

fn is_route_key(key: &str) -> bool {
    matches!(key, "$connect" | "$disconnect" | "$default")
        || (!key.is_empty() && key.chars().all(|letter| letter.is_ascii_alphanumeric()))
}

fn authorizer(scope: &Scope, properties: &Properties<'_>) -> Result<Option<WebSocketAuthorizer>, UnlocatedError> {
    let auth = properties.within("Auth")?;
    match auth.text("AuthType")?.as_deref() {
        None | Some("NONE") => Ok(None),
        Some("CUSTOM") => {
            let function = by_arn(scope, &auth.required("AuthArn")?, "AuthArn")?;
            let identity_sources = auth.strings("IdentitySource")?;
            if let Some(other) = identity_sources.iter().find(|source| !is_identity_source(source)) {
                let message = format!(
                    "IdentitySource {other:?} is not supported locally; use route.request.header.X or route.request.querystring.Y"
                );
                return Err(UnlocatedError::new(message).near("IdentitySource"));
            }
            Ok(Some(WebSocketAuthorizer { function, identity_sources }))
        }
        Some(other) => {
            Err(UnlocatedError::new(format!("AuthType {other} is not supported locally; use CUSTOM or NONE")).near("AuthType"))
        }
    }
}

fn is_identity_source(source: &str) -> bool {
    ["route.request.header.", "route.request.querystring."]
        .iter()
        .any(|prefix| source.len() > prefix.len() && source.starts_with(prefix))
}
