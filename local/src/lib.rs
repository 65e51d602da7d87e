//! A local AWS cloud: reads the deployed template and runs the deployed binaries.
//!
//! In the order of a start: [`template`] reads the declarations into a [`stack::Stack`]. [`cloud`] starts the stores [`mysql`], [`dynamodb`], [`s3`]
//! and [`sqs`], the functions in [`lambda`], the custom resources and the [`gateway`]. [`logs`] prints invocations, and [`faults`] injects faults.
#![expect(clippy::disallowed_methods, reason = "the local cloud owns the clock and the environment of functions")]

mod aws_request;
pub mod clock;
pub mod cloud;
pub mod credentials;
mod custom_resources;
pub mod dynamodb;
mod event_sources;
pub mod faults;
pub mod gateway;
mod http_server;
mod inspection;
pub mod lambda;
pub mod logs;
pub mod metrics;
pub mod mysql;
pub mod open_files;
mod proxy;
pub mod s3;
mod schedules;
pub mod seed;
pub mod sqs;
pub mod stack;
pub mod template;
pub mod watch;
mod watchdog;
