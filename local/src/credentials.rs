//! The fixed credentials of all functions and stores of the local cloud; they are valid nowhere else.

pub const ACCESS_KEY: &str = "AKIALOCALLOCALLOCAL0";
pub const SECRET_KEY: &str = "local-secret-access-key";
