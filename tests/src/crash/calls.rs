//! The table of system calls that change files: what of their arguments decides whether they
//! do, and what of them names the file. It traces nothing itself.

/// When a call counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// Always.
    Always,
    /// If the flags in this argument are for more than reading: the filter itself decides.
    Opens(usize),
    /// As `Opens`, for `openat2`, whose flags are behind this pointer.
    OpensBehind(usize),
    /// If this descriptor is a regular file or a named FIFO.
    WritesTo(usize),
    /// If the address behind this pointer is a path: a socket in the file system.
    Binds(usize),
    /// Never seen rightly: its work is done where no filter sees it.
    Hidden,
}

/// What of the arguments names the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// A path.
    Path(usize),
    /// A folder's descriptor, and after it a path.
    At(usize),
    /// A descriptor.
    Fd(usize),
    /// Nothing.
    None,
}

/// A system call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    pub(super) number: libc::c_long,
    pub(super) name: &'static str,
    pub(super) when: When,
    pub(super) subject: Subject,
}

/// Flags of open(2) that are for more than reading. `O_TMPFILE` is never without one of them.
pub(super) const WRITING: u32 =
    (libc::O_WRONLY | libc::O_RDWR | libc::O_CREAT | libc::O_TRUNC).cast_unsigned();

macro_rules! known {
    ($($(#[$attribute:meta])* $number:ident $when:expr, $subject:expr;)*) => {
        &[$($(#[$attribute])* Known {
            number: libc::$number,
            // After "SYS_".
            name: stringify!($number).split_at(4).1,
            when: $when,
            subject: $subject,
        }),*]
    };
}

use Subject::{At, Fd, None, Path};
use When::{Always, Binds, Hidden, Opens, OpensBehind, WritesTo};

/// All that count. Other machines than x86_64 have only the `at` forms.
pub(super) const KNOWN: &[Known] = known! {
    SYS_openat Opens(2), At(0);
    SYS_openat2 OpensBehind(2), At(0);
    SYS_mkdirat Always, At(0);
    SYS_mknodat Always, At(0);
    SYS_renameat2 Always, At(2);
    SYS_unlinkat Always, At(0);
    SYS_symlinkat Always, At(1);
    SYS_linkat Always, At(2);
    SYS_fchmod Always, Fd(0);
    SYS_fchmodat Always, At(0);
    SYS_fchmodat2 Always, At(0);
    SYS_fchown Always, Fd(0);
    SYS_fchownat Always, At(0);
    SYS_truncate Always, Path(0);
    SYS_ftruncate Always, Fd(0);
    SYS_fallocate Always, Fd(0);
    SYS_utimensat Always, At(0);
    SYS_setxattr Always, Path(0);
    SYS_lsetxattr Always, Path(0);
    SYS_fsetxattr Always, Fd(0);
    SYS_removexattr Always, Path(0);
    SYS_lremovexattr Always, Path(0);
    SYS_fremovexattr Always, Fd(0);
    SYS_write WritesTo(0), Fd(0);
    SYS_writev WritesTo(0), Fd(0);
    SYS_pwrite64 WritesTo(0), Fd(0);
    SYS_pwritev WritesTo(0), Fd(0);
    SYS_pwritev2 WritesTo(0), Fd(0);
    SYS_sendfile WritesTo(0), Fd(0);
    SYS_copy_file_range WritesTo(2), Fd(2);
    SYS_splice WritesTo(2), Fd(2);
    SYS_tee WritesTo(1), Fd(1);
    SYS_vmsplice WritesTo(0), Fd(0);
    SYS_fsync Always, Fd(0);
    SYS_fdatasync Always, Fd(0);
    SYS_syncfs Always, Fd(0);
    SYS_sync Always, None;
    SYS_sync_file_range Always, Fd(0);
    SYS_msync Always, None;
    SYS_bind Binds(1), None;
    SYS_io_uring_setup Hidden, None;
    #[cfg(target_arch = "x86_64")]
    SYS_open Opens(1), Path(0);
    #[cfg(target_arch = "x86_64")]
    SYS_creat Always, Path(0);
    #[cfg(target_arch = "x86_64")]
    SYS_mkdir Always, Path(0);
    #[cfg(target_arch = "x86_64")]
    SYS_mknod Always, Path(0);
    #[cfg(target_arch = "x86_64")]
    SYS_rename Always, Path(1);
    // Not where the C library knows only its successor, such as on riscv64.
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    SYS_renameat Always, At(2);
    #[cfg(target_arch = "x86_64")]
    SYS_unlink Always, Path(0);
    #[cfg(target_arch = "x86_64")]
    SYS_rmdir Always, Path(0);
    #[cfg(target_arch = "x86_64")]
    SYS_symlink Always, Path(1);
    #[cfg(target_arch = "x86_64")]
    SYS_link Always, Path(1);
    #[cfg(target_arch = "x86_64")]
    SYS_chmod Always, Path(0);
    #[cfg(target_arch = "x86_64")]
    SYS_chown Always, Path(0);
    #[cfg(target_arch = "x86_64")]
    SYS_lchown Always, Path(0);
    #[cfg(target_arch = "x86_64")]
    SYS_utime Always, Path(0);
    #[cfg(target_arch = "x86_64")]
    SYS_utimes Always, Path(0);
    #[cfg(target_arch = "x86_64")]
    SYS_futimesat Always, At(0);
};
