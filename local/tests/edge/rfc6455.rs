//! The gateway against RFC 6455, byte by byte: handshake, lengths, masks, fragments, control frames, UTF-8 and close codes.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::client::manage;
use crate::fixture::{Fixture, friendly, ok};

const TEXT: u8 = 1;
const CONTINUATION: u8 = 0;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;
const FIN: u8 = 0x80;
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A raw client without protocol checks.
struct RawClient(TcpStream);

impl RawClient {
    /// Opens a socket with the key of the RFC's example, whose response the RFC contains.
    async fn open(address: SocketAddr) -> Self {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = "GET /ws?ticket=t HTTP/1.1\r\nHost: localhost\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
        assert!(head.starts_with("http/1.1 101 "), "{head}");
        assert!(head.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=\r\n"), "{head}");
        Self(stream)
    }

    async fn write(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.unwrap();
    }

    async fn send(&mut self, first: u8, payload: &[u8]) {
        self.write(&frame(first, payload)).await;
    }

    /// The next frame of the gateway: first byte and payload. Checks that it is unmasked with a minimal length.
    async fn next(&mut self) -> (u8, Vec<u8>) {
        timeout(Duration::from_secs(5), self.read()).await.expect("no frame came")
    }

    async fn read(&mut self) -> (u8, Vec<u8>) {
        let first = self.0.read_u8().await.unwrap();
        let length = match self.0.read_u8().await.unwrap() {
            126 => {
                let length = u64::from(self.0.read_u16().await.unwrap());
                assert!(length > 125);
                length
            }
            127 => {
                let length = self.0.read_u64().await.unwrap();
                assert!(length > 0xffff);
                length
            }
            short => {
                assert!(short < 126, "a server's frame is not masked");
                u64::from(short)
            }
        };
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        self.0.read_exact(&mut payload).await.unwrap();
        (first, payload)
    }

    /// The code of the next close frame; checks that the connection ends after it.
    async fn closed(&mut self) -> Option<u16> {
        let (first, payload) = self.next().await;
        assert_eq!(first, FIN | CLOSE, "{:?}", String::from_utf8_lossy(&payload));
        let ended = timeout(Duration::from_secs(5), self.0.read_u8()).await.expect("the gateway ends the connection");
        assert!(ended.is_err(), "nothing follows a close");
        payload.first_chunk().map(|code| u16::from_be_bytes(*code))
    }
}

/// A masked frame.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        short @ ..126 => bytes.push(0x80 | u8::try_from(short).unwrap()),
        middle @ ..=0xffff => {
            bytes.push(0xfe);
            bytes.extend(u16::try_from(middle).unwrap().to_be_bytes());
        }
        long => {
            bytes.push(0xff);
            bytes.extend((long as u64).to_be_bytes());
        }
    }
    bytes.extend(MASK);
    bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

async fn heard(fixture: &mut Fixture) -> String {
    fixture.event("Send").await["body"].as_str().unwrap().to_owned()
}

/// Allows every connection and accepts every message.
async fn fixture() -> Fixture {
    Fixture::start(|function, event| if function == "Authorizer" { friendly(function, event) } else { ok() }).await
}

#[tokio::test]
async fn texts_of_every_length_arrive_whole_both_ways() {
    let mut fixture = fixture().await;
    let mut client = RawClient::open(fixture.address).await;
    let id = fixture.event("Connect").await["requestContext"]["connectionId"].as_str().unwrap().to_owned();
    for length in [0, 1, 125, 126, 127, 128, 4096, 32 << 10] {
        let text = "é".repeat(length / 2) + &"x".repeat(length % 2);
        client.send(FIN | TEXT, text.as_bytes()).await;
        assert_eq!(heard(&mut fixture).await, text);
    }
    for length in [0, 1, 125, 126, 127, 0xffff, 0x1_0000, 128 << 10] {
        assert_eq!(manage(fixture.address, "POST", &id, "y".repeat(length)).await.status, 200);
        let (first, payload) = client.next().await;
        assert_eq!((first, payload.len()), (FIN | TEXT, length));
    }
}

