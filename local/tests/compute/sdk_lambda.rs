//! The SDK for Rust calls the Invoke API: results and errors have the SDK's types.

use aws_sdk_lambda as functions;
use functions::Client;
use functions::config::retry::RetryConfig;
use functions::config::timeout::TimeoutConfig;
use functions::config::{BehaviorVersion, Region};
use functions::error::{DisplayErrorContext, ProvideErrorMetadata as _, SdkError};
use functions::operation::invoke::{InvokeError, InvokeOutput};
use functions::primitives::Blob;
use functions::types::{InvocationType, ThrottleReason};
use local::lambda::{FunctionSpec, Lambda, LambdaOptions};
use serde_json::{Value, json};

use crate::sdk::credentials;
use crate::support::{echo, lambda_of, until};

type Refused = SdkError<InvokeError>;

fn client(lambda: &Lambda) -> Client {
    let config = functions::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .credentials_provider(credentials())
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::disabled())
        .endpoint_url(format!("http://{}", lambda.endpoint()))
        .build();
    Client::from_conf(config)
}

async fn invoke(client: &Client, function: &str, kind: InvocationType, event: &Value) -> Result<InvokeOutput, Refused> {
    let payload = Blob::new(event.to_string());
    client.invoke().function_name(function).invocation_type(kind).payload(payload).send().await
}

fn payload(output: &InvokeOutput) -> Value {
    serde_json::from_slice(output.payload().unwrap().as_ref()).unwrap()
}

#[tokio::test]
async fn the_sdk_invokes_waits_queues_and_asks_whether_it_may() {
    let lambda = lambda_of(vec![echo("Echo")], LambdaOptions::default()).await;
    let client = client(&lambda);
    for name in ["Echo", "arn:aws:lambda:us-east-1:000000000000:function:Echo", "000000000000:function:Echo", "Echo:$LATEST"] {
        let done = invoke(&client, name, InvocationType::RequestResponse, &json!({ "n": 1 })).await.unwrap();
        assert_eq!((done.status_code(), done.executed_version(), done.function_error()), (200, Some("$LATEST"), None), "{name}");
        assert_eq!(payload(&done)["event"]["n"], 1, "{name}");
    }
    let without_event = client.invoke().function_name("Echo").send().await.unwrap();
    assert_eq!(payload(&without_event)["event"], json!({}));

    let queued = invoke(&client, "Echo", InvocationType::Event, &json!({ "queued": true })).await.unwrap();
    assert!(queued.status_code() == 202 && queued.payload().is_none_or(|body| body.as_ref().is_empty()), "{queued:?}");
    let queued = || lambda.journal().recent().iter().any(|ran| ran.event.starts_with(br#"{"queued""#));
    until("the event ran", queued).await;

    let so_far = lambda.journal().recent().len();
    let dry = invoke(&client, "Echo", InvocationType::DryRun, &json!({})).await.unwrap();
    assert_eq!((dry.status_code(), lambda.journal().recent().len()), (204, so_far));
    lambda.stop().await;
}

#[tokio::test]
async fn the_sdk_distinguishes_function_errors_from_refused_calls() {
    let lambda = lambda_of(vec![echo("Echo")], LambdaOptions::default()).await;
    let client = client(&lambda);
    for (event, kind, message) in [
        (json!({ "error": "no such room" }), None, "no such room"),
        (json!({ "exit": 3 }), Some("Runtime.ExitError"), "exit status 3"),
        (json!({ "size": 7 << 20 }), Some("Function.ResponseSizeTooLarge"), "exceeded maximum allowed payload size"),
        (json!({ "sleep": 60_000 }), Some("Sandbox.Timedout"), "timed out after 5.00 seconds"),
    ] {
        let failed = invoke(&client, "Echo", InvocationType::RequestResponse, &event).await.unwrap();
        assert_eq!((failed.status_code(), failed.function_error()), (200, Some("Unhandled")), "{event}");
        let error = payload(&failed);
        assert!(error["errorMessage"].as_str().unwrap().contains(message), "{error}");
        assert!(kind.is_none_or(|kind| error["errorType"] == kind), "{error}");
    }
    let large = invoke(&client, "Echo", InvocationType::RequestResponse, &json!({ "size": 5 << 20 })).await.unwrap();
    assert_eq!(payload(&large).as_str().unwrap().len(), 5 << 20);
    lambda.stop().await;
}

#[tokio::test]
async fn the_sdk_knows_every_refusal_of_the_invoke_api() {
    let off = FunctionSpec { reserved_concurrency: Some(0), ..echo("Off") };
    let lambda = lambda_of(vec![echo("Echo"), off], LambdaOptions::default()).await;
    let client = client(&lambda);
    let refused = async |function: &'static str, kind: InvocationType, event: Value| {
        invoke(&client, function, kind, &event).await.unwrap_err().into_service_error()
    };
    assert!(refused("Nobody", InvocationType::RequestResponse, json!({})).await.is_resource_not_found_exception());
    assert!(refused("Nobody", InvocationType::Event, json!({})).await.is_resource_not_found_exception());

    let InvokeError::TooManyRequestsException(throttled) = refused("Off", InvocationType::RequestResponse, json!({})).await
    else {
        panic!("it was to be throttled");
    };
    assert_eq!(throttled.reason(), Some(&ThrottleReason::ReservedFunctionConcurrentInvocationLimitExceeded));
    assert_eq!(throttled.retry_after_seconds(), Some("1"));

    let large = json!("x".repeat(1 << 20));
    assert!(refused("Echo", InvocationType::Event, large).await.is_request_too_large_exception());
    let large = json!("x".repeat(6 << 20));
    assert!(refused("Echo", InvocationType::RequestResponse, large).await.is_request_too_large_exception());

    let no_json = client.invoke().function_name("Echo").payload(Blob::new("{")).send().await.unwrap_err();
    assert!(no_json.as_service_error().unwrap().is_invalid_request_content_exception(), "{}", DisplayErrorContext(&no_json));
    let kind = refused("Echo", InvocationType::from("Perhaps"), json!({})).await;
    assert!(kind.is_invalid_parameter_value_exception(), "{kind}");
    assert_eq!(kind.message(), Some("Invocation type \"Perhaps\" is none of RequestResponse, Event, DryRun"));
    lambda.stop().await;
}
