//! Users: the public profile, and the private one of the caller.

use serde::{Deserialize, Serialize};

use crate::id::UserId;
use crate::time::Timestamp;

/// A user's public profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct User {
    /// The user's id.
    pub id: UserId,
    /// The username: unique regardless of case; ASCII letters, digits, `.`, `_` and `-`.
    #[schema(example = "ann")]
    pub username: String,
    /// The display name in any script.
    #[schema(example = "Ann")]
    pub display_name: String,
    /// What the display name looks like, as one or two opaque keys; empty without a name. Two users that share a key look alike: show their usernames
    /// beside the names. Compare keys that are in view together and do not store them, as later releases may compute others.
    #[schema(example = json!(["6ec3a1b7c20d4f95"]))]
    pub name_keys: Vec<String>,
    /// A short text about the user.
    pub about: String,
    /// The URL of the avatar, if set.
    pub avatar_url: Option<String>,
    /// When the account was created.
    pub created_at: Timestamp,
}

/// A user, with presence where the endpoint provides it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Person {
    /// The public profile.
    #[serde(flatten)]
    pub user: User,
    /// `online` and `last_seen`; absent where users are only named, as in member lists.
    #[serde(flatten)]
    pub presence: Option<Presence>,
}

/// A user's presence; both fields are null when the caller may not see it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Presence {
    /// Whether a device of the user is connected, or was until a few seconds ago.
    pub online: Option<bool>,
    /// When the user was last connected; null while online, and for users who never were.
    pub last_seen: Option<Timestamp>,
}

impl From<User> for Person {
    fn from(user: User) -> Self {
        Self { user, presence: None }
    }
}

impl std::ops::Deref for Person {
    type Target = User;

    fn deref(&self) -> &User {
        &self.user
    }
}

/// The caller's own profile: the public one and private fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Me {
    /// The public profile.
    #[serde(flatten)]
    pub user: User,
    /// The e-mail address, if set.
    pub email: Option<String>,
    /// `user`, or `admin` for an operator of the deployment.
    pub role: String,
    /// The caller's settings.
    pub settings: MySettings,
}

/// The caller's own profile, with storage usage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Myself {
    /// The profile as in other responses.
    #[serde(flatten)]
    pub me: Me,
    /// The storage usage.
    pub storage: Storage,
}

/// Storage usage and quota. Counts pending, unused and attached uploads once each. Unsent and replaced uploads no longer count; those of a deleted
/// room stop counting some minutes later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Storage {
    /// The bytes used.
    #[schema(example = 48_211_302)]
    pub used_bytes: u64,
    /// The quota in bytes; null without a limit.
    #[schema(example = 1_073_741_824)]
    pub limit_bytes: Option<u64>,
    /// The number of images and files used.
    #[schema(example = 120)]
    pub files: u64,
    /// The quota of images and files; null without a limit.
    #[schema(example = 10_000)]
    pub files_limit: Option<u64>,
}

/// A user's private settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct MySettings {
    /// Who may see the user's presence.
    pub presence: Visibility,
    /// Which messages send push notifications while the user is away.
    pub notifications: Notifications,
    /// Who may add the user to rooms directly; others send an invitation. Blocked users can do neither.
    pub added_by: Visibility,
}

/// Which messages send push notifications. Rooms can also be muted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Notifications {
    /// All messages; in large rooms only mentions.
    #[default]
    All,
    /// Mentions and direct messages.
    Mentions,
    /// No messages.
    None,
}

/// Who may see or do something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Everyone except blocked users.
    #[default]
    Everyone,
    /// Friends only.
    Friends,
    /// Nobody.
    Nobody,
}
