//! Responses: texts, placeholders and buttons.

use super::{Check, segment};
use crate::flows::response::{
    ResponseButton, Variant, is_doubtful_name, is_payload_name, placeholders,
};

impl Check<'_> {
    pub(super) fn responses(&mut self) {
        for (name, response) in &self.flows.responses {
            let pointer = format!("/responses/{}", segment(name));
            self.definition(&pointer, name);
            if response.0.is_empty() {
                self.problem(&pointer, "needs at least one text");
            }
            for (at, variant) in response.0.iter().enumerate() {
                self.variant(&format!("{pointer}/{at}"), variant);
            }
        }
    }

    fn variant(&mut self, pointer: &str, variant: &Variant) {
        if variant.text.trim().is_empty() {
            self.problem(pointer, "the text is empty");
        }
        for name in placeholders(&variant.text).filter_map(|(_, name)| name) {
            self.slot_or_reference_named(pointer, name);
        }
        for (at, button) in variant.buttons.iter().enumerate() {
            self.button(&format!("{pointer}/buttons/{at}"), button);
        }
    }

    /// What looks like a path is taken for a payload only where its intent starts a flow: people type paths.
    fn path_starts_a_flow(&mut self, pointer: &str, intent: &str) {
        let mut flows = self.flows.flows.values();
        let is_trigger = flows.any(|flow| flow.triggers.iter().any(|trigger| trigger == intent));
        if is_doubtful_name(intent) && !is_trigger {
            let message = format!(
                "`{intent}` starts no flow: an intent with `/`, `.` or `:` in its name is understood here only if it does"
            );
            self.problem(pointer, message);
        }
    }

    fn button(&mut self, pointer: &str, button: &ResponseButton) {
        if button.title.trim().is_empty() {
            self.problem(format!("{pointer}/title"), "the title is empty");
        }
        let command = button.payload.as_deref().and_then(|p| p.strip_prefix('/'));
        let Some(command) = command else {
            return;
        };
        let pointer = format!("{pointer}/payload");
        let (intent, entities) = match command.find('{') {
            Some(at) => command.split_at(at),
            None => (command, "{}"),
        };
        let intent = intent.trim();
        if is_payload_name(intent) {
            self.intent_named(&pointer, intent);
            self.path_starts_a_flow(&pointer, intent);
        } else {
            self.problem(
                &pointer,
                format!("the name of an intent here has letters, digits and `_-+/.:` only, not `{intent}`"),
            );
        }
        let entities: Result<serde_json::Map<String, serde_json::Value>, _> =
            serde_json::from_str(entities);
        match entities {
            Err(_) => self.problem(
                pointer,
                "after `/intent` only a JSON object of entities may follow",
            ),
            Ok(entities) => {
                for entity in entities.keys() {
                    self.entity_named(&pointer, entity);
                }
            }
        }
    }
}
