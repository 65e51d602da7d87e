//! Cost and counter of every operation, in one table for HTTP and sockets. A route without an entry has the defaults of its kind.
//!
//! One unit is a statement, a post to one of the caller's own sockets, or `ROWS` rows. Posts to room members are bounded by `PUSH_INLINE` and by
//! the operation's counter.

use crate::protocol::actions::{Action, Change};

/// Rows that cost one unit.
const ROWS_PER_UNIT: u32 = 25;
/// Maximum number of items per request.
const MAX_ITEMS: u32 = 1000;
/// Rooms per unit of a catch-up.
const ROOMS_PER_UNIT: u32 = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Charged in advance. Costs beyond it are charged with the user's next request.
    pub charged: u32,
    /// Maximum number of statements and posts to the caller, those of opening a connection included.
    pub max: u32,
    /// The rate limit that also applies.
    pub counter: Counter,
}

/// The rate limit of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counter {
    /// None: the operation only reads.
    None,
    /// `RATE_ACT`, shared by all such operations.
    Act,
    /// `RATE_ACT`, separately for receipts.
    Receipt,
    /// `RATE_ACT` per session, for ending sessions. A stolen session must not use it up.
    Ending,
    /// A bucket in the member's row, such as `RATE_SEND` and `RATE_CHANGE`, taken once a change is certain.
    Row,
    /// A separate counter in the rule itself: `RATE_UPLOAD`, `RATE_CONNECT`, `RATE_LOGIN`.
    Separate,
}

