//! `/api/friends/requests`: sending, accepting, declining and withdrawing.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use axum::http::StatusCode;
use serde::Deserialize;
use shared::domain::people::friends;
use shared::edge::extract::{Body, Path, Query};
use shared::edge::pagination::PageResponse;
use shared::error::Result;
use shared::id::UserId;
use shared::protocol::friends::{Direction, Friendship, NewFriend};
use shared::protocol::page::Page;

use super::State;
use crate::parameters::PageQuery;
use crate::refusals::{InvalidCursor, InvalidId, UserNotFound};
use crate::signed_in::{RateLimited, SignedIn};

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct RequestsQuery {
    /// `in` lists requests to the caller, `out` requests by the caller.
    #[serde(default)]
    #[param(inline)]
    direction: Direction,
}

/// The user who sent a request to the caller.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct SenderPath {
    /// The id of the user who sent the request
    #[param(value_type = u64, example = 7)]
    user_id: UserId,
}

/// The user who received a request of the caller.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct RecipientPath {
    /// The id of the user who received the request
    #[param(value_type = u64, example = 7)]
    user_id: UserId,
}

/// Lists open friend requests, newest first.
#[utoipa::path(
    get, path = "/api/friends/requests", operation_id = "list_requests", tag = "friends", params(RequestsQuery, PageQuery),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "A page of requests", body = Page<Friendship>),
        InvalidCursor,
    )
)]
pub(super) async fn list(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Query(query): Query<RequestsQuery>,
    Query(page): Query<PageQuery>,
) -> Result<PageResponse<Page<Friendship>>> {
    friends::requests(&state.db, &caller, query.direction, page.page()).await.map(PageResponse)
}

/// Sends a friend request. If the other user has already sent one, this accepts it.
#[utoipa::path(
    post, path = "/api/friends/requests", operation_id = "ask", tag = "friends", request_body = NewFriend, security(("bearer" = [])),
    responses(
        (status = 201, description = "The request", body = Friendship),
        (status = 200, description = "The friendship: accepted by this request, or existing and unchanged", body = Friendship),
        (status = 403, description = "`blocked`: one user blocks the other; the response is the same for both"),
        (status = 409, description = "`self_friend`, `too_many_open_requests`, `too_many_friends`"),
        (status = 422, description = "`invalid_input`: the body must name exactly one user"),
        (status = 429, description = "`rate_limited`; also per user for a day after a decline, and for ten minutes after a withdrawal"),
        UserNotFound,
    )
)]
pub(super) async fn ask(
    Extract(state): Extract<Arc<State>>,
    RateLimited(caller): RateLimited,
    Body(new): Body<NewFriend>,
) -> Result<(StatusCode, Json<Friendship>)> {
    let (friendship, new) = friends::send_request(&state.db, &state.push, &caller, &new).await?;
    Ok((if new { StatusCode::CREATED } else { StatusCode::OK }, Json(friendship)))
}

/// Accepts a friend request. Repeating the request has no effect.
#[utoipa::path(
    post, path = "/api/friends/requests/{user_id}/accept", operation_id = "accept", tag = "friends", security(("bearer" = [])),
    params(SenderPath),
    responses(
        (status = 200, description = "The friendship", body = Friendship),
        (status = 404, description = "`request_not_found`"),
        (status = 409, description = "`too_many_friends`"),
        InvalidId,
    )
)]
pub(super) async fn accept(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<SenderPath>,
) -> Result<Json<Friendship>> {
    friends::accept(&state.db, &state.push, &caller, path.user_id).await.map(Json)
}

/// Declines a friend request. The other user can send another one after a day.
#[utoipa::path(
    post, path = "/api/friends/requests/{user_id}/reject", operation_id = "reject", tag = "friends", security(("bearer" = [])),
    params(SenderPath),
    responses(
        (status = 204, description = "Declined"),
        (status = 404, description = "`request_not_found`, also on repetition"),
        InvalidId,
    )
)]
pub(super) async fn reject(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<SenderPath>,
) -> Result<StatusCode> {
    friends::reject(&state.db, &state.push, &caller, path.user_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Withdraws a friend request of the caller.
#[utoipa::path(
    delete, path = "/api/friends/requests/{user_id}", operation_id = "cancel", tag = "friends", security(("bearer" = [])),
    params(RecipientPath),
    responses(
        (status = 204, description = "Withdrawn"),
        (status = 404, description = "`request_not_found`, also on repetition"),
        InvalidId,
    )
)]
pub(super) async fn cancel(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<RecipientPath>,
) -> Result<StatusCode> {
    friends::cancel(&state.db, &state.push, &caller, path.user_id).await?;
    Ok(StatusCode::NO_CONTENT)
}
