//! A minimal WebSocket client: its CPU time would count as the backend's.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::Outcome;
use crate::api::Person;

/// Everything takes less time unless it is broken.
const PATIENCE: Duration = Duration::from_secs(10);

/// An open socket with `conchat.v1`.
pub(crate) struct BenchSocket(WebSocketStream<TcpStream>);

impl BenchSocket {
    pub(crate) async fn open(url: &str, who: &Person) -> Outcome<Self> {
        let mut request = url.into_client_request()?;
        request.headers_mut().insert("authorization", who.token.parse()?);
        request.headers_mut().insert("sec-websocket-protocol", "conchat.v1".parse()?);
        let tcp = TcpStream::connect(request.uri().authority().ok_or("no host")?.as_str()).await?;
        tcp.set_nodelay(true)?;
        // Thousands of sockets share one client.
        let config = WebSocketConfig::default().read_buffer_size(4096);
        let (stream, _) = timeout(PATIENCE, client_async_with_config(request, tcp, Some(config))).await??;
        Ok(Self(stream))
    }

    /// Sends a message to a room.
    pub(crate) async fn say(&mut self, room: u64, content: &str) -> Outcome<()> {
        let frame = format!(r#"{{"action":"send","room_id":{room},"content":"{content}"}}"#);
        Ok(self.0.send(Message::text(frame)).await?)
    }

    /// Sends a `ping`.
    pub(crate) async fn ping(&mut self) -> Outcome<()> {
        Ok(self.0.send(Message::text(r#"{"action":"ping"}"#)).await?)
    }

    /// Waits for a frame of a type and skips others; a refusal is an error.
    pub(crate) async fn until(&mut self, kind: &str) -> Outcome<()> {
        while kind != self.kind_of_next().await? {}
        Ok(())
    }

    async fn kind_of_next(&mut self) -> Outcome<String> {
        let text = timeout(PATIENCE, self.text()).await??;
        let kind = text.strip_prefix(r#"{"type":""#).and_then(|rest| rest.split('"').next());
        match kind {
            // The gateway's own frame after a failed invocation has no type.
            None | Some("error" | "bye") => Err(text.as_str().into()),
            Some(kind) => Ok(kind.to_owned()),
        }
    }

    async fn text(&mut self) -> Outcome<Utf8Bytes> {
        loop {
            match self.0.next().await.ok_or("the socket closed")?? {
                Message::Text(text) => return Ok(text),
                Message::Close(frame) => return Err(format!("the socket was closed: {frame:?}").into()),
                _ => {}
            }
        }
    }
}
