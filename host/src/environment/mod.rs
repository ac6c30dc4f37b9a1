//! Facts about the caller and the machine: gathered once, lazily, and handed on. No decisions are made
//! here, and nothing downstream reads the environment again. This module must not know any service
//! manager, nor what a manifest or a configuration says.

mod account;
mod caller;
mod facts;
mod machine;
mod state_dir;
mod variables;

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    sync::OnceLock,
};

use anysvc_backend_api::{Context, Facts, Result, Scope, User, Value};

use crate::trust::Owners;
use account::Account;
pub use caller::Caller;
pub use facts::{Answer, Fact, FactSource, Question};
pub(crate) use machine::FIXED_PATH;
use machine::Machine;
pub use state_dir::{StateDir, StateDirSource};
pub use variables::Variables;

/// What the command line said instead of the environment.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--state-dir`.
    pub state_dir: Option<PathBuf>,
    /// `--backend-path`, one entry for each time it was given; each may be a list like PATH.
    pub backend_path: Vec<OsString>,
    /// The installed `anysvc` program. Its own `main` says so, with `current_exe`; a program that embeds
    /// this library leaves it out or names the one that it found.
    pub program: Option<PathBuf>,
}

/// The caller and the machine, as far as they were asked for.
///
/// When the caller is elevated (a setuid copy, file capabilities, differing ids), environment variables
/// count for nothing, whoever asks: [`Environment::variable`] is the one door to them.
#[derive(Debug)]
pub struct Environment {
    overrides: Overrides,
    caller: Caller,
    variables: Variables,
    machine: Machine,
    account: OnceLock<Account>,
}

impl Environment {
    /// Looks at who calls. Everything else is read when it is first asked for.
    pub fn gather(overrides: Overrides) -> Environment {
        Environment::assemble(overrides, Caller::current(), Variables::of_this_process())
    }

    /// An environment of given parts, for programs that embed this library, and for tests.
    pub fn assemble(overrides: Overrides, caller: Caller, variables: Variables) -> Environment {
        let variables = if caller.elevated() { Variables::none() } else { variables };
        let path = machine::command_path(&caller, &variables);
        let machine = Machine::new(path, variables.clone());
        Environment { overrides, caller, variables, machine, account: OnceLock::new() }
    }

    /// What the command line said.
    pub fn overrides(&self) -> &Overrides {
        &self.overrides
    }

    /// The installed `anysvc` program, if it is known.
    pub fn program(&self) -> Option<&Path> {
        self.overrides.program.as_deref()
    }

    /// Who calls.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Whose files may be acted on: root's, and the caller's own unless it is elevated.
    pub fn owners(&self) -> Owners {
        self.caller.owners()
    }

    /// An environment variable that may count: set, not empty, and the caller not elevated.
    pub fn variable(&self, name: &str) -> Option<OsString> {
        self.variables.get(name)
    }

    /// As [`Environment::variable`], but one that is set to nothing is set: for handing it on.
    pub fn variable_as_set(&self, name: &str) -> Option<OsString> {
        self.variables.as_set(name)
    }

    /// The folder that an `XDG_*` variable names, or the default below the home. Nothing for root and
    /// the elevated: what root does must not depend on whose session it was started from.
    pub fn xdg_folder(&self, variable: &str, below_home: &str) -> Option<PathBuf> {
        self.own_folder(variable).or_else(|| self.own(|| Some(self.home()?.join(below_home))))
    }

    /// The absolute path that a variable of the caller's session holds; nothing for root.
    fn own_folder(&self, variable: &str) -> Option<PathBuf> {
        self.own(|| self.variable(variable).map(PathBuf::from).filter(|path| path.is_absolute()))
    }

    /// What counts for ordinary callers only.
    fn own<T>(&self, read: impl FnOnce() -> Option<T>) -> Option<T> {
        if self.caller.is_root() || self.caller.elevated() { None } else { read() }
    }

    /// The caller's home: from the account database, else `$HOME`.
    pub fn home(&self) -> Option<PathBuf> {
        let listed = self.account().home.clone();
        listed.or_else(|| self.variable("HOME").map(PathBuf::from).filter(|home| home.is_absolute()))
    }

    /// The account that the command runs as.
    pub fn user(&self) -> User {
        let Caller { euid: uid, egid: gid, ref groups, .. } = self.caller;
        let Account { name, home } = self.account().clone();
        User { uid, gid, groups: groups.clone(), name, home }
    }

    /// The scope that is meant when none is named: root means the system's.
    pub fn default_scope(&self) -> Scope {
        if self.caller.is_root() { Scope::System } else { Scope::User }
    }

    /// Where the store is: `--state-dir`, `ANYSVC_STATE_DIR`, the configuration's `state-dir`,
    /// `XDG_STATE_HOME`, the listed home, `$HOME`; for the system's scope `/var/lib/anysvc`.
    ///
    /// # Errors
    /// `usage` when nothing says where it could be.
    pub fn state_dir(&self, configured: Option<&Path>, scope: Scope) -> Result<StateDir> {
        state_dir::resolve(self, configured, scope)
    }

    /// The facts that a backend is told.
    pub fn facts(&self) -> Facts {
        Facts {
            pid1_comm: self.machine.text(&Question::Pid1Comm),
            pid1_args: self.machine.pid1_args(),
            path: self.own(|| Some(self.machine.path().to_vec())).unwrap_or_default(),
            program: self.overrides.program.clone(),
            runtime_dir: self.own_folder("XDG_RUNTIME_DIR"),
        }
    }

    /// Every fact about the machine that was read so far, in the order of reading.
    pub fn facts_as_read(&self) -> Vec<Fact> {
        self.machine.as_read()
    }

    /// What a backend is opened with.
    pub fn context(&self, scope: Scope, state_dir: &Path, settings: Value) -> Context {
        let (user, facts) = (self.user(), self.facts());
        Context { scope, user, facts, state_dir: state_dir.to_owned(), settings, look_only: false }
    }

    fn account(&self) -> &Account {
        self.account.get_or_init(|| account::of(self.caller.euid))
    }
}

impl FactSource for Environment {
    fn ask(&self, question: &Question) -> Answer {
        self.machine.ask(question)
    }
}

/// Which start of the machine or container this is. Those on one kernel share its boot id, and each has a
/// process 1 of its own. Empty where nothing of that can be seen.
pub fn boot() -> String {
    let parts = [machine::kernel_boot(), machine::pid1_started()];
    parts.into_iter().flatten().collect::<Vec<String>>().join(" ")
}

/// The folders of a list like PATH; what is not absolute is left out.
pub(crate) fn absolute_folders(list: &OsStr) -> Vec<PathBuf> {
    std::env::split_paths(list).filter(|folder| folder.is_absolute()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boot_is_told_by_the_kernel_s_and_by_the_start_of_process_1() {
        let boot = boot();
        let words: Vec<&str> = boot.split(' ').collect();
        let [kernel, started] = words[..] else { panic!("{boot}") };
        assert_eq!(kernel.len(), 36, "the length of a UUID: {boot}");
        assert!(started.parse::<u64>().is_ok(), "{boot}");
    }
}
