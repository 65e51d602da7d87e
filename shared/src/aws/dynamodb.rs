//! The DynamoDB client. It gives up within two seconds: its data is disposable, and requests must not hang on it.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_smithy_types::timeout::TimeoutConfig;

use crate::aws::{Lazy, http, lazy, sdk};
use crate::config::{self, ServiceEndpoint};

/// Time limit of one attempt.
const ATTEMPT: Duration = Duration::from_millis(800);
/// Time limit of a call with all attempts.
const CALL: Duration = Duration::from_secs(2);

pub type LazyClient = Lazy<Client>;

/// The shared client of this process, with the function's role.
pub fn client(aws: &config::Aws) -> LazyClient {
    static CLIENT: OnceLock<LazyClient> = OnceLock::new();
    Arc::clone(CLIENT.get_or_init(|| with_endpoint(aws, config::service_endpoint(config::Service::DynamoDb, &aws.region))))
}

/// A client for a DynamoDB at another endpoint.
pub fn client_at(aws: &config::Aws, url: String) -> LazyClient {
    with_endpoint(aws, ServiceEndpoint::other(url))
}

fn with_endpoint(aws: &config::Aws, endpoint: ServiceEndpoint) -> LazyClient {
    let aws = aws.clone();
    lazy(move || connect(&aws, &endpoint))
}

fn connect(aws: &config::Aws, endpoint: &ServiceEndpoint) -> Client {
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT).operation_timeout(CALL).build();
    Client::new(&sdk::settings(aws, http::sdk_client(http::client(ATTEMPT)), timeouts, endpoint))
}
