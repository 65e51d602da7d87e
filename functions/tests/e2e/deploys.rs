//! Deployments: CloudFormation sends create, update and delete events, some twice or concurrently, and always gets a response. Failures are reported,
//! and existing functions continue to work.

use std::sync::{Arc, Mutex};

use local::lambda::Outcome;
use serde_json::{Value, json};
use shared::config::Secret;
use shared::store::{Db, migrations};

use crate::cloud::{World, own_world};
use crate::fake_aws::play;
use crate::wait::until;

/// Receives the responses for CloudFormation.
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

async fn send_event(world: &World, request: &str, url: &str) {
    deployed(world, request, ["1", "1"], url).await;
}

/// `versions`: the old and new value in the template.
async fn deployed(world: &World, request: &str, versions: [&str; 2], url: &str) {
    let event = json!({
        "RequestType": request,
        "RequestId": "r-1",
        "ResponseURL": url,
        "ResourceType": "Custom::Migration",
        "LogicalResourceId": "Migration",
        "PhysicalResourceId": "migration",
        "StackId": "arn:aws:cloudformation:us-east-1:000000000000:stack/test/1",
        "ResourceProperties": { "Version": versions[1] },
        "OldResourceProperties": { "Version": versions[0] },
    });
    ordered(world, &event).await;
}

async fn released(world: &World, request: &str, rate: &str, url: &str) {
    let event = json!({
        "RequestType": request,
        "RequestId": "r-2",
        "ResponseURL": url,
        "ResourceType": "Custom::Release",
        "LogicalResourceId": "Release",
        "StackId": "arn:aws:cloudformation:us-east-1:000000000000:stack/test/1",
        "ResourceProperties": { "Inputs": [{ "RATE_SEND": rate }] },
    });
    ordered(world, &event).await;
}

async fn ordered(world: &World, order: &Value) {
    let invoked = world.cloud().lambda().invoke("MigrateFunction", order.to_string().into()).await;
    assert!(matches!(invoked, Ok(Outcome::Success(_))), "{invoked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_of_a_deployment_is_answered_and_none_harms_what_is_there() {
    let world = tokio::task::spawn_blocking(|| own_world(&[])).await.expect("a cloud");
    let (heard, ann) = (Heard::default(), world.api.person("ann").await);
    let url = heard.url().await;
    for request in ["Create", "Update", "Update", "Delete", "Create"] {
        send_event(&world, request, &url).await;
        let answers = heard.taken();
        assert_eq!(answers.len(), 1, "{request}: {answers:?}");
        assert_eq!(
            (&answers[0]["Status"], &answers[0]["LogicalResourceId"]),
            (&json!("SUCCESS"), &json!("Migration")),
            "{request}"
        );
        world.api.get("/api/rooms", &ann).await.is(200);
    }
    tokio::join!(send_event(&world, "Update", &url), send_event(&world, "Update", &url), send_event(&world, "Update", &url));
    let answers = heard.taken();
    assert!(answers.len() == 3 && answers.iter().all(|answer| answer["Status"] == "SUCCESS"), "{answers:?}");

    world.cloud().mysql().expect("a store").kill().await;
    send_event(&world, "Update", &url).await;
    let answers = heard.taken();
    assert_eq!((answers.len(), &answers[0]["Status"]), (1, &json!("FAILED")), "{answers:?}");
    let reason = answers[0]["Reason"].as_str().unwrap_or_default();
    assert!(reason.starts_with("unavailable: connecting to the database at 127.0.0.1:"), "{reason}");
    assert!(reason.contains("Connection refused"), "{reason}");
    let counts_as_failed = async || {
        let ran = world.cloud().lambda().journal().recent();
        let mut lines = ran.iter().filter(|one| one.function == "MigrateFunction").flat_map(|one| &one.lines);
        lines.any(|line| line.contains(r#""code":"failed""#))
    };
    until("the filter of failures sees its line", counts_as_failed).await;
    // The digest of settings needs no store, so a deployment can be taken back without one.
    let mut digests = Vec::new();
    for (request, rate) in [("Create", "30/10"), ("Update", "60/10"), ("Update", "30/10"), ("Delete", "30/10")] {
        released(&world, request, rate, &url).await;
        let answers = heard.taken();
        assert_eq!((answers.len(), &answers[0]["Status"]), (1, &json!("SUCCESS")), "{request}: {answers:?}");
        digests.push(answers[0]["Data"]["Digest"].clone());
    }
    assert!(digests[0].is_string() && digests[0] != digests[1] && digests[0] == digests[2], "{digests:?}");
    world.cloud().mysql().expect("a store").restart().await.expect("MariaDB recovers");
    until("the database serves again", async || world.api.get("/api/rooms", &ann).await.status == 200).await;
}

/// The next release's migration stops half-way and CloudFormation rolls back its update, which must succeed.
#[tokio::test(flavor = "multi_thread")]
async fn a_failed_migration_fails_its_deployment_and_not_the_way_back() {
    let world = tokio::task::spawn_blocking(|| own_world(&[])).await.expect("a cloud");
    let (heard, ann) = (Heard::default(), world.api.person("ann").await);
    let url = heard.url().await;
    let (now, next) = (migrations::newest().to_string(), (migrations::newest() + 1).to_string());
    let db = Db::lazy(&Secret::new(world.cloud().database_url())).expect("a URL");
    let stopped =
        "insert into _sqlx_migrations select max(version) + 1, 'stopped half-way', now(), false, '', -1 from _sqlx_migrations";
    sqlx::query(stopped).execute(&mut *db.acquire().await.expect("a connection")).await.expect("stopped half-way");

    deployed(&world, "Update", [&now, &next], &url).await;
    let answers = heard.taken();
    assert_eq!((answers.len(), &answers[0]["Status"]), (1, &json!("FAILED")), "{answers:?}");
    assert!(answers[0]["Reason"].as_str().is_some_and(|reason| reason.contains("stopped half-way")), "{answers:?}");
    deployed(&world, "Update", [&next, &now], &url).await;
    assert_eq!(heard.taken()[0]["Status"], "SUCCESS");
    world.api.get("/api/rooms", &ann).await.is(200);

    ordered(&world, &json!({ "direction": "settle", "version": migrations::newest() + 1, "applied": false })).await;
    deployed(&world, "Update", [&now, &next], &url).await;
    assert_eq!(heard.taken()[0]["Status"], "SUCCESS");
}
