//! An opt-in service, whatever keeps it up: it reads as stopped while its variable does not say yes, and
//! runs, restarts included, while it does. The variable is looked at on each start.

use serde_json::Value;

use crate::{Ended, Lab, Signal};

/// Somebody with an opt-in service, and a way to set its variable.
pub struct OptIn<'lab> {
    /// Where.
    pub lab: &'lab Lab,
    /// Who.
    pub uid: u32,
    /// What `register` takes beside the condition.
    pub options: &'lab [&'lab str],
    /// Gives the variable `DASHBOARD` a value, or takes it away.
    pub set: &'lab dyn Fn(Option<&str>),
}

impl OptIn<'_> {
    fn anysvc(&self, args: &[&str]) -> Ended<'_> {
        self.lab.anysvc(args).uid(self.uid).run().any()
    }

    fn status(&self) -> Value {
        self.anysvc(&["status", "dashboard", "--json"]).json()["services"][0].clone()
    }

    /// Its pid, once it has become its program: until then the variable may still be looked at.
    fn pid(&self) -> Option<u32> {
        let status = self.status();
        let pid = status["pid"].as_u64().filter(|_| status["state"] == "running")?.try_into().ok()?;
        (self.lab.comm(pid)? == "sleep").then_some(pid)
    }

    #[track_caller]
    fn runs(&self, what: &str) -> u32 {
        self.lab.wait_until(what, || self.pid().is_some());
        self.pid().unwrap_or_else(|| panic!("{what}: {}", self.status()))
    }

    #[track_caller]
    fn is_held_back(&self, when: &str) {
        // On a busy machine a start may be over before the variable was looked at.
        self.lab.wait_until(when, || self.status()["reason"] == "condition not met");
        let status = self.status();
        assert_eq!(
            (&status["state"], &status["desired"]),
            (&"stopped".into(), &"up".into()),
            "{when}: {status}"
        );
        assert_eq!(self.anysvc(&["check"]).code(), Some(0), "{when}: it counts as healthy");
        let waited = self.anysvc(&["wait", "dashboard", "--for", "up"]);
        assert_eq!(waited.code(), Some(3), "{when}: {}{}", waited.stdout(), waited.stderr());
    }

    #[track_caller]
    fn starts(&self, verb: &str, value: Option<&str>) {
        (self.set)(value);
        let done = self.anysvc(&[verb, "dashboard"]);
        assert_eq!(done.code(), Some(0), "{verb} with {value:?}: {}{}", done.stdout(), done.stderr());
    }

    /// The whole story.
    #[track_caller]
    pub fn is_up_only_while_its_variable_says_yes(&self) {
        (self.set)(None);
        let args = ["register", "dashboard", "--when-env", "DASHBOARD", "--when-truthy"];
        let done = self.anysvc(&[&args[..], self.options, &["--", "sleep", "1000"]].concat());
        assert_eq!(done.code(), Some(0), "{}", done.stderr());
        self.is_held_back("it is not set");
        for no in ["", "0", "false", "no", "off", "yes please", "2"] {
            self.starts("start", Some(no));
            self.is_held_back(&format!("it is held back with {no:?}"));
        }
        for yes in ["1", "true", "YES", "On"] {
            self.starts("restart", Some(yes));
            self.runs(&format!("it runs with {yes:?}"));
        }
        let first = self.runs("it runs");
        self.lab.kill(first, Signal::KILL);
        self.lab.wait_until("it is restarted", || self.pid().is_some_and(|pid| pid != first));
        // What runs is left alone; the next start looks again.
        let second = self.runs("it runs again");
        (self.set)(Some("no"));
        assert_eq!(self.runs("it still runs"), second);
        self.lab.kill(second, Signal::KILL);
        self.is_held_back("it was killed");
        let done = self.anysvc(&["reconcile", "--json"]).json();
        assert_eq!(done["services"][0]["action"], "none", "{done}");
        self.starts("start", Some("true"));
        self.runs("it runs in the end");
        assert_eq!(self.anysvc(&["stop", "dashboard"]).code(), Some(0));
        let status = self.status();
        assert_eq!((&status["state"], &status["desired"]), (&"stopped".into(), &"down".into()), "{status}");
    }
}

/// A way to set the variable that is the same everywhere: an environment file of the service.
pub fn by_env_file(lab: &Lab, uid: u32) -> impl Fn(Option<&str>) {
    move |value| {
        let text = value.map(|value| format!("DASHBOARD={value}\n")).unwrap_or_default();
        lab.write("/srv/dashboard.env", uid, 0o644, format!("# The dashboard is opt-in.\n{text}"));
    }
}

/// The options for it.
pub const ENV_FILE: &[&str] = &["--env-file", "/srv/dashboard.env"];
