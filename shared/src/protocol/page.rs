//! Pagination: `{items, next}` with an opaque cursor.

use serde::Serialize;

/// A page of a list.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Page<T> {
    /// The items of this page.
    pub items: Vec<T>,
    /// The cursor of the next page; null on the last page.
    pub next: Option<String>,
}

/// Default page size.
pub const DEFAULT_LIMIT: u32 = 50;
/// Maximum page size.
pub const MAX_LIMIT: u32 = 100;
