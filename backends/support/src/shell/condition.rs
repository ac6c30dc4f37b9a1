//! Whether a service's condition holds, as a script finds out.

use anysvc_backend_api::{Condition, TRUE_WORDS};

/// Does `what` unless the condition holds.
pub fn unless(Condition { env, truthy }: &Condition, what: &str) -> String {
    let words = TRUE_WORDS.map(in_any_case).join(" | ");
    let cases = match truthy {
        Some(true) => format!("{words}) ;;\n*)"),
        Some(false) => format!("{words})"),
        None => "'')".to_owned(),
    };
    format!(
        "# It runs only while its condition holds.\n\
         case ${{{env}-}} in\n\
         {cases} {what} ;;\n\
         esac"
    )
}

/// A pattern of the shell: `on` is `[oO][nN]`.
fn in_any_case(word: &str) -> String {
    let letter = |c: char| match c.is_ascii_alphabetic() {
        true => format!("[{c}{}]", c.to_ascii_uppercase()),
        false => c.to_string(),
    };
    word.chars().map(letter).collect()
}
