//! SQS as its clients see it: botocore for every operation and error, the clock, the data folder, and access checks.

use std::path::Path;
use std::time::{Duration, Instant};

use http::{Request, Response};
use local::clock::Clock;
use local::cloud::{Cloud, CloudOptions, DataLocation};
use local::sqs::Sqs;
use local::stack::Queue;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::cloud::options;
use crate::http_client::send;
use crate::sdk::{foreign, python, succeeds};
use crate::support::success;

pub(crate) const SIGNED: &str = "AWS4-HMAC-SHA256 Credential=x";

/// Calls one operation; returns status and body.
pub(crate) async fn call(sqs: &Sqs, operation: &str, members: &Value) -> (u16, Value) {
    let request = Request::post("/").header("authorization", SIGNED).header("x-amz-target", format!("AmazonSQS.{operation}"));
    let answer = send(sqs.address(), request, members.to_string()).await;
    (answer.status().as_u16(), serde_json::from_slice(answer.body()).unwrap())
}

/// The body of a successful operation.
pub(crate) async fn done(sqs: &Sqs, operation: &str, members: &Value) -> Value {
    let (status, body) = call(sqs, operation, members).await;
    assert_eq!(status, 200, "{operation}: {body}");
    body
}

pub(crate) fn url(queue: &str) -> String {
    format!("https://sqs.us-east-1.amazonaws.com/000000000000/{queue}")
}

/// Visible, in flight, delayed.
pub(crate) async fn counts(sqs: &Sqs, queue: &str) -> [u64; 3] {
    let own = done(sqs, "GetQueueAttributes", &json!({ "QueueUrl": url(queue), "AttributeNames": ["All"] })).await;
    let count = |state: &str| {
        own["Attributes"][format!("ApproximateNumberOfMessages{state}")].as_str().and_then(|count| count.parse().ok()).unwrap()
    };
    [count(""), count("NotVisible"), count("Delayed")]
}

pub(crate) async fn bodies(sqs: &Sqs, queue: &str) -> Vec<String> {
    let received = done(sqs, "ReceiveMessage", &json!({ "QueueUrl": url(queue), "MaxNumberOfMessages": 10 })).await;
    let messages = received["Messages"].as_array().cloned().unwrap_or_default();
    messages.iter().map(|message| message["Body"].as_str().unwrap().to_owned()).collect()
}

fn queue(name: &str, attributes: Value) -> Queue {
    Queue { name: name.into(), attributes: serde_json::from_value(attributes).unwrap() }
}

