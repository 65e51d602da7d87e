//! A person as others see them. Nothing else of a person ever leaves.

use serde::Serialize;

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
}
