//! Services and their supervisor killed again and again, in any order: at the end each service that
//! should run does, once.

mod common;

use std::{collections::HashMap, fs, time::Duration};

use anysvc_backend_api::{EnvVar, Goal, ListQuery, State, Target, WaitRequest};
use common::{Lab, is_alive, kill, soon};
use rustix::process::Signal;

const SERVICES: usize = 20;
const KILLS: usize = 200;

/// A fixed sequence that looks random.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % sides
    }
}

/// How many living processes carry each mark in their environment.
fn marked(mark: &str) -> HashMap<String, usize> {
    let mut count = HashMap::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
        for variable in environment.split(|byte| *byte == 0) {
            let value = str::from_utf8(variable).ok().and_then(|text| text.strip_prefix("STRESS="));
            if let Some(name) = value.and_then(|value| value.strip_prefix(mark)).filter(|_| is_alive(pid)) {
                *count.entry(name.to_owned()).or_default() += 1;
            }
        }
    }
    count
}

#[test]
fn two_hundred_kills_double_and_forget_nothing() {
    let lab = Lab::new();
    let mark = format!("{}:", lab.state_dir.display());
    let names: Vec<String> = (0..SERVICES).map(|n| format!("s{n}")).collect();
    let registrations = names.iter().map(|name| {
        // Two processes each: the group has to go with its leader.
        let mut registration = lab.registration(name, "sleep 100000 & wait");
        registration.spec.restart.delay = Some(Duration::from_millis(10));
        registration.spec.env = vec![EnvVar { name: "STRESS".into(), value: format!("{mark}{name}").into() }];
        registration
    });
    assert!(lab.backend.register(registrations.collect(), soon()).iter().all(Result::is_ok));
    // Every fourth is not to run at the end, which is asked for in the middle of it.
    let is_down = |at: usize| at % 4 == 3;
    let mut dice = Dice(20_260_801);
    let mut supervisors = 0;
    for round in 0..KILLS {
        if round == KILLS / 2 {
            let down =
                names.iter().enumerate().filter(|(at, _)| is_down(*at)).map(|(_, name)| Target::new(name));
            assert!(lab.backend.stop(down.collect(), soon()).iter().all(Result::is_ok));
        }
        if dice.roll(4) == 0 {
            if let Some(pid) = lab.supervisor() {
                kill(pid, Signal::KILL);
                supervisors += 1;
            }
        } else {
            let name = &names[dice.roll(SERVICES)];
            let status = lab.status(name).unwrap_or_else(|error| panic!("round {round}: {error}"));
            if let Some(pid) = status.pid {
                kill(pid as i32, Signal::KILL);
            }
        }
    }
    assert!(supervisors > KILLS / 10, "only {supervisors} supervisors were killed");
    let up: Vec<_> = names.iter().enumerate().filter(|(at, _)| !is_down(*at)).map(|(_, name)| name).collect();
    let wait = |name: &&String| WaitRequest { name: (*name).clone(), goal: Goal::Up, pid: None };
    for answer in lab.backend.wait(up.iter().map(wait).collect(), soon()) {
        assert_eq!(answer.map(|status| status.state), Ok(State::Running));
    }
    // The shell has its child a moment after it runs itself.
    common::until(|| marked(&mark).values().sum::<usize>() == 2 * up.len());
    let count = marked(&mark);
    for name in &up {
        assert_eq!(count.get(*name), Some(&2), "{name}\n{count:?}");
    }
    assert_eq!(lab.backend.list(ListQuery::default(), soon()).map(|all| all.len()), Ok(SERVICES));
}
