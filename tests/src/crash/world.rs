//! One user's services in a laboratory, and what must hold there whatever happened to those who
//! worked on them: seen from outside, by what runs and what is there, not by anybody's word.

use crate::enter::Enter;
use crate::{APP, S6Lab, Scandir, machine};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What is there beside services: s6-svscan's own, and the service that is app's whole tree.
const NOT_SERVICES: [&str; 2] = [".s6-svscan", "app-tree"];
/// A little less than [`Lab::wait_until`](crate::Lab::wait_until) has, so that it is we who say what is wrong.
const PATIENCE: Duration = Duration::from_secs(29);

/// One user in one laboratory.
#[derive(Debug)]
pub struct World {
    /// The laboratory.
    pub lab: S6Lab,
    /// The user.
    pub uid: u32,
    /// The scandir that serves him.
    pub scandir: &'static str,
}

/// A supervisor that lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Supervisor {
    /// Its process, by its id out here.
    pub pid: u32,
    /// Its folder, from the scandir on: `web`, `web/log`. A leading dot means one that was
    /// renamed out of sight, or never was in sight.
    pub folder: String,
    /// There is a `run` in it.
    pub complete: bool,
}

impl World {
    /// Root in a laboratory of root's.
    pub fn root() -> Self {
        Self::new(0, Scandir::Root)
    }

    /// [`APP`] in root's scandir, which was handed to him.
    pub fn shared() -> Self {
        Self::new(APP, Scandir::Shared)
    }

    /// [`APP`] in a tree of his own, under root's.
    pub fn nested() -> Self {
        Self::new(APP, Scandir::Nested)
    }

    fn new(uid: u32, kind: Scandir) -> Self {
        let lab = S6Lab::new().scandir(kind).svscan_args("-c 12000").start();
        let scandir = lab.scandir();
        Self { lab, uid, scandir }
    }

