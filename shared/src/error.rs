//! The error type, independent of transport. Stable codes for clients and sources for operators never mix.

use std::fmt;

use serde::Serialize;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error. `edge` converts it into problem+json or an error frame.
#[derive(Debug)]
pub enum Error {
    /// The input cannot be parsed: code and detail.
    Malformed(&'static str, String),
    /// The input was parsed, but fields are invalid.
    Invalid(Vec<Violation>),
    /// The credential is missing or invalid: the code.
    Unauthenticated(&'static str),
    /// The caller may know of the resource but not do this: the code.
    Forbidden(&'static str),
    /// The resource does not exist, or the caller may not know of it: the code.
    NotFound(&'static str),
    /// The request conflicts with the current state: the code.
    Conflict(&'static str),
    /// Another request is processing the resource: the code, and seconds until a retry.
    Busy(&'static str, u32),
    /// The storage quota is exceeded: what still fits.
    Full(Left),
    /// A rate limit is exceeded.
    TooMany {
        retry_after: u32,
        /// The limit, if it has a fixed window.
        policy: Option<Limit>,
    },
    /// The same text was sent too often.
    Repeated { retry_after: u32 },
    /// The request exceeds the size limit.
    TooLarge,
    /// A dependency does not answer.
    Unavailable {
        retry_after: u32,
        /// For the log only.
        source: BoxedError,
    },
    /// A defect; the source is for the log only.
    Internal(BoxedError),
}

/// An error of a lower layer.
pub type BoxedError = Box<dyn std::error::Error + Send + Sync>;

/// A rate limit, in the terms of the `RateLimit-Policy` header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Permitted calls per window.
    pub quota: u32,
    /// The window in seconds.
    pub window: u32,
}

/// The status of a rate limit, in the terms of the `RateLimit` header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateStatus {
    pub limit: Limit,
    /// Remaining calls.
    pub left: u32,
    /// Seconds until the whole quota is available again.
    pub reset: u32,
}

/// The remaining storage quota; null where there is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Left {
    /// Remaining bytes.
    pub bytes: Option<u64>,
    /// Remaining images and files.
    pub files: Option<u64>,
}

/// An invalid field. Never contains the value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Violation {
    /// Path of the field, for example `content` or `user_ids[3]`.
    pub field: String,
    /// Stable snake_case code, for example `too_long`.
    pub code: &'static str,
    /// A message for people.
    pub detail: String,
}

impl Error {
    pub fn invalid(field: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Self {
        Self::Invalid(vec![Violation { field: field.into(), code, detail: detail.into() }])
    }

    pub fn internal(source: impl Into<BoxedError>) -> Self {
        Self::Internal(source.into())
    }

    pub fn unavailable(source: impl Into<BoxedError>) -> Self {
        Self::Unavailable { retry_after: 2, source: source.into() }
    }

    /// The stable code for clients.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed(code, _)
            | Self::Unauthenticated(code)
            | Self::Forbidden(code)
            | Self::NotFound(code)
            | Self::Conflict(code)
            | Self::Busy(code, _) => code,
            Self::Full(_) => "quota_exceeded",
            Self::Invalid(_) => "invalid_input",
            Self::TooMany { .. } => "rate_limited",
            Self::Repeated { .. } => "duplicate_message",
            Self::TooLarge => "too_large",
            Self::Unavailable { .. } => "unavailable",
            Self::Internal(_) => "internal",
        }
    }

    /// A message for people, without internal details.
    pub fn detail(&self) -> String {
        match self {
            Self::Malformed(_, detail) => detail.clone(),
            Self::Invalid(violations) => match violations.as_slice() {
                [one] if one.field.is_empty() => one.detail.clone(),
                [one] => format!("{}: {}", one.field, one.detail),
                several => format!("{} fields are invalid.", several.len()),
            },
            Self::TooMany { retry_after, .. } => format!("Too many requests. Try again in {retry_after} s."),
            Self::Repeated { retry_after } => {
                format!("The same text was sent too often. Try again in {retry_after} s, or send another text.")
            }
            Self::Full(left) => {
                format!("The storage quota is exceeded: {left}. Delete messages with files that you no longer need.")
            }
            Self::TooLarge => "The request exceeds the size limit.".into(),
            Self::Unavailable { .. } => "A part of the service does not answer. Try again shortly.".into(),
            Self::Internal(_) => "An internal error occurred.".into(),
            Self::Unauthenticated(code)
            | Self::Forbidden(code)
            | Self::NotFound(code)
            | Self::Conflict(code)
            | Self::Busy(code, _) => sentence(code).into(),
        }
    }

    /// Seconds until a retry, where one makes sense.
    pub fn retry_after(&self) -> Option<u32> {
        match self {
            Self::TooMany { retry_after, .. }
            | Self::Repeated { retry_after }
            | Self::Unavailable { retry_after, .. }
            | Self::Busy(_, retry_after) => Some(*retry_after),
            _ => None,
        }
    }

    /// The source for the log.
    pub fn source(&self) -> Option<&BoxedError> {
        match self {
            Self::Unavailable { source, .. } | Self::Internal(source) => Some(source),
            _ => None,
        }
    }

    /// Puts what was attempted before the source, where there is one.
    #[must_use]
    pub fn during(self, what: impl Into<String>) -> Self {
        let attempt = |source| Box::new(Attempt { what: what.into(), source });
        match self {
            Self::Unavailable { retry_after, source } => Self::Unavailable { retry_after, source: attempt(source) },
            Self::Internal(source) => Self::Internal(attempt(source)),
            other => other,
        }
    }

    /// The source and everything that caused it, in one line for operators.
    pub fn causes(&self) -> Option<String> {
        Some(self.chain()?.map(ToString::to_string).collect::<Vec<_>>().join(": "))
    }

    /// The first error of a type among the source and its causes.
    pub fn cause<T: std::error::Error + 'static>(&self) -> Option<&T> {
        self.chain()?.find_map(|error| error.downcast_ref())
    }

