//! Custom resources: at every start, each one's function gets a `Create` request as from CloudFormation and must report success.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::timeout;
use uuid::Uuid;

use crate::http_server::HttpServer;
use crate::lambda::{Lambda, Outcome};
use crate::stack::{CustomResource, Stack};

/// A custom resource was not created; the stack does not start.
#[derive(Debug)]
pub struct CustomResourceError {
    /// Logical id.
    pub resource: String,
    /// The reason that its function reported, or why there was no report.
    pub reason: String,
}

impl fmt::Display for CustomResourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = self.reason.trim_end_matches(['.', '\n']);
        write!(
            f,
            "{} could not be created: {reason}.\nIf DATABASE_URL is set, check that the database is running; if the data is from another version of the code, \
             `local reset` deletes it",
            self.resource
        )
    }
}

impl std::error::Error for CustomResourceError {}

/// The response object that a function puts to the `ResponseURL`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ResourceResponse {
    status: String,
    #[serde(default)]
    reason: String,
}

/// How long to wait for a response after the function has returned.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Creates every custom resource of the stack, one after the other.
pub(crate) async fn create_all(stack: &Stack, lambda: &Lambda) -> Result<(), CustomResourceError> {
    for (id, resource) in &stack.custom_resources {
        let begun = Instant::now();
        create(stack, lambda, (id, resource)).await.map_err(|reason| CustomResourceError { resource: id.clone(), reason })?;
        lambda.journal().note(&format!("  {id:<14}{:>6} ms", begun.elapsed().as_millis()));
    }
    Ok(())
}

async fn create(stack: &Stack, lambda: &Lambda, (id, resource): (&str, &CustomResource)) -> Result<(), String> {
    let (sender, mut reports) = mpsc::channel(1);
    let secret = Uuid::new_v4().simple().to_string();
    let server = listen(&secret, sender).await.map_err(|error| error.to_string())?;
    let url = format!("http://{}/{secret}", server.address());
    let event = create_event(stack, (id, resource), &url);
    let outcome = lambda.invoke(&resource.function, Bytes::from(event.to_string())).await.map_err(|error| error.to_string())?;
    // A response counts even if the function fails afterwards.
    let report = match (reports.try_recv(), outcome) {
        (Ok(report), _) => report,
        (Err(_), Outcome::FunctionError(error)) => return Err(error_message(&error)),
        (Err(_), Outcome::Success(_)) => match timeout(RESPONSE_TIMEOUT, reports.recv()).await {
            Ok(Some(report)) => report,
            _ => return Err(format!("{} ended without a response to the ResponseURL", resource.function)),
        },
    };
    if report.status == "SUCCESS" { Ok(()) } else { Err(report.reason) }
}

fn create_event(stack: &Stack, (id, resource): (&str, &CustomResource), url: &str) -> serde_json::Value {
    let mut properties = resource.properties.clone();
    let arn = format!("arn:aws:lambda:{}:000000000000:function:{}", stack.region, resource.function);
    if let Some(properties) = properties.as_object_mut() {
        properties.entry("ServiceToken").or_insert_with(|| json!(arn));
    }
    json!({
        "RequestType": "Create",
        "RequestId": Uuid::new_v4().to_string(),
        "ResponseURL": url,
        "ResourceType": resource.kind,
        "LogicalResourceId": id,
        "StackId": format!("arn:aws:cloudformation:{}:000000000000:stack/local/{}", stack.region, Uuid::new_v4()),
        "ResourceProperties": properties,
    })
}

async fn listen(secret: &str, sender: mpsc::Sender<ResourceResponse>) -> io::Result<HttpServer> {
    let path: Arc<str> = format!("/{secret}").into();
    HttpServer::serve(HttpServer::bind().await?, move |request| receive_response(path.clone(), sender.clone(), request))
}

async fn receive_response(
    path: Arc<str>,
    sender: mpsc::Sender<ResourceResponse>,
    request: Request<Incoming>,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    if request.method() != http::Method::PUT || request.uri().path() != &*path {
        *response.status_mut() = StatusCode::FORBIDDEN;
        return response;
    }
    // CloudFormation's limit is 4 KB.
    let body =
        Limited::new(request.into_body(), 4096).collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let report = serde_json::from_slice(&body).unwrap_or_else(|error| ResourceResponse {
        status: "FAILED".into(),
        reason: format!("its response is invalid (CloudFormation expects JSON with a Status, at most 4096 bytes): {error}"),
    });
    // Only the first response counts.
    let _ = sender.try_send(report);
    response
}

/// The `errorMessage` of a function error or `Message` of a service error; otherwise the whole text.
pub(crate) fn error_message(error: &[u8]) -> String {
    let mut fields: BTreeMap<String, serde_json::Value> = serde_json::from_slice(error).unwrap_or_default();
    match fields.remove("errorMessage").or_else(|| fields.remove("message")) {
        Some(serde_json::Value::String(message)) => message,
        _ => String::from_utf8_lossy(error).into_owned(),
    }
}
