//! The test bed of a bench: a laboratory with room for many services, and this program in it, which does the
//! timing there. It knows no bench.

use super::inside::{self, Measured, Step};
use crate::tool::Done;
use anysvc_tests::{Lab, S6Lab, SystemdLab};
use serde_json::Value;
use std::ops::Deref;

/// Where the program is inside.
pub const ANYSVC: &str = "/opt/anysvc/bin/anysvc";
/// Where this program is inside.
pub const XTASK: &str = "/opt/xtask";
/// Where the services of s6 are inside.
pub const SCANDIR: &str = "/run/service";
/// Where strace writes inside.
const TRACE: &str = "/opt/trace";
/// Where the timing finds what it is to do.
const ORDER: &str = "/opt/order";

/// A laboratory to measure in.
pub struct Bed {
    lab: Box<dyn Deref<Target = Lab>>,
}

impl Bed {
    /// A fresh one, where s6 runs root's services.
    pub fn of_s6() -> Done<Bed> {
        Bed::make(Box::new(S6Lab::new().in_place().svscan_args("-c 12000").try_start()?))
    }

    /// A fresh one, where systemd does.
    pub fn of_systemd() -> Done<Bed> {
        Bed::make(Box::new(SystemdLab::try_start()?))
    }

    fn make(lab: Box<dyn Deref<Target = Lab>>) -> Done<Bed> {
        let bed = Bed { lab };
        let us = std::env::current_exe().map_err(|error| format!("where xtask is: {error}"))?;
        bed.install(XTASK, &us)?;
        Ok(bed)
    }

    /// Measures steps in turn, so many rounds of each.
    pub fn measure<const N: usize>(&self, rounds: u32, steps: [Step; N]) -> Done<[Measured; N]> {
        self.lab.write(ORDER, 0, 0o600, inside::order(rounds, &steps));
        let said = self.must(&[XTASK, inside::VERB, ORDER])?;
        let said: Value =
            serde_json::from_str(&said).map_err(|error| format!("what was measured: {error}"))?;
        let measured = said.as_array().into_iter().flatten().map(Measured::parse);
        let measured: Vec<Measured> = measured.collect::<Option<_>>().ok_or("nothing was measured")?;
        measured.try_into().map_err(|_| "the laboratory measured other steps than were asked for".into())
    }

    /// Runs a command that has to succeed, however long it takes; what it prints.
    pub fn must<W: AsRef<str>>(&self, command: &[W]) -> Done<String> {
        let (program, args) = command.split_first().ok_or("nothing to run")?;
        let command = self.lab.command(program.as_ref()).args(args.iter().map(AsRef::as_ref));
        let shown = command.to_string();
        let ended = command.spawn().wait().any();
        match ended.code() {
            Some(0) => Ok(ended.stdout()),
            code => Err(format!("{shown}\nended with {code:?}: {}{}", ended.stdout(), ended.stderr())),
        }
    }

    /// What strace saw of a command that has to succeed, with these options.
    pub fn trace(&self, options: &[&str], command: &[&str]) -> Done<String> {
        let strace = ["/usr/bin/strace", "-f", "-qq", "-s", "256", "-o", TRACE];
        let traced: Vec<&str> = strace.iter().chain(options).chain(&["--"]).chain(command).copied().collect();
        self.must(&traced)?;
        self.must(&["/bin/cat", TRACE])
    }

    /// Copies a program or a library to a place inside.
    pub fn install(&self, path: &str, from: &std::path::Path) -> Done {
        let bytes = std::fs::read(from).map_err(|error| format!("{}: {error}", from.display()))?;
        self.lab.write(path, 0, 0o755, bytes);
        Ok(())
    }

    /// Writes a file inside.
    pub fn write(&self, path: &str, text: &str) {
        self.lab.write(path, 0, 0o600, text);
    }

    /// Registers this many services by a file, `s00000` and so on; `spec` is what each says besides.
    pub fn register_many(&self, count: usize, spec: &str) -> Done {
        self.write(SPECS, &specs(count, spec));
        self.must(&[ANYSVC, "register", "--timeout", "10m", "--file", SPECS]).map(drop)
    }
}

/// Where a file of many services is inside.
pub const SPECS: &str = "/opt/many.toml";

/// The text of a spec file with so many services.
pub fn specs(count: usize, spec: &str) -> String {
    (0..count).map(|index| format!("[service.{}]\n{spec}\n", name(index))).collect()
}

/// The name of one of many.
pub fn name(index: usize) -> String {
    format!("s{index:05}")
}
