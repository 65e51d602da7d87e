//! The Runtime API rejects calls in the wrong order; the test acts as a misbehaving runtime.

use std::time::Duration;

use http::{Method, Request};
use local::lambda::{FunctionSpec, Lambda, LambdaOptions};
use serde_json::Value;

use crate::http_client::send;
use crate::support::{echo, failure, json, lambda_of, success, until};

/// Calls of the first instance; its real process never reaches its own.
async fn call(lambda: &Lambda, method: Method, path: &str, body: &'static str) -> (u16, Value) {
    let request = Request::builder().method(method).uri(format!("/i/1/2018-06-01/runtime/{path}"));
    let response = send(lambda.endpoint(), request, body).await;
    (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap())
}

async fn with_a_runtime_that_hangs() -> Lambda {
    let mut function = echo("Echo");
    function.environment.insert("ECHO_INIT".into(), "hang".into());
    lambda_of(vec![FunctionSpec { timeout: Duration::from_mins(1), ..function }], LambdaOptions::default()).await
}

#[tokio::test]
async fn a_runtime_takes_answers_and_asks_again_in_this_order_only() {
    let lambda = with_a_runtime_that_hangs().await;
    let invocation = tokio::spawn({
        let lambda = lambda.clone();
        async move { lambda.invoke("Echo", json(r#"{"n":1}"#)).await }
    });
    until("it is started", || !lambda.instances().is_empty()).await;

    let next = send(lambda.endpoint(), Request::get("/i/1/2018-06-01/runtime/invocation/next"), "").await;
    assert_eq!((next.status().as_u16(), next.body().as_ref()), (200, br#"{"n":1}"#.as_slice()));
    let header = |name: &str| next.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("lambda-runtime-invoked-function-arn"), "arn:aws:lambda:us-east-1:000000000000:function:Echo");
    assert!(header("lambda-runtime-trace-id").starts_with("Root=1-"));
    let left = header("lambda-runtime-deadline-ms").parse::<i128>().unwrap()
        - time::OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000;
    assert!((50_000..=60_000).contains(&left), "{left}");
    let id = header("lambda-runtime-aws-request-id");
    let response = format!("invocation/{id}/response");

    let (status, body) = call(&lambda, Method::GET, "invocation/next", "").await;
    assert_eq!((status, body["errorType"].as_str()), (403, Some("InvalidStateTransition")));
    let (status, body) = call(&lambda, Method::POST, "invocation/00000000-0000-0000-0000-000000000000/response", "1").await;
    assert_eq!((status, body["errorType"].as_str()), (400, Some("InvalidRequestID")));
    let (status, body) = call(&lambda, Method::POST, "init/error", "{}").await;
    assert_eq!((status, body["errorType"].as_str()), (403, Some("InvalidStateTransition")));

    assert_eq!(call(&lambda, Method::POST, &response, r#"{"ok":true}"#).await, (202, serde_json::json!({"status": "OK"})));
    assert_eq!(success(invocation.await.unwrap().unwrap()), serde_json::json!({"ok": true}));
    let (status, body) = call(&lambda, Method::POST, &response, "2").await;
    assert_eq!((status, body["errorType"].as_str()), (403, Some("InvalidStateTransition")));
    assert_eq!(call(&lambda, Method::GET, "nothing", "").await.0, 404);
    lambda.stop().await;
}

#[tokio::test]
async fn an_init_error_is_what_the_waiting_caller_gets() {
    let lambda = with_a_runtime_that_hangs().await;
    let invocation = tokio::spawn({
        let lambda = lambda.clone();
        async move { lambda.invoke("Echo", json("{}")).await }
    });
    until("it is started", || !lambda.instances().is_empty()).await;
    let (status, _) =
        call(&lambda, Method::POST, "init/error", r#"{"errorType":"Config","errorMessage":"JWT_SECRET is missing"}"#).await;
    assert_eq!(status, 202);
    assert_eq!(failure(invocation.await.unwrap().unwrap()), ("Config".into(), "JWT_SECRET is missing".into()));
    until("it is gone", || lambda.instances().is_empty()).await;
    lambda.stop().await;
}
