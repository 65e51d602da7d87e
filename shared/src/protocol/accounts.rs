//! Registering, logging in, refreshing; sessions and tickets.

use serde::{Deserialize, Serialize};

use crate::id::SessionId;
use crate::protocol::people::Me;
use crate::time::Timestamp;

/// Body of `POST /api/auth/register`.
#[derive(Clone, Deserialize, utoipa::ToSchema)]
pub struct Register {
    /// 3–32 of ASCII letters, digits, `.`, `_`, `-`; unique without case.
    #[schema(example = "ann", min_length = 3, max_length = 32, pattern = "^[A-Za-z0-9._-]+$")]
    pub username: String,
    /// 8–128 characters; common ones are refused.
    #[schema(example = "correct horse battery", min_length = 8, max_length = 128, format = Password)]
    pub password: String,
    /// Optional: another name to log in by.
    #[schema(example = "ann@example.com")]
    pub email: Option<String>,
    /// What people see; the username when absent. 1–64 characters.
    #[schema(example = "Ann")]
    pub display_name: Option<String>,
    /// What this device is called in the list of sessions, at most 64 characters.
    #[schema(example = "Ann's laptop")]
    pub device: Option<String>,
}

/// Body of `POST /api/auth/login`: one of `username` and `email`.
#[derive(Clone, Deserialize, utoipa::ToSchema)]
pub struct Login {
    /// The username.
    #[schema(example = "ann")]
    pub username: Option<String>,
    /// Or the e-mail address.
    pub email: Option<String>,
    /// The password.
    #[schema(example = "correct horse battery", format = Password)]
    pub password: String,
    /// What this device is called in the list of sessions, at most 64 characters.
    pub device: Option<String>,
}

/// Body of `POST /api/auth/refresh`.
#[derive(Clone, Deserialize, utoipa::ToSchema)]
pub struct Refresh {
    /// The refresh token that came last; it works once.
    #[schema(format = Password, example = "the refresh_token of the last answer")]
    pub refresh_token: String,
}

/// Body of `PUT /api/auth/password`.
#[derive(Clone, Deserialize, utoipa::ToSchema)]
pub struct ChangePassword {
    /// The present password.
    #[schema(format = Password, example = "correct horse battery staple")]
    pub current: String,
    /// The new one: 8–128 characters; common ones are refused.
    #[schema(format = Password, example = "an even longer passphrase", min_length = 8, max_length = 128)]
    pub new: String,
}

/// Answer to registering and logging in.
#[derive(Clone, Serialize, utoipa::ToSchema)]
pub struct Authenticated {
    /// Oneself.
    pub user: Me,
    /// The tokens.
    #[serde(flatten)]
    pub tokens: Tokens,
}

/// An access token and the refresh token that renews it.
#[derive(Clone, Serialize, utoipa::ToSchema)]
pub struct Tokens {
    /// For `Authorization: Bearer …`.
    #[schema(format = Password)]
    pub access_token: String,
    /// The same token under the older name `token`; only in answers of the older routes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = Password)]
    pub token: Option<String>,
    /// Always `Bearer`.
    #[schema(example = "Bearer")]
    pub token_type: &'static str,
    /// Seconds that the access token lives.
    #[schema(example = 86400)]
    pub expires_in: u64,
    /// Renews the access token, once; each refresh gives the next one.
    #[schema(format = Password)]
    pub refresh_token: String,
}

/// A login on a device.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Session {
    /// The session's id.
    pub id: SessionId,
    /// What the device was called at login.
    pub device: String,
    /// The address that last used it.
    pub ip: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last refreshed.
    pub last_used_at: Timestamp,
    /// When it ends unless it is refreshed.
    pub expires_at: Timestamp,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// A single-use credential for opening a WebSocket from a browser.
#[derive(Clone, Serialize, utoipa::ToSchema)]
#[expect(clippy::struct_field_names, reason = "the names on the wire")]
pub struct Ticket {
    /// Pass it as the query parameter `ticket`; works once.
    #[schema(format = Password)]
    pub ticket: String,
    /// Seconds that it lives.
    #[schema(example = 60)]
    pub expires_in: u32,
    /// The socket's URL, ticket included.
    #[schema(example = "ws://localhost:8081/ws?ticket=…")]
    pub url: String,
}
