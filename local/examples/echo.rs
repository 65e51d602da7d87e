//! Test function of the local cloud: performs what its event requests and returns the event and its environment.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "what a function prints is what is tested")]
#![expect(clippy::disallowed_methods, reason = "its environment is what is tested")]

use std::collections::BTreeMap;
use std::time::Duration;

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    match std::env::var("ECHO_INIT").as_deref() {
        Ok("exit") => {
            eprintln!("cannot reach the database");
            std::process::exit(3);
        }
        Ok("hang") => tokio::time::sleep(Duration::from_mins(10)).await,
        _ => {}
    }
    lambda_runtime::run(service_fn(handle)).await
}

async fn handle(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let (event, context) = event.into_parts();
    if event["Records"][0]["eventSource"] == "aws:sqs" {
        return work_through(&event).await;
    }
    if let Some(line) = event["print"].as_str() {
        println!("{line}");
    }
    if let Some(line) = event["complain"].as_str() {
        eprintln!("{line}");
    }
    if let Some(millis) = event["sleep"].as_u64() {
        tokio::time::sleep(Duration::from_millis(millis)).await;
    }
    if let Some(code) = event["exit"].as_i64() {
        std::process::exit(i32::try_from(code)?);
    }
    if let Some(message) = event["error"].as_str() {
        return Err(message.into());
    }
    if let Some(size) = event["size"].as_u64() {
        return Ok(json!("x".repeat(usize::try_from(size)?)));
    }
    if let Some(reply_to) = event["ResponseURL"].as_str() {
        return finish_custom_resource(&event, reply_to).await;
    }
    let environment: BTreeMap<String, String> = std::env::vars().collect();
    Ok(json!({
        "event": event,
        "pid": std::process::id(),
        "environment": environment,
        "requestId": context.request_id,
        "arn": context.invoked_function_arn,
        "deadline": context.deadline,
        "trace": context.xray_trace_id,
    }))
}

/// Processes the messages of a batch in order and returns the ids of those that request a failure.
async fn work_through(event: &Value) -> Result<Value, Error> {
    let mut failures = Vec::new();
    for record in event["Records"].as_array().into_iter().flatten() {
        let order: Value = serde_json::from_str(record["body"].as_str().unwrap_or_default()).unwrap_or_default();
        if let Some(millis) = order["sleep"].as_u64() {
            tokio::time::sleep(Duration::from_millis(millis)).await;
        }
        if let Some(message) = order["error"].as_str() {
            return Err(message.into());
        }
        if !order["answer"].is_null() {
            return Ok(order["answer"].clone());
        }
        if order["fail"] == true {
            failures.push(json!({ "itemIdentifier": record["messageId"] }));
        }
    }
    Ok(json!({ "batchItemFailures": failures }))
}

/// Reports the property `Status` as a custom resource does. The request is written by hand, without an HTTP client.
async fn finish_custom_resource(event: &Value, reply_to: &str) -> Result<Value, Error> {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let status = event["ResourceProperties"]["Status"].as_str().unwrap_or("SUCCESS");
    if status == "SILENT" {
        return Ok(json!(null));
    }
    let body = json!({
        "Status": status,
        "Reason": "the table is there already",
        "PhysicalResourceId": "echo",
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
    })
    .to_string();
    let (host, path) = reply_to.trim_start_matches("http://").split_once('/').ok_or("no path in the ResponseURL")?;
    let mut stream = tokio::net::TcpStream::connect(host).await?;
    let request =
        format!("PUT /{path} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(json!(answer.lines().next()))
}
