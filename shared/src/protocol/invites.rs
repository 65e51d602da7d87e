//! Invitations to a room.

use serde::{Deserialize, Serialize};

use crate::id::{RoomId, UserId};
use crate::time::Timestamp;

/// Whoever has its code may join the room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Invite {
    /// What opens the room: pass it as `invite` when joining.
    #[schema(format = Password, example = "pQ3xk1X2bWcN5yZ0aVbTfg")]
    pub code: String,
    /// The room.
    pub room_id: RoomId,
    /// Who made it.
    pub created_by: UserId,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends; null is never.
    pub expires_at: Option<Timestamp>,
    /// How many more may use it; null is any number.
    pub uses_left: Option<u32>,
}

/// Body of `POST /api/rooms/{room_id}/invites`.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
pub struct NewInvite {
    /// Seconds that it lasts, 60 to 31536000 (a year); for ever when absent.
    #[schema(example = 86400, minimum = 60, maximum = 31_536_000)]
    pub expires_in: Option<u32>,
    /// How many may use it, 1 to 10000; any number when absent.
    #[schema(example = 5, minimum = 1, maximum = 10_000)]
    pub uses: Option<u32>,
}

/// Body of `POST /api/rooms/{room_id}/join`.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
pub struct Join {
    /// The code of an invitation, for rooms that are not public.
    #[schema(format = Password, example = "Qm9zdG9uIFRlYSBQYXJ0eQ")]
    pub invite: Option<String>,
}
