//! A thousand services by one `register --file`: what it costs beside the bare file operations, and how
//! often s6-svscan is asked to look.

use super::bed::{ANYSVC, Bed, SCANDIR, SPECS, XTASK, name, specs};
use super::inside::Step;
use super::row::{Goal, Row};
use super::{bare, inside};
use crate::tool::Done;

const COUNT: usize = 1000;
/// Where the bare files go inside.
const BARE: &str = "/run/bare";
/// Where strace writes inside.
const TRACE: &str = "/opt/trace";

pub fn measure() -> Done<Vec<Row>> {
    let bed = Bed::new()?;
    // Down, as what starting a thousand programs takes is not about registering.
    let register = [ANYSVC, "register", "--down", "--timeout", "10m", "--file", SPECS];
    bed.write(SPECS, &specs(COUNT, "command = [\"/usr/bin/sleep\", \"100000\"]"));
    let traced = ["/usr/bin/strace", "-f", "-qq", "-o", TRACE, "-e", "trace=write"];
    let control = format!("{SCANDIR}/.s6-svscan/control");
    let told: Vec<&str> = traced.into_iter().chain(["-P", &control, "--"]).chain(register).collect();
    bed.must(&told)?;
    let rescans = bed.must(&["/bin/cat", TRACE])?.lines().filter(|line| line.contains("write(")).count();
    // The first of the many, as ours made it, is what the peer copies.
    let model = "/opt/model";
    bed.must(&["/bin/cp", "-a", &format!("{SCANDIR}/{}", name(0)), model])?;
    let stored = "/opt/model.toml";
    bed.must(&["/bin/cp", &format!("/var/lib/anysvc/services/{}.toml", name(0)), stored])?;
    let unregister = [ANYSVC, "unregister", "--all", "--timeout", "10m"];
    bed.must(&unregister)?;
    let steps = [
        Step::run(&register),
        Step::run(&unregister),
        Step::run(&[XTASK, bare::VERB, model, stored, BARE, &COUNT.to_string()]),
        Step::run(&["/bin/rm", "-r", BARE]),
    ];
    let [ours, _, peer, _] = bed.measure(5, steps)?;
    let inside::Measured { wall, cpu, .. } = &ours;
    Ok(vec![
        Row::times("register-1000", cpu, &peer.cpu, Goal::Times(2.0))
            .note("the processor's time of the commands themselves; tmpfs, where flushing takes none")
            .note(format!(
                "from start to end {:.0} ms: s6-svscan starts 2,000 supervisors meanwhile",
                wall.median() / 1000.0
            )),
        Row::budget("register-rescans", "", rescans as f64, 1.0).note("bytes written to s6-svscan's control"),
    ])
}
