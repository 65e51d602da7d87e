//! DynamoDB in this process, on its own loopback listener, in a file or in memory; the tables are the template's, and expired items go.

use std::{
    fmt, io,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    time::Duration,
};

use dynoxide::{Database, server};
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    sync::watch,
    task::{AbortHandle, JoinHandle},
};

use crate::{
    loopback::Loopback,
    request::{NoAnswer, post},
    stack::Table,
};

/// Why there is no DynamoDB.
#[derive(Debug)]
pub enum DynamoDbError {
    /// The file could not be opened.
    NotOpened(String),
    /// An endpoint of one's own does not answer.
    NoAnswer(NoAnswer),
    /// A table of the same name but with other keys or indexes is there.
    Different {
        /// Its name.
        table: String,
    },
    /// The service refuses the template's table.
    Refused {
        /// Its name.
        table: String,
        /// What the service says.
        reason: String,
    },
}

impl fmt::Display for DynamoDbError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOpened(reason) => write!(f, "the DynamoDB file cannot be opened: {reason}"),
            Self::NoAnswer(error) => write!(f, "DynamoDB: {error}; if AWS_ENDPOINT_URL_DYNAMODB is set, see whether it is right"),
            Self::Different { table } => {
                write!(
                    f,
                    "the table {table} that is there has other keys than the template's: `local reset` forgets it, with all other data"
                )
            }
            Self::Refused { table, reason } => write!(f, "DynamoDB refuses the table {table} of the template: {reason}"),
        }
    }
}

impl std::error::Error for DynamoDbError {}

impl From<NoAnswer> for DynamoDbError {
    fn from(error: NoAnswer) -> Self {
        Self::NoAnswer(error)
    }
}

/// A running DynamoDB.
#[derive(Debug)]
pub struct DynamoDb {
    address: SocketAddr,
    stopping: watch::Sender<bool>,
    serving: Option<JoinHandle<()>>,
    sweeping: AbortHandle,
}

impl DynamoDb {
    /// Serves the file, or memory, and removes expired items every `sweep` (AWS takes its time too, only more of it).
    pub async fn start(file: Option<&Path>, sweep: Duration) -> Result<Self, DynamoDbError> {
        let database = match file {
            Some(file) => Database::new(&file.to_string_lossy()),
            None => Database::memory(),
        }
        .map_err(|error| DynamoDbError::NotOpened(error.to_string()))?;
        let listener = listen().await.map_err(|error| DynamoDbError::NotOpened(error.to_string()))?;
        let address = listener.local_addr().map_err(|error| DynamoDbError::NotOpened(error.to_string()))?;
        let (stopping, mut stopped) = watch::channel(false);
        let sweeping = tokio::spawn(sweep_every(sweep, database.clone())).abort_handle();
        let serving = tokio::spawn(async move {
            let shutdown = async move {
                let _ = stopped.wait_for(|stopping| *stopping).await;
            };
            if let Err(error) = server::serve_with_shutdown(listener, database, shutdown).await {
                tracing::error!(error, "DynamoDB has stopped");
            }
        });
        Ok(Self { address, stopping, serving: Some(serving), sweeping })
    }

    /// For `AWS_ENDPOINT_URL_DYNAMODB`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets requests finish, for a moment, and closes the file.
    pub async fn stop(mut self) {
        self.sweeping.abort();
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

/// The server lets pages of every origin in, as AWS's does, which checks signatures; this one does not. So it listens where no page looks for it:
/// at one of the sixteen million addresses of loopback, where the system has more than one (Linux).
async fn listen() -> io::Result<TcpListener> {
    let [a, b, c] = [(); 3].map(|()| fastrand::u8(1..255));
    match TcpListener::bind((Ipv4Addr::new(127, a, b, c), 0)).await {
        Ok(listener) => Ok(listener),
        Err(_) => Loopback::bind().await,
    }
}

/// Makes the tables that are absent, wherever the endpoint is.
pub async fn create_tables(endpoint: &str, tables: impl IntoIterator<Item = &Table>) -> Result<(), DynamoDbError> {
    for table in tables {
        let name = || table.name.clone();
        let found = call(endpoint, "DescribeTable", &json!({ "TableName": table.name })).await?;
        match found {
            Ok(description) if !same_keys(&description["Table"], &table.create) => {
                return Err(DynamoDbError::Different { table: name() });
            }
            Ok(_) => {}
            Err(reason) if reason.contains("ResourceNotFoundException") => {
                let made = call(endpoint, "CreateTable", &table.create).await?;
                made.map_err(|reason| DynamoDbError::Refused { table: name(), reason })?;
            }
            Err(reason) => return Err(DynamoDbError::Refused { table: name(), reason }),
        }
        if let Some(attribute) = &table.ttl_attribute {
            let request =
                json!({ "TableName": table.name, "TimeToLiveSpecification": { "AttributeName": attribute, "Enabled": true } });
            match call(endpoint, "UpdateTimeToLive", &request).await? {
                Err(reason) if !reason.contains("already enabled") => {
                    return Err(DynamoDbError::Refused { table: name(), reason });
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// How many items a table has, and whether it has more: a few megabytes are looked through at most.
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

/// The answer's JSON, or what the service says against it.
async fn call(endpoint: &str, operation: &str, request: &Value) -> Result<Result<Value, String>, NoAnswer> {
    let target = format!("DynamoDB_20120810.{operation}");
    let answer =
        post(endpoint, "/", &[("x-amz-target", &target), ("content-type", "application/x-amz-json-1.0")], request).await?;
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    Ok(match answer.status {
        200 => serde_json::from_str(&text).map_err(|error| error.to_string()),
        _ => Err(text),
    })
}

fn same_keys(there: &Value, wanted: &Value) -> bool {
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
    there["KeySchema"] == wanted["KeySchema"]
        && types(there) == types(wanted)
        && ["GlobalSecondaryIndexes", "LocalSecondaryIndexes"].iter().all(|kind| indexes(there, kind) == indexes(wanted, kind))
}

async fn sweep_every(pause: Duration, database: Database) {
    loop {
        tokio::time::sleep(pause).await;
        let database = database.clone();
        // It waits for the database's lock, so it must not hold a thread of the runtime.
        let swept = tokio::task::spawn_blocking(move || database.sweep_ttl()).await;
        if let Ok(Err(error)) = swept {
            tracing::warn!(%error, "expired items were not removed");
        }
    }
}
