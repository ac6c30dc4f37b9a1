//! The number of an account by its name. It must not know what for.

use std::{ffi::CString, mem::MaybeUninit, ptr};

/// The uid of a user, by name or number.
pub fn uid(user: &str) -> Option<u32> {
    let name = CString::new(user).ok()?;
    let mut buffer = vec![0; 16 << 10];
    let mut entry = MaybeUninit::<libc::passwd>::uninit();
    let mut found = ptr::null_mut();
    // SAFETY: all pointers are to live memory of the sizes given; `found` is null or points to `entry`.
    let uid = unsafe {
        libc::getpwnam_r(
            name.as_ptr(),
            entry.as_mut_ptr(),
            buffer.as_mut_ptr(),
            buffer.len(),
            &raw mut found,
        );
        found.as_ref().map(|entry| entry.pw_uid)
    };
    uid.or_else(|| user.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::uid;

    #[test]
    fn names_and_numbers_are_found() {
        assert_eq!(uid("root"), Some(0));
        assert_eq!(uid("4242"), Some(4242));
        assert_eq!(uid("nobody has this name"), None);
    }
}
