//! The state of one service, as whole processes: what a loop in a script pays.

use super::bed::{ANYSVC, Bed, SCANDIR};
use super::inside::Step;
use super::row::{Goal, Row};
use crate::tool::Done;

pub fn measure() -> Done<Vec<Row>> {
    let bed = Bed::new()?;
    bed.must(&[ANYSVC, "register", "one", "--", "/usr/bin/sleep", "100000"])?;
    let ours = Step::run(&[ANYSVC, "status", "one"]);
    let peer = Step::run(&["/command/s6-svstat", &format!("{SCANDIR}/one")]);
    let [ours, peer] = bed.measure(700, [ours, peer])?;
    // The budget counts the trust checks, which s6-svstat does not make.
    let row = Row::times("status", &ours.wall, &peer.wall, Goal::Times(1.4));
    let faults = format!("page faults {:.0} and {:.0}", ours.faults.median(), peer.faults.median());
    Ok(vec![row.note(faults)])
}
