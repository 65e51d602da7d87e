//! The query parameters of paged lists.

use serde::Deserialize;

/// Selects a page of a list.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// The `next` value of the previous page.
    cursor: Option<String>,
    /// Page size, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
}

impl PageQuery {
    /// The cursor and the page size.
    pub(crate) fn page(&self) -> (Option<&str>, Option<u32>) {
        (self.cursor.as_deref(), self.limit)
    }
}
