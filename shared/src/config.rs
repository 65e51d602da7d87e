//! Configuration: one struct per concern, read from the environment here and nowhere else. An error names the variable.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::error::Limit;

/// A variable is missing or makes no sense; says which and what it should be.
#[derive(Debug)]
pub struct ConfigError(String);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigError {}

/// A text that never shows in a log.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Where a secret comes from: given by the environment, or an ARN to fetch it by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// The value itself (the local cloud, tests, containers).
    Given(Secret),
    /// An AWS Secrets Manager ARN.
    Arn(String),
}

impl SecretSource {
    /// `DATABASE_URL`, else `DATABASE_SECRET_ARN`: a `mysql://` URL of any MySQL-compatible store.
    pub fn database() -> Result<Self, ConfigError> {
        Self::read("DATABASE_URL", "DATABASE_SECRET_ARN")
    }

    /// `JWT_SECRET`, else `JWT_SECRET_ARN`: one secret, or several `kid:secret` pairs parted by commas; the first signs, all verify.
    pub fn jwt() -> Result<Self, ConfigError> {
        Self::read("JWT_SECRET", "JWT_SECRET_ARN")
    }

    fn read(value: &str, arn: &str) -> Result<Self, ConfigError> {
        match (var(value), var(arn)) {
            (Some(given), _) => Ok(Self::Given(Secret(given))),
            (None, Some(arn)) => Ok(Self::Arn(arn)),
            (None, None) => Err(ConfigError(format!("{value} or {arn} must be set"))),
        }
    }
}

/// Where AWS is, and as whom to call it.
#[derive(Clone, Debug)]
pub struct Aws {
    /// `AWS_REGION`.
    pub region: String,
    /// `AWS_ACCESS_KEY_ID`, as Lambda sets it.
    pub access_key_id: String,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret_access_key: Secret,
    /// `AWS_SESSION_TOKEN`.
    pub session_token: Option<Secret>,
    /// Whether this is the real cloud: true unless an endpoint of the local cloud is set.
    pub is_real: bool,
}

impl Aws {
    /// Reads what Lambda puts into every function's environment.
    pub fn from_env() -> Result<Self, ConfigError> {
        Ok(Self {
            region: required("AWS_REGION")?,
            access_key_id: required("AWS_ACCESS_KEY_ID")?,
            secret_access_key: Secret(required("AWS_SECRET_ACCESS_KEY")?),
            session_token: var("AWS_SESSION_TOKEN").map(Secret),
            is_real: endpoint("LAMBDA").is_none(),
        })
    }
}

/// `AWS_ENDPOINT_URL_<SERVICE>`: where a service is when it is not AWS's own.
pub fn endpoint(service: &str) -> Option<String> {
    var(&format!("AWS_ENDPOINT_URL_{service}")).map(|url| url.trim_end_matches('/').to_owned())
}

/// Access tokens and sessions.
#[derive(Clone, Copy, Debug)]
pub struct Tokens {
    /// `JWT_EXPIRY`: life of an access token; hours (`24`), or with a unit (`90m`, `24h`).
    pub expiry: Duration,
    /// `SESSION_DAYS`: life of a session that is not used, in days.
    pub session_days: u32,
}

impl Tokens {
    /// Reads `JWT_EXPIRY` (24) and `SESSION_DAYS` (30).
    pub fn from_env() -> Result<Self, ConfigError> {
        let text = var("JWT_EXPIRY").unwrap_or_else(|| "24".into());
        let expiry = duration(&text)
            .ok_or_else(|| ConfigError(format!("JWT_EXPIRY must be hours (24) or like 90m, 24h, not {text:?}")))?;
        Ok(Self { expiry, session_days: parsed("SESSION_DAYS", 30)? })
    }
}

/// What the column of a message's text holds of the longest characters: 65,535 bytes.
const MOST_CHARACTERS: usize = 16_000;

/// Sizes and rates of what a person may do.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// `MAX_MESSAGE_LENGTH`: characters of a message.
    pub message_length: usize,
    /// `RATE_SEND`: messages per person and room.
    pub send: Limit,
    /// `RATE_REGISTER`: accounts per address.
    pub register: Limit,
    /// `RATE_LOGIN`: failed logins per account, and per address ten times as many.
    pub login: Limit,
    /// `RATE_CONNECT`: sockets opened per person.
    pub connect: Limit,
}

impl Limits {
    /// Reads `MAX_MESSAGE_LENGTH` (1000) and the `RATE_…` variables, each `count/seconds`.
    pub fn from_env() -> Result<Self, ConfigError> {
        let message_length = parsed("MAX_MESSAGE_LENGTH", 1000)?;
        if !(1..=MOST_CHARACTERS).contains(&message_length) {
            return Err(ConfigError(format!("MAX_MESSAGE_LENGTH must be 1 to {MOST_CHARACTERS}, not {message_length}")));
        }
        Ok(Self {
            message_length,
            send: rate("RATE_SEND", Limit { quota: 30, window: 10 })?,
            register: rate("RATE_REGISTER", Limit { quota: 20, window: 3600 })?,
            login: rate("RATE_LOGIN", Limit { quota: 10, window: 300 })?,
            connect: rate("RATE_CONNECT", Limit { quota: 60, window: 60 })?,
        })
    }
}

