//! The ConChat backend. The modules are layers: a module imports only from those above it in this list. Related files of different layers share their
//! name.
//!
//! 1. [`id`], [`time`], `hex`, [`text`], [`protocol`]: ids, time, hexadecimal text, what people write and wire format. No I/O.
//! 2. [`error`], [`caller`], [`config`], [`telemetry`]: what every request needs.
//! 3. [`store`]: MySQL, the source of truth. All SQL of the project. [`aws`]: the clients of AWS services.
//! 4. [`push`]: connections and delivery of frames, best effort and after the commit. [`media`]: images and files.
//! 5. [`domain`]: the rules, shared by HTTP and socket.
//! 6. [`edge`]: AWS events in, AWS responses out.

pub mod aws;
pub mod caller;
pub mod config;
pub mod domain;
pub mod edge;
pub mod error;
mod hex;
pub mod id;
pub mod media;
pub mod protocol;
pub mod push;
pub mod store;
pub mod telemetry;
pub mod text;
pub mod time;
