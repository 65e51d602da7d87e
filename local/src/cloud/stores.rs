//! The stores. Each starts here unless the caller's environment names an external one. Queues always run here, because event sources poll them in
//! this process.

use std::sync::Arc;
use std::time::Instant;

use super::data::DataFolder;
use super::{CloudError, CloudOptions, DataLocation};
use crate::dynamodb::{self, DynamoDb};
use crate::faults;
use crate::inspection::StoreInfo;
use crate::mysql::{MySql, MySqlOptions};
use crate::s3::{self, S3};
use crate::sqs::Sqs;
use crate::stack::Stack;

#[derive(Debug)]
pub(super) struct Stores {
    mysql: StoreHandle<MySql>,
    dynamodb: StoreHandle<DynamoDb>,
    s3: StoreHandle<S3>,
    sqs: Sqs,
}

/// A store and its URL; `own` is `None` for an external store.
#[derive(Debug)]
struct StoreHandle<T> {
    url: String,
    own: Option<T>,
}

impl Stores {
    pub(super) async fn start(stack: &Stack, data: &DataFolder, options: &CloudOptions) -> Result<Self, CloudError> {
        let (mysql, dynamodb, s3, sqs) = tokio::join!(
            start_mysql(data, options),
            start_dynamodb(stack, data, options),
            start_s3(stack, data, options),
            start_sqs(stack, data, options)
        );
        Ok(Self { mysql: mysql?, dynamodb: dynamodb?, s3: s3?, sqs: sqs? })
    }

    pub(super) fn mysql(&self) -> Option<&MySql> {
        self.mysql.own.as_ref()
    }

    pub(super) fn database_url(&self) -> String {
        self.mysql.url.clone()
    }

    /// The URL for functions whose template has another user for migrations; a database of the caller's own has one user.
    pub(super) fn functions_database_url(&self) -> String {
        self.mysql.own.as_ref().map_or_else(|| self.mysql.url.clone(), MySql::restricted_url)
    }

    /// Addresses of the local stores, for fault injection.
    pub(super) fn fault_targets(&self) -> faults::StoreAddresses {
        faults::StoreAddresses {
            mysql: self.mysql.own.as_ref().map(MySql::address),
            dynamodb: self.dynamodb.own.as_ref().map(DynamoDb::address),
            s3: self.s3.own.as_ref().map(S3::address),
            sqs: Some(self.sqs.address()),
        }
    }

    pub(super) fn dynamodb_endpoint(&self) -> &str {
        &self.dynamodb.url
    }

    pub(super) fn s3_endpoint(&self) -> &str {
        &self.s3.url
    }

    pub(super) fn sqs(&self) -> &Sqs {
        &self.sqs
    }

    /// Store descriptions for the inspection page.
    pub(super) fn describe(&self) -> Vec<StoreInfo> {
        let process = self.mysql.own.as_ref().map(MySql::probe);
        vec![
            StoreInfo { name: "MySQL", url: self.mysql.url.clone(), own: self.mysql.own.is_some(), process },
            StoreInfo { name: "DynamoDB", url: self.dynamodb.url.clone(), own: self.dynamodb.own.is_some(), process: None },
            StoreInfo { name: "S3", url: self.s3.url.clone(), own: self.s3.own.is_some(), process: None },
            StoreInfo { name: "SQS", url: self.sqs.endpoint(), own: true, process: None },
        ]
    }

    pub(super) async fn stop(self) {
        self.sqs.stop();
        if let Some(s3) = self.s3.own {
            s3.stop();
        }
        if let Some(dynamodb) = self.dynamodb.own {
            dynamodb.stop().await;
        }
        if let Some(mysql) = self.mysql.own {
            mysql.stop().await;
        }
    }
}

fn external_store<T>(options: &CloudOptions, name: &str) -> Option<StoreHandle<T>> {
    let url = options.env_var(name)?;
    Some(StoreHandle { url: url.trim_end_matches('/').to_owned(), own: None })
}

async fn start_mysql(data: &DataFolder, options: &CloudOptions) -> Result<StoreHandle<MySql>, CloudError> {
    if let Some(place) = external_store(options, "DATABASE_URL") {
        return Ok(place);
    }
    let begun = Instant::now();
    let durable = options.data != DataLocation::Temporary;
    let folder = data.path().join("mysql");
    if !folder.join("mysql").is_dir() {
        options.lambda.journal.note("  MySQL          creates an empty database (first start only) …");
    }
    let mysql = MySql::start(&folder, MySqlOptions { durable, port: None }).await?;
    note_start(options, "MySQL", begun);
    tokio::spawn(mysql.probe().restart_on_exit(Arc::clone(&options.lambda.journal)));
    Ok(StoreHandle { url: mysql.url(), own: Some(mysql) })
}

async fn start_dynamodb(stack: &Stack, data: &DataFolder, options: &CloudOptions) -> Result<StoreHandle<DynamoDb>, CloudError> {
    let begun = Instant::now();
    let place = if let Some(place) = external_store(options, "AWS_ENDPOINT_URL_DYNAMODB") {
        place
    } else {
        let file = (options.data != DataLocation::Temporary).then(|| data.path().join("dynamodb.sqlite"));
        let own = DynamoDb::start(file.as_deref(), options.ttl_sweep).await?;
        StoreHandle { url: own.endpoint(), own: Some(own) }
    };
    dynamodb::create_tables(&place.url, stack.tables.values()).await?;
    note_start(options, "DynamoDB", begun);
    Ok(place)
}

async fn start_s3(stack: &Stack, data: &DataFolder, options: &CloudOptions) -> Result<StoreHandle<S3>, CloudError> {
    let begun = Instant::now();
    if let Some(place) = external_store(options, "AWS_ENDPOINT_URL_S3") {
        s3::buckets::create(&place.url, &stack.region, stack.buckets.values()).await.map_err(CloudError::CommandFailed)?;
        return Ok(place);
    }
    let folder = data.path().join("s3");
    let s3 = S3::start(&folder, stack.buckets.values()).await.map_err(CloudError::io(format!("serve {}", folder.display())))?;
    note_start(options, "S3", begun);
    Ok(StoreHandle { url: s3.endpoint(), own: Some(s3) })
}

async fn start_sqs(stack: &Stack, data: &DataFolder, options: &CloudOptions) -> Result<Sqs, CloudError> {
    let begun = Instant::now();
    let file = (options.data != DataLocation::Temporary).then(|| data.path().join("queues.sqlite"));
    let sqs = Sqs::start(file.as_deref(), &stack.region, options.clock.clone(), stack.queues.values()).await;
    let sqs = sqs.map_err(CloudError::Sqs)?;
    note_start(options, "SQS", begun);
    Ok(sqs)
}

fn note_start(options: &CloudOptions, what: &str, begun: Instant) {
    options.lambda.journal.note(&format!("  {what:<14}{:>6} ms", begun.elapsed().as_millis()));
}
