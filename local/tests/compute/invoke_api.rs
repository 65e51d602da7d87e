//! The Invoke API as SDKs see it: statuses, headers and bodies.

use http::{Request, Response};
use local::lambda::{FunctionSpec, Lambda, LambdaOptions};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::http_client::send;
use crate::support::{echo, json, lambda, lambda_of, until};

async fn invoke(lambda: &Lambda, function: &str, kind: &str, body: impl Into<bytes::Bytes>) -> Response<bytes::Bytes> {
    let request = Request::post(format!("/2015-03-31/functions/{function}/invocations"))
        .header(
            "authorization",
            "AWS4-HMAC-SHA256 Credential=x/20261121/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=0",
        )
        .header("x-amz-invocation-type", kind);
    send(lambda.endpoint(), request, body).await
}

fn body(response: &Response<bytes::Bytes>) -> Value {
    serde_json::from_slice(response.body()).unwrap()
}

#[tokio::test]
async fn a_call_waits_for_the_result() {
    let lambda = lambda().await;
    for name in ["Echo", "Echo:live", "arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3AEcho"] {
        let response = invoke(&lambda, name, "RequestResponse", r#"{"n":1}"#).await;
        assert_eq!((response.status().as_u16(), &body(&response)["event"]["n"]), (200, &Value::from(1)));
        assert_eq!(response.headers()["x-amz-executed-version"], "$LATEST");
        assert!(!response.headers().contains_key("x-amz-function-error"));
    }
    let failed = invoke(&lambda, "Echo", "RequestResponse", r#"{"error":"no"}"#).await;
    assert_eq!((failed.status().as_u16(), failed.headers()["x-amz-function-error"].to_str().unwrap()), (200, "Unhandled"));
    assert_eq!(body(&failed)["errorMessage"], "no");
    lambda.stop().await;
}

#[tokio::test]
async fn an_event_is_accepted_with_an_empty_202() {
    let lambda = lambda().await;
    let response = invoke(&lambda, "Echo", "Event", r#"{"n":1}"#).await;
    assert_eq!((response.status().as_u16(), response.body().len()), (202, 0));
    until("it ran", || lambda.journal().recent().len() == 1).await;
    assert_eq!(lambda.journal().recent()[0].request_id, response.headers()["x-amzn-requestid"].to_str().unwrap());

    let dry = invoke(&lambda, "Echo", "DryRun", "{}").await;
    assert_eq!((dry.status().as_u16(), lambda.journal().recent().len()), (204, 1));
    lambda.stop().await;
}

#[tokio::test]
async fn refusals_have_the_types_that_sdks_know() {
    let lambda =
        lambda_of(vec![FunctionSpec { reserved_concurrency: Some(0), ..echo("Off") }, echo("Echo")], LambdaOptions::default())
            .await;
    let large = format!("\"{}\"", "x".repeat(1024 * 1024));
    for (function, kind, payload, status, error) in [
        ("Nobody", "Event", "{}".to_owned(), 404, "ResourceNotFoundException"),
        ("Off", "RequestResponse", "{}".to_owned(), 429, "TooManyRequestsException"),
        ("Echo", "RequestResponse", "{".to_owned(), 400, "InvalidRequestContentException"),
        ("Echo", "Event", large.clone(), 413, "RequestTooLargeException"),
        ("Echo", "Perhaps", "{}".to_owned(), 400, "InvalidParameterValueException"),
    ] {
        let response = invoke(&lambda, function, kind, payload).await;
        assert_eq!((response.status().as_u16(), response.headers()["x-amzn-errortype"].to_str().unwrap()), (status, error));
    }
    let throttled = invoke(&lambda, "Off", "RequestResponse", "{}").await;
    assert_eq!(body(&throttled)["Reason"], "ReservedFunctionConcurrentInvocationLimitExceeded");
    assert_eq!(
        invoke(&lambda, "Echo", "RequestResponse", large).await.status(),
        200,
        "what is too large for the queue is not too large to wait for"
    );
    let unsigned = send(lambda.endpoint(), Request::post("/2015-03-31/functions/Echo/invocations"), json("{}")).await;
    assert_eq!(unsigned.status(), 403);
    lambda.stop().await;
}

#[tokio::test]
async fn a_page_whose_name_leads_here_is_turned_away() {
    let lambda = lambda().await;
    for (host, status) in [("localhost", "200 OK"), ("127.0.0.1:1", "200 OK"), ("page.example", "421"), ("[2001:db8::1]", "421")]
    {
        let mut stream = tokio::net::TcpStream::connect(lambda.endpoint()).await.unwrap();
        let request = format!(
            "POST /2015-03-31/functions/Echo/invocations HTTP/1.1\r\nhost: {host}\r\nauthorization: AWS4-HMAC-SHA256 x\r\n\
             connection: close\r\ncontent-length: 2\r\n\r\n{{}}"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{host}: {answer}");
    }
    assert_eq!(lambda.journal().recent().len(), 2);
    lambda.stop().await;
}
