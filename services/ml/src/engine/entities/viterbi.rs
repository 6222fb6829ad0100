//! The best sequence of labels (Viterbi, 1967).

/// The best sequence of labels: `emissions` has a row per token, `transitions` a row per label that comes before. Label
/// 0 is "nothing", then come begin (odd) and inside (even) of each kind. "Inside" follows only "begin" or "inside" of the
/// same kind.
pub(super) fn viterbi(emissions: &[f32], transitions: &[f32], labels: usize) -> Vec<u16> {
    let mut rows = emissions.chunks_exact(labels);
    let Some(first) = rows.next() else {
        return Vec::new();
    };
    let mut scores: Vec<f32> = first.to_vec();
    let insides = scores.iter_mut().skip(2).step_by(2);
    insides.for_each(|inside| *inside = f32::NEG_INFINITY);
    let openings = openings(transitions, labels);
    let mut origins = vec![0_u16; emissions.len() - labels];
    let mut next = vec![0.0; labels];
    for (row, origins) in rows.zip(origins.chunks_exact_mut(labels)) {
        best_openings(&scores, &openings, (&mut next, origins));
        best_insides(&scores, transitions, (&mut next, origins));
        for (score, emission) in next.iter_mut().zip(row) {
            *score += emission;
        }
        std::mem::swap(&mut scores, &mut next);
    }
    trace_back(&scores, &origins, labels)
}

/// Of each row of transitions those to "nothing" and to "begin", which may come from anywhere.
fn openings(transitions: &[f32], labels: usize) -> Vec<f32> {
    let rows = transitions.chunks_exact(labels);
    rows.flat_map(|row| row[..1].iter().chain(row[1..].iter().step_by(2)))
        .copied()
        .collect()
}

/// For "nothing" and each "begin" the best score of the labels before it, and where that comes from.
fn best_openings(scores: &[f32], openings: &[f32], (next, from): (&mut [f32], &mut [u16])) {
    let count = openings.len() / scores.len();
    let (mut best, mut origins) = (vec![f32::NEG_INFINITY; count], vec![0_u16; count]);
    for ((label, score), row) in (0_u16..).zip(scores).zip(openings.chunks_exact(count)) {
        let to = best.iter_mut().zip(&mut origins).zip(row);
        for ((best, origin), transition) in to {
            let through = score + transition;
            let is_better = through > *best;
            *best = if is_better { through } else { *best };
            *origin = if is_better { label } else { *origin };
        }
    }
    let places = std::iter::once(0).chain((1..scores.len()).step_by(2));
    for ((place, best), origin) in places.zip(best).zip(origins) {
        (next[place], from[place]) = (best, origin);
    }
}

/// The same for each "inside", which has two origins only.
fn best_insides(scores: &[f32], transitions: &[f32], (next, from): (&mut [f32], &mut [u16])) {
    for inside in (2..scores.len()).step_by(2) {
        let through = |label: usize| scores[label] + transitions[label * scores.len() + inside];
        let goes_on = through(inside) > through(inside - 1);
        let label = if goes_on { inside } else { inside - 1 };
        next[inside] = through(label);
        from[inside] = u16::try_from(label).expect("there are at most 501 labels");
    }
}

fn trace_back(scores: &[f32], origins: &[u16], labels: usize) -> Vec<u16> {
    let last = (0_u16..).zip(scores).max_by(|a, b| a.1.total_cmp(b.1));
    let mut label = last.map_or(0, |(label, _)| label);
    let mut path = vec![label];
    for row in origins.chunks_exact(labels).rev() {
        label = row[usize::from(label)];
        path.push(label);
    }
    path.reverse();
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inside_never_comes_without_begin() {
        let emissions = [0.0, 0.0, 9.0, 1.0, 0.0, 5.0];
        assert_eq!(viterbi(&emissions, &[0.0; 9], 3), [1, 2]);
        assert_eq!(viterbi(&[0.0, -9.0, 9.0], &[0.0; 9], 3), [0]);
        assert_eq!(viterbi(&[], &[0.0; 9], 3), Vec::<u16>::new());
    }

    #[test]
    fn inside_of_one_kind_follows_no_other() {
        let emissions = [0.0, 5.0, 0.0, 4.0, 0.0, 0.0, 0.0, 9.0, 0.0, 1.0];
        assert_eq!(viterbi(&emissions, &[0.0; 25], 5), [1, 2]);
    }

    #[test]
    fn takes_the_best_of_all_paths() {
        // From label to label, row by row: 0, begin, inside.
        let transitions = [1.0, -2.0, 0.0, 0.5, 0.0, 2.0, 0.0, 1.0, -1.0];
        let mut number = 1_u32;
        for _ in 0..200 {
            let mut random = || {
                number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                f32::from(u8::try_from(number >> 24).expect("a byte")) / 64.0
            };
            let emissions: [f32; 9] = std::array::from_fn(|_| random());
            let score = |path: [u16; 3]| {
                let place = |token: usize| usize::from(path[token]);
                let moves = [(0, 1), (1, 2)].map(|(a, b)| transitions[place(a) * 3 + place(b)]);
                let labels = [0, 1, 2].map(|token| emissions[token * 3 + place(token)]);
                labels.iter().chain(&moves).sum::<f32>()
            };
            let paths = (0..27).map(|path| [path / 9, path / 3 % 3, path % 3]);
            let is_allowed = |path: &[u16; 3]| {
                let begins = [(0, path[0]), (path[0], path[1]), (path[1], path[2])];
                begins.iter().all(|pair| *pair != (0, 2))
            };
            let best = paths.filter(is_allowed).map(score).fold(0.0, f32::max);
            let found = viterbi(&emissions, &transitions, 3).try_into().unwrap();
            let is_best = (score(found) - best).abs() < 0.001;
            assert!(is_best && is_allowed(&found), "{found:?}: {emissions:?}");
        }
    }
}
