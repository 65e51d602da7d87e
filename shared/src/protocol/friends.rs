//! Friendships and friend requests.

use serde::{Deserialize, Serialize};

use crate::id::UserId;
use crate::protocol::people::Person;
use crate::time::Timestamp;

/// A friendship or friend request from the caller's point of view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Friendship {
    /// The other user.
    pub user: Person,
    /// The state of the friendship.
    pub state: FriendState,
    /// The direction of the request.
    pub direction: Direction,
    /// When the request was sent.
    pub requested_at: Timestamp,
    /// When the request was accepted.
    pub accepted_at: Option<Timestamp>,
}

/// The state of a friendship.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FriendState {
    /// The request is open.
    Pending,
    /// The users are friends.
    Accepted,
}

/// The direction of a friend request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The caller received the request.
    #[default]
    In,
    /// The caller sent the request.
    Out,
}

/// Body of `POST /api/friends/requests`: one user, by id or username.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
pub struct NewFriend {
    /// The user's id.
    pub user_id: Option<UserId>,
    /// The user's username, with or without `@`.
    #[schema(example = "ann")]
    pub username: Option<String>,
}
