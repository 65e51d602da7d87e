//! Asynchronous invocations: retries, records, throttling.

use std::time::Duration;

use local::lambda::{FunctionSpec, LambdaOptions};
use local::stack::EventInvoke;

use crate::support::{echo, json, lambda_of, until};

fn with_dead_letters(maximum_retry_attempts: u32) -> FunctionSpec {
    let event_invoke = EventInvoke { maximum_retry_attempts, on_failure: Some("DeadLetters".into()), ..EventInvoke::default() };
    FunctionSpec { event_invoke, ..echo("Echo") }
}

#[tokio::test]
async fn a_poison_event_is_tried_three_times_and_then_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dead-letters.jsonl");
    let options = LambdaOptions { retry_scale: 0.001, dead_letters: Some(file.clone()), ..LambdaOptions::default() };
    let lambda = lambda_of(vec![with_dead_letters(2)], options).await;
    let id = lambda.invoke_event("Echo", json(r#"{"error":"poison","n":7}"#)).unwrap();
    until("it is a dead letter", || lambda.dead_letters().len() == 1).await;

    let record = lambda.dead_letters().remove(0);
    assert_eq!(record["version"], "1.0");
    assert_eq!(record["requestContext"]["requestId"], id);
    assert_eq!(record["requestContext"]["condition"], "RetriesExhausted");
    assert_eq!(record["requestContext"]["approximateInvokeCount"], 3);
    assert_eq!(record["requestContext"]["functionArn"], "arn:aws:lambda:us-east-1:000000000000:function:Echo:$LATEST");
    assert_eq!(record["requestPayload"]["n"], 7);
    assert_eq!(record["responseContext"]["functionError"], "Unhandled");
    assert_eq!(record["responsePayload"]["errorMessage"], "poison");
    let runs = lambda.journal().recent();
    assert!(runs.len() == 3 && runs.iter().all(|run| run.request_id == id), "{runs:?}");
    // The waits are 60 and 120 seconds, scaled.
    assert!(runs[2].at.duration_since(runs[0].at).unwrap() >= Duration::from_millis(180));
    let written: serde_json::Value = serde_json::from_str(std::fs::read_to_string(&file).unwrap().trim()).unwrap();
    assert_eq!(written, record);

    // Sent again, it fails again and remains one letter.
    assert!(lambda.send_again("nobody").is_none());
    let again = lambda.send_again(&id).unwrap().unwrap();
    assert!(lambda.dead_letters().is_empty() && std::fs::read_to_string(&file).unwrap().is_empty());
    until("it is a dead letter again", || lambda.dead_letters().len() == 1).await;
    assert_eq!(lambda.dead_letters()[0]["requestContext"]["requestId"], again);
    lambda.stop().await;
}

#[tokio::test]
async fn the_template_says_how_often_and_where_to() {
    let once = with_dead_letters(0);
    let lost = FunctionSpec { event_invoke: EventInvoke { maximum_retry_attempts: 0, ..EventInvoke::default() }, ..echo("Lost") };
    let lambda = lambda_of(vec![once, lost], LambdaOptions::default()).await;
    lambda.invoke_event("Lost", json(r#"{"error":"poison"}"#)).unwrap();
    lambda.invoke_event("Echo", json(r#"{"error":"poison"}"#)).unwrap();
    until("it is a dead letter", || lambda.dead_letters().len() == 1).await;
    until("both ran", || lambda.journal().recent().len() == 2).await;
    assert_eq!(lambda.dead_letters()[0]["requestContext"]["approximateInvokeCount"], 1);
    lambda.stop().await;
}

#[tokio::test]
async fn a_throttled_event_waits_for_its_turn() {
    let one_at_a_time = FunctionSpec { reserved_concurrency: Some(1), ..with_dead_letters(2) };
    let lambda = lambda_of(vec![one_at_a_time], LambdaOptions::default()).await;
    for _ in 0..5 {
        lambda.invoke_event("Echo", json(r#"{"sleep":20}"#)).unwrap();
    }
    until("all ran", || lambda.journal().recent().len() == 5).await;
    assert_eq!((lambda.instances().len(), lambda.dead_letters().len()), (1, 0));
    lambda.stop().await;
}

#[tokio::test]
async fn an_event_that_is_throttled_for_too_long_is_recorded() {
    let mut off = FunctionSpec { reserved_concurrency: Some(0), ..with_dead_letters(2) };
    off.event_invoke.maximum_event_age = 0;
    let lambda = lambda_of(vec![off], LambdaOptions::default()).await;
    lambda.invoke_event("Echo", json("{}")).unwrap();
    until("it is a dead letter", || lambda.dead_letters().len() == 1).await;
    let record = lambda.dead_letters().remove(0);
    assert_eq!(record["requestContext"]["condition"], "EventAgeExceeded");
    assert_eq!(record["requestContext"]["approximateInvokeCount"], 0);
    assert!(record.get("responsePayload").is_none());
    lambda.stop().await;
}
