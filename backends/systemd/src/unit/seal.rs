//! The first line of a file of ours: of a unit that it is ours, and of each a sum of the rest, by which an edit
//! is noticed.

use anysvc_backend_api::Boot;

use crate::mark::Mark;

const SUM: &str = " sum=";
/// How the line of what is no unit begins.
const VALUES: &str = "# anysvc";

/// The text of a unit with its first line.
pub(super) fn seal(boot: Boot, text: &str) -> String {
    sealed(Mark { boot }.line().trim_end(), text)
}

/// The text of a file of values with its first line, which is for their owner's eyes as they are: a sum in the
/// unit could be used to guess them.
pub(super) fn seal_values(text: &str) -> String {
    sealed(VALUES, text)
}

fn sealed(line: &str, text: &str) -> String {
    format!("{line}{SUM}{:016x}\n{text}", fnv(text.as_bytes()))
}

/// Whether a file of ours is not as we wrote it; what somebody else wrote is not.
pub fn is_edited(text: &[u8]) -> bool {
    let Some(end) = text.iter().position(|&byte| byte == b'\n') else { return true };
    let line = str::from_utf8(&text[..end]).unwrap_or_default();
    let sum = line.split_once(SUM).map(|(_, rest)| rest.split(' ').next().unwrap_or_default());
    !line.starts_with(VALUES) || sum != Some(&format!("{:016x}", fnv(&text[end + 1..])))
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

    #[test]
    fn so_is_one_of_values() {
        let values = seal_values("A=\"1\"\n");
        assert!(!is_edited(values.as_bytes()));
        for edited in [values.replace('1', "2"), "A=\"1\"\n".to_owned(), format!("{values}B=2\n")] {
            assert!(is_edited(edited.as_bytes()), "{edited}");
        }
    }
}
