//! One JSON request to an endpoint on this machine or in its network, signed for show: the stores of a local cloud do not verify.

use std::{fmt, time::Duration};

use bytes::Bytes;
use http::{Request, Uri, request::Builder};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{net::TcpStream, time::timeout};

use crate::credentials;

/// What an endpoint answered: its status and its body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Whether it says that a function failed.
    pub(crate) failed: bool,
    pub(crate) body: Bytes,
}

/// A request got no answer.
#[derive(Debug)]
pub struct NoAnswer {
    endpoint: String,
    reason: String,
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} does not answer: {}", self.endpoint, self.reason)
    }
}

impl std::error::Error for NoAnswer {}

/// Posts a body to `endpoint` + `path` as a caller of an AWS service, with the headers that the service asks for.
pub(crate) async fn post(endpoint: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> Result<Answer, NoAnswer> {
    send(endpoint, Request::post(path), headers, Bytes::from(body.to_string())).await
}

/// Sends any request to `endpoint`, signed for show.
pub(crate) async fn send(endpoint: &str, request: Builder, headers: &[(&str, &str)], body: Bytes) -> Result<Answer, NoAnswer> {
    let credential = format!(
        "AWS4-HMAC-SHA256 Credential={}/20260101/us-east-1/local/aws4_request, SignedHeaders=host, Signature=0",
        credentials::ACCESS_KEY
    );
    let request = request.header("authorization", credential).header("x-amz-date", "20260101T000000Z");
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    exchange(endpoint, request, body).await
}

/// Sends a request as it is, but for its `Host`.
pub(crate) async fn exchange(endpoint: &str, request: Builder, body: Bytes) -> Result<Answer, NoAnswer> {
    let no_answer = |reason: String| NoAnswer { endpoint: endpoint.to_owned(), reason };
    let uri: Uri = endpoint.parse().map_err(|_| no_answer("it is no URL".into()))?;
    if uri.scheme_str() != Some("http") {
        return Err(no_answer("only http:// is spoken here".into()));
    }
    let authority = uri.authority().ok_or_else(|| no_answer("it names no host".into()))?;
    let address = (authority.host(), authority.port_u16().unwrap_or(80));
    let request = request.header("host", authority.as_str());
    let request = request.body(Full::new(body)).map_err(|error| no_answer(error.to_string()))?;
    let exchange = async {
        let stream = TcpStream::connect(address).await.map_err(|error| no_answer(error.to_string()))?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| no_answer(error.to_string()))?;
        let connection = tokio::spawn(connection);
        let response = sender.send_request(request).await.map_err(|error| no_answer(error.to_string()))?;
        let status = response.status().as_u16();
        let failed = response.headers().contains_key("x-amz-function-error");
        let body = response.into_body().collect().await.map_err(|error| no_answer(error.to_string()))?.to_bytes();
        connection.abort();
        Ok(Answer { status, failed, body })
    };
    timeout(Duration::from_mins(6), exchange).await.unwrap_or_else(|_| Err(no_answer("six minutes have passed".into())))
}
