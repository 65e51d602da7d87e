//! Event source mappings with real functions: batches, failures, dead letters, throttling.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use local::clock::Clock;
use local::cloud::{Cloud, CloudOptions};
use local::logs::Invocation;
use serde_json::{Value, json};

use crate::cloud::options;
use crate::sqs::{counts, done, url};
use crate::support::until;

/// A cloud with one function that consumes `Jobs`, whose dead letters go to `Letters`.
struct TestCloud {
    cloud: Arc<Cloud>,
    clock: Clock,
    _folder: tempfile::TempDir,
}

const FUNCTION: &str = "
Resources:
  Worker:
    Type: AWS::Serverless::Function
    Metadata: {BuildProperties: {Binary: echo}}
    Properties:
      Timeout: 20
      FUNCTION
      Events:
        Job: {Type: SQS, Properties: {Queue: !GetAtt Jobs.Arn, EVENT}}
  Jobs:
    Type: AWS::SQS::Queue
    Properties:
      VISIBILITY
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Letters.Arn, maxReceiveCount: 2}
      QUEUE
  Letters: {Type: AWS::SQS::Queue, Properties: {LETTERS}}
";

impl TestCloud {
    async fn start(event: &str, queue: &str, function: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let template: PathBuf = folder.path().join("template.yaml");
        let letters = if queue.contains("FifoQueue") { "FifoQueue: true" } else { "" };
        let default = if queue.contains("VisibilityTimeout") { "" } else { "VisibilityTimeout: 20" };
        let text = FUNCTION
            .replace("VISIBILITY", default)
            .replace("FUNCTION", function)
            .replace("EVENT", event)
            .replace("QUEUE", queue)
            .replace("LETTERS", letters);
        std::fs::write(&template, text).unwrap();
        let clock = Clock::default();
        // The tests need no database.
        let env = [("DATABASE_URL".to_owned(), "mysql://nobody@127.0.0.1:1/none".to_owned())].into();
        let options = CloudOptions { template, clock: clock.clone(), env, ..options(&[]) };
        Self { cloud: Arc::new(Cloud::start(options).await.unwrap()), clock, _folder: folder }
    }

    async fn send(&self, bodies: &[Value]) {
        let fifo = self.cloud.stack().queues["Jobs"].name == "Jobs.fifo";
        for (n, body) in bodies.iter().enumerate() {
            let mut message = json!({ "QueueUrl": url(&self.jobs()), "MessageBody": body.to_string() });
            if fifo {
                message["MessageGroupId"] = body["group"].clone();
                message["MessageDeduplicationId"] = json!(format!("{n}-{body}"));
            }
            done(self.cloud.sqs(), "SendMessage", &message).await;
        }
    }

    fn jobs(&self) -> String {
        self.cloud.stack().queues["Jobs"].name.clone()
    }

    async fn counts(&self) -> [u64; 3] {
        counts(self.cloud.sqs(), &self.jobs()).await
    }

    async fn letters(&self) -> u64 {
        counts(self.cloud.sqs(), &self.cloud.stack().queues["Letters"].name).await[0]
    }

    /// Finished invocations, oldest first: the bodies of each batch.
    fn batches(&self) -> Vec<Vec<Value>> {
        self.ran().iter().map(bodies).collect()
    }

    fn ran(&self) -> Vec<Invocation> {
        self.cloud.lambda().journal().recent()
    }

    async fn until_ran(&self, many: usize) {
        until("the batches ran", || self.ran().len() >= many).await;
    }

