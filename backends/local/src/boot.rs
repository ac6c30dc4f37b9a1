//! Which start of the machine or container this is: a restart of the supervisor is none. It must not
//! know what is done about it.

use std::fs;

/// The identity of this boot: the kernel's, and the start of process 1, which a container has anew. Empty
/// pieces where there is no procfs to read.
pub fn identity() -> String {
    let kernel = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let first = fs::read_to_string("/proc/1/stat").unwrap_or_default();
    format!("{} {}", kernel.trim(), started(&first).unwrap_or_default())
}

/// The start time in a line of `/proc/PID/stat`, in ticks since the machine's start.
fn started(stat: &str) -> Option<&str> {
    // The program's name may hold blanks and parentheses; it ends at the last one. Field 22 of all is
    // the twentieth behind it.
    stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(19)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_process_1_is_not_read_as_fields() {
        let fields: Vec<String> = (3..=30).map(|n| n.to_string()).collect();
        let stat = format!("1 (a) b (c) {}\n", fields.join(" "));
        assert_eq!(started(&stat), Some("22"));
        assert_eq!(started("1 (init) S 0"), None);
        assert_eq!(started(""), None);
    }

    #[test]
    fn it_is_the_same_each_time() {
        assert_eq!(identity(), identity());
    }
}
