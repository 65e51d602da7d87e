//! The SDK clients against a server with prepared answers: what is retried, what is an answer and not an error, and what is signed.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use shared::aws::s3::{Bucket, ObjectHead, ServedAs, Validity};
use shared::aws::sigv4_client::SigV4Client;
use shared::aws::sqs::{QueueMessage, Sqs};
use shared::config::{self, Aws, Secret};
use shared::error::Error;
use shared::id::ConnectionId;
use shared::push::connections_api::ConnectionsApi;
use shared::push::posts::PostOutcome;
use shared::time::Timestamp;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

const SLOW_DOWN: &str = "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>";
const MEBIBYTE: usize = 1 << 20;

/// A server that gives each answer once, and the last one for all further requests.
struct Server {
    url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start(answers: Vec<Bytes>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let (seen, answers) = (Arc::clone(&requests), Arc::new(answers));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&answers), Arc::clone(&seen)));
            }
        });
        Self { url, requests }
    }

    /// The heads of all requests so far, in lower case.
    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn bucket(&self) -> Bucket {
        Bucket::at(&aws(), &format!("{}/media", self.url))
    }

    fn connections_api(&self) -> ConnectionsApi {
        ConnectionsApi::new(&aws(), format!("{}/ws", self.url))
    }
}

async fn serve(stream: TcpStream, answers: Arc<Vec<Bytes>>, seen: Arc<Mutex<Vec<String>>>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let (mut head, mut length) = (String::new(), 0);
        while !head.ends_with("\r\n\r\n") {
            let from = head.len();
            if stream.read_line(&mut head).await? == 0 {
                return Ok(());
            }
            if let Some(value) = head[from..].to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or_default();
            }
        }
        stream.read_exact(&mut vec![0; length]).await?;
        let answer = {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.push(head.to_ascii_lowercase());
            answers[(seen.len() - 1).min(answers.len() - 1)].clone()
        };
        stream.write_all(&answer).await?;
    }
}

