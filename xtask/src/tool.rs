//! Running other programs: cargo, and what else a verb needs. Errors name the command.

use std::process::{Command, Stdio};

/// What a verb returns: nothing, or what went wrong and what to do.
pub type Done<T = ()> = Result<T, String>;

/// The cargo that runs us, in the repository.
pub fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(anysvc_tests::repository());
    cargo
}

/// Runs it on this terminal; an error unless it exits with 0.
pub fn must(command: &mut Command) -> Done {
    let shown = show(command);
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{shown}` ended with {status}")),
        Err(error) => Err(format!("`{shown}` could not be run: {error}")),
    }
}

/// Its standard output; an error unless it exits with 0.
pub fn output(command: &mut Command) -> Done<String> {
    let shown = show(command);
    match command.stderr(Stdio::inherit()).output() {
        Ok(output) if output.status.success() => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        Ok(output) => Err(format!("`{shown}` ended with {}", output.status)),
        Err(error) => Err(format!("`{shown}` could not be run: {error}")),
    }
}

/// The command as one would type it, nearly.
pub fn show(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// For verbs that take none.
pub fn no_arguments(verb: &str, rest: &[String]) -> Done {
    match rest {
        [] => Ok(()),
        [first, ..] => {
            Err(format!("`{verb}` takes no arguments, but got `{first}`; ./x help shows how it is used"))
        }
    }
}
