//! A verb for `./x bench` alone: runs inside a laboratory and times what it is ordered to, from spawn to
//! reaped. The steps of a round follow each other, and the rounds repeat, so that all steps see the same
//! machine. It knows no bench.

use crate::tool::Done;
use serde_json::{Value, json};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Not in the help.
pub const VERB: &str = "bench-inside";

/// Commands that follow each other and are timed as one.
#[derive(Clone, Debug, Default)]
pub struct Step {
    commands: Vec<Vec<String>>,
}

impl Step {
    /// One command.
    pub fn run(command: &[&str]) -> Step {
        Step::default().then(command)
    }

    /// And another one.
    pub fn then(mut self, command: &[&str]) -> Step {
        self.commands.push(command.iter().map(|&word| word.to_owned()).collect());
        self
    }

    fn json(&self) -> Value {
        json!(self.commands)
    }

    fn parse(value: &Value) -> Option<Step> {
        let words = |command: &Value| -> Option<Vec<String>> {
            command.as_array()?.iter().map(|word| Some(word.as_str()?.to_owned())).collect()
        };
        Some(Step { commands: value.as_array()?.iter().map(words).collect::<Option<_>>()? })
    }

    fn time(&self) -> Done<Duration> {
        let mut commands = Vec::with_capacity(self.commands.len());
        for words in &self.commands {
            let (program, args) = words.split_first().ok_or("nothing to run")?;
            let mut command = Command::new(program);
            command.args(args).stdin(Stdio::null()).stdout(Stdio::null());
            commands.push(command);
        }
        let start = Instant::now();
        for command in &mut commands {
            let status =
                command.status().map_err(|error| format!("{}: {error}", crate::tool::show(command)))?;
            if !status.success() {
                return Err(format!("`{}` ended with {status}", crate::tool::show(command)));
            }
        }
        Ok(start.elapsed())
    }
}

/// What is to be done, for [`run`] to read.
pub fn order(rounds: u32, steps: &[Step]) -> String {
    json!({"rounds": rounds, "steps": steps.iter().map(Step::json).collect::<Vec<_>>()}).to_string()
}

/// Reads an order from a file; prints the microseconds of each step, a list for each.
pub fn run(args: &[String]) -> Done {
    let [path] = args else { return Err(format!("usage: {VERB} ORDER")) };
    let order = std::fs::read_to_string(path).map_err(|error| format!("reading the order: {error}"))?;
    let order: Value = serde_json::from_str(&order).map_err(|error| format!("the order: {error}"))?;
    let rounds = order["rounds"].as_u64().ok_or("the order has no rounds")?;
    let steps = order["steps"].as_array().ok_or("the order has no steps")?;
    let steps: Vec<Step> = steps.iter().map(Step::parse).collect::<Option<_>>().ok_or("a step is none")?;
    let mut times = vec![Vec::new(); steps.len()];
    // The first rounds warm caches and are not counted.
    let warming = rounds / 10 + 1;
    for round in 0..rounds + warming {
        for (step, times) in steps.iter().zip(&mut times) {
            let time = step.time()?;
            if round >= warming {
                times.push(time.as_secs_f64() * 1e6);
            }
        }
    }
    println!("{}", json!(times));
    Ok(())
}
