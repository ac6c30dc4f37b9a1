//! Which sockets the manager of a scope is on, which of them is best for what is to be done, and what to
//! do where there is none.
//!
//! One question is quickest over the bus, which takes greeting and question in one go. A thousand jobs over
//! the bus break process 1's own connection to it, so that root takes the private socket for many. A user's
//! manager need not have a bus at all: there the private socket comes first.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use anysvc_backend_api::{Context, Deadline, Error, ErrorKind, Result, Scope, User};

use super::{calls::Manager, failure::broken};
use crate::bus::{Fault, Kind, Peer};

/// Where a user's manager is below his runtime folder.
const SOCKETS: [(&str, Kind); 2] = [("systemd/private", Kind::Direct), ("bus", Kind::Bus)];

/// What is there where systemd started the machine.
const BOOTED: &str = "/run/systemd/system";

/// How much there is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// A few calls.
    Little,
    /// Many.
    Much,
}

impl Work {
    /// For so many services.
    pub(crate) fn on(services: usize) -> Work {
        // About where the private socket's slower beginning has paid.
        if services < 8 { Work::Little } else { Work::Much }
    }
}

/// No way led to the manager.
#[derive(Clone, Debug)]
pub(crate) struct Closed {
    /// As users are told.
    pub(crate) why: Error,
    /// Somebody was there, and left.
    pub(crate) left: bool,
}

/// The ways to a manager.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    scope: Scope,
    user: User,
    /// The folder of a user's sockets, and what was said of it.
    runtime: Option<PathBuf>,
    /// Why the runtime folder that the caller named is not used.
    pub(crate) note: Option<String>,
    pid1: Option<String>,
}

impl Gate {
    /// For the caller's scope. Looks at the runtime folder only.
    pub(crate) fn of(context: &Context) -> Gate {
        let mut gate = Gate {
            scope: context.scope,
            user: context.user.clone(),
            runtime: None,
            note: None,
            pid1: context.facts.pid1_comm.clone(),
        };
        if context.scope == Scope::User {
            let uid = context.user.uid;
            let usual = PathBuf::from(format!("/run/user/{uid}"));
            let named = context.facts.runtime_dir.as_deref();
            let named = named.map(|path| (path, owned(path, uid).and_then(|()| has_socket(path))));
            let there = owned(&usual, uid).is_ok();
            gate.runtime = match named {
                Some((path, Ok(()))) => Some(path.to_owned()),
                Some((path, Err(why))) if path != usual => {
                    gate.note = Some(format!("XDG_RUNTIME_DIR={} is not used: {why}", path.display()));
                    there.then_some(usual)
                }
                _ => there.then_some(usual),
            };
        }
        gate
    }

    /// The runtime folder of a user that has one.
    pub(crate) fn runtime(&self) -> Option<&Path> {
        self.runtime.as_deref()
    }

    /// Whose manager.
    pub(crate) fn scope(&self) -> Scope {
        self.scope
    }

    /// Connects, by the way that is best for the work, or by one that is there.
    ///
    /// # Errors
    /// `manager-unavailable` or `permission-denied`, with the reason and what to do.
    pub(crate) fn open(&self, work: Work, deadline: Deadline) -> Result<Manager, Closed> {
        let mut faults = Vec::new();
        for peer in self.peers(work) {
            match peer.connect(deadline) {
                Ok(connection) => {
                    log::debug!("systemd is reached on {}", peer.socket.display());
                    return Ok(Manager::new(connection, peer, self.scope));
                }
                Err(Fault::Late) => return Err(Closed { why: broken(&Fault::Late), left: false }),
                Err(fault) => faults.push(fault),
            }
        }
        let left = faults.iter().any(|fault| matches!(fault, Fault::Lost(_)));
        Err(Closed { why: self.nobody(&faults, Path::new(BOOTED).exists()), left })
    }

    /// The folders in which sockets appear when what listens there is started again.
    pub(crate) fn folders(&self) -> Vec<PathBuf> {
        self.peers(Work::Much).iter().filter_map(|peer| Some(peer.socket.parent()?.to_owned())).collect()
    }

