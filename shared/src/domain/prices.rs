//! What each thing costs that a person may ask for, and what counts it: the one table that every door looks into. What is not in it costs what its
//! kind costs, and is counted as its kind is, so nothing can be forgotten.
//!
//! A unit is a statement to the store, or a post to a socket of one's own, or `ROWS` rows. Posts to the members of a room are not in it: they are
//! bounded by `PUSH_INLINE`, and by what counts the act.

use crate::protocol::actions::{Action, Change};

/// Rows that cost as much as a statement.
const ROWS: u32 = 25;
/// The most items that a request can ask for.
const MOST_ITEMS: u32 = 1000;
/// Rooms that are caught up for the price of a unit: what is read of each is little, when there are many.
const ROOMS: u32 = 2;

/// What something costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    /// Charged before it is done. What it turns out to cost beyond that is charged with the person's next request.
    pub charged: u32,
    /// Statements, and posts to oneself, that it takes at most, those that open a connection included.
    pub most: u32,
    /// What counts it besides.
    pub counter: Counter,
}

/// What counts how often a person does something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counter {
    /// Nothing: it changes nothing, and its work is charged.
    Nothing,
    /// `RATE_ACT`, together with all else that is an act.
    Act,
    /// `RATE_ACT`, by itself: how far one has read.
    Mark,
    /// `RATE_ACT`, by session: what ends sessions. Somebody else's use of one's account must not be able to use it up, nor the budget of work.
    Ending,
    /// A bucket on the row of the member, as `RATE_SEND` and `RATE_CHANGE` are: once it is known that something changes.
    Row,
    /// A counter of its own, asked by the rule itself: `RATE_UPLOAD`, `RATE_CONNECT`, `RATE_LOGIN`.
    Own,
}

