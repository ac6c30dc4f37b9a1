//! The first line of a unit of ours: that it is ours, and a sum of the rest, by which an edit is noticed.

use anysvc_backend_api::Boot;

use crate::mark::Mark;

const SUM: &str = " sum=";

/// The text of a unit with its first line.
pub(super) fn seal(boot: Boot, text: &str) -> String {
    let line = Mark { boot }.line();
    format!("{}{SUM}{:016x}\n{text}", line.trim_end(), fnv(text.as_bytes()))
}

/// Whether a unit of ours is not as we wrote it.
pub fn is_edited(unit: &[u8]) -> bool {
    let Some(end) = unit.iter().position(|&byte| byte == b'\n') else { return true };
    let line = str::from_utf8(&unit[..end]).unwrap_or_default();
    let sum = line.split_once(SUM).map(|(_, rest)| rest.split(' ').next().unwrap_or_default());
    sum != Some(&format!("{:016x}", fnv(&unit[end + 1..])))
}

/// FNV-1a, which is the same in every version of ours. It is to tell of edits, not to withstand them.
fn fnv(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |sum, &byte| (sum ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_is_noticed_and_nothing_else() {
        let text = seal(Boot::Up, "[Service]\nExecStart=/bin/a\n");
        assert_eq!(Mark::of(text.as_bytes()), Some(Mark { boot: Boot::Up }));
        assert!(!is_edited(text.as_bytes()));
        assert!(!is_edited(text.replacen(" sum=", " new=1 sum=", 1).as_bytes()), "a word more");
        for edited in
            [text.replace("/a", "/b"), text.replace(" sum=", " sun="), format!("{text}\n"), "".into()]
        {
            assert!(is_edited(edited.as_bytes()), "{edited}");
        }
        // The vector of the algorithm's authors.
        assert_eq!(fnv(b"foobar"), 0x8594_4171_f739_67e8);
    }
}
