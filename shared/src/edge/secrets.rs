//! Secrets: given by the environment, or fetched from AWS Secrets Manager by their ARN when the function starts.

use std::time::Duration;

use serde::Deserialize;

use crate::config::{Aws, Secret, SecretSource};
use crate::error::{Error, Result};
use crate::push::signed::{Call, Signed};
use crate::time::Timestamp;

const TIMEOUT: Duration = Duration::from_secs(3);

/// The secret's text.
pub async fn resolve(source: SecretSource, aws: &Aws) -> Result<Secret> {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(rename = "SecretString")]
        text: String,
    }
    let arn = match source {
        SecretSource::Given(secret) => return Ok(secret),
        SecretSource::Arn(arn) => arn,
    };
    let url = crate::config::endpoint("SECRETSMANAGER")
        .unwrap_or_else(|| format!("https://secretsmanager.{}.amazonaws.com", aws.region));
    let call = Call {
        service: "secretsmanager",
        method: http::Method::POST,
        url: format!("{url}/"),
        headers: &[("content-type", "application/x-amz-json-1.1"), ("x-amz-target", "secretsmanager.GetSecretValue")],
        body: serde_json::json!({ "SecretId": arn }).to_string().into(),
    };
    let answer = Signed::new(aws).call(call, Timestamp::now(), TIMEOUT).await?;
    if !answer.status().is_success() {
        return Err(Error::unavailable(format!("GetSecretValue of {arn} answered {}", answer.status())));
    }
    let answer: Answer = serde_json::from_slice(answer.body()).map_err(Error::internal)?;
    Ok(Secret::new(answer.text))
}
