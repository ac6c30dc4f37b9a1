//! The commands that change what runs: unregister, start, stop, restart, signal, reconcile.

use std::time::Duration;

use anysvc_backend_api::Signal;
use clap::{Arg, ArgAction, ArgMatches, Command};

use super::{
    action::{Action, Reconcile, Start},
    selected, value,
};

/// `--settle`, of everything that starts services.
pub fn settle() -> Arg {
    Arg::new("settle")
        .long("settle")
        .value_name("DURATION")
        .value_parser(value::duration)
        .help("How long a service without readiness must live to count as started [default: 250ms]")
}

/// What `--settle` says.
pub fn read_settle(matches: &mut ArgMatches) -> Option<Duration> {
    matches.remove_one("settle")
}

pub(super) fn unregister(command: Command) -> Command {
    selected::add_to(command)
}

pub(super) fn read_unregister(matches: &mut ArgMatches) -> Action {
    Action::Unregister(selected::read(matches))
}

pub(super) fn start(command: Command) -> Command {
    selected::add_to(command).arg(settle())
}

pub(super) fn read_start(matches: &mut ArgMatches) -> Action {
    Action::Start(Start { services: selected::read(matches), settle: read_settle(matches) })
}

pub(super) fn read_restart(matches: &mut ArgMatches) -> Action {
    Action::Restart(Start { services: selected::read(matches), settle: read_settle(matches) })
}

pub(super) fn stop(command: Command) -> Command {
    selected::add_to(command)
}

pub(super) fn read_stop(matches: &mut ArgMatches) -> Action {
    Action::Stop(selected::read(matches))
}

pub(super) fn signal(command: Command) -> Command {
    let signal = Arg::new("signal")
        .value_name("SIG")
        .required(true)
        .value_parser(|text: &str| text.parse::<Signal>())
        .help("The signal: TERM, HUP, USR1, ..., or a number");
    selected::add_to(command.arg(signal))
}

pub(super) fn read_signal(matches: &mut ArgMatches) -> Action {
    let signal = matches.remove_one("signal").expect("clap requires it");
    Action::Signal(signal, selected::read(matches))
}

pub(super) fn reconcile(command: Command) -> Command {
    let flag = |name: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue);
    command.args([
        flag("dry-run").help("Only say what would be done; touch nothing"),
        flag("force").help("Also put right what was changed by hand"),
    ])
}

pub(super) fn read_reconcile(matches: &mut ArgMatches) -> Action {
    let (dry_run, force) = (matches.get_flag("dry-run"), matches.get_flag("force"));
    Action::Reconcile(Reconcile { dry_run, force })
}
