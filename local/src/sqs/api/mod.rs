//! The JSON protocol of SQS: an operation in `X-Amz-Target`, its members in the body. Errors carry the codes of both protocols, as SDKs look for either.

mod batches;
mod messages;
mod queues;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{
    broker::{ACCOUNT, Broker, new_id},
    error::{Code, SqsError},
};

/// A request of one client.
struct Call {
    broker: Broker,
    /// `http://host:port`, as the client wrote it: URLs of queues lead back the same way, through a proxy as well.
    base: String,
    body: Bytes,
}

/// A batch of one mebibyte in which every character is escaped.
const LARGEST: usize = 8 << 20;

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
    // Signatures are not verified, but there has to be one: who forgets to sign fails here as on AWS, and a web page cannot send this header unasked.
    if !text(&parts.headers, header::AUTHORIZATION.as_str()).starts_with("AWS4-HMAC-SHA256 ") {
        return Err(SqsError::new(Code::MissingToken, "Request is missing Authentication Token"));
    }
    let target = text(&parts.headers, "x-amz-target");
    let Some(operation) = target.strip_prefix("AmazonSQS.") else {
        let reason =
            "Only the AWS JSON 1.0 protocol is played, which SDKs have spoken since the end of 2023: X-Amz-Target is missing";
        return Err(SqsError::new(Code::InvalidAction, reason));
    };
    let base = format!("http://{}", text(&parts.headers, header::HOST.as_str()));
    let body = Limited::new(body, LARGEST).collect().await;
    let body = body.map_err(|_| SqsError::new(Code::InvalidRequest, "The request is too large, or breaks off."))?.to_bytes();
    let call = Call { broker, base, body };
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
            let reason = format!("{operation} is not played: there is one account here, and it may do everything.");
            Err(SqsError::new(Code::UnsupportedOperation, reason))
        }
        other => Err(SqsError::new(Code::InvalidAction, format!("The action {other} is not valid for this endpoint."))),
    }
}

impl Call {
    /// The members of the request.
    fn read<T: DeserializeOwned>(&self) -> Result<T, SqsError> {
        let body = if self.body.is_empty() { &b"{}"[..] } else { &self.body[..] };
        serde_json::from_slice(body)
            .map_err(|error| SqsError::new(Code::InvalidRequest, format!("The request is malformed: {error}")))
    }

    fn url(&self, name: &str) -> String {
        format!("{}/{ACCOUNT}/{name}", self.base)
    }
}

/// The name in a queue's URL, whatever its host: that of this machine, or the one that it has on AWS.
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
    let fault = if error.is_ours() { "Receiver" } else { "Sender" };
    if let Ok(code) = HeaderValue::try_from(format!("{};{fault}", error.code.query())) {
        response.headers_mut().insert("x-amzn-query-error", code);
    }
    response
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
