//! Who calls: the process's ids, and whether it has more rights than who started it.

use crate::trust::Owners;

/// The ids of the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The real user.
    pub uid: u32,
    /// The effective user: what files and services are judged by.
    pub euid: u32,
    /// The real group.
    pub gid: u32,
    /// The effective group.
    pub egid: u32,
    /// The supplementary groups.
    pub groups: Vec<u32>,
    /// The kernel says that the program has more rights than its starter (AT_SECURE).
    pub secure: bool,
}

impl Caller {
    /// The ids of this process.
    pub fn current() -> Caller {
        use rustix::process::{getegid, geteuid, getgid, getgroups, getuid};
        let groups = getgroups().unwrap_or_default();
        Caller {
            uid: getuid().as_raw(),
            euid: geteuid().as_raw(),
            gid: getgid().as_raw(),
            egid: getegid().as_raw(),
            groups: groups.into_iter().map(rustix::process::Gid::as_raw).collect(),
            secure: started_with_more_rights(),
        }
    }

    /// An ordinary caller with these ids, in no other groups.
    pub fn plain(uid: u32, gid: u32) -> Caller {
        Caller { uid, euid: uid, gid, egid: gid, groups: Vec::new(), secure: false }
    }

    /// Whether who started the program may have fewer rights than it has: then nothing that the starter
    /// can set may count.
    pub fn elevated(&self) -> bool {
        self.secure || self.uid != self.euid || self.gid != self.egid
    }

    /// Whether what is done is done as root.
    pub fn is_root(&self) -> bool {
        self.euid == 0
    }

    /// Whose files may be acted on.
    pub fn owners(&self) -> Owners {
        if self.is_root() || self.elevated() { Owners::Root } else { Owners::RootAnd(self.euid) }
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn started_with_more_rights() -> bool {
    // SAFETY: getauxval reads the process's own auxiliary vector, whatever the argument.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}

#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
fn started_with_more_rights() -> bool {
    unsafe extern "C" {
        safe fn issetugid() -> i32;
    }
    issetugid() != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_difference_between_real_and_effective_ids_is_elevation() {
        assert!(!Caller::plain(0, 0).elevated());
        assert!(!Caller::plain(10_000, 10_000).elevated());
        let plain = Caller::plain(10_000, 10_000);
        for caller in [
            Caller { secure: true, ..plain.clone() },
            Caller { euid: 0, ..plain.clone() },
            Caller { egid: 0, ..plain.clone() },
            Caller { uid: 0, ..plain },
        ] {
            assert!(caller.elevated(), "{caller:?}");
            assert_eq!(caller.owners(), Owners::Root);
        }
    }

    #[test]
    fn a_caller_trusts_itself_and_root() {
        assert_eq!(Caller::plain(0, 0).owners(), Owners::Root);
        assert_eq!(Caller::plain(7, 7).owners(), Owners::RootAnd(7));
    }
}
