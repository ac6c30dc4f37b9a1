//! The state of one service, as whole processes: what a loop in a script pays.

use super::bed::{ANYSVC, Bed, SCANDIR};
use super::inside::Step;
use super::profile;
use super::row::{Goal, Row};
use crate::tool::Done;

pub fn measure() -> Done<Vec<Row>> {
    let bed = Bed::of_s6()?;
    bed.must(&[ANYSVC, "register", "one", "--", "/usr/bin/sleep", "100000"])?;
    let slot = format!("{SCANDIR}/one");
    let (ours, peer) = ([ANYSVC, "status", "one"], ["/command/s6-svstat", &slot]);
    let profile = profile::notes(&bed, &ours, &peer)?;
    let [ours, peer] = bed.measure(700, [Step::run(&ours), Step::run(&peer)])?;
    // The budget counts the trust checks, which s6-svstat does not make.
    let row = Row::times("status", &ours.wall, &peer.wall, Goal::Times(1.4));
    let faults = format!("page faults {:.0} and {:.0}", ours.faults.median(), peer.faults.median());
    Ok(vec![profile.into_iter().fold(row.note(faults), Row::note)])
}
