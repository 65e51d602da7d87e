//! Scheduled functions.

use std::time::Duration;

use local::cloud::{Cloud, CloudOptions};
use serde_json::{Value, json};

use crate::cloud::{options, template};

/// The test stack plus a function with two enabled schedules and a disabled one.
async fn start() -> Cloud {
    const EVENTS: &str = "      Events:\n";
    let clocks = "        Plain: {Type: ScheduleV2, Properties: {ScheduleExpression: rate(10 minutes)}}
        Fed: {Type: ScheduleV2, Properties: {ScheduleExpression: rate(1 day), Input: '{\"fed\":true}'}}
        Off: {Type: ScheduleV2, Properties: {ScheduleExpression: rate(1 minute), State: DISABLED, Input: '{\"off\":true}'}}\n";
    let text = std::fs::read_to_string(template()).unwrap().replacen(EVENTS, &format!("{EVENTS}{clocks}"), 1);
    let folder = tempfile::tempdir().unwrap();
    let template = folder.path().join("template.yaml");
    std::fs::write(&template, text).unwrap();
    Cloud::start(CloudOptions { template, ..options(&[]) }).await.unwrap()
}

/// The scheduled events so far.
fn events(cloud: &Cloud) -> Vec<Value> {
    let all = cloud.lambda().journal().recent();
    let events = all.iter().map(|invocation| serde_json::from_slice::<Value>(&invocation.event).unwrap());
    events.filter(|event| event["RequestType"].is_null()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_is_invoked_at_its_rate() {
    let cloud = start().await;
    assert_eq!(events(&cloud), Vec::<Value>::new(), "a start is not the making of a schedule");
    cloud.faults().set_json(&json!({ "time": { "schedule_s": 0.1 } })).unwrap();
    let came = tokio::time::timeout(Duration::from_secs(30), async {
        loop {
            let came = events(&cloud);
            if came.len() >= 4 {
                return came;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let came = came.await.unwrap();
    let (fed, plain): (Vec<_>, Vec<_>) = came.iter().partition(|event| event["fed"] == true);
    assert!(!fed.is_empty() && !plain.is_empty(), "{came:?}");
    for event in plain {
        assert_eq!((&event["source"], &event["detail-type"]), (&json!("aws.scheduler"), &json!("Scheduled Event")), "{event}");
        assert_eq!(event["resources"][0], "arn:aws:scheduler:us-east-1:000000000000:schedule/default/EchoFunctionPlain");
    }
    cloud.stop().await;
}
