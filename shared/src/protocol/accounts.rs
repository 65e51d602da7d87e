//! Registration, login, refresh, sessions and tickets.

use serde::{Deserialize, Serialize};

use crate::id::SessionId;
use crate::protocol::people::Me;
use crate::time::Timestamp;

/// Body of `POST /api/auth/register`.
#[derive(Clone, Deserialize, utoipa::ToSchema)]
pub struct Register {
    /// The username: 3–32 ASCII letters, digits, `.`, `_` or `-`; unique regardless of case. It begins and ends with a letter or digit, has no two
    /// marks beside each other, and is not a reserved one such as `admin` (code `reserved`).
    #[schema(example = "ann", min_length = 3, max_length = 32, pattern = "^[A-Za-z0-9._-]+$")]
    pub username: String,
    /// The password: 8–128 characters. Common passwords are refused.
    #[schema(example = "correct horse battery", min_length = 8, max_length = 128, format = Password)]
    pub password: String,
    /// An e-mail address, which also works for login.
    #[schema(example = "ann@example.com")]
    pub email: Option<String>,
    /// The display name, 1–64 characters; defaults to the username. Stored composed (NFC) and without characters that do not show.
    #[schema(example = "Ann")]
    pub display_name: Option<String>,
    /// The device's name in the list of sessions, at most 64 characters.
    #[schema(example = "Ann's laptop")]
    pub device: Option<String>,
}

/// Body of `POST /api/auth/login`: either `username` or `email`.
#[derive(Clone, Deserialize, utoipa::ToSchema)]
pub struct Login {
    /// The username.
    #[schema(example = "ann")]
    pub username: Option<String>,
    /// The e-mail address.
    pub email: Option<String>,
    /// The password.
    #[schema(example = "correct horse battery", format = Password)]
    pub password: String,
    /// The device's name in the list of sessions, at most 64 characters.
    pub device: Option<String>,
}

/// Body of `POST /api/auth/refresh`.
#[derive(Clone, Deserialize, utoipa::ToSchema)]
pub struct Refresh {
    /// The latest refresh token; valid once.
    #[schema(format = Password, example = "the refresh_token of the last answer")]
    pub refresh_token: String,
}

/// Body of `PUT /api/auth/password`.
#[derive(Clone, Deserialize, utoipa::ToSchema)]
pub struct ChangePassword {
    /// The current password.
    #[schema(format = Password, example = "correct horse battery staple")]
    pub current: String,
    /// The new password: 8–128 characters. Common passwords are refused.
    #[schema(format = Password, example = "an even longer passphrase", min_length = 8, max_length = 128)]
    pub new: String,
}

/// The response to registration and login.
#[derive(Clone, Serialize, utoipa::ToSchema)]
pub struct Authenticated {
    /// The authenticated user.
    pub user: Me,
    /// The tokens.
    #[serde(flatten)]
    pub tokens: Tokens,
}

/// An access token, and the refresh token that renews it.
#[derive(Clone, Serialize, utoipa::ToSchema)]
pub struct Tokens {
    /// The token for `Authorization: Bearer …`.
    #[schema(format = Password)]
    pub access_token: String,
    /// A copy of `access_token`, only in responses of legacy routes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = Password)]
    pub token: Option<String>,
    /// Always `Bearer`.
    #[schema(example = "Bearer")]
    pub token_type: &'static str,
    /// Lifetime of the access token in seconds.
    #[schema(example = 86400)]
    pub expires_in: u64,
    /// Renews the access token; valid once. Each refresh returns a new one.
    #[schema(format = Password)]
    pub refresh_token: String,
}

/// A login on a device.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Session {
    /// The session's id.
    pub id: SessionId,
    /// The device's name, as given at login.
    pub device: String,
    /// The address that last used the session.
    pub ip: String,
    /// The time of the login.
    pub created_at: Timestamp,
    /// The time of the last refresh.
    pub last_used_at: Timestamp,
    /// When the session expires unless it is refreshed.
    pub expires_at: Timestamp,
    /// Whether this is the caller's session.
    pub current: bool,
}

/// A single-use credential for opening a WebSocket from a browser.
#[derive(Clone, Serialize, utoipa::ToSchema)]
#[expect(clippy::struct_field_names, reason = "the names on the wire")]
pub struct Ticket {
    /// The value for the query parameter `ticket`; valid once.
    #[schema(format = Password)]
    pub ticket: String,
    /// Lifetime in seconds.
    #[schema(example = 60)]
    pub expires_in: u32,
    /// The socket's URL, including the ticket.
    #[schema(example = "ws://localhost:8081/ws?ticket=…")]
    pub url: String,
}
