//! The program from its arguments to its exit code: parse, act, report, and let no panic reach a user as a
//! backtrace.

use std::{
    ffi::OsString,
    io::Write as _,
    panic::{self, PanicHookInfo},
    process,
    sync::OnceLock,
    time::SystemTime,
};

use anysvc_backend_api::{Error, ErrorKind, Result};

use crate::{
    cli::{self, Action, Global, Parsed, ScopeArg},
    commands,
    environment::{Caller, Variables},
    output::{Output, Style, error, exit_code, time},
    session::other_user,
};

/// How this command's output is to look, for what is told from anywhere.
static STYLE: OnceLock<Style> = OnceLock::new();

/// Runs a command line, without the program's name in front; the answer is the exit code. A panic ends the
/// process, with an error as any other.
pub fn run(args: &[OsString]) -> u8 {
    panic::set_hook(Box::new(end));
    let Parsed { global, action } = match cli::parse(args) {
        Ok(parsed) => parsed,
        Err(refused) => return tell(&mut Output::standard(refused.style), &refused.error),
    };
    let style = *STYLE.get_or_init(|| global.style);
    start_logging(global.verbose, matches!(action, Action::BackendMain { .. }));
    let mut out = Output::standard(style);
    let code = match act(&global, action, args, &mut out) {
        Ok(code) => code,
        Err(error) => tell(&mut out, &error),
    };
    match out.finish() {
        Ok(()) => code,
        Err(error) => {
            out.error(&error);
            exit_code::of(&error)
        }
    }
}

fn act(global: &Global, action: Action, args: &[OsString], out: &mut Output) -> Result<u8> {
    match &global.scope {
        Some(ScopeArg::Other(name)) => other_user::run(name, args),
        _ => commands::run(global, action, out),
    }
}

/// Tells about a command that failed as a whole.
fn tell(out: &mut Output, failure: &Error) -> u8 {
    if out.json() {
        out.document(error::document(failure));
    }
    out.error(failure);
    out.flush();
    exit_code::of(failure)
}

/// Most runs want no log, and setting one up costs them nothing. A `helper` runs for long, by itself: it
/// says what it does, and when.
fn start_logging(verbose: u8, helper: bool) {
    // Who calls is asked only where there is something that may not count.
    let named = Variables::of_this_process().get("ANYSVC_LOG").and_then(|f| f.into_string().ok());
    let named = named.filter(|_| !Caller::current().elevated());
    let filter = match (verbose, named) {
        (0, None) if helper => "info".to_owned(),
        (0, None) => return,
        (0, Some(filter)) => filter,
        (1, _) => "debug".to_owned(),
        (_, _) => "trace".to_owned(),
    };
    let mut logger = env_logger::Builder::new();
    if helper {
        logger.format(|line, record| {
            let now = time::rfc3339(SystemTime::now());
            writeln!(line, "{now} {:<5} {}", record.level(), record.args())
        });
    }
    logger.parse_filters(&filter).init();
}

/// Ends the process, whichever thread it was and whatever it was about: nothing of this program goes on
/// after a fault in it. (A backend is a library with a standard library, and so a panic hook, of its own.)
fn end(info: &PanicHookInfo<'_>) {
    let style = STYLE.get().copied().unwrap_or_default();
    process::exit(tell(&mut Output::standard(style), &internal(info)).into())
}

fn internal(info: &PanicHookInfo<'_>) -> Error {
    let text = info.payload_as_str().unwrap_or_default();
    let place = info.location().map(|place| format!(" at {}:{}", place.file(), place.line()));
    let message = format!("internal error: {text}{}", place.unwrap_or_default());
    Error::new(ErrorKind::Panicked, message).with_hint(format!(
        "this is a bug in anysvc {}; please report it at {}",
        env!("CARGO_PKG_VERSION"),
        env!("CARGO_PKG_REPOSITORY"),
    ))
}

#[cfg(test)]
mod tests {
    use std::{env, process::Command, thread};

    use super::*;

    /// Set where this test is to be the program that panics.
    const PANIC: &str = "ANYSVC_TEST_PANIC";

    #[test]
    fn a_panic_ends_the_process_with_an_error_that_asks_to_be_reported() {
        if env::var_os(PANIC).is_some() {
            STYLE.get_or_init(|| Style { json: true, ..Style::default() });
            panic::set_hook(Box::new(end));
            // What holds standard output must not keep the error from it.
            let _out = Output::standard(Style::default());
            let _ = thread::spawn(|| panic!("it {}", "broke")).join();
            unreachable!("the process goes on after a panic");
        }
        let this = env::current_exe().expect("this program");
        let name = "program::tests::a_panic_ends_the_process_with_an_error_that_asks_to_be_reported";
        let ended = Command::new(this).args(["--exact", name]).env(PANIC, "1").output().expect("it runs");
        let (said, told) = (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
        let code = exit_code::of(&Error::new(ErrorKind::Panicked, ""));
        assert_eq!(ended.status.code(), Some(code.into()), "{said}{told}");
        assert!(told.contains("internal error: it broke at host/src/program.rs:"), "{told}");
        assert!(told.contains("please report it"), "{told}");
        assert!(said.contains("\"kind\": \"panicked\""), "{said}");
    }
}
