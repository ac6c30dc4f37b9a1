//! Where the store is, and what decided that. Creates and reads nothing in it.

use std::path::{Path, PathBuf};

use anysvc_backend_api::{Error, ErrorKind, Result, Scope};

use super::Environment;
use crate::trust;

/// The system's store, unless something says otherwise.
const SYSTEM_STORE: &str = "/var/lib/anysvc";

/// The folder of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateDir {
    /// The folder; absolute, and not necessarily there.
    pub path: PathBuf,
    /// What named it.
    pub source: StateDirSource,
    /// What would have counted before it, but must not, and why.
    pub warnings: Vec<String>,
}

/// What named the folder of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateDirSource {
    /// `--state-dir`.
    CommandLine,
    /// `ANYSVC_STATE_DIR`.
    Variable,
    /// `state-dir` in the configuration.
    Configuration,
    /// `XDG_STATE_HOME`.
    XdgStateHome,
    /// The caller's home.
    Home,
    /// Nothing: the system's own place.
    System,
}

pub(super) fn resolve(env: &Environment, configured: Option<&Path>, scope: Scope) -> Result<StateDir> {
    let found = named(env, configured, scope)?;
    if env.caller().elevated() {
        trust::check_way(&found.path, env.owners()).map_err(|fault| refused(fault, &found.path))?;
    }
    Ok(found)
}

/// Who started the program may not choose, by an option nor by what is kept at home, what it acts on.
fn refused(mut fault: Error, path: &Path) -> Error {
    fault.kind = ErrorKind::PermissionDenied;
    fault.message = format!(
        "this program has more rights than who started it, and does not use {}: {}",
        path.display(),
        fault.message
    );
    fault
}

fn named(env: &Environment, configured: Option<&Path>, scope: Scope) -> Result<StateDir> {
    use StateDirSource::{CommandLine, Configuration, Home, System, Variable, XdgStateHome};
    let mut warnings = Vec::new();
    if let Some(path) = &env.overrides().state_dir {
        return Ok(StateDir { path: absolute(path)?, source: CommandLine, warnings });
    }
    if let Some(path) = env.variable("ANYSVC_STATE_DIR").map(PathBuf::from) {
        let path = absolute(&path)?;
        // Root started from a user's session must not act on what that user wrote.
        match env.caller().is_root().then(|| trust::check_way(&path, env.owners())).transpose() {
            Ok(_) => return Ok(StateDir { path, source: Variable, warnings }),
            Err(fault) => warnings.push(format!("ANYSVC_STATE_DIR is ignored: {fault}")),
        }
    }
    let (path, source) = if let Some(path) = configured {
        (expand(path, env)?, Configuration)
    } else if scope == Scope::System {
        (PathBuf::from(SYSTEM_STORE), System)
    } else if let Some(folder) = env.xdg_folder("XDG_STATE_HOME", ".local/state") {
        let named = env.variable("XDG_STATE_HOME").is_some_and(|value| folder.as_os_str() == value);
        (folder.join("anysvc"), if named { XdgStateHome } else { Home })
    } else if let Some(home) = env.home() {
        (home.join(".local/state/anysvc"), Home)
    } else {
        let message = "nothing says where to keep state: this account has no home";
        return Err(Error::new(ErrorKind::Usage, message)
            .with_hint("name a folder with --state-dir or ANYSVC_STATE_DIR"));
    };
    Ok(StateDir { path, source, warnings })
}

fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).map_err(|cause| Error::io("find", path, &cause))
}

