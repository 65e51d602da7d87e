//! `…/messages/{seq}/reactions`. The emoji is in the body or the query, never in the path.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use serde::Deserialize;
use shared::domain::messages::reactions::{self, ReactionRequest};
use shared::edge::extract::{Body, Path, Query};
use shared::edge::pagination::PageResponse;
use shared::error::{Error, Result};
use shared::protocol::messages::{NewReaction, ReactionChange, Reactor};
use shared::protocol::page::Page;

use super::State;
use crate::parameters::{MessagePath, PageQuery};
use crate::refusals::{MessageNotFound, MissingParameter};
use crate::signed_in::SignedIn;

/// Adds a reaction to a message. Repeating the request has no effect.
#[utoipa::path(
    put, path = "/api/rooms/{room_id}/messages/{seq}/reactions", tag = "messages", request_body = NewReaction,
    security(("bearer" = [])),
    params(MessagePath),
    responses(
        (status = 200, description = "The added reaction", body = ReactionChange),
        (status = 403, description = "`not_a_member`, `blocked`"),
        (status = 409, description = "`message_unsent`, `too_many_reactions`, `room_archived`"),
        MessageNotFound,
    )
)]
pub(super) async fn react(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<MessagePath>,
    Body(new): Body<NewReaction>,
) -> Result<Json<ReactionChange>> {
    let reacting = ReactionRequest { room: &path.room_id, seq: path.seq, emoji: &new.emoji };
    reactions::react(&state.db, &state.push, &state.limits, &caller, reacting).await.map(Json)
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct EmojiQuery {
    /// The emoji, percent-encoded.
    #[param(required, example = "👍")]
    emoji: Option<String>,
}

/// Removes a reaction of the caller. Repeating the request has no effect.
#[utoipa::path(
    delete, path = "/api/rooms/{room_id}/messages/{seq}/reactions", tag = "messages", security(("bearer" = [])),
    params(MessagePath, EmojiQuery),
    responses(
        (status = 200, description = "The removed reaction", body = ReactionChange),
        (status = 403, description = "`not_a_member`, `blocked`"),
        (status = 409, description = "`room_archived`"),
        MissingParameter, MessageNotFound,
    )
)]
pub(super) async fn unreact(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<MessagePath>,
    Query(query): Query<EmojiQuery>,
) -> Result<Json<ReactionChange>> {
    let missing = || Error::Malformed("missing_parameter", "The query parameter `emoji` is required.".into());
    let emoji = query.emoji.ok_or_else(missing)?;
    let reacting = ReactionRequest { room: &path.room_id, seq: path.seq, emoji: &emoji };
    reactions::unreact(&state.db, &state.push, &state.limits, &caller, reacting).await.map(Json)
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ReactorsQuery {
    /// Lists only reactions with this emoji, percent-encoded.
    #[param(example = "👍")]
    emoji: Option<String>,
}

/// Lists the reactions to a message by emoji and user.
#[utoipa::path(
    get, path = "/api/rooms/{room_id}/messages/{seq}/reactions", tag = "messages", security(("bearer" = [])),
    params(MessagePath, ReactorsQuery, PageQuery),
    responses(
        (status = 200, description = "A page of reactions", body = Page<Reactor>),
        MessageNotFound,
    )
)]
pub(super) async fn reactors(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<MessagePath>,
    Query(query): Query<ReactorsQuery>,
    Query(page): Query<PageQuery>,
) -> Result<PageResponse<Page<Reactor>>> {
    reactions::list(&state.db, &caller, path.address(), query.emoji.as_deref(), page.page()).await.map(PageResponse)
}
