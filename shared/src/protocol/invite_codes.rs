//! Invite codes of a room.

use serde::{Deserialize, Serialize};

use crate::id::{RoomId, UserId};
use crate::time::Timestamp;

/// An invite code. Anyone who has it may join the room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Invite {
    /// The code: pass it as `invite` when joining.
    #[schema(format = Password, example = "pQ3xk1X2bWcN5yZ0aVbTfg")]
    pub code: String,
    /// The room.
    pub room_id: RoomId,
    /// The user who created it.
    pub created_by: UserId,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it expires; null means never.
    pub expires_at: Option<Timestamp>,
    /// The remaining uses; null means unlimited.
    pub uses_left: Option<u32>,
}

/// Body of `POST /api/rooms/{room_id}/invites`.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
pub struct NewInvite {
    /// Lifetime in seconds, 60 to 31536000 (a year); unlimited when absent.
    #[schema(example = 86400, minimum = 60, maximum = 31_536_000)]
    pub expires_in: Option<u32>,
    /// Maximum number of uses, 1 to 10000; unlimited when absent.
    #[schema(example = 5, minimum = 1, maximum = 10_000)]
    pub uses: Option<u32>,
}

/// Body of `POST /api/rooms/{room_id}/join`.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
pub struct Join {
    /// An invite code, for rooms that are not public.
    #[schema(format = Password, example = "Qm9zdG9uIFRlYSBQYXJ0eQ")]
    pub invite: Option<String>,
}
