//! Unmodified AWS clients: the SDK for Rust, and botocore, which Python and the AWS CLI use.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_apigatewaymanagement as connections;
use aws_sdk_dynamodb as dynamodb;
use connections::config::retry::RetryConfig;
use connections::config::{BehaviorVersion, Credentials, Region};
use connections::error::{DisplayErrorContext, ProvideErrorMetadata as _};
use connections::primitives::Blob;
use dynamodb::types::AttributeValue;
use futures_util::StreamExt as _;
use local::cloud::{Cloud, CloudOptions};
use local::lambda::LambdaOptions;
use local::logs::Journal;
use serde_json::json;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::cloud::template;
use crate::support::{binaries, until};

pub(crate) async fn cloud() -> Cloud {
    let options = CloudOptions {
        bin_dir: Some(binaries()),
        lambda: LambdaOptions { journal: Arc::new(Journal::default()), ..LambdaOptions::default() },
        ..CloudOptions::new(template())
    };
    Cloud::start(options).await.unwrap()
}

/// A socket and its id.
async fn socket(cloud: &Cloud) -> (WebSocketStream<TcpStream>, String) {
    let tcp = TcpStream::connect(cloud.address()).await.unwrap();
    let (stream, _) = client_async(cloud.ws_url(), tcp).await.unwrap();
    until("the socket is known", || !cloud.gateway().connections().is_empty()).await;
    (stream, cloud.gateway().connections()[0].id.clone())
}

async fn text(socket: &mut WebSocketStream<TcpStream>) -> String {
    let next = tokio::time::timeout(Duration::from_secs(5), socket.next()).await;
    next.unwrap().unwrap().unwrap().into_text().unwrap().as_str().to_owned()
}

pub(crate) fn credentials() -> Credentials {
    Credentials::new(local::credentials::ACCESS_KEY, local::credentials::SECRET_KEY, None, None, "test")
}

