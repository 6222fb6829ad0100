//! The dialogue engine: decides what the assistant says next.
//!
//! This is the seam of the service. Everything outside knows three things of an engine: a
//! [`Program`] is compiled once from the flows, a [`State`] is what it remembers of a conversation
//! (stored as JSON, shown as [`State::view`]), and [`step`] makes one turn. It is pure: time and
//! randomness come in, the next state and the events go out, nothing else happens.

mod answer;
mod hearing;
mod number;
mod program;
mod revision;
mod running;
mod speech;
mod stack;
mod state;
mod turn;

pub use hearing::Utterance;
pub use program::Program;
pub use state::State;

use rand::Rng;
use stoa_contracts::conversations::EventKind;
use time::OffsetDateTime;

/// What happens to a conversation from outside.
#[derive(Clone, Debug)]
pub enum Input {
    /// It begins: the assistant speaks first.
    Begin,
    /// The user says something.
    Said(Utterance),
}

/// Makes one turn of a conversation.
///
/// `program` must be compiled from the assistant's present flows; a state that was left behind by
/// an older revision goes on at the same question where the flow still has it.
pub fn step(
    program: &Program,
    state: State,
    input: Input,
    now: OffsetDateTime,
    rng: &mut dyn Rng,
) -> (State, Vec<EventKind>) {
    turn::Turn::new(program, state, rng).make(input, now)
}
