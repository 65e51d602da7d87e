//! Friends: what stands between the reader and somebody else.

use serde::{Deserialize, Serialize};

use crate::id::UserId;
use crate::protocol::people::Person;
use crate::time::Timestamp;

/// A friendship, or the request for one, as one of the two sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Friendship {
    /// The other one.
    pub user: Person,
    /// Whether it waits for an answer.
    pub state: FriendState,
    /// Who asked.
    pub direction: Direction,
    /// When.
    pub requested_at: Timestamp,
    /// Since when the two are friends.
    pub accepted_at: Option<Timestamp>,
}

/// How far a friendship has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FriendState {
    /// One has asked.
    Pending,
    /// Both want it.
    Accepted,
}

/// From whom to whom a request went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The reader was asked.
    #[default]
    In,
    /// The reader asked.
    Out,
}

/// Body of `POST /api/friends/requests`: one person, by id or by name.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
pub struct NewFriend {
    /// By id.
    pub user_id: Option<UserId>,
    /// By username.
    #[schema(example = "ann")]
    pub username: Option<String>,
}
