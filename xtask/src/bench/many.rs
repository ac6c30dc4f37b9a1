//! A thousand services, and ten thousand: what one command for all of them takes, and how it grows.

use super::bed::{ANYSVC, Bed, SCANDIR};
use super::inside::Step;
use super::row::{Goal, Row};
use crate::tool::Done;

/// What the many say: no logger of their own, as this is about how many there are.
const SPEC: &str = "command = [\"/usr/bin/sleep\", \"100000\"]\nlog = { to = \"none\" }";
/// How much more than ten times as long ten times as many may take.
const LINEAR: Goal = Goal::Times(1.1);

pub fn measure() -> Done<Vec<Row>> {
    let bed = Bed::of_s6()?;
    bed.register_many(1000, SPEC)?;
    let all = || Step::run(&[ANYSVC, "status"]);
    let list = || Step::run(&[ANYSVC, "list"]);
    let loop_of_svstat = format!("for slot in {SCANDIR}/s*; do /command/s6-svstat \"$slot\"; done");
    let one_by_one = Step::run(&["/bin/sh", "-c", &loop_of_svstat]);
    let [status, peer] = bed.measure(10, [all(), one_by_one])?;
    let more = Bed::of_s6()?;
    // Not started: ten thousand programs would be ten thousand more processes, and s6 knows their states
    // either way.
    more.write(super::bed::SPECS, &super::bed::specs(10_000, SPEC));
    more.must(&[ANYSVC, "register", "--down", "--timeout", "10m", "--file", super::bed::SPECS])?;
    let [_, _] = more.measure(1, [all(), list()])?;
    let [thousand, thousand_names] = bed.measure(20, [all(), list()])?;
    let [ten, ten_names] = more.measure(20, [all(), list()])?;
    let tenfold = |name, ten: &super::inside::Measured, one: &super::inside::Measured| {
        Row::new(name, "us", ten.wall.median(), 10.0 * one.wall.median(), LINEAR)
            .note("ten thousand services, and ten times what a thousand take")
    };
    Ok(vec![
        Row::times("status-1000", &status.wall, &peer.wall, Goal::Times(1.0 / 60.0))
            .note("`anysvc status`, and s6-svstat in a loop of a shell's"),
        Row::budget("memory-1000", "MiB", status.memory, 16.0).note("the peak of `anysvc status`"),
        tenfold("status-linear", &ten, &thousand),
        tenfold("list-linear", &ten_names, &thousand_names),
    ])
}
