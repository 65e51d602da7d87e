//! The second ring of tests: the store and the rules on a real MariaDB, each test in a database of its own.
#![allow(clippy::expect_used, reason = "a test that cannot go on ends there, and says why")]

mod accounts;
mod desk;
mod fixture;
mod messages;
mod migrations;
mod rooms;
mod sessions;
mod throttle;
mod tidy;
