//! A way to a manager: whose it is, and by which of its two sockets it is spoken to.

use super::SystemdLab;
use crate::enter::Enter;
use crate::outcome::Ended;
use std::os::unix::fs::{chown, symlink};

/// Where a manager listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Socket {
    /// Through a bus, as everybody may.
    Bus,
    /// Its own, which is lost when it is re-executed.
    Private,
}

/// Somebody in a laboratory, whose `anysvc` has one of the sockets alone.
#[derive(Clone, Copy, Debug)]
pub struct Way<'lab> {
    /// Where.
    pub lab: &'lab SystemdLab,
    /// Who.
    pub uid: u32,
    socket: Socket,
}

impl<'lab> Way<'lab> {
    /// For root or [`APP`](crate::APP), who have managers.
    #[track_caller]
    pub fn new(lab: &'lab SystemdLab, uid: u32, socket: Socket) -> Self {
        let way = Self { lab, uid, socket };
        if uid != 0 {
            // In which the lock of those who change units is, too.
            let folder = lab.path(way.runtime());
            std::fs::create_dir_all(folder.join("systemd"))
                .and_then(|()| chown(&folder, Some(uid), Some(uid)))
                .and_then(|()| chown(folder.join("systemd"), Some(uid), Some(uid)))
                .and_then(|()| symlink(format!("/run/user/{uid}/{}", way.name()), lab.path(way.path())))
                .expect("a runtime folder with one socket can be made");
        }
        way
    }

    /// A runtime folder in which only this socket is.
    fn runtime(self) -> String {
        format!("/srv/by-{:?}-{}", self.socket, self.uid)
    }

    /// Where a user's socket is in a runtime folder.
    fn name(self) -> &'static str {
        match self.socket {
            Socket::Bus => "bus",
            Socket::Private => "systemd/private",
        }
    }

    /// The socket, as `anysvc -v` names it.
    pub fn path(self) -> String {
        match (self.uid, self.socket) {
            (0, Socket::Bus) => "/run/dbus/system_bus_socket".to_owned(),
            (0, Socket::Private) => "/run/systemd/private".to_owned(),
            _ => format!("{}/{}", self.runtime(), self.name()),
        }
    }

    /// `anysvc`, from which the other socket is hidden.
    pub fn anysvc(self, args: &[&str]) -> Enter<'lab> {
        if self.uid != 0 {
            return self.lab.anysvc(args).uid(self.uid).env("XDG_RUNTIME_DIR", self.runtime());
        }
        let hide = match self.socket {
            Socket::Bus => "mount --bind /dev/null /run/systemd/private",
            Socket::Private => "mount -t tmpfs none /run/dbus",
        };
        let script = format!("{hide} && exec anysvc \"$@\"");
        self.lab.command("unshare").args(["--mount", "sh", "-c", &script, "anysvc"]).args(args)
    }

    /// `systemctl` for the manager, by whatever socket it takes.
    #[track_caller]
    pub fn systemctl(self, args: &[&str]) -> Ended<'lab> {
        let scope = if self.uid == 0 { "--system" } else { "--user" };
        self.lab.systemctl([&[scope], args].concat()).uid(self.uid).run().any()
    }

    /// The same, where it has to succeed.
    #[track_caller]
    pub fn must(self, args: &[&str]) -> String {
        let ended = self.systemctl(args);
        assert_eq!(ended.code(), Some(0), "{args:?} by {self:?}: {}", ended.stderr());
        ended.stdout()
    }

    /// What the manager says of a unit.
    #[track_caller]
    pub fn property(self, unit: &str, property: &str) -> String {
        self.must(&["show", unit, "--value", "-p", property]).trim().to_owned()
    }

    /// Writes a unit that is not ours, for the next reload.
    #[track_caller]
    pub fn unit(self, name: &str, lines: &str) {
        let folder = if self.uid == 0 { "/etc/systemd/system" } else { "/home/app/.config/systemd/user" };
        let text = format!("[Service]\nType=exec\n{lines}\n");
        self.lab.write(format!("{folder}/{name}.service"), self.uid, 0o644, text);
    }
}
