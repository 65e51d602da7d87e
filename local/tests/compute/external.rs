//! External functions and stores: a remote Invoke API, and recovery of a crashed server.

use std::time::Duration;

use http::Request;
use local::cloud::{Cloud, CloudOptions, DataLocation};
use local::lambda::LambdaOptions;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use sqlx::Connection as _;

use crate::cloud::options;
use crate::http_client::send;
use crate::support::{echo, lambda_of, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_endpoint_runs_the_functions() {
    let data = tempfile::tempdir().unwrap();
    let there = lambda_of(vec![echo("EchoFunction")], LambdaOptions::default()).await;
    let endpoint = format!("http://{}", there.endpoint());
    let with = |endpoint: &str| CloudOptions {
        bin_dir: Some("/nowhere".into()),
        data: DataLocation::Persistent(data.path().into()),
        lambda: LambdaOptions { invoke: Some(endpoint.into()), ..LambdaOptions::default() },
        ..options(&[])
    };
    let cloud = Cloud::start(with(&endpoint)).await.unwrap();
    let answer = send(cloud.address(), Request::post("/echo"), "hello").await;
    assert_eq!(answer.status(), 200, "{:?}", answer.body());
    let answer: Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!((&answer["event"]["rawPath"], &answer["environment"]["GREETING"]), (&"/echo".into(), &"hello".into()));
    assert!(cloud.lambda().instances().is_empty() && there.instances().len() == 1, "nothing runs here");
    // The custom resource was invoked there too.
    assert_eq!(cloud.lambda().journal().recent().len(), 2);
    let (kind, message) =
        crate::support::failure(cloud.lambda().invoke("EchoFunction", r#"{"error":"no"}"#.into()).await.unwrap());
    assert!(!kind.is_empty() && message == "no");

    // The generated template contains the values that the external runner needs.
    let written: Value = serde_json::from_slice(&std::fs::read(data.path().join("sam.yaml")).unwrap()).unwrap();
    let properties = &written["Resources"]["EchoFunction"]["Properties"];
    let variables = &properties["Environment"]["Variables"];
    assert_eq!(variables["DATABASE_URL"], cloud.database_url());
    assert_eq!(variables["AWS_ENDPOINT_URL_DYNAMODB"], cloud.dynamodb_endpoint());
    assert!(properties["CodeUri"].as_str().unwrap().ends_with(".aws-sam/build/EchoFunction"), "{properties}");

    there.stop().await;
    let (kind, message) = crate::support::failure(cloud.lambda().invoke("EchoFunction", "{}".into()).await.unwrap());
    assert!(kind == "Endpoint.NotReached" && message.contains(&endpoint), "{message}");
    assert_eq!(send(cloud.address(), Request::post("/echo"), "").await.status(), 500);
    cloud.stop().await;

    let error = Cloud::start(with("https://lambda.example/path")).await.unwrap_err().to_string();
    assert!(error.contains("http://127.0.0.1:3001"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_dies_is_started_again_where_it_was() {
    let cloud = Cloud::start(options(&[])).await.unwrap();
    let mysql = cloud.mysql().unwrap().clone();
    let url = cloud.database_url();
    let mut before = sqlx::MySqlConnection::connect(&url).await.unwrap();
    sqlx::raw_sql("CREATE TABLE kept (id INT PRIMARY KEY)").execute(&mut before).await.unwrap();
    let first = mysql.pid().unwrap();
    kill(Pid::from_raw(first.try_into().unwrap()), Signal::SIGKILL).unwrap();
    until("another server runs", || mysql.pid().is_some_and(|pid| pid != first)).await;
    let mut tries = 0;
    let mut after = loop {
        match sqlx::MySqlConnection::connect(&url).await {
            Ok(connection) => break connection,
            Err(error) if tries == 100 => panic!("{error}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
        tries += 1;
    };
    sqlx::raw_sql("INSERT INTO kept VALUES (1)").execute(&mut after).await.unwrap();

    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_stopped_stays_so_even_while_it_is_started_again() {
    let cloud = Cloud::start(options(&[])).await.unwrap();
    let mysql = cloud.mysql().unwrap().clone();
    let first = mysql.pid().unwrap();
    kill(Pid::from_raw(first.try_into().unwrap()), Signal::SIGKILL).unwrap();
    until("another server is being started", || mysql.pid().is_some_and(|pid| pid != first)).await;
    mysql.stop().await;
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(mysql.pid(), None);
    cloud.stop().await;
}
