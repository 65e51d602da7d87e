//! Why a session ended: every way there is, and what its sockets hear before they are closed.

use crate::protocol::frames::Frame;

macro_rules! causes {
    ($($(#[$doc:meta])* $cause:ident = $name:literal,)+) => {
        /// Every way in which a session ends.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Cause {
            $($(#[$doc])* $cause,)+
        }

        impl Cause {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$cause),+];

            /// As its column spells it.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$cause => $name,)+
                }
            }
        }
    };
}

causes! {
    /// Its person logged out.
    Logout = "logout",
    /// Its person logged out everywhere.
    LogoutAll = "logout_all",
    /// Its person ended it from another session.
    Revoked = "revoked",
    /// Its person changed the password in another session.
    PasswordChanged = "password_changed",
    /// Its person changed the password in this session, and goes on in a new one.
    Replaced = "replaced",
    /// A used refresh token came back.
    TokenReused = "token_reused",
    /// It was not refreshed in time.
    Expired = "expired",
    /// An operator disabled the account.
    Disabled = "disabled",
    /// An operator ended it.
    RevokedByOperator = "revoked_by_operator",
    /// Its person erased the account.
    Erased = "erased",
    /// An operator erased the account.
    ErasedByOperator = "erased_by_operator",
}

impl Cause {
    /// The cause of this name. One that a later release wrote is an end like others.
    pub fn of(name: &str) -> Self {
        Self::ALL.iter().copied().find(|cause| cause.name() == name).unwrap_or(Self::Revoked)
    }

    /// The last frame of its sockets.
    pub fn bye(self) -> Frame {
        let (code, reason, resume) = match self {
            Self::Logout
            | Self::LogoutAll
            | Self::Revoked
            | Self::PasswordChanged
            | Self::TokenReused
            | Self::Expired
            | Self::RevokedByOperator => ("session_ended", "The session has ended. Log in again.", false),
            Self::Replaced => ("session_replaced", "The password was changed here. Come back with the new tokens.", true),
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
    fn only_who_goes_on_in_a_new_session_is_to_come_back() {
        for cause in Cause::ALL {
            let Frame::Bye { resume, .. } = cause.bye() else { panic!("{cause:?}") };
            assert_eq!(resume, *cause == Cause::Replaced, "{cause:?}");
        }
    }
}
