//! How a failure reads: for people on standard error, for programs as an object.

use std::path::Path;

use anysvc_backend_api::Error;

use super::{Paint, escape, json::Object};

/// The object of an error. The first four keys are always there.
pub fn object(error: &Error) -> Object {
    Object::new()
        .with("kind", error.kind.as_str())
        .maybe("service", error.service.as_deref())
        .with("message", error.message.as_str())
        .maybe("hint", error.hint.as_deref())
        .known("path", file(error).map(|path| path.to_string_lossy().into_owned()))
        .known("status", error.status.map(i64::from))
        .known("stderr", error.stderr.as_deref())
        .known("native_code", error.native_code.as_deref())
}

/// The file that an error is about. What errors call a stream is no path.
fn file(error: &Error) -> Option<&Path> {
    let stream = |path: &Path| path == Path::new("standard input") || path == Path::new("standard output");
    error.path.as_deref().filter(|path| !stream(path))
}

/// The document of a command that failed as a whole.
pub fn document(error: &Error) -> Object {
    Object::new().with("error", object(error))
}

/// What people read: the message, the causes that are known, and what to do.
pub fn for_people(error: &Error, colors: bool) -> String {
    let mut text = String::new();
    Paint::Bad.write(&mut text, "error:", colors);
    text.push(' ');
    if let Some(service) = error.service.as_deref().filter(|name| !error.message.contains(*name)) {
        text.push_str(&format!("{}: ", escape::line(service)));
    }
    text.push_str(&escape::line(&error.message));
    text.push('\n');
    // A message that says it already needs no second line for it.
    let said = |status: &i32| error.message.ends_with(&format!("exit code {status}"));
    if let Some(status) = error.status.filter(|status| !said(status)) {
        text.push_str(&format!("  exit status: {status}\n"));
    }
    let named = |code: &str| {
        error.message.contains(&format!("(os error {code})"))
            || error.message.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == code)
    };
    if let Some(code) = error.native_code.as_deref().filter(|code| !named(code)) {
        text.push_str(&format!("  code: {}\n", escape::line(code)));
    }
    if let Some(stderr) = error.stderr.as_deref().map(str::trim_end).filter(|text| !text.is_empty()) {
        for line in stderr.lines() {
            text.push_str(&format!("  | {}\n", escape::line(line)));
        }
    }
    if let Some(hint) = &error.hint {
        text.push_str(&hint_line(hint, colors));
    }
    text
}

/// What to do next, on a line of its own.
pub fn hint_line(hint: &str, colors: bool) -> String {
    let mut text = String::new();
    Paint::Header.write(&mut text, "hint:", colors);
    text.push(' ');
    text.push_str(&escape::line(hint));
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use anysvc_backend_api::{ErrorKind, Value};

    use super::*;
    use crate::output::json;

    fn full() -> Error {
        let mut error = Error::new(ErrorKind::CommandFailed, "cannot stop `web`: it\u{1b}[2J refused")
            .with_service("web")
            .with_hint("ask again")
            .with_path("/run/x")
            .with_code("EACCES");
        error.status = Some(111);
        error.stderr = Some("first\nsecond\u{7}\n".to_owned());
        error
    }

    #[test]
    fn people_read_message_causes_and_hint_without_control_characters() {
        assert_eq!(
            for_people(&full(), false),
            "error: cannot stop `web`: it\\u{1b}[2J refused\n  exit status: 111\n  code: EACCES\n  \
             | first\n  | second\\u{7}\nhint: ask again\n"
        );
        let bare = Error::new(ErrorKind::Io, "no").with_service("web");
        assert_eq!(for_people(&bare, true), "\u{1b}[31merror:\u{1b}[0m web: no\n");
    }

    #[test]
    fn a_code_that_the_message_says_is_not_said_again() {
        let absent = std::io::Error::from_raw_os_error(2);
        let text = for_people(&Error::io("read", "/x", &absent), false);
        assert!(text.contains("(os error 2)") && !text.contains("code:"), "{text}");
        let refused = Error::new(ErrorKind::CommandFailed, "it failed with 211").with_code("11");
        assert!(for_people(&refused, false).contains("  code: 11\n"));
    }

    #[test]
    fn a_stream_is_no_path() {
        let absent = std::io::Error::from_raw_os_error(5);
        let text = json::text(object(&Error::io("read", "standard input", &absent)));
        assert!(!text.contains("path"), "{text}");
    }

    #[test]
    fn programs_get_the_four_keys_and_what_is_known() {
        let text = |error: &Error| {
            let mut out = String::new();
            json::write(&mut out, &Value::from(document(error)));
            out
        };
        assert_eq!(
            text(&Error::not_registered("web")),
            r#"{"error": {"kind": "not-registered", "service": "web", "message": "there is no service `web`", "hint": "create it with `anysvc register web -- COMMAND`"}}"#
        );
        assert_eq!(
            text(&full()),
            r#"{"error": {"kind": "command-failed", "service": "web", "message": "cannot stop `web`: it\u001b[2J refused", "hint": "ask again", "path": "/run/x", "status": 111, "stderr": "first\nsecond\u0007\n", "native_code": "EACCES"}}"#
        );
    }
}
