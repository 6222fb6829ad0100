//! Keeps requests from an address that fails, for longer each time, and lets one try at the end.

use std::time::Duration;

use tokio::time::Instant;

/// Failures one after the other, without a good answer between them, that are no accident.
const IN_A_ROW: u32 = 5;
/// The first ejection: a process that restarts in place needs about this long.
const BASE: Duration = Duration::from_secs(1);
/// The longest ejection. The cost of an address that is asked in vain is one request.
const LONGEST: Duration = Duration::from_secs(30);
/// After this long without an ejection, the next one counts as the first.
const FORGIVEN: Duration = Duration::from_mins(1);

/// What is known about the failures of one address, or of whatever else is asked.
#[derive(Debug, Default)]
pub struct Breaker {
    failures: u32,
    ejection: Option<Ejection>,
    /// How many ejections there have been of late, and until when that counts.
    strikes: u32,
    counts_until: Option<Instant>,
}

#[derive(Debug)]
struct Ejection {
    since: Instant,
    until: Instant,
    /// Whether the one request that is let through is under way.
    on_trial: bool,
}

impl Breaker {
    /// Whether requests go through as if nothing had been.
    pub fn is_closed(&self) -> bool {
        self.ejection.is_none()
    }

    /// Whether there is anything that a good answer would change.
    pub(super) fn is_troubled(&self) -> bool {
        self.failures > 0 || self.ejection.is_some()
    }

    /// Takes the one request that is let through when an ejection is over.
    pub fn try_trial(&mut self, now: Instant) -> bool {
        match &mut self.ejection {
            Some(ejection) if now >= ejection.until && !ejection.on_trial => {
                ejection.on_trial = true;
                true
            }
            _ => false,
        }
    }

    /// That request has ended. If nobody has said how, the next one may try.
    pub fn end_trial(&mut self) {
        if let Some(ejection) = &mut self.ejection {
            ejection.on_trial = false;
        }
    }

    /// A request of that time went well. One from before the ejection proves nothing.
    pub fn good(&mut self, asked: Instant) {
        match &self.ejection {
            Some(ejection) if asked <= ejection.since => {}
            _ => {
                self.failures = 0;
                self.ejection = None;
            }
        }
    }

    /// A request of that time failed; says whether the address is ejected by that. Not the first
    /// few times, and never if it may not be.
    pub fn failed(&mut self, asked: Instant, now: Instant, may_eject: bool) -> bool {
        if self.ejection.is_some() {
            return self.again(asked, now);
        }
        self.failures += 1;
        let ejected = self.failures >= IN_A_ROW && may_eject;
        if ejected {
            self.eject(now);
        }
        ejected
    }

    /// A request of that time got no connection; says whether the address is ejected by that.
    pub(super) fn refused(&mut self, asked: Instant, now: Instant) -> bool {
        if self.ejection.is_some() {
            return self.again(asked, now);
        }
        self.eject(now);
        true
    }

    /// What was asked before the ejection, or during it because all are ejected, is not counted
    /// again: one bad moment is one strike, however many requests it has hit.
    fn again(&mut self, asked: Instant, now: Instant) -> bool {
        let ejection = self.ejection.as_ref();
        let is_over = ejection.is_some_and(|one| asked > one.since && now >= one.until);
        if is_over {
            self.eject(now);
        }
        is_over
    }

    fn eject(&mut self, now: Instant) {
        let counts = self.counts_until.is_some_and(|until| now < until);
        self.strikes = if counts { self.strikes + 1 } else { 0 };
        let factor = 2_u32.saturating_pow(self.strikes);
        let until = now + BASE.saturating_mul(factor).min(LONGEST);
        self.failures = 0;
        self.counts_until = Some(until + FORGIVEN);
        self.ejection = Some(Ejection {
            since: now,
            until,
            on_trial: false,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn ejected() -> (Breaker, Instant) {
        let (mut breaker, now) = (Breaker::default(), Instant::now());
        assert!(breaker.refused(now, now));
        (breaker, now)
    }

    #[test]
    fn five_failures_in_a_row_eject_and_a_good_answer_between_them_starts_anew() {
        let (mut breaker, now) = (Breaker::default(), Instant::now());
        let fail = |breaker: &mut Breaker| breaker.failed(now, now, true);
        assert!((0..4).all(|_| !fail(&mut breaker)));
        breaker.good(now);
        assert!((0..4).all(|_| !fail(&mut breaker)));
        assert!(fail(&mut breaker));
        assert!(!breaker.is_closed());
    }

    #[test]
    fn who_may_not_be_ejected_is_as_soon_as_it_may() {
        let (mut breaker, now) = (Breaker::default(), Instant::now());
        assert!((0..9).all(|_| !breaker.failed(now, now, false)));
        assert!(breaker.failed(now, now, true));
    }

    #[test]
    fn one_request_tries_when_the_ejection_is_over_and_decides() {
        let (mut breaker, now) = ejected();
        assert!(!breaker.try_trial(now + SECOND / 2));
        let later = now + SECOND;
        assert!(breaker.try_trial(later));
        assert!(!breaker.try_trial(later));
        breaker.good(later);
        assert!(breaker.is_closed());
    }

    #[test]
    fn a_trial_without_a_verdict_is_followed_by_another() {
        let (mut breaker, now) = ejected();
        assert!(breaker.try_trial(now + SECOND));
        breaker.end_trial();
        assert!(breaker.try_trial(now + SECOND));
    }

    #[test]
    fn each_ejection_is_twice_as_long_up_to_a_limit_and_all_is_forgiven_in_time() {
        let (mut breaker, mut now) = ejected();
        for seconds in [1, 2, 4, 8, 16, 30, 30] {
            let length = SECOND * seconds;
            assert!(!breaker.try_trial(now + length - SECOND / 10));
            now += length;
            assert!(breaker.try_trial(now));
            assert!(breaker.failed(now, now, false));
        }
        now += LONGEST;
        breaker.good(now);
        now += FORGIVEN + LONGEST;
        assert!(breaker.refused(now, now));
        assert!(breaker.try_trial(now + SECOND));
    }

    #[test]
    fn requests_from_before_the_ejection_change_nothing() {
        let (mut breaker, now) = ejected();
        breaker.good(now);
        assert!(!breaker.failed(now, now + SECOND, true));
        assert!(!breaker.is_closed());
    }
}
