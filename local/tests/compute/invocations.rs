//! Instances: reused, never shared, replaced when they exit; errors are Lambda's.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use local::lambda::{InvokeError, LambdaOptions};
use serde_json::Value;

use crate::support::{alive, echo, failure, json, lambda, lambda_of, success, until};

#[tokio::test]
async fn one_instance_serves_one_invocation_after_the_other() {
    let lambda = lambda().await;
    let first = success(lambda.invoke("Echo", json(r#"{"n":1}"#)).await.unwrap());
    assert_eq!(first["event"]["n"], 1);
    for _ in 0..20 {
        let next = success(lambda.invoke("Echo", json("{}")).await.unwrap());
        assert_eq!(next["pid"], first["pid"]);
        assert_ne!(next["requestId"], first["requestId"]);
    }
    let instances = lambda.instances();
    assert_eq!((instances.len(), instances[0].invocations, instances[0].busy), (1, 21, false));
    assert!(instances[0].cold_start.is_some());
    lambda.stop().await;
}

#[tokio::test]
async fn invocations_at_once_have_an_instance_each() {
    let lambda = lambda().await;
    let begun = Instant::now();
    let all = futures_util::future::join_all((0..5).map(|_| lambda.invoke("Echo", json(r#"{"sleep":300}"#)))).await;
    let pids: BTreeSet<u64> = all.into_iter().map(|outcome| success(outcome.unwrap())["pid"].as_u64().unwrap()).collect();
    assert_eq!(pids.len(), 5);
    assert!(begun.elapsed() < Duration::from_millis(1300), "{:?}", begun.elapsed());
    lambda.stop().await;
}

#[tokio::test]
async fn the_most_recently_used_instance_comes_first() {
    let lambda = lambda().await;
    let (slow, quick) =
        tokio::join!(lambda.invoke("Echo", json(r#"{"sleep":300}"#)), lambda.invoke("Echo", json(r#"{"sleep":100}"#)));
    let (last, _) = (success(slow.unwrap()), success(quick.unwrap()));
    for _ in 0..5 {
        assert_eq!(success(lambda.invoke("Echo", json("{}")).await.unwrap())["pid"], last["pid"]);
    }
    lambda.stop().await;
}

#[tokio::test]
async fn beyond_its_reserved_concurrency_a_function_is_throttled() {
    let lambda = lambda_of(
        vec![local::lambda::FunctionSpec { reserved_concurrency: Some(1), ..echo("Echo") }, echo("Other")],
        LambdaOptions::default(),
    )
    .await;
    let running = tokio::spawn({
        let lambda = lambda.clone();
        async move { lambda.invoke("Echo", json(r#"{"sleep":300}"#)).await }
    });
    until("it runs", || lambda.instances().iter().any(|instance| instance.busy)).await;
    assert_eq!(
        lambda.invoke("Echo", json("{}")).await,
        Err(InvokeError::Throttled { reason: "ReservedFunctionConcurrentInvocationLimitExceeded" })
    );
    success(lambda.invoke("Other", json("{}")).await.unwrap());
    success(running.await.unwrap().unwrap());
    success(lambda.invoke("Echo", json("{}")).await.unwrap());
    lambda.stop().await;
}

#[tokio::test]
async fn all_functions_share_one_limit_and_idle_instances_make_room() {
    let lambda = lambda_of(vec![echo("A"), echo("B")], LambdaOptions { concurrency: 1, ..LambdaOptions::default() }).await;
    let (first, second) = tokio::join!(lambda.invoke("A", json(r#"{"sleep":100}"#)), lambda.invoke("B", json("{}")));
    success(first.unwrap());
    assert_eq!(second, Err(InvokeError::Throttled { reason: "ConcurrentInvocationLimitExceeded" }));
    success(lambda.invoke("B", json("{}")).await.unwrap());
    until("the idle instance of A went", || lambda.instances().len() == 1).await;
    assert_eq!(lambda.instances()[0].function, "B");
    lambda.stop().await;
}

#[tokio::test]
async fn the_deadline_ends_the_invocation_and_the_instance() {
    let lambda = lambda_of(
        vec![local::lambda::FunctionSpec { timeout: Duration::from_millis(500), ..echo("Echo") }],
        LambdaOptions::default(),
    )
    .await;
    let before = success(lambda.invoke("Echo", json("{}")).await.unwrap())["pid"].as_u64().unwrap();
    let begun = Instant::now();
    let (kind, message) = failure(lambda.invoke("Echo", json(r#"{"sleep":60000}"#)).await.unwrap());
    assert_eq!(kind, "Sandbox.Timedout");
    assert!(message.starts_with("RequestId: ") && message.ends_with(" Error: Task timed out after 0.50 seconds"), "{message}");
    assert!((Duration::from_millis(490)..Duration::from_millis(1500)).contains(&begun.elapsed()), "{:?}", begun.elapsed());
    until("the process is gone", || !alive(u32::try_from(before).unwrap())).await;
    let after = success(lambda.invoke("Echo", json("{}")).await.unwrap());
    assert_ne!(after["pid"], before);
    lambda.stop().await;
}

#[tokio::test]
async fn a_crash_is_reported_to_the_caller_and_the_next_invocation_has_a_new_instance() {
    let lambda = lambda().await;
    let first = success(lambda.invoke("Echo", json("{}")).await.unwrap());
    let (kind, message) = failure(lambda.invoke("Echo", json(r#"{"exit":7}"#)).await.unwrap());
    assert_eq!(kind, "Runtime.ExitError");
    assert!(message.ends_with(" Error: Runtime exited with error: exit status 7"), "{message}");
    let second = success(lambda.invoke("Echo", json("{}")).await.unwrap());
    assert_ne!(first["pid"], second["pid"]);

    let pid = lambda.instances()[0].pid;
    let running = tokio::spawn({
        let lambda = lambda.clone();
        async move { lambda.invoke("Echo", json(r#"{"sleep":60000}"#)).await }
    });
    until("it runs", || lambda.instances()[0].busy).await;
    assert!(lambda.kill(pid));
    let (_, message) = failure(running.await.unwrap().unwrap());
    assert!(message.ends_with("signal: killed"), "{message}");
    lambda.stop().await;
}

#[tokio::test]
async fn an_error_of_the_handler_keeps_the_instance() {
    let lambda = lambda().await;
    let (_, message) = failure(lambda.invoke("Echo", json(r#"{"error":"no such room"}"#)).await.unwrap());
    assert_eq!(message, "no such room");
    let _ = success(lambda.invoke("Echo", json("{}")).await.unwrap());
    assert_eq!(lambda.instances()[0].invocations, 2);
    lambda.stop().await;
}

#[tokio::test]
async fn a_function_that_fails_at_init_says_why() {
    let mut broken = echo("Echo");
    broken.environment.insert("ECHO_INIT".into(), "exit".into());
    let mut hanging = echo("Hanging");
    hanging.environment.insert("ECHO_INIT".into(), "hang".into());
    let missing = local::lambda::FunctionSpec { binary: "/nowhere/auth".into(), ..echo("Missing") };
    let lambda = lambda_of(
        vec![broken, hanging, missing],
        LambdaOptions { init_timeout: Duration::from_millis(300), ..LambdaOptions::default() },
    )
    .await;

    let (kind, message) = failure(lambda.invoke("Echo", json("{}")).await.unwrap());
    assert_eq!(kind, "Runtime.ExitError");
    assert!(message.contains("exit status 3") && message.ends_with("\ncannot reach the database"), "{message}");

    let (kind, _) = failure(lambda.invoke("Hanging", json("{}")).await.unwrap());
    assert_eq!(kind, "Sandbox.Timedout");

    let (kind, message) = failure(lambda.invoke("Missing", json("{}")).await.unwrap());
    assert_eq!(kind, "Runtime.InvalidEntrypoint");
    assert!(message.contains("/nowhere/auth") && message.contains("make build"), "{message}");
    until("none is left", || lambda.instances().is_empty()).await;
    assert_eq!(lambda.invoke("Nobody", json("{}")).await, Err(InvokeError::NotFound("Nobody".into())));
    lambda.stop().await;
}

#[tokio::test]
async fn a_response_that_is_too_large_fails_the_invocation_but_not_the_instance() {
    let lambda = lambda().await;
    let (kind, _) = failure(lambda.invoke("Echo", json(r#"{"size":6300000}"#)).await.unwrap());
    assert_eq!(kind, "Function.ResponseSizeTooLarge");
    let large = success(lambda.invoke("Echo", json(r#"{"size":6000000}"#)).await.unwrap());
    assert_eq!(large.as_str().unwrap().len(), 6_000_000);
    let request = bytes::Bytes::from(format!("\"{}\"", "x".repeat(6 * 1024 * 1024)));
    let size = request.len();
    assert_eq!(lambda.invoke("Echo", request).await, Err(InvokeError::TooLarge { size }));
    lambda.stop().await;
}

#[tokio::test]
async fn the_environment_is_lambdas_and_nothing_of_this_machine() {
    let lambda = lambda().await;
    let result = success(lambda.invoke("Echo", json("{}")).await.unwrap());
    let environment = result["environment"].as_object().unwrap();
    let get = |name: &str| environment.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    assert_eq!(get("GREETING"), "hello");
    assert_eq!(get("AWS_LAMBDA_FUNCTION_NAME"), "Echo");
    assert_eq!(get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"), "256");
    assert_eq!(get("AWS_LAMBDA_FUNCTION_VERSION"), "$LATEST");
    assert_eq!(get("AWS_LAMBDA_LOG_GROUP_NAME"), "/aws/lambda/Echo");
    assert_eq!(get("AWS_LAMBDA_LOG_FORMAT"), "JSON");
    assert_eq!(get("AWS_REGION"), "us-east-1");
    assert_eq!(get("TZ"), ":UTC");
    assert!(get("AWS_LAMBDA_RUNTIME_API").starts_with(&format!("http://{}/", lambda.endpoint())));
    assert!(!get("AWS_ACCESS_KEY_ID").is_empty() && !get("AWS_SESSION_TOKEN").is_empty());
    for foreign in ["HOME", "USER", "CARGO_MANIFEST_DIR", "PWD"] {
        assert!(!environment.contains_key(foreign), "{foreign}");
    }
    assert_eq!(result["arn"], "arn:aws:lambda:us-east-1:000000000000:function:Echo");
    assert!(result["trace"].as_str().unwrap().starts_with("Root=1-"));
    lambda.stop().await;
}

#[tokio::test]
async fn what_a_function_prints_belongs_to_its_invocation() {
    let lambda = lambda().await;
    for n in 0..20 {
        let event = format!(r#"{{"print":"line {n}","complain":"{{\"level\":\"WARN\",\"fields\":{{\"message\":\"w{n}\"}}}}"}}"#);
        success(lambda.invoke("Echo", event.into()).await.unwrap());
    }
    until("all are recorded", || lambda.journal().recent().len() == 20).await;
    for (n, invocation) in lambda.journal().recent().into_iter().enumerate() {
        assert_eq!(invocation.lines.len(), 2, "{invocation:?}");
        assert_eq!(invocation.lines[0], format!("line {n}"));
        assert_eq!(invocation.cold_start.is_some(), n == 0);
    }
    lambda.stop().await;
}

#[tokio::test]
async fn idle_instances_are_stopped() {
    let lambda =
        lambda_of(vec![echo("Echo")], LambdaOptions { idle: Duration::from_millis(200), ..LambdaOptions::default() }).await;
    success(lambda.invoke("Echo", json("{}")).await.unwrap());
    let pid = lambda.instances()[0].pid;
    until("it was stopped", || lambda.instances().is_empty()).await;
    assert!(!alive(pid));
    success(lambda.invoke("Echo", json("{}")).await.unwrap());
    lambda.stop().await;
}

#[tokio::test]
async fn a_frozen_instance_stands_still_until_its_next_event() {
    let lambda = lambda_of(vec![echo("Echo")], LambdaOptions { freeze: true, ..LambdaOptions::default() }).await;
    for _ in 0..5 {
        success(lambda.invoke("Echo", json("{}")).await.unwrap());
        let stat = format!("/proc/{}/stat", lambda.instances()[0].pid);
        until("it is stopped", || std::fs::read_to_string(&stat).unwrap().contains(") T ")).await;
    }
    assert_eq!(lambda.instances().len(), 1);
    lambda.stop().await;
}

#[tokio::test]
async fn an_invocation_goes_on_when_its_caller_goes_away() {
    let lambda = lambda().await;
    let waiting = tokio::time::timeout(Duration::from_millis(200), lambda.invoke("Echo", json(r#"{"sleep":500}"#))).await;
    assert!(waiting.is_err());
    until("it ended", || lambda.journal().recent().len() == 1).await;
    assert_eq!(lambda.instances()[0].invocations, 1);
    lambda.stop().await;
}

#[tokio::test]
async fn stop_leaves_no_process() {
    let lambda = lambda().await;
    let all = futures_util::future::join_all((0..4).map(|_| lambda.invoke("Echo", json(r#"{"sleep":100}"#)))).await;
    let pids: Vec<u32> =
        all.into_iter().map(|outcome| u32::try_from(success(outcome.unwrap())["pid"].as_u64().unwrap()).unwrap()).collect();
    assert!(pids.iter().all(|pid| alive(*pid)));
    lambda.stop().await;
    assert!(!pids.iter().any(|pid| alive(*pid)));
    assert_eq!(lambda.invoke("Echo", json("{}")).await, Err(InvokeError::Throttled { reason: "Stopping" }));
    assert!(tokio::net::TcpStream::connect(lambda.endpoint()).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_way_to_a_warm_instance_and_back_is_short() {
    let lambda = lambda().await;
    success(lambda.invoke("Echo", json("{}")).await.unwrap());
    let mut times: Vec<Duration> = Vec::new();
    for _ in 0..300 {
        let begun = Instant::now();
        let _ = lambda.invoke("Echo", json(r#"{"size":1}"#)).await.unwrap();
        times.push(begun.elapsed());
    }
    times.sort();
    // Not a benchmark: unoptimised build, busy machine. A lost wake-up or Nagle's delay would show.
    assert!(times[150] < Duration::from_millis(5), "median {:?}", times[150]);
    lambda.stop().await;
}
