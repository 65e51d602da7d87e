//! DynamoDB in this process on its own loopback listener, stored in a file or in memory. Creates the template's tables and expires items by TTL.

mod cache;
mod front;
mod requests;

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use dynoxide::{Database, server};
use http::Request;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinHandle};

use self::front::Front;
use crate::aws_request::{NoResponse, send};
use crate::http_server::HttpServer;
use crate::stack::Table;

/// Why DynamoDB did not start.
#[derive(Debug)]
pub enum DynamoDbError {
    /// The file cannot be opened.
    OpenFailed(String),
    /// An external endpoint does not respond.
    NoResponse(NoResponse),
    /// A table of this name exists with other keys or indexes.
    SchemaMismatch { table: String },
    /// The service rejects the template's table.
    TableRejected {
        table: String,
        /// The service's message.
        reason: String,
    },
}

impl fmt::Display for DynamoDbError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OpenFailed(reason) => write!(f, "the DynamoDB file cannot be opened: {reason}"),
            Self::NoResponse(error) => write!(f, "DynamoDB: {error}; if AWS_ENDPOINT_URL_DYNAMODB is set, check it"),
            Self::SchemaMismatch { table } => {
                write!(
                    f,
                    "the existing table {table} has other keys than the template's: `local reset` deletes it with all other data"
                )
            }
            Self::TableRejected { table, reason } => write!(f, "DynamoDB rejects the template's table {table}: {reason}"),
        }
    }
}

impl std::error::Error for DynamoDbError {}

impl From<NoResponse> for DynamoDbError {
    fn from(error: NoResponse) -> Self {
        Self::NoResponse(error)
    }
}

#[derive(Debug)]
pub struct DynamoDb {
    front: HttpServer,
    stopping: watch::Sender<bool>,
    serving: Option<JoinHandle<()>>,
    sweeping: AbortHandle,
}

impl DynamoDb {
    /// Serves the file, or memory, and removes expired items every `sweep` (AWS takes hours or days).
    pub async fn start(file: Option<&Path>, sweep: Duration) -> Result<Self, DynamoDbError> {
        let database = match file {
            Some(file) => Database::new(&file.to_string_lossy()),
            None => Database::memory(),
        }
        .map_err(|error| DynamoDbError::OpenFailed(error.to_string()))?;
        let failed = |error: io::Error| DynamoDbError::OpenFailed(error.to_string());
        let behind = listen().await.map_err(failed)?;
        let front = Arc::new(Front::new(database.clone(), behind.local_addr().map_err(failed)?));
        let sweeping = tokio::spawn(expire_items_every(sweep, database.clone(), Arc::clone(&front))).abort_handle();
        let answer = move |request| Arc::clone(&front).answer(request);
        let front = HttpServer::serve(listen().await.map_err(failed)?, answer).map_err(failed)?;
        let (stopping, mut stopped) = watch::channel(false);
        let serving = tokio::spawn(async move {
            let shutdown = async move {
                let _ = stopped.wait_for(|stopping| *stopping).await;
            };
            if let Err(error) = server::serve_with_shutdown(behind, database, shutdown).await {
                tracing::error!(error, "DynamoDB has stopped");
            }
        });
        Ok(Self { front, stopping, serving: Some(serving), sweeping })
    }

    /// Value of `AWS_ENDPOINT_URL_DYNAMODB`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address())
    }

    pub fn address(&self) -> SocketAddr {
        self.front.address()
    }

    /// Waits briefly for open requests and closes the file.
    pub async fn stop(mut self) {
        self.sweeping.abort();
        self.front.stop();
        self.stopping.send_replace(true);
        if let Some(serving) = self.serving.take() {
            let abort = serving.abort_handle();
            if tokio::time::timeout(Duration::from_secs(1), serving).await.is_err() {
                abort.abort();
            }
        }
    }
}

impl Drop for DynamoDb {
    fn drop(&mut self) {
        self.sweeping.abort();
        self.stopping.send_replace(true);
    }
}

