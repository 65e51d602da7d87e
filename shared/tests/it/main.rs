//! The second ring of tests: the store and the rules on a real MariaDB, each test in a database of its own.
#![allow(clippy::expect_used, reason = "a test that cannot go on ends there, and says why")]

mod accounts;
mod changes;
mod convergence;
mod desk;
mod directs;
mod edits;
mod fixture;
mod forwards;
mod invites;
mod members;
mod mentions;
mod messages;
mod migrations;
mod model;
mod pins;
mod plans;
mod reactions;
mod receipts;
mod reports;
mod room;
mod rooms;
mod sessions;
mod settings;
mod sync;
mod throttle;
mod tidy;
mod typing;
mod unsending;
