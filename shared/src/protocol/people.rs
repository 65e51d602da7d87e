//! A person as others see them. Nothing else of a person ever leaves.

use serde::{Deserialize, Serialize};

use crate::id::UserId;
use crate::time::Timestamp;

/// A person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct User {
    /// The person's id.
    pub id: UserId,
    /// Unique without case; ASCII letters, digits, `.`, `_`, `-`.
    #[schema(example = "ann")]
    pub username: String,
    /// What people see; any script.
    #[schema(example = "Ann")]
    pub display_name: String,
    /// A few words about oneself.
    pub about: String,
    /// Where the avatar is, if there is one.
    pub avatar_url: Option<String>,
    /// When the account was made.
    pub created_at: Timestamp,
}

/// A person, and whether they are there where that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Person {
    /// The person.
    #[serde(flatten)]
    pub user: User,
    /// `online` and `last_seen`; both are absent where a person is only named, as in lists of members.
    #[serde(flatten)]
    pub presence: Option<Presence>,
}

/// Whether somebody is there, as far as the reader may know: to those who may not, both are null.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Presence {
    /// Whether one of their devices is connected, or was some seconds ago.
    pub online: Option<bool>,
    /// When the last of them was; null while one is, and for those who never were.
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

/// Oneself: a [`User`] and what only oneself may know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Me {
    /// What others see, too.
    #[serde(flatten)]
    pub user: User,
    /// The e-mail address, if one was given.
    pub email: Option<String>,
    /// `user`, or `admin` for an operator of this deployment.
    pub role: String,
    /// What one has chosen.
    pub settings: MySettings,
}

/// Oneself, and how much one keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Myself {
    /// What other answers tell of oneself, too.
    #[serde(flatten)]
    pub me: Me,
    /// What one keeps in pictures and files.
    pub storage: Storage,
}

/// What one keeps in pictures and files: what is on its way, what waits to be used, and what something of one's own shows, each once. What was
/// unsent or replaced counts no longer, what stood in a deleted room some minutes later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Storage {
    /// Bytes.
    #[schema(example = 48_211_302)]
    pub used_bytes: u64,
    /// How many these may be; null without a limit.
    #[schema(example = 1_073_741_824)]
    pub limit_bytes: Option<u64>,
    /// Pictures and files.
    #[schema(example = 120)]
    pub files: u64,
    /// How many these may be; null without a limit.
    #[schema(example = 10_000)]
    pub files_limit: Option<u64>,
}

/// What a person has chosen; nobody else sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct MySettings {
    /// Who may see whether one is online, and when one last was.
    pub presence: Visibility,
    /// Of which messages one's devices are notified while one is away.
    pub notifications: Notifications,
    /// Who may add one to rooms; whoever else wants to, asks. Nobody does across a block.
    pub added_by: Visibility,
}

/// Of which messages devices are notified. Rooms are muted one by one besides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Notifications {
    /// Of all; in large rooms of those that mention one.
    #[default]
    All,
    /// Of those that mention one, and of direct ones.
    Mentions,
    /// Of none.
    None,
}

/// Who may see something of a person, or do something with them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Everyone, but across a block.
    #[default]
    Everyone,
    /// Friends alone.
    Friends,
    /// Nobody.
    Nobody,
}
