//! The test bed of a bench: the s6 laboratory with room for many services, and this program in it, which
//! does the timing there. It knows no bench.

use super::inside::{self, Step};
use super::samples::Samples;
use crate::tool::Done;
use anysvc_tests::S6Lab;

/// Where the program is inside.
pub const ANYSVC: &str = "/opt/anysvc/bin/anysvc";
/// Where this program is inside.
const XTASK: &str = "/opt/xtask";
/// Where it finds what it is to do.
const ORDER: &str = "/opt/order";

/// A laboratory to measure in.
pub struct Bed {
    lab: S6Lab,
}

impl Bed {
    /// A fresh one, of root's.
    pub fn new() -> Done<Bed> {
        let lab = S6Lab::new().svscan_args("-c 12000").try_start()?;
        let us = std::env::current_exe().and_then(std::fs::read);
        let us = us.map_err(|error| format!("reading xtask to copy it into the laboratory: {error}"))?;
        lab.write(XTASK, 0, 0o755, us);
        Ok(Bed { lab })
    }

    /// Times steps in turn, so many rounds of each.
    pub fn times<const N: usize>(&self, rounds: u32, steps: [Step; N]) -> Done<[Samples; N]> {
        self.lab.write(ORDER, 0, 0o600, inside::order(rounds, &steps));
        // In the background, as this may take longer than a test's command may.
        let ended = self.lab.command(XTASK).args([inside::VERB, ORDER]).spawn().wait().any();
        if ended.code() != Some(0) {
            return Err(format!("timing in the laboratory: {}", ended.stderr()));
        }
        let times: Vec<Vec<f64>> = serde_json::from_str(&ended.stdout())
            .map_err(|error| format!("the laboratory's times: {error}"))?;
        let samples: Vec<Samples> = times.into_iter().map(Samples::new).collect();
        samples.try_into().map_err(|_| "the laboratory timed other steps than were asked for".into())
    }

    /// Runs a command that has to succeed; what it prints.
    pub fn must(&self, command: &[&str]) -> Done<String> {
        let (program, args) = command.split_first().ok_or("nothing to run")?;
        let command = self.lab.command(program).args(args);
        let shown = command.to_string();
        let output = command.output().map_err(|error| format!("{shown}: {error}"))?;
        let (said, why) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        if output.status.success() {
            return Ok(said.into_owned());
        }
        Err(format!("{shown}\nended with {}: {said}{why}", output.status))
    }
}
