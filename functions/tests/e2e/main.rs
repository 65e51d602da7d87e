//! End-to-end tests: the deployed binaries behind the local cloud, used over HTTP and WebSockets like any client.
//!
//! With `API_URL` and `WS_URL` set, the tests that need only a client run against that deployment instead.
#![allow(clippy::expect_used, reason = "a test that cannot go on ends there, and says why")]

mod admin;
mod api;
mod bad_input;
mod canary;
mod log_lines;
mod changes;
mod chat;
mod cloud;
mod credentials;
mod crowd;
mod deploys;
mod documents;
mod session_ends;
mod faults;
mod friends;
mod limits;
mod matrix;
mod media;
mod media_validation;
mod notifications;
mod legacy_in_memory;
mod legacy_realtime;
mod legacy_services;
mod legacy_wire;
mod past_members;
mod people;
mod test_images;
mod fake_aws;
mod presence;
mod reliability;
mod quota;
mod blocks;
mod reading;
mod renew;
mod retries;
mod reports;
mod rooms;
mod rotation;
mod search;
mod secrets;
mod seeded;
mod sessions;
mod socket;
mod queued_events;
mod work_budget;
