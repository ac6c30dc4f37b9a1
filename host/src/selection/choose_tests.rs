//! The rule against made-up backends; what fits and what can be used is said by the test.

use super::*;
use crate::{
    discovery::Source,
    manifest::{Condition, Manifest},
};

fn found(id: &str, priority: i64, fallback: bool) -> Found {
    let manifest = Manifest {
        id: id.into(),
        summary: String::new(),
        library: "x.so".into(),
        api: (1, 0),
        scopes: vec![Scope::System],
        priority,
        fallback,
        fits: Condition::All(Vec::new()),
    };
    Found {
        id: id.into(),
        path: format!("/b/{id}.toml").into(),
        source: Source::Program,
        manifest: Ok(manifest),
        judged: None,
    }
}

fn broken(id: &str) -> Found {
    let error = Error::new(ErrorKind::Plugin, format!("{id} is broken"));
    Found { manifest: Err(error), ..found(id, 0, false) }
}

/// An installation, and what this machine makes of it.
#[derive(Default)]
struct Case {
    found: Vec<Found>,
    fitting: &'static [&'static str],
    unusable: &'static [&'static str],
    disabled: &'static [&'static str],
    unreadable: &'static [&'static str],
    ignored: &'static [&'static str],
}

impl Case {
    fn choose(&self, wish: Wish<'_>) -> Result<(String, Vec<String>)> {
        let candidate = |found| Candidate {
            found,
            priority: found.manifest.as_ref().map_or(0, |manifest| manifest.priority),
            disabled: self.disabled.contains(&found.id.as_str()),
        };
        let candidates: Vec<_> = self.found.iter().map(candidate).collect();
        let fits = |found: &Found| self.fitting.contains(&found.id.as_str());
        let examine = |found: &Found| match self.unusable.contains(&found.id.as_str()) {
            true => Err(Error::new(ErrorKind::Plugin, format!("{} is unusable", found.id))),
            false => Ok(()),
        };
        let error = |text: &&str| Error::new(ErrorKind::Io, *text);
        let folders = Folders {
            unreadable: self.unreadable.iter().map(error).collect(),
            ignored: self.ignored.iter().map(error).collect(),
        };
        let (found, (), warnings) = choose(&candidates, folders, wish, Scope::System, fits, examine)?;
        Ok((found.id.clone(), warnings.into_iter().map(|error| error.message).collect()))
    }

    #[track_caller]
    fn chooses(&self, id: &str, warnings: &[&str]) {
        let (chosen, told) = self.choose(Wish::Whatever).expect("a choice");
        assert_eq!(
            (chosen.as_str(), told.iter().map(String::as_str).collect::<Vec<_>>().as_slice()),
            (id, warnings)
        );
    }

    #[track_caller]
    fn fails(&self, wish: Wish<'_>, kind: ErrorKind, message: &str) -> Error {
        let error = self.choose(wish).expect_err("no choice");
        assert_eq!((error.kind, error.message.as_str()), (kind, message));
        error
    }
}

fn usual() -> Vec<Found> {
    vec![found("local", 0, true), found("low", 300, false), found("high", 500, false)]
}

#[test]
fn the_highest_priority_that_fits_is_chosen() {
    Case { found: usual(), fitting: &["high", "low", "local"], ..Case::default() }.chooses("high", &[]);
    Case { found: usual(), fitting: &["low", "local"], ..Case::default() }.chooses("low", &[]);
}

#[test]
fn equals_are_ordered_by_id() {
    let found = vec![found("b", 5, false), found("a", 5, false)];
    Case { found, fitting: &["a", "b"], ..Case::default() }.chooses("a", &[]);
}

#[test]
fn a_fallback_is_chosen_only_when_nothing_else_fits_whatever_its_priority() {
    let found = vec![found("fallback", 900, true), found("low", 1, false)];
    Case { found: found.clone(), fitting: &["fallback", "low"], ..Case::default() }.chooses("low", &[]);
    Case { found, fitting: &["fallback"], ..Case::default() }.chooses("fallback", &[]);
}

#[test]
fn what_is_disabled_is_passed_over() {
    let case = Case { found: usual(), fitting: &["high", "low"], disabled: &["high"], ..Case::default() };
    case.chooses("low", &[]);
    let message = "the backend `high` is disabled in the configuration";
    case.fails(Wish::Requested("high"), ErrorKind::NoBackend, message);
}

#[test]
fn another_that_cannot_be_used_is_a_warning() {
    let mut found = usual();
    found.push(broken("odd"));
    Case { found, fitting: &["low", "local"], ..Case::default() }.chooses("low", &["odd is broken"]);
    Case { found: usual(), fitting: &["high", "low"], unusable: &["high"], ..Case::default() }
        .chooses("low", &["high is unusable"]);
    Case { found: usual(), fitting: &["low"], unusable: &["high"], ..Case::default() }.chooses("low", &[]);
}

