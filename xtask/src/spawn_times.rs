//! A verb for `./x bench` alone: runs inside a laboratory and times whole processes there, from
//! spawn to reaped, two commands in turn so that both see the same machine.

use crate::tool::Done;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Not in the help.
pub const VERB: &str = "spawn-times";

/// The medians of `ours` and `peer`, in microseconds, over `rounds` of each, inside `lab`.
pub fn inside(
    lab: &anysvc_tests::S6Lab,
    uid: u32,
    rounds: u32,
    ours: &[&str],
    peer: &[&str],
) -> Done<(f64, f64)> {
    let us = std::env::current_exe().and_then(std::fs::read);
    let us = us.map_err(|error| format!("reading xtask to copy it into the laboratory: {error}"))?;
    lab.write("/opt/xtask", 0, 0o755, us);
    let command = lab.command("/opt/xtask").args([VERB, &rounds.to_string()]).args(ours).arg("--").args(peer);
    let output = command.uid(uid).output().map_err(|error| format!("timing in the laboratory: {error}"))?;
    let said = String::from_utf8_lossy(&output.stdout);
    let medians =
        said.trim().split_once(' ').and_then(|(ours, peer)| Some((ours.parse().ok()?, peer.parse().ok()?)));
    medians.ok_or_else(|| format!("timing in the laboratory: {}", String::from_utf8_lossy(&output.stderr)))
}

/// `spawn-times ROUNDS OURS... -- PEER...`: prints the two medians.
pub fn run(args: &[String]) -> Done {
    let usage = || format!("usage: {VERB} ROUNDS OURS... -- PEER...");
    let (rounds, commands) = args.split_first().ok_or_else(usage)?;
    let rounds: usize = rounds.parse().map_err(|_| usage())?;
    let at = commands.iter().position(|arg| arg == "--").ok_or_else(usage)?;
    let (ours, peer) = (&commands[..at], &commands[at + 1..]);
    let (mut our_times, mut peer_times) = (Vec::new(), Vec::new());
    // The first rounds warm caches and are not counted.
    for round in 0..rounds + rounds / 10 + 1 {
        let times = (time(ours)?, time(peer)?);
        if round > rounds / 10 {
            our_times.push(times.0);
            peer_times.push(times.1);
        }
    }
    println!("{} {}", median(our_times), median(peer_times));
    Ok(())
}

fn time(argv: &[String]) -> Done<Duration> {
    let (program, args) = argv.split_first().ok_or("nothing to run")?;
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::null());
    let start = Instant::now();
    let status = command.status().map_err(|error| format!("{program}: {error}"))?;
    let took = start.elapsed();
    if status.success() { Ok(took) } else { Err(format!("{program} ended with {status}")) }
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times.get(times.len() / 2).map_or(f64::NAN, |time| time.as_secs_f64() * 1e6)
}
