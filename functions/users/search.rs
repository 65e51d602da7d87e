//! `GET /api/users` and `GET /api/users/{user_id}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use serde::Deserialize;
use shared::domain::people::profiles;
use shared::edge::extract::{Path, Query};
use shared::edge::pagination::PageResponse;
use shared::error::{Error, Result};
use shared::protocol::page::Page;
use shared::protocol::people::{Person, User};

use super::State;
use crate::parameters::{PageQuery, UserPath};
use crate::refusals::{InvalidId, MissingParameter, UserNotFound};
use crate::signed_in::SignedIn;

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct SearchQuery {
    /// The beginning of a username, of a display name, or of each of up to four words of a display name, ignoring case, accents and a leading `@`:
    /// 1 to 64 characters. Words of one ASCII letter or digit are not compared with words.
    #[param(example = "an", required = true, min_length = 1, max_length = 64)]
    q: Option<String>,
}

/// Searches users by the beginning of their username, their display name or any of its words. Users with a block between them do not find each
/// other.
#[utoipa::path(
    get, path = "/api/users", operation_id = "search", tag = "users", params(SearchQuery, PageQuery), security(("bearer" = [])),
    responses(
        (status = 200, description = "A page of users; matches of the username come first, then those of the display name, then those of its words", body = Page<User>),
        (status = 422, description = "`invalid_input`: `q` is empty or too long, or the cursor is invalid"),
        MissingParameter,
    )
)]
pub(super) async fn search(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Query(query): Query<SearchQuery>,
    Query(page): Query<PageQuery>,
) -> Result<PageResponse<Page<User>>> {
    let prefix = query.q.ok_or_else(|| Error::Malformed("missing_parameter", "The query parameter `q` is required.".into()))?;
    profiles::search(&state.db, &caller, &prefix, page.page()).await.map(PageResponse)
}

/// Retrieves a user, with presence if the caller may see it. A deleted user has no profile data.
#[utoipa::path(
    get, path = "/api/users/{user_id}", operation_id = "get", tag = "users", security(("bearer" = [])),
    params(UserPath),
    responses(
        (status = 200, description = "The user", body = Person),
        UserNotFound, InvalidId,
    )
)]
pub(super) async fn get(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<UserPath>,
) -> Result<Json<Person>> {
    profiles::find(&state.db, &state.push, &caller, path.user_id).await.map(Json)
}
