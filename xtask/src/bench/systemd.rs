//! One service and a thousand on a real systemd, beside systemctl. Root's manager, as that is the one with
//! a thousand units in practice.

use super::bed::{ANYSVC, Bed, SPECS, name, specs};
use super::inside::{Measured, Step};
use super::row::{Goal, Row};
use crate::packages;
use crate::tool::Done;

const SYSTEMCTL: &str = "/usr/bin/systemctl";
const COUNT: usize = 1000;
/// What a status of ours asks systemd for, of each unit.
const PROPERTIES: &str = "--property=Id,LoadState,ActiveState,SubState,Job,FragmentPath,ActiveEnterTimestamp,\
                          Type,MainPID,NRestarts";

pub fn measure() -> Done<Vec<Row>> {
    packages::for_systemd_lab()?;
    let mut rows = vec![one()?];
    rows.extend(many()?);
    Ok(rows)
}

/// The state of one service, as whole processes.
fn one() -> Done<Row> {
    let bed = Bed::of_systemd()?;
    bed.must(&[ANYSVC, "register", "one", "--", "/usr/bin/sleep", "100000"])?;
    let steps = [Step::run(&[ANYSVC, "status", "one"]), Step::run(&[SYSTEMCTL, "is-active", "one"])];
    let [ours, peer] = bed.measure(500, steps)?;
    let faults = format!("page faults {:.0} and {:.0}", ours.faults.median(), peer.faults.median());
    Ok(Row::times("systemd-status", &ours.wall, &peer.wall, Goal::Times(0.7)).note(faults))
}

/// A thousand of them: registered, looked at, started.
fn many() -> Done<Vec<Row>> {
    let bed = Bed::of_systemd()?;
    bed.write(SPECS, &specs(COUNT, "command = [\"/usr/bin/sleep\", \"100000\"]"));
    let before = reloads(&bed)?;
    bed.must(&[ANYSVC, "register", "--down", "--timeout", "10m", "--file", SPECS])?;
    let reloads = reloads(&bed)? - before;

    let units: Vec<String> = (0..COUNT).map(|index| format!("{}.service", name(index))).collect();
    let systemctl = |verb: &[&str]| {
        let words = [SYSTEMCTL].iter().chain(verb).map(|word| (*word).to_owned());
        Step::run(&words.chain(units.iter().cloned()).collect::<Vec<_>>())
    };
    // systemctl does not look whether what it started lives on.
    let start_all = [ANYSVC, "start", "--all", "--settle", "0", "--timeout", "10m"];
    let stop_all = [ANYSVC, "stop", "--all", "--timeout", "10m"];
    let looks = || [Step::run(&[ANYSVC, "status"]), systemctl(&["show", PROPERTIES])];
    let [down, peers_down] = bed.measure(10, looks())?;
    let steps = [Step::run(&start_all), Step::run(&stop_all), systemctl(&["start"]), systemctl(&["stop"])];
    let [start, stop, peers_start, peers_stop] = bed.measure(8, steps)?;
    bed.must(&start_all)?;
    let [up, peers_up] = bed.measure(10, looks())?;
    let faster = Goal::Times(1.0 / 3.0);
    let milliseconds = |measured: &Measured| measured.wall.median() / 1000.0;
    let stopping =
        format!("stopping them takes {:.0} and {:.0} ms", milliseconds(&stop), milliseconds(&peers_stop));
    Ok(vec![
        Row::times("systemd-status-1000", &up.wall, &peers_up.wall, faster)
            .note("`anysvc status` of a thousand that run, and one `systemctl show` of the same"),
        Row::times("systemd-status-down", &down.wall, &peers_down.wall, faster)
            .note("the same of a thousand that are stopped"),
        Row::budget("systemd-reloads", "", reloads, 1.0).note("of a thousand registered by one file"),
        Row::times("systemd-start-1000", &start.wall, &peers_start.wall, Goal::Times(1.0)).note(stopping),
    ])
}

/// How often the manager has read all units again, by its own word.
fn reloads(bed: &Bed) -> Done<f64> {
    bed.must(&["/usr/bin/journalctl", "--sync"])?;
    let said = bed.must(&["/usr/bin/journalctl", "--boot", "--no-pager", "--output=cat", "_PID=1"])?;
    Ok(said.lines().filter(|line| line.starts_with("Reloading")).count() as f64)
}