    /// Whether there is a socket of the manager's own for us, whoever listens there.
    pub(crate) fn has_own_socket(&self) -> bool {
        let own = |peer: &Peer| peer.kind == Kind::Direct && peer.socket.exists();
        self.peers(Work::Much).iter().any(own)
    }

    fn peers(&self, work: Work) -> Vec<Peer> {
        let uid = self.user.uid;
        let system = |socket: &str, kind| Peer { socket: socket.into(), kind, uid: 0 };
        let bus = || system("/run/dbus/system_bus_socket", Kind::Bus);
        let private = || system("/run/systemd/private", Kind::Direct);
        match (self.scope, &self.runtime) {
            (Scope::System, _) if uid != 0 => vec![bus()],
            (Scope::System, _) if work == Work::Little => vec![bus(), private()],
            (Scope::System, _) => vec![private(), bus()],
            (Scope::User, Some(runtime)) => {
                SOCKETS.map(|(socket, kind)| Peer { socket: runtime.join(socket), kind, uid }).into()
            }
            (Scope::User, None) => Vec::new(),
        }
    }

    /// The error for a machine or a user without a manager that answers; `booted` is whether systemd started the
    /// machine, as sd_booted(3) has it.
    fn nobody(&self, faults: &[Fault], booted: bool) -> Error {
        let unavailable = |message: String| Error::new(ErrorKind::ManagerUnavailable, message);
        if let Some(comm) = self.pid1.as_deref().filter(|comm| !["systemd", "init"].contains(comm)) {
            let left = if booted { format!(": {BOOTED} is there for another reason") } else { String::new() };
            return unavailable(format!("process 1 is `{}`, not systemd{left}", comm.escape_debug()))
                .with_hint("`--backend local` needs no service manager");
        }
        if !booted {
            let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
            return unavailable(format!("this machine was not started by systemd: there is no {BOOTED}"))
                .with_hint(how_to_start_it(&kernel));
        }
        let why = faults.iter().map(|fault| match fault {
            Fault::Absent(why) | Fault::Lost(why) | Fault::Refused(why) => why.clone(),
            other => broken(other).message,
        });
        let why = why.collect::<Vec<_>>().join("; ");
        let note = self.note.as_ref().map(|note| format!(" ({note})")).unwrap_or_default();
        match (self.scope, &self.runtime) {
            (Scope::System, _) => unavailable(format!("systemd can't be reached: {why}")).with_hint(
                "start the bus (`systemctl start dbus.socket`), become root, or use `--backend local`",
            ),
            (Scope::User, Some(runtime)) => unavailable(format!(
                "no systemd of uid {} answers in {}: {why}{note}",
                self.user.uid,
                runtime.display()
            ))
            .with_hint(self.how_to_have_one()),
            (Scope::User, None) => {
                let uid = self.user.uid;
                unavailable(format!("uid {uid} has no systemd of its own: there is no /run/user/{uid}{note}"))
                    .with_hint(self.how_to_have_one())
            }
        }
    }

    fn how_to_have_one(&self) -> String {
        let name = self.user.name.clone().unwrap_or_else(|| self.user.uid.to_string());
        format!(
            "`loginctl enable-linger {name}` starts one at boot without a login; `--backend local` needs none"
        )
    }
}

/// What to do on a machine without systemd, of which this is the kernel.
fn how_to_start_it(kernel: &str) -> &'static str {
    match kernel.to_ascii_lowercase().contains("microsoft") {
        true => {
            "WSL starts it with `systemd=true` below `[boot]` in /etc/wsl.conf, after `wsl --shutdown`; \
             `--backend local` needs none"
        }
        false => "`--backend local` needs no service manager",
    }
}