/// `{user}` and `{uid}` in the configuration's `state-dir`, which is one for all callers.
fn expand(path: &Path, env: &Environment) -> Result<PathBuf> {
    let Some(text) = path.to_str().filter(|text| text.contains('{')) else { return Ok(path.to_owned()) };
    let user = env.user();
    let text = text.replace("{uid}", &user.uid.to_string());
    match user.name {
        Some(name) => Ok(text.replace("{user}", &name).into()),
        None if text.contains("{user}") => {
            let message = format!("user {} has no name, which `state-dir` asks for", user.uid);
            Err(Error::new(ErrorKind::Usage, message).with_hint("use {uid} in the configuration instead"))
        }
        None => Ok(text.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::{Caller, Overrides, Variables};

    const USER: u32 = 54_321;

    fn env(caller: Caller, variables: &[(&str, &str)]) -> Environment {
        Environment::assemble(Overrides::default(), caller, Variables::given(variables.iter().copied()))
    }

    fn path(env: &Environment, configured: Option<&str>, scope: Scope) -> String {
        let found = env.state_dir(configured.map(Path::new), scope).expect("a folder");
        found.path.display().to_string()
    }

    #[test]
    fn the_order_is_variable_configuration_xdg_home() {
        let user = || Caller::plain(USER, USER);
        let all = [("ANYSVC_STATE_DIR", "/a"), ("XDG_STATE_HOME", "/x"), ("HOME", "/h")];
        assert_eq!(path(&env(user(), &all), Some("/c"), Scope::User), "/a");
        assert_eq!(path(&env(user(), &all[1..]), Some("/c/{uid}"), Scope::User), "/c/54321");
        assert_eq!(path(&env(user(), &all[1..]), None, Scope::User), "/x/anysvc");
        assert_eq!(path(&env(user(), &all[2..]), None, Scope::User), "/h/.local/state/anysvc");
        assert_eq!(path(&env(user(), &all[1..]), None, Scope::System), "/var/lib/anysvc");
        let error = env(user(), &[]).state_dir(None, Scope::User).expect_err("no home at all");
        assert_eq!(error.kind, ErrorKind::Usage);
    }

    #[test]
    fn the_command_line_wins() {
        let overrides = Overrides { state_dir: Some("/o".into()), ..Overrides::default() };
        let variables = Variables::given([("ANYSVC_STATE_DIR", "/a")]);
        let env = Environment::assemble(overrides, Caller::plain(USER, USER), variables);
        assert_eq!(path(&env, Some("/c"), Scope::User), "/o");
    }

    #[test]
    fn an_elevated_caller_gets_the_systems_place_whatever_is_set() {
        let all = [("ANYSVC_STATE_DIR", "/a"), ("XDG_STATE_HOME", "/x"), ("HOME", "/h")];
        let elevated = Caller { secure: true, ..Caller::plain(0, 0) };
        assert_eq!(path(&env(elevated, &all), None, Scope::System), "/var/lib/anysvc");
        let setuid = Caller { uid: USER, ..Caller::plain(0, 0) };
        assert_eq!(path(&env(setuid, &all), None, Scope::System), "/var/lib/anysvc");
    }

    #[test]
    fn root_does_not_follow_the_session_it_was_started_from() {
        let session = [("XDG_STATE_HOME", "/x"), ("HOME", "/h")];
        let root = env(Caller::plain(0, 0), &session);
        assert_eq!(path(&root, None, Scope::System), "/var/lib/anysvc");
        assert_eq!(path(&root, None, Scope::User), "/root/.local/state/anysvc");
    }

    #[test]
    fn roots_state_is_not_found_through_a_link_of_somebody_elses() {
        use std::os::unix::fs::{PermissionsExt as _, lchown, symlink};
        let (theirs, roots) =
            (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        std::fs::set_permissions(theirs.path(), std::fs::Permissions::from_mode(0o755)).expect("a mode");
        let link = theirs.path().join("state");
        symlink(roots.path(), &link).expect("a link");
        let state = || {
            let root = env(Caller::plain(0, 0), &[("ANYSVC_STATE_DIR", link.to_str().expect("text"))]);
            root.state_dir(None, Scope::System).expect("a folder")
        };
        assert_eq!(state().source, StateDirSource::Variable);
        lchown(&link, Some(USER), None).expect("these tests have to run as root");
        assert_eq!(state().path, Path::new(SYSTEM_STORE));
        assert!(state().warnings[0].contains("state is not trusted: somebody else owns it (owner 54321"));
        lchown(&link, Some(0), None).expect("an owner");
        lchown(theirs.path(), Some(USER), None).expect("an owner");
        assert_eq!(state().source, StateDirSource::System);
    }
}
