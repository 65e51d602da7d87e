//! Changes of messages: `edit`, `unsend`, `react` and `unreact`. Each calls one domain function and returns one `ack`, to which the caller adds the
//! frame's id.

use shared::caller::Caller;
use shared::domain::messages::edits::{self, EditRequest};
use shared::domain::messages::reactions::{self, ReactionRequest};
use shared::domain::messages::unsend;
use shared::error::Result;
use shared::protocol::actions::{EditMessage, MessageTarget, React};
use shared::protocol::answers::Ack;
use shared::protocol::messages::{Message, ReactionChange};

use super::State;

pub(super) async fn edit(state: &State, caller: &Caller, edit: &EditMessage) -> Result<Ack> {
    let MessageTarget { room_id: room, seq } = &edit.target;
    let request = EditRequest { room, seq: *seq, new: &edit.content };
    edits::edit(&state.db, &state.push, &state.limits, caller, request).await.map(|message| message_ack(&message))
}

pub(super) async fn unsend(state: &State, caller: &Caller, target: &MessageTarget) -> Result<Ack> {
    let message = unsend::unsend(&state.db, &state.push, caller, &target.room_id, target.seq).await?;
    Ok(message_ack(&message))
}

pub(super) async fn react(state: &State, caller: &Caller, react: &React) -> Result<Ack> {
    let reacting = reaction_request(react);
    reactions::react(&state.db, &state.push, &state.limits, caller, reacting).await.map(|reaction| reaction_ack(&reaction))
}

pub(super) async fn unreact(state: &State, caller: &Caller, react: &React) -> Result<Ack> {
    let reacting = reaction_request(react);
    reactions::unreact(&state.db, &state.push, &state.limits, caller, reacting).await.map(|reaction| reaction_ack(&reaction))
}

fn reaction_request(react: &React) -> ReactionRequest<'_> {
    ReactionRequest { room: &react.target.room_id, seq: react.target.seq, emoji: &react.reaction.emoji }
}

fn message_ack(message: &Message) -> Ack {
    Ack {
        room_id: Some(message.room_id),
        seq: Some(message.seq),
        rev: Some(message.rev),
        message_id: Some(message.id),
        ..Ack::default()
    }
}

fn reaction_ack(reaction: &ReactionChange) -> Ack {
    Ack { room_id: Some(reaction.room_id), seq: Some(reaction.seq), rev: Some(reaction.rev), ..Ack::default() }
}
