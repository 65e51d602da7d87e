//! HTTP requests to AWS endpoints on this machine or network, with a placeholder signature: local stores do not verify it.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::Uri;
use http::request::Builder;
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::credentials;

/// An endpoint's response.
#[derive(Debug)]
pub(crate) struct ServiceResponse {
    pub(crate) status: u16,
    /// Whether it has the header `X-Amz-Function-Error`.
    pub(crate) failed: bool,
    pub(crate) body: Bytes,
}

/// An endpoint did not respond.
#[derive(Debug)]
pub struct NoResponse {
    endpoint: String,
    reason: String,
}

impl fmt::Display for NoResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} does not answer: {}", self.endpoint, self.reason)
    }
}

impl std::error::Error for NoResponse {}

/// Sends a request to `endpoint` with a placeholder signature.
pub(crate) async fn send(endpoint: &str, request: Builder, body: Bytes) -> Result<ServiceResponse, NoResponse> {
    let credential = format!(
        "AWS4-HMAC-SHA256 Credential={}/20260101/us-east-1/local/aws4_request, SignedHeaders=host, Signature=0",
        credentials::ACCESS_KEY
    );
    let request = request.header("authorization", credential).header("x-amz-date", "20260101T000000Z");
    exchange(endpoint, request, body).await
}

/// Sends a request unchanged except for `Host`.
pub(crate) async fn exchange(endpoint: &str, request: Builder, body: Bytes) -> Result<ServiceResponse, NoResponse> {
    let no_answer = |reason: String| NoResponse { endpoint: endpoint.to_owned(), reason };
    let uri: Uri = endpoint.parse().map_err(|_| no_answer("it is no URL".into()))?;
    if uri.scheme_str() != Some("http") {
        return Err(no_answer("only http:// URLs are supported".into()));
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
        Ok(ServiceResponse { status, failed, body })
    };
    timeout(Duration::from_mins(6), exchange).await.unwrap_or_else(|_| Err(no_answer("no response within six minutes".into())))
}
