//! The JSON protocol of SQS: the operation is in `X-Amz-Target`, its parameters in the body. Errors carry the codes of the JSON and query protocols,
//! because SDKs use either.

mod batches;
mod messages;
mod queues;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::broker::{ACCOUNT, Broker, new_id};
use super::error::{Code, SqsError};

/// One API request.
struct ApiCall {
    broker: Broker,
    /// `http://host:port` as the client addressed it; queue URLs use it, so that clients behind a proxy keep using the proxy.
    base: String,
    body: Bytes,
}

/// Maximum body: a batch of 1 MiB with every character escaped.
const MAX_BODY: usize = 8 << 20;

pub(super) async fn answer(broker: Broker, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let answered = perform(broker, request).await;
    let mut response = match answered {
        Ok(body) => Response::new(Full::new(Bytes::from(body.to_string()))),
        Err(error) => refusal(&error),
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.0"));
    if let Ok(id) = HeaderValue::try_from(new_id()) {
        headers.insert("x-amzn-requestid", id);
    }
    response
}

async fn perform(broker: Broker, request: Request<Incoming>) -> Result<Value, SqsError> {
    let (parts, body) = request.into_parts();
    // Signatures are required but not verified: an unsigned request fails as on AWS, and a web page cannot send this header without a preflight.
    if !text(&parts.headers, header::AUTHORIZATION.as_str()).starts_with("AWS4-HMAC-SHA256 ") {
        return Err(SqsError::new(Code::MissingToken, "Request is missing Authentication Token"));
    }
    let target = text(&parts.headers, "x-amz-target");
    let Some(operation) = target.strip_prefix("AmazonSQS.") else {
        let reason = "Only the AWS JSON 1.0 protocol is supported (SDKs since the end of 2023): X-Amz-Target is missing";
        return Err(SqsError::new(Code::InvalidAction, reason));
    };
    let base = format!("http://{}", text(&parts.headers, header::HOST.as_str()));
    let body = Limited::new(body, MAX_BODY).collect().await;
    let body = body.map_err(|_| SqsError::new(Code::InvalidRequest, "The request is too large or incomplete."))?.to_bytes();
    let call = ApiCall { broker, base, body };
    match operation {
        "CreateQueue" => call.create_queue(),
        "DeleteQueue" => call.delete_queue(),
        "GetQueueUrl" => call.get_queue_url(),
        "ListQueues" => call.list_queues(),
        "GetQueueAttributes" => call.get_queue_attributes(),
        "SetQueueAttributes" => call.set_queue_attributes(),
        "TagQueue" => call.tag_queue(),
        "UntagQueue" => call.untag_queue(),
        "ListQueueTags" => call.list_queue_tags(),
        "PurgeQueue" => call.purge_queue(),
        "ListDeadLetterSourceQueues" => call.list_dead_letter_source_queues(),
        "StartMessageMoveTask" => call.start_message_move_task(),
        "CancelMessageMoveTask" => call.cancel_message_move_task(),
        "ListMessageMoveTasks" => call.list_message_move_tasks(),
        "SendMessage" => call.send_message(),
        "ReceiveMessage" => call.receive_message().await,
        "DeleteMessage" => call.delete_message(),
        "ChangeMessageVisibility" => call.change_message_visibility(),
        "SendMessageBatch" => call.send_message_batch(),
        "DeleteMessageBatch" => call.delete_message_batch(),
        "ChangeMessageVisibilityBatch" => call.change_message_visibility_batch(),
        "AddPermission" | "RemovePermission" => {
            let reason = format!("{operation} is not supported: the local cloud has one account with all permissions.");
            Err(SqsError::new(Code::UnsupportedOperation, reason))
        }
        other => Err(SqsError::new(Code::InvalidAction, format!("The action {other} is not valid for this endpoint."))),
    }
}

impl ApiCall {
    /// Parses the request's parameters.
    fn read<T: DeserializeOwned>(&self) -> Result<T, SqsError> {
        let body = if self.body.is_empty() { &b"{}"[..] } else { &self.body[..] };
        serde_json::from_slice(body)
            .map_err(|error| SqsError::new(Code::InvalidRequest, format!("The request is malformed: {error}")))
    }

    fn url(&self, name: &str) -> String {
        format!("{}/{ACCOUNT}/{name}", self.base)
    }
}

/// Extracts the queue name from a local URL or an AWS URL.
fn name_in(url: Option<String>) -> Result<String, SqsError> {
    let url = url.filter(|url| !url.is_empty()).ok_or_else(|| SqsError::missing("QueueUrl"))?;
    let mut parts = url.rsplit('/');
    let (name, account) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    if account == ACCOUNT && !name.is_empty() { Ok(name.to_owned()) } else { Err(SqsError::no_queue()) }
}

fn refusal(error: &SqsError) -> Response<Full<Bytes>> {
    let body = json!({ "__type": error.code.shape(), "message": error.message });
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = error.code.status();
    let fault = if error.is_server_error() { "Receiver" } else { "Sender" };
    if let Ok(code) = HeaderValue::try_from(format!("{};{fault}", error.code.query())) {
        response.headers_mut().insert("x-amzn-query-error", code);
    }
    response
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
