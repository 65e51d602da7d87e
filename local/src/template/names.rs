//! Names and ARNs of resources: the values of `Ref` and `GetAtt`. A function's ARN ends in its logical id, so both invoke it.

use serde_json::{Value, json};

use super::error::UnlocatedError;
use super::parameters::{ACCOUNT, scalar};
use super::scope::{Resource, Scope};

/// The value of `Ref`: usually a name, a URL or an ARN where CloudFormation returns that.
pub(super) fn reference(scope: &Scope, resource: &Resource) -> Result<Value, UnlocatedError> {
    let name = physical(scope, resource)?;
    let region = scope.region();
    Ok(json!(match resource.kind.as_str() {
        "AWS::SQS::Queue" => format!("{}/{ACCOUNT}/{name}", queue_host(region)),
        "AWS::SNS::Topic" | "AWS::SecretsManager::Secret" => arn(scope, resource)?,
        _ => name,
    }))
}

/// The value of `GetAtt`.
pub(super) fn attribute(scope: &Scope, resource: &Resource, attribute: &str) -> Result<Value, UnlocatedError> {
    let name = physical(scope, resource)?;
    let (id, region) = (&resource.id, scope.region());
    let value = match (resource.kind.as_str(), attribute) {
        (_, "Arn") | ("AWS::SNS::Topic", "TopicArn") => arn(scope, resource)?,
        ("AWS::SQS::Queue", "QueueName") | ("AWS::SNS::Topic", "TopicName") => name,
        ("AWS::SQS::Queue", "QueueUrl") => return reference(scope, resource),
        ("AWS::DynamoDB::Table", "StreamArn") => format!("{}/stream/2026-01-01T00:00:00.000", arn(scope, resource)?),
        ("AWS::S3::Bucket", "DomainName") => format!("{name}.s3.amazonaws.com"),
        ("AWS::S3::Bucket", "RegionalDomainName") => format!("{name}.s3.{region}.amazonaws.com"),
        ("AWS::Serverless::HttpApi", "ApiEndpoint") => format!("https://{id}.execute-api.{region}.amazonaws.com"),
        ("AWS::Serverless::WebSocketApi", "ApiEndpoint") => format!("wss://{id}.execute-api.{region}.amazonaws.com"),
        ("AWS::Serverless::HttpApi" | "AWS::Serverless::WebSocketApi", "ApiId") => id.clone(),
        // SAM supports ${Api.Stage} for the stage that it generates.
        ("AWS::Serverless::HttpApi" | "AWS::Serverless::WebSocketApi", "Stage") => stage(scope, resource)?,
        (
            "AWS::Serverless::Function"
            | "AWS::Serverless::HttpApi"
            | "AWS::Serverless::WebSocketApi"
            | "AWS::DynamoDB::Table"
            | "AWS::S3::Bucket"
            | "AWS::SQS::Queue",
            _,
        ) => {
            return Err(
                UnlocatedError::new(format!("{} has no attribute {attribute}", resource.kind)).near(format!("{id}.{attribute}"))
            );
        }
        _ => return Ok(generic_attribute(scope, id, attribute)),
    };
    Ok(json!(value))
}

/// A placeholder for an attribute of an unsupported resource, which shows its origin.
pub(super) fn generic_attribute(scope: &Scope, id: &str, attribute: &str) -> Value {
    if attribute.ends_with("Arn") {
        return json!(format!("arn:aws:local:{}:{ACCOUNT}:{id}", scope.region()));
    }
    json!(format!("{id}.{attribute}"))
}

pub(super) fn arn(scope: &Scope, resource: &Resource) -> Result<String, UnlocatedError> {
    let (id, name, region) = (&resource.id, physical(scope, resource)?, scope.region());
    let in_service = |service: &str, path: &str| format!("arn:aws:{service}:{region}:{ACCOUNT}:{path}");
    Ok(match resource.kind.as_str() {
        "AWS::Serverless::Function" => in_service("lambda", &format!("function:{id}")),
        "AWS::DynamoDB::Table" => in_service("dynamodb", &format!("table/{name}")),
        "AWS::S3::Bucket" => format!("arn:aws:s3:::{name}"),
        "AWS::SQS::Queue" => queue_arn(region, &name),
        "AWS::SNS::Topic" => in_service("sns", &name),
        "AWS::SecretsManager::Secret" => in_service("secretsmanager", &format!("secret:{name}-000000")),
        "AWS::Logs::LogGroup" => in_service("logs", &format!("log-group:{name}:*")),
        "AWS::CloudWatch::Alarm" => in_service("cloudwatch", &format!("alarm:{name}")),
        "AWS::KMS::Key" => in_service("kms", &format!("key/{id}")),
        "AWS::IAM::Role" => format!("arn:aws:iam::{ACCOUNT}:role/{name}"),
        "AWS::Serverless::HttpApi" | "AWS::Serverless::WebSocketApi" => format!("arn:aws:apigateway:{region}::/apis/{id}"),
        kind => {
            let service = kind.split("::").nth(1).unwrap_or("local").to_ascii_lowercase();
            in_service(&service, id)
        }
    })
}

