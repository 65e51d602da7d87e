//! `…/messages/{seq}/reactions`: one emoji each time. It stands in the body or in the query, never in the path.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use serde::Deserialize;
use shared::domain::reactions::{self, Reacting};
use shared::edge::extract::{Body, Path, Query};
use shared::edge::list::Listed;
use shared::error::{Error, Result};
use shared::protocol::messages::{NewReaction, ReactionChange, Reactor};
use shared::protocol::page::Page;

use super::{InMessage, State};
use crate::signed_in::SignedIn;

/// Reacts to a message. Doing it twice changes nothing.
#[utoipa::path(
    put, path = "/api/rooms/{room_id}/messages/{seq}/reactions", tag = "messages", request_body = NewReaction,
    security(("bearer" = [])),
    params(
        ("room_id" = String, Path, description = "`7`, `room-7` or a slug", example = "general"),
        ("seq" = u64, Path, description = "The message's place in the room", example = 42),
    ),
    responses(
        (status = 200, description = "The reaction stands", body = ReactionChange),
        (status = 403, description = "`not_a_member`, `blocked`"),
        (status = 404, description = "`room_not_found`, `message_not_found`"),
        (status = 409, description = "`message_unsent`, `too_many_reactions`, `room_archived`"),
        (status = 429, description = "`rate_limited`"),
    )
)]
pub(super) async fn react(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<InMessage>,
    Body(new): Body<NewReaction>,
) -> Result<Json<ReactionChange>> {
    let reacting = Reacting { room: &path.room_id, seq: path.seq, emoji: &new.emoji };
    reactions::react(&state.db, &state.push, &state.limits, &caller, reacting).await.map(Json)
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct EmojiQuery {
    /// The emoji, percent-encoded.
    #[param(required, example = "👍")]
    emoji: Option<String>,
}

/// Takes a reaction back. Doing it twice changes nothing.
#[utoipa::path(
    delete, path = "/api/rooms/{room_id}/messages/{seq}/reactions", tag = "messages", security(("bearer" = [])),
    params(
        ("room_id" = String, Path, description = "`7`, `room-7` or a slug", example = "general"),
        ("seq" = u64, Path, description = "The message's place in the room", example = 42),
        EmojiQuery,
    ),
    responses(
        (status = 200, description = "The reaction stands no longer", body = ReactionChange),
        (status = 400, description = "`missing_parameter`"),
        (status = 403, description = "`not_a_member`, `blocked`"),
        (status = 404, description = "`room_not_found`, `message_not_found`"),
        (status = 409, description = "`room_archived`"),
        (status = 429, description = "`rate_limited`"),
    )
)]
pub(super) async fn unreact(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<InMessage>,
    Query(query): Query<EmojiQuery>,
) -> Result<Json<ReactionChange>> {
    let missing = || Error::Malformed("missing_parameter", "The query must name the emoji.".into());
    let emoji = query.emoji.ok_or_else(missing)?;
    let reacting = Reacting { room: &path.room_id, seq: path.seq, emoji: &emoji };
    reactions::unreact(&state.db, &state.push, &state.limits, &caller, reacting).await.map(Json)
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ReactorsQuery {
    /// Only reactions with this emoji, percent-encoded.
    #[param(example = "👍")]
    emoji: Option<String>,
    /// The `next` of the page before.
    cursor: Option<String>,
    /// Items of a page, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
}

/// Who reacted with what, by emoji and person.
#[utoipa::path(
    get, path = "/api/rooms/{room_id}/messages/{seq}/reactions", tag = "messages", security(("bearer" = [])),
    params(
        ("room_id" = String, Path, description = "`7`, `room-7` or a slug", example = "general"),
        ("seq" = u64, Path, description = "The message's place in the room", example = 42),
        ReactorsQuery,
    ),
    responses(
        (status = 200, description = "A page of reactions", body = Page<Reactor>),
        (status = 404, description = "`room_not_found`, `message_not_found`"),
    )
)]
pub(super) async fn reactors(
    Extract(state): Extract<Arc<State>>,
    SignedIn(caller): SignedIn,
    Path(path): Path<InMessage>,
    Query(query): Query<ReactorsQuery>,
) -> Result<Listed<Page<Reactor>>> {
    let page = (query.cursor.as_deref(), query.limit);
    reactions::list(&state.db, &caller, (&path.room_id, path.seq), query.emoji.as_deref(), page).await.map(Listed)
}
