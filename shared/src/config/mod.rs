//! Configuration: one struct per concern, read from the environment only here. Errors name the variable.

mod quota;
mod secrets;
mod service_urls;
mod strength;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::error::Limit;

pub use quota::Quota;
pub use secrets::{Secret, SecretReader, SecretSource};
pub use service_urls::{bucket_url, service_url};
pub use strength::looks_random;

/// A missing or invalid variable, with the expected value.
#[derive(Debug)]
pub struct ConfigError(String);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigError {}

/// Region and credentials of AWS.
#[derive(Clone, Debug)]
pub struct Aws {
    pub region: String,
    pub access_key_id: String,
    pub secret_access_key: Secret,
    pub session_token: Option<Secret>,
    /// False only in the local cloud.
    pub is_real: bool,
}

impl Aws {
    /// Reads the variables that Lambda sets for every function.
    pub fn from_env() -> Result<Self, ConfigError> {
        let access_key_id = required("AWS_ACCESS_KEY_ID")?;
        Ok(Self {
            region: required("AWS_REGION")?,
            secret_access_key: Secret::new(required("AWS_SECRET_ACCESS_KEY")?),
            session_token: var("AWS_SESSION_TOKEN").map(Secret::new),
            is_real: is_real(var("LOCAL_CLOUD").as_deref(), &access_key_id),
            access_key_id,
        })
    }
}

/// The access key of the local cloud's functions. Lambda sets the key on AWS, and AWS never issues this one.
const LOCAL_ACCESS_KEY: &str = "AKIALOCALLOCALLOCAL0";

/// Whether this is AWS, where well-known secrets are refused. False only when both `LOCAL_CLOUD` and the credentials say so.
fn is_real(local_cloud: Option<&str>, access_key_id: &str) -> bool {
    !(local_cloud == Some("true") && access_key_id == LOCAL_ACCESS_KEY)
}

/// `AWS_ENDPOINT_URL_<SERVICE>`: a custom endpoint of a service.
pub fn endpoint(service: &str) -> Option<String> {
    var(&format!("AWS_ENDPOINT_URL_{service}")).map(|url| url.trim_end_matches('/').to_owned())
}

/// Lifetimes of access tokens and sessions.
#[derive(Clone, Copy, Debug)]
pub struct TokenConfig {
    /// `JWT_EXPIRY`: lifetime of an access token in hours (`24`), or with a unit (`90m`, `24h`).
    pub expiry: Duration,
    /// `SESSION_DAYS`: lifetime of an unused session in days.
    pub session_days: u32,
}

impl TokenConfig {
    /// Reads `JWT_EXPIRY` (default 24) and `SESSION_DAYS` (default 30).
    pub fn from_env() -> Result<Self, ConfigError> {
        let text = var("JWT_EXPIRY").unwrap_or_else(|| "24".into());
        let expiry = duration(&text)
            .ok_or_else(|| ConfigError(format!("JWT_EXPIRY must be hours (24) or like 90m, 24h, not {text:?}")))?;
        Ok(Self { expiry, session_days: parsed("SESSION_DAYS", 30)? })
    }
}

/// The message column holds 65,535 bytes; a character takes up to four.
const MOST_CHARACTERS: usize = 16_000;

/// Sizes and rate limits per user.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// `MAX_MESSAGE_LENGTH`: characters of a message.
    pub message_length: usize,
    /// `RATE_SEND`: messages per user and room.
    pub send: Limit,
    /// `RATE_CHANGE`: edits and reactions per user and room.
    pub change: Limit,
    /// `RATE_REPEAT`: repetitions of a text per user and room.
    pub repeat: Limit,
    /// `RATE_FRAMES`: frames without another limit per socket; twice as many close the socket.
    pub frames: Limit,
    /// `RATE_ACT`: other actions per user: creating, joining and leaving rooms, adding and inviting people, friend requests, reports, profile
    /// changes.
    pub act: Limit,
    /// `RATE_REGISTER`: accounts per address.
    pub register: Limit,
    /// `RATE_LOGIN`: failed logins per account; ten times as many per address.
    pub login: Limit,
    /// `RATE_CONNECT`: opened sockets per user.
    pub connect: Limit,
    /// `RATE_SEARCH`: searches per user.
    pub search: Limit,
    /// `RATE_UPLOAD`: announced uploads per user, and as many completed ones.
    pub upload: Limit,
    /// `RATE_WORK`: work budget per user, in statements; a post to one's own socket and 25 rows cost one each.
    pub work: Limit,
    /// Storage quota per user.
    pub quota: Quota,
}

