//! Reads the deployed SAM template into a [`Stack`] without intrinsics, or returns an error with the line. Unsupported resources are errors, not skipped.

mod document;
mod error;
mod event_sources;
mod functions;
mod globals;
mod http_apis;
mod intrinsics;
mod names;
mod parameters;
mod properties;
mod queues;
mod rules;
mod samconfig;
mod schedules;
mod scope;
mod source;
mod stores;
mod substitution;
mod websocket_apis;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use serde_json::{Map, Value};

use crate::stack::{Queue, Stack};

pub(crate) use names::queue_host;

pub use error::TemplateError;
pub use samconfig::samconfig_parameters;

use error::UnlocatedError;
use properties::Properties;
use scope::{Resource, Scope};

/// Loads a template. `overrides` are parameter values, including `AWS::Region` and `AWS::StackName`.
pub fn load(path: impl AsRef<Path>, overrides: &BTreeMap<String, String>) -> Result<Stack, TemplateError> {
    let path = path.as_ref();
    let text = read(path)?;
    stack(&text, overrides).map_err(|fault| fault.locate(path, &text))
}

/// The sections of a template as plain JSON: aliases and merge keys are replaced, intrinsics have their long form, and nothing is resolved.
pub fn sections(path: impl AsRef<Path>) -> Result<Map<String, Value>, TemplateError> {
    let path = path.as_ref();
    let text = read(path)?;
    document::parse(&text).map_err(|fault| fault.locate(path, &text))
}

fn read(path: &Path) -> Result<String, TemplateError> {
    std::fs::read_to_string(path).map_err(|error| {
        let reason = match error.kind() {
            ErrorKind::NotFound => "the file does not exist: run this in the project's folder, or specify --template".into(),
            _ => format!("the file cannot be read: {error}"),
        };
        UnlocatedError::new(reason).locate(path, "")
    })
}

fn stack(text: &str, overrides: &BTreeMap<String, String>) -> Result<Stack, UnlocatedError> {
    let mut document = document::parse(text)?;
    let globals = section(&mut document, "Globals");
    globals::check(&globals)?;
    let resources = section(&mut document, "Resources");
    let resources =
        resources.into_iter().map(|(id, value)| resource(&id, value, &globals).map_err(|fault| fault.at("Resources", &id)));
    let scope = Scope {
        parameters: parameters::values(document.get("Parameters"), overrides)?,
        conditions: section(&mut document, "Conditions"),
        mappings: section(&mut document, "Mappings"),
        resources: resources.collect::<Result<_, _>>()?,
        depth: Cell::new(0),
    };
    rules::check(&scope, &section(&mut document, "Rules"))?;
    for name in scope.conditions.keys() {
        scope.condition(name).map_err(|fault| fault.at("Conditions", name))?;
    }
    let mut stack = declared(&scope)?;
    for (name, output) in section(&mut document, "Outputs") {
        if let Some(value) = output_value(&scope, &output).map_err(|fault| fault.at("Outputs", &name))? {
            stack.outputs.insert(name, value);
        }
    }
    Ok(stack)
}

fn section(document: &mut Map<String, Value>, name: &str) -> Map<String, Value> {
    match document.remove(name) {
        Some(Value::Object(section)) => section,
        _ => Map::new(),
    }
}

fn resource(id: &str, value: Value, globals: &Map<String, Value>) -> Result<Resource, UnlocatedError> {
    const ATTRIBUTES: [&str; 11] = [
        "Type",
        "Properties",
        "Condition",
        "DependsOn",
        "Metadata",
        "DeletionPolicy",
        "UpdateReplacePolicy",
        "CreationPolicy",
        "UpdatePolicy",
        "Connectors",
        "IgnoreGlobals",
    ];
    let Value::Object(mut object) = value else {
        return Err(UnlocatedError::new("a resource is a mapping with a Type in it"));
    };
    if let Some(unknown) = object.keys().find(|name| !ATTRIBUTES.contains(&name.as_str())) {
        let message = format!("a resource has no {unknown} beside its Properties; it has {}", ATTRIBUTES.join(", "));
        return Err(UnlocatedError::new(message).near(unknown.as_str()));
    }
    if id.is_empty() || !id.chars().all(|letter| letter.is_ascii_alphanumeric()) {
        return Err(UnlocatedError::new("a logical id must consist of letters and digits"));
    }
    let Some(Value::String(kind)) = object.remove("Type") else {
        return Err(UnlocatedError::new("the resource needs a Type"));
    };
    let condition = match object.remove("Condition") {
        None => None,
        Some(Value::String(name)) => Some(name),
        Some(other) => {
            return Err(UnlocatedError::new(format!("Condition is the name of a condition, not {other}")).near("Condition"));
        }
    };
    let properties = globals::merged(globals, &kind, object.remove("Properties").unwrap_or(Value::Null));
    Ok(Resource { id: id.to_owned(), kind, condition, properties, metadata: object.remove("Metadata").unwrap_or(Value::Null) })
}

