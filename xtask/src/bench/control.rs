//! Starting, stopping and removing one service, from the command to its return.

use super::bed::{ANYSVC, Bed, SCANDIR};
use super::inside::Step;
use super::row::{Goal, Row};
use crate::tool::Done;

/// What we may take longer, in microseconds: besides asking, we remember what was asked for, on the disk.
const MORE: Goal = Goal::Over(5000.0);
/// What may go by between the end of a service and the return of its unregister, in microseconds.
const AFTER_THE_END: f64 = 20_000.0;
/// A service that takes a moment to stop, and whose main process is the same until then.
const SLOW: &str = "trap 'exec sleep 0.05' TERM; sleep 100000 & wait";

pub fn measure() -> Done<Vec<Row>> {
    let bed = Bed::of_s6()?;
    bed.must(&[ANYSVC, "register", "one", "--down", "--", "/usr/bin/sleep", "100000"])?;
    let slot = format!("{SCANDIR}/one");
    let steps = [
        // Without settling: s6-svc does not look whether what it started lives on.
        Step::run(&[ANYSVC, "start", "one", "--settle", "0"]),
        Step::run(&[ANYSVC, "stop", "one"]),
        Step::run(&["/command/s6-svc", "-wu", "-u", &slot]),
        Step::run(&["/command/s6-svc", "-wD", "-d", &slot]),
    ];
    let [start, stop, up, down] = bed.measure(200, steps)?;
    let steps = [
        Step::run(&[ANYSVC, "register", "slow", "--settle", "0", "--", "/bin/sh", "-c", SLOW]),
        Step::run(&[ANYSVC, "unregister", "slow"]).after_end_of(&format!("{SCANDIR}/slow")),
    ];
    let [_, unregister] = bed.measure(50, steps)?;
    let low = unregister.wall.quantile(0.25);
    Ok(vec![
        Row::times("start", &start.wall, &up.wall, MORE),
        Row::times("stop", &stop.wall, &down.wall, MORE),
        Row::budget("unregister", "us", unregister.wall.median(), AFTER_THE_END)
            .note(format!("from the end of the service's process; the lower quartile is {low:.0} us")),
    ])
}