    fn chain(&self) -> Option<impl Iterator<Item = &(dyn std::error::Error + 'static)>> {
        let first: &(dyn std::error::Error + 'static) = self.source()?.as_ref();
        Some(std::iter::successors(Some(first), |error| error.source()))
    }
}

/// What was attempted when an error occurred.
#[derive(Debug)]
struct Attempt {
    what: String,
    source: BoxedError,
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Attempt {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(self.source.as_ref())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl std::error::Error for Error {}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.bytes, self.files) {
            (Some(bytes), Some(files)) => write!(f, "{} MB and {files} files are left", Megabytes(bytes)),
            (Some(bytes), None) => write!(f, "{} MB are left", Megabytes(bytes)),
            (None, Some(files)) => write!(f, "{files} files are left"),
            (None, None) => f.write_str("no limit"),
        }
    }
}

/// Formats bytes as megabytes, rounded down to one decimal.
struct Megabytes(u64);

impl fmt::Display for Megabytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = self.0.saturating_mul(10) >> 20;
        write!(f, "{}.{}", tenths / 10, tenths % 10)
    }
}

/// Every code with its message; listed in the OpenAPI document.
pub const CODES: &[(&str, &str)] = &[
    ("unauthenticated", "A valid access token is required."),
    ("invalid_credentials", "The username, e-mail address or password is wrong."),
    ("invalid_refresh_token", "The refresh token is unknown, used or expired. Log in again."),
    ("token_expired", "The access token has expired. Refresh it."),
    ("session_ended", "The session has ended. Log in again."),
    ("wrong_password", "The current password is wrong."),
    ("banned", "You are banned from this room."),
    ("not_a_member", "Only members of the room may do this."),
    ("not_allowed", "Your role does not allow this."),
    ("own_account", "You cannot do this to your own account."),
    ("account_erased", "The account was deleted."),
    ("default_room", "The default room cannot be deleted."),
    ("invite_needed", "This room requires an invitation."),
    ("removed", "You were removed from this room and cannot join with an invitation. A member can add you."),
    ("self_block", "You cannot block yourself."),
    ("self_friend", "You cannot befriend yourself."),
    ("blocked", "You and this user cannot contact each other."),
    ("room_not_found", "The room does not exist, or you may not see it."),
    ("user_not_found", "The user does not exist."),
    ("friend_not_found", "You are not friends."),
    ("request_not_found", "The friend request does not exist."),
    ("member_not_found", "The user is not a member of the room."),
    ("ban_not_found", "The user is not banned from the room."),
    ("invitation_not_found", "There is no open invitation."),
    ("invite_not_found", "The invite code does not exist."),
    ("report_not_found", "The report does not exist."),
    ("message_not_found", "The message does not exist."),
    ("upload_not_found", "The upload does not exist, or you may not see it."),
    ("avatar_not_found", "There is no avatar."),
    ("session_not_found", "The session does not exist."),
    ("route_not_found", "The route does not exist."),
    ("method_not_allowed", "The route does not support this method."),
    ("username_taken", "This username is taken."),
    ("message_unsent", "The message was unsent and cannot be changed or forwarded."),
    ("system_message", "A system message cannot be edited, unsent, pinned or forwarded."),
    ("forwarded_message", "A forwarded message cannot be edited."),
    ("too_many_reactions", "The message has 20 different reactions, the maximum; only these can be added."),
    ("too_many_pins", "The room has 50 pinned messages, the maximum. Unpin one first."),
    ("another_session", "The token belongs to another session. Open a new socket with it."),
    ("client_id_reused", "The same client_id was used for another message."),
    ("idempotency_key_reused", "The same Idempotency-Key was used for another request."),
    ("last_owner", "The last owner cannot leave without naming another owner."),
    ("direct_room", "A direct room has fixed members and no settings."),
    ("too_many_open_requests", "You have the maximum number of open friend requests. Withdraw some first."),
    ("too_many_friends", "One of you has the maximum number of friends."),
    ("invite_expired", "The invite code has expired."),
    ("invite_used_up", "The invite code has no uses left."),
    ("too_many_invites", "The room has the maximum number of invite codes. Revoke some first."),
    ("room_archived", "The room is archived and refuses messages."),
    ("upload_not_ready", "The upload is not completed yet."),
    ("upload_missing", "No bytes were sent. Send them to the upload's URL first."),
    ("upload_changed", "Other bytes arrived during verification. Complete the upload again."),
    ("upload_rejected", "The bytes differ from the announcement and were deleted. Create a new upload."),
    ("upload_in_use", "The upload is already in use; each can be used once."),
    ("too_many_uploads", "You have the maximum number of unused uploads. Use or delete some."),
    ("upload_busy", "The verification is running; `Retry-After` says when to retry."),
    ("quota_exceeded", "The storage quota is exceeded; `left` is the remaining quota."),
    ("malformed_json", "The body is not valid JSON."),
    ("malformed_query", "The query cannot be read."),
    ("missing_parameter", "A query parameter is missing."),
    ("malformed_frame", "The frame is not a JSON object."),
    ("unknown_action", "The action does not exist."),
    ("invalid_input", "Fields are invalid; `errors` lists them."),
    ("too_large", "The request exceeds the size limit."),
    ("rate_limited", "Too many requests; `Retry-After` says when to retry."),
    ("duplicate_message", "The same text was sent too often; `Retry-After` says when to retry."),
    ("unavailable", "A part of the service does not answer; `Retry-After` says when to retry."),
    ("not_ready", "A store does not answer or is outdated; `checks` names it."),
    ("internal", "An internal error occurred; quote the `request_id`."),
];

fn sentence(code: &str) -> &'static str {
    CODES.iter().find(|(known, _)| *known == code).map_or("The request cannot be fulfilled.", |(_, text)| text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_begin_with_what_was_attempted() {
        let refused = std::io::Error::new(std::io::ErrorKind::ConnectionRefused, "refused");
        let error = Error::unavailable(refused).during("connecting to db:3306").during("migrating");
        assert_eq!(error.causes().as_deref(), Some("migrating: connecting to db:3306: refused"));
        assert_eq!((error.code(), error.retry_after()), ("unavailable", Some(2)));
        assert!(error.cause::<std::io::Error>().is_some_and(|cause| cause.kind() == std::io::ErrorKind::ConnectionRefused));
        assert!(error.cause::<fmt::Error>().is_none());
        let known = Error::Conflict("last_owner").during("leaving");
        assert_eq!((known.code(), known.causes()), ("last_owner", None));
    }
}
