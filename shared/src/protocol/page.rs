//! Lists: `{items, next}` with an opaque cursor.

use serde::Serialize;

/// One page of a list.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Page<T> {
    /// The items of this page.
    pub items: Vec<T>,
    /// Pass it as `cursor` to read on; null at the end.
    pub next: Option<String>,
}

/// Items of a page when the request does not say.
pub const DEFAULT_LIMIT: u32 = 50;
/// Items of a page at most.
pub const MAX_LIMIT: u32 = 100;
