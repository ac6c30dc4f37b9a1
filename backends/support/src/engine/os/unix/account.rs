//! Accounts: what the system's database says of the users and groups that specs name, and doing
//! something to files with their rights.

use std::{
    ffi::{CStr, CString, c_char},
    io, ptr,
};

use anysvc_backend_api::Bytes;

use super::super::{Account, Fault};

/// The account that a spec names; `None` when it is this process's own.
pub(super) fn find(user: Option<&str>, group: Option<&str>) -> Result<Option<Account>, Fault> {
    let own_uid = rustix::process::geteuid().as_raw();
    let own_gid = rustix::process::getegid().as_raw();
    let mut account = match user {
        Some(user) => by_name(user)?,
        None if group.is_none() => return Ok(None),
        None => Account { uid: own_uid, gid: own_gid, groups: vec![own_gid], entry: None },
    };
    if let Some(group) = group {
        account.gid = group_id(group)?;
    }
    if own_uid != 0 {
        if account.uid == own_uid && account.gid == own_gid {
            return Ok(None);
        }
        let (field, named) = match (user, group) {
            (Some(user), _) if account.uid != own_uid => ("user", user),
            (_, group) => ("group", group.or(user).unwrap_or_default()),
        };
        let what = format!("run with another {field} (`{named}`): only root can");
        return Err(Fault { what, errno: libc::EPERM });
    }
    Ok(Some(account))
}

fn by_name(user: &str) -> Result<Account, Fault> {
    let unknown = |errno| Fault { what: format!("find the user `{user}`"), errno };
    let name = CString::new(user).map_err(|_| unknown(libc::EINVAL))?;
    let mut found = look_up(|entry, buffer, size, result| {
        // SAFETY: the buffer has the size, and what is found is copied before it goes.
        unsafe { libc::getpwnam_r(name.as_ptr(), entry, buffer, size, result) }
    })
    .map_err(unknown)?;
    let number: Option<u32> = user.parse().ok();
    if let (None, Some(uid)) = (&found, number) {
        found = look_up(|entry, buffer, size, result| {
            // SAFETY: as above.
            unsafe { libc::getpwuid_r(uid, entry, buffer, size, result) }
        })
        .map_err(unknown)?;
    }
    match (found, number) {
        (Some(account), _) => Ok(account),
        // A number needs no entry: containers are full of them. Its group is the same number then.
        (None, Some(uid)) => Ok(Account { uid, gid: uid, groups: vec![uid], entry: None }),
        (None, None) => Err(Fault { what: format!("find the user `{user}`: there is none"), errno: 0 }),
    }
}

type PasswdCall<'a> = &'a dyn Fn(*mut libc::passwd, *mut c_char, libc::size_t, *mut *mut libc::passwd) -> i32;

fn look_up(
    call: impl Fn(*mut libc::passwd, *mut c_char, libc::size_t, *mut *mut libc::passwd) -> i32,
) -> Result<Option<Account>, i32> {
    let call: PasswdCall<'_> = &call;
    let mut buffer = vec![0 as c_char; 1 << 10];
    loop {
        // SAFETY: a passwd is integers and pointers, for which zero is a value.
        let mut entry: libc::passwd = unsafe { std::mem::zeroed() };
        let mut result = ptr::null_mut();
        match call(&raw mut entry, buffer.as_mut_ptr(), buffer.len(), &raw mut result) {
            libc::ERANGE if buffer.len() < 1 << 20 => buffer.resize(buffer.len() * 4, 0),
            libc::EINTR => {}
            // "Not there" is told in many ways (getpwnam(3)).
            0 | libc::ENOENT | libc::ESRCH | libc::EBADF | libc::EPERM if result.is_null() => {
                return Ok(None);
            }
            // SAFETY: found: its strings are in `buffer`, which lives.
            0 => return Ok(Some(unsafe { account(&entry) })),
            errno => return Err(errno),
        }
    }
}