/// A route with its own cost: `METHOD path`.
struct Route(&'static str, Cost);

const fn cost(counter: Counter, charged: u32, max: u32) -> Cost {
    Cost { charged, max, counter }
}

/// Default cost of reading routes.
const DEFAULT_READ: Cost = cost(Counter::None, 3, 12);
/// Default cost of changing routes: a transaction and its recipients.
const DEFAULT_CHANGE: Cost = cost(Counter::Act, 10, 40);
/// For erasure, which runs until its deadline and is then resumed.
const UNTIL_THE_DEADLINE: u32 = u32::MAX;

const ROUTES: &[Route] = &[
    // Routes that read much.
    Route("GET /api/search", cost(Counter::None, 20, 1900)),
    Route("GET /api/users/me/export", cost(Counter::None, 20, 420)),
    Route("GET /api/rooms/{room_id}/sync", cost(Counter::None, 8, 20)),
    // Routes with their own rate limit.
    Route("POST /api/rooms/{room_id}/messages", cost(Counter::Row, 10, 60)),
    Route("POST /api/messages/send", cost(Counter::Row, 10, 80)),
    Route("PATCH /api/rooms/{room_id}/messages/{seq}", cost(Counter::Row, 10, 40)),
    Route("PUT /api/rooms/{room_id}/messages/{seq}/reactions", cost(Counter::Row, 8, 30)),
    Route("DELETE /api/rooms/{room_id}/messages/{seq}/reactions", cost(Counter::Row, 8, 30)),
    Route("POST /api/uploads", cost(Counter::Separate, 6, 20)),
    Route("POST /api/auth/ticket", cost(Counter::Separate, 2, 8)),
    Route("PUT /api/rooms/{room_id}/read", cost(Counter::Receipt, 6, 30)),
    Route("PUT /api/rooms/{room_id}/delivered", cost(Counter::Receipt, 6, 30)),
    // Routes that end sessions: one statement, and a `bye` per socket.
    Route("POST /api/auth/logout", cost(Counter::Ending, 4, 60)),
    Route("POST /api/auth/logout-all", cost(Counter::Ending, 4, 60)),
    Route("DELETE /api/auth/sessions/{session_id}", cost(Counter::Ending, 4, 60)),
    Route("PUT /api/auth/password", cost(Counter::Ending, 8, 60)),
    Route("DELETE /api/users/me", cost(Counter::Ending, 40, UNTIL_THE_DEADLINE)),
    // Routes with one or two statements for each of up to a hundred users; most requests name one.
    Route("POST /api/rooms", cost(Counter::Act, 14, 340)),
    Route("POST /api/rooms/create", cost(Counter::Act, 14, 340)),
    Route("POST /api/rooms/{room_id}/members", cost(Counter::Act, 14, 340)),
    Route("POST /api/participant/{conversationId}", cost(Counter::Act, 14, 340)),
    // Routes that go through a whole room or account.
    Route("DELETE /api/rooms/{room_id}", cost(Counter::Act, 20, 200)),
    Route("DELETE /api/admin/rooms/{room_id}", cost(Counter::Act, 20, 200)),
    Route("DELETE /api/admin/users/{user_id}", cost(Counter::Act, 40, UNTIL_THE_DEADLINE)),
];

/// Returns the cost of a request that asks for `items` items.
pub fn of_route(method: &str, path: &str, items: Option<u32>) -> Cost {
    let own = ROUTES.iter().find(|Route(asks, _)| asks.split_once(' ') == Some((method, path)));
    if method != "GET" {
        return own.map_or(DEFAULT_CHANGE, |Route(_, cost)| *cost);
    }
    let cost = own.map_or(DEFAULT_READ, |Route(_, cost)| *cost);
    let rows = items.unwrap_or_default().min(MAX_ITEMS) / ROWS_PER_UNIT;
    Cost { charged: cost.charged + rows, ..cost }
}

/// Returns the cost of a socket action. An unreadable frame costs its error answer.
pub fn of_action(action: Option<&Action>) -> Cost {
    let Some(action) = action else { return cost(Counter::None, 2, 8) };
    match action {
        // The rooms are charged by the catch-up itself.
        Action::Hello { .. } => cost(Counter::None, 10, 16),
        Action::Sync { .. } => cost(Counter::None, 10, 20),
        Action::Ping { .. } => cost(Counter::None, 3, 8),
        Action::Renew { .. } => cost(Counter::None, 2, 8),
        Action::Typing { .. } => cost(Counter::None, 4, 10),
        Action::Read { .. } | Action::Delivered { .. } => cost(Counter::None, 6, 30),
        Action::Send { .. } => cost(Counter::Row, 10, 60),
        Action::Change { change: Change::Edit(_) | Change::React(_) | Change::Unreact(_), .. } => cost(Counter::Row, 10, 40),
        Action::Change { change: Change::Unsend, .. } | Action::Join { .. } | Action::Leave { .. } => DEFAULT_CHANGE,
    }
}

/// Returns the cost of catching up `rooms` rooms in at most `posts` frames.
pub fn of_catch_up(rooms: usize, posts: usize) -> Cost {
    let (rooms, posts) = (u32::try_from(rooms).unwrap_or(u32::MAX), u32::try_from(posts).unwrap_or(u32::MAX));
    cost(Counter::None, (rooms / ROOMS_PER_UNIT).saturating_add(posts).saturating_add(8), posts.saturating_add(10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unlisted_routes_have_the_defaults_of_their_kind() {
        assert_eq!(of_route("GET", "/api/anything", None), DEFAULT_READ);
        assert_eq!(of_route("GET", "/api/anything", Some(100)).charged, DEFAULT_READ.charged + 4);
        assert_eq!(of_route("GET", "/api/anything", Some(u32::MAX)).charged, DEFAULT_READ.charged + 40);
        for method in ["POST", "PUT", "PATCH", "DELETE", "ANYTHING"] {
            assert_eq!(of_route(method, "/api/anything", Some(100)), DEFAULT_CHANGE, "{method}");
        }
        assert_eq!(of_route("PUT", "/api/rooms/{room_id}/read", None).counter, Counter::Receipt);
    }

    #[test]
    fn no_route_is_listed_twice() {
        for (index, Route(asks, cost)) in ROUTES.iter().enumerate() {
            assert!(ROUTES[..index].iter().all(|Route(other, _)| other != asks), "{asks}");
            assert!(cost.charged <= cost.max, "{asks}");
            assert!(asks.starts_with("GET ") || cost.counter != Counter::None, "{asks} changes something");
        }
    }
}
