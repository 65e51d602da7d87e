//! The causes of a session's end, and the `bye` frame of each.

use crate::protocol::frames::Frame;

macro_rules! causes {
    ($($(#[$doc:meta])* $cause:ident = $name:literal,)+) => {
        /// The cause of a session's end.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Cause {
            $($(#[$doc])* $cause,)+
        }

        impl Cause {
            /// All causes.
            pub const ALL: &[Self] = &[$(Self::$cause),+];

            /// The value in the database.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$cause => $name,)+
                }
            }
        }
    };
}

causes! {
    /// The user logged out.
    Logout = "logout",
    /// The user logged out everywhere.
    LogoutAll = "logout_all",
    /// The user ended the session from another one.
    Revoked = "revoked",
    /// The user changed the password in another session.
    PasswordChanged = "password_changed",
    /// The user changed the password in this session, which a new one replaces.
    Replaced = "replaced",
    /// A used refresh token was presented again.
    TokenReused = "token_reused",
    /// The user logged in on more devices than may be signed in at once; this one was used least recently.
    Surplus = "surplus",
    /// The session was not refreshed in time.
    Expired = "expired",
    /// An operator disabled the account.
    Disabled = "disabled",
    /// An operator ended the session.
    RevokedByOperator = "revoked_by_operator",
    /// The user erased the account.
    Erased = "erased",
    /// An operator erased the account.
    ErasedByOperator = "erased_by_operator",
}

impl Cause {
    /// Parses a name. Names of later releases read as [`Self::Revoked`].
    pub fn of(name: &str) -> Self {
        Self::ALL.iter().copied().find(|cause| cause.name() == name).unwrap_or(Self::Revoked)
    }

    /// The last frame of the session's sockets.
    pub fn bye(self) -> Frame {
        let (code, reason, resume) = match self {
            Self::Logout
            | Self::LogoutAll
            | Self::Revoked
            | Self::PasswordChanged
            | Self::TokenReused
            | Self::Surplus
            | Self::Expired
            | Self::RevokedByOperator => ("session_ended", "The session has ended. Log in again.", false),
            Self::Replaced => ("session_replaced", "The password was changed. Reconnect with the new tokens.", true),
            Self::Disabled => ("account_disabled", "The account was disabled by an operator.", false),
            Self::Erased | Self::ErasedByOperator => ("account_erased", "The account was deleted.", false),
        };
        Frame::Bye { code, reason, resume }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_is_read_as_it_was_written_and_fits_its_column() {
        for cause in Cause::ALL {
            assert_eq!(Cause::of(cause.name()), *cause);
            assert!(cause.name().len() <= 32);
        }
        assert_eq!(Cause::of("something later"), Cause::Revoked);
        assert_eq!(Cause::Expired.name(), "expired", "statements of the store name it");
    }

    #[test]
    fn only_a_replaced_session_asks_to_reconnect() {
        for cause in Cause::ALL {
            let Frame::Bye { resume, .. } = cause.bye() else { panic!("{cause:?}") };
            assert_eq!(resume, *cause == Cause::Replaced, "{cause:?}");
        }
    }
}
