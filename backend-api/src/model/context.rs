//! What a backend is told when it is opened, and what its probe answers. A backend gathers no facts
//! about the machine by itself: the host did so, once.

use std::path::PathBuf;

use super::{Bytes, Value};
use crate::wire::{wire_enum, wire_struct};

wire_enum! {
    /// Whose manager is meant.
    pub enum Scope {
        /// The machine's.
        System = 1 "system",
        /// The calling user's.
        User = 2 "user",
    }
}

wire_struct! { must:
    /// The account that the command runs as.
    pub struct User {
        /// Its number.
        pub uid: u32,
        /// Its primary group.
        pub gid: u32,
        /// Its supplementary groups.
        pub groups: Vec<u32>,
        /// Its name, if it has one.
        pub name: Option<String>,
        /// Its home in the account database, if it has one.
        pub home: Option<PathBuf>,
    }
}

wire_struct! { lenient:
    /// Facts about the machine, as the host read them.
    #[derive(Default)]
    pub struct Facts {
        /// The name of process 1's program.
        pub pid1_comm: Option<String>,
        /// The arguments of process 1, its own name first.
        pub pid1_args: Vec<Bytes>,
        /// The caller's PATH; empty when it must not count.
        pub path: Vec<PathBuf>,
        /// The installed `anysvc` program, which becomes a backend's helper process when it is run as
        /// `anysvc backend-main ID ARGS`.
        pub program: Option<PathBuf>,
        /// The caller's XDG_RUNTIME_DIR, as it was given; empty when it must not count.
        pub runtime_dir: Option<PathBuf>,
    }
}

wire_struct! { lenient:
    /// All that a backend is opened with.
    pub struct Context {
        /// Whose manager.
        pub scope: Scope,
        /// Who asks.
        pub user: User,
        /// Facts about the machine.
        pub facts: Facts,
        /// The folder for state: a backend may keep files in `backend-ID` below it.
        pub state_dir: PathBuf,
        /// The `[backend.ID]` table of the configuration: a map.
        pub settings: Value,
        /// Nothing is to be changed, not even on the way to an answer: what can't be told without, is not.
        pub look_only: bool,
    }
}

wire_struct! { lenient:
    /// What a backend that answers says of its manager.
    #[derive(Default)]
    pub struct Probe {
        /// The manager's version, if it tells.
        pub version: Option<String>,
        /// Where and how it is reached: lines for `detect --explain`.
        pub facts: Vec<String>,
        /// What the operator ought to know.
        pub warnings: Vec<String>,
        /// Which start of the manager this is, if that can be told: another text after each. One that was
        /// killed over a restart of its own, or executed anew, is still the same.
        pub boot: Option<String>,
    }
}

impl Context {
    /// An ordinary user on a machine of which nothing is known, for tests of backends.
    pub fn for_tests() -> Context {
        Context {
            scope: Scope::User,
            user: User { uid: 10000, gid: 10000, groups: Vec::new(), name: None, home: None },
            facts: Facts::default(),
            state_dir: PathBuf::from("/nonexistent"),
            settings: Value::Null,
            look_only: false,
        }
    }
}