    async fn until_counts(&self, expected: [u64; 3]) {
        let begun = Instant::now();
        while self.counts().await != expected {
            assert!(begun.elapsed() < Duration::from_secs(10), "{:?} is not {expected:?}", self.counts().await);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn stop(self) {
        Arc::into_inner(self.cloud).unwrap().stop().await;
    }
}

fn bodies(run: &Invocation) -> Vec<Value> {
    let event: Value = serde_json::from_slice(&run.event).unwrap();
    let records = event["Records"].as_array().unwrap();
    records.iter().map(|record| serde_json::from_str(record["body"].as_str().unwrap()).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_is_given_to_its_function_and_deleted() {
    let setup = TestCloud::start("BatchSize: 1", "", "").await;
    let mut fastest = Duration::MAX;
    for n in 0..20 {
        let begun = SystemTime::now();
        setup.send(&[json!({ "n": n })]).await;
        setup.until_ran(n + 1).await;
        // Without a cold start.
        if n > 0 {
            let ended = setup.ran()[n].at;
            fastest = fastest.min(ended.duration_since(begun).unwrap());
        }
    }
    println!("a message was processed {fastest:?} after it began to be sent, at best");
    setup.until_counts([0, 0, 0]).await;
    let event: Value = serde_json::from_slice(&setup.ran()[0].event).unwrap();
    let record = &event["Records"][0];
    assert_eq!(
        (&record["eventSourceARN"], &record["awsRegion"]),
        (&json!("arn:aws:sqs:us-east-1:000000000000:Jobs"), &json!("us-east-1"))
    );
    assert_eq!(record["attributes"]["ApproximateReceiveCount"], "1");
    assert!(fastest < Duration::from_millis(50), "{fastest:?}");
    setup.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_is_full_or_its_window_is_over() {
    let setup = TestCloud::start("BatchSize: 12, MaximumBatchingWindowInSeconds: 60", "VisibilityTimeout: 400", "").await;
    let jobs = |from: usize, to: usize| (from..to).map(|n| json!({ "n": n })).collect::<Vec<_>>();
    setup.send(&jobs(0, 15)).await;
    setup.until_ran(1).await;
    assert_eq!(setup.batches()[0], jobs(0, 12));
    setup.until_counts([0, 3, 0]).await;
    assert_eq!(setup.ran().len(), 1);
    setup.clock.advance(Duration::from_secs(61));
    setup.until_ran(2).await;
    assert_eq!(setup.batches()[1], jobs(12, 15));
    setup.until_counts([0, 0, 0]).await;
    setup.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_that_fails_gets_all_messages_again_and_then_they_are_dead_letters() {
    let setup = TestCloud::start("BatchSize: 10", "DelaySeconds: 1", "").await;
    setup.send(&[json!({ "n": 1 }), json!({ "error": "poison" })]).await;
    setup.clock.advance(Duration::from_secs(2));
    setup.until_ran(1).await;
    setup.until_counts([0, 2, 0]).await;
    setup.clock.advance(Duration::from_secs(19));
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(setup.ran().len(), 1, "not before the visibility timeout is over");
    setup.clock.advance(Duration::from_secs(2));
    setup.until_ran(2).await;
    setup.clock.advance(Duration::from_secs(21));
    setup.until_counts([0, 0, 0]).await;
    assert_eq!((setup.letters().await, setup.ran().len()), (2, 2));
    let received =
        done(setup.cloud.sqs(), "ReceiveMessage", &json!({ "QueueUrl": url("Letters"), "AttributeNames": ["All"] })).await;
    let letter = &received["Messages"][0]["Attributes"];
    assert_eq!(letter["DeadLetterQueueSourceArn"], "arn:aws:sqs:us-east-1:000000000000:Jobs");
    assert_eq!(letter["ApproximateReceiveCount"], "3");
    setup.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_messages_that_a_function_says_have_failed_come_back() {
    let setup = TestCloud::start("BatchSize: 10, FunctionResponseTypes: [ReportBatchItemFailures]", "DelaySeconds: 1", "").await;
    setup.send(&[json!({ "n": 1 }), json!({ "fail": true }), json!({ "n": 2 })]).await;
    setup.clock.advance(Duration::from_secs(2));
    setup.until_counts([0, 1, 0]).await;
    setup.clock.advance(Duration::from_secs(21));
    setup.until_ran(2).await;
    assert_eq!(setup.batches()[1], [json!({ "fail": true })]);
    setup.until_counts([0, 1, 0]).await;
    setup.clock.advance(Duration::from_secs(21));
    setup.until_counts([0, 0, 0]).await;
    assert_eq!(setup.letters().await, 1);
    // An invalid response fails the batch; an empty one does not.
    setup.send(&[json!({ "answer": { "batchItemFailures": [{ "itemIdentifier": "unknown" }] } })]).await;
    setup.clock.advance(Duration::from_secs(2));
    setup.until_ran(3).await;
    setup.until_counts([0, 1, 0]).await;
    setup.send(&[json!({ "answer": {} })]).await;
    setup.clock.advance(Duration::from_secs(2));
    setup.until_ran(4).await;
    setup.until_counts([0, 1, 0]).await;
    setup.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_response_type_an_answer_does_not_matter() {
    let setup = TestCloud::start("BatchSize: 10", "", "").await;
    setup.send(&[json!({ "fail": true })]).await;
    setup.until_ran(1).await;
    setup.until_counts([0, 0, 0]).await;
    setup.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_batches_run_at_once_than_the_mapping_allows() {
    let setup = TestCloud::start("BatchSize: 1, ScalingConfig: {MaximumConcurrency: 2}", "", "").await;
    setup.send(&vec![json!({ "sleep": 50 }); 10]).await;
    let mut most = 0;
    while setup.ran().len() < 10 {
        most = most.max(setup.cloud.lambda().instances().iter().filter(|instance| instance.busy).count());
        // Messages wait in the queue, not in the mapping.
        assert!(setup.counts().await[1] <= 2);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert_eq!(most, 2);
    setup.until_counts([0, 0, 0]).await;
    setup.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_throttled_batch_waits_and_loses_nothing() {
    let setup = TestCloud::start("BatchSize: 1", "", "").await;
    setup.cloud.faults().set_json(&json!({ "concurrency": { "limit": 0 } })).unwrap();
    setup.send(&[json!({ "n": 1 }), json!({ "n": 2 }), json!({ "n": 3 })]).await;
    setup.until_counts([0, 3, 0]).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(setup.ran().is_empty());
    setup.cloud.faults().clear();
    setup.until_ran(3).await;
    setup.until_counts([0, 0, 0]).await;
    let counts: Vec<Value> = setup
        .ran()
        .iter()
        .map(|run| {
            serde_json::from_slice::<Value>(&run.event).unwrap()["Records"][0]["attributes"]["ApproximateReceiveCount"].clone()
        })
        .collect();
    assert_eq!(counts, ["1", "1", "1"], "no receive was counted for a throttle");
    assert_eq!(setup.letters().await, 0);
    setup.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn groups_of_a_fifo_queue_run_side_by_side_and_each_in_its_order() {
    let setup = TestCloud::start("BatchSize: 1", "FifoQueue: true", "").await;
    let jobs: Vec<Value> = (0..12).map(|n| json!({ "group": format!("g{}", n % 3), "n": n, "sleep": 15 })).collect();
    setup.send(&jobs).await;
    let mut most = 0;
    while setup.ran().len() < 12 {
        most = most.max(setup.cloud.lambda().instances().iter().filter(|instance| instance.busy).count());
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert!((2..=3).contains(&most), "{most} at once");
    for group in ["g0", "g1", "g2"] {
        let ran: Vec<u64> =
            setup.batches().iter().flatten().filter(|job| job["group"] == group).map(|job| job["n"].as_u64().unwrap()).collect();
        assert!(ran.is_sorted() && ran.len() == 4, "{group}: {ran:?}");
    }
    setup.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_that_a_function_failed_to_process_are_in_the_queue_that_it_names() {
    let function = "EventInvokeConfig: {MaximumRetryAttempts: 0, DestinationConfig: {OnFailure: {Type: SQS, Destination: !GetAtt Letters.Arn}}}";
    let setup = TestCloud::start("BatchSize: 1", "", function).await;
    let id = setup.cloud.lambda().invoke_event("Worker", r#"{"error":"no","n":7}"#.into()).unwrap();
    until("it is a dead letter", || setup.cloud.lambda().dead_letters().len() == 1).await;
    assert_eq!(setup.letters().await, 1);
    let received =
        done(setup.cloud.sqs(), "ReceiveMessage", &json!({ "QueueUrl": url("Letters"), "VisibilityTimeout": 0 })).await;
    let record: Value = serde_json::from_str(received["Messages"][0]["Body"].as_str().unwrap()).unwrap();
    assert_eq!((&record["requestContext"]["requestId"], &record["requestPayload"]["n"]), (&json!(id), &json!(7)));
    assert_eq!(record, setup.cloud.lambda().dead_letters()[0]);
    let again = setup.cloud.lambda().send_again(&id).unwrap().unwrap();
    until("it failed again", || {
        setup.cloud.lambda().dead_letters().first().is_some_and(|own| own["requestContext"]["requestId"] == again)
    })
    .await;
    assert_eq!(setup.letters().await, 1);
    setup.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mapping_ends_with_its_queue_and_others_go_on() {
    let setup = TestCloud::start("BatchSize: 1", "", "").await;
    setup.send(&[json!({ "sleep": 100 })]).await;
    setup.until_counts([0, 1, 0]).await;
    done(setup.cloud.sqs(), "DeleteQueue", &json!({ "QueueUrl": url("Jobs") })).await;
    setup.until_ran(1).await;
    assert_eq!(setup.letters().await, 0);
    setup.stop().await;
}