fn management(cloud: &Cloud, stage: &str) -> connections::Client {
    let config = connections::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .credentials_provider(credentials())
        .retry_config(RetryConfig::disabled())
        .endpoint_url(format!("{}/{stage}", cloud.http_url()))
        .build();
    connections::Client::from_conf(config)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sdk_posts_looks_up_and_closes_and_knows_every_refusal() {
    let cloud = cloud().await;
    let (mut socket, id) = socket(&cloud).await;
    let client = management(&cloud, "ws");
    let post =
        |client: &connections::Client, data: Vec<u8>| client.post_to_connection().connection_id(&id).data(Blob::new(data)).send();

    post(&client, b"hello".to_vec()).await.unwrap();
    assert_eq!(text(&mut socket).await, "hello");
    let told = client.get_connection().connection_id(&id).send().await.unwrap();
    assert_eq!(told.identity().unwrap().source_ip(), Some("127.0.0.1"));
    assert!(told.last_active_at().unwrap().secs() >= told.connected_at().unwrap().secs());

    let refused = post(&client, vec![b'x'; (128 << 10) + 1]).await.unwrap_err();
    assert!(refused.as_service_error().unwrap().is_payload_too_large_exception(), "{}", DisplayErrorContext(&refused));
    let refused = post(&management(&cloud, "other"), b"x".to_vec()).await.unwrap_err();
    assert!(refused.as_service_error().unwrap().is_forbidden_exception(), "{}", DisplayErrorContext(&refused));
    cloud.faults().set_json(&json!({ "throttle": 1 })).unwrap();
    let refused = post(&client, b"x".to_vec()).await.unwrap_err();
    assert!(refused.as_service_error().unwrap().is_limit_exceeded_exception(), "{}", DisplayErrorContext(&refused));
    cloud.faults().clear();

    client.delete_connection().connection_id(&id).send().await.unwrap();
    assert!(matches!(socket.next().await, Some(Ok(Message::Close(_)))));
    let gone = post(&client, b"x".to_vec()).await.unwrap_err();
    assert!(gone.as_service_error().unwrap().is_gone_exception(), "{}", DisplayErrorContext(&gone));
    assert!(client.get_connection().connection_id(&id).send().await.unwrap_err().as_service_error().unwrap().is_gone_exception());
    let again = client.delete_connection().connection_id(&id).send().await.unwrap_err();
    assert_eq!(again.as_service_error().and_then(|error| error.code()), Some("GoneException"));
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sdk_writes_reads_and_meets_conditions() {
    let cloud = cloud().await;
    let config = dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .credentials_provider(credentials())
        .endpoint_url(cloud.dynamodb_endpoint())
        .build();
    let client = dynamodb::Client::from_conf(config);
    let key = || AttributeValue::S("a".into());
    let put = || client.put_item().table_name("Things").item("id", key()).item("n", AttributeValue::N("1".into()));
    put().condition_expression("attribute_not_exists(id)").send().await.unwrap();
    let refused = put().condition_expression("attribute_not_exists(id)").send().await.unwrap_err();
    assert!(refused.as_service_error().unwrap().is_conditional_check_failed_exception(), "{}", DisplayErrorContext(&refused));
    let counted = client
        .update_item()
        .table_name("Things")
        .key("id", key())
        .update_expression("ADD n :one")
        .expression_attribute_values(":one", AttributeValue::N("1".into()))
        .return_values(dynamodb::types::ReturnValue::UpdatedNew)
        .send()
        .await
        .unwrap();
    assert_eq!(counted.attributes().unwrap()["n"], AttributeValue::N("2".into()));
    let gone = client.get_item().table_name("Nothing").key("id", key()).send().await.unwrap_err();
    assert!(gone.as_service_error().unwrap().is_resource_not_found_exception(), "{}", DisplayErrorContext(&gone));
    cloud.stop().await;
}

/// A Python with botocore, created once below `target`; `None` without Python or a package index.
#[expect(clippy::print_stderr, reason = "whoever runs the tests is to see what was left out")]
pub(crate) async fn python() -> Option<PathBuf> {
    match tokio::task::spawn_blocking(install_botocore).await.unwrap() {
        Ok(python) => Some(python),
        // The gate sets this variable: there botocore is required.
        Err(reason) if std::env::var_os("REQUIRE_BOTOCORE").is_some() => panic!("botocore is not there: {reason}"),
        Err(reason) => {
            eprintln!("SKIPPED: botocore is not there, and this test with it: {reason}");
            None
        }
    }
}

fn install_botocore() -> Result<PathBuf, String> {
    const WANTED: &str = "botocore==1.40.55";
    // Concurrent tests create it once.
    static MAKING: Mutex<()> = Mutex::new(());
    let _making = MAKING.lock().unwrap();
    let venv = Path::new(env!("CARGO_TARGET_TMPDIR")).join("botocore-1.40.55");
    let python = venv.join("bin/python");
    let run = |command: &mut Command| match command.output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(error) => Err(error.to_string()),
    };
    if run(Command::new(&python).args(["-c", "import botocore.session"])).is_err() {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv))?;
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", WANTED]))?;
    }
    Ok(python)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn botocore_finds_what_it_expects_of_connections_lambda_dynamodb_and_s3() {
    let Some(python) = python().await else { return };
    let cloud = cloud().await;
    let (mut socket, id) = socket(&cloud).await;
    let output = tokio::process::Command::new(python)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign/client.py"))
        .env_clear()
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("CONNECTIONS", format!("{}/ws", cloud.http_url()))
        .env("CONNECTION", &id)
        .env("LAMBDA", format!("http://{}", cloud.lambda().endpoint()))
        .env("DYNAMODB", cloud.dynamodb_endpoint())
        .env("S3", cloud.s3_endpoint())
        .env("ACCESS_KEY", local::credentials::ACCESS_KEY)
        .env("SECRET_KEY", local::credentials::SECRET_KEY)
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert_eq!(said.lines().last(), Some("all is as expected"), "{said}");
    assert_eq!(text(&mut socket).await, "from Python: ü");
    assert!(matches!(socket.next().await, Some(Ok(Message::Close(_)))));
    until("the event ran", || cloud.lambda().journal().recent().iter().any(|ran| ran.event.starts_with(br#"{"asynchronous""#)))
        .await;
    cloud.stop().await;
}