fn answer(status: u16, headers: &str, body: impl AsRef<[u8]>) -> Bytes {
    let body = body.as_ref();
    let head = format!("HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat().into()
}

fn aws() -> Aws {
    Aws {
        region: "eu-central-1".into(),
        access_key_id: "AKIDEXAMPLE".into(),
        secret_access_key: Secret::new("secret"),
        session_token: Some(Secret::new("token")),
        is_real: true,
    }
}

#[tokio::test]
async fn one_slow_down_of_s3_is_retried_and_twenty_megabytes_arrive() {
    let picture = vec![7; 20 * MEBIBYTE];
    let server = Server::start(vec![answer(503, "", SLOW_DOWN), answer(206, "etag: \"a\"\r\n", &picture)]).await;
    let got = server.bucket().get("pending/7", "\"a\"", 0..picture.len() as u64).await.expect("the second attempt succeeds");
    assert!(got.is_some_and(|got| got == picture));
    let requests = server.requests();
    assert_eq!(requests.len(), 2, "{requests:?}");
    for request in requests {
        assert!(request.starts_with("get /media/pending/7"), "{request}");
        assert!(request.contains("\r\nrange: bytes=0-20971519\r\n") && request.contains("\r\nif-match: \"a\"\r\n"), "{request}");
        assert!(!request.contains("checksum"), "{request}");
    }
}

#[tokio::test]
async fn s3_that_stays_slow_is_unavailable_after_three_attempts() {
    let server = Server::start(vec![answer(503, "", SLOW_DOWN)]).await;
    let failed = server.bucket().delete("pending/7").await;
    let Err(Error::Unavailable { source, .. }) = failed else { panic!("{failed:?}") };
    assert_eq!((source.to_string().as_str(), server.requests().len()), ("S3 answered 503 SlowDown", 3));
}

#[tokio::test]
async fn missing_and_changed_objects_are_answers() {
    for status in [404, 412] {
        let server = Server::start(vec![answer(status, "", "<Error><Code>Any</Code></Error>")]).await;
        assert_eq!(server.bucket().get("pending/7", "\"a\"", 0..10).await.expect("an answer"), None);
        assert_eq!(server.requests().len(), 1);
    }
    let server = Server::start(vec![answer(404, "", "")]).await;
    assert_eq!(server.bucket().head("pending/7").await.expect("an answer"), None);
    let found = Bytes::from("HTTP/1.1 200 OK\r\netag: \"a\"\r\ncontent-length: 5368709120\r\n\r\n");
    let head = Server::start(vec![found]).await.bucket().head("pending/7").await.expect("an answer");
    assert_eq!(head, Some(ObjectHead { size: 5 << 30, etag: "\"a\"".into() }));
}

#[tokio::test]
async fn a_body_is_sent_as_it_is() {
    let server = Server::start(vec![answer(200, "etag: \"a\"\r\n", "")]).await;
    let served_as = ServedAs { cache_control: "private", content_disposition: "inline", content_type: "image/png" };
    server.bucket().put("uploads/7/1", served_as, Bytes::from(vec![7; MEBIBYTE])).await.expect("stored");
    let [request] = &server.requests()[..] else { panic!("one request") };
    for header in [
        "content-length: 1048576",
        "content-type: image/png",
        "content-disposition: inline",
        "cache-control: private",
        "x-amz-content-sha256: unsigned-payload",
    ] {
        assert!(request.contains(&format!("\r\n{header}\r\n")), "{header}: {request}");
    }
    for absent in ["checksum", "trailer", "content-encoding", "transfer-encoding"] {
        assert!(!request.contains(absent), "{absent}: {request}");
    }
}

#[tokio::test]
async fn presigned_urls_sign_type_and_length_and_name_the_host_of_the_policy() {
    let (bucket, aws) = (Bucket::new(&aws(), "media"), aws());
    let validity = Validity { from: Timestamp(1_767_312_000_000), length: Duration::from_mins(10) };
    let host = config::bucket_url("media", &aws.region);
    let put = bucket.presigned_put("pending/7", "image/png", 70, validity).await.expect("a URL");
    let get = bucket.presigned_get("uploads/7/1", validity).await.expect("a URL");
    for (url, path, signed) in [
        (&put, "/pending/7?", "X-Amz-SignedHeaders=content-length%3Bcontent-type%3Bhost&"),
        (&get, "/uploads/7/1?", "X-Amz-SignedHeaders=host&"),
    ] {
        assert!(url.starts_with(&format!("{host}{path}")), "{url}");
        for part in [signed, "X-Amz-Date=20260102T000000Z", "X-Amz-Expires=600", "X-Amz-Security-Token=token", "X-Amz-Signature="]
        {
            assert!(url.contains(part), "{part}: {url}");
        }
        assert!(!url.to_ascii_lowercase().contains("checksum"), "{url}");
    }
    assert_eq!(get, bucket.presigned_get("uploads/7/1", validity).await.expect("a URL"), "clients cache by URL");
}

#[tokio::test]
async fn a_single_socket_is_tried_three_times_while_it_is_throttled() {
    let full = answer(429, "x-amzn-errortype: LimitExceededException\r\n", "{}");
    let socket = ConnectionId("L0SM9cOFvHcCIhw=".into());
    for (refusals, outcome, requests) in [(2, PostOutcome::Accepted, 3), (3, PostOutcome::Throttled, 3)] {
        let answers = [vec![full.clone(); refusals], vec![answer(200, "", "")]].concat();
        let server = Server::start(answers).await;
        assert_eq!(server.connections_api().send(&socket, "{}".into(), Timestamp::now()).await, outcome);
        let seen = server.requests();
        assert_eq!(seen.len(), requests);
        assert!(seen.iter().all(|request| request.starts_with("post /ws/@connections/l0sm9cofvhccihw%3d http")), "{seen:?}");
    }
}

#[tokio::test]
async fn a_dead_socket_is_an_answer() {
    let socket = ConnectionId("abc=".into());
    for (status, outcome) in
        [(410, PostOutcome::Gone), (400, PostOutcome::Gone), (403, PostOutcome::Failed), (204, PostOutcome::Accepted)]
    {
        let server = Server::start(vec![answer(status, "", "")]).await;
        let api = server.connections_api();
        assert_eq!(
            (api.send(&socket, "{}".into(), Timestamp::now()).await, api.close(&socket).await),
            (outcome, outcome),
            "{status}"
        );
        let seen = server.requests();
        assert_eq!(seen.len(), 2, "nothing is repeated: {seen:?}");
        assert!(seen[1].starts_with("delete /ws/@connections/abc%3d http"), "{seen:?}");
    }
}

#[tokio::test]
async fn a_message_is_sent_again_when_sqs_fails_and_not_when_it_refuses() {
    const QUEUE: &str = "https://sqs.eu-central-1.amazonaws.com/000000000000/Checks";
    let client = SigV4Client::new(&aws());
    let send = async |server: &Server| {
        let message = QueueMessage { queue_url: QUEUE, body: "{}".into(), delay: Duration::from_millis(1500) };
        Sqs::at(&server.url).send(&client, &message, Timestamp::now()).await
    };
    let server = Server::start(vec![answer(503, "", ""), answer(200, "", r#"{"MessageId":"a"}"#)]).await;
    send(&server).await.expect("the second attempt succeeds");
    let requests = server.requests();
    assert_eq!(requests.len(), 2, "{requests:?}");
    for line in [
        "post / http/1.1",
        "x-amz-target: amazonsqs.sendmessage",
        "content-type: application/x-amz-json-1.0",
        "/sqs/aws4_request",
    ] {
        assert!(requests[1].contains(line), "{requests:?}");
    }
    let refusal = answer(400, "", r#"{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"none"}"#);
    let server = Server::start(vec![refusal]).await;
    let Err(Error::Unavailable { source, .. }) = send(&server).await else { panic!("it was refused") };
    assert_eq!(source.to_string(), "SendMessage answered 400 Bad Request QueueDoesNotExist");
    assert_eq!(server.requests().len(), 1);
}
