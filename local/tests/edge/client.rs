//! Test clients: HTTP/1.1 byte by byte, and WebSockets, so that no library hides errors.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use http::HeaderName;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

const PATIENCE: Duration = Duration::from_secs(5);

/// An HTTP response.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str()).collect()
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// TCP, or TLS over it.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// A connection for HTTP/1.1.
pub(crate) struct HttpConnection {
    stream: Box<dyn Stream>,
    read: Vec<u8>,
}

impl HttpConnection {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap())
    }

    pub(crate) fn over(stream: impl Stream + 'static) -> Self {
        Self { stream: Box::new(stream), read: Vec::new() }
    }

    pub(crate) async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Reads one response with or without a `Content-Length`.
    pub(crate) async fn answer(&mut self, has_body: bool) -> Answer {
        let end = loop {
            if let Some(end) = self.read.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break end + 4;
            }
            assert!(self.more().await > 0, "the gateway hung up: {}", String::from_utf8_lossy(&self.read));
        };
        let head = String::from_utf8(self.read.drain(..end).collect()).unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers =
            lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let mut answer = Answer { status, headers, body: Vec::new() };
        let length = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
        while has_body && self.read.len() < length {
            assert!(self.more().await > 0, "the gateway hung up in a body");
        }
        if has_body {
            answer.body = self.read.drain(..length).collect();
        }
        answer
    }

    /// Whether the other side has closed the connection.
    pub(crate) async fn is_ended(&mut self) -> bool {
        self.more().await == 0
    }

    async fn more(&mut self) -> usize {
        let read = timeout(PATIENCE, self.stream.read_buf(&mut self.read)).await;
        read.expect("the gateway is silent").unwrap_or(0)
    }
}

/// Sends a request and reads its response.
pub(crate) async fn request(address: SocketAddr, method: &str, path: &str, headers: &[&str], body: impl AsRef<[u8]>) -> Answer {
    let mut wire = HttpConnection::open(address).await;
    wire.write(head(method, path, headers, body.as_ref().len())).await;
    wire.write(body).await;
    wire.answer(method != "HEAD").await
}

/// Request line and headers.
pub(crate) fn head(method: &str, path: &str, headers: &[&str], length: usize) -> String {
    let mut head = format!("{method} {path} HTTP/1.1\r\n");
    if !headers.iter().any(|header| header.starts_with("host:")) {
        head.push_str("host: localhost:8081\r\n");
    }
    for header in headers {
        head.push_str(header);
        head.push_str("\r\n");
    }
    if length > 0 {
        head.extend(["content-length: ", &length.to_string(), "\r\n"]);
    }
    head + "\r\n"
}

/// The header that every call to `@connections` carries.
pub(crate) const SIGNATURE: &str = "authorization: AWS4-HMAC-SHA256 Credential=AKID/20261121/us-east-1/execute-api/aws4_request, SignedHeaders=host, Signature=00";

/// A signed call to `@connections`.
pub(crate) async fn manage(address: SocketAddr, method: &str, id: &str, body: impl AsRef<[u8]>) -> Answer {
    let path = format!("/ws/@connections/{}", id.replace('=', "%3D"));
    request(address, method, &path, &[SIGNATURE], body).await
}

/// A WebSocket client.
pub(crate) struct Client {
    pub(crate) stream: WebSocketStream<TcpStream>,
    pub(crate) protocol: Option<String>,
}

impl Client {
    /// Opens a socket with these headers, each `name: value`, or returns the status of the refusal.
    pub(crate) async fn open(address: SocketAddr, path: &str, headers: &[&str]) -> Result<Self, u16> {
        let mut request = format!("ws://localhost:{}{path}", address.port()).into_client_request().unwrap();
        for header in headers {
            let (name, value) = header.split_once(": ").expect("name: value");
            request.headers_mut().insert(HeaderName::try_from(name).unwrap(), value.parse().unwrap());
        }
        let tcp = TcpStream::connect(address).await.unwrap();
        match timeout(PATIENCE, client_async(request, tcp)).await.expect("the handshake hangs") {
            Ok((stream, response)) => {
                let protocol = response.headers().get("sec-websocket-protocol").map(|value| value.to_str().unwrap().to_owned());
                Ok(Self { stream, protocol })
            }
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("the handshake failed: {error}"),
        }
    }

    /// Opens a socket of the stage `ws` with a ticket.
    pub(crate) async fn join(address: SocketAddr) -> Self {
        Self::open(address, "/ws?ticket=t", &[]).await.unwrap_or_else(|status| panic!("refused with {status}"))
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.stream.send(Message::text(text)).await.unwrap();
    }

    /// The next message.
    pub(crate) async fn next(&mut self) -> Message {
        timeout(PATIENCE, self.stream.next()).await.expect("no frame came").expect("the socket ended").unwrap()
    }

    /// The next text.
    pub(crate) async fn text(&mut self) -> String {
        match self.next().await {
            Message::Text(text) => text.as_str().to_owned(),
            other => panic!("no text but {other:?}"),
        }
    }

    /// Code and reason of the next close frame.
    pub(crate) async fn closed(&mut self) -> (u16, String) {
        match self.next().await {
            Message::Close(Some(frame)) => (frame.code.into(), frame.reason.as_str().to_owned()),
            other => panic!("no close but {other:?}"),
        }
    }

    /// Whether nothing arrives for a while.
    pub(crate) async fn is_silent(&mut self) -> bool {
        timeout(Duration::from_millis(100), self.stream.next()).await.is_err()
    }
}
