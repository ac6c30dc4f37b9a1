//! Looking at many things at once, on each processor at some of them. It must not know what is looked at.

mod processors;

use std::{
    panic,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use processors::Others;

/// So many are worth a thread: looking at them is system calls, which do not wait for each other, and
/// beginning a thread takes as long as looking at a few.
const FOR_A_THREAD: usize = 250;
/// No more of them than that, on however large a machine: a quota of the control group is not looked at.
const MOST: usize = 8;
/// So many are taken at once. A processor that has other things to do takes fewer parts than the others.
const PART: usize = 64;

/// Does something with the items, in parts where there are enough of them. The answers are in the order of
/// the items. It is for looking: a program that is started by `act` may be kept from some processors.
pub fn in_parts<T: Sync, R: Send>(items: &[T], act: impl Fn(&[T]) -> Vec<R> + Sync) -> Vec<R> {
    let worth = items.len() / FOR_A_THREAD;
    if worth < 2 {
        return act(items);
    }
    let elsewhere = Others::here();
    let threads = (1 + elsewhere.count()).min(worth).min(MOST);
    let parts: Vec<&[T]> = items.chunks(PART).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let take = || {
            let at = next.fetch_add(1, Ordering::Relaxed);
            parts.get(at).map(|part| (at, act(part)))
        };
        std::iter::from_fn(take).collect::<Vec<_>>()
    };
    let mut done = thread::scope(|scope| {
        let work_elsewhere = || {
            elsewhere.go_there();
            work()
        };
        // Where no thread is to be had, there are the others, and this one.
        let begin = |_| thread::Builder::new().spawn_scoped(scope, work_elsewhere).ok();
        let others: Vec<_> = (1..threads).filter_map(begin).collect();
        // They go as soon as they run.
        thread::yield_now();
        let mut done = work();
        for other in others {
            done.extend(other.join().unwrap_or_else(|payload| panic::resume_unwind(payload)));
        }
        done
    });
    done.sort_unstable_by_key(|(at, _)| *at);
    let mut answers = Vec::with_capacity(items.len());
    done.into_iter().for_each(|(_, mut part)| answers.append(&mut part));
    answers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_are_answered_for_in_their_order() {
        for count in [0, 1, 2 * FOR_A_THREAD - 1, 2 * FOR_A_THREAD, 10 * FOR_A_THREAD + 7] {
            let items: Vec<usize> = (0..count).collect();
            let parts = AtomicUsize::new(0);
            let answers = in_parts(&items, |part| {
                parts.fetch_add(1, Ordering::Relaxed);
                part.iter().map(|item| item * 2).collect()
            });
            assert!(answers.iter().copied().eq((0..count).map(|item| item * 2)), "{count}");
            let expected = if count < 2 * FOR_A_THREAD { 1 } else { count.div_ceil(PART) };
            assert_eq!(parts.into_inner(), expected, "{count}");
        }
    }

    #[test]
    fn one_that_is_held_up_holds_no_other_up() {
        let items: Vec<usize> = (0..2 * FOR_A_THREAD).collect();
        if Others::here().count() == 0 {
            return;
        }
        let left = AtomicUsize::new(items.len().div_ceil(PART));
        // Whoever has the first part keeps it until all others are done.
        in_parts(&items, |part| {
            left.fetch_sub(1, Ordering::Relaxed);
            while part[0] == 0 && left.load(Ordering::Relaxed) > 0 {
                thread::yield_now();
            }
            vec![(); part.len()]
        });
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