/// The DynamoDB tables.
#[derive(Clone, Debug)]
pub struct Tables {
    /// `CONNECTIONS_TABLE`.
    pub connections: String,
    /// `EPHEMERAL_TABLE`.
    pub ephemeral: String,
}

impl Tables {
    /// Reads the names of the two tables.
    pub fn from_env() -> Result<Self, ConfigError> {
        Ok(Self { connections: required("CONNECTIONS_TABLE")?, ephemeral: required("EPHEMERAL_TABLE")? })
    }
}

/// How frames leave.
#[derive(Clone, Debug)]
pub struct Push {
    /// `AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI`, else `PUSH_ENDPOINT`: the WebSocket API's execute-api URL with its stage.
    pub endpoint: String,
    /// `FANOUT_FUNCTION`: name or ARN of the function that serves large audiences.
    pub fanout_function: Option<String>,
    /// `PUSH_INLINE`: up to so many connections are served by the sender itself.
    pub inline: usize,
    /// `PUSH_SHARD`: connections per invocation of `fanout`.
    pub shard: usize,
    /// `PUSH_BUSY`: beyond so many live connections a room tells of changes at most once a second.
    pub busy: usize,
}

impl Push {
    /// Reads the push endpoint and the thresholds (100, 500, 1000).
    pub fn from_env() -> Result<Self, ConfigError> {
        let endpoint = match endpoint("APIGATEWAYMANAGEMENTAPI") {
            Some(url) => url,
            None => required("PUSH_ENDPOINT")?.trim_end_matches('/').to_owned(),
        };
        Ok(Self {
            endpoint,
            fanout_function: var("FANOUT_FUNCTION"),
            inline: parsed("PUSH_INLINE", 100)?,
            shard: parsed("PUSH_SHARD", 500)?,
            busy: parsed("PUSH_BUSY", 1000)?,
        })
    }
}

/// `ALLOWED_ORIGINS`: the origins whose pages may open a socket, parted by commas; `*` or nothing means any.
pub fn allowed_origins() -> Vec<String> {
    let text = var("ALLOWED_ORIGINS").unwrap_or_default();
    text.split(',').map(str::trim).filter(|origin| !origin.is_empty()).map(str::to_owned).collect()
}

/// `WEBSOCKET_URL`: where clients open their sockets, as told with a ticket.
pub fn websocket_url() -> Result<String, ConfigError> {
    required("WEBSOCKET_URL")
}

/// `LOG_LEVEL` (info): a level, or a filter such as `info,sqlx=warn`.
pub fn log_level() -> String {
    var("LOG_LEVEL").unwrap_or_else(|| "info".into())
}

/// An empty value is as good as none: templates cannot leave a variable out.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
fn var(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn required(name: &str) -> Result<String, ConfigError> {
    var(name).ok_or_else(|| ConfigError(format!("{name} must be set")))
}

fn parsed<T: FromStr>(name: &str, default: T) -> Result<T, ConfigError> {
    match var(name) {
        None => Ok(default),
        Some(text) => text.trim().parse().map_err(|_| ConfigError(format!("{name} must be a whole number, not {text:?}"))),
    }
}

fn rate(name: &str, default: Limit) -> Result<Limit, ConfigError> {
    let Some(text) = var(name) else { return Ok(default) };
    text.split_once('/')
        .and_then(|(quota, window)| Some(Limit { quota: quota.trim().parse().ok()?, window: window.trim().parse().ok()? }))
        .filter(|limit| limit.quota > 0 && limit.window > 0)
        .ok_or_else(|| ConfigError(format!("{name} must be count/seconds such as 30/10, not {text:?}")))
}

/// `24` and `24h` are hours, `90m` minutes, `30s` seconds.
fn duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let (digits, unit) = match text.as_bytes().last()? {
        b'h' => (&text[..text.len() - 1], 3600),
        b'm' => (&text[..text.len() - 1], 60),
        b's' => (&text[..text.len() - 1], 1),
        _ => (text, 3600),
    };
    let seconds = digits.trim().parse::<u64>().ok()?.checked_mul(unit)?;
    (1..=31_536_000).contains(&seconds).then(|| Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expiry_is_hours_unless_it_names_its_unit() {
        assert_eq!(duration("24"), Some(Duration::from_hours(24)));
        assert_eq!(duration("90m"), Some(Duration::from_mins(90)));
        assert_eq!(duration("2h"), Some(Duration::from_hours(2)));
        for text in ["", "0", "-1", "soon", "1d", "99999999"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn a_secret_does_not_show_itself() {
        assert_eq!(format!("{:?}", SecretSource::Given(Secret::new("hunter2"))), "Given(***)");
    }
}
