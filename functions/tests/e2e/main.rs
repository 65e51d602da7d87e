//! End-to-end tests: the deployed binaries behind the local cloud, used over HTTP and WebSockets like any client.
//!
//! With `API_URL` and `WS_URL` set, the tests that need only a client run against that deployment instead.
#![allow(clippy::expect_used, reason = "a test that cannot go on ends there, and says why")]

mod admin;
mod api;
mod attentive_rooms;
mod bad_input;
mod blocks;
mod canary;
mod changes;
mod chat;
mod client_addresses;
mod cloud;
mod credentials;
mod crowd;
mod deploys;
mod documents;
mod fake_aws;
mod faults;
mod friends;
mod large_rooms;
mod legacy_in_memory;
mod legacy_realtime;
mod legacy_services;
mod legacy_wire;
mod limits;
mod lively_rooms;
mod log_lines;
mod matrix;
mod media;
mod media_validation;
mod notifications;
mod past_members;
mod people;
mod presence;
mod queued_events;
mod queues;
mod quota;
mod reading;
mod reliability;
mod renew;
mod reports;
mod retries;
mod rooms;
mod rotation;
mod search;
mod secrets;
mod seeded;
mod session_ends;
mod sessions;
mod socket;
mod strict_bodies;
mod test_images;
mod wait;
mod work_budget;
