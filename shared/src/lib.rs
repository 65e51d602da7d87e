//! What ConChat does. The modules are layers and imports only point up this list; the same noun names the file in each.
//!
//! Read in this order:
//!
//! 1. [`id`], [`time`], [`protocol`]: the vocabulary and the wire. No I/O.
//! 2. [`error`], [`caller`], [`config`], [`telemetry`]: what every request carries.
//! 3. [`store`]: MySQL, the truth. All SQL of the project.
//! 4. [`push`]: who is connected, and how a frame reaches them. Best effort, after the commit. [`media`]: pictures and files.
//! 5. [`domain`]: the rules. One function for whatever both doors (HTTP and socket) can do.
//! 6. [`edge`]: AWS events in, AWS answers out.

pub mod caller;
pub mod config;
pub mod domain;
pub mod edge;
pub mod error;
pub mod id;
pub mod media;
pub mod protocol;
pub mod push;
pub mod store;
pub mod telemetry;
pub mod time;
