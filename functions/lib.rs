//! What is deployed: one folder, one function, one binary. This library holds their routers and handlers, so that the binaries stay a few
//! lines each and the documents that describe them can be made from all at once.

pub mod auth;
pub mod authorizer;
pub mod connect;
pub mod disconnect;
pub mod fanout;
pub mod messages;
pub mod migrate;
pub mod openapi;
pub mod resources;
pub mod rooms;
pub mod send;
pub mod signed_in;
pub mod system;
