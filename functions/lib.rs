//! The deployed functions: one folder and one binary each. This library contains their routers and handlers, so that the binaries stay small and the
//! API documents can be generated from all of them.

pub mod admin;
pub mod asyncapi;
pub mod auth;
pub mod authorizer;
pub mod collection;
pub mod connect;
pub mod disconnect;
mod examples_of_frames;
pub mod fanout;
pub mod friends;
pub mod messages;
pub mod migrate;
pub mod notify;
pub mod openapi;
pub mod parameters;
pub mod presence;
pub mod refusals;
pub mod resources;
pub mod rooms;
mod routes;
pub mod secret_body;
pub mod send;
pub mod shared_state;
pub mod signed_in;
pub mod sweep;
pub mod system;
pub mod uploads;
pub mod users;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
