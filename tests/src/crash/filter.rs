//! The seccomp filter that stops a process at the calls of the table, and lets all others run.

use super::calls::{KNOWN, WRITING, When};
use libc::{
    BPF_ABS, BPF_JEQ, BPF_JMP, BPF_JSET, BPF_K, BPF_LD, BPF_RET, BPF_W, SECCOMP_RET_ALLOW,
    SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_TRACE, sock_filter,
};
use std::io;
use std::mem::offset_of;

#[cfg(target_arch = "x86_64")]
const ARCH: u32 = 0xC000_003E;
#[cfg(target_arch = "aarch64")]
const ARCH: u32 = 0xC000_00B7;

/// The program. A stop carries the index of its call in the table.
pub(super) fn program() -> Vec<sock_filter> {
    let data = |offset: usize| step(BPF_LD | BPF_W | BPF_ABS, offset as u32, 0, 0);
    let answer = |action: u32| step(BPF_RET | BPF_K, action, 0, 0);
    let unless = |number: u32, skip: u8| step(BPF_JMP | BPF_JEQ | BPF_K, number, 0, skip);
    // Calls of another architecture have other numbers: what can't be counted must not run.
    let mut program = vec![
        data(offset_of!(libc::seccomp_data, arch)),
        step(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0),
        answer(SECCOMP_RET_KILL_PROCESS),
        data(offset_of!(libc::seccomp_data, nr)),
    ];
    for (index, known) in KNOWN.iter().enumerate() {
        let trace = answer(SECCOMP_RET_TRACE | index as u32);
        let number = known.number as u32;
        if let When::Opens(argument) = known.when {
            // Flags are an int: the lower half, which comes first on a little-endian machine.
            let flags = offset_of!(libc::seccomp_data, args) + 8 * argument;
            let writing = step(BPF_JMP | BPF_JSET | BPF_K, WRITING, 1, 0);
            program.extend([unless(number, 4), data(flags), writing, answer(SECCOMP_RET_ALLOW), trace]);
        } else {
            program.extend([unless(number, 1), trace]);
        }
    }
    program.push(answer(SECCOMP_RET_ALLOW));
    program
}

fn step(code: u32, k: u32, jt: u8, jf: u8) -> sock_filter {
    sock_filter { code: code as u16, jt, jf, k }
}

/// Puts this process, and all that come of it, under the filter. For between fork and exec: it
/// makes system calls alone.
pub(super) fn install(program: &[sock_filter]) -> io::Result<()> {
    let zero: libc::c_ulong = 0;
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_ptr().cast_mut() };
    // Root needs no such promise, and what it runs is to find everything as it would be.
    if !rustix::process::geteuid().is_root() {
        // SAFETY: this prctl takes no pointers.
        check(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1 as libc::c_ulong, zero, zero, zero) })?;
    }
    // SAFETY: `filter` points to `program`, which lives and which the kernel copies without writing.
    check(unsafe {
        libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER as libc::c_ulong, &raw const filter)
    })
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
