//! Turns responses into messages.

use super::program::Program;
use super::state::State;
use rand::Rng;
use rand::seq::IndexedRandom;
use stoa_contracts::conversations::{Button, Message};
use stoa_contracts::flows::{REFERENCE, Response, Slot, SlotKind, Variant, placeholders};

/// A response in the words of one of its variants; `None` if there is nothing to say.
pub(super) fn say(
    program: &Program,
    state: &State,
    name: &str,
    rng: &mut dyn Rng,
) -> Option<Message> {
    let Response(variants) = program.response(name)?;
    let variant = variants.choose(rng)?;
    Some(message(interpolate(state, &variant.text), buttons(variant)))
}

/// A question for a slot; a choice brings its values as buttons unless the response has some.
pub(super) fn ask(
    program: &Program,
    state: &State,
    (name, slot): (&str, &Slot),
    rng: &mut dyn Rng,
) -> Option<Message> {
    let Response(variants) = program.response(name)?;
    let variant = variants.choose(rng)?;
    let mut buttons = buttons(variant);
    if buttons.is_empty() && slot.kind == SlotKind::Choice {
        buttons = slot.choices.keys().map(|choice| button(choice)).collect();
    }
    Some(message(interpolate(state, &variant.text), buttons))
}

/// A response with these buttons, and its own after them.
pub(super) fn offer(
    program: &Program,
    state: &State,
    (name, mut offered): (&str, Vec<Button>),
    rng: &mut dyn Rng,
) -> Option<Message> {
    let Response(variants) = program.response(name)?;
    let variant = variants.choose(rng)?;
    offered.extend(buttons(variant));
    Some(message(interpolate(state, &variant.text), offered))
}

fn message(text: String, buttons: Vec<Button>) -> Message {
    if buttons.is_empty() {
        return Message::Text { text };
    }
    Message::Buttons { text, buttons }
}

fn buttons(variant: &Variant) -> Vec<Button> {
    let own = variant.buttons.iter().map(|button| Button {
        title: button.title.clone(),
        payload: button.payload.as_ref().unwrap_or(&button.title).clone(),
    });
    own.collect()
}

fn button(choice: &str) -> Button {
    Button {
        title: choice.to_owned(),
        payload: choice.to_owned(),
    }
}

/// Puts the values of slots in place of their names; an empty slot leaves nothing behind.
pub(super) fn interpolate(state: &State, text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    for (literal, name) in placeholders(text) {
        result.push_str(literal);
        match name {
            Some(REFERENCE) => result.push_str(&state.reference),
            Some(name) => {
                if let Some(value) = state.slots.get(name) {
                    result.push_str(&value.to_string());
                }
            }
            None => {}
        }
    }
    result
}
