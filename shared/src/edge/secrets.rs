//! Secrets: given by the environment, or fetched from AWS Secrets Manager by their ARN, when the function starts and when one was rotated.

use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use crate::config::{self, Again, Aws, Secret, SecretSource};
use crate::error::{Error, Result};
use crate::push::signed::{Call, Signed};
use crate::time::Timestamp;

const TIMEOUT: Duration = Duration::from_secs(3);
/// MySQL's port.
const PORT: u16 = 3306;
/// Where RDS's own secrets name no database: the name that the template gives its cluster.
const DATABASE: &str = "conchat";

/// The secret's text.
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
    let call = Call {
        service: "secretsmanager",
        method: http::Method::POST,
        url: format!("{}/", config::service_url("secretsmanager", &aws.region)),
        headers: &[("content-type", "application/x-amz-json-1.1"), ("x-amz-target", "secretsmanager.GetSecretValue")],
        body: serde_json::json!({ "SecretId": arn }).to_string().into(),
    };
    let answer = Signed::new(aws).call(call, Timestamp::now(), TIMEOUT).await?;
    if !answer.status().is_success() {
        return Err(Error::unavailable(format!("GetSecretValue of {arn} answered {}", answer.status())));
    }
    // The parser's own words would quote the secret.
    let answer: Answer = serde_json::from_slice(answer.body()).map_err(|_| Error::internal(format!("{arn} holds no text")))?;
    Ok(Secret::new(answer.text))
}

/// The store's URL: the secret's text, or made from RDS's own form of one.
pub async fn store_url(source: &SecretSource, aws: &Aws) -> Result<Secret> {
    url(&resolve(source, aws).await?)
}

/// How to read a secret again, if it came from where it can be rotated; `read` says how.
pub fn again<F>(source: &SecretSource, aws: &Aws, read: fn(SecretSource, Aws) -> F) -> Option<Again>
where
    F: Future<Output = Result<Secret>> + Send + 'static,
{
    let (source, aws) = match source {
        SecretSource::Given(_) => return None,
        SecretSource::Arn(_) => (source.clone(), aws.clone()),
    };
    Some(Again::new(move || Box::pin(read(source.clone(), aws.clone()))))
}

fn url(text: &Secret) -> Result<Secret> {
    /// As RDS, Aurora and their rotation write it.
    #[derive(Deserialize)]
    struct OfRds {
        username: String,
        password: String,
        host: String,
        port: Option<Port>,
        dbname: Option<String>,
    }
    /// RDS writes a number, people a text.
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Port {
        Number(u16),
        Text(String),
    }
    if !text.expose().trim_start().starts_with('{') {
        return Ok(Secret::new(text.expose().trim()));
    }
    let wrong = || Error::internal("the store's secret must be a mysql:// URL, or have username, password and host");
    let of: OfRds = serde_json::from_str(text.expose()).map_err(|_| wrong())?;
    let port = match of.port {
        None => PORT,
        Some(Port::Number(port)) => port,
        Some(Port::Text(port)) => port.trim().parse().map_err(|_| wrong())?,
    };
    let [username, password, database] = [&of.username, &of.password, of.dbname.as_deref().unwrap_or(DATABASE)]
        .map(|part| utf8_percent_encode(part, NON_ALPHANUMERIC).to_string());
    // RDS's certificates are signed by an authority of its own, which no list of public ones has: TLS, but the host's name is not proved.
    Ok(Secret::new(format!("mysql://{username}:{password}@{}:{port}/{database}?ssl-mode=REQUIRED", of.host)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(text: &str) -> Result<String, String> {
        url(&Secret::new(text)).map(|url| url.expose().to_owned()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_url_stands_as_it_is() {
        assert_eq!(made("mysql://a:b@c/d\n").as_deref(), Ok("mysql://a:b@c/d"));
    }

    #[test]
    fn the_form_of_rds_becomes_a_url_with_tls() {
        let of_rds = r#"{"username":"conchat","password":"p@s/s:w%rd?#&","engine":"mysql","host":"c.cluster-x.rds.amazonaws.com","port":3307,"dbname":"chat","dbClusterIdentifier":"c"}"#;
        let expected = "mysql://conchat:p%40s%2Fs%3Aw%25rd%3F%23%26@c.cluster-x.rds.amazonaws.com:3307/chat?ssl-mode=REQUIRED";
        assert_eq!(made(of_rds).as_deref(), Ok(expected));
        let short = r#"{"username":"a","password":"b","host":"h"}"#;
        assert_eq!(made(short).as_deref(), Ok("mysql://a:b@h:3306/conchat?ssl-mode=REQUIRED"));
        assert_eq!(
            made(&short.replace('}', r#","port":"3308"}"#)).as_deref(),
            Ok("mysql://a:b@h:3308/conchat?ssl-mode=REQUIRED")
        );
    }

    #[test]
    fn a_wrong_secret_is_refused_without_being_shown() {
        for text in [
            r#"{"username":"a","password":"hunter2"}"#,
            r#"{"password":"hunter2""#,
            r#"{"username":"a","password":"hunter2","host":"h","port":"x"}"#,
        ] {
            let error = url(&Secret::new(text)).expect_err("refused");
            assert!(!format!("{error:?} {error} {:?}", error.source()).contains("hunter2"), "{error:?}");
        }
    }
}
