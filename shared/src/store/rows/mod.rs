//! Rows that several statements return: one column list and one conversion each.

pub(super) mod access;
pub(super) mod markers;
pub(super) mod message;
pub(super) mod room;
pub(super) mod user;
