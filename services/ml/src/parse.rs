//! Answers what an utterance means.

use crate::engine::{Builtins, PATTERN_STEPS};
use crate::models::{LoadError, Models};
use axum::extract::State;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use stoa_contracts::parse::{ParseResult, ParseWithModel};
use stoa_service::{Clock, Json, Problem};
use tokio::sync::Semaphore;

/// Longer utterances, in bytes, are understood on a thread that may block, and so is what goes through an encoder: 1,000
/// take about 100 microseconds, and nobody else should wait longer than that.
const LONG: usize = 1_000;
/// So are those that take patterns more steps.
const STEPS: usize = 1 << 14;
/// Of those that are long so many at a time: the longest takes 30 MB, and seconds where there are hundreds of kinds of
/// entity. Others wait as long as their requests do.
static LONG_PLACES: Semaphore = Semaphore::const_new(4);
/// And of those that may take patterns all the steps that there are. They are apart, so that what is short does not wait for
/// what is long.
static PATTERN_PLACES: Semaphore = Semaphore::const_new(4);

/// `POST /internal/v1/parse`: what an utterance means to one version of an assistant's model.
pub(crate) async fn parse(
    State((models, clock)): State<(Models, Clock)>,
    Json(input): Json<ParseWithModel>,
) -> Result<Json<ParseResult>, Problem> {
    let version = input.model_version;
    let now = said(&input, &clock)?;
    let model = models.get(input.assistant_id, version).await?;
    let span = tracing::info_span!("model.parse", model.version = version);
    let steps = model.pattern_steps(input.text.len());
    let places = if input.text.len() > LONG {
        Some(&LONG_PLACES)
    } else {
        (steps >= PATTERN_STEPS).then_some(&PATTERN_PLACES)
    };
    let takes_long = places.is_some() || steps > STEPS || model.is_encoded();
    let builtins = Builtins::of(input.builtin_entities.as_deref());
    let understand =
        move || span.in_scope(|| model.parse_for(&input.text, version, &now, builtins));
    let result = if takes_long {
        // The work holds it: a caller may leave, and the work goes on.
        let place = match places {
            Some(places) => Some(places.acquire().await),
            None => None,
        };
        let understand = move || {
            let _place = place;
            understand()
        };
        tokio::task::spawn_blocking(understand)
            .await
            .map_err(LoadError::Broken)?
    } else {
        understand()
    };
    Ok(Json(result))
}

/// When it was said, in the time zone of the speaker.
fn said(input: &ParseWithModel, clock: &Clock) -> Result<Zoned, Problem> {
    let moment = input.reference_time.unwrap_or_else(|| clock.now());
    let moment = Timestamp::from_nanosecond(moment.unix_timestamp_nanos());
    let moment =
        moment.map_err(|_| Problem::at("/reference_time", "is out of the range of times"))?;
    let zone = match &input.time_zone {
        Some(name) => TimeZone::get(name),
        None => Ok(TimeZone::UTC),
    };
    let zone =
        zone.map_err(|_| Problem::at("/time_zone", "is no time zone of the IANA database"))?;
    Ok(moment.to_zoned(zone))
}
