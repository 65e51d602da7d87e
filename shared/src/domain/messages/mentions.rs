//! Mentions: `@name` of room members in a text, ignoring case. Blocked pairs cannot mention each other.

use std::collections::{BTreeMap, BTreeSet};

use super::mention_text::calls;
use crate::error::Result;
use crate::id::{RoomId, UserId};
use crate::store::{Tx, mentions as store};

/// Maximum number of mentioned members per message.
const MAX_MENTIONS: usize = 50;
/// Most names that are looked up for a text, and in one statement. Messages of the usual length have fewer than one statement takes; a text of
/// 16,000 characters can call 3,200 different names.
const MAX_NAMES: usize = 4_000;
const NAMES_PER_STATEMENT: usize = 1_000;

/// Returns the mentioned members in the order of the text. A text without `@` costs no statement.
pub(crate) async fn resolve(tx: &mut Tx<'_>, room: RoomId, by: UserId, text: &str) -> Result<Vec<UserId>> {
    let calls = calls(text);
    let mut seen = BTreeSet::new();
    let names = calls.iter().flat_map(|call| call.names()).filter(|name| seen.insert(name.to_ascii_lowercase()));
    let names: Vec<&str> = names.take(MAX_NAMES).collect();
    let mut members = BTreeMap::new();
    for names in names.chunks(NAMES_PER_STATEMENT) {
        let found = store::find_members(tx, room, by, names).await?;
        members.extend(found.into_iter().map(|(user, username)| (username.to_ascii_lowercase(), user)));
    }
    let mut mentioned = Vec::new();
    for call in calls {
        let member = call.member(|name| members.get(&name.to_ascii_lowercase()).copied());
        if let Some(user) = member.filter(|user| !mentioned.contains(user)) {
            mentioned.push(user);
            if mentioned.len() == MAX_MENTIONS {
                break;
            }
        }
    }
    Ok(mentioned)
}
