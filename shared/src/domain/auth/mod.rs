//! Who a caller is: accounts, passwords, tokens, sessions and their end.

pub mod accounts;
pub mod anonymous;
pub(crate) mod passwords;
pub(crate) mod refresh_tokens;
pub(crate) mod secrets;
pub mod session_closings;
pub mod sessions;
pub mod tickets;
pub mod tokens;