impl Limits {
    /// Reads `MAX_MESSAGE_LENGTH` (1000), the quota, and the `RATE_…` variables, each `count/seconds`.
    pub fn from_env() -> Result<Self, ConfigError> {
        let message_length = parsed("MAX_MESSAGE_LENGTH", 1000)?;
        if !(1..=MOST_CHARACTERS).contains(&message_length) {
            return Err(ConfigError(format!("MAX_MESSAGE_LENGTH must be 1 to {MOST_CHARACTERS}, not {message_length}")));
        }
        Ok(Self {
            message_length,
            send: rate("RATE_SEND", Limit { quota: 30, window: 10 })?,
            change: rate("RATE_CHANGE", Limit { quota: 60, window: 30 })?,
            repeat: rate("RATE_REPEAT", Limit { quota: 5, window: 60 })?,
            frames: rate("RATE_FRAMES", Limit { quota: 300, window: 60 })?,
            act: rate("RATE_ACT", Limit { quota: 120, window: 60 })?,
            register: rate("RATE_REGISTER", Limit { quota: 20, window: 3600 })?,
            login: rate("RATE_LOGIN", Limit { quota: 10, window: 300 })?,
            connect: rate("RATE_CONNECT", Limit { quota: 60, window: 60 })?,
            search: rate("RATE_SEARCH", Limit { quota: 60, window: 60 })?,
            upload: rate("RATE_UPLOAD", Limit { quota: 60, window: 60 })?,
            work: rate("RATE_WORK", Limit { quota: 1500, window: 15 })?,
            quota: Quota::from_env()?,
        })
    }
}

/// Names of the DynamoDB tables.
#[derive(Clone, Debug)]
pub struct TableNames {
    pub connections: String,
    pub ephemeral: String,
}

impl TableNames {
    pub fn from_env() -> Result<Self, ConfigError> {
        Ok(Self { connections: required("CONNECTIONS_TABLE")?, ephemeral: required("EPHEMERAL_TABLE")? })
    }
}

/// The bucket of images and files.
#[derive(Clone, Debug)]
pub struct MediaConfig {
    pub bucket: String,
    pub sizes: UploadSizes,
}

/// Maximum sizes of uploads in bytes.
#[derive(Clone, Copy, Debug)]
pub struct UploadSizes {
    pub avatar: u64,
    pub image: u64,
    pub file: u64,
}

/// An image is held in memory while it is verified.
const MOST_IMAGE_MB: u64 = 50;
/// The limit of a single S3 PUT.
const MOST_FILE_MB: u64 = 5120;

impl MediaConfig {
    /// Reads the bucket's name and the sizes (defaults 5, 20 and 100 MB of 2^20 bytes).
    pub fn from_env() -> Result<Self, ConfigError> {
        let size = |name, default, most| match parsed(name, default)? {
            megabytes if (1..=most).contains(&megabytes) => Ok(megabytes << 20),
            megabytes => Err(ConfigError(format!("{name} must be 1 to {most} MB, not {megabytes}"))),
        };
        Ok(Self {
            bucket: required("MEDIA_BUCKET")?,
            sizes: UploadSizes {
                avatar: size("UPLOAD_AVATAR_MB", 5, MOST_IMAGE_MB)?,
                image: size("UPLOAD_IMAGE_MB", 20, MOST_IMAGE_MB)?,
                file: size("UPLOAD_FILE_MB", 100, MOST_FILE_MB)?,
            },
        })
    }
}

/// Delivery of frames and notifications.
#[derive(Clone, Debug)]
pub struct PushConfig {
    /// `AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI`, else `PUSH_ENDPOINT`: the WebSocket API's execute-api URL with its stage.
    pub endpoint: String,
    /// `FANOUT_FUNCTION`: name or ARN of the function that serves large audiences.
    pub fanout_function: Option<String>,
    /// `PRESENCE_FUNCTION`: name or ARN of the function that announces presence changes; without it readers detect them.
    pub presence_function: Option<String>,
    /// `NOTIFY_FUNCTION`: name or ARN of the function that sends push notifications; without it none are sent.
    pub notify_function: Option<String>,
    /// `NOTIFY_MEMBERS`: in rooms with more members only mentioned users are notified.
    pub notify_members: usize,
    /// `PUSH_INLINE`: maximum number of connections that the sender serves itself.
    pub inline: usize,
    /// `PUSH_SHARD`: connections per invocation of `fanout`.
    pub shard: usize,
    /// `PUSH_BUSY`: beyond this many live connections a room announces changes at most once per second.
    pub busy: usize,
    /// `RATE_REACH`: strangers that a user may add, invite or message first; a public room counts as ten. The limit per stranger is a tenth.
    pub reach: Limit,
}

