//! Configuration: one struct per concern, read from the environment only here. Errors name the variable.

mod quota;
mod secrets;
mod service_urls;
mod settings;
mod strength;

use std::fmt;
use std::time::Duration;

use crate::error::Limit;

pub use quota::Quota;
pub use secrets::{Secret, SecretReader, SecretSource};
pub use service_urls::{EndpointVariant, Service, ServiceEndpoint, bucket_url, service_endpoint, service_url};
pub use settings::{Form, SETTINGS, Setting};
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

/// Lifetimes of access tokens and sessions.
#[derive(Clone, Copy, Debug)]
pub struct TokenConfig {
    /// `JWT_EXPIRY`: lifetime of an access token in hours (`24`), or with a unit (`90m`, `24h`).
    pub expiry: Duration,
    /// `SESSION_DAYS`: lifetime of an unused session in days.
    pub session_days: u32,
}

impl TokenConfig {
    /// Reads `JWT_EXPIRY` and `SESSION_DAYS`.
    pub fn from_env() -> Result<Self, ConfigError> {
        Ok(Self { expiry: settings::JWT_EXPIRY.lifetime()?, session_days: settings::SESSION_DAYS.whole()? })
    }
}

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
    /// `RATE_LOGIN`: failed logins per account; ten times as many per address, and as many successful ones per user.
    pub login: Limit,
    /// `RATE_CONNECT`: opened sockets per user, and refreshes per session.
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

/// Names of the DynamoDB tables.
#[derive(Clone, Debug)]
pub struct TableNames {
    pub connections: String,
    pub room_sockets: String,
    pub ephemeral: String,
}

impl TableNames {
    pub fn from_env() -> Result<Self, ConfigError> {
        Ok(Self {
            connections: required("CONNECTIONS_TABLE")?,
            room_sockets: required("ROOM_SOCKETS_TABLE")?,
            ephemeral: required("EPHEMERAL_TABLE")?,
        })
    }
}

/// The bucket of images and files.
#[derive(Clone, Debug)]
pub struct MediaConfig {
    pub bucket: String,
    pub sizes: UploadSizes,
    /// `UPLOAD_REFUSED_TYPES`: media types, `type/*`, and `programs`.
    pub refused_types: Vec<String>,
}

/// Maximum sizes of uploads in bytes.
#[derive(Clone, Copy, Debug)]
pub struct UploadSizes {
    pub avatar: u64,
    pub image: u64,
    pub file: u64,
}

impl MediaConfig {
    /// Reads the bucket's name, the sizes, in MB of 2^20 bytes, and the refused types.
    pub fn from_env() -> Result<Self, ConfigError> {
        let size = |setting: Setting| setting.whole().map(|megabytes: u64| megabytes << 20);
        Ok(Self {
            bucket: required("MEDIA_BUCKET")?,
            sizes: UploadSizes {
                avatar: size(settings::UPLOAD_AVATAR_MB)?,
                image: size(settings::UPLOAD_IMAGE_MB)?,
                file: size(settings::UPLOAD_FILE_MB)?,
            },
            refused_types: settings::UPLOAD_REFUSED_TYPES.media_types()?,
        })
    }
}

/// Delivery of frames and notifications.
#[derive(Clone, Debug)]
pub struct PushConfig {
    /// `PUSH_ENDPOINT`: the WebSocket API's execute-api URL with its stage.
    pub endpoint: String,
    /// `FANOUT_FUNCTION`: name or ARN of the function that serves large audiences.
    pub fanout_function: Option<String>,
    /// `FANOUT_QUEUE`: URL of the queue of what `fanout` delivers later; without it nothing is coalesced or delivered again.
    pub fanout_queue: Option<String>,
    /// `PRESENCE_QUEUE`: URL of the queue of presence checks; without it readers detect changes.
    pub presence_queue: Option<String>,
    /// `NOTIFY_QUEUE`: URL of the queue of requests for push notifications; without it none are sent.
    pub notify_queue: Option<String>,
    /// `PRESENCE_GRACE`: how long a user without a socket stays online.
    pub presence_grace: Duration,
    /// `NOTIFY_MEMBERS`: in rooms with more members only mentioned users are notified.
    pub notify_members: usize,
    /// `PUSH_INLINE`: maximum number of connections that the sender serves itself.
    pub inline: usize,
    /// `PUSH_SHARD`: connections per invocation of `fanout`.
    pub shard: usize,
    /// `PUSH_BUSY`: beyond this many live connections a room announces changes at most once per second.
    pub busy: usize,
    /// Coalescing of messages.
    pub coalescing: CoalescingConfig,
    /// `RATE_REACH`: strangers that a user may add, invite or message first; a public room counts as ten. The limit per stranger is a tenth.
    pub reach: Limit,
}

