//! Rules that hold for every command and option, and what command lines mean.

use std::{collections::HashSet, ffi::OsString, time::Duration};

use anysvc_backend_api::{ErrorKind, Goal};
use clap::{ArgAction, Command};

use super::{Action, Global, Render, ScopeArg, Source, Timeout, parse, table::COMMANDS};

fn words(line: &str) -> Vec<OsString> {
    line.split_whitespace().map(OsString::from).collect()
}

#[track_caller]
fn action(line: &str) -> Action {
    parse(&words(line)).unwrap_or_else(|refused| panic!("{line}: {}", refused.error.message)).action
}

#[track_caller]
fn global(line: &str) -> Global {
    parse(&words(line)).unwrap_or_else(|refused| panic!("{line}: {}", refused.error.message)).global
}

#[track_caller]
fn refusal(line: &str) -> (String, String) {
    let error = parse(&words(line)).expect_err(line).error;
    assert_eq!(error.kind, ErrorKind::Usage);
    (error.message, error.hint.unwrap_or_default())
}

fn every_command(see: &mut dyn FnMut(&Command)) {
    fn walk(command: &Command, see: &mut dyn FnMut(&Command)) {
        see(command);
        command.get_subcommands().for_each(|inner| walk(inner, see));
    }
    let mut root = COMMANDS.iter().fold(super::root(), |root, entry| root.subcommand(entry.command()));
    root.build();
    walk(&root, see);
}

#[test]
fn clap_finds_no_fault_with_the_definitions() {
    COMMANDS.iter().fold(super::root(), |root, entry| root.subcommand(entry.command())).debug_assert();
}

#[test]
fn every_argument_is_explained_and_names_its_value() {
    every_command(&mut |command| {
        for arg in command.get_arguments() {
            let what = format!("{} of {}", arg.get_id(), command.get_name());
            let help = arg.get_help().unwrap_or_else(|| panic!("{what} has no help")).to_string();
            assert!(help.starts_with(|c: char| c.is_uppercase()), "the help of {what}: {help}");
            assert!(!help.ends_with('.'), "the help of {what}: {help}");
            let takes_value = matches!(arg.get_action(), ArgAction::Set | ArgAction::Append);
            let named = arg.get_value_names().is_some_and(|names| {
                names.iter().all(|name| {
                    name.chars().any(|c| c.is_uppercase()) && !name.chars().any(char::is_lowercase)
                })
            });
            assert!(!takes_value || named, "the value of {what} has no name in capitals");
        }
    });
}

#[test]
fn no_two_options_of_a_command_share_a_short_name() {
    every_command(&mut |command| {
        let mut seen = HashSet::new();
        for short in command.get_arguments().filter_map(clap::Arg::get_short) {
            assert!(seen.insert(short), "-{short} is there twice in {}", command.get_name());
        }
    });
}

#[test]
fn every_command_for_people_has_examples_that_parse() {
    for entry in COMMANDS.iter().filter(|entry| !entry.hidden) {
        assert!(!entry.examples.is_empty(), "{} has no example", entry.name);
        for example in entry.examples {
            action(example);
        }
    }
}

#[test]
fn global_options_may_stand_before_and_after_the_command() {
    for line in ["--scope user:app --json -vv status web", "status web --scope=user:app --json -v -v"] {
        let global = global(line);
        assert_eq!(global.scope, Some(ScopeArg::Other("app".into())), "{line}");
        assert!(global.style.json, "{line}");
        assert_eq!(global.verbose, 2, "{line}");
    }
}

#[test]
fn no_time_to_wait_is_not_waiting() {
    assert_eq!(global("start web").timeout, Timeout::Usual);
    assert_eq!(global("start web --timeout 0").timeout, Timeout::NoWait);
    assert_eq!(global("start web --timeout 0s").timeout, Timeout::NoWait);
    assert_eq!(global("start web --no-wait").timeout, Timeout::NoWait);
    assert_eq!(global("start web --timeout 500ms").timeout, Timeout::After(Duration::from_millis(500)));
    refusal("start web --timeout 5s --no-wait");
    refusal("start web --timeout soon");
}

#[test]
fn a_service_is_a_name_and_a_command_or_a_file_or_an_instance() {
    let Action::Register(register) = action("register web --env A=-1 --restart always -- sleep -5") else {
        panic!("it registers")
    };
    let Source::Command { name, argv, .. } = register.source else { panic!("it is a command") };
    assert_eq!((name.as_str(), argv), ("web", words("sleep -5")));
    let Action::Register(register) = action("register --file x.toml --down --replace") else {
        panic!("it registers")
    };
    assert!(register.down && register.replace && matches!(register.source, Source::File(_)));
    for (line, part) in [
        ("register web", "what to run"),
        ("register", "what to run"),
        ("register -- sleep", "has no name"),
        ("register web --env A=1", "`web` runs"),
        ("register web --file x", "cannot be used with"),
        ("register --file x --env A=1", "cannot be used with"),
        ("register --template x", "--instance"),
        ("register web --replace --if-absent -- x", "cannot be used with"),
    ] {
        let (message, _) = refusal(line);
        assert!(message.contains(part), "{line}: {message}");
    }
}

