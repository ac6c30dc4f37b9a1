//! A thousand services by one command, registered or brought back: what it costs beside the bare file
//! operations, and how often s6-svscan is asked to look.

use super::bare;
use super::bed::{ANYSVC, Bed, SCANDIR, SPECS, XTASK, name, specs};
use super::inside::{Measured, Step};
use super::row::{Goal, Row};
use crate::tool::Done;

const COUNT: usize = 1000;
/// Where the store is inside, and what the many left in it.
const STORE: &str = "/var/lib/anysvc/services";
const KEPT: &str = "/opt/kept";
/// What the peer copies: the first of the many, as ours made it, and its file of the store.
const MODEL: &str = "/opt/model";
/// Where the bare files go inside.
const BARE: &str = "/run/bare";

pub fn measure() -> Done<Vec<Row>> {
    let bed = Bed::of_s6()?;
    // Down, as what starting a thousand programs takes is not about registering.
    let register = [ANYSVC, "register", "--down", "--timeout", "10m", "--file", SPECS];
    let unregister = [ANYSVC, "unregister", "--all", "--timeout", "10m"];
    let reconcile = [ANYSVC, "reconcile", "--timeout", "10m"];
    let restore = ["/bin/cp", "-a", &format!("{KEPT}/."), STORE];
    bed.write(SPECS, &specs(COUNT, "command = [\"/usr/bin/sleep\", \"100000\"]"));
    let registering = rescans(&bed, &register)?;
    bed.must(&["/bin/cp", "-a", &format!("{SCANDIR}/{}", name(0)), MODEL])?;
    bed.must(&["/bin/cp", "-a", STORE, KEPT])?;
    bed.must(&unregister)?;
    bed.must(&restore)?;
    let reconciling = rescans(&bed, &reconcile)?;
    bed.must(&unregister)?;

    let (count, stored) = (COUNT.to_string(), format!("{KEPT}/{}.toml", name(0)));
    let with_store = [XTASK, bare::VERB, MODEL, BARE, &count, &stored];
    let remove = Step::run(&["/bin/rm", "-r", BARE]);
    let steps = [
        Step::run(&register),
        Step::run(&unregister),
        Step::run(&with_store),
        remove.clone(),
        // As after a start of the container: the store is there, and nothing in the scandir.
        Step::run(&restore),
        Step::run(&reconcile),
        Step::run(&unregister),
        Step::run(&with_store[..5]),
        remove,
    ];
    let [registered, _, with_store, _, _, reconciled, _, without, _] = bed.measure(5, steps)?;
    Ok(vec![
        row("register-1000", &registered, &with_store),
        row("reconcile-1000", &reconciled, &without),
        Row::budget("register-rescans", "", registering, 1.0).note("bytes written to s6-svscan's control"),
        Row::budget("reconcile-rescans", "", reconciling, 1.0),
    ])
}

fn row(name: &'static str, ours: &Measured, peer: &Measured) -> Row {
    let whole = ours.wall.median() / 1000.0;
    Row::times(name, &ours.cpu, &peer.cpu, Goal::Times(2.0))
        .note("the processor's time of the commands themselves; tmpfs, where flushing takes none")
        .note(format!("from start to end {whole:.0} ms: s6-svscan starts 2,000 supervisors meanwhile"))
}

/// How often a command asks s6-svscan to look.
fn rescans(bed: &Bed, command: &[&str]) -> Done<f64> {
    let control = format!("{SCANDIR}/.s6-svscan/control");
    let told = bed.trace(&["-e", "trace=write", "-P", &control], command)?;
    Ok(told.lines().filter(|line| line.contains("write(")).count() as f64)
}
