//! Runs independent pieces of work on a few threads.

use std::num::NonZeroUsize;
use std::sync::Mutex;

/// Applies a function to every item and its number, on this many threads, and answers the
/// results in the order of the items.
pub(super) fn map<T: Send, R: Send>(
    threads: NonZeroUsize,
    items: Vec<T>,
    apply: impl Fn(usize, T) -> R + Sync,
) -> Vec<R> {
    let threads = threads.get().min(items.len());
    let todo = Mutex::new(items.into_iter().enumerate());
    let work = || {
        let mut done = Vec::new();
        while let Some((number, item)) = next(&todo) {
            done.push((number, apply(number, item)));
        }
        done
    };
    let mut done: Vec<(usize, R)> = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut done = work();
        for other in others {
            match other.join() {
                Ok(results) => done.extend(results),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done
    });
    done.sort_unstable_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, result)| result).collect()
}

fn next<I: Iterator>(todo: &Mutex<I>) -> Option<I::Item> {
    todo.lock().expect("taking an item cannot panic").next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_keep_the_order_of_the_items() {
        let threads = NonZeroUsize::new(3).unwrap();
        let doubled = map(threads, (0..100).collect(), |_, item: i32| item * 2);
        assert_eq!(doubled, (0..100).map(|item| item * 2).collect::<Vec<_>>());
    }
}
