//! Configuration: one struct per concern, read from the environment here and nowhere else. An error names the variable.

mod places;
mod quota;
mod secrets;
mod settings;
mod strength;

use std::fmt;
use std::time::Duration;

use crate::error::Limit;

pub use places::{bucket_url, service_url};
pub use quota::Quota;
pub use secrets::{Again, Secret, SecretSource};
pub use settings::{Form, SETTINGS, Setting};
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
    /// Reads `JWT_EXPIRY` and `SESSION_DAYS`.
    pub fn from_env() -> Result<Self, ConfigError> {
        Ok(Self { expiry: settings::JWT_EXPIRY.lifetime()?, session_days: settings::SESSION_DAYS.whole()? })
    }
}

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
    /// Reads `MAX_MESSAGE_LENGTH`, the quota, and the `RATE_…` variables.
    pub fn from_env() -> Result<Self, ConfigError> {
        Ok(Self {
            message_length: settings::MAX_MESSAGE_LENGTH.whole()?,
            send: settings::RATE_SEND.rate()?,
            change: settings::RATE_CHANGE.rate()?,
            repeat: settings::RATE_REPEAT.rate()?,
            frames: settings::RATE_FRAMES.rate()?,
            act: settings::RATE_ACT.rate()?,
            register: settings::RATE_REGISTER.rate()?,
            login: settings::RATE_LOGIN.rate()?,
            connect: settings::RATE_CONNECT.rate()?,
            search: settings::RATE_SEARCH.rate()?,
            upload: settings::RATE_UPLOAD.rate()?,
            work: settings::RATE_WORK.rate()?,
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

impl Media {
    /// Reads the bucket's name and the sizes, in MB of 2^20 bytes.
    pub fn from_env() -> Result<Self, ConfigError> {
        let size = |setting: Setting| setting.whole().map(|megabytes: u64| megabytes << 20);
        Ok(Self {
            bucket: required("MEDIA_BUCKET")?,
            sizes: Sizes {
                avatar: size(settings::UPLOAD_AVATAR_MB)?,
                image: size(settings::UPLOAD_IMAGE_MB)?,
                file: size(settings::UPLOAD_FILE_MB)?,
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
    /// Reads the push endpoint, the thresholds and the rate.
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
            notify_members: settings::NOTIFY_MEMBERS.whole()?,
            inline: settings::PUSH_INLINE.whole()?,
            shard: settings::PUSH_SHARD.whole()?,
            busy: settings::PUSH_BUSY.whole()?,
            reach: settings::RATE_REACH.rate()?,
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
    /// Reads whom to name, and the pause.
    pub fn from_env() -> Result<Self, ConfigError> {
        let own = required("PUSH_ENDPOINT")?.replacen("http:", "https:", 1);
        let contact = Some(settings::PUSH_CONTACT.text()).filter(|contact| !contact.is_empty());
        Ok(Self { contact: contact.unwrap_or(own), pause: Duration::from_secs(settings::NOTIFY_PAUSE.whole()?) })
    }
}

/// `PUSH_HOSTS`: the hosts of push services, parted by commas: by name, `*.` and a name for all below it, or `*` for any; none where it is empty.
pub fn push_hosts() -> Vec<String> {
    settings::parts(&var("PUSH_HOSTS").unwrap_or_default())
}

/// `PRESENCE_GRACE`: how long somebody has no socket before they are told to be away. Whoever is back before never left.
pub fn presence_grace() -> Result<Duration, ConfigError> {
    settings::PRESENCE_GRACE.whole().map(Duration::from_secs)
}

/// `ALLOWED_ORIGINS`: the origins whose pages may open a socket, parted by commas; `*` means any.
pub fn allowed_origins() -> Vec<String> {
    settings::parts(&settings::ALLOWED_ORIGINS.text())
}

/// `DOCS`: whether the documentation is served, the documents of the API included. `off` for a deployment that shows strangers nothing.
pub fn docs() -> Result<bool, ConfigError> {
    settings::DOCS.switch()
}

/// `WEBSOCKET_URL`: where clients open their sockets, as told with a ticket.
pub fn websocket_url() -> Result<String, ConfigError> {
    required("WEBSOCKET_URL")
}

/// `LOG_LEVEL`: a level, or a filter such as `info,sqlx=warn`.
pub fn log_level() -> String {
    settings::LOG_LEVEL.text()
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

#[cfg(test)]
mod tests {
    use super::*;

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
