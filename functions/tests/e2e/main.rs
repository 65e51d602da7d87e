//! The outer ring of tests: the real binaries behind the local cloud, asked over HTTP and WebSockets as any client would.
//!
//! With `API_URL` and `WS_URL` set, the tests that need nothing but a client run against that deployment instead.
#![allow(clippy::expect_used, reason = "a test that cannot go on ends there, and says why")]

mod admin;
mod api;
mod bad_input;
mod canary;
mod canary_lines;
mod changes;
mod chat;
mod cloud;
mod credentials;
mod crowd;
mod deploys;
mod documents;
mod ended;
mod faults;
mod friends;
mod limits;
mod matrix;
mod media;
mod media_lies;
mod notifications;
mod older_in_memory;
mod older_realtime;
mod older_services;
mod older_wire;
mod past;
mod people;
mod pictures;
mod playing;
mod presence;
mod promises;
mod quota;
mod reach;
mod reading;
mod renew;
mod repeats;
mod reports;
mod rooms;
mod rotation;
mod search;
mod secrets;
mod seeded;
mod sessions;
mod socket;
mod taken_back;
mod work;