/// A route with a price of its own: `METHOD path`.
struct Route(&'static str, Price);

const fn price(counter: Counter, charged: u32, most: u32) -> Price {
    Price { charged, most, counter }
}

/// What a route costs that only reads.
const READ: Price = price(Counter::Nothing, 3, 12);
/// What a route costs that changes something: a transaction, and who is told.
const ACT: Price = price(Counter::Act, 10, 40);
/// What ends only when its time is over, and is asked again to go on: erasing takes every trace away in small transactions.
const UNTIL_THE_DEADLINE: u32 = u32::MAX;

const ROUTES: &[Route] = &[
    // What reads much.
    Route("GET /api/search", price(Counter::Nothing, 20, 1900)),
    Route("GET /api/users/me/export", price(Counter::Nothing, 20, 420)),
    Route("GET /api/rooms/{room_id}/sync", price(Counter::Nothing, 8, 20)),
    // What has a counter of its own.
    Route("POST /api/rooms/{room_id}/messages", price(Counter::Row, 10, 60)),
    Route("POST /api/messages/send", price(Counter::Row, 10, 80)),
    Route("PATCH /api/rooms/{room_id}/messages/{seq}", price(Counter::Row, 10, 40)),
    Route("PUT /api/rooms/{room_id}/messages/{seq}/reactions", price(Counter::Row, 8, 30)),
    Route("DELETE /api/rooms/{room_id}/messages/{seq}/reactions", price(Counter::Row, 8, 30)),
    Route("POST /api/uploads", price(Counter::Own, 6, 20)),
    Route("POST /api/auth/ticket", price(Counter::Own, 2, 8)),
    Route("PUT /api/rooms/{room_id}/read", price(Counter::Mark, 6, 30)),
    Route("PUT /api/rooms/{room_id}/delivered", price(Counter::Mark, 6, 30)),
    // What ends sessions: one statement, and each socket's `bye`.
    Route("POST /api/auth/logout", price(Counter::Ending, 4, 60)),
    Route("POST /api/auth/logout-all", price(Counter::Ending, 4, 60)),
    Route("DELETE /api/auth/sessions/{session_id}", price(Counter::Ending, 4, 60)),
    Route("PUT /api/auth/password", price(Counter::Ending, 8, 60)),
    Route("DELETE /api/users/me", price(Counter::Ending, 40, UNTIL_THE_DEADLINE)),
    // What takes a statement or two for each of up to a hundred people, of whom commonly one is named.
    Route("POST /api/rooms", price(Counter::Act, 14, 340)),
    Route("POST /api/rooms/create", price(Counter::Act, 14, 340)),
    Route("POST /api/rooms/{room_id}/members", price(Counter::Act, 14, 340)),
    Route("POST /api/participant/{conversationId}", price(Counter::Act, 14, 340)),
    // What goes through all of a room, or of an account.
    Route("DELETE /api/rooms/{room_id}", price(Counter::Act, 20, 200)),
    Route("DELETE /api/admin/rooms/{room_id}", price(Counter::Act, 20, 200)),
    Route("DELETE /api/admin/users/{user_id}", price(Counter::Act, 40, UNTIL_THE_DEADLINE)),
];

/// What a request to a route costs that asks for so many items.
pub fn route(method: &str, path: &str, items: Option<u32>) -> Price {
    let own = ROUTES.iter().find(|Route(asks, _)| asks.split_once(' ') == Some((method, path)));
    if method != "GET" {
        return own.map_or(ACT, |Route(_, price)| *price);
    }
    let price = own.map_or(READ, |Route(_, price)| *price);
    let rows = items.unwrap_or_default().min(MOST_ITEMS) / ROWS;
    Price { charged: price.charged + rows, ..price }
}

/// What a frame costs; one that cannot be read is an error to answer.
pub fn action(action: Option<&Action>) -> Price {
    let Some(action) = action else { return price(Counter::Nothing, 2, 8) };
    match action {
        // What the rooms that it names cost is charged when they are caught up.
        Action::Hello { .. } => price(Counter::Nothing, 10, 16),
        Action::Sync { .. } => price(Counter::Nothing, 10, 20),
        Action::Ping { .. } => price(Counter::Nothing, 3, 8),
        Action::Renew { .. } => price(Counter::Nothing, 2, 8),
        Action::Typing { .. } => price(Counter::Nothing, 4, 10),
        Action::Read { .. } | Action::Delivered { .. } => price(Counter::Nothing, 6, 30),
        Action::Send { .. } => price(Counter::Row, 10, 60),
        Action::Change { change: Change::Edit(_) | Change::React(_) | Change::Unreact(_), .. } => price(Counter::Row, 10, 40),
        Action::Change { change: Change::Unsend, .. } | Action::Join { .. } | Action::Leave { .. } => ACT,
    }
}

/// What catching up so many rooms costs, whose answer comes in so many posts at most.
pub fn catch_up(rooms: usize, posts: usize) -> Price {
    let (rooms, posts) = (u32::try_from(rooms).unwrap_or(u32::MAX), u32::try_from(posts).unwrap_or(u32::MAX));
    price(Counter::Nothing, (rooms / ROOMS).saturating_add(posts).saturating_add(8), posts.saturating_add(10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_listed_is_charged_and_counted_as_its_kind() {
        assert_eq!(route("GET", "/api/anything", None), READ);
        assert_eq!(route("GET", "/api/anything", Some(100)).charged, READ.charged + 4);
        assert_eq!(route("GET", "/api/anything", Some(u32::MAX)).charged, READ.charged + 40);
        for method in ["POST", "PUT", "PATCH", "DELETE", "ANYTHING"] {
            assert_eq!(route(method, "/api/anything", Some(100)), ACT, "{method}");
        }
        assert_eq!(route("PUT", "/api/rooms/{room_id}/read", None).counter, Counter::Mark);
    }

    #[test]
    fn no_route_is_listed_twice() {
        for (index, Route(asks, price)) in ROUTES.iter().enumerate() {
            assert!(ROUTES[..index].iter().all(|Route(other, _)| other != asks), "{asks}");
            assert!(price.charged <= price.most, "{asks}");
            assert!(asks.starts_with("GET ") || price.counter != Counter::Nothing, "{asks} changes something");
        }
    }
}