#[test]
fn what_cannot_be_used_does_not_give_way_to_a_fallback() {
    let case = Case { found: usual(), fitting: &["high", "local"], unusable: &["high"], ..Case::default() };
    let message = "`local` would be chosen instead of a backend that can't be used: high is unusable";
    let error = case.fails(Wish::Whatever, ErrorKind::Plugin, message);
    assert_eq!(error.hint.as_deref(), Some("or say `--backend local`, if that is meant"));
    assert_eq!(case.choose(Wish::Requested("local")).map(|(id, _)| id), Ok("local".into()));
    let mut found = usual();
    found.push(broken("odd"));
    let message = "`local` would be chosen instead of a backend that can't be used: odd is broken";
    let case = Case { found, fitting: &["local"], ..Case::default() };
    case.fails(Wish::Whatever, ErrorKind::Plugin, message);
    Case { disabled: &["odd"], ..case }.chooses("local", &[]);
}

#[test]
fn asking_for_one_that_cannot_be_used_is_an_error() {
    let mut found = usual();
    found.push(broken("odd"));
    let case = Case { found, fitting: &["low"], unusable: &["high"], ..Case::default() };
    case.fails(Wish::Requested("odd"), ErrorKind::Plugin, "odd is broken");
    case.fails(Wish::Requested("high"), ErrorKind::Plugin, "high is unusable");
    case.fails(Wish::Requested("no"), ErrorKind::NoBackend, "the backend `no` is not installed");
    let message = "the backend `no`, which the configuration chooses, is not installed";
    case.fails(Wish::Configured("no"), ErrorKind::NoBackend, message);
}

#[test]
fn one_that_was_asked_for_need_not_fit_but_has_to_serve_the_scope() {
    let mut narrow = found("narrow", 1, false);
    narrow.manifest.as_mut().expect("a manifest").scopes = vec![Scope::User];
    let case = Case { found: vec![found("low", 1, false), narrow], fitting: &["narrow"], ..Case::default() };
    assert_eq!(case.choose(Wish::Requested("low")).map(|(id, _)| id), Ok("low".into()));
    let message = "the backend `narrow` does not serve the system scope";
    case.fails(Wish::Requested("narrow"), ErrorKind::Unsupported, message);
    case.fails(Wish::Whatever, ErrorKind::NoBackend, "no backend fits this machine");
}

#[test]
fn nothing_installed_and_nothing_fitting_are_two_errors() {
    Case::default().fails(Wish::Whatever, ErrorKind::NoBackend, "no backend is installed");
    Case { found: usual(), ..Case::default() }.fails(
        Wish::Whatever,
        ErrorKind::NoBackend,
        "no backend fits this machine",
    );
}

#[test]
fn a_folder_that_cannot_be_read_does_not_give_way_to_a_fallback() {
    let case = Case { found: usual(), fitting: &["local"], unreadable: &["dark"], ..Case::default() };
    let message = "`local` would be chosen instead of a backend that can't be used: dark";
    case.fails(Wish::Whatever, ErrorKind::Io, message);
    assert_eq!(case.choose(Wish::Requested("local")), Ok(("local".into(), vec!["dark".into()])));
    Case { fitting: &["low", "local"], ..case }.chooses("low", &["dark"]);
    let case = Case { unreadable: &["dark"], ..Case::default() };
    let error = case.fails(Wish::Whatever, ErrorKind::NoBackend, "no backend is installed");
    assert!(error.hint.expect("a hint").starts_with("dark; "));
    let error =
        case.fails(Wish::Requested("low"), ErrorKind::NoBackend, "the backend `low` is not installed");
    assert!(error.hint.expect("a hint").starts_with("dark; "));
}

#[test]
fn a_folder_that_is_ignored_is_a_warning() {
    let case = Case { found: usual(), fitting: &["local"], ignored: &["theirs"], ..Case::default() };
    case.chooses("local", &["theirs"]);
}

#[test]
fn that_none_fits_is_said_whatever_is_wrong_with_others() {
    let mut found = usual();
    found.push(broken("odd"));
    let case = Case { found, ..Case::default() };
    let error = case.fails(Wish::Whatever, ErrorKind::NoBackend, "no backend fits this machine");
    assert!(error.hint.expect("a hint").starts_with("odd is broken; `anysvc detect --explain`"));
    let case = Case { fitting: &["high"], unusable: &["high"], ..case };
    case.fails(Wish::Whatever, ErrorKind::Plugin, "high is unusable");
}

#[test]
fn what_the_store_names_is_loaded_although_it_is_disabled() {
    let case = Case { found: usual(), disabled: &["high"], ..Case::default() };
    assert_eq!(case.choose(Wish::Stored("high")).map(|(id, _)| id), Ok("high".into()));
    for wish in [Wish::Requested("high"), Wish::Configured("high")] {
        assert_eq!(case.choose(wish).expect_err("no choice").kind, ErrorKind::NoBackend);
    }
    case.fails(Wish::Stored("no"), ErrorKind::NoBackend, "the backend `no` is not installed");
}