/// The server allows every CORS origin, as AWS does, but does not verify signatures. It therefore listens on a random loopback address of 127.0.0.0/8
/// where the system has more than one (Linux), so that web pages cannot guess it.
async fn listen() -> io::Result<TcpListener> {
    let [a, b, c] = [(); 3].map(|()| fastrand::u8(1..255));
    match TcpListener::bind((Ipv4Addr::new(127, a, b, c), 0)).await {
        Ok(listener) => Ok(listener),
        Err(_) => HttpServer::bind().await,
    }
}

/// Creates missing tables at the endpoint.
pub async fn create_tables(endpoint: &str, tables: impl IntoIterator<Item = &Table>) -> Result<(), DynamoDbError> {
    for table in tables {
        let name = || table.name.clone();
        let found = call(endpoint, "DescribeTable", &json!({ "TableName": table.name })).await?;
        match found {
            Ok(description) if !has_same_keys(&description["Table"], &table.create) => {
                return Err(DynamoDbError::SchemaMismatch { table: name() });
            }
            Ok(_) => {}
            Err(reason) if reason.contains("ResourceNotFoundException") => {
                let made = call(endpoint, "CreateTable", &table.create).await?;
                made.map_err(|reason| DynamoDbError::TableRejected { table: name(), reason })?;
            }
            Err(reason) => return Err(DynamoDbError::TableRejected { table: name(), reason }),
        }
        if let Some(attribute) = &table.ttl_attribute {
            let request =
                json!({ "TableName": table.name, "TimeToLiveSpecification": { "AttributeName": attribute, "Enabled": true } });
            match call(endpoint, "UpdateTimeToLive", &request).await? {
                Err(reason) if !reason.contains("already enabled") => {
                    return Err(DynamoDbError::TableRejected { table: name(), reason });
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// Counts the items of a table; the flag says that more exist beyond the first few megabytes.
pub(crate) async fn count(endpoint: &str, table: &str) -> Result<(u64, bool), String> {
    let (mut items, mut request) = (0, json!({ "TableName": table, "Select": "COUNT" }));
    for _ in 0..5 {
        let page = call(endpoint, "Scan", &request).await.map_err(|error| error.to_string())??;
        items += page["Count"].as_u64().unwrap_or_default();
        match page.get("LastEvaluatedKey") {
            Some(key) => request["ExclusiveStartKey"] = key.clone(),
            None => return Ok((items, false)),
        }
    }
    Ok((items, true))
}

/// Returns the response's JSON, or the service's error message.
async fn call(endpoint: &str, operation: &str, request: &Value) -> Result<Result<Value, String>, NoResponse> {
    let target = format!("DynamoDB_20120810.{operation}");
    let call = Request::post("/").header("x-amz-target", target).header("content-type", "application/x-amz-json-1.0");
    let answer = send(endpoint, call, Bytes::from(request.to_string())).await?;
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    Ok(match answer.status {
        200 => serde_json::from_str(&text).map_err(|error| error.to_string()),
        _ => Err(text),
    })
}

fn has_same_keys(existing: &Value, expected: &Value) -> bool {
    let indexes = |table: &Value, kind: &str| -> Vec<String> {
        let mut all: Vec<String> = table[kind]
            .as_array()
            .into_iter()
            .flatten()
            .map(|index| format!("{} {}", index["IndexName"], index["KeySchema"]))
            .collect();
        all.sort();
        all
    };
    let types = |table: &Value| -> Vec<String> {
        let mut all: Vec<String> = table["AttributeDefinitions"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|attribute| format!("{} {}", attribute["AttributeName"], attribute["AttributeType"]))
            .collect();
        all.sort();
        all
    };
    existing["KeySchema"] == expected["KeySchema"]
        && types(existing) == types(expected)
        && ["GlobalSecondaryIndexes", "LocalSecondaryIndexes"]
            .iter()
            .all(|kind| indexes(existing, kind) == indexes(expected, kind))
}

async fn expire_items_every(pause: Duration, database: Database, front: Arc<Front>) {
    loop {
        tokio::time::sleep(pause).await;
        let (database, write) = (database.clone(), front.write_everything());
        // The sweep waits for the database's lock, so it must not block a thread of the runtime.
        let sweep = move || {
            let swept = database.sweep_ttl();
            drop(write);
            swept
        };
        let swept = tokio::task::spawn_blocking(sweep).await;
        if let Ok(Err(error)) = swept {
            tracing::warn!(%error, "expired items were not removed");
        }
    }
}
