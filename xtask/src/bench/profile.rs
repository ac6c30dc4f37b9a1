//! Where a run of `anysvc status NAME` goes: its system calls by name, and its time by stage. For the
//! reader of the table: nothing here has a goal.

use super::bed::Bed;
use crate::tool::Done;
use std::collections::BTreeMap;

/// How often stages are timed; the fastest of each is told.
const RUNS: usize = 30;
/// The stages of a run, each with what is first asked of the system in it.
const STAGES: [(&str, &str); 9] = [
    ("dynamic loader", "execve("),
    ("Rust's start", "/proc/self/maps"),
    ("caller, configuration, store", "/var/lib/anysvc\""),
    ("manifest", "/backends/s6.toml"),
    ("look at the library", "/libanysvc_s6.so"),
    ("dlopen", "/proc/self/fd/"),
    ("facts for the backend", "/etc/passwd"),
    ("state of the service", "/run/service\""),
    ("output and end", "write(1,"),
];

/// Lines about a command of ours and its peer.
pub fn notes(bed: &Bed, ours: &[&str], peer: &[&str]) -> Done<Vec<String>> {
    let mut notes = vec![calls(bed, ours)?, calls(bed, peer)?];
    let mut fastest = [f64::INFINITY; STAGES.len()];
    for _ in 0..RUNS {
        for (fastest, took) in fastest.iter_mut().zip(stages(bed, ours)?) {
            *fastest = fastest.min(took);
        }
    }
    let told = STAGES.iter().zip(fastest).map(|((stage, _), took)| format!("{stage} {took:.0}"));
    notes.push(format!("us by stage, strace's own included: {}", told.collect::<Vec<_>>().join(", ")));
    Ok(notes)
}

/// How many system calls a command makes, and of which it makes most.
fn calls(bed: &Bed, command: &[&str]) -> Done<String> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for line in bed.trace(&[], command)?.lines() {
        // After the number of the process, and of a call in two parts the first.
        let call = line.split_whitespace().nth(1).and_then(|call| call.split_once('('));
        if let Some((name, _)) = call {
            *counts.entry(name.to_owned()).or_default() += 1;
        }
    }
    let total: usize = counts.values().sum();
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let most: Vec<String> = counts.iter().take(8).map(|(name, count)| format!("{name} {count}")).collect();
    Ok(format!("{total} system calls of `{}`: {}, ...", command.join(" "), most.join(", ")))
}

/// The microseconds of each stage, in one run that stops only at the calls that tell them apart.
fn stages(bed: &Bed, command: &[&str]) -> Done<[f64; STAGES.len()]> {
    let asked = ["--seccomp-bpf", "-ttt", "-e", "trace=execve,openat,write,exit_group"];
    let trace = bed.trace(&asked, command)?;
    let mut begun = [f64::NAN; STAGES.len() + 1];
    let mut next = 0;
    for line in trace.lines() {
        // The number of the process, the time, and the call.
        let after = line.split_once(' ').and_then(|(_, after)| after.trim_start().split_once(' '));
        let Some((Ok(at), call)) = after.map(|(at, call)| (at.parse::<f64>(), call)) else { continue };
        if STAGES.get(next).is_some_and(|(_, first)| call.contains(first)) {
            begun[next] = at;
            next += 1;
        } else if call.starts_with("exit_group(") {
            begun[STAGES.len()] = at;
        }
    }
    if next < STAGES.len() {
        return Err(format!("no stage `{}` in what strace saw:\n{trace}", STAGES[next].0));
    }
    Ok(std::array::from_fn(|stage| (begun[stage + 1] - begun[stage]) * 1e6))
}