#[test]
fn verbs_act_on_nothing_unless_told() {
    for verb in ["start", "stop", "restart", "unregister", "signal HUP"] {
        let (message, hint) = refusal(verb);
        assert!(message.contains("required"), "{message}");
        assert!(hint.contains("--help"), "{hint}");
        refusal(&format!("{verb} web --all"));
        action(&format!("{verb} --all"));
        action(&format!("{verb} --template x"));
    }
    let Action::Stop(selected) = action("stop b a b") else { panic!("it stops") };
    assert_eq!(selected.names, ["b", "a"]);
}

#[test]
fn what_is_misspelt_is_suggested() {
    let (message, hint) = refusal("statsu");
    assert!(message.contains("statsu"), "{message}");
    assert!(hint.contains("`status`"), "{hint}");
    let (message, hint) = refusal("start web --setle 1s");
    assert!(message.contains("`--setle`"), "{message}");
    assert!(hint.contains("--settle") && hint.contains("anysvc start --help"), "{hint}");
    assert!(refusal("signal FOO web").0.contains("FOO"));
    assert!(refusal("--json").0.contains("command"));
    for (line, expected) in [
        ("statsu", "did you mean `status`? `anysvc --help` lists the commands"),
        ("stat", "did you mean `status` or `start`? `anysvc --help` lists the commands"),
        ("frobnicate", "`anysvc --help` lists the commands"),
        ("help stattus", "did you mean `status`? `anysvc --help` lists the commands"),
        ("backends verify", "`anysvc backends verify --help` shows how it is used"),
        ("backends lst", "did you mean `list`? `anysvc backends --help` shows how it is used"),
        (
            "register web --restrt x -- y",
            "did you mean `--restart`? `anysvc register --help` shows how it is used",
        ),
        ("logs web --nothing-like-it", "`anysvc logs --help` shows how it is used"),
    ] {
        assert_eq!(refusal(line).1, expected, "{line}");
    }
}

#[test]
fn a_command_without_dashes_in_front_is_shown_how_it_is_written() {
    for (line, expected) in [
        ("register web sleep 5", "`anysvc register web -- sleep 5`"),
        ("register sleep sleep 5", "`anysvc register sleep -- sleep 5`"),
        (
            "--json register web --env A=1 sh -c x;y --down",
            "`anysvc register web [OPTIONS] -- sh -c 'x;y' --down`",
        ),
        ("render web sleep --settle", "`anysvc render web -- sleep --settle`"),
    ] {
        let hint = refusal(line).1;
        assert_eq!(hint, format!("write the command after `--`: {expected}"), "{line}");
    }
    assert!(refusal("register web a --nonsense -- b").1.contains("register --help"));
    assert!(refusal("show web a").1.contains("show --help"));
}

#[test]
fn values_that_are_none_are_named_as_such() {
    for (line, expected) in [
        ("start web --timeout -1s", "invalid value `-1s` for `--timeout <DURATION>`"),
        ("logs -n -1", "invalid value `-1` for `-n <N>`"),
        ("logs -n x", "invalid value `x` for `--lines <N>`: `x` is not a number of lines"),
    ] {
        let (message, hint) = refusal(line);
        assert_eq!(message, expected, "{line}");
        assert!(hint.starts_with("`anysvc "), "{hint}");
    }
}

#[test]
fn the_version_is_a_document_for_programs() {
    let Action::Print(text) = action("-V --json") else { panic!("it prints") };
    assert_eq!(text, format!("{{\"version\": \"{}\"}}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn goals_and_sources_are_read() {
    let Action::Wait(wait) = action("wait web --for gone") else { panic!("it waits") };
    assert_eq!(wait.goal, Goal::Gone);
    refusal("wait web");
    refusal("wait web --for left");
    assert!(matches!(action("render web"), Action::Render { what: Render::Registered(_), .. }));
    assert!(matches!(action("render web -- x"), Action::Render { what: Render::New(_), .. }));
    refusal("render");
    let Action::BackendMain { id, arguments } = action("backend-main x --socket -v 3") else {
        panic!("it is a helper")
    };
    assert_eq!((id.as_str(), arguments), ("x", words("--socket -v 3")));
}

#[test]
fn help_is_text_to_print() {
    for line in [
        "",
        "--help",
        "-h",
        "status --help",
        "register -h",
        "backends info --help",
        "--version",
        "help",
        "help status",
        "help backends info",
    ] {
        let Action::Print(text) = action(line) else { panic!("{line} prints") };
        assert!(text.contains("anysvc"), "{line}: {text}");
        assert!(text.lines().all(|line| line.chars().count() <= 130), "{line}: {text}");
    }
}

#[test]
fn usage_errors_know_how_they_are_to_be_shown() {
    assert!(parse(&words("start --json")).expect_err("no name").style.json);
    assert!(!parse(&words("start -- --json")).map(|_| false).unwrap_or_else(|refused| refused.style.json));
}
