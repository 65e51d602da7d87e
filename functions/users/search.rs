//! `GET /api/users` and `GET /api/users/{user_id}`: finding people.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use serde::Deserialize;
use shared::domain::profiles;
use shared::edge::extract::{Path, Query};
use shared::edge::list::Listed;
use shared::error::{Error, Result};
use shared::id::UserId;
use shared::protocol::page::Page;
use shared::protocol::people::{Person, User};

use super::State;
use crate::signed_in::SignedIn;

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct SearchQuery {
    /// How a username or a display name begins, in any case: 1 to 64 characters.
    #[param(example = "an", required = true, min_length = 1, max_length = 64)]
    q: Option<String>,
    /// The `next` of the page before.
    cursor: Option<String>,
    /// Items of a page, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
}

#[derive(Deserialize)]
pub(super) struct Whom {
    user_id: UserId,
}

/// People whose username, or else whose display name, begins so. Nobody finds anyone across a block, and nothing tells them.
#[utoipa::path(
    get, path = "/api/users", operation_id = "search", tag = "users", params(SearchQuery), security(("bearer" = [])),
    responses(
        (status = 200, description = "A page of people, first those whose username begins so", body = Page<User>),
        (status = 400, description = "`missing_parameter`"),
        (status = 422, description = "`invalid_input`: `q` is empty or too long, or the cursor none of ours"),
    )
)]
pub(super) async fn search(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Query(query): Query<SearchQuery>,
) -> Result<Listed<Page<User>>> {
    let wanted =
        query.q.ok_or_else(|| Error::Malformed("missing_parameter", "The query must say as q what to look for.".into()))?;
    profiles::search(&state.db, &caller, &wanted, (query.cursor.as_deref(), query.limit)).await.map(Listed)
}

/// A person, with presence for those who may see it. Of a deleted one only that there was somebody: their messages stay.
#[utoipa::path(
    get, path = "/api/users/{user_id}", operation_id = "get", tag = "users", security(("bearer" = [])),
    params(("user_id" = u64, Path, description = "The person", example = 7)),
    responses(
        (status = 200, description = "The person", body = Person),
        (status = 404, description = "`user_not_found`"),
        (status = 422, description = "`invalid_input`: the path names no person"),
    )
)]
pub(super) async fn get(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<Whom>,
) -> Result<Json<Person>> {
    profiles::find(&state.db, &state.push, &caller, path.user_id).await.map(Json)
}
