//! A sweep: a command is killed at its first change, at its second, and so on until it runs to its end.

use super::Traced;
use std::io::Write;
use std::time::Instant;

/// A sweep ends before a point that it reached when it counted so often at most.
const SHORT: usize = 10;

/// Sweeps. `one` runs the command with everything as it is to be found, killed at its change of that
/// number; `look` looks at what a killed one left, and mends it. Panics where either does, saying which
/// point it was. Gives the number of points, and tells it.
#[track_caller]
pub fn sweep(what: &str, one: impl Fn(usize) -> Traced, look: impl Fn()) -> usize {
    let begun = Instant::now();
    // What is made once and for all, such as a home's folders, is made by the first.
    let _ = one(0);
    let all = one(0);
    assert!(all.status.success(), "{what}: {all:?}\n{all}");
    let (mut n, mut short) = (1, 0);
    loop {
        let traced = one(n);
        let _scene = Scene { what, traced: &traced };
        if !traced.hit() {
            assert!(traced.status.success(), "left alone, it failed:\n{}", traced.stderr);
            if n > all.calls.len() {
                break;
            }
            short += 1;
            if short > SHORT {
                assert!(n > certain(&all), "change {n} of {} is not reached any more", all.calls.len());
                break;
            }
            continue;
        }
        look();
        n += 1;
    }
    // Not by the macros, whose output is shown for failures alone.
    let line = format!("killed {what}: {} points in {:.1} s\n", n - 1, begun.elapsed().as_secs_f64());
    let _ = std::io::stderr().write_all(line.as_bytes());
    n - 1
}

/// How many changes there are in any case. Who waits for a supervisor makes something in `event/`, and who
/// is slow need not wait.
fn certain(all: &Traced) -> usize {
    all.calls.iter().filter(|call| !call.subject.contains("/event/")).count()
}

/// Says, when a test fails, which point it was.
struct Scene<'a> {
    what: &'a str,
    traced: &'a Traced,
}

impl Drop for Scene<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let line = format!("killed {}; the last of these was not made:\n{}", self.what, self.traced);
            let _ = std::io::stderr().write_all(line.as_bytes());
        }
    }
}
