//! The first line of a file of ours: of a unit that it is ours, and from which spec it was made; of each a sum of
//! the rest, by which an edit is noticed.

use anysvc_backend_api::{ServiceSpec, Sum};

use crate::mark::Mark;

const SUM: &str = "sum=";
const SPEC: &str = "spec=";
/// How the line of what is no unit begins.
const VALUES: &str = "# anysvc";

/// The text of a unit with its first line.
pub(super) fn seal(spec: &ServiceSpec, text: &str) -> String {
    let mark = Mark { boot: spec.boot() }.line();
    sealed(&format!("{} {SPEC}{}", mark.trim_end(), sum_of(spec)), text)
}

/// The text of a file of values with its first line, which is for their owner's eyes as they are: a sum in the
/// unit could be used to guess them.
pub(super) fn seal_values(text: &str) -> String {
    sealed(VALUES, text)
}

fn sealed(line: &str, text: &str) -> String {
    format!("{line} {SUM}{}\n{text}", Sum::of(text.as_bytes()))
}

/// Of all but the values of its variables.
fn sum_of(spec: &ServiceSpec) -> Sum {
    Sum::of_spec(&ServiceSpec { env: Vec::new(), ..spec.clone() })
}

/// Whether a file of ours is not as we wrote it; what somebody else wrote is not.
pub fn is_edited(text: &[u8]) -> bool {
    let Some((line, rest)) = split(text) else { return true };
    !line.starts_with(VALUES) || word(line, SUM) != Some(&Sum::of(rest).to_string())
}

/// Whether a unit of ours was made from this spec, but for its variables, by whichever version.
pub fn is_from(unit: &[u8], spec: &ServiceSpec) -> bool {
    split(unit).and_then(|(line, _)| word(line, SPEC)) == Some(&sum_of(spec).to_string())
}

fn split(text: &[u8]) -> Option<(&str, &[u8])> {
    let end = text.iter().position(|&byte| byte == b'\n')?;
    Some((str::from_utf8(&text[..end]).ok()?, &text[end + 1..]))
}

fn word<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    line.split(' ').find_map(|word| word.strip_prefix(key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use anysvc_backend_api::{Boot, EnvVar};

    fn spec() -> ServiceSpec {
        ServiceSpec { name: "web".into(), boot: Some(Boot::Up), ..ServiceSpec::default() }
    }

    #[test]
    fn an_edit_is_noticed_and_nothing_else() {
        let text = seal(&spec(), "[Service]\nExecStart=/bin/a\n");
        assert_eq!(Mark::of(text.as_bytes()), Some(Mark { boot: Boot::Up }));
        assert!(!is_edited(text.as_bytes()));
        assert!(!is_edited(text.replacen(" sum=", " new=1 sum=", 1).as_bytes()), "a word more");
        for edited in
            [text.replace("/a", "/b"), text.replace(" sum=", " sun="), format!("{text}\n"), "".into()]
        {
            assert!(is_edited(edited.as_bytes()), "{edited}");
        }
    }

    #[test]
    fn so_is_one_of_values() {
        let values = seal_values("A=\"1\"\n");
        assert!(!is_edited(values.as_bytes()));
        for edited in [values.replace("A=\"1", "A=\"2"), "A=\"1\"\n".to_owned(), format!("{values}B=2\n")] {
            assert!(is_edited(edited.as_bytes()), "{edited}");
        }
    }

    #[test]
    fn a_unit_says_which_spec_it_is_from_and_nothing_of_its_values() {
        let mut other = spec();
        let unit = seal(&other, "[Service]\n");
        assert!(is_from(unit.as_bytes(), &other));
        other.env = vec![EnvVar { name: "TOKEN".into(), value: "secret".into() }];
        assert_eq!(seal(&other, "[Service]\n"), unit);
        other.umask = Some(0o77);
        assert!(!is_from(unit.as_bytes(), &other));
        assert!(!is_from(b"[Service]\n", &spec()) && !is_from(b"", &spec()));
    }
}
