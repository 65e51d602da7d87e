//! A client of the socket, as a frontend would write it: JSON frames out and in.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::api::Person;

/// Nothing in these tests takes longer than this unless it is broken.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// An open socket.
pub(crate) struct Socket {
    stream: WebSocketStream<TcpStream>,
    /// The subprotocol that the server chose.
    pub(crate) protocol: Option<String>,
}

impl Socket {
    /// Opens a socket; a refused handshake gives its status.
    pub(crate) async fn open(url: &str, headers: &[(&str, &str)]) -> Result<Self, u16> {
        let mut request = url.into_client_request().expect("a URL");
        for (name, value) in headers {
            let name = HeaderName::try_from(*name).expect("a header name");
            request.headers_mut().append(name, HeaderValue::from_bytes(value.as_bytes()).expect("a header value"));
        }
        let host = request.uri().authority().expect("a host").as_str().to_owned();
        let tcp = TcpStream::connect(host).await.expect("the gateway answers");
        tcp.set_nodelay(true).expect("a socket");
        match tokio::time::timeout(PATIENCE, client_async(request, tcp)).await.expect("a handshake in time") {
            Ok((stream, response)) => {
                let protocol = response.headers().get("sec-websocket-protocol").and_then(|value| value.to_str().ok());
                Ok(Self { stream, protocol: protocol.map(str::to_owned) })
            }
            Err(tungstenite::Error::Http(response)) => Err(response.status().as_u16()),
            // The client library refuses a server that chose no subprotocol although one was offered.
            Err(error) => panic!("{error}"),
        }
    }

    /// Opens a socket for a person and waits until it is known to be heard.
    pub(crate) async fn of(url: &str, who: &Person) -> Self {
        let mut socket = Self::open(url, &[("authorization", &who.token)]).await.expect("the handshake");
        socket.send(&json!({ "action": "hello" })).await;
        socket.wait("welcome").await;
        socket
    }

    /// The same, speaking `conchat.v1`.
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
        self.send_message(Message::text(frame)).await;
    }

    pub(crate) async fn send_message(&mut self, message: Message) {
        self.stream.send(message).await.expect("the socket is open");
    }

    /// Sends; a socket that was closed meanwhile is no failure.
    pub(crate) async fn try_send(&mut self, frame: &Value) -> bool {
        self.stream.send(Message::text(frame.to_string())).await.is_ok()
    }

    /// The next frame; none once the socket is closed.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        tokio::time::timeout(PATIENCE, self.next_unbounded()).await.expect("a frame in time")
    }

    /// The next frame within a time, if one comes.
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

    /// The next frame of a type; others are passed over.
    pub(crate) async fn wait(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.next().await.unwrap_or_else(|| panic!("the socket closed before a {kind}"));
            if frame["type"] == kind {
                return frame;
            }
        }
    }

    /// The answer to a frame: its `ack`, `error` or other direct answer by `id`.
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

    /// The close code with which the server ends the socket.
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
