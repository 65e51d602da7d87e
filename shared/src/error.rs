//! The one error type, free of transport. What the client may know (a stable code) and what the operator needs (the source) never mix.

use std::fmt;

use serde::Serialize;

/// Shorthand for results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong. It becomes problem+json or an error frame at the very last step, in `edge`.
#[derive(Debug)]
pub enum Error {
    /// The input could not be read at all: the code and why.
    Malformed(&'static str, String),
    /// The input was read, but these fields are wrong.
    Invalid(Vec<Violation>),
    /// No credential, or one that does not hold: the code.
    Unauthenticated(&'static str),
    /// The caller may know that it exists, but not do this: the code.
    Forbidden(&'static str),
    /// There is no such thing, or the caller may not know of it: the code.
    NotFound(&'static str),
    /// It clashes with what is there: the code.
    Conflict(&'static str),
    /// Somebody is at it already: the code, and seconds until the next try.
    Busy(&'static str, u32),
    /// It is more than a person may keep: what still fits.
    Full(Left),
    /// Too often: seconds until the next try, and the limit that was met.
    TooMany {
        /// Seconds.
        retry_after: u32,
        /// The limit, where it has a fixed window.
        policy: Option<Limit>,
    },
    /// The same text again and again: seconds until it may be said once more.
    Repeated {
        /// Seconds.
        retry_after: u32,
    },
    /// More bytes than are taken.
    TooLarge,
    /// A dependency does not answer: seconds until the next try, and its error.
    Unavailable {
        /// Seconds.
        retry_after: u32,
        /// For the log only.
        source: Source,
    },
    /// A defect of ours; the source is for the log only.
    Internal(Source),
}

/// An error of a lower layer.
pub type Source = Box<dyn std::error::Error + Send + Sync>;

/// A limit as the `RateLimit-Policy` header words it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// How often.
    pub quota: u32,
    /// In how many seconds.
    pub window: u32,
}

/// How one stands to a limit, as the `RateLimit` header words it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// The limit.
    pub limit: Limit,
    /// How often one still may.
    pub left: u32,
    /// Seconds until all of the limit is there again.
    pub reset: u32,
}

/// How much more a person may keep; null where there is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Left {
    /// Bytes.
    pub bytes: Option<u64>,
    /// Pictures and files.
    pub files: Option<u64>,
}

/// One field that is wrong, and why. Never carries the value itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Violation {
    /// Path of the field, for example `content` or `user_ids[3]`.
    pub field: String,
    /// Stable snake_case code, for example `too_long`.
    pub code: &'static str,
    /// One sentence for a person.
    pub detail: String,
}

impl Error {
    /// One field is wrong.
    pub fn invalid(field: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Self {
        Self::Invalid(vec![Violation { field: field.into(), code, detail: detail.into() }])
    }

    /// A defect of ours.
    pub fn internal(source: impl Into<Source>) -> Self {
        Self::Internal(source.into())
    }

    /// A dependency does not answer.
    pub fn unavailable(source: impl Into<Source>) -> Self {
        Self::Unavailable { retry_after: 2, source: source.into() }
    }

    /// The stable code that clients branch on.
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

    /// One sentence for a person who calls the API. Says nothing of our insides.
    pub fn detail(&self) -> String {
        match self {
            Self::Malformed(_, detail) => detail.clone(),
            Self::Invalid(violations) => match violations.as_slice() {
                [one] if one.field.is_empty() => one.detail.clone(),
                [one] => format!("{}: {}", one.field, one.detail),
                several => format!("{} fields are wrong.", several.len()),
            },
            Self::TooMany { retry_after, .. } => format!("Too many requests. Try again in {retry_after} s."),
            Self::Repeated { retry_after } => {
                format!("You said the same too often. Try again in {retry_after} s, or say something else.")
            }
            Self::Full(left) => format!("That is more than you may keep: {left}. Unsend what you need no longer."),
            Self::TooLarge => "The request is larger than is taken.".into(),
            Self::Unavailable { .. } => "A part of the service does not answer. Try again shortly.".into(),
            Self::Internal(_) => "Something went wrong on our side.".into(),
            Self::Unauthenticated(code)
            | Self::Forbidden(code)
            | Self::NotFound(code)
            | Self::Conflict(code)
            | Self::Busy(code, _) => sentence(code).into(),
        }
    }

    /// Seconds until the next try, where that makes sense.
    pub fn retry_after(&self) -> Option<u32> {
        match self {
            Self::TooMany { retry_after, .. }
            | Self::Repeated { retry_after }
            | Self::Unavailable { retry_after, .. }
            | Self::Busy(_, retry_after) => Some(*retry_after),
            _ => None,
        }
    }

    /// What the operator needs.
    pub fn source(&self) -> Option<&Source> {
        match self {
            Self::Unavailable { source, .. } | Self::Internal(source) => Some(source),
            _ => None,
        }
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
            (None, None) => f.write_str("all is left"),
        }
    }
}

/// Bytes for people, with one decimal and never more than there are.
struct Megabytes(u64);

impl fmt::Display for Megabytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = self.0.saturating_mul(10) >> 20;
        write!(f, "{}.{}", tenths / 10, tenths % 10)
    }
}

