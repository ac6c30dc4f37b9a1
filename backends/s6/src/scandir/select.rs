//! Which scandir serves the caller: the one of the configuration if an s6-svscan listens there, else
//! that of process 1. It reads no environment: the facts are given.

use std::path::{Path, PathBuf};

use anysvc_backend_api::{Bytes, Context, Error, ErrorKind, Result, User, Value};

use super::{Listener, Svscan};

/// Where s6-overlay, and most images, have it.
const DEFAULT: &str = "/run/service";
/// What process 1 is called where it is an s6-svscan.
pub(crate) const COMM: &str = "s6-svscan";

/// Which scandir, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    /// The folder.
    pub(crate) path: PathBuf,
    /// The arguments of its s6-svscan, where they are known already.
    pub(crate) arguments: Option<Vec<Bytes>>,
    /// The one of the configuration, where nothing listens there.
    pub(crate) silent: Option<PathBuf>,
    /// Why this one, for people.
    pub(crate) reason: &'static str,
}

/// Decides.
///
/// # Errors
/// `usage` for a setting that is no text; `io` where it can't be seen whether an s6-svscan listens.
pub(crate) fn choose(context: &Context) -> Result<Choice> {
    let is_pid1 = context.facts.pid1_comm.as_deref() == Some(COMM);
    let of_pid1 = |silent| match &context.facts.pid1_args {
        arguments if is_pid1 => Choice {
            path: of_pid1(arguments),
            arguments: Some(arguments.clone()),
            silent,
            reason: "that of process 1",
        },
        _ => Choice { path: DEFAULT.into(), arguments: None, silent, reason: "the usual one" },
    };
    let Some(configured) = configured(&context.settings, &context.user)? else { return Ok(of_pid1(None)) };
    let listens = Svscan::new(&configured).listener()? != Listener::Nobody;
    // Without an s6-svscan as process 1 what was configured is what the operator wants to hear of; but
    // before process 1 becomes one, somebody without a folder there has his services where it will look.
    let nowhere_else = || !is_pid1 && (configured.is_dir() || !Path::new(DEFAULT).is_dir());
    if listens || nowhere_else() {
        let reason = "the one of the configuration";
        return Ok(Choice { path: configured, arguments: None, silent: None, reason });
    }
    Ok(of_pid1(Some(configured)))
}

/// The setting `scandir`, with `{user}` replaced.
fn configured(settings: &Value, user: &User) -> Result<Option<PathBuf>> {
    let text = match settings.get("scandir") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Text(text)) if text.starts_with('/') => text,
        Some(_) => {
            return Err(Error::new(ErrorKind::Usage, "the setting `scandir` of s6 is no absolute path")
                .with_hint("write `scandir = \"/run/{user}/service\"` in `[backend.s6]`"));
        }
    };
    let name = user.name.clone().unwrap_or_else(|| user.uid.to_string());
    Ok(Some(PathBuf::from(text.replace("{user}", &name))))
}

/// The folder that an s6-svscan with these arguments serves. All its options take a value, save the `-s`
/// and `-S` of 2.9 and older.
fn of_pid1(arguments: &[Bytes]) -> PathBuf {
    let mut rest = arguments.iter().skip(1).map(|b| &b[..]);
    while let Some(argument) = rest.next() {
        match argument {
            b"--" => return rest.next().map_or_else(|| DEFAULT.into(), folder),
            [b'-', b'-', ..] => {}
            [b'-', b's' | b'S'] => {}
            [b'-', _] => drop(rest.next()),
            [b'-', _, ..] => {}
            path => return folder(path),
        }
    }
    DEFAULT.into()
}

fn folder(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    // Process 1 is started in the root folder.
    Path::new("/").join(std::ffi::OsStr::from_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn finds(arguments: &[&str], expected: &str) {
        let arguments: Vec<_> = arguments.iter().map(|a| Bytes::from(*a)).collect();
        assert_eq!(of_pid1(&arguments), Path::new(expected), "{arguments:?}");
    }

    #[test]
    fn the_argument_of_process_1_that_is_no_option_is_the_scandir() {
        finds(&[], "/run/service");
        finds(&["s6-svscan"], "/run/service");
        finds(&["s6-svscan", "/srv"], "/srv");
        finds(&["s6-svscan", "-t0", "/run/service"], "/run/service");
        finds(&["s6-svscan", "-d", "4", "-X3", "--", "/a b"], "/a b");
        finds(&["s6-svscan", "-c", "12000", "rel"], "/rel");
        finds(&["s6-svscan", "--services-max=9", "/x"], "/x");
        finds(&["s6-svscan", "-st", "0", "/x"], "/0");
        finds(&["s6-svscan", "--"], "/run/service");
    }

    #[test]
    fn another_process_1_has_no_say() {
        let mut context = Context::for_tests();
        context.facts.pid1_args = ["/sbin/docker-init", "--", "/init"].map(Bytes::from).to_vec();
        context.facts.pid1_comm = Some("docker-init".to_owned());
        let choice = choose(&context).unwrap();
        assert_eq!((choice.path.as_path(), choice.arguments), (Path::new(DEFAULT), None));
    }

    #[test]
    fn the_users_name_or_number_fills_in_the_setting() {
        let settings = Value::Map(vec![("scandir".into(), "/run/{user}/service".into())]);
        let mut user = User { uid: 10_000, gid: 1, groups: vec![], name: Some("app".into()), home: None };
        assert_eq!(configured(&settings, &user).unwrap().unwrap(), Path::new("/run/app/service"));
        user.name = None;
        assert_eq!(configured(&settings, &user).unwrap().unwrap(), Path::new("/run/10000/service"));
        assert!(configured(&Value::Map(vec![("scandir".into(), "rel".into())]), &user).is_err());
        assert_eq!(configured(&Value::Null, &user), Ok(None));
    }
}
