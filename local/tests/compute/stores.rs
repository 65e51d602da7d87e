//! DynamoDB and S3 in this process: template resources exist, items expire, and CORS rules allow uploads.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use http::{Request, Response};
use local::dynamodb::{DynamoDb, DynamoDbError, create_tables};
use local::s3::S3;
use local::stack::{Bucket, Table};
use serde_json::{Value, json};

use crate::http_client::send;
use crate::support::until;

pub(crate) fn table(key: &str) -> Table {
    Table {
        name: "Things".into(),
        create: json!({
            "TableName": "Things",
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{ "AttributeName": key, "AttributeType": "S" }],
            "KeySchema": [{ "AttributeName": key, "KeyType": "HASH" }],
        }),
        ttl_attribute: Some("expires_at".into()),
    }
}

pub(crate) async fn call(endpoint: &str, operation: &str, request: Value) -> Value {
    let to: SocketAddr = endpoint.strip_prefix("http://").unwrap().parse().unwrap();
    let builder = Request::post("/")
        .header(
            "authorization",
            "AWS4-HMAC-SHA256 Credential=x/20261121/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0",
        )
        .header("x-amz-date", "20261121T000000Z")
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-target", format!("DynamoDB_20120810.{operation}"));
    serde_json::from_slice(send(to, builder, request.to_string()).await.body()).unwrap()
}

pub(crate) async fn started(file: Option<&Path>) -> DynamoDb {
    DynamoDb::start(file, Duration::from_millis(50)).await.unwrap()
}

#[tokio::test]
async fn tables_are_made_once_and_expired_items_go() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dynamodb.sqlite");
    let dynamodb = started(Some(&file)).await;
    create_tables(&dynamodb.endpoint(), [&table("id")]).await.unwrap();
    let now = time::OffsetDateTime::now_utc().unix_timestamp();
    for (id, expires) in [("old", now - 10), ("young", now + 3600)] {
        let item = json!({ "TableName": "Things", "Item": { "id": { "S": id }, "expires_at": { "N": expires.to_string() } } });
        call(&dynamodb.endpoint(), "PutItem", item).await;
    }
    let mut left = Value::Null;
    for _ in 0..200 {
        left = call(&dynamodb.endpoint(), "Scan", json!({ "TableName": "Things" })).await;
        if left["Count"] == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(left["Items"][0]["id"]["S"], "young", "{left}");
    dynamodb.stop().await;

    let again = started(Some(&file)).await;
    create_tables(&again.endpoint(), [&table("id")]).await.unwrap();
    let found = call(&again.endpoint(), "GetItem", json!({ "TableName": "Things", "Key": { "id": { "S": "young" } } })).await;
    assert_eq!(found["Item"]["id"]["S"], "young", "{found}");
    again.stop().await;
}

#[tokio::test]
async fn a_table_with_other_keys_is_not_taken_for_the_templates() {
    let dynamodb = started(None).await;
    create_tables(&dynamodb.endpoint(), [&table("id")]).await.unwrap();
    let error = create_tables(&dynamodb.endpoint(), [&table("name")]).await.unwrap_err();
    assert!(matches!(&error, DynamoDbError::SchemaMismatch { table } if table == "Things"));
    assert!(error.to_string().contains("local reset"), "{error}");
    dynamodb.stop().await;
}

async fn bucket(folder: &Path) -> S3 {
    let rules = json!([{
        "AllowedOrigins": ["https://*.example"], "AllowedMethods": ["GET", "PUT"], "AllowedHeaders": ["content-type", "x-amz-*"],
        "ExposedHeaders": ["ETag"], "MaxAge": 600,
    }]);
    S3::start(
        folder,
        [&Bucket { name: "files".into(), cors_rules: rules }, &Bucket { name: "closed".into(), cors_rules: json!([]) }],
    )
    .await
    .unwrap()
}

async fn preflight(s3: &S3, path: &str, origin: &str, method: &str, headers: &str) -> Response<bytes::Bytes> {
    let request = Request::options(path)
        .header("origin", origin)
        .header("access-control-request-method", method)
        .header("access-control-request-headers", headers);
    send(s3.address(), request, "").await
}

#[tokio::test]
async fn a_page_may_upload_where_a_rule_of_the_bucket_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let s3 = bucket(folder.path()).await;
    assert!(folder.path().join("files").is_dir() && folder.path().join("closed").is_dir());

    let allowed = preflight(&s3, "/files/a/b.png", "https://chat.example", "PUT", "content-type, X-Amz-Date").await;
    assert_eq!(allowed.status(), 200);
    let header = |name: &str| allowed.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("access-control-allow-origin"), "https://chat.example");
    assert_eq!(header("access-control-allow-methods"), "GET, PUT");
    assert_eq!(header("access-control-allow-headers"), "content-type, X-Amz-Date");
    assert_eq!(header("access-control-max-age"), "600");

    for (path, origin, method, headers) in [
        ("/files/a", "https://chat.example", "DELETE", ""),
        ("/files/a", "https://evil.test", "PUT", ""),
        ("/files/a", "https://chat.example", "PUT", "x-other"),
        ("/closed/a", "https://chat.example", "PUT", ""),
        ("/nowhere/a", "https://chat.example", "PUT", ""),
    ] {
        let refused = preflight(&s3, path, origin, method, headers).await;
        assert_eq!(refused.status(), 403, "{path} {origin} {method} {headers}");
        assert!(!refused.headers().contains_key("access-control-allow-origin"));
    }

    // Pages can read every response to their request, even a refusal.
    let unsigned = send(s3.address(), Request::get("/files/a").header("origin", "https://chat.example"), "").await;
    assert_eq!(unsigned.status(), 403);
    assert_eq!(unsigned.headers()["access-control-allow-origin"], "https://chat.example");
    assert_eq!(unsigned.headers()["access-control-expose-headers"], "ETag");

    s3.stop();
    until("it is closed", || std::net::TcpStream::connect(s3.address()).is_err()).await;
}
