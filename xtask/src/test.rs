//! `./x test [SUITE...]`: runs suites, shows what they print, and ends with what the failed ones said, again,
//! and the sum.

use crate::suites::{SUITES, Suite};
use crate::tool::{Done, show};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

/// Tests by how they ended.
#[derive(Default, Debug, PartialEq, Eq)]
struct Sum {
    passed: u64,
    failed: u64,
    skipped: u64,
    /// What those that failed said, in the words of their runner.
    words: String,
    /// The same of the program that runs, of which nobody knows yet how it ends.
    heard: Option<String>,
}

/// Runs those named, or all; the last line is the sum, and it is an error unless all passed.
pub fn run(names: &[String]) -> Done {
    let mut chosen: Vec<&Suite> = Vec::new();
    for name in names {
        let all = || SUITES.iter().map(|suite| suite.name).collect::<Vec<_>>().join(", ");
        chosen.push(
            SUITES
                .iter()
                .find(|suite| suite.name == name)
                .ok_or_else(|| format!("no suite `{name}`; there are: {}", all()))?,
        );
    }
    if names.is_empty() {
        chosen = SUITES.iter().collect();
    }
    let (mut sum, mut complaints) = (Sum::default(), Vec::new());
    for suite in chosen {
        eprintln!("x: suite {}: {}", suite.name, suite.what);
        if let Err(reason) = run_suite(suite, &mut sum) {
            sum.failed += 1;
            complaints.push(format!("suite {}: {reason}", suite.name));
        }
    }
    print!("{}", sum.words);
    for complaint in &complaints {
        println!("{complaint}");
    }
    println!("{} passed, {} failed, {} skipped", sum.passed, sum.failed, sum.skipped);
    match sum {
        Sum { failed: 0, passed: 0, .. } => Err("no test was run".into()),
        Sum { failed: 0, .. } => Ok(()),
        _ => Err("not all tests passed; what is above the sum says why".into()),
    }
}

fn run_suite(suite: &Suite, sum: &mut Sum) -> Done {
    (suite.prepare)()?;
    let mut worst = Ok(());
    for mut command in (suite.commands)()? {
        let failed_before = sum.failed;
        let ended = stream(&mut command, sum);
        // A command that fails without a failed test (it does not compile, a test program was
        // killed) is a failure of its own.
        if ended.is_err() && sum.failed == failed_before {
            worst = ended;
        }
    }
    worst
}

/// Runs it, passing its output through, and adds up its `test result:` lines.
fn stream(command: &mut Command, sum: &mut Sum) -> Done {
    let shown = show(command);
    let unable = |error| format!("`{shown}` could not be run: {error}");
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(unable)?;
    if let Some(pipe) = child.stdout.take() {
        for line in BufReader::new(pipe).split(b'\n') {
            let line = line.map_err(unable)?;
            let line = String::from_utf8_lossy(&line);
            println!("{line}");
            sum.add(&line);
        }
    }
    match child.wait().map_err(unable)? {
        status if status.success() => Ok(()),
        status => Err(format!("`{shown}` ended with {status}")),
    }
}

impl Sum {
    /// Adds `test result: ok. 3 passed; 0 failed; 1 ignored; ...`, and keeps what is between it and the
    /// `failures:` before; other lines count nothing.
    fn add(&mut self, line: &str) {
        if line == "failures:" {
            self.heard.get_or_insert_default();
        }
        if let Some(heard) = &mut self.heard {
            heard.push_str(line);
            heard.push('\n');
        }
        let Some(result) = line.strip_prefix("test result: ") else { return };
        self.words.extend(self.heard.take());
        let counts = result.split_once(". ").map_or("", |(_, counts)| counts);
        for count in counts.split("; ") {
            let (number, word) = count.split_once(' ').unwrap_or_default();
            let Ok(number) = number.parse::<u64>() else { continue };
            match word {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.skipped += number,
                _ => (),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    //! The sum is what CI believes.
    use super::Sum;

    #[test]
    fn sums_result_lines_and_nothing_else() {
        let mut sum = Sum::default();
        sum.add(
            "test result: ok. 11 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out; finished in 1.14s",
        );
        sum.add("test result: FAILED. 1 passed; 3 failed; 0 ignored; 0 measured; 7 filtered out; finished in 0.00s");
        sum.add("test says_5_passed ... ok");
        assert_eq!(sum, Sum { passed: 12, failed: 3, skipped: 2, ..Sum::default() });
    }

    #[test]
    fn what_a_failed_test_said_is_kept_and_nothing_else() {
        let mut sum = Sum::default();
        for line in [
            "test a ... FAILED",
            "",
            "failures:",
            "",
            "---- a stdout ----",
            "it rained",
            "failures:",
            "    a",
        ] {
            sum.add(line);
        }
        assert_eq!(sum.words, "", "it may be printed by a test that passes");
        sum.add("test result: FAILED. 0 passed; 1 failed; 0 ignored");
        sum.add("running 1 test");
        assert_eq!(
            sum.words,
            "failures:\n\n---- a stdout ----\nit rained\nfailures:\n    a\n\
             test result: FAILED. 0 passed; 1 failed; 0 ignored\n"
        );
    }
}
