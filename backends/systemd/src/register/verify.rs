//! Has systemd itself read what is passed through to it as it is, before anything is changed: what it does
//! not know it would pass over, with nothing but a line in its journal. It must not know what a directive
//! means.

use std::{
    fs::{self, DirBuilder},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anysvc_backend_api::{Batch, Deadline, Error, ErrorKind, Registration, Result};
use anysvc_backend_support::{command, publish::random_name};

use crate::{
    place::Place,
    unit::{self, Files},
};

const PROGRAMS: [&str; 2] = ["/usr/bin/systemd-analyze", "/bin/systemd-analyze"];
/// It takes some hundredths of a second.
const AT_MOST: Duration = Duration::from_secs(10);

/// Refuses what systemd would pass over.
pub(super) fn verify(
    place: &Place,
    batch: &Batch<Registration>,
    files: Vec<Result<Files>>,
) -> Vec<Result<Files>> {
    let passed: Vec<Option<String>> =
        batch.items.iter().map(|registration| unit::passed_through(&registration.spec).ok()?).collect();
    if passed.iter().all(Option::is_none) {
        return files;
    }
    let said = match ask(place, &passed, batch.deadline) {
        Ok(said) => said,
        Err(error) => {
            log::warn!("`native.systemd` is passed through unchecked: {error}");
            return files;
        }
    };
    let pairs = files.into_iter().zip(passed.iter().enumerate());
    let judge = |(files, (at, text)): (Result<Files>, (usize, &Option<String>))| {
        let files = files?;
        text.as_deref().map_or(Ok(()), |text| complaint(&said, &file_name(at), text)).map(|()| files)
    };
    pairs.map(judge).collect()
}

/// What systemd says of each line. The words are systemd's own (`log_syntax` in its sources), which it does not
/// translate: `FOLDER/FILE:LINE: WHAT, ignoring`.
fn complaint(said: &str, file: &str, text: &str) -> Result<()> {
    for line in said.lines() {
        let Some((_, about)) = line.split_once(&format!("/{file}:")) else { continue };
        let Some((number, what)) = about.split_once(": ") else { continue };
        let at = number.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        let directive = at.and_then(|at| text.lines().nth(at)).and_then(|line| line.split('=').next());
        let Some(directive) = directive else { continue };
        if !what.contains("ignor") {
            log::warn!("native.systemd, `{directive}`: {what}");
            continue;
        }
        let message = format!("native.systemd: systemd would pass over `{directive}`: {what}");
        return Err(Error::new(ErrorKind::InvalidSpec, message)
            .with_hint("`man systemd.directives` lists all that there are; an older systemd has fewer"));
    }
    Ok(())
}

/// What systemd-analyze says of all of them.
fn ask(place: &Place, passed: &[Option<String>], deadline: Deadline) -> Result<String> {
    let program = PROGRAMS
        .into_iter()
        .find(|path| Path::new(path).exists())
        .ok_or_else(|| Error::new(ErrorKind::CommandFailed, "systemd-analyze is not there"))?;
    let folder = Private::new(place)?;
    let mut analyze = Command::new(program);
    // The system's manager is imitated for users too: it needs no session, and reads the same directives.
    analyze.args(["verify", "--man=no"]).env_clear();
    analyze.envs([
        ("SYSTEMD_LOG_TARGET", "console"),
        ("SYSTEMD_LOG_LEVEL", "notice"),
        ("SYSTEMD_COLORS", "0"),
    ]);
    for (at, text) in passed.iter().enumerate() {
        let Some(text) = text else { continue };
        let path = folder.0.join(file_name(at));
        fs::write(&path, text).map_err(|cause| Error::io("write", &path, &cause))?;
        analyze.arg(path);
    }
    let output = command::run(&mut analyze, &[0, 1], deadline.min(Deadline::after(AT_MOST)))?;
    Ok(String::from_utf8_lossy(&output.stderr).into_owned())
}

fn file_name(at: usize) -> String {
    format!("anysvc-{at}.service")
}

/// A folder for us alone, gone with this; at the next boot in any case.
struct Private(PathBuf);

impl Private {
    fn new(place: &Place) -> Result<Private> {
        let lock = place.lock();
        let runtime = lock.as_deref().and_then(Path::parent).ok_or_else(|| {
            Error::new(ErrorKind::ManagerUnavailable, "there is no runtime folder to write it to")
        })?;
        let failed = |cause| Error::io("create a folder in", runtime, &cause);
        let name = random_name(".anysvc-verify-").map_err(|errno| failed(errno.into()))?;
        let path = runtime.join(name);
        DirBuilder::new().mode(0o700).create(&path).map_err(failed)?;
        Ok(Private(path))
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            log::debug!("cannot remove {}: {error}", self.0.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_passed_over_is_refused_by_its_name() {
        let text = "[Unit]\nFoo=1\n[Service]\nNice=abc\nPIDFile=/var/run/x\n";
        let said = |line: &str| {
            complaint(&format!("Loading.\n/run/.x/anysvc-7.service:{line}\n"), "anysvc-7.service", text)
        };
        for (line, name) in [
            ("2: Unknown key 'Foo' in section [Unit], ignoring.", "`Foo`: Unknown key 'Foo'"),
            ("4: Failed to parse nice priority 'abc', ignoring: Invalid argument", "`Nice`: Failed to parse"),
        ] {
            let error = said(line).unwrap_err();
            assert_eq!(error.kind, ErrorKind::InvalidSpec);
            assert!(error.message.contains(name) && error.hint.is_some(), "{error:?}");
        }
        // What it corrects, what is said of another, and what is no complaint.
        for fine in [
            "5: PIDFile= references a path below legacy directory /var/run/, updating",
            "99: x, ignoring",
            "x",
            "",
        ] {
            assert_eq!(said(fine), Ok(()), "{fine}");
        }
        assert_eq!(
            complaint("/run/.x/anysvc-17.service:2: Unknown key, ignoring", "anysvc-7.service", text),
            Ok(())
        );
    }
}