async fn sqs(clock: &Clock, file: Option<&Path>, queues: &[Queue]) -> Sqs {
    Sqs::start(file, "us-east-1", clock.clone(), queues).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn botocore_finds_what_it_expects_of_every_operation() {
    let Some(python) = python().await else { return };
    let sqs = sqs(&Clock::default(), None, &[]).await;
    let mut script = foreign(&python, "sqs.py");
    script.env("SQS", sqs.endpoint());
    succeeds(script).await;
}

#[tokio::test]
async fn only_signed_calls_of_the_json_protocol_from_this_machine_are_served() {
    let sqs = sqs(&Clock::default(), None, &[queue("Jobs", json!({}))]).await;
    let refusal = |answer: &Response<bytes::Bytes>| {
        let code = answer.headers().get("x-amzn-query-error").map(|code| code.to_str().unwrap().to_owned());
        (answer.status().as_u16(), code)
    };
    let target = ("x-amz-target", "AmazonSQS.ListQueues");
    let unsigned = send(sqs.address(), Request::post("/").header(target.0, target.1), "{}").await;
    assert_eq!(refusal(&unsigned), (403, Some("MissingAuthenticationToken;Sender".into())));
    let query = send(sqs.address(), Request::post("/").header("authorization", SIGNED), "Action=ListQueues").await;
    assert_eq!(refusal(&query), (400, Some("InvalidAction;Sender".into())));
    let (status, body) = call(&sqs, "Nonsense", &json!({})).await;
    assert_eq!((status, body["__type"].as_str().unwrap()), (400, "com.amazon.coral.service#UnknownOperationException"));
    let (status, body) = call(&sqs, "SendMessage", &json!({ "QueueUrl": [1] })).await;
    assert_eq!((status, body["__type"].as_str().unwrap()), (400, "com.amazon.coral.service#SerializationException"));
    for wrong in ["", "Jobs", "/Jobs", "https://sqs.us-east-1.amazonaws.com/111111111111/Jobs", "https://x/000000000000/"] {
        let (status, _) = call(&sqs, "ReceiveMessage", &json!({ "QueueUrl": wrong })).await;
        assert_eq!(status, 400, "{wrong}");
    }
    // With DNS rebinding, a page's requests name its own host.
    let mut stream = tokio::net::TcpStream::connect(sqs.address()).await.unwrap();
    let request = format!(
        "POST / HTTP/1.1\r\nhost: page.example\r\nauthorization: {SIGNED}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 421"), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_becomes_visible_while_a_poll_begins_ends_it() {
    let clock = Clock::default();
    let sqs = sqs(&clock, None, &[queue("Jobs", json!({ "DelaySeconds": "1" }))]).await;
    let poll = json!({ "QueueUrl": url("Jobs"), "WaitTimeSeconds": 20 });
    for round in 0..400 {
        done(&sqs, "SendMessage", &json!({ "QueueUrl": url("Jobs"), "MessageBody": "a" })).await;
        let advancing = tokio::task::spawn_blocking({
            let clock = clock.clone();
            move || {
                std::thread::sleep(Duration::from_micros(round * 3));
                clock.advance(Duration::from_secs(2));
            }
        });
        let begun = Instant::now();
        let received = done(&sqs, "ReceiveMessage", &poll).await;
        advancing.await.unwrap();
        assert!(begun.elapsed() < Duration::from_secs(5), "round {round}: {:?}", begun.elapsed());
        let handle = &received["Messages"][0]["ReceiptHandle"];
        done(&sqs, "DeleteMessage", &json!({ "QueueUrl": url("Jobs"), "ReceiptHandle": handle })).await;
    }
}

#[tokio::test]
async fn delays_timeouts_retention_and_deduplication_go_by_the_clock() {
    let clock = Clock::default();
    let letters = queue("Letters", json!({}));
    let policy = r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:Letters","maxReceiveCount":2}"#;
    let jobs = queue("Jobs", json!({ "DelaySeconds": "60", "MessageRetentionPeriod": "3600", "RedrivePolicy": policy }));
    let fifo = queue("Jobs.fifo", json!({ "FifoQueue": "true", "ContentBasedDeduplication": "true" }));
    let sqs = sqs(&clock, None, &[letters, jobs, fifo]).await;
    let send = |queue: &str, body: &str| json!({ "QueueUrl": url(queue), "MessageBody": body });
    done(&sqs, "SendMessage", &send("Jobs", "a")).await;
    assert_eq!(counts(&sqs, "Jobs").await, [0, 0, 1]);
    clock.advance(Duration::from_secs(61));
    for _ in 0..2 {
        assert_eq!(bodies(&sqs, "Jobs").await, ["a"]);
        assert_eq!((bodies(&sqs, "Jobs").await.len(), counts(&sqs, "Jobs").await), (0, [0, 1, 0]));
        clock.advance(Duration::from_secs(31));
    }
    assert_eq!((bodies(&sqs, "Jobs").await.len(), counts(&sqs, "Letters").await), (0, [1, 0, 0]));
    // Four days from sending, in whatever queue.
    clock.advance(Duration::from_hours(96));
    assert_eq!(counts(&sqs, "Letters").await, [0, 0, 0]);

    let in_group = |body: &str| json!({ "QueueUrl": url("Jobs.fifo"), "MessageBody": body, "MessageGroupId": "g" });
    for (wait, messages) in [(0, 1), (299, 1), (2, 2)] {
        clock.advance(Duration::from_secs(wait));
        done(&sqs, "SendMessage", &in_group("same")).await;
        assert_eq!(counts(&sqs, "Jobs.fifo").await, [messages, 0, 0], "after {wait} more seconds");
    }
}

#[tokio::test]
async fn a_long_poll_returns_a_message_as_soon_as_there_is_one() {
    let sqs = std::sync::Arc::new(sqs(&Clock::default(), None, &[queue("Jobs", json!({}))]).await);
    let mut fastest = Duration::MAX;
    for round in 0..20 {
        let waiting = tokio::spawn({
            let sqs = sqs.clone();
            async move { done(&sqs, "ReceiveMessage", &json!({ "QueueUrl": url("Jobs"), "WaitTimeSeconds": 20 })).await }
        });
        tokio::time::sleep(Duration::from_millis(20)).await;
        let begun = Instant::now();
        done(&sqs, "SendMessage", &json!({ "QueueUrl": url("Jobs"), "MessageBody": round.to_string() })).await;
        let received = waiting.await.unwrap();
        fastest = fastest.min(begun.elapsed());
        let handle = &received["Messages"][0]["ReceiptHandle"];
        done(&sqs, "DeleteMessage", &json!({ "QueueUrl": url("Jobs"), "ReceiptHandle": handle })).await;
    }
    println!("a message was sent and received after {fastest:?} at best");
    assert!(fastest < Duration::from_millis(50), "{fastest:?}");
}

#[tokio::test]
async fn messages_are_found_by_the_next_start_in_the_state_that_they_were_in() {
    let (clock, folder) = (Clock::default(), tempfile::tempdir().unwrap());
    let file = folder.path().join("queues.sqlite");
    let declared =
        [queue("Jobs", json!({})), queue("Jobs.fifo", json!({ "FifoQueue": "true", "ContentBasedDeduplication": "true" }))];
    let first = sqs(&clock, Some(&file), &declared).await;
    for body in ["taken", "left"] {
        done(&first, "SendMessage", &json!({ "QueueUrl": url("Jobs"), "MessageBody": body })).await;
    }
    let receive = json!({ "QueueUrl": url("Jobs") });
    let taken = done(&first, "ReceiveMessage", &receive).await["Messages"][0].clone();
    let in_group = json!({ "QueueUrl": url("Jobs.fifo"), "MessageBody": "x", "MessageGroupId": "g" });
    let sent = done(&first, "SendMessage", &in_group).await;
    done(&first, "CreateQueue", &json!({ "QueueName": "own", "Attributes": { "DelaySeconds": "7" } })).await;
    // Like SIGKILL: no shutdown runs.
    std::mem::forget(first);

    let second = sqs(&clock, Some(&file), &[queue("Jobs", json!({ "VisibilityTimeout": "90" })), declared[1].clone()]).await;
    assert_eq!(counts(&second, "Jobs").await, [1, 1, 0]);
    assert_eq!(bodies(&second, "Jobs").await, ["left"]);
    let handle = json!({ "QueueUrl": url("Jobs"), "ReceiptHandle": taken["ReceiptHandle"] });
    done(&second, "DeleteMessage", &handle).await;
    assert_eq!(counts(&second, "Jobs").await, [0, 1, 0]);
    assert_eq!(done(&second, "SendMessage", &in_group).await["MessageId"], sent["MessageId"], "it is remembered as sent");
    let attributes = |queue: &str| json!({ "QueueUrl": url(queue), "AttributeNames": ["VisibilityTimeout", "DelaySeconds"] });
    let jobs = done(&second, "GetQueueAttributes", &attributes("Jobs")).await;
    assert_eq!(jobs["Attributes"]["VisibilityTimeout"], "90", "the template's attributes are those of this start");
    assert_eq!(done(&second, "GetQueueAttributes", &attributes("own")).await["Attributes"]["DelaySeconds"], "7");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn functions_reach_the_queues_of_the_template_and_faults_stand_in_between() {
    let folder = tempfile::tempdir().unwrap();
    let cloud =
        Cloud::start(CloudOptions { data: DataLocation::Persistent(folder.path().into()), ..options(&[]) }).await.unwrap();
    let environment = async || {
        let answer = success(cloud.lambda().invoke("EchoFunction", "{}".into()).await.unwrap());
        ["AWS_ENDPOINT_URL_SQS", "JOBS_URL"].map(|name| answer["environment"][name].as_str().unwrap().to_owned())
    };
    let endpoint = cloud.sqs().endpoint();
    assert_eq!(environment().await, [endpoint.clone(), format!("{endpoint}/000000000000/Jobs")]);
    let found = done(cloud.sqs(), "GetQueueUrl", &json!({ "QueueName": "Jobs" })).await;
    assert_eq!(found["QueueUrl"], format!("{endpoint}/000000000000/Jobs"));

    cloud.faults().set_json(&json!({ "sqs": { "mode": "slow", "ms": 300 } })).unwrap();
    let [detour, jobs] = environment().await;
    assert!(detour != endpoint && jobs.starts_with(&detour), "{detour} {jobs}");
    let address = detour.strip_prefix("http://").unwrap().parse().unwrap();
    let request = || Request::post("/").header("authorization", SIGNED).header("x-amz-target", "AmazonSQS.GetQueueUrl");
    let begun = Instant::now();
    let answer = send(address, request(), json!({ "QueueName": "Jobs" }).to_string()).await;
    assert_eq!((answer.status().as_u16(), begun.elapsed() >= Duration::from_millis(300)), (200, true));
    assert_eq!(cloud.faults().counts()["sqs"], 1);
    cloud.faults().set_json(&json!({ "sqs": { "mode": "refuse" } })).unwrap();
    let refused = tokio::spawn(async move { send(address, request(), "{}").await }).await;
    assert!(refused.is_err(), "the connection breaks");
    cloud.faults().clear();
    assert_eq!(environment().await[0], endpoint);
    cloud.stop().await;
    assert!(local::cloud::reset(folder.path()).unwrap() && !folder.path().join("queues.sqlite").exists());
}
