//! Resolves secrets from the environment, or from AWS Secrets Manager by ARN, at start and after a rotation.

use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use crate::aws::sigv4_client::{SigV4Client, SigV4Request};
use crate::config::{self, Aws, Secret, SecretReader, SecretSource, Service};
use crate::error::{Error, Result};
use crate::time::Timestamp;

const TIMEOUT: Duration = Duration::from_secs(3);
const PORT: u16 = 3306;
/// The database that the template creates; used when an RDS secret names none.
const DATABASE: &str = "conchat";

/// Returns the secret's value.
pub async fn resolve(source: &SecretSource, aws: &Aws) -> Result<Secret> {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(rename = "SecretString")]
        text: String,
    }
    let arn = match source {
        SecretSource::Given(secret) => return Ok(secret.clone()),
        SecretSource::Arn(arn) => arn,
    };
    let call = SigV4Request {
        service: Service::SecretsManager.name(),
        method: http::Method::POST,
        url: format!("{}/", config::service_url(Service::SecretsManager, &aws.region)),
        headers: &[("content-type", "application/x-amz-json-1.1"), ("x-amz-target", "secretsmanager.GetSecretValue")],
        body: serde_json::json!({ "SecretId": arn }).to_string().into(),
    };
    let attempt = || format!("GetSecretValue of {arn}");
    let answer = SigV4Client::new(aws).call(call, Timestamp::now(), TIMEOUT).await.map_err(|error| error.during(attempt()))?;
    if !answer.status().is_success() {
        let refusal = format!("Secrets Manager answered {}", refusal(answer.status(), answer.body()));
        return Err(Error::unavailable(refusal).during(attempt()));
    }
    // The parser's message would quote the secret.
    let answer: Answer = serde_json::from_slice(answer.body())
        .map_err(|_| Error::internal("the secret has no text (SecretString)").during(attempt()))?;
    Ok(Secret::new(answer.text))
}

/// The status and type of a refusal, and what helps.
fn refusal(status: http::StatusCode, body: &[u8]) -> String {
    #[derive(Default, Deserialize)]
    struct SecretRefusal {
        #[serde(rename = "__type", default)]
        kind: String,
    }
    let SecretRefusal { kind } = serde_json::from_slice(body).unwrap_or_default();
    let kind = kind.rsplit('#').next().unwrap_or_default();
    let advice = match kind {
        "ResourceNotFoundException" => ": there is no such secret in this region and account",
        "AccessDeniedException" => {
            ": the function's role may read only the whole ARN, with its last six characters, under the key aws/secretsmanager"
        }
        _ => "",
    };
    format!("{} {kind}{advice}", status.as_u16())
}

/// Returns the store's URL: the secret itself, or built from an RDS secret.
pub async fn store_url(source: &SecretSource, aws: &Aws) -> Result<Secret> {
    parse_store_url(&resolve(source, aws).await?)
}

/// Returns a reader that resolves a rotatable secret again with `read`; none for secrets from the environment.
pub fn reader<F>(source: &SecretSource, aws: &Aws, read: fn(SecretSource, Aws) -> F) -> Option<SecretReader>
where
    F: Future<Output = Result<Secret>> + Send + 'static,
{
    let (source, aws) = match source {
        SecretSource::Given(_) => return None,
        SecretSource::Arn(_) => (source.clone(), aws.clone()),
    };
    Some(SecretReader::new(move || Box::pin(read(source.clone(), aws.clone()))))
}

fn parse_store_url(text: &Secret) -> Result<Secret> {
    /// The format that RDS and its rotation write.
    #[derive(Deserialize)]
    struct RdsSecret {
        username: String,
        password: String,
        host: String,
        port: Option<Port>,
        dbname: Option<String>,
    }
    /// RDS writes a number; people write strings.
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Port {
        Number(u16),
        Text(String),
    }
    let wrong = || {
        Error::internal(
            "the database's secret must be a URL mysql://user:password@host:3306/database, or JSON with username, password and host \
             (the secret that RDS manages itself has no host: create one of your own)",
        )
    };
    if !text.expose().trim_start().starts_with('{') {
        let url = text.expose().trim();
        let is_known = ["mysql://", "mariadb://"].iter().any(|scheme| url.starts_with(scheme));
        return if is_known { Ok(Secret::new(url)) } else { Err(wrong()) };
    }
    let of: RdsSecret = serde_json::from_str(text.expose()).map_err(|_| wrong())?;
    let port = match of.port {
        None => PORT,
        Some(Port::Number(port)) => port,
        Some(Port::Text(port)) => port.trim().parse().map_err(|_| wrong())?,
    };
    let [username, password, database] = [&of.username, &of.password, of.dbname.as_deref().unwrap_or(DATABASE)]
        .map(|part| utf8_percent_encode(part, NON_ALPHANUMERIC).to_string());
    // Without a mode: the server must prove its identity, except on loopback.
    Ok(Secret::new(format!("mysql://{username}:{password}@{}:{port}/{database}", of.host)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<String, String> {
        parse_store_url(&Secret::new(text)).map(|url| url.expose().to_owned()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_url_stands_as_it_is() {
        assert_eq!(parsed("mysql://a:b@c/d\n").as_deref(), Ok("mysql://a:b@c/d"));
    }

    #[test]
    fn the_form_of_rds_becomes_a_url_without_a_mode() {
        let of_rds = r#"{"username":"conchat","password":"p@s/s:w%rd?#&","engine":"mysql","host":"c.cluster-x.rds.amazonaws.com","port":3307,"dbname":"chat","dbClusterIdentifier":"c"}"#;
        let expected = "mysql://conchat:p%40s%2Fs%3Aw%25rd%3F%23%26@c.cluster-x.rds.amazonaws.com:3307/chat";
        assert_eq!(parsed(of_rds).as_deref(), Ok(expected));
        let short = r#"{"username":"a","password":"b","host":"h"}"#;
        assert_eq!(parsed(short).as_deref(), Ok("mysql://a:b@h:3306/conchat"));
        assert_eq!(parsed(&short.replace('}', r#","port":"3308"}"#)).as_deref(), Ok("mysql://a:b@h:3308/conchat"));
    }

    #[test]
    fn an_invalid_secret_is_refused_without_quoting_it() {
        for text in [
            r#"{"username":"a","password":"hunter2"}"#,
            "postgres://a:hunter2@h/d",
            "hunter2",
            "",
            r#"{"password":"hunter2""#,
            r#"{"username":"a","password":"hunter2","host":"h","port":"x"}"#,
        ] {
            let error = parse_store_url(&Secret::new(text)).expect_err("refused");
            assert!(!format!("{error:?} {error} {:?}", error.source()).contains("hunter2"), "{error:?}");
        }
    }
}
