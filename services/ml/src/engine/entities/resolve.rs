//! One answer where several extractors found something in the same place.

use super::{BUILTIN, LOOKUP, MODEL, REGEX};
use stoa_contracts::parse::Entity;

/// Leaves no two entities that overlap. What the designer taught comes before what is built
/// in, longer before shorter, a pattern before a list before the model. Where the model found
/// the same entity as a list or pattern, its role is kept and the exact place and value win;
/// only a listed value that is a part of what the model found does not: "York" in "New York".
pub(super) fn resolve(mut found: Vec<Entity>) -> Vec<Entity> {
    merge_roles(&mut found);
    found.sort_by_key(|e| {
        (
            e.extractor == BUILTIN,
            usize::MAX - length(e),
            rank(e),
            e.start,
        )
    });
    let mut kept: Vec<Entity> = Vec::new();
    for entity in found {
        if !kept.iter().any(|other| overlap(other, &entity)) {
            kept.push(entity);
        }
    }
    kept.sort_by_key(|entity| entity.start);
    kept
}

fn merge_roles(found: &mut Vec<Entity>) {
    let (learned, mut rest): (Vec<Entity>, Vec<Entity>) = found
        .drain(..)
        .partition(|entity| entity.extractor == MODEL);
    for entity in learned {
        let is_same = |other: &&mut Entity| {
            other.entity == entity.entity && other.extractor != BUILTIN && overlap(other, &entity)
        };
        let mut is_exact = false;
        // All of them: which one wins is decided later.
        for exact in rest.iter_mut().filter(is_same) {
            exact.role.clone_from(&entity.role);
            is_exact |= exact.extractor == REGEX || length(exact) >= length(&entity);
        }
        if !is_exact {
            found.push(entity);
        }
    }
    found.append(&mut rest);
}

const fn length(entity: &Entity) -> usize {
    entity.end.saturating_sub(entity.start)
}

fn rank(entity: &Entity) -> u8 {
    match entity.extractor.as_str() {
        REGEX => 0,
        LOOKUP => 1,
        MODEL => 2,
        _ => 3,
    }
}

const fn overlap(a: &Entity, b: &Entity) -> bool {
    a.start < b.end && b.start < a.end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entity(name: &str, start: usize, end: usize, extractor: &str) -> Entity {
        Entity {
            entity: name.into(),
            start,
            end,
            value: name.into(),
            confidence: 1.0,
            extractor: extractor.into(),
            role: None,
            group: None,
        }
    }

    #[test]
    fn what_was_taught_wins_over_what_is_built_in() {
        let found = vec![
            entity("number", 0, 9, BUILTIN),
            entity("reading", 0, 5, MODEL),
        ];
        assert_eq!(resolve(found), [entity("reading", 0, 5, MODEL)]);
    }

    #[test]
    fn the_longer_one_wins_and_order_follows_the_text() {
        let found = vec![
            entity("b", 10, 12, REGEX),
            entity("a", 0, 4, REGEX),
            entity("c", 0, 8, LOOKUP),
        ];
        assert_eq!(
            resolve(found),
            [entity("c", 0, 8, LOOKUP), entity("b", 10, 12, REGEX)]
        );
    }

    #[test]
    fn a_role_is_kept_whoever_of_those_that_found_the_same_wins() {
        let learned = Entity {
            role: Some("to".into()),
            ..entity("city", 3, 7, MODEL)
        };
        let found = vec![
            entity("city", 3, 7, LOOKUP),
            entity("city", 3, 7, REGEX),
            learned,
        ];
        let [kept] = &resolve(found)[..] else {
            panic!("one")
        };
        assert_eq!(
            (kept.extractor.as_str(), kept.role.as_deref()),
            (REGEX, Some("to"))
        );
    }

    /// What is left of a city that the model found with a role, and one that was found otherwise.
    fn beside_learned(learned: (usize, usize), other: Entity) -> Vec<Entity> {
        let learned = Entity {
            role: Some("to".into()),
            ..entity("city", learned.0, learned.1, MODEL)
        };
        resolve(vec![learned, other])
    }

    #[test]
    fn a_listed_value_or_a_match_takes_the_role_that_the_model_saw() {
        let cases = [
            ((3, 8), entity("city", 3, 8, LOOKUP)),
            ((3, 8), entity("city", 3, 12, LOOKUP)),
            ((3, 12), entity("city", 3, 8, REGEX)),
        ];
        for (learned, exact) in cases {
            let role = Some("to".into());
            let expected = Entity {
                role,
                ..exact.clone()
            };
            assert_eq!(beside_learned(learned, exact), [expected]);
        }
    }

    #[test]
    fn what_the_model_found_is_not_cut_to_a_part_of_it_that_is_listed() {
        let found = beside_learned((0, 8), entity("city", 4, 8, LOOKUP));
        let [kept] = &found[..] else {
            panic!("one of {found:?}")
        };
        assert_eq!((kept.start, kept.end), (0, 8));
        assert_eq!(
            (kept.extractor.as_str(), kept.role.as_deref()),
            (MODEL, Some("to"))
        );
    }
}
