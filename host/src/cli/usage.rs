//! What is wrong with a command line, as one of our errors. clap knows what is wrong; how an error reads
//! is the same everywhere here.

use anysvc_backend_api::{Error, ErrorKind};

/// The error of a command line that could not be parsed.
pub fn error(fault: &clap::Error, command: Option<&str>) -> Error {
    let text = fault.render().to_string();
    let mut message = String::new();
    let mut hint = String::new();
    for line in text.lines().map(str::trim).take_while(|line| !line.starts_with("Usage:")) {
        let tip = line.strip_prefix("tip: ");
        let part = tip.unwrap_or(line.strip_prefix("error: ").unwrap_or(line));
        let into = if tip.is_some() { &mut hint } else { &mut message };
        if !part.is_empty() && !part.starts_with("For more information") {
            into.push_str(if into.is_empty() { "" } else { " " });
            into.push_str(part);
        }
    }
    let help = match command {
        Some(command) => format!("`anysvc {command} --help` shows how it is used"),
        None => "`anysvc --help` lists the commands".to_owned(),
    };
    hint.push_str(if hint.is_empty() { "" } else { "; " });
    let ours = |text: &str| text.replace('\'', "`").replace("subcommand", "command");
    Error::new(ErrorKind::Usage, ours(&message)).with_hint(ours(&hint) + &help)
}
