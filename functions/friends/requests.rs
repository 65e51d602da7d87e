//! `/api/friends/requests`: asking, agreeing, declining, withdrawing.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use axum::http::StatusCode;
use serde::Deserialize;
use shared::domain::friends;
use shared::edge::extract::{Body, Path, Query};
use shared::edge::list::Listed;
use shared::error::Result;
use shared::protocol::friends::{Direction, Friendship, NewFriend};
use shared::protocol::page::Page;

use super::{State, Whom};
use crate::signed_in::{Acting, SignedIn};

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct RequestsQuery {
    /// `in`: those that wait for the caller's answer. `out`: those that the caller made.
    #[serde(default)]
    #[param(inline)]
    direction: Direction,
    /// The `next` of the page before.
    cursor: Option<String>,
    /// Items of a page, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
}

/// Requests for friendship that wait for an answer, newest first.
#[utoipa::path(
    get, path = "/api/friends/requests", operation_id = "list_requests", tag = "friends", params(RequestsQuery),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "A page of requests", body = Page<Friendship>),
        (status = 422, description = "`invalid_input`: the cursor is none of ours"),
    )
)]
pub(super) async fn list(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Query(query): Query<RequestsQuery>,
) -> Result<Listed<Page<Friendship>>> {
    let page = (query.cursor.as_deref(), query.limit);
    friends::requests(&state.db, &caller, query.direction, page).await.map(Listed)
}

/// Asks a person to be friends. Someone who has asked the caller is a friend with that.
#[utoipa::path(
    post, path = "/api/friends/requests", operation_id = "ask", tag = "friends", request_body = NewFriend, security(("bearer" = [])),
    responses(
        (status = 201, description = "Asked", body = Friendship),
        (status = 200, description = "Friends with that; or what stood between the two before, unchanged", body = Friendship),
        (status = 403, description = "`blocked`: one of the two blocked the other; both hear the same"),
        (status = 404, description = "`user_not_found`"),
        (status = 409, description = "`self_friend`, `too_many_open_requests`, `too_many_friends`"),
        (status = 422, description = "`invalid_input`: not one person is named"),
        (status = 429, description = "`rate_limited`; also of one person for a day after they declined, and for ten minutes after a request was withdrawn"),
    )
)]
pub(super) async fn ask(
    Extract(state): Extract<Arc<State>>,
    Acting(caller): Acting,
    Body(new): Body<NewFriend>,
) -> Result<(StatusCode, Json<Friendship>)> {
    let (friendship, new) = friends::ask(&state.db, &state.push, &caller, &new).await?;
    Ok((if new { StatusCode::CREATED } else { StatusCode::OK }, Json(friendship)))
}

/// Agrees to the request of a person. Done again it changes nothing.
#[utoipa::path(
    post, path = "/api/friends/requests/{user_id}/accept", operation_id = "accept", tag = "friends", security(("bearer" = [])),
    params(("user_id" = u64, Path, description = "Who asked", example = 7)),
    responses(
        (status = 200, description = "Friends", body = Friendship),
        (status = 404, description = "`request_not_found`"),
        (status = 409, description = "`too_many_friends`"),
        (status = 422, description = "`invalid_input`: the path names no person"),
    )
)]
pub(super) async fn accept(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<Whom>,
) -> Result<Json<Friendship>> {
    friends::accept(&state.db, &state.push, &caller, path.user_id).await.map(Json)
}

/// Declines the request of a person, who may ask again after a day.
#[utoipa::path(
    post, path = "/api/friends/requests/{user_id}/reject", operation_id = "reject", tag = "friends", security(("bearer" = [])),
    params(("user_id" = u64, Path, description = "Who asked", example = 7)),
    responses(
        (status = 204, description = "Declined"),
        (status = 404, description = "`request_not_found`: so it is when done again, too"),
        (status = 422, description = "`invalid_input`: the path names no person"),
    )
)]
pub(super) async fn reject(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<Whom>,
) -> Result<StatusCode> {
    friends::reject(&state.db, &state.push, &caller, path.user_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Withdraws a request of the caller's.
#[utoipa::path(
    delete, path = "/api/friends/requests/{user_id}", operation_id = "cancel", tag = "friends", security(("bearer" = [])),
    params(("user_id" = u64, Path, description = "Who was asked", example = 7)),
    responses(
        (status = 204, description = "Withdrawn"),
        (status = 404, description = "`request_not_found`: so it is when done again, too"),
        (status = 422, description = "`invalid_input`: the path names no person"),
    )
)]
pub(super) async fn cancel(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<Whom>,
) -> Result<StatusCode> {
    friends::cancel(&state.db, &state.push, &caller, path.user_id).await?;
    Ok(StatusCode::NO_CONTENT)
}
