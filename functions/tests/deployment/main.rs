//! What is deployed is what the code needs: template.yaml is compared with the routers, binaries, rights, settings and documents.
#![allow(clippy::expect_used, reason = "a test that cannot go on ends there, and says why")]

mod database;
mod inventory;
mod network;
mod operations;
mod queues;
mod quotas;
mod releases;
mod rights;
mod settings;
mod template;
mod web_client;
