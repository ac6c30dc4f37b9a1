//! The caller's entry in the account database.
//!
//! `/etc/passwd` is read directly, and only an account that is not in it is looked up through the C
//! library: its lookup takes 70 to 100 µs (sockets, configuration, further libraries), this one 10.

use std::path::PathBuf;

/// What the account database says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) name: Option<String>,
    pub(super) home: Option<PathBuf>,
}

/// The account of a user; empty when there is none.
pub(super) fn of(uid: u32) -> Account {
    let listed = std::fs::read("/etc/passwd").ok().and_then(|file| in_passwd(&file, uid));
    listed.or_else(|| from_c_library(uid)).unwrap_or_default()
}

/// The account in the text of a passwd file.
fn in_passwd(file: &[u8], uid: u32) -> Option<Account> {
    file.split(|&b| b == b'\n').find_map(|line| {
        let fields: Vec<&[u8]> = line.split(|&b| b == b':').collect();
        let [name, _, id, _, _, home, _] = fields[..] else { return None };
        let listed: u32 = str::from_utf8(id).ok()?.parse().ok()?;
        (listed == uid && !name.is_empty()).then(|| account(name, home))
    })
}

fn account(name: &[u8], home: &[u8]) -> Account {
    use std::os::unix::ffi::OsStrExt as _;
    let home = PathBuf::from(std::ffi::OsStr::from_bytes(home));
    Account { name: String::from_utf8(name.to_vec()).ok(), home: Some(home).filter(|h| h.is_absolute()) }
}

/// The account from wherever the system is configured to look (LDAP and the like).
fn from_c_library(uid: u32) -> Option<Account> {
    // Entries are a few hundred bytes; what does not fit here is no sensible account.
    let mut buffer = vec![0_u8; 64 * 1024];
    let mut entry = std::mem::MaybeUninit::<libc::passwd>::uninit();
    let mut found = std::ptr::null_mut();
    // SAFETY: all pointers are to live, writable memory, and the length is the buffer's own.
    let status = unsafe {
        libc::getpwuid_r(uid, entry.as_mut_ptr(), buffer.as_mut_ptr().cast(), buffer.len(), &mut found)
    };
    if status != 0 || found.is_null() {
        return None;
    }
    // SAFETY: success with a non-null result means that `entry` was filled in, with pointers into
    // `buffer` to NUL-terminated strings; both live until the end of this function.
    unsafe {
        let entry = entry.assume_init_ref();
        let text = |p: *const libc::c_char| std::ffi::CStr::from_ptr(p).to_bytes();
        Some(account(text(entry.pw_name), text(entry.pw_dir)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &[u8] = b"root:x:0:0:root:/root:/bin/sh\n\
        # a comment\nbroken:x:5\n+::::::\n\
        app:x:10000:10000::/home/app:/bin/sh\napp2:x:10000:1::/other:/bin/sh\nodd:x:7:7::relative:/bin/sh";

    #[test]
    fn finds_the_first_entry_of_the_uid() {
        let app = in_passwd(FILE, 10_000).expect("app is there");
        assert_eq!((app.name.as_deref(), app.home), (Some("app"), Some("/home/app".into())));
        assert_eq!(in_passwd(FILE, 5), None);
        assert_eq!(in_passwd(FILE, 99), None);
    }

    #[test]
    fn a_home_that_is_not_absolute_is_none() {
        assert_eq!(in_passwd(FILE, 7), Some(Account { name: Some("odd".into()), home: None }));
    }

    #[test]
    fn both_ways_agree_about_root() {
        let listed = in_passwd(&std::fs::read("/etc/passwd").expect("a passwd file"), 0);
        assert_eq!(listed, from_c_library(0));
    }
}