    /// `anysvc`, as the user.
    #[track_caller]
    pub fn anysvc<I: IntoIterator<Item: AsRef<OsStr>>>(&self, args: I) -> Enter<'_> {
        self.lab.anysvc(args).uid(self.uid)
    }

    /// Whether the user's store has an entry of that name.
    pub fn stored(&self, name: &str) -> bool {
        self.lab.exists(self.state().join("services").join(format!("{name}.toml")))
    }

    /// Removes the store and the logs, as if the user had never registered anything.
    pub fn forget(&self) {
        match std::fs::remove_dir_all(self.lab.path(self.state())) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                panic!("removing the store: {error}")
            }
            _ => (),
        }
    }

    /// Where the user's services are remembered, and their logs are.
    pub fn state(&self) -> &'static Path {
        Path::new(if self.uid == 0 { "/var/lib/anysvc" } else { "/home/app/.local/state/anysvc" })
    }

    /// Whether the scandir has a service directory of that name.
    pub fn published(&self, name: &str) -> bool {
        self.lab.exists(Path::new(self.scandir).join(name))
    }

    /// The supervisors of the scandir, in the order of their folders.
    pub fn supervisors(&self) -> Vec<Supervisor> {
        let namespace = |pid: u32| std::fs::read_link(format!("/proc/{pid}/ns/pid")).ok();
        let wanted = namespace(self.lab.pid1());
        let supervises =
            |pid: u32| std::fs::read(format!("/proc/{pid}/comm")).is_ok_and(|name| name == b"s6-supervise\n");
        // What a supervisor has begun has its name until it becomes the service.
        let begun = |pid: u32| machine::parent(pid).is_some_and(supervises);
        let mut found: Vec<_> = machine::pids()
            .filter(|&pid| supervises(pid) && namespace(pid) == wanted && !begun(pid))
            .filter_map(|pid| self.supervisor(pid))
            .collect();
        found.sort_by(|a, b| a.folder.cmp(&b.folder));
        found
    }

    fn supervisor(&self, pid: u32) -> Option<Supervisor> {
        let cwd = PathBuf::from(format!("/proc/{pid}/cwd"));
        let before = std::fs::read_link(&cwd).ok()?;
        let complete = cwd.join("run").exists();
        // Looked at again: one that ended meanwhile has none, and is no supervisor any more, and one that came
        // to its folder meanwhile was looked at where its s6-svscan is.
        let shown = std::fs::read_link(&cwd).ok().filter(|shown| *shown == before)?;
        let folder = shown.strip_prefix(self.scandir).ok()?.to_str()?;
        // One that has just been made is still where its s6-svscan is.
        let counts = !folder.is_empty() && !NOT_SERVICES.contains(&folder);
        counts.then(|| Supervisor { pid, folder: folder.to_owned(), complete })
    }

    /// The names in the scandir: services first, then what is out of sight.
    pub fn entries(&self) -> (Vec<String>, Vec<String>) {
        let listed = std::fs::read_dir(self.lab.path(self.scandir)).into_iter().flatten().flatten();
        let mut names: Vec<_> = listed.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.retain(|name| !NOT_SERVICES.contains(&&**name));
        names.sort();
        names.into_iter().partition(|name| !name.starts_with('.'))
    }

    /// The FIFOs by which somebody listens, or did, to the supervisor of a service.
    pub fn listeners(&self, name: &str) -> Vec<String> {
        let event = self.lab.path(self.scandir).join(name).join("event");
        let listed = std::fs::read_dir(event).into_iter().flatten().flatten();
        listed.filter_map(|entry| entry.file_name().into_string().ok()).collect()
    }

    /// What is wrong at any time at all, in the middle of anything: a service directory in sight,
    /// or one that is supervised, that is not complete.
    pub fn half_built(&self) -> Vec<String> {
        let lacks_run = |name: &String| {
            let slot = self.lab.path(self.scandir).join(name);
            // Asked twice, since it may be taken out, in one piece, between the two.
            !slot.join("run").exists() && slot.exists()
        };
        let halves =
            self.entries().0.into_iter().filter(lacks_run).map(|name| format!("{name} has no `run`"));
        let incomplete = self.supervisors().into_iter().filter(|supervisor| !supervisor.complete);
        let blind =
            incomplete.map(|supervisor| format!("{} is supervised without a `run`", supervisor.folder));
        halves.chain(blind).collect()
    }

    /// What is wrong when nobody is at work: besides what always is, a service or logger without
    /// a supervisor (limbo) or with two, and a supervisor of what is no service. (Left-overs that
    /// nobody supervises are in nobody's way: [`World::entries`] has them.)
    pub fn unsettled(&self) -> Vec<String> {
        let mut wrong = self.half_built();
        let (services, _) = self.entries();
        let has_log = |name: &&String| self.lab.exists(Path::new(self.scandir).join(name).join("log"));
        let mut wanted: Vec<_> = services.iter().filter(has_log).map(|name| format!("{name}/log")).collect();
        wanted.extend(services);
        let all = self.supervisors();
        for folder in &wanted {
            let count = all.iter().filter(|supervisor| supervisor.folder == *folder).count();
            if count != 1 {
                wrong.push(format!("{folder} has {count} supervisors"));
            }
        }
        let strays = all.into_iter().filter(|supervisor| !wanted.contains(&supervisor.folder));
        wrong.extend(
            strays.map(|supervisor| format!("{} is supervised and is no service", supervisor.folder)),
        );
        wrong
    }

    /// Waits until all is settled; panics with what is not.
    #[track_caller]
    pub fn settles(&self, when: &str) {
        let (mut wrong, begun) = (Vec::new(), Instant::now());
        self.lab.wait_until(when, || {
            wrong = self.unsettled();
            wrong.is_empty() || begun.elapsed() > PATIENCE
        });
        assert!(wrong.is_empty(), "{when}:\n  {}\n{}", wrong.join("\n  "), self.lab.scene());
    }

    /// Reconciles until all is at rest; panics with what is not. The supervisor that s6-svscan began for what
    /// was renamed away a moment later finds by name what took its place, and leaves that when s6-svscan
    /// prunes it: maybe only after the first pass has looked. And a pass leaves alone what is just stopping.
    #[track_caller]
    pub fn reconcile(&self) {
        let mut last = serde_json::Value::Null;
        for _ in 0..3 {
            self.lab.wait_until("nothing is just stopping", || {
                let listed = self.anysvc(["list", "--json"]).run().any().json();
                let services = listed["services"].as_array().cloned().unwrap_or_default();
                services.iter().all(|service| service["state"] != "stopping")
            });
            self.anysvc(["reconcile"]).run().success();
            self.settles("reconciled");
            last = self.anysvc(["reconcile", "--json"]).run().success().json();
            let services = last["services"].as_array().cloned().unwrap_or_default();
            let rests =
                |service: &serde_json::Value| service["action"] == "none" && service["state"] != "stopping";
            if services.iter().all(rests) {
                return;
            }
        }
        panic!("it is not at rest: {last}");
    }

    /// What s6 complained of that can't be seen any more: a supervisor where there was nothing to
    /// run, a scan that ended early.
    pub fn complaints(&self) -> Vec<String> {
        const OURS: [&str; 2] = ["unable to spawn", "s6-svscan: fatal"];
        let log = self.lab.console();
        let ours = log.lines().filter(|line| OURS.iter().any(|words| line.contains(words)));
        ours.map(str::to_owned).collect()
    }
}
