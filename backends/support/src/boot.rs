//! Which start of a machine, container or manager this is: the kernel's own identity of its boot, and with
//! it one process, told from a later one of that number by when it started. A program that the process
//! executes, itself anew included, makes no other. It must not know what is done about it.

use std::fs;

/// What is another after each start of the kernel. Empty where it does not tell.
pub fn kernel() -> String {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    id.trim().to_owned()
}

/// The identity of a boot that began with a process; `None` where that can't be seen.
pub fn of_process(pid: u32) -> Option<String> {
    Some(format!("{} {pid} {}", kernel(), started(pid)?))
}

#[cfg(target_os = "linux")]
fn started(pid: u32) -> Option<u64> {
    crate::engine::os::unix::started(pid)
}

#[cfg(not(target_os = "linux"))]
fn started(_: u32) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_the_same_each_time_and_another_is_not() {
        let me = std::process::id();
        let identity = of_process(me).expect("there is a /proc here");
        assert_eq!(of_process(me).as_ref(), Some(&identity));
        assert_ne!(of_process(1), Some(identity));
        assert_eq!(kernel().len(), 36, "the length of a UUID");
    }

    #[test]
    fn of_nobody_there_is_no_identity() {
        assert_eq!(of_process(0), None);
    }
}
