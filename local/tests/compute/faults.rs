//! Faults behind the gateway: instances are killed at a chosen moment, invocations run twice, cold starts are slow, and stores are slow, refuse, hang or reset.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Request;
use local::cloud::{Cloud, CloudOptions};
use local::lambda::{InvokeError, Lambda, LambdaOptions};
use local::logs::Journal;
use serde_json::{Value, json};
use sqlx::{Connection as _, Executor as _, MySqlConnection};

use crate::cloud::template;
use crate::http_client::send;
use crate::support::{alive, binaries, echo, failure, lambda, lambda_of, success, until};

fn set(lambda: &Lambda, faults: &Value) {
    lambda.faults().set_json(faults).unwrap_or_else(|wrong| panic!("{wrong}"));
}

fn happened(lambda: &Lambda, kind: &str) -> u64 {
    lambda.faults().counts().get(kind).copied().unwrap_or_default()
}

fn event(text: &'static str) -> bytes::Bytes {
    bytes::Bytes::from_static(text.as_bytes())
}

#[tokio::test]
async fn an_instance_ends_before_its_handler_or_after_it_and_its_caller_gets_the_error() {
    let lambda = lambda_of(vec![echo("Echo"), echo("Other")], LambdaOptions::default()).await;
    for warm in [false, true] {
        for (at, ran) in [("before_handler", false), ("before_response", true)] {
            if warm {
                lambda.faults().clear();
                success(lambda.invoke("Echo", event("{}")).await.unwrap());
            }
            set(&lambda, &json!({ "kill": { "function": "Echo", "at": at } }));
            let before = lambda.journal().recent().len();
            let (kind, message) = failure(lambda.invoke("Echo", event(r#"{"print":"ran"}"#)).await.unwrap());
            assert_eq!(kind, "Runtime.ExitError", "{at}");
            assert!(message.ends_with("Error: Runtime exited with error: signal: killed"), "{message}");
            until("it is recorded", || lambda.journal().recent().len() == before + 1).await;
            let lines = lambda.journal().recent().pop().unwrap().lines;
            assert_eq!(lines.contains(&"ran".to_owned()), ran, "{at}: {lines:?}");
            assert_eq!(happened(&lambda, &format!("kill.{at}")), 1);
            success(lambda.invoke("Other", event("{}")).await.unwrap());
        }
    }
    lambda.faults().clear();
    success(lambda.invoke("Echo", event("{}")).await.unwrap());
    lambda.stop().await;
}

#[tokio::test]
async fn a_rate_hits_the_same_invocations_with_the_same_seed() {
    let lambda = lambda_of(vec![echo("Echo"), echo("Other")], LambdaOptions::default()).await;
    let mut runs = Vec::new();
    for others in [0, 3] {
        set(&lambda, &json!({ "kill": { "at": "before_handler", "rate": 0.4 }, "seed": 11 }));
        let mut fates = Vec::new();
        for _ in 0..12 {
            for _ in 0..others {
                let _ = lambda.invoke("Other", event("{}")).await.unwrap();
            }
            fates.push(matches!(lambda.invoke("Echo", event("{}")).await.unwrap(), local::lambda::Outcome::Success(_)));
        }
        assert!(fates.contains(&true) && fates.contains(&false), "{fates:?}");
        runs.push(fates);
    }
    assert_eq!(runs[0], runs[1]);
    lambda.stop().await;
}

#[tokio::test]
async fn an_invocation_runs_twice_under_one_id_synchronous_or_not() {
    let lambda = lambda().await;
    set(&lambda, &json!({ "replay": { "function": "echo", "rate": 1 } }));
    let answer = success(lambda.invoke("Echo", event(r#"{"n":1}"#)).await.unwrap());
    until("it ran twice", || lambda.journal().recent().len() == 2).await;
    let id = lambda.invoke_event("Echo", event("{}")).unwrap();
    until("this one too", || lambda.journal().recent().len() == 4).await;
    let ran: Vec<String> = lambda.journal().recent().into_iter().map(|invocation| invocation.request_id).collect();
    let first = answer["requestId"].as_str().unwrap();
    assert_eq!(ran, [first, first, &id, &id]);
    lambda.stop().await;
}

#[tokio::test]
async fn a_new_instance_takes_longer_and_a_warm_one_does_not() {
    let lambda = lambda().await;
    set(&lambda, &json!({ "cold_start": { "delay_ms": 400 } }));
    let begun = Instant::now();
    success(lambda.invoke("Echo", event("{}")).await.unwrap());
    assert!(begun.elapsed() >= Duration::from_millis(400), "{:?}", begun.elapsed());
    assert!(lambda.instances()[0].cold_start.unwrap() >= Duration::from_millis(400));
    let begun = Instant::now();
    success(lambda.invoke("Echo", event("{}")).await.unwrap());
    assert!(begun.elapsed() < Duration::from_millis(300), "{:?}", begun.elapsed());
    lambda.stop().await;
}

#[tokio::test]
async fn caps_throttle_one_function_or_all() {
    let lambda = lambda_of(vec![echo("Echo"), echo("Other")], LambdaOptions::default()).await;
    set(&lambda, &json!({ "concurrency": { "function": "Echo", "limit": 0 } }));
    let reserved = InvokeError::Throttled { reason: "ReservedFunctionConcurrentInvocationLimitExceeded" };
    assert_eq!(lambda.invoke("Echo", event("{}")).await, Err(reserved));
    success(lambda.invoke("Other", event("{}")).await.unwrap());
    set(&lambda, &json!({ "concurrency": { "limit": 1 } }));
    let (one, other) = tokio::join!(lambda.invoke("Echo", event(r#"{"sleep":200}"#)), lambda.invoke("Other", event("{}")));
    success(one.unwrap());
    assert_eq!(other, Err(InvokeError::Throttled { reason: "ConcurrentInvocationLimitExceeded" }));
    lambda.stop().await;
}

/// A cloud, and the store addresses in an instance's environment.
struct InstanceEnvironment {
    cloud: Cloud,
    pid: u32,
    database: String,
    dynamodb: String,
    s3: String,
}

async fn cloud() -> Cloud {
    let options = CloudOptions {
        bin_dir: Some(binaries()),
        lambda: LambdaOptions { journal: Arc::new(Journal::default()), ..LambdaOptions::default() },
        ..CloudOptions::new(template())
    };
    Cloud::start(options).await.unwrap()
}

async fn environment(cloud: Cloud, faults: Value) -> InstanceEnvironment {
    set(cloud.lambda(), &faults);
    let answer = success(cloud.lambda().invoke("EchoFunction", event("{}")).await.unwrap());
    let variable = |name: &str| answer["environment"][name].as_str().unwrap().to_owned();
    InstanceEnvironment {
        pid: u32::try_from(answer["pid"].as_u64().unwrap()).unwrap(),
        database: variable("DATABASE_URL"),
        dynamodb: variable("AWS_ENDPOINT_URL_DYNAMODB"),
        s3: variable("AWS_ENDPOINT_URL_S3"),
        cloud,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_ends_when_its_commit_goes_by_and_the_commit_stays() {
    let direct = environment(cloud().await, json!({})).await;
    assert_eq!(direct.database, direct.cloud.database_url(), "without faults nothing stands between");
    let mut there = MySqlConnection::connect(&direct.database).await.unwrap();
    there.execute("CREATE TABLE t (id INT PRIMARY KEY)").await.unwrap();

    let InstanceEnvironment { cloud, pid, database, .. } =
        environment(direct.cloud, json!({ "kill": { "function": "echo", "at": "after_commit" } })).await;
    assert_ne!(database, cloud.database_url());
    assert!(!alive(direct.pid), "an instance that goes there directly is not used any more");
    // The test connects like the instance; its commits count as the instance's.
    let mut its = MySqlConnection::connect(&database).await.unwrap();
    its.execute("BEGIN").await.unwrap();
    its.execute("INSERT INTO t VALUES (1)").await.unwrap();
    assert!(alive(pid));
    assert!(its.execute("COMMIT").await.is_err(), "it does not hear of it");
    until("the instance is gone", || !alive(pid)).await;
    let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM t").fetch_one(&mut there).await.unwrap();
    assert_eq!((count, happened(cloud.lambda(), "kill.after_commit")), (1, 1));
    assert!(MySqlConnection::connect(&database).await.is_err(), "its way to the database ended with it");
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_is_slow_refuses_hangs_and_breaks_and_heals() {
    let InstanceEnvironment { cloud, database, .. } =
        environment(cloud().await, json!({ "mysql": { "mode": "slow", "ms": 300, "rate": 0 } })).await;
    let mut direct = MySqlConnection::connect(&cloud.database_url()).await.unwrap();
    direct.execute("CREATE TABLE t (id INT PRIMARY KEY)").await.unwrap();
    let mut open = MySqlConnection::connect(&database).await.unwrap();
    let begun = Instant::now();
    open.execute("SELECT 1").await.unwrap();
    assert!(begun.elapsed() < Duration::from_millis(250), "{:?}", begun.elapsed());

    set(cloud.lambda(), &json!({ "mysql": { "mode": "slow", "ms": 300 } }));
    let begun = Instant::now();
    open.execute("SELECT 1").await.unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(300), "{:?}", begun.elapsed());

    set(cloud.lambda(), &json!({ "mysql": { "mode": "reset" } }));
    assert!(open.execute("INSERT INTO t VALUES (1)").await.is_err());
    let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM t").fetch_one(&mut direct).await.unwrap();
    assert_eq!(count, 1, "it was carried out, only its answer is lost");

    set(cloud.lambda(), &json!({ "mysql": { "mode": "slow", "rate": 0 } }));
    let mut open = MySqlConnection::connect(&database).await.unwrap();
    set(cloud.lambda(), &json!({ "mysql": { "mode": "refuse" } }));
    assert!(open.execute("INSERT INTO t VALUES (2)").await.is_err());
    assert!(MySqlConnection::connect(&database).await.is_err());
    let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM t").fetch_one(&mut direct).await.unwrap();
    assert_eq!(count, 1, "it was not carried out");

    set(cloud.lambda(), &json!({ "mysql": { "mode": "slow", "rate": 0 } }));
    let mut open = MySqlConnection::connect(&database).await.unwrap();
    set(cloud.lambda(), &json!({ "mysql": { "mode": "hang" } }));
    let hanging = tokio::spawn(async move { open.execute("SELECT 1").await.is_err() });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!hanging.is_finished());
    cloud.faults().clear();
    assert!(hanging.await.unwrap(), "when the faults end, what hung breaks");
    MySqlConnection::connect(&database).await.unwrap().execute("SELECT 1").await.unwrap();
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dynamodb_and_s3_break_each_for_itself() {
    let InstanceEnvironment { cloud, dynamodb, s3, .. } =
        environment(cloud().await, json!({ "dynamodb": { "mode": "slow", "ms": 300 } })).await;
    assert!(dynamodb != cloud.dynamodb_endpoint() && s3 != cloud.s3_endpoint());
    let of = |endpoint: &str| endpoint.strip_prefix("http://").unwrap().parse::<std::net::SocketAddr>().unwrap();
    let (dynamodb, s3) = (of(&dynamodb), of(&s3));
    let begun = Instant::now();
    send(s3, Request::get("/files/none"), "").await;
    assert!(begun.elapsed() < Duration::from_millis(250), "{:?}", begun.elapsed());
    let begun = Instant::now();
    send(dynamodb, Request::get("/"), "").await;
    assert!(begun.elapsed() >= Duration::from_millis(300), "{:?}", begun.elapsed());

    set(cloud.lambda(), &json!({ "s3": { "mode": "refuse" } }));
    let answer = tokio::spawn(async move { send(s3, Request::get("/files/none"), "").await });
    assert!(answer.await.is_err(), "refused");
    send(dynamodb, Request::get("/"), "").await;
    cloud.faults().clear();
    assert_eq!(send(s3, Request::get("/"), "").await.status(), 403, "unsigned, but answered");
    let direct = success(cloud.lambda().invoke("EchoFunction", event("{}")).await.unwrap());
    assert_eq!(direct["environment"]["AWS_ENDPOINT_URL_S3"], cloud.s3_endpoint(), "without faults nothing stands between");
    cloud.stop().await;
}
