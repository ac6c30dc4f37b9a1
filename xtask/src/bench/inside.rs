//! A verb for `./x bench` alone: runs inside a laboratory and times what it is ordered to, from spawn to
//! reaped. The steps of a round follow each other, and the rounds repeat, so that all steps see the same
//! machine. It knows no bench.

use super::samples::Samples;
use crate::tool::{Done, show};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use serde_json::{Value, json};
use std::process::{Command, Stdio};
use std::time::Instant;

/// Not in the help.
pub const VERB: &str = "bench-inside";

/// Commands that follow each other and are measured as one.
#[derive(Clone, Debug, Default)]
pub struct Step {
    commands: Vec<Vec<String>>,
    /// The clock starts when the main process of this service directory ends, if it is said.
    after_end_of: Option<String>,
}

impl Step {
    /// One command.
    pub fn run<W: AsRef<str>>(command: &[W]) -> Step {
        Step::default().then(command)
    }

    /// And another one.
    pub fn then<W: AsRef<str>>(mut self, command: &[W]) -> Step {
        self.commands.push(command.iter().map(|word| word.as_ref().to_owned()).collect());
        self
    }

    /// Measured is the time from the end of this service's main process on.
    pub fn after_end_of(mut self, slot: &str) -> Step {
        self.after_end_of = Some(slot.to_owned());
        self
    }

    fn json(&self) -> Value {
        json!({"commands": self.commands, "after": self.after_end_of})
    }

    fn parse(value: &Value) -> Option<Step> {
        let words = |command: &Value| -> Option<Vec<String>> {
            command.as_array()?.iter().map(|word| Some(word.as_str()?.to_owned())).collect()
        };
        let commands = value["commands"].as_array()?.iter().map(words).collect::<Option<_>>()?;
        Some(Step { commands, after_end_of: value["after"].as_str().map(str::to_owned) })
    }

    fn measure(&self) -> Done<Once> {
        let mut commands = Vec::with_capacity(self.commands.len());
        for words in &self.commands {
            let (program, args) = words.split_first().ok_or("nothing to run")?;
            let mut command = Command::new(program);
            command.args(args).stdin(Stdio::null()).stdout(Stdio::null());
            commands.push(command);
        }
        let service = self.after_end_of.as_deref().map(main_process).transpose()?;
        let mut once = Once::default();
        let mut start = Instant::now();
        for command in &mut commands {
            let child = command.spawn().map_err(|error| format!("{}: {error}", show(command)))?;
            if let Some(service) = &service {
                let ended = poll(&mut [PollFd::new(service, PollFlags::IN)], None);
                ended.map_err(|error| format!("waiting for a service's end: {error}"))?;
                start = Instant::now();
            }
            let used = reap(child.id()).map_err(|reason| format!("`{}` {reason}", show(command)))?;
            once.cpu += used.cpu;
            once.faults += used.faults;
            once.memory = once.memory.max(used.memory);
        }
        once.wall = start.elapsed().as_secs_f64() * 1e6;
        Ok(once)
    }
}

/// What one run of a step took.
#[derive(Clone, Copy, Debug, Default)]
struct Once {
    /// In microseconds.
    wall: f64,
    /// Of the commands themselves, in microseconds.
    cpu: f64,
    /// Pages that were not there when they were first used.
    faults: f64,
    /// The most memory that one command had, in KiB. (Or we: until it execs, a child has ours.)
    memory: f64,
}

/// What a step took.
#[derive(Clone, Debug)]
pub struct Measured {
    /// The time that went by, in microseconds.
    pub wall: Samples,
    /// The processors' time that the commands themselves used, in microseconds.
    pub cpu: Samples,
    /// Page faults.
    pub faults: Samples,
    /// The most memory that a command had, in MiB.
    pub memory: f64,
}

impl Measured {
    /// From what [`run`] printed of a step.
    pub fn parse(value: &Value) -> Option<Measured> {
        let samples = |key: &str| -> Option<Samples> {
            Some(Samples::new(value[key].as_array()?.iter().filter_map(Value::as_f64).collect()))
        };
        let memory = samples("memory")?.quantile(1.0) / 1024.0;
        Some(Measured { wall: samples("wall")?, cpu: samples("cpu")?, faults: samples("faults")?, memory })
    }
}

/// The main process of a supervised service, by the number in its status file (since s6 2.2 at byte 24).
fn main_process(slot: &str) -> Done<std::os::fd::OwnedFd> {
    let path = format!("{slot}/supervise/status");
    let failed = |why: &dyn std::fmt::Display| format!("the main process of {slot}: {why}");
    let bytes = std::fs::read(&path).map_err(|error| failed(&error))?;
    let number = bytes.get(24..32).and_then(|bytes| Some(u64::from_be_bytes(bytes.try_into().ok()?)));
    let pid = number.and_then(|number| Pid::from_raw(i32::try_from(number).ok()?));
    pidfd_open(pid.ok_or_else(|| failed(&"it is down"))?, PidfdFlags::empty()).map_err(|error| failed(&error))
}

/// Waits for a child's end, and says what it used.
fn reap(pid: u32) -> Done<Once> {
    let mut status = 0;
    // SAFETY: all zeroes is a value of this type, which has only numbers in it.
    let mut used: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are to live values of ours; the child is ours, and nobody else waits for it.
    if unsafe { libc::wait4(pid.cast_signed(), &raw mut status, 0, &raw mut used) } < 0 {
        return Err(format!("could not be waited for: {}", std::io::Error::last_os_error()));
    }
    if status != 0 {
        return Err(format!("ended with wait status {status}"));
    }
    let micros = |time: libc::timeval| time.tv_sec as f64 * 1e6 + time.tv_usec as f64;
    Ok(Once {
        wall: 0.0,
        cpu: micros(used.ru_utime) + micros(used.ru_stime),
        faults: (used.ru_minflt + used.ru_majflt) as f64,
        memory: used.ru_maxrss as f64,
    })
}

/// What is to be done, for [`run`] to read.
pub fn order(rounds: u32, steps: &[Step]) -> String {
    json!({"rounds": rounds, "steps": steps.iter().map(Step::json).collect::<Vec<_>>()}).to_string()
}

/// Reads an order from a file; prints what each step took.
pub fn run(args: &[String]) -> Done {
    let [path] = args else { return Err(format!("usage: {VERB} ORDER")) };
    let order = std::fs::read_to_string(path).map_err(|error| format!("reading the order: {error}"))?;
    let order: Value = serde_json::from_str(&order).map_err(|error| format!("the order: {error}"))?;
    let rounds = order["rounds"].as_u64().ok_or("the order has no rounds")?;
    let steps = order["steps"].as_array().ok_or("the order has no steps")?;
    let steps: Vec<Step> = steps.iter().map(Step::parse).collect::<Option<_>>().ok_or("a step is none")?;
    let mut taken: Vec<Vec<Once>> = vec![Vec::new(); steps.len()];
    // The first rounds warm caches and are not counted.
    let warming = rounds / 10 + 1;
    for round in 0..rounds + warming {
        for (step, taken) in steps.iter().zip(&mut taken) {
            let once = step.measure()?;
            if round >= warming {
                taken.push(once);
            }
        }
    }
    let of = |taken: &[Once], what: fn(&Once) -> f64| taken.iter().map(what).collect::<Vec<f64>>();
    let told = taken.iter().map(|taken| {
        json!({
            "wall": of(taken, |once| once.wall), "cpu": of(taken, |once| once.cpu),
            "faults": of(taken, |once| once.faults), "memory": of(taken, |once| once.memory),
        })
    });
    println!("{}", told.collect::<Value>());
    Ok(())
}