impl PushConfig {
    /// Reads the endpoint, the thresholds (defaults 100, 500, 1000, 200) and the limit.
    pub fn from_env() -> Result<Self, ConfigError> {
        let endpoint = match endpoint("APIGATEWAYMANAGEMENTAPI") {
            Some(url) => url,
            None => required("PUSH_ENDPOINT")?.trim_end_matches('/').to_owned(),
        };
        Ok(Self {
            endpoint,
            fanout_function: var("FANOUT_FUNCTION"),
            presence_function: var("PRESENCE_FUNCTION"),
            notify_function: var("NOTIFY_FUNCTION"),
            notify_members: parsed("NOTIFY_MEMBERS", 200)?,
            inline: parsed("PUSH_INLINE", 100)?,
            shard: parsed("PUSH_SHARD", 500)?,
            busy: parsed("PUSH_BUSY", 1000)?,
            reach: rate("RATE_REACH", Limit { quota: 100, window: 3600 })?,
        })
    }
}

/// Push notifications.
#[derive(Clone, Debug)]
pub struct NotifyConfig {
    /// `PUSH_CONTACT`: the operator's address for push services, a `mailto:` or `https:` URL; defaults to the WebSocket API's URL.
    pub contact: String,
    /// `NOTIFY_PAUSE`: minimum interval in seconds between notifications per user and room.
    pub pause: Duration,
}

impl NotifyConfig {
    /// Reads the contact and the pause (default 10, at most 20).
    pub fn from_env() -> Result<Self, ConfigError> {
        let own = required("PUSH_ENDPOINT")?.replacen("http:", "https:", 1);
        let pause = Duration::from_secs(parsed("NOTIFY_PAUSE", 10_u64)?.min(20));
        Ok(Self { contact: var("PUSH_CONTACT").unwrap_or(own), pause })
    }
}

/// `PUSH_HOSTS`: comma-separated hosts of push services: a name, `*.` and a name for all below it, or `*`.
pub fn push_hosts() -> Vec<String> {
    let text = var("PUSH_HOSTS").unwrap_or_default();
    text.split(',').map(str::trim).filter(|host| !host.is_empty()).map(str::to_owned).collect()
}

/// `PRESENCE_GRACE` (default 5): seconds, 1 to 30, before a user without a socket is announced as offline.
pub fn presence_grace() -> Result<Duration, ConfigError> {
    match parsed("PRESENCE_GRACE", 5)? {
        seconds @ 1..=30 => Ok(Duration::from_secs(seconds)),
        seconds => Err(ConfigError(format!("PRESENCE_GRACE must be 1 to 30 seconds, not {seconds}"))),
    }
}

/// `ALLOWED_ORIGINS`: comma-separated origins whose pages may open a socket; `*` or nothing allows any.
pub fn allowed_origins() -> Vec<String> {
    let text = var("ALLOWED_ORIGINS").unwrap_or_default();
    text.split(',').map(str::trim).filter(|origin| !origin.is_empty()).map(str::to_owned).collect()
}

/// `DOCS` (default on): whether the documentation and the API documents are served.
pub fn docs() -> Result<bool, ConfigError> {
    match var("DOCS").as_deref() {
        None | Some("on") => Ok(true),
        Some("off") => Ok(false),
        Some(other) => Err(ConfigError(format!("DOCS must be on or off, not {other:?}"))),
    }
}

/// `WEBSOCKET_URL`: the socket URL that a ticket's response contains.
pub fn websocket_url() -> Result<String, ConfigError> {
    required("WEBSOCKET_URL")
}

/// `LOG_LEVEL` (default info): a level, or a filter such as `info,sqlx=warn`.
pub fn log_level() -> String {
    var("LOG_LEVEL").unwrap_or_else(|| "info".into())
}

/// `METRICS_NAMESPACE` (default `ConChat`): the CloudWatch namespace of the metrics.
pub fn metrics_namespace() -> String {
    var("METRICS_NAMESPACE").unwrap_or_else(|| "ConChat".into())
}

/// `AWS_USE_DUALSTACK_ENDPOINT`: whether to use AWS's dual-stack endpoints. A VPC without NAT reaches only those.
pub fn dual_stack() -> bool {
    var("AWS_USE_DUALSTACK_ENDPOINT").is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

/// Treats an empty value as unset: templates cannot omit a variable.
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
    fn only_the_local_cloud_is_not_aws() {
        for (local_cloud, access_key_id, real) in [
            (None, "ASIAIOSFODNN7EXAMPLE", true),
            (None, LOCAL_ACCESS_KEY, true),
            (Some("true"), "ASIAIOSFODNN7EXAMPLE", true),
            (Some("true"), "", true),
            (Some("false"), LOCAL_ACCESS_KEY, true),
            (Some("TRUE "), LOCAL_ACCESS_KEY, true),
            (Some("true"), LOCAL_ACCESS_KEY, false),
        ] {
            assert_eq!(is_real(local_cloud, access_key_id), real, "{local_cloud:?} {access_key_id}");
        }
    }

    #[test]
    fn a_secret_does_not_show_itself() {
        assert_eq!(format!("{:?}", SecretSource::Given(Secret::new("hunter2"))), "Given(***)");
    }
}