/// The host of a region's queue URLs on AWS, replaced by the local address in environments.
pub(crate) fn queue_host(region: &str) -> String {
    format!("https://sqs.{region}.amazonaws.com")
}

/// The ARN of a queue.
pub(super) fn queue_arn(region: &str, name: &str) -> String {
    format!("arn:aws:sqs:{region}:{ACCOUNT}:{name}")
}

/// The physical name: the given one, or the logical id.
pub(super) fn physical(scope: &Scope, resource: &Resource) -> Result<String, UnlocatedError> {
    let property = match resource.kind.as_str() {
        "AWS::DynamoDB::Table" => "TableName",
        "AWS::S3::Bucket" => "BucketName",
        "AWS::SQS::Queue" => "QueueName",
        "AWS::SNS::Topic" => "TopicName",
        "AWS::Logs::LogGroup" => "LogGroupName",
        "AWS::CloudWatch::Alarm" => "AlarmName",
        "AWS::IAM::Role" => "RoleName",
        "AWS::SecretsManager::Secret" => "Name",
        _ => return Ok(resource.id.clone()),
    };
    let given = match resource.properties.get(property) {
        Some(value) => scope.resolve(value).map_err(|fault| fault.at("Resources", &resource.id))?,
        None => Value::Null,
    };
    if let Some(name) = scalar(&given) {
        return Ok(name);
    }
    Ok(match resource.kind.as_str() {
        // Bucket names are lower case with at least three characters.
        "AWS::S3::Bucket" => format!("local-{}", resource.id.to_ascii_lowercase()),
        "AWS::SQS::Queue" if is_fifo(scope, resource)? => format!("{}.fifo", resource.id),
        _ => resource.id.clone(),
    })
}

fn is_fifo(scope: &Scope, queue: &Resource) -> Result<bool, UnlocatedError> {
    let fifo = queue.properties.get("FifoQueue").map(|fifo| scope.resolve(fifo)).transpose()?;
    Ok(fifo.as_ref().and_then(scalar).is_some_and(|fifo| fifo == "true"))
}

fn stage(scope: &Scope, resource: &Resource) -> Result<String, UnlocatedError> {
    let default = if resource.kind == "AWS::Serverless::HttpApi" { "$default" } else { "default" };
    resource.properties.get("StageName").map_or_else(|| Ok(default.to_owned()), |name| scope.text(name, "StageName"))
}

/// The logical id of a route resource that SAM generates: `$connect` of `WsApi` is `WsApiConnectRoute`.
pub(super) fn route_id(api: &str, route_key: &str) -> String {
    let bare = route_key.replace('$', "").to_lowercase();
    let mut letters = bare.chars();
    let capitalised: String = letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default();
    format!("{api}{capitalised}Route")
}

/// Whether SAM generates a resource of this name.
pub(super) fn is_generated(scope: &Scope, name: &str) -> bool {
    scope.resources.iter().any(|resource| {
        let Some(suffix) = name.strip_prefix(resource.id.as_str()) else { return false };
        match resource.kind.as_str() {
            "AWS::Serverless::Function" => match suffix {
                ".Version" | ".Alias" => resource.properties.get("AutoPublishAlias").is_some(),
                _ => matches!(suffix, "Role" | "Url" | ".DestinationQueue"),
            },
            "AWS::Serverless::HttpApi" => suffix.ends_with("Stage"),
            "AWS::Serverless::WebSocketApi" => suffix.ends_with("Stage") || is_route(resource, name),
            _ => false,
        }
    }) || name.starts_with("ServerlessHttpApi")
}

fn is_route(api: &Resource, name: &str) -> bool {
    let routes = api.properties.get("Routes").and_then(Value::as_object);
    routes.is_some_and(|routes| routes.keys().any(|key| route_id(&api.id, key) == name))
}
