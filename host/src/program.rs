//! The program from its arguments to its exit code: parse, act, report, and let no panic reach a user as a
//! backtrace.

use std::{
    any::Any,
    ffi::OsString,
    io::Write as _,
    panic::{self, AssertUnwindSafe, PanicHookInfo},
    sync::{Mutex, PoisonError},
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

/// Runs a command line, without the program's name in front; the answer is the exit code. It never panics.
pub fn run(args: &[OsString]) -> u8 {
    panic::set_hook(Box::new(note_panic));
    // What a command does is contained further in, where it is known how errors are to be shown.
    panic::catch_unwind(AssertUnwindSafe(|| command(args)))
        .unwrap_or_else(|payload| tell(&mut Output::standard(Style::default()), &internal(payload.as_ref())))
}

fn command(args: &[OsString]) -> u8 {
    let Parsed { global, action } = match cli::parse(args) {
        Ok(parsed) => parsed,
        Err(refused) => return tell(&mut Output::standard(refused.style), &refused.error),
    };
    start_logging(global.verbose, matches!(action, Action::BackendMain { .. }));
    let mut out = Output::standard(global.style);
    let done = panic::catch_unwind(AssertUnwindSafe(|| act(&global, action, args, &mut out)));
    let done = done.unwrap_or_else(|payload| Err(internal(payload.as_ref())));
    let code = match done {
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

/// Where the last panic was; its message is in its payload.
static PANICKED_AT: Mutex<Option<String>> = Mutex::new(None);

fn note_panic(info: &PanicHookInfo<'_>) {
    let place = info.location().map(|location| format!("{}:{}", location.file(), location.line()));
    *PANICKED_AT.lock().unwrap_or_else(PoisonError::into_inner) = place;
}

fn internal(payload: &(dyn Any + Send)) -> Error {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_default();
    let place = PANICKED_AT.lock().unwrap_or_else(PoisonError::into_inner).take();
    let place = place.map(|place| format!(" at {place}")).unwrap_or_default();
    Error::new(ErrorKind::Panicked, format!("internal error: {text}{place}")).with_hint(format!(
        "this is a bug in anysvc {}; please report it at {}",
        env!("CARGO_PKG_VERSION"),
        env!("CARGO_PKG_REPOSITORY"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error_that_asks_to_be_reported() {
        let error = internal(&"it broke");
        assert_eq!(error.kind, ErrorKind::Panicked);
        assert!(error.message.starts_with("internal error: it broke"), "{}", error.message);
        assert!(error.hint.is_some_and(|hint| hint.contains("report")));
        assert!(internal(&String::from("owned")).message.contains("owned"));
        assert_eq!(internal(&7_u8).message, "internal error: ");
    }
}
