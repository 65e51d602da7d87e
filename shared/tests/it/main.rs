//! The second ring of tests: the store and the rules on a real MariaDB, each test in a database of its own.

mod accounts;
mod desk;
mod fixture;
mod messages;
mod migrations;
mod rooms;
mod sessions;
mod throttle;
mod tidy;
