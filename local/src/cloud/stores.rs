//! The stores: each is started here, unless the caller's environment names one of its own. Queues are always here, as they are polled in this process.

use std::{sync::Arc, time::Instant};

use super::{CloudError, CloudOptions, Data, data::DataFolder};
use crate::{
    dynamodb::{self, DynamoDb},
    faults,
    inspection::Store,
    mysql::{MySql, MySqlOptions},
    s3::{self, S3},
    sqs::Sqs,
    stack::Stack,
};

#[derive(Debug)]
pub(super) struct Stores {
    mysql: Place<MySql>,
    dynamodb: Place<DynamoDb>,
    s3: Place<S3>,
    sqs: Sqs,
}

/// A store and where it is; `own` is absent for one that the caller named.
#[derive(Debug)]
struct Place<T> {
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

    /// Where faults can be put in front of a store.
    pub(super) fn breakable(&self) -> faults::Stores {
        faults::Stores {
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

    /// What is shown of each.
    pub(super) fn shown(&self) -> Vec<Store> {
        let process = self.mysql.own.as_ref().map(MySql::probe);
        vec![
            Store { name: "MySQL", url: self.mysql.url.clone(), own: self.mysql.own.is_some(), process },
            Store { name: "DynamoDB", url: self.dynamodb.url.clone(), own: self.dynamodb.own.is_some(), process: None },
            Store { name: "S3", url: self.s3.url.clone(), own: self.s3.own.is_some(), process: None },
            Store { name: "SQS", url: self.sqs.endpoint(), own: true, process: None },
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

fn own_url<T>(options: &CloudOptions, name: &str) -> Option<Place<T>> {
    let url = options.given(name)?;
    Some(Place { url: url.trim_end_matches('/').to_owned(), own: None })
}

async fn start_mysql(data: &DataFolder, options: &CloudOptions) -> Result<Place<MySql>, CloudError> {
    if let Some(place) = own_url(options, "DATABASE_URL") {
        return Ok(place);
    }
    let begun = Instant::now();
    let durable = options.data != Data::Temporary;
    let folder = data.path().join("mysql");
    if !folder.join("mysql").is_dir() {
        options.lambda.journal.note("  MySQL          makes an empty database, the first time only …");
    }
    let mysql = MySql::start(&folder, MySqlOptions { durable, port: None }).await?;
    note(options, "MySQL", begun);
    tokio::spawn(mysql.probe().stand_by(Arc::clone(&options.lambda.journal)));
    Ok(Place { url: mysql.url(), own: Some(mysql) })
}

async fn start_dynamodb(stack: &Stack, data: &DataFolder, options: &CloudOptions) -> Result<Place<DynamoDb>, CloudError> {
    let begun = Instant::now();
    let place = if let Some(place) = own_url(options, "AWS_ENDPOINT_URL_DYNAMODB") {
        place
    } else {
        let file = (options.data != Data::Temporary).then(|| data.path().join("dynamodb.sqlite"));
        let own = DynamoDb::start(file.as_deref(), options.ttl_sweep).await?;
        Place { url: own.endpoint(), own: Some(own) }
    };
    dynamodb::create_tables(&place.url, stack.tables.values()).await?;
    note(options, "DynamoDB", begun);
    Ok(place)
}

async fn start_s3(stack: &Stack, data: &DataFolder, options: &CloudOptions) -> Result<Place<S3>, CloudError> {
    let begun = Instant::now();
    if let Some(place) = own_url(options, "AWS_ENDPOINT_URL_S3") {
        s3::buckets::create(&place.url, &stack.region, stack.buckets.values()).await.map_err(CloudError::Failed)?;
        return Ok(place);
    }
    let folder = data.path().join("s3");
    let s3 = S3::start(&folder, stack.buckets.values()).await.map_err(CloudError::io(format!("serve {}", folder.display())))?;
    note(options, "S3", begun);
    Ok(Place { url: s3.endpoint(), own: Some(s3) })
}

async fn start_sqs(stack: &Stack, data: &DataFolder, options: &CloudOptions) -> Result<Sqs, CloudError> {
    let begun = Instant::now();
    let file = (options.data != Data::Temporary).then(|| data.path().join("queues.sqlite"));
    let sqs = Sqs::start(file.as_deref(), &stack.region, options.clock.clone(), stack.queues.values()).await;
    let sqs = sqs.map_err(CloudError::Sqs)?;
    note(options, "SQS", begun);
    Ok(sqs)
}

fn note(options: &CloudOptions, what: &str, begun: Instant) {
    options.lambda.journal.note(&format!("  {what:<14}{:>6} ms", begun.elapsed().as_millis()));
}
