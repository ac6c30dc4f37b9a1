//! The state of one service, as whole processes: what a loop in a script pays.

use super::bed::{ANYSVC, Bed};
use super::inside::Step;
use super::row::{Goal, Row};
use crate::tool::Done;

pub fn measure() -> Done<Vec<Row>> {
    let bed = Bed::new()?;
    bed.must(&[ANYSVC, "register", "one", "--", "/usr/bin/sleep", "100000"])?;
    let ours = Step::run(&[ANYSVC, "status", "one"]);
    let peer = Step::run(&["/command/s6-svstat", "/run/service/one"]);
    let [ours, peer] = bed.times(700, [ours, peer])?;
    // The budget counts the trust checks, which s6-svstat does not make.
    Ok(vec![Row::times("status", &ours, &peer, Goal::Times(1.4))])
}
