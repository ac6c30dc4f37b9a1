//! Starting and stopping, from the command to its return, until the service is up or down.

use super::bed::{ANYSVC, Bed};
use super::inside::Step;
use super::row::{Goal, Row};
use crate::tool::Done;

/// What we may take longer, in microseconds: besides asking, we remember what was asked for, on the disk.
const MORE: Goal = Goal::Over(5000.0);

pub fn measure() -> Done<Vec<Row>> {
    let bed = Bed::new()?;
    bed.must(&[ANYSVC, "register", "one", "--down", "--", "/usr/bin/sleep", "100000"])?;
    let slot = "/run/service/one";
    let steps = [
        // Without settling: s6-svc does not look whether what it started lives on.
        Step::run(&[ANYSVC, "start", "one", "--settle", "0"]),
        Step::run(&[ANYSVC, "stop", "one"]),
        Step::run(&["/command/s6-svc", "-wu", "-u", slot]),
        Step::run(&["/command/s6-svc", "-wD", "-d", slot]),
    ];
    let [start, stop, up, down] = bed.times(200, steps)?;
    Ok(vec![Row::times("start", &start, &up, MORE), Row::times("stop", &stop, &down, MORE)])
}
