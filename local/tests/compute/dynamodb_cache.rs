//! Reads that are answered from memory are those of the database: after every kind of write, beside writes, and when items expire.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use local::dynamodb::create_tables;
use serde_json::{Value, json};

use crate::stores::{call, started, table};

fn key(id: &str) -> Value {
    json!({ "id": { "S": id } })
}

/// The items of `a` and `b` in one read.
async fn batch(endpoint: &str) -> Vec<Value> {
    let asked = json!({ "RequestItems": { "Things": { "Keys": [key("a"), key("b")], "ConsistentRead": true } } });
    let mut answer = call(endpoint, "BatchGetItem", asked).await;
    assert_eq!(answer["UnprocessedKeys"], json!({}), "{answer}");
    serde_json::from_value(answer["Responses"]["Things"].take()).unwrap()
}

/// The numbers of `a` and `b`, each read in both ways.
async fn numbers(endpoint: &str) -> [Option<String>; 2] {
    let batch = batch(endpoint).await;
    let mut found = [None, None];
    for (found, id) in found.iter_mut().zip(["a", "b"]) {
        let one = call(endpoint, "GetItem", json!({ "TableName": "Things", "Key": key(id) })).await;
        let of_batch = batch.iter().find(|item| item["id"]["S"] == id);
        assert_eq!(one.get("Item"), of_batch, "{id}");
        *found = of_batch.map(|item| item["n"]["N"].as_str().unwrap().to_owned());
    }
    found
}

async fn set(endpoint: &str, id: &str, number: u32) -> Value {
    let values = json!({ ":n": { "N": number.to_string() } });
    let update =
        json!({ "TableName": "Things", "Key": key(id), "UpdateExpression": "SET n = :n", "ExpressionAttributeValues": values });
    call(endpoint, "UpdateItem", update).await
}

#[tokio::test]
async fn every_kind_of_write_is_seen_by_the_next_read() {
    let dynamodb = started(None).await;
    let endpoint = dynamodb.endpoint();
    create_tables(&endpoint, [&table("id")]).await.unwrap();
    assert_eq!(numbers(&endpoint).await, [None, None]);
    let item = |number: u32| json!({ "id": { "S": "a" }, "n": { "N": number.to_string() } });
    for number in 1..20 {
        assert_eq!(set(&endpoint, "a", number).await, json!({}));
        assert_eq!(numbers(&endpoint).await, [Some(number.to_string()), None]);
    }
    for (operation, request, number) in [
        ("PutItem", json!({ "TableName": "Things", "Item": item(20) }), "20"),
        ("BatchWriteItem", json!({ "RequestItems": { "Things": [{ "PutRequest": { "Item": item(21) } }] } }), "21"),
        ("TransactWriteItems", json!({ "TransactItems": [{ "Put": { "TableName": "Things", "Item": item(22) } }] }), "22"),
        ("ExecuteStatement", json!({ "Statement": "UPDATE \"Things\" SET n = 23 WHERE id = 'a'" }), "23"),
    ] {
        let answer = call(&endpoint, operation, request).await;
        assert!(answer.get("__type").is_none(), "{operation}: {answer}");
        assert_eq!(numbers(&endpoint).await, [Some(number.to_owned()), None], "{operation}");
    }
    set(&endpoint, "b", 1).await;
    call(&endpoint, "DeleteItem", json!({ "TableName": "Things", "Key": key("a") })).await;
    assert_eq!(numbers(&endpoint).await, [None, Some("1".into())]);
    call(&endpoint, "DeleteTable", json!({ "TableName": "Things" })).await;
    let gone = call(&endpoint, "GetItem", json!({ "TableName": "Things", "Key": key("b") })).await;
    assert!(gone["__type"].as_str().unwrap().ends_with("ResourceNotFoundException"), "{gone}");
    create_tables(&endpoint, [&table("id")]).await.unwrap();
    assert_eq!(numbers(&endpoint).await, [None, None]);
    dynamodb.stop().await;
}

#[tokio::test]
async fn an_expired_item_leaves_repeated_reads_too() {
    let dynamodb = started(None).await;
    let endpoint = dynamodb.endpoint();
    create_tables(&endpoint, [&table("id")]).await.unwrap();
    let expires = (time::OffsetDateTime::now_utc().unix_timestamp() + 1).to_string();
    let item = json!({ "id": { "S": "a" }, "n": { "N": "1" }, "expires_at": { "N": expires } });
    call(&endpoint, "PutItem", json!({ "TableName": "Things", "Item": item })).await;
    assert_eq!(numbers(&endpoint).await[0].as_deref(), Some("1"));
    let begun = Instant::now();
    while !batch(&endpoint).await.is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(10), "the item stays");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    dynamodb.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_reader_misses_a_write_that_was_answered() {
    let dynamodb = started(None).await;
    let endpoint = dynamodb.endpoint();
    create_tables(&endpoint, [&table("id")]).await.unwrap();
    set(&endpoint, "a", 0).await;
    let written = Arc::new(AtomicU64::new(0));
    let reading: Vec<_> = (0..3)
        .map(|_| {
            let (endpoint, written) = (endpoint.clone(), Arc::clone(&written));
            tokio::spawn(async move {
                let mut last = 0;
                while last < 200 {
                    let floor = written.load(Ordering::SeqCst).max(last);
                    let found = batch(&endpoint).await[0]["n"]["N"].as_str().unwrap().parse::<u64>().unwrap();
                    assert!(found >= floor, "{found} was read after {floor}");
                    last = found;
                }
            })
        })
        .collect();
    for number in 1..=200 {
        set(&endpoint, "a", number).await;
        written.store(number.into(), Ordering::SeqCst);
    }
    for reader in reading {
        tokio::time::timeout(Duration::from_secs(20), reader).await.expect("a reader is behind").unwrap();
    }
    dynamodb.stop().await;
}

#[tokio::test]
async fn what_is_wrong_is_answered_by_the_database() {
    let dynamodb = started(None).await;
    let endpoint = dynamodb.endpoint();
    create_tables(&endpoint, [&table("id")]).await.unwrap();
    numbers(&endpoint).await;
    let failing = json!({ "TableName": "Things", "Key": key("a"), "UpdateExpression": "SET n = n + :n",
        "ExpressionAttributeValues": { ":n": { "N": "1" } } });
    for (operation, request, kind) in [
        ("BatchGetItem", json!({ "RequestItems": { "Things": { "Keys": [key("a"), key("a")] } } }), "ValidationException"),
        ("BatchGetItem", json!({ "RequestItems": { "Things": { "Keys": [{ "x": { "S": "a" } }] } } }), "ValidationException"),
        ("BatchGetItem", json!({ "RequestItems": { "Nothing": { "Keys": [key("a")] } } }), "ResourceNotFoundException"),
        ("GetItem", json!({ "TableName": "Things", "Key": { "id": { "N": "1" } } }), "ValidationException"),
        ("UpdateItem", failing, "ValidationException"),
        ("UpdateItem", json!({ "TableName": "Things" }), "ValidationException"),
    ] {
        let answer = call(&endpoint, operation, request).await;
        assert!(answer["__type"].as_str().is_some_and(|found| found.ends_with(kind)), "{operation}: {answer}");
    }
    dynamodb.stop().await;
}
