//! The credentials that every function and every store of the local cloud knows; they open nothing elsewhere.

/// Access key id.
pub const ACCESS_KEY: &str = "AKIALOCALLOCALLOCAL0";
/// Secret access key.
pub const SECRET_KEY: &str = "local-secret-access-key";
