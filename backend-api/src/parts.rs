//! Looking at many things at once, a part of them on each processor. It must not know what is looked at.

use std::{num::NonZero, panic, thread};

/// So many are worth a thread: looking at them is system calls, which do not wait for each other, and
/// beginning a thread takes as long as looking at a few.
const FOR_A_THREAD: usize = 250;

/// Does something with the items, in parts where there are enough of them. The answers are in the order of
/// the items.
pub fn in_parts<T: Sync, R: Send>(items: &[T], act: impl Fn(&[T]) -> Vec<R> + Sync) -> Vec<R> {
    let worth = items.len() / FOR_A_THREAD;
    if worth < 2 {
        return act(items);
    }
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(worth);
    let (own, others) = items.split_at(items.len().div_ceil(threads));
    let act = &act;
    thread::scope(|scope| {
        let begin = |part| {
            let begun = thread::Builder::new().spawn_scoped(scope, move || act(part));
            // Where no thread is to be had, one after the other is as good.
            begun.map_err(|_| part)
        };
        let begun: Vec<_> = others.chunks(own.len()).map(begin).collect();
        let mut answers = act(own);
        answers.reserve_exact(others.len());
        for begun in begun {
            answers.extend(match begun {
                Ok(thread) => thread.join().unwrap_or_else(|payload| panic::resume_unwind(payload)),
                Err(part) => act(part),
            });
        }
        answers
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_are_answered_for_in_their_order() {
        for count in [0, 1, 2 * FOR_A_THREAD - 1, 2 * FOR_A_THREAD, 10 * FOR_A_THREAD + 7] {
            let items: Vec<usize> = (0..count).collect();
            let parts = std::sync::atomic::AtomicUsize::new(0);
            let answers = in_parts(&items, |part| {
                parts.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                part.iter().map(|item| item * 2).collect()
            });
            assert!(answers.iter().copied().eq((0..count).map(|item| item * 2)), "{count}");
            let processors = thread::available_parallelism().map_or(1, NonZero::get);
            let expected = processors.min(count / FOR_A_THREAD).max(1);
            assert_eq!(parts.into_inner(), expected, "{count}");
        }
    }

    #[test]
    fn a_panic_over_a_part_is_one_over_all() {
        let items: Vec<usize> = (0..4 * FOR_A_THREAD).collect();
        for wrong in [0, items.len() - 1] {
            let all =
                || in_parts(&items, |part| if part.contains(&wrong) { panic!("{wrong}") } else { vec![()] });
            assert!(panic::catch_unwind(all).is_err());
        }
    }
}
