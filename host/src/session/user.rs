//! Another account, and becoming it for good. Only root can; what runs afterwards has none of root's
//! rights, groups or open ends left. This is the one place of the host that changes who it is.

use std::{
    ffi::{CStr, CString},
    io,
    path::PathBuf,
};

use anysvc_backend_api::{Error, ErrorKind, Result};

/// An account that can be become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its number.
    pub uid: u32,
    /// The group it acts as.
    pub gid: u32,
    /// Its supplementary groups.
    pub groups: Vec<u32>,
    /// Its name.
    pub name: String,
    /// Its home.
    pub home: PathBuf,
}

/// Entries of the account database are a few hundred bytes; what does not fit here is no account.
const LONGEST_ENTRY: usize = 64 * 1024;

impl Account {
    /// The account of a name, or of a number.
    ///
    /// # Errors
    /// `usage` when there is none.
    pub fn find(name: &str) -> Result<Account> {
        let unknown = || {
            let message = format!("there is no user `{}` on this machine", name.escape_debug());
            Error::new(ErrorKind::Usage, message)
        };
        let listed = CString::new(name).ok().and_then(|name| lookup(&name));
        let listed = listed.or_else(|| name.parse().ok().and_then(lookup_uid));
        let mut account = listed.ok_or_else(unknown)?;
        account.groups = groups_of(&account)?;
        Ok(account)
    }

    /// The same with another primary group.
    ///
    /// # Errors
    /// `usage` when there is no such group.
    pub fn with_group(mut self, group: &str) -> Result<Account> {
        self.gid = self::group(group)?;
        Ok(self)
    }

    /// Turns this process into one of that account. There is no way back: real, effective and saved ids
    /// are all changed, and it is made sure of.
    ///
    /// # Errors
    /// When the system refuses; the process must then end.
    pub fn become_for_good(&self) -> io::Result<()> {
        let checked = |code: libc::c_int| if code == 0 { Ok(()) } else { Err(io::Error::last_os_error()) };
        // SAFETY: the list is live and its length its own; the other calls take plain numbers. All of
        // them only change the ids of this process.
        unsafe {
            checked(libc::setgroups(self.groups.len() as _, self.groups.as_ptr()))?;
            checked(libc::setgid(self.gid))?;
            checked(libc::setuid(self.uid))?;
            // Were any of root's ids left, this would succeed.
            if self.uid != 0 && libc::setuid(0) == 0 {
                return Err(io::Error::other("root's rights came back"));
            }
        }
        Ok(())
    }
}

/// The number of a group, by its name or as a number.
///
/// # Errors
/// `usage` when there is none.
pub fn group(name: &str) -> Result<u32> {
    let listed = CString::new(name).ok().and_then(|name| lookup_group(&name));
    listed.or_else(|| name.parse().ok()).ok_or_else(|| {
        let message = format!("there is no group `{}` on this machine", name.escape_debug());
        Error::new(ErrorKind::Usage, message)
    })
}

fn lookup(name: &CStr) -> Option<Account> {
    entry(|entry, buffer, length, found| {
        // SAFETY: all pointers are to live, writable memory, and the length is the buffer's own.
        unsafe { libc::getpwnam_r(name.as_ptr(), entry, buffer, length, found) }
    })
}

fn lookup_uid(uid: u32) -> Option<Account> {
    entry(|entry, buffer, length, found| {
        // SAFETY: as above.
        unsafe { libc::getpwuid_r(uid, entry, buffer, length, found) }
    })
}

type Lookup<'a> = &'a mut libc::passwd;

fn entry(
    ask: impl FnOnce(Lookup<'_>, *mut libc::c_char, usize, *mut *mut libc::passwd) -> libc::c_int,
) -> Option<Account> {
    let mut buffer = vec![0_u8; LONGEST_ENTRY];
    // SAFETY: a passwd of zeroes is one of null pointers and numbers.
    let mut entry: libc::passwd = unsafe { std::mem::zeroed() };
    let mut found = std::ptr::null_mut();
    let status = ask(&mut entry, buffer.as_mut_ptr().cast(), buffer.len(), &mut found);
    if status != 0 || found.is_null() {
        return None;
    }
    // SAFETY: success with a result means that the entry points to NUL-terminated strings in `buffer`.
    let (name, home) = unsafe { (CStr::from_ptr(entry.pw_name), CStr::from_ptr(entry.pw_dir)) };
    Some(Account {
        uid: entry.pw_uid,
        gid: entry.pw_gid,
        groups: Vec::new(),
        name: name.to_str().ok()?.to_owned(),
        home: PathBuf::from(home.to_str().ok().filter(|home| home.starts_with('/'))?),
    })
}

fn lookup_group(name: &CStr) -> Option<u32> {
    let mut buffer = vec![0_u8; LONGEST_ENTRY];
    // SAFETY: a group of zeroes is one of null pointers and numbers.
    let mut entry: libc::group = unsafe { std::mem::zeroed() };
    let mut found = std::ptr::null_mut();
    // SAFETY: all pointers are to live, writable memory, and the length is the buffer's own.
    let status = unsafe {
        libc::getgrnam_r(
            name.as_ptr(),
            &raw mut entry,
            buffer.as_mut_ptr().cast(),
            buffer.len(),
            &raw mut found,
        )
    };
    (status == 0 && !found.is_null()).then_some(entry.gr_gid)
}

fn groups_of(account: &Account) -> Result<Vec<u32>> {
    let failed = || Error::new(ErrorKind::Io, format!("cannot read the groups of `{}`", account.name));
    let name = CString::new(account.name.as_str()).map_err(|_| failed())?;
    let mut groups = vec![0; 256];
    for _ in 0..2 {
        let mut count = libc::c_int::try_from(groups.len()).map_err(|_| failed())?;
        // SAFETY: the name is NUL-terminated; `count` says how many ids the buffer holds.
        let found = unsafe {
            libc::getgrouplist(name.as_ptr(), account.gid as _, groups.as_mut_ptr(), &raw mut count)
        };
        groups.resize(usize::try_from(count).map_err(|_| failed())?, 0);
        if found >= 0 {
            return Ok(groups);
        }
    }
    Err(failed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_found_by_name_and_by_number() {
        let root = Account::find("root").expect("root is there");
        assert_eq!((root.uid, root.gid, root.name.as_str()), (0, 0, "root"));
        assert!(root.groups.contains(&0));
        assert_eq!(Account::find("0").expect("by number"), root);
    }

    #[test]
    fn an_unknown_name_is_said() {
        let error = Account::find("no\u{7}body-here").expect_err("nobody has that name");
        assert!(error.message.contains("no\\u{7}body-here"), "{}", error.message);
        assert!(Account::find("a\0b").is_err());
        assert!(Account::find("root").expect("root").with_group("no-such-group").is_err());
    }
}
