//! A WebSocket client like a frontend's: JSON frames in both directions.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;
use tower::ServiceExt as _;

use crate::api::{Person, connector};
use crate::log_lines::confide;

/// Everything in these tests takes less time unless it is broken.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// TLS for deployments, plain TCP locally.
type Stream = TokioIo<MaybeHttpsStream<TokioIo<TcpStream>>>;

/// An open socket.
pub(crate) struct Socket {
    stream: WebSocketStream<Stream>,
    /// The subprotocol selected by the server.
    pub(crate) protocol: Option<String>,
}

impl Socket {
    /// Opens a socket; a refused handshake returns its status. Implements the handshake itself, because the client library refuses a server that
    /// selects no offered subprotocol, which the tests must be able to observe.
    pub(crate) async fn open(url: &str, headers: &[(&str, &str)]) -> Result<Self, u16> {
        let uri: hyper::Uri = url.replacen("ws", "http", 1).parse().expect("a URL");
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let (host, key) = (uri.authority().expect("a host").as_str(), generate_key());
        let mut request =
            format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n").into_bytes();
        request.extend(format!("sec-websocket-version: 13\r\nsec-websocket-key: {key}\r\n").bytes());
        for (name, value) in headers {
            request.extend(format!("{name}: {value}\r\n").bytes());
        }
        request.extend(b"\r\n");

        let connector: HttpsConnector<HttpConnector> = connector();
        let mut stream = TokioIo::new(connector.oneshot(uri.clone()).await.expect("the gateway answers"));
        stream.write_all(&request).await.expect("the gateway listens");
        let answer = tokio::time::timeout(PATIENCE, head(&mut stream)).await.expect("a handshake in time");
        if answer.status != 101 {
            return Err(answer.status);
        }
        assert_eq!(answer.get("sec-websocket-accept"), Some(derive_accept_key(key.as_bytes()).as_str()), "{answer:?}");
        let protocol = answer.get("sec-websocket-protocol").map(str::to_owned);
        Ok(Self { stream: WebSocketStream::from_raw_socket(stream, Role::Client, None).await, protocol })
    }

    /// Opens a socket for a user and waits until it is registered.
    pub(crate) async fn of(url: &str, who: &Person) -> Self {
        let mut socket = Self::open(url, &[("authorization", &who.token)]).await.expect("the handshake");
        socket.send(&json!({ "action": "hello" })).await;
        socket.wait("welcome").await;
        socket
    }

    /// The same with `conchat.v1`.
    pub(crate) async fn lean(url: &str, who: &Person) -> Self {
        let headers = [("authorization", who.token.as_str()), ("sec-websocket-protocol", "conchat.v1")];
        let mut socket = Self::open(url, &headers).await.expect("the handshake");
        socket.send(&json!({ "action": "hello" })).await;
        socket.wait("welcome").await;
        socket
    }

    pub(crate) async fn send(&mut self, frame: &Value) {
        self.send_text(&frame.to_string()).await;
    }

    pub(crate) async fn send_text(&mut self, frame: &str) {
        confide(frame.as_bytes());
        self.send_message(Message::text(frame)).await;
    }

    pub(crate) async fn send_message(&mut self, message: Message) {
        self.stream.send(message).await.expect("the socket is open");
    }

    /// Sends a frame; a closed socket is not an error.
    pub(crate) async fn try_send(&mut self, frame: &Value) -> bool {
        self.stream.send(Message::text(frame.to_string())).await.is_ok()
    }

    /// Returns the next frame; none when the socket is closed.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        tokio::time::timeout(PATIENCE, self.next_unbounded()).await.expect("a frame in time")
    }

    /// Returns the next frame within a time.
    pub(crate) async fn next_within(&mut self, time: Duration) -> Option<Value> {
        tokio::time::timeout(time, self.next_unbounded()).await.ok().flatten()
    }

    async fn next_unbounded(&mut self) -> Option<Value> {
        loop {
            match self.stream.next().await? {
                Ok(Message::Text(text)) => return Some(serde_json::from_str(&text).expect("frames are JSON")),
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    /// Returns the next frame of a type and skips others.
    pub(crate) async fn wait(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.next().await.unwrap_or_else(|| panic!("the socket closed before a {kind}"));
            if frame["type"] == kind {
                return frame;
            }
        }
    }

    /// Returns the response to a frame by `id`: `ack`, `error` or another direct answer.
    pub(crate) async fn ask(&mut self, mut frame: Value) -> Value {
        let id = format!("q{}", fastrand::u32(..));
        frame["id"] = json!(id);
        self.send(&frame).await;
        loop {
            let answer = self.next().await.expect("the socket is open");
            if answer["id"] == id.as_str() {
                return answer;
            }
        }
    }

    /// Returns the close code of the server.
    pub(crate) async fn close_code(&mut self) -> Option<u16> {
        let closed = async {
            loop {
                match self.stream.next().await {
                    Some(Ok(Message::Close(frame))) => return frame.map(|frame| frame.code.into()),
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return None,
                }
            }
        };
        tokio::time::timeout(PATIENCE, closed).await.expect("the socket ends in time")
    }
}

/// The head of a response.
#[derive(Debug)]
struct Head {
    status: u16,
    lines: Vec<(String, String)>,
}

impl Head {
    fn get(&self, name: &str) -> Option<&str> {
        self.lines.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// Reads up to the empty line and not a byte further: frames may follow immediately.
async fn head(stream: &mut Stream) -> Head {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        bytes.push(stream.read_u8().await.expect("the head of an answer"));
    }
    let text = String::from_utf8_lossy(&bytes);
    let mut lines = text.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).expect("a status line");
    let lines = lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.into(), value.into())).collect();
    Head { status, lines }
}
