//! The cloud on a laptop: it reads the template that is deployed and runs the binaries that are deployed; nothing else says what exists.
//!
//! A tour, in the order of a start: [`template`] reads what is declared into a [`stack::Stack`]. [`cloud`] makes it run: the stores [`mysql`],
//! [`dynamodb`], [`s3`] and [`sqs`], the functions in [`lambda`], the custom resources, and in front of all the [`gateway`]. [`logs`] says what happens, and [`faults`] what
//! does not.
#![expect(
    clippy::disallowed_methods,
    reason = "this is the machine that functions run on: its clock and its environment are theirs"
)]

pub mod clock;
pub mod cloud;
pub mod credentials;
mod custom;
pub mod dynamodb;
mod event_sources;
pub mod faults;
pub mod figures;
pub mod gateway;
mod inspection;
pub mod lambda;
mod leash;
pub mod logs;
mod loopback;
pub mod mysql;
pub mod open_files;
mod proxy;
mod request;
pub mod s3;
mod schedules;
pub mod seed;
pub mod sqs;
pub mod stack;
pub mod template;
pub mod watch;
