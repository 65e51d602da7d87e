//! Configuration: one struct per concern, read from the environment here and nowhere else. An error names the variable.

mod places;
mod quota;
mod secrets;
mod strength;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::error::Limit;

pub use places::{bucket_url, service_url};
pub use quota::Quota;
pub use secrets::{Again, Secret, SecretSource};
pub use strength::looks_random;

/// A variable is missing or makes no sense; says which and what it should be.
#[derive(Debug)]
pub struct ConfigError(String);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigError {}

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
    /// Whether this is the real cloud: true unless the local cloud says that it is not.
    pub is_real: bool,
}

impl Aws {
    /// Reads what Lambda puts into every function's environment.
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

/// The access key that the local cloud gives every function. On AWS nobody has it, and nobody can give a function another one than Lambda does.
const LOCAL_ACCESS_KEY: &str = "AKIALOCALLOCALLOCAL0";

/// Whether this is AWS: what is known to all is refused there. It is, unless `LOCAL_CLOUD` says otherwise, and the credentials say so, too.
fn is_real(local_cloud: Option<&str>, access_key_id: &str) -> bool {
    !(local_cloud == Some("true") && access_key_id == LOCAL_ACCESS_KEY)
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
    /// `RATE_CHANGE`: edits and reactions per person and room.
    pub change: Limit,
    /// `RATE_REPEAT`: the same text per person and room.
    pub repeat: Limit,
    /// `RATE_FRAMES`: frames of a socket that have no limit of their own; with twice as many the socket is closed.
    pub frames: Limit,
    /// `RATE_ACT`: what a person does besides messages: rooms made, joined and left, people added, asked and invited, reports,
    /// changes of one's profile.
    pub act: Limit,
    /// `RATE_REGISTER`: accounts per address.
    pub register: Limit,
    /// `RATE_LOGIN`: failed logins per account, and per address ten times as many.
    pub login: Limit,
    /// `RATE_CONNECT`: sockets opened per person.
    pub connect: Limit,
    /// `RATE_SEARCH`: searches per person.
    pub search: Limit,
    /// `RATE_UPLOAD`: uploads announced per person, and as many completed.
    pub upload: Limit,
    /// `RATE_WORK`: what a person's requests and frames may cost, in statements; a post to oneself is one, and so are 25 rows.
    pub work: Limit,
    /// What a person may keep.
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

/// Pictures and files.
#[derive(Clone, Debug)]
pub struct Media {
    /// `MEDIA_BUCKET`.
    pub bucket: String,
    /// How large they may be.
    pub sizes: Sizes,
}

/// Bytes of an upload.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// `UPLOAD_AVATAR_MB`.
    pub avatar: u64,
    /// `UPLOAD_IMAGE_MB`.
    pub image: u64,
    /// `UPLOAD_FILE_MB`.
    pub file: u64,
}

/// A picture is held in memory while it is looked at.
const MOST_IMAGE_MB: u64 = 50;
/// What S3 takes in one PUT.
const MOST_FILE_MB: u64 = 5120;

impl Media {
    /// Reads the bucket's name and the sizes: 5, 20 and 100 MB of 2^20 bytes.
    pub fn from_env() -> Result<Self, ConfigError> {
        let size = |name, default, most| match parsed(name, default)? {
            megabytes if (1..=most).contains(&megabytes) => Ok(megabytes << 20),
            megabytes => Err(ConfigError(format!("{name} must be 1 to {most} MB, not {megabytes}"))),
        };
        Ok(Self {
            bucket: required("MEDIA_BUCKET")?,
            sizes: Sizes {
                avatar: size("UPLOAD_AVATAR_MB", 5, MOST_IMAGE_MB)?,
                image: size("UPLOAD_IMAGE_MB", 20, MOST_IMAGE_MB)?,
                file: size("UPLOAD_FILE_MB", 100, MOST_FILE_MB)?,
            },
        })
    }
}

/// How frames leave.
#[derive(Clone, Debug)]
pub struct Push {
    /// `AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI`, else `PUSH_ENDPOINT`: the WebSocket API's execute-api URL with its stage.
    pub endpoint: String,
    /// `FANOUT_FUNCTION`: name or ARN of the function that serves large audiences.
    pub fanout_function: Option<String>,
    /// `PRESENCE_FUNCTION`: name or ARN of the function that tells who came and who left; without it readers find out.
    pub presence_function: Option<String>,
    /// `NOTIFY_FUNCTION`: name or ARN of the function that notifies those who are away; without it nobody is.
    pub notify_function: Option<String>,
    /// `NOTIFY_MEMBERS`: in rooms with more members than this only those whom a message mentions are notified.
    pub notify_members: usize,
    /// `PUSH_INLINE`: up to so many connections are served by the sender itself.
    pub inline: usize,
    /// `PUSH_SHARD`: connections per invocation of `fanout`.
    pub shard: usize,
    /// `PUSH_BUSY`: beyond so many live connections a room tells of changes at most once a second.
    pub busy: usize,
    /// `RATE_REACH`: strangers whom a person may add, ask or write to first; a public room counts as ten, and one stranger may be reached a
    /// tenth as often.
    pub reach: Limit,
}

impl Push {
    /// Reads the push endpoint, the thresholds (100, 500, 1000, 200) and the rate.
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

/// Notifications of people who are away.
#[derive(Clone, Debug)]
pub struct Notify {
    /// `PUSH_CONTACT`: whom push services may write to about this deployment, a `mailto:` or `https:` URL; else its WebSocket API's.
    pub contact: String,
    /// `NOTIFY_PAUSE`: of one room nobody is notified more often than once in so many seconds.
    pub pause: Duration,
}

impl Notify {
    /// Reads whom to name, and the pause: 10, 20 at most.
    pub fn from_env() -> Result<Self, ConfigError> {
        let own = required("PUSH_ENDPOINT")?.replacen("http:", "https:", 1);
        let pause = Duration::from_secs(parsed("NOTIFY_PAUSE", 10_u64)?.min(20));
        Ok(Self { contact: var("PUSH_CONTACT").unwrap_or(own), pause })
    }
}

/// `PUSH_HOSTS`: the hosts of push services, parted by commas: by name, `*.` and a name for all below it, or `*` for any.
pub fn push_hosts() -> Vec<String> {
    let text = var("PUSH_HOSTS").unwrap_or_default();
    text.split(',').map(str::trim).filter(|host| !host.is_empty()).map(str::to_owned).collect()
}

/// `PRESENCE_GRACE` (5): seconds, 1 to 30, after which somebody without a socket is told to be away. Whoever is back before never left.
pub fn presence_grace() -> Result<Duration, ConfigError> {
    match parsed("PRESENCE_GRACE", 5)? {
        seconds @ 1..=30 => Ok(Duration::from_secs(seconds)),
        seconds => Err(ConfigError(format!("PRESENCE_GRACE must be 1 to 30 seconds, not {seconds}"))),
    }
}

/// `ALLOWED_ORIGINS`: the origins whose pages may open a socket, parted by commas; `*` or nothing means any.
pub fn allowed_origins() -> Vec<String> {
    let text = var("ALLOWED_ORIGINS").unwrap_or_default();
    text.split(',').map(str::trim).filter(|origin| !origin.is_empty()).map(str::to_owned).collect()
}

/// `DOCS` (on): whether the documentation is served, the documents of the API included. `off` for a deployment that shows strangers nothing.
pub fn docs() -> Result<bool, ConfigError> {
    match var("DOCS").as_deref() {
        None | Some("on") => Ok(true),
        Some("off") => Ok(false),
        Some(other) => Err(ConfigError(format!("DOCS must be on or off, not {other:?}"))),
    }
}

/// `WEBSOCKET_URL`: where clients open their sockets, as told with a ticket.
pub fn websocket_url() -> Result<String, ConfigError> {
    required("WEBSOCKET_URL")
}

/// `LOG_LEVEL` (info): a level, or a filter such as `info,sqlx=warn`.
pub fn log_level() -> String {
    var("LOG_LEVEL").unwrap_or_else(|| "info".into())
}

/// `METRICS_NAMESPACE` (`ConChat`): where CloudWatch keeps the metrics of the deployment.
pub fn metrics_namespace() -> String {
    var("METRICS_NAMESPACE").unwrap_or_else(|| "ConChat".into())
}

/// `AWS_USE_DUALSTACK_ENDPOINT`: whether AWS is called by the names that have IPv6 addresses, too. A VPC without NAT reaches no others.
pub fn dual_stack() -> bool {
    var("AWS_USE_DUALSTACK_ENDPOINT").is_some_and(|value| value.eq_ignore_ascii_case("true"))
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
    fn only_the_local_cloud_is_none_of_aws() {
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