/// # Safety
/// The entry's strings have to be alive.
unsafe fn account(entry: &libc::passwd) -> Account {
    let text = |pointer: *const c_char| {
        if pointer.is_null() {
            return Bytes::default();
        }
        // SAFETY: as for this function.
        Bytes(unsafe { CStr::from_ptr(pointer) }.to_bytes().to_vec())
    };
    let mut groups = vec![0; 64];
    loop {
        let mut count = groups.len() as libc::c_int;
        // SAFETY: at most `count` numbers are written, and how many there are is put there.
        let enough = unsafe {
            libc::getgrouplist(entry.pw_name, entry.pw_gid as _, groups.as_mut_ptr().cast(), &raw mut count)
        };
        let count = usize::try_from(count).unwrap_or(0);
        if enough >= 0 || groups.len() > 1 << 16 {
            groups.truncate(count);
            break;
        }
        groups.resize(count.max(groups.len() * 2), 0);
    }
    Account {
        uid: entry.pw_uid,
        gid: entry.pw_gid,
        groups,
        entry: Some((text(entry.pw_name), text(entry.pw_dir), text(entry.pw_shell))),
    }
}

fn group_id(group: &str) -> Result<u32, Fault> {
    let unknown = |errno| Fault { what: format!("find the group `{group}`"), errno };
    let name = CString::new(group).map_err(|_| unknown(libc::EINVAL))?;
    let mut buffer = vec![0 as c_char; 1 << 10];
    loop {
        // SAFETY: a group is integers and pointers, for which zero is a value.
        let mut entry: libc::group = unsafe { std::mem::zeroed() };
        let mut result = ptr::null_mut();
        // SAFETY: the buffer has the size; only a number is taken out.
        let done = unsafe {
            libc::getgrnam_r(
                name.as_ptr(),
                &raw mut entry,
                buffer.as_mut_ptr(),
                buffer.len(),
                &raw mut result,
            )
        };
        match done {
            libc::ERANGE if buffer.len() < 1 << 22 => buffer.resize(buffer.len() * 4, 0),
            libc::EINTR => {}
            _ if !result.is_null() => return Ok(entry.gr_gid),
            _ => {
                let none = Fault { what: format!("find the group `{group}`: there is none"), errno: 0 };
                return group.parse().map_err(|_| none);
            }
        }
    }
}

/// Does something to files with the rights of an account: those of this thread only, and only for files.
pub(super) fn acting(account: Option<&Account>, act: &mut dyn FnMut() -> io::Result<()>) -> io::Result<()> {
    let Some(account) = account else { return act() };
    let rights = Rights::take(account)?;
    let result = act();
    drop(rights);
    result
}

/// The file system's idea of who this thread is, until it is dropped.
struct Rights {
    groups: Vec<libc::gid_t>,
    gid: libc::gid_t,
    uid: libc::uid_t,
}

impl Rights {
    fn take(account: &Account) -> io::Result<Rights> {
        let groups = rustix::process::getgroups()?.into_iter().map(|gid| gid.as_raw()).collect();
        let (gid, uid) = (rustix::process::getegid().as_raw(), rustix::process::geteuid().as_raw());
        let before = Rights { groups, gid, uid };
        set_groups(&account.groups)?;
        // SAFETY: numbers only. These calls never say that they failed: asking with an id that can't be
        // gives the present one.
        let (now_gid, now_uid) = unsafe {
            libc::setfsgid(account.gid);
            libc::setfsuid(account.uid);
            (libc::setfsgid(libc::gid_t::MAX), libc::setfsuid(libc::uid_t::MAX))
        };
        // Dropped, and so undone, in either case.
        if (now_gid as u32, now_uid as u32) == (account.gid, account.uid) {
            Ok(before)
        } else {
            Err(io::ErrorKind::PermissionDenied.into())
        }
    }
}

impl Drop for Rights {
    fn drop(&mut self) {
        // SAFETY: numbers only; going back to the effective ids is always allowed.
        unsafe {
            libc::setfsuid(self.uid);
            libc::setfsgid(self.gid);
        }
        let _can_again = set_groups(&self.groups);
    }
}

/// Of this thread alone: the C library's function would change all of them, and lock.
fn set_groups(groups: &[libc::gid_t]) -> io::Result<()> {
    #[cfg(target_pointer_width = "64")]
    const CALL: libc::c_long = libc::SYS_setgroups;
    #[cfg(not(target_pointer_width = "64"))]
    const CALL: libc::c_long = libc::SYS_setgroups32;
    // SAFETY: as many numbers as the length says are read.
    match unsafe { libc::syscall(CALL, groups.len(), groups.as_ptr()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
