//! Deployments: CloudFormation tells the migration to create, to update and to delete, sometimes twice and at once, and every time hears how it went.
//! What fails is said to have failed, and the functions that were there go on.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::cloud::{World, own_world};
use crate::playing::play;

/// Where CloudFormation hears the answers.
#[derive(Default, Clone)]
struct Heard(Arc<Mutex<Vec<Value>>>);

impl Heard {
    async fn url(&self) -> String {
        let heard = self.clone();
        play(move |answer| {
            heard.0.lock().expect("the answers").push(serde_json::from_slice(answer).expect("JSON"));
            String::new()
        })
        .await
    }

    fn taken(&self) -> Vec<Value> {
        std::mem::take(&mut *self.0.lock().expect("the answers"))
    }
}

async fn told(world: &World, request: &str, url: &str) {
    let event = json!({
        "RequestType": request,
        "RequestId": "r-1",
        "ResponseURL": url,
        "ResourceType": "Custom::Migration",
        "LogicalResourceId": "Migration",
        "PhysicalResourceId": "migration",
        "StackId": "arn:aws:cloudformation:us-east-1:000000000000:stack/test/1",
        "ResourceProperties": { "Version": "1" },
    });
    let invoked = world.cloud().lambda().invoke("MigrateFunction", event.to_string().into()).await;
    assert!(invoked.is_ok(), "{invoked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_of_a_deployment_is_answered_and_none_harms_what_is_there() {
    let world = tokio::task::spawn_blocking(|| own_world(&[])).await.expect("a cloud");
    let (heard, ann) = (Heard::default(), world.api.person("ann").await);
    let url = heard.url().await;
    for request in ["Create", "Update", "Update", "Delete", "Create"] {
        told(&world, request, &url).await;
        let answers = heard.taken();
        assert_eq!(answers.len(), 1, "{request}: {answers:?}");
        assert_eq!(
            (&answers[0]["Status"], &answers[0]["LogicalResourceId"]),
            (&json!("SUCCESS"), &json!("Migration")),
            "{request}"
        );
        world.api.get("/api/rooms", &ann).await.is(200);
    }
    tokio::join!(told(&world, "Update", &url), told(&world, "Update", &url), told(&world, "Update", &url));
    let answers = heard.taken();
    assert!(answers.len() == 3 && answers.iter().all(|answer| answer["Status"] == "SUCCESS"), "{answers:?}");

    world.cloud().mysql().expect("a store").kill().await;
    told(&world, "Update", &url).await;
    let answers = heard.taken();
    assert_eq!((answers.len(), &answers[0]["Status"]), (1, &json!("FAILED")), "{answers:?}");
    assert!(answers[0]["Reason"].as_str().is_some_and(|reason| reason.starts_with("unavailable")), "{answers:?}");
    world.cloud().mysql().expect("a store").restart().await.expect("MariaDB recovers");
    let mut again = world.api.get("/api/rooms", &ann).await;
    for _ in 0..20 {
        if again.status == 200 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        again = world.api.get("/api/rooms", &ann).await;
    }
    again.is(200);
}
