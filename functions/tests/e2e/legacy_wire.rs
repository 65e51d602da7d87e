//! Raw requests: sends the bytes of a legacy client's documentation without additions or corrections by a client library.

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::cloud::World;

/// The address of a backend.
pub(crate) struct Wire {
    host: String,
}

impl Wire {
    pub(crate) fn to(world: &World) -> Self {
        Self { host: world.cloud().http_url().trim_start_matches("http://").trim_end_matches('/').to_owned() }
    }

    /// Sends a request line, headers and a body unmodified; returns status and body.
    pub(crate) async fn text(&self, line: &str, headers: &[String], body: &str) -> (u16, String) {
        let mut head = vec![format!("{line} HTTP/1.1"), format!("Host: {}", self.host), "Connection: close".into()];
        head.extend_from_slice(headers);
        if !body.is_empty() {
            head.extend(["Content-Type: application/json".into(), format!("Content-Length: {}", body.len())]);
        }
        let request = format!("{}\r\n\r\n{body}", head.join("\r\n"));
        let mut stream = TcpStream::connect(&self.host).await.expect("the gateway listens");
        stream.write_all(request.as_bytes()).await.expect("the gateway reads");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.expect("the gateway answers");
        let answer = String::from_utf8_lossy(&answer);
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        assert!(!head.to_ascii_lowercase().contains("transfer-encoding"), "{head}");
        (status, body.to_owned())
    }

    /// The JSON of a response that must be 200, the only success of the legacy servers.
    #[track_caller]
    pub(crate) fn ok<'a>(&'a self, line: &'a str, headers: &'a [String], body: &'a str) -> impl Future<Output = Value> + 'a {
        let caller = std::panic::Location::caller();
        async move {
            let (status, text) = self.text(line, headers, body).await;
            assert_eq!(status, 200, "{line}, at {caller}: {text}");
            serde_json::from_str(&text).expect("JSON")
        }
    }
}

/// The header of the in-memory server's documentation: the bare token.
pub(crate) fn bare(token: &str) -> [String; 1] {
    [format!("Authorization: {token}")]
}

/// The header of the others: `Authorization: Bearer <your_token>`.
pub(crate) fn bearer(token: &str) -> [String; 1] {
    [format!("Authorization: Bearer {token}")]
}
