//! The seam to the operating system. What is above it is the same everywhere and tested with a
//! simulated one; what is below knows processes, and nothing of policies, specs or files of logs.

mod launch;
#[cfg(target_os = "linux")]
pub mod unix;

use std::{fmt, io};

use anysvc_backend_api::Signal;

pub use self::launch::{Account, Launch, Notify, environment, expand};
use super::{machine::Moment, policy::Ending};

/// One launched process, for as long as this supervisor lives. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Run(pub u64);

/// A process, told from a later one with the same number by when it started. It leads its group, which
/// has the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its number.
    pub pid: u32,
    /// When it started, in the system's own unit; `None` where the system does not tell.
    pub started: Option<u64>,
    /// The uid that it was to run as.
    pub uid: u32,
}

/// Why a program does not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What could not be done, with what: "execute `/usr/bin/web`".
    pub what: String,
    /// The system's number for why.
    pub errno: i32,
}

/// What happened to a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Occurrence {
    /// It executes its program now.
    Executed(Run),
    /// It could not, and is gone.
    Refused(Run, Fault),
    /// It said that it is ready.
    Ready(Run),
    /// It said how it is doing.
    Says(Run, String),
    /// It wrote something, or nobody has its output open any more: [`Os::read`] tells.
    Output(Run),
    /// It ended, and the rest of its group was killed before its number was given back.
    Ended(Run, Ending),
}

/// The operating system, as far as supervision needs it. No call waits for anything.
pub trait Os {
    /// What time it is.
    fn now(&self) -> Moment;

    /// Makes a process that will execute a program in a session and group of its own, once it is
    /// [`release`](Os::release)d. Until then it holds still, and goes away if this process dies.
    ///
    /// # Errors
    /// When there can be no process, no account, or no descriptor for it.
    fn launch(&mut self, run: Run, launch: &Launch) -> Result<Identity, Fault>;

    /// Lets a launched process go on.
    fn release(&mut self, run: Run);

    /// Watches a process that an earlier supervisor launched. Whether it is still that process; if not,
    /// what is left of its group is killed, and there is nothing to watch.
    fn adopt(&mut self, run: Run, identity: &Identity) -> bool;

    /// Sends a signal to the main process.
    ///
    /// # Errors
    /// When the process is gone or may not be signalled.
    fn signal(&mut self, run: Run, signal: Signal) -> io::Result<()>;

    /// Kills a group, if its main process was not yet reported as ended.
    fn kill_group(&mut self, run: Run);

    /// Whether somebody of the group of a process that ended is left. `closely`: zombies do not count.
    fn group_left(&mut self, run: Run, closely: bool) -> bool;

    /// Reads from a process's output: 0 at its end, `WouldBlock` if there is nothing now.
    ///
    /// # Errors
    /// When it can't be read.
    fn read(&mut self, run: Run, buffer: &mut [u8]) -> io::Result<usize>;

    /// Forgets a process's output.
    fn close_output(&mut self, run: Run);

    /// Forgets a process that ended.
    fn forget(&mut self, run: Run);

    /// Adds what happened since the last time.
    ///
    /// # Errors
    /// When the system can't be asked.
    fn poll(&mut self, occurrences: &mut Vec<Occurrence>) -> io::Result<()>;

    /// Does something to files with the rights of an account.
    ///
    /// # Errors
    /// When these rights can't be taken, or those of `act`.
    fn as_account(
        &mut self,
        account: Option<&Account>,
        act: &mut dyn FnMut() -> io::Result<()>,
    ) -> io::Result<()>;

    /// The account that a spec names; `None` when it is this process's own.
    ///
    /// # Errors
    /// When there is no such account, or only root could use it.
    fn account(&self, user: Option<&str>, group: Option<&str>) -> Result<Option<Account>, Fault>;
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {}", self.what)?;
        // What has no number has been said in words.
        if self.errno != 0 { write!(f, ": {}", io::Error::from_raw_os_error(self.errno)) } else { Ok(()) }
    }
}
