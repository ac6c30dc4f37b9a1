//! Where the scenario plays: some machine, some user, some service manager.

use std::time::{Duration, Instant};

use serde_json::Value;

/// How long anything may take that happens by itself.
const PATIENCE: Duration = Duration::from_secs(30);

/// Somewhere that `anysvc` can be run as somebody.
pub trait Stage: Sync {
    /// The id of the backend that has to be chosen here.
    fn backend(&self) -> &str;
    /// The scope that has to be meant here.
    fn scope(&self) -> &str;
    /// Runs `anysvc` to its end.
    fn anysvc(&self, args: &[&str]) -> Ran;
    /// Makes an executable shell script, and gives its path.
    fn script(&self, text: &str) -> String;
    /// Kills a process with SIGKILL.
    fn kill(&self, pid: u64);
    /// The text of a file, if it is there.
    fn read(&self, path: &str) -> Option<String>;
    /// A folder that the service's user can write to.
    fn folder(&self) -> String;
    /// Writes a file that the service's user can read.
    fn write(&self, path: &str, text: &str);
    /// What a command says that root runs.
    fn look(&self, command: &[&str]) -> String;
    /// What the service manager itself has put out, or has in its log.
    fn manager_log(&self) -> String;
    /// What was put out on the console of the machine, or the container.
    fn console(&self) -> String;
    /// Whether services can copy their lines there (`log.console`).
    fn has_console(&self) -> bool;
    /// Whether the value of a variable may be other than UTF-8.
    fn takes_any_bytes(&self) -> bool;

    /// Everything that a command could leave behind: each file but what tests write, and each process.
    fn traces(&self) -> Vec<String> {
        let files =
            ["find", "/", "-xdev", "(", "-path", "/srv", "-o", "-name", "*.log", "-o", "-name", "*.journal"];
        let print = [")", "-prune", "-o", "-printf", "%p %y %i %s %T@\\n"];
        let files = self.look(&[&files[..], &print].concat());
        files.lines().map(str::to_owned).chain(self.processes()).collect()
    }

    /// Every process there is: its number and its arguments.
    fn processes(&self) -> Vec<String> {
        let text = self.look(&["sh", "-c", "cd /proc && exec grep -a '' [0-9]*/cmdline"]).replace('\0', " ");
        let own = |line: &&str| line.contains(":grep -a ");
        text.lines().filter(|line| !own(line)).map(str::to_owned).collect()
    }

    /// The service in `status NAME --json`.
    fn status(&self, name: &str) -> Value {
        self.anysvc(&["status", name, "--json"]).any().json()["services"][0].clone()
    }

    /// Its state.
    fn state(&self, name: &str) -> String {
        self.status(name)["state"].as_str().unwrap_or("none").to_owned()
    }

    /// Its pid, while it runs.
    fn pid(&self, name: &str) -> Option<u64> {
        let status = self.status(name);
        status["pid"].as_u64().filter(|_| status["state"] == "running")
    }

    /// Shell for what waits until it is told to go on, and each time anew.
    fn waits(&self) -> String {
        format!("until rm {} 2>/dev/null </dev/null; do sleep 0.05; done", told(self.folder()))
    }

    /// Tells what waits so, once.
    fn tell(&self) {
        let _ = self.look(&["touch", &told(self.folder())]);
    }

    /// Waits for something that happens by itself.
    #[track_caller]
    fn until(&self, what: &str, holds: &dyn Fn() -> bool) {
        let end = Instant::now() + PATIENCE;
        while !holds() {
            assert!(Instant::now() < end, "waited {PATIENCE:?} in vain until {what}");
        }
    }

    /// Registers a service that runs until it is told to end.
    #[track_caller]
    fn sleeper(&self, name: &str) -> u64 {
        self.anysvc(&["register", name, "--", "sleep", "1000"]).ends(0);
        self.pid(name).expect("it runs")
    }
}

/// The file by which a script is told.
fn told(folder: String) -> String {
    folder + "/told"
}

/// A run of `anysvc` that is over.
#[must_use = "say what is expected: .ends(code)"]
#[derive(Debug)]
pub struct Ran {
    /// What was run.
    pub what: String,
    /// Its exit code.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it complained of.
    pub stderr: String,
}

/// A run that ended as was expected; each method is one more expectation.
#[derive(Debug)]
pub struct Ended(Ran);

impl Ran {
    /// It ended with this code.
    #[track_caller]
    pub fn ends(self, code: i32) -> Ended {
        let ended = Ended(self);
        ended.must(ended.0.code == Some(code), &format!("exit code {code}"));
        ended
    }

    /// Any end is fine.
    pub fn any(self) -> Ended {
        Ended(self)
    }
}

impl Ended {
    /// Its standard output contains this.
    #[track_caller]
    pub fn says(self, text: &str) -> Ended {
        self.must(self.0.stdout.contains(text), &format!("{text:?} on standard output"));
        self
    }

    /// Its standard output does not contain this.
    #[track_caller]
    pub fn does_not_say(self, text: &str) -> Ended {
        self.must(!self.0.stdout.contains(text), &format!("no {text:?} on standard output"));
        self
    }

    /// Its standard output is this.
    #[track_caller]
    pub fn says_just(self, text: &str) -> Ended {
        self.must(self.0.stdout == text, &format!("just {text:?} on standard output"));
        self
    }

    /// Its standard error contains this.
    #[track_caller]
    pub fn complains(self, text: &str) -> Ended {
        self.must(self.0.stderr.contains(text), &format!("{text:?} on standard error"));
        self
    }

    /// Its standard error is empty.
    #[track_caller]
    pub fn complains_of_nothing(self) -> Ended {
        self.must(self.0.stderr.is_empty(), "nothing on standard error");
        self
    }

    /// What it complained of.
    pub fn stderr(&self) -> &str {
        &self.0.stderr
    }

    /// Its standard output.
    pub fn stdout(&self) -> &str {
        &self.0.stdout
    }

    /// Its standard output is one JSON document.
    #[track_caller]
    pub fn json(&self) -> Value {
        let parsed = serde_json::from_str(&self.0.stdout);
        self.must(parsed.is_ok(), "one JSON document on standard output");
        parsed.unwrap_or_default()
    }

    #[track_caller]
    fn must(&self, holds: bool, wanted: &str) {
        let Ran { what, code, stdout, stderr } = &self.0;
        assert!(
            holds,
            "{what}\nexpected {wanted}; exit code {code:?}\n--- standard output\n{stdout}\n--- standard error\n{stderr}"
        );
    }
}
