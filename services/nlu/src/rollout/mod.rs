//! Versions that are tried beside the active one: the canary answers a share of the users, the shadow is asked as well.
//!
//! Nothing of it delays an answer or makes it fail: what is seen is put into bounded places, which [`shadow`] and
//! [`sightings`] empty in the background. A canary that cannot answer at all leaves that to the active version.

mod shadow;
mod share;
mod sightings;

use crate::answers::Answers;
use metrics::{Unit, counter, describe_counter};
use shadow::{Question, Questions, Shadower};
use sightings::{Sightings, Subject, Teller};
use std::time::Duration;
use stoa_client::ServiceClient;
use stoa_contracts::assistants::AssistantRuntime;
use stoa_contracts::parse::{ParseResult, ParseWithModel};
use stoa_service::Clock;

const ANSWERS: &str = "nlu_answers_total";

/// Which version answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answerer {
    Active,
    Canary,
}

impl Answerer {
    const ALL: [Self; 2] = [Self::Active, Self::Canary];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Canary => "canary",
        }
    }
}

/// Describes the metrics and lets them begin at 0.
pub(crate) fn describe_metrics() {
    let help = "Answers that were given, by which version of the model gave them.";
    describe_counter!(ANSWERS, Unit::Count, help);
    for answerer in Answerer::ALL {
        counter!(ANSWERS, "model" => answerer.as_str()).absolute(0);
    }
    shadow::describe_metrics();
}

/// Chooses who answers, and looks at the answers. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Rollouts {
    sightings: Sightings,
    questions: Questions,
}

/// The work in the background.
pub(crate) struct Background {
    /// Asks the shadow.
    pub(crate) shadower: Shadower,
    /// Tells `api` what was seen.
    pub(crate) teller: Teller,
}

impl Rollouts {
    /// The rollouts, and what works for them. What is seen is gathered for an interval.
    pub(crate) fn new(
        api: ServiceClient,
        answers: Answers,
        interval: Duration,
        clock: Clock,
    ) -> (Self, Background) {
        let (sightings, teller) = sightings::new(api, interval, clock);
        let (questions, shadower) = shadow::new(answers, sightings.clone());
        let rollouts = Self {
            sightings,
            questions,
        };
        (rollouts, Background { shadower, teller })
    }

    /// The version that answers, where `active` is the active one; the same for the same key.
    pub(crate) fn choose(assistant: &AssistantRuntime, active: i32, key: &[u8]) -> i32 {
        match assistant.canary {
            Some(canary) if share::is_within(assistant.id, key, canary.weight) => canary.version,
            _ => active,
        }
    }

    /// Looks at an answer to what a user said; takes no longer than to copy it.
    pub(crate) fn notice(
        &self,
        assistant: &AssistantRuntime,
        input: ParseWithModel,
        answer: &ParseResult,
    ) {
        let answerer = if assistant.active_model == Some(answer.model_version) {
            Answerer::Active
        } else {
            Answerer::Canary
        };
        counter!(ANSWERS, "model" => answerer.as_str()).increment(1);
        let Some(subject) = Subject::of(assistant) else {
            return;
        };
        self.sightings.answered(&subject, answerer, answer);
        // A canary's answers would blur what the shadow is compared with.
        if let (Some(shadow), Answerer::Active) = (assistant.shadow, answerer) {
            let input = ParseWithModel {
                model_version: shadow.version,
                ..input
            };
            let answer = answer.clone();
            self.questions.put(Question {
                subject,
                input,
                answer,
            });
        }
    }
}
