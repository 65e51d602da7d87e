//! What all clients of the AWS SDK have in common: region, the function's role, our HTTP client, retries; and what their errors say.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_smithy_types::error::display::DisplayErrorContext;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;

use crate::config::{self, EndpointVariant, ServiceEndpoint};
use crate::error::Error;

/// Attempts of a call; throttling, lost connections and answers like 503 are worth another one.
const TRIES: u32 = 3;
const BACKOFF: Duration = Duration::from_millis(50);

/// The settings of a client. At AWS's own endpoints the SDK makes the name by its copy of the endpoint rules, which a test compares with ours: it
/// refuses dual-stack names that it is given.
pub(crate) fn settings(
    aws: &config::Aws,
    http: SharedHttpClient,
    timeouts: TimeoutConfig,
    endpoint: &ServiceEndpoint,
) -> SdkConfig {
    let token = aws.session_token.as_ref().map(|token| token.expose().to_owned());
    let credentials = Credentials::new(&aws.access_key_id, aws.secret_access_key.expose(), token, None, "environment");
    let mut settings = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new(aws.region.clone()))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(http)
        .timeout_config(timeouts)
        // Bodies are read whole, within the time limit of a call.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .retry_config(RetryConfig::standard().with_max_attempts(TRIES).with_initial_backoff(BACKOFF));
    if endpoint.is_aws {
        let EndpointVariant { dual_stack, fips } = EndpointVariant::from_env();
        settings.set_use_dual_stack(Some(dual_stack));
        settings.set_use_fips(Some(fips));
    } else {
        settings.set_endpoint_url(Some(endpoint.url.clone()));
    }
    settings.build()
}

/// The status of the service's answer; none when there was no answer.
pub(crate) fn status<E>(error: &SdkError<E, HttpResponse>) -> Option<u16> {
    error.raw_response().map(|answer| answer.status().as_u16())
}

/// A refusal is a matter of configuration or availability, never of the caller.
pub(crate) fn unavailable<E>(service: &str, error: &SdkError<E, HttpResponse>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    Error::unavailable(match status(error) {
        Some(status) => format!("{service} answered {status} {}", error.code().unwrap_or_default()),
        None => format!("{service}: {}", DisplayErrorContext(error)),
    })
}
