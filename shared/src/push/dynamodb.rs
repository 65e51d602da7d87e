//! The DynamoDB client. It gives up within two seconds: its data is disposable, and requests must not hang on it.

use std::sync::{Arc, LazyLock, OnceLock};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region};
use aws_sdk_dynamodb::{Client, Config};

use crate::config;
use crate::push::http;

/// Time limit of one attempt.
const ATTEMPT: Duration = Duration::from_millis(800);
/// Time limit of a call with all attempts.
const CALL: Duration = Duration::from_secs(2);

/// A client that is built by its first call, which keeps the start of other functions fast.
pub type LazyClient = Arc<LazyLock<Client, Box<dyn FnOnce() -> Client + Send>>>;

/// The shared client of this process, with the function's role.
pub fn client(aws: &config::Aws) -> LazyClient {
    static CLIENT: OnceLock<LazyClient> = OnceLock::new();
    Arc::clone(CLIENT.get_or_init(|| client_at(aws, config::endpoint("DYNAMODB"))))
}

/// A client for a DynamoDB at another endpoint.
pub fn client_at(aws: &config::Aws, endpoint: Option<String>) -> LazyClient {
    let aws = aws.clone();
    Arc::new(LazyLock::new(Box::new(move || connect(&aws, endpoint))))
}

fn connect(aws: &config::Aws, endpoint: Option<String>) -> Client {
    let token = aws.session_token.as_ref().map(|token| token.expose().to_owned());
    let timeouts =
        TimeoutConfig::builder().connect_timeout(ATTEMPT).operation_attempt_timeout(ATTEMPT).operation_timeout(CALL).build();
    let mut settings = Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new(aws.region.clone()))
        .credentials_provider(Credentials::new(&aws.access_key_id, aws.secret_access_key.expose(), token, None, "environment"))
        .timeout_config(timeouts)
        .http_client(http::sdk_client(ATTEMPT))
        .retry_config(RetryConfig::standard().with_max_attempts(3).with_initial_backoff(Duration::from_millis(50)));
    // The SDK rejects a custom endpoint together with dual stack.
    settings.set_use_dual_stack(endpoint.is_none().then(config::dual_stack));
    settings.set_endpoint_url(endpoint);
    Client::from_conf(settings.build())
}