/// Whether a folder is there and belongs to a user; the reason if not.
fn owned(path: &Path, uid: u32) -> Result<(), String> {
    match fs::symlink_metadata(path) {
        Ok(found) if !found.is_dir() => Err("it is no folder".to_owned()),
        Ok(found) if found.uid() != uid => Err(format!("it belongs to uid {}", found.uid())),
        Ok(_) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

/// Whether a user's systemd, or a bus, could be reached there.
fn has_socket(runtime: &Path) -> Result<(), String> {
    let there = SOCKETS.iter().any(|(socket, _)| runtime.join(socket).exists());
    if there { Ok(()) } else { Err("there is no socket of systemd or D-Bus in it".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(scope: Scope, uid: u32) -> Context {
        let mut context = Context::for_tests();
        context.scope = scope;
        context.user.uid = uid;
        context
    }

    fn sockets(gate: &Gate, work: Work) -> Vec<String> {
        gate.peers(work).iter().map(|peer| peer.socket.display().to_string()).collect()
    }

    #[test]
    fn root_takes_the_private_socket_for_much_and_others_can_not() {
        let root = Gate::of(&context(Scope::System, 0));
        assert_eq!(sockets(&root, Work::Little)[0], "/run/dbus/system_bus_socket");
        assert_eq!(sockets(&root, Work::Much)[0], "/run/systemd/private");
        let other = Gate::of(&context(Scope::System, 10_000));
        assert_eq!(sockets(&other, Work::Much), ["/run/dbus/system_bus_socket"]);
    }

    #[test]
    fn a_runtime_folder_of_somebody_else_is_not_used_and_that_is_said() {
        let mut context = context(Scope::User, 4_000_000);
        context.facts.runtime_dir = Some("/proc".into());
        let gate = Gate::of(&context);
        assert!(gate.note.as_ref().is_some_and(|note| note.contains("/proc") && note.contains("uid 0")));
        let error = gate.nobody(&[], true);
        assert_eq!(error.kind, ErrorKind::ManagerUnavailable);
        assert!(error.message.contains("/run/user/4000000"), "{}", error.message);
        assert!(error.hint.is_some_and(|hint| hint.contains("enable-linger")));
    }

    #[test]
    fn a_runtime_folder_without_sockets_is_not_used_and_that_is_said() {
        let folder = std::env::temp_dir().join(format!("anysvc-gate-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let uid = fs::metadata(&folder).unwrap().uid();
        let mut context = context(Scope::User, uid);
        context.facts.runtime_dir = Some(folder.clone());
        let gate = Gate::of(&context);
        assert!(gate.note.as_ref().is_some_and(|note| note.contains("no socket of systemd")), "{gate:?}");
        assert_ne!(gate.runtime.as_ref(), Some(&folder));
        fs::write(folder.join("bus"), "").unwrap();
        let gate = Gate::of(&context);
        assert_eq!((gate.note, gate.runtime.as_ref()), (None, Some(&folder)));
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn where_systemd_did_not_start_the_machine_that_is_the_reason() {
        for scope in [Scope::System, Scope::User] {
            let error = Gate::of(&context(scope, 0)).nobody(&[], false);
            assert_eq!(error.kind, ErrorKind::ManagerUnavailable);
            assert!(error.message.contains("not started by systemd"), "{}", error.message);
        }
    }

    #[test]
    fn on_wsl_it_is_said_how_to_have_systemd() {
        assert!(how_to_start_it("5.15.167.4-microsoft-standard-WSL2\n").contains("/etc/wsl.conf"));
        assert!(how_to_start_it("4.4.0-19041-Microsoft\n").contains("/etc/wsl.conf"));
        let elsewhere = how_to_start_it("6.1.0-18-amd64\n");
        assert!(!elsewhere.contains("wsl") && elsewhere.contains("--backend local"));
    }

    #[test]
    fn left_overs_of_systemd_under_another_process_1_are_told() {
        let mut context = context(Scope::User, 4_000_000);
        context.facts.pid1_comm = Some("tini".into());
        let gate = Gate::of(&context);
        assert_eq!(
            gate.open(Work::Little, Deadline::NONE).unwrap_err().why.kind,
            ErrorKind::ManagerUnavailable
        );
        for booted in [true, false] {
            let error = gate.nobody(&[], booted);
            assert!(error.message.contains("`tini`"), "{}", error.message);
            assert_eq!(error.message.contains(BOOTED), booted, "{}", error.message);
        }
    }
}
