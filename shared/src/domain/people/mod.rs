//! Users among each other: profiles, friends, blocks, presence.

pub mod blocks;
pub mod contact_limits;
pub mod friends;
pub(in crate::domain) mod handles;
pub mod name_words;
pub mod presence;
pub(crate) mod profile_updates;
pub mod profiles;
