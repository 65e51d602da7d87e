//! What is deployed is what the code needs: template.yaml is compared with the routers, binaries, rights, settings and documents.
#![allow(clippy::expect_used, reason = "a test that cannot go on ends there, and says why")]

mod inventory;
mod operations;
mod rights;
mod settings;
mod template;