/// Every code with a fixed meaning, and its sentence. The OpenAPI lists them.
pub const CODES: &[(&str, &str)] = &[
    ("unauthenticated", "A valid access token is needed."),
    ("invalid_credentials", "The name or the password is wrong."),
    ("invalid_refresh_token", "The refresh token is unknown, used up or expired. Log in again."),
    ("token_expired", "The access token has expired. Refresh it."),
    ("session_ended", "The session has ended. Log in again."),
    ("wrong_password", "The current password is wrong."),
    ("banned", "You are banned from this room."),
    ("not_a_member", "Only members of the room may do this."),
    ("not_allowed", "Your role does not allow this."),
    ("own_account", "Nobody does this to their own account."),
    ("account_erased", "The account was deleted."),
    ("default_room", "The room that messages without a room go to stays."),
    ("invite_needed", "This room is joined by invitation."),
    ("removed", "You were removed from this room; no invitation lets you back in. Somebody there can add you."),
    ("self_block", "Nobody blocks themselves."),
    ("self_friend", "Nobody befriends themselves."),
    ("blocked", "You two cannot reach each other."),
    ("room_not_found", "There is no such room, or you may not see it."),
    ("user_not_found", "There is no such person."),
    ("friend_not_found", "You are not friends."),
    ("request_not_found", "There is no such request for friendship."),
    ("member_not_found", "This person is no member of the room."),
    ("ban_not_found", "This person is not banned from the room."),
    ("invitation_not_found", "There is no invitation that waits for an answer."),
    ("invite_not_found", "There is no such invitation to this room."),
    ("report_not_found", "There is no such report."),
    ("message_not_found", "There is no such message."),
    ("upload_not_found", "There is no such upload, or you may not see it."),
    ("avatar_not_found", "There is no avatar."),
    ("session_not_found", "There is no such session of yours."),
    ("route_not_found", "There is no such route."),
    ("method_not_allowed", "This route does not take this method."),
    ("username_taken", "This username is taken."),
    ("message_unsent", "The message was unsent; nothing of it can be changed or passed on."),
    ("system_message", "A message of the system cannot be edited, unsent, pinned or forwarded."),
    ("forwarded_message", "A forwarded message cannot be edited: its words are somebody else's."),
    ("too_many_reactions", "The message has 20 different reactions; only those can still be given."),
    ("too_many_pins", "The room has 50 pinned messages; unpin one first."),
    ("another_session", "The token is good, but of another session; a socket stays with its own. Open one with this token."),
    ("client_id_reused", "The same client_id was used for another message."),
    ("idempotency_key_reused", "The same Idempotency-Key was used for another request."),
    ("last_owner", "The last owner cannot leave; name another one first."),
    ("direct_room", "A direct room stays with its two people: nobody joins, leaves or rules it."),
    (
        "too_many_open_requests",
        "So many of your requests for friendship wait for an answer that no other can be made; withdraw some.",
    ),
    ("too_many_friends", "One of you has as many friends as anyone may have."),
    ("invite_expired", "The invitation has expired."),
    ("invite_used_up", "The invitation was used as often as it may be."),
    ("too_many_invites", "The room has as many open invitations as it may have; take some back."),
    ("room_archived", "The room is archived; nothing can be written."),
    ("upload_not_ready", "The upload was not completed yet."),
    ("upload_missing", "The bytes have not arrived; send them to the upload's URL first."),
    ("upload_changed", "Other bytes arrived while these were looked at; complete it again."),
    ("upload_rejected", "The bytes were not what was announced, and are gone; upload anew."),
    ("upload_in_use", "The upload is attached already; each is used once."),
    ("too_many_uploads", "Too many uploads wait to be used; use some, or wait a day."),
    ("upload_busy", "The bytes are being looked at; `Retry-After` says when to ask again."),
    ("quota_exceeded", "It is more than a person may keep; `left` says how much still fits."),
    ("malformed_json", "The body is not valid JSON."),
    ("malformed_query", "The query cannot be read."),
    ("missing_parameter", "The query lacks a parameter."),
    ("malformed_frame", "The frame is not a JSON object."),
    ("unknown_action", "There is no such action."),
    ("invalid_input", "Fields are wrong; `errors` names each of them."),
    ("too_large", "The request is larger than is taken."),
    ("rate_limited", "Too many requests; `Retry-After` says when to try again."),
    ("duplicate_message", "The same text was sent too often; `Retry-After` says when it may be sent again."),
    ("unavailable", "A part of the service does not answer; `Retry-After` says when to try again."),
    ("not_ready", "A store does not answer or is not migrated; `checks` names it."),
    ("internal", "Something went wrong on our side; quote the `request_id`."),
];

fn sentence(code: &str) -> &'static str {
    CODES.iter().find(|(known, _)| *known == code).map_or("The request cannot be fulfilled.", |(_, text)| text)
}
