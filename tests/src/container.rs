//! A container with a volume, that can be started again: a laboratory after the other, of which the later
//! have the state folder of the earlier. It must not know which service manager runs there.

use crate::{APP, Builder, Ended, Enter, S6Lab};
use serde_json::Value;
use std::ffi::OsStr;

/// One user's services, in the container as it was started last.
#[derive(Debug)]
pub struct Container {
    /// The laboratory that it is now.
    pub lab: S6Lab,
    /// The user.
    pub uid: u32,
    builder: Builder,
    prepare: fn(&S6Lab),
}

impl Container {
    /// Its first start.
    #[track_caller]
    pub fn start(builder: Builder, uid: u32) -> Container {
        Container::prepared(builder, uid, |_| ())
    }

    /// The same, with something that its image has done before any start.
    #[track_caller]
    pub fn prepared(builder: Builder, uid: u32, prepare: fn(&S6Lab)) -> Container {
        let lab = builder.clone().start();
        prepare(&lab);
        Container { lab, uid, builder, prepare }
    }

    /// Its next start, with the same volume.
    #[track_caller]
    pub fn restart(self) -> Container {
        let next = Container::prepared(self.builder.clone(), self.uid, self.prepare);
        self.lab.carry(self.volume(), &next.lab);
        next
    }

    /// What the volume holds.
    fn volume(&self) -> &'static str {
        if self.uid == 0 { "/var/lib/anysvc" } else { "/home/app/.local" }
    }

    /// The state folder.
    pub fn state(&self) -> &'static str {
        if self.uid == 0 { "/var/lib/anysvc" } else { "/home/app/.local/state/anysvc" }
    }

    /// `anysvc`, as the user.
    #[track_caller]
    pub fn anysvc<I: IntoIterator<Item: AsRef<OsStr>>>(&self, args: I) -> Enter<'_> {
        self.lab.anysvc(args).uid(self.uid)
    }

    /// Runs what may end in any way.
    #[track_caller]
    pub fn run(&self, args: &[&str]) -> Ended<'_> {
        self.anysvc(args).run().any()
    }

    /// Runs what has to succeed.
    #[track_caller]
    pub fn must(&self, args: &[&str]) -> Ended<'_> {
        self.anysvc(args).run().success()
    }

    /// Registers a service that runs until it is told to end.
    #[track_caller]
    pub fn sleeper(&self, name: &str, options: &[&str]) {
        self.must(&[&["register", name, "--settle", "0"][..], options, &["--", "sleep", "1000"]].concat());
    }

    /// The same, until nothing of it is on its way any more: its program runs, if it is to, and its logger.
    #[track_caller]
    pub fn sleeper_at_work(&self, name: &str, options: &[&str]) {
        self.sleeper(name, options);
        self.is_at_work(name);
    }

    /// Waits until nothing of such a service is on its way any more.
    #[track_caller]
    pub fn is_at_work(&self, name: &str) {
        self.lab.wait_until(&format!("`{name}` is its program"), || {
            let status = self.status(name);
            let pid = status["pid"].as_u64().and_then(|pid| pid.try_into().ok());
            let is_program = || pid.and_then(|pid| self.lab.comm(pid)).is_some_and(|comm| comm == "sleep");
            status["state"] == "stopped" || status["state"] == "failed" || is_program()
        });
        let log = format!("{}/logs/{name}/current", self.state());
        self.lab.wait_until(&format!("the logger of `{name}` writes"), || self.lab.exists(&log));
    }

    /// One service of each sort that a boot tells apart.
    #[track_caller]
    pub fn one_of_each(&self) {
        self.sleeper("ran", &[]);
        self.sleeper("rested", &[]);
        self.must(&["stop", "rested"]);
        self.sleeper("always", &["--boot", "up"]);
        self.must(&["stop", "always"]);
        self.sleeper("never", &["--boot", "down"]);
    }

    /// Reconciles after a boot: what this said, after which each of [`Container::one_of_each`] is as it is to
    /// be then.
    #[track_caller]
    pub fn comes_back(&self) -> Reconciled {
        let reconciled = self.reconciled(&[]);
        assert!(reconciled.at_boot() && reconciled.code == Some(0), "{reconciled:?}");
        assert_eq!(self.is("ran"), words("running", "up"));
        assert_eq!(self.is("rested"), words("stopped", "down"));
        assert_eq!(self.is("always"), words("running", "up"), "boot = up starts what was stopped");
        assert_eq!(self.is("never"), words("stopped", "down"), "boot = down starts nothing");
        let again = self.reconciled(&[]);
        assert!(!again.at_boot() && again.is_idle() && again.code == Some(0), "{again:?}");
        reconciled
    }

    /// A script at the same path after each start.
    #[track_caller]
    pub fn script(&self, path: &str, text: &str) {
        self.lab.write(path, APP, 0o755, format!("#!/bin/sh\n{text}\n"));
    }

    /// The service in `status NAME --json`.
    #[track_caller]
    pub fn status(&self, name: &str) -> Value {
        self.run(&["status", name, "--json"]).json()["services"][0].clone()
    }

    /// Its state.
    #[track_caller]
    pub fn state_of(&self, name: &str) -> String {
        self.status(name)["state"].as_str().unwrap_or("none").to_owned()
    }

    /// Its state, and what is wanted of it.
    #[track_caller]
    pub fn is(&self, name: &str) -> (String, String) {
        let status = self.status(name);
        let word = |key: &str| status[key].as_str().unwrap_or("none").to_owned();
        (word("state"), word("desired"))
    }

    /// What a reconcile says.
    #[track_caller]
    pub fn reconciled(&self, options: &[&str]) -> Reconciled {
        let ended = self.run(&[&["reconcile", "--json"][..], options].concat());
        Reconciled { code: ended.code(), document: ended.json() }
    }
}

/// What a reconcile said.
#[derive(Debug)]
pub struct Reconciled {
    /// Its exit code.
    pub code: Option<i32>,
    /// Its document.
    pub document: Value,
}

impl Reconciled {
    /// Whether it took this for a boot.
    pub fn at_boot(&self) -> bool {
        self.document["boot"] == true
    }

    /// One service in it.
    pub fn service(&self, name: &str) -> &Value {
        let services = self.document["services"].as_array();
        let found = services.and_then(|all| all.iter().find(|service| service["name"] == name));
        found.unwrap_or(&Value::Null)
    }

    /// What was done with a service, and how it had been found.
    pub fn said(&self, name: &str) -> (String, String) {
        let service = self.service(name);
        let word = |key: &str| service[key].as_str().unwrap_or("none at all").to_owned();
        (word("action"), word("prior"))
    }

    /// Nothing was to be done for any service.
    pub fn is_idle(&self) -> bool {
        let services = self.document["services"].as_array().cloned().unwrap_or_default();
        services.iter().all(|service| service["action"] == "none")
    }
}

/// Two words, to compare with.
pub fn words(one: &str, other: &str) -> (String, String) {
    (one.to_owned(), other.to_owned())
}