impl PushConfig {
    /// Reads the endpoint, the thresholds and the limit.
    pub fn from_env() -> Result<Self, ConfigError> {
        Ok(Self {
            endpoint: required("PUSH_ENDPOINT")?.trim_end_matches('/').to_owned(),
            fanout_function: var("FANOUT_FUNCTION"),
            fanout_queue: var("FANOUT_QUEUE"),
            presence_queue: var("PRESENCE_QUEUE"),
            notify_queue: var("NOTIFY_QUEUE"),
            presence_grace: presence_grace()?,
            notify_members: settings::NOTIFY_MEMBERS.whole()?,
            inline: settings::PUSH_INLINE.whole()?,
            shard: settings::PUSH_SHARD.whole()?,
            busy: settings::PUSH_BUSY.whole()?,
            coalescing: CoalescingConfig {
                sockets: settings::COALESCE_SOCKETS.whole()?,
                rate: settings::COALESCE_RATE.rate()?,
                most: settings::PUSH_BUSY.whole()?,
            },
            reach: settings::RATE_REACH.rate()?,
        })
    }
}

/// Where messages are coalesced: several in one frame, about once a second.
#[derive(Clone, Copy, Debug)]
pub struct CoalescingConfig {
    /// `COALESCE_SOCKETS`: sockets with `conchat.v2` from which on a room's messages are coalesced; 0 for never.
    pub sockets: usize,
    /// `COALESCE_RATE`: messages up to which a room gets each at once.
    pub rate: Limit,
    /// `PUSH_BUSY`: a room with more sockets gets hints instead.
    pub most: usize,
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
    /// Reads the contact and the pause.
    pub fn from_env() -> Result<Self, ConfigError> {
        let own = required("PUSH_ENDPOINT")?.replacen("http:", "https:", 1);
        let contact = Some(settings::PUSH_CONTACT.text()).filter(|contact| !contact.is_empty());
        Ok(Self { contact: contact.unwrap_or(own), pause: Duration::from_secs(settings::NOTIFY_PAUSE.whole()?) })
    }
}

/// `PUSH_HOSTS`: comma-separated hosts of push services: a name, `*.` and a name for all below it, or `*`; none if empty.
pub fn push_hosts() -> Vec<String> {
    settings::parts(&var("PUSH_HOSTS").unwrap_or_default())
}

/// `PRESENCE_GRACE`: seconds before a user without a socket is announced as offline.
pub fn presence_grace() -> Result<Duration, ConfigError> {
    settings::PRESENCE_GRACE.whole().map(Duration::from_secs)
}

/// `ALLOWED_ORIGINS`: comma-separated origins whose pages may open a socket; `*` allows any.
pub fn allowed_origins() -> Vec<String> {
    settings::parts(&settings::ALLOWED_ORIGINS.text())
}

/// `RESERVED_USERNAMES`: comma-separated usernames that may not be registered, besides those that never may.
pub fn reserved_usernames() -> Vec<String> {
    settings::parts(&settings::RESERVED_USERNAMES.text())
}

/// `DOCS`: whether the documentation and the API documents are served.
pub fn docs() -> Result<bool, ConfigError> {
    settings::DOCS.switch()
}

/// `WEBSOCKET_URL`: the socket URL that a ticket's response contains.
pub fn websocket_url() -> Result<String, ConfigError> {
    required("WEBSOCKET_URL")
}

/// `LOG_LEVEL`: a level, or a filter such as `info,sqlx=warn`.
pub fn log_level() -> String {
    settings::LOG_LEVEL.text()
}

/// `METRICS_NAMESPACE` (default `ConChat`): the CloudWatch namespace of the metrics.
pub fn metrics_namespace() -> String {
    var("METRICS_NAMESPACE").unwrap_or_else(|| "ConChat".into())
}

/// `AWS_CA_BUNDLE`: a file with the authorities that may sign the certificates of AWS's services, instead of the public ones.
pub fn ca_bundle() -> Option<String> {
    var("AWS_CA_BUNDLE")
}

/// `LOCAL_CA`: a file with the authority of the local cloud's certificate, trusted beside the others.
pub fn local_ca() -> Option<String> {
    var("LOCAL_CA")
}

/// `DATABASE_CA`: a further authority that may sign the certificate of the database: PEM text, or the path of a file.
pub fn database_ca() -> Option<String> {
    var("DATABASE_CA")
}

/// Treats an empty value as unset: templates cannot omit a variable.
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