#[tokio::test]
async fn a_frame_may_come_byte_by_byte_and_many_at_once() {
    let mut fixture = fixture().await;
    let mut client = RawClient::open(fixture.address).await;
    for byte in frame(FIN | TEXT, "slow, 🐌".as_bytes()) {
        client.write(&[byte]).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(heard(&mut fixture).await, "slow, 🐌");
    let many: Vec<u8> = (0..50).flat_map(|number| frame(FIN | TEXT, format!("{number:02}").as_bytes())).collect();
    client.write(&many).await;
    let mut all = Vec::new();
    for _ in 0..50 {
        all.push(heard(&mut fixture).await);
    }
    all.sort();
    assert_eq!(all, (0..50).map(|number| format!("{number:02}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn fragments_are_one_message_and_control_frames_may_stand_between() {
    let mut fixture = fixture().await;
    let mut client = RawClient::open(fixture.address).await;
    let text = "fragmented 🐌 text".as_bytes();
    // The cut splits a character.
    for (first, piece) in [(TEXT, &text[..13]), (CONTINUATION, b""), (FIN | PING, b"still there?"), (CONTINUATION, &text[13..14])]
    {
        client.send(first, piece).await;
    }
    assert_eq!(client.next().await, (FIN | PONG, b"still there?".to_vec()), "it is answered in the middle of the message");
    client.send(FIN | PONG, b"unasked").await;
    client.send(FIN | CONTINUATION, &text[14..]).await;
    assert_eq!(heard(&mut fixture).await.as_bytes(), text);
    client.send(TEXT, b"").await;
    client.send(FIN | CONTINUATION, b"").await;
    assert_eq!(heard(&mut fixture).await, "");
}

#[tokio::test]
async fn a_ping_gets_a_pong_with_its_payload() {
    let fixture = fixture().await;
    let mut client = RawClient::open(fixture.address).await;
    for payload in [&b""[..], b"x", &[0xff; 125]] {
        client.send(FIN | PING, payload).await;
        assert_eq!(client.next().await, (FIN | PONG, payload.to_vec()));
    }
}

/// The response to these bytes on a new socket.
async fn provoke(fixture: &Fixture, bytes: &[u8]) -> Option<u16> {
    let mut client = RawClient::open(fixture.address).await;
    client.write(bytes).await;
    client.closed().await
}

#[tokio::test]
async fn what_no_client_may_send_is_closed_with_1002() {
    let fixture = fixture().await;
    let unmasked = [FIN | TEXT, 2, b'h', b'i'];
    assert_eq!(provoke(&fixture, &unmasked).await, Some(1002));
    for reserved in [0x10, 0x20, 0x40, 0x70] {
        for kind in [TEXT, CLOSE, PING] {
            assert_eq!(provoke(&fixture, &frame(FIN | reserved | kind, b"")).await, Some(1002), "bits {reserved:#x} of {kind}");
        }
    }
    for opcode in (3..=7).chain(11..=15) {
        assert_eq!(provoke(&fixture, &frame(FIN | opcode, b"?")).await, Some(1002), "opcode {opcode}");
    }
    for control in [CLOSE, PING, PONG] {
        assert_eq!(provoke(&fixture, &frame(control, b"")).await, Some(1002), "a fragment of control frame {control}");
        assert_eq!(provoke(&fixture, &frame(FIN | control, &[b'x'; 126])).await, Some(1002), "a long control frame {control}");
    }
    assert_eq!(provoke(&fixture, &frame(FIN | CONTINUATION, b"of nothing")).await, Some(1002));
    let interrupted = [frame(TEXT, b"a"), frame(FIN | TEXT, b"b")].concat();
    assert_eq!(provoke(&fixture, &interrupted).await, Some(1002));
}

#[tokio::test]
async fn texts_that_are_no_utf8_are_closed_with_1007() {
    let fixture = fixture().await;
    let overlong = b"\xc0\xaf";
    let surrogate = b"\xed\xa0\x80";
    let beyond = b"\xf4\x90\x80\x80";
    let cut_off = b"\xce\xba\xe1\xbd";
    for bytes in [&overlong[..], surrogate, beyond, cut_off, b"\xff"] {
        assert_eq!(provoke(&fixture, &frame(FIN | TEXT, bytes)).await, Some(1007), "{bytes:x?}");
        let in_pieces = [frame(TEXT, b"a"), frame(CONTINUATION, bytes), frame(FIN | CONTINUATION, b"z")].concat();
        assert_eq!(provoke(&fixture, &in_pieces).await, Some(1007), "{bytes:x?} in pieces");
    }
    let mut reason = 1000_u16.to_be_bytes().to_vec();
    reason.extend(surrogate);
    assert_eq!(provoke(&fixture, &frame(FIN | CLOSE, &reason)).await, Some(1007), "a reason");
}

#[tokio::test]
async fn a_close_is_answered_with_its_code_and_a_wrong_one_with_1002() {
    let fixture = fixture().await;
    let close = |code: u16| frame(FIN | CLOSE, &[&code.to_be_bytes(), &b"why"[..]].concat());
    for code in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999] {
        assert_eq!(provoke(&fixture, &close(code)).await, Some(code));
    }
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535] {
        assert_eq!(provoke(&fixture, &close(code)).await, Some(1002), "{code}");
    }
    assert_eq!(provoke(&fixture, &frame(FIN | CLOSE, b"")).await, None);
    assert_eq!(provoke(&fixture, &frame(FIN | CLOSE, b"1")).await, Some(1002), "half a code");
}

#[tokio::test]
async fn nothing_after_a_close_is_heard() {
    let fixture = fixture().await;
    let mut client = RawClient::open(fixture.address).await;
    let all = [frame(FIN | TEXT, b"before"), frame(FIN | CLOSE, &1000_u16.to_be_bytes()), frame(FIN | TEXT, b"after")].concat();
    client.write(&all).await;
    assert_eq!(client.closed().await, Some(1000));
    let told = fixture.stop().await;
    let of =
        |function: &str| told.iter().filter(|(name, _)| name == function).map(|(_, event)| event.clone()).collect::<Vec<_>>();
    assert_eq!(of("Send").iter().map(|event| event["body"].clone()).collect::<Vec<_>>(), ["before"]);
    assert_eq!(of("Disconnect")[0]["requestContext"]["disconnectStatusCode"], 1000);
}

#[tokio::test]
async fn a_length_that_no_memory_holds_is_refused_before_anything_is_kept() {
    let fixture = fixture().await;
    for length in [(32_u64 << 10) + 1, 1 << 40, u64::MAX / 2] {
        let mut bytes = vec![FIN | TEXT, 0xff];
        bytes.extend(length.to_be_bytes());
        bytes.extend(MASK);
        assert_eq!(provoke(&fixture, &bytes).await, Some(1009), "{length}");
    }
}
