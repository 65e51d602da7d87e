//! Starting and stopping a whole cloud.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use local::cloud::{Cloud, CloudError, CloudOptions, DataLocation};
use local::lambda::LambdaOptions;
use local::logs::Journal;
use serde_json::Value;
use sqlx::Connection as _;

use crate::http_client::send;
use crate::support::{alive, binaries};

pub(crate) fn template() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/compute/template.yaml")
}

/// Options for the test's template with these parameters, each `Name=value`.
pub(crate) fn options(parameters: &[&str]) -> CloudOptions {
    let overrides = parameters.iter().map(|parameter| parameter.split_once('=').expect("Name=value"));
    CloudOptions {
        bin_dir: Some(binaries()),
        overrides: overrides.map(|(name, value)| (name.into(), value.into())).collect(),
        lambda: LambdaOptions { journal: Arc::new(Journal::default()), ..LambdaOptions::default() },
        ..CloudOptions::new(template())
    }
}

async fn echo(cloud: &Cloud) -> Value {
    let response = send(cloud.address(), Request::post("/echo").header("content-type", "application/json"), "{}").await;
    assert_eq!(response.status(), 200, "{:?}", response.body());
    serde_json::from_slice(response.body()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_tls_functions_post_in_cleartext() {
    let env = [("LOCAL_TLS".to_owned(), "off".to_owned())].into();
    let cloud = Cloud::start(CloudOptions { env, ..options(&[]) }).await.unwrap();
    let answer = echo(&cloud).await;
    let environment = &answer["environment"];
    assert_eq!(environment["PUSH_ENDPOINT"], format!("{}/ws", cloud.http_url()));
    assert!(environment["LOCAL_CA"].is_null());
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_template_declares_is_there() {
    let cloud = Cloud::start(options(&[])).await.unwrap();
    let answer = echo(&cloud).await;
    let told = |name: &str| answer["environment"][name].as_str().unwrap_or_default().to_owned();
    assert_eq!(answer["event"]["rawPath"], "/echo");
    assert_eq!(told("DATABASE_URL"), cloud.database_url());
    assert_eq!(told("DATABASE_SECRET_ARN"), "");
    assert_eq!(told("THINGS_TABLE"), "Things");
    assert_eq!(told("PUSH_ENDPOINT"), format!("https://{}/ws", cloud.address()));
    assert_eq!(told("AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI"), told("PUSH_ENDPOINT"));
    let authority = std::fs::read_to_string(told("LOCAL_CA")).unwrap();
    assert!(authority.contains("BEGIN CERTIFICATE") && !authority.contains("PRIVATE KEY"), "{authority}");
    assert_eq!(told("AWS_ENDPOINT_URL_DYNAMODB"), cloud.dynamodb_endpoint());
    assert_eq!(told("AWS_ENDPOINT_URL_S3"), cloud.s3_endpoint());
    assert_eq!(told("AWS_ENDPOINT_URL_LAMBDA"), format!("http://{}", cloud.lambda().endpoint()));
    assert_eq!(cloud.ws_url(), format!("ws://{}/ws", cloud.address()));
    sqlx::MySqlConnection::connect(&cloud.database_url()).await.unwrap();

    let (instance, database) =
        (u32::try_from(answer["pid"].as_u64().unwrap()).unwrap(), cloud.mysql().and_then(local::mysql::MySql::pid).unwrap());
    assert!(alive(instance) && alive(database));
    cloud.stop().await;
    assert!(!alive(instance) && !alive(database));
}

#[tokio::test]
async fn a_custom_resource_that_fails_is_a_start_that_fails() {
    for (parameter, reason) in [("Status=FAILED", "the table is there already"), ("Init=exit", "cannot reach the database")] {
        let error = Cloud::start(options(&[parameter])).await.unwrap_err();
        assert!(matches!(&error, CloudError::CustomResource(failed) if failed.resource == "Setup"), "{error}");
        assert!(error.to_string().contains(reason), "{error}");
    }
}

#[tokio::test]
async fn a_custom_resource_without_a_report_is_noticed() {
    let error = Cloud::start(options(&["Status=SILENT"])).await.unwrap_err();
    assert!(error.to_string().contains("ended without a response"), "{error}");
}

#[tokio::test]
async fn every_failure_to_start_says_what_to_do() {
    let taken = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = taken.local_addr().unwrap().port();
    let error = Cloud::start(CloudOptions { port, ..options(&[]) }).await.unwrap_err();
    assert!(error.to_string().contains(&format!("port {port} is in use")) && error.to_string().contains("--port"), "{error}");

    let error = Cloud::start(CloudOptions { bin_dir: Some("/nowhere".into()), ..options(&[]) }).await.unwrap_err();
    assert_eq!(error.to_string(), "not built yet: echo (in /nowhere). Run `make build`.");

    let error = Cloud::start(CloudOptions { template: "/nowhere/template.yaml".into(), ..options(&[]) }).await.unwrap_err();
    assert!(error.to_string().contains("/nowhere/template.yaml"), "{error}");

    let folder = tempfile::tempdir().unwrap();
    let held = local::cloud::Database::start(&DataLocation::Persistent(folder.path().into())).await.unwrap();
    let error =
        Cloud::start(CloudOptions { data: DataLocation::Persistent(folder.path().into()), ..options(&[]) }).await.unwrap_err();
    assert!(matches!(&error, CloudError::Locked { .. }) && error.to_string().contains("--data"), "{error}");
    held.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stores_of_ones_own_are_used() {
    let kept = tempfile::tempdir().unwrap();
    let first = Cloud::start(CloudOptions { data: DataLocation::Persistent(kept.path().into()), ..options(&[]) }).await.unwrap();
    let env: BTreeMap<String, String> = [
        ("DATABASE_URL".into(), first.database_url()),
        ("AWS_ENDPOINT_URL_DYNAMODB".into(), first.dynamodb_endpoint().into()),
        ("AWS_ENDPOINT_URL_S3".into(), first.s3_endpoint().into()),
    ]
    .into();
    // Missing buckets and tables are created beside existing ones.
    let with_another_bucket = std::fs::read_to_string(template()).unwrap().replace("\n  Files:\n", "\n  Photos:\n");
    let folder = tempfile::tempdir().unwrap();
    let template = folder.path().join("template.yaml");
    std::fs::write(&template, with_another_bucket).unwrap();
    let second = Cloud::start(CloudOptions { env, template, ..options(&[]) }).await.unwrap();
    assert!(second.mysql().is_none());
    let buckets: Vec<_> = [&first, &second].iter().flat_map(|cloud| cloud.stack().buckets.values()).map(|b| &b.name).collect();
    assert!(buckets.len() == 2 && buckets[0] != buckets[1], "{buckets:?}");
    assert!(buckets.iter().all(|bucket| kept.path().join("s3").join(bucket).is_dir()), "{buckets:?}");
    let answer = echo(&second).await;
    assert_eq!(answer["environment"]["DATABASE_URL"], first.database_url());
    assert_eq!(answer["environment"]["AWS_ENDPOINT_URL_S3"], first.s3_endpoint());
    second.stop().await;
    first.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_start_finds_yesterdays_data_and_reset_forgets_it() {
    let folder = tempfile::tempdir().unwrap();
    let persistent = || CloudOptions { data: DataLocation::Persistent(folder.path().into()), ..options(&[]) };
    let cloud = Cloud::start(persistent()).await.unwrap();
    let mut connection = sqlx::MySqlConnection::connect(&cloud.database_url()).await.unwrap();
    sqlx::raw_sql("CREATE TABLE t (id INT PRIMARY KEY)").execute(&mut connection).await.unwrap();
    assert!(matches!(local::cloud::reset(folder.path()), Err(CloudError::Locked { .. })), "what is in use is not forgotten");
    drop(connection);
    cloud.stop().await;

    let cloud = Cloud::start(persistent()).await.unwrap();
    let mut connection = sqlx::MySqlConnection::connect(&cloud.database_url()).await.unwrap();
    sqlx::raw_sql("INSERT INTO t VALUES (1)").execute(&mut connection).await.unwrap();
    drop(connection);
    cloud.stop().await;

    local::cloud::reset(folder.path()).unwrap();
    assert!(!folder.path().join("mysql").exists());
    // The folder's lock is released.
    tokio::time::timeout(Duration::from_secs(20), Cloud::start(persistent())).await.unwrap().unwrap().stop().await;
}