/// Reads all resources whose condition holds. Properties of unsupported types are resolved too: an error there would fail the deployment.
fn declared(scope: &Scope) -> Result<Stack, UnlocatedError> {
    let mut stack = Stack { region: scope.region().to_owned(), ..Stack::default() };
    let mut resolved = Vec::new();
    for resource in &scope.resources {
        let at = |fault: UnlocatedError| fault.at("Resources", &resource.id);
        if scope.exists(resource).map_err(at)? {
            resolved.push((resource, scope.resolve(&resource.properties).map_err(at)?));
        }
    }
    let mut responses = websocket_apis::RouteResponses::new();
    for (resource, properties) in &resolved {
        first_pass(scope, resource, properties, &mut stack, &mut responses)
            .map_err(|fault| fault.at("Resources", &resource.id))?;
    }
    for (resource, properties) in &resolved {
        let at = |fault: UnlocatedError| fault.at("Resources", &resource.id);
        let properties = Properties::new(properties, "Properties").map_err(at)?;
        match resource.kind.as_str() {
            "AWS::Serverless::Function" => {
                http_apis::add_routes(&mut stack.http_apis, &resource.id, &properties).map_err(at)?;
                let sources = event_sources::of_function(&stack, &resource.id, &properties).map_err(at)?;
                stack.event_sources.extend(sources);
            }
            "AWS::Lambda::EventSourceMapping" => {
                let source = event_sources::resource(scope, &stack, &resource.id, &properties).map_err(at)?;
                stack.event_sources.extend(source);
            }
            "AWS::SQS::Queue" => queues::check_redrive(&stack, &resource.id, scope.region()).map_err(at)?,
            "AWS::Serverless::WebSocketApi" => {
                let api = websocket_apis::api(scope, &resource.id, &properties, &responses).map_err(at)?;
                stack.websocket_apis.insert(resource.id.clone(), api);
            }
            _ => {}
        }
    }
    Ok(stack)
}

/// Reads resources that depend on no other resource.
fn first_pass(
    scope: &Scope,
    resource: &Resource,
    properties: &Value,
    stack: &mut Stack,
    responses: &mut websocket_apis::RouteResponses,
) -> Result<(), UnlocatedError> {
    let properties = &Properties::new(properties, "Properties")?;
    let id = resource.id.clone();
    match resource.kind.as_str() {
        "AWS::Serverless::Function" => {
            let function = functions::function(scope, resource, properties)?;
            // SAM generates the queue of a failure destination without an ARN.
            let generated = functions::generated_queue(&id);
            if function.event_invoke.on_failure.as_ref() == Some(&generated) {
                stack.queues.insert(generated.clone(), Queue { name: generated, attributes: BTreeMap::new() });
            }
            stack.functions.insert(id, function);
        }
        "AWS::Serverless::HttpApi" => {
            stack.http_apis.insert(id, http_apis::api(&resource.id, properties)?);
        }
        "AWS::ApiGatewayV2::RouteResponse" => {
            responses.insert(websocket_apis::response(properties)?);
        }
        "AWS::DynamoDB::Table" => {
            stack.tables.insert(id, stores::table(scope, resource, properties)?);
        }
        "AWS::S3::Bucket" => {
            stack.buckets.insert(id, stores::bucket(scope, resource, properties)?);
        }
        "AWS::SQS::Queue" => {
            stack.queues.insert(id, queues::queue(scope, resource, properties)?);
        }
        kind if kind.starts_with("Custom::") || kind == "AWS::CloudFormation::CustomResource" => {
            stack.custom_resources.insert(id, functions::custom(scope, resource, properties)?);
        }
        kind if is_unsupported(kind) => {
            let message = format!("{kind} is not supported locally, and the stack depends on it; use the AWS::Serverless types");
            return Err(UnlocatedError::new(message).near("Type"));
        }
        kind if kind.starts_with("AWS::") => {}
        kind => return Err(UnlocatedError::new(format!("unknown resource type {kind:?}")).near("Type")),
    }
    Ok(())
}

/// Unsupported resources that serve requests or hold data: ignoring them would hide a gap.
fn is_unsupported(kind: &str) -> bool {
    const OTHERS: [&str; 9] = [
        "AWS::Lambda::Function",
        "AWS::ApiGateway::RestApi",
        "AWS::ApiGatewayV2::Api",
        "AWS::ApiGatewayV2::Authorizer",
        "AWS::ApiGatewayV2::Integration",
        "AWS::ApiGatewayV2::Model",
        "AWS::ApiGatewayV2::Route",
        "AWS::ApiGatewayV2::Stage",
        "AWS::DynamoDB::GlobalTable",
    ];
    OTHERS.contains(&kind) || (kind.starts_with("AWS::Serverless::") && kind != "AWS::Serverless::WebSocketApi")
}

fn output_value(scope: &Scope, output: &Value) -> Result<Option<String>, UnlocatedError> {
    if let Some(condition) = output.get("Condition").and_then(Value::as_str)
        && !scope.condition(condition)?
    {
        return Ok(None);
    }
    let value = output.get("Value").ok_or_else(|| UnlocatedError::new("an output needs a Value"))?;
    scope.text(value, "the Value of an output").map(Some)
}
