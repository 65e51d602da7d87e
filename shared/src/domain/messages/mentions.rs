//! Mentions: `@name` of room members in a text, ignoring case. Blocked pairs cannot mention each other.

use std::collections::{BTreeMap, BTreeSet};

use super::mention_text::{Call, calls};
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
    let names = names(&calls);
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

/// Returns the names to look up: first the longest of each call, so that calls with many possible names leave room for the others.
fn names<'a>(calls: &[Call<'a>]) -> Vec<&'a str> {
    let mut ranked: Vec<(usize, &str)> = calls.iter().flat_map(|call| call.names().enumerate()).collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    let mut seen = BTreeSet::new();
    let names = ranked.into_iter().map(|(_, name)| name).filter(|name| seen.insert(name.to_ascii_lowercase()));
    names.take(MAX_NAMES).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_with_many_possible_names_leave_room_for_the_others() {
        let many = (100..500).map(|number| format!("@{number}.b.c.d.e.f.g.h.i.j.k.l.m.n.o")).collect::<Vec<_>>().join(" ");
        for behind in ["@bob_1", "@bob_1.Can you", "@BOB_1...", "@bob_1-"] {
            let text = format!("{many} {behind}");
            assert!(text.len() < 16_000);
            let found = calls(&text);
            let names = names(&found);
            assert_eq!(names.len(), MAX_NAMES);
            assert!(names.iter().any(|name| name.eq_ignore_ascii_case("bob_1")), "{behind}");
        }
        assert_eq!(names(&calls("@ann.b @bob @Ann @ann.b")), ["ann.b", "bob", "Ann", "ann."]);
    }
}
