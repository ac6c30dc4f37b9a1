//! The files by which the services in a container come back when it starts: under s6-overlay a oneshot of
//! s6-rc, under plain s6 the first step of the container. Rendering only; it looks at which of the two a
//! root folder has, and must not know who writes there.

use std::path::Path;

use anysvc_backend_api::{BootFiles, BootQuery, Error, ErrorKind, RenderedFile, Result, Value};
use anysvc_backend_support::quote;

use crate::tools;

/// The ways, by their names.
const OVERLAY: &str = "s6-overlay";
const PLAIN: &str = "s6";

/// What the service of s6-rc is called.
const ONESHOT: &str = "anysvc-reconcile";
/// The folder of its definition.
const DEFINITION: &str = "/etc/s6-overlay/s6-rc.d/anysvc-reconcile";
/// The script that it runs.
const SCRIPT: &str = "/etc/s6-overlay/scripts/anysvc-reconcile";
/// The first step of a container with plain s6.
const FIRST_STEP: &str = "/etc/anysvc/boot";
/// The scandir of a container with plain s6, unless something else is said.
const SCANDIR: &str = "/run/service";

/// Renders them.
///
/// # Errors
/// `unsupported` where there is no s6 in the container, by the name of a way that there is none of, and for
/// what the way can't do.
pub(crate) fn boot_files(query: &BootQuery) -> Result<BootFiles> {
    match query.form.as_deref() {
        Some(OVERLAY) => overlay(query),
        Some(PLAIN) => plain(query),
        Some(other) => {
            let message = format!("s6 starts in no container as `{}`", other.escape_debug());
            Err(Error::unsupported(message).with_hint(format!("it is one of: {OVERLAY}, {PLAIN}")))
        }
        None if has_overlay(&query.root) => overlay(query),
        None if tools::found_below(&query.root, "s6-svscan").is_some() => plain(query),
        None => Err(Error::unsupported(format!("there is no s6 in {}", query.root.display()))
            .with_hint(format!("install it first, or say which it will be: {OVERLAY} or {PLAIN}"))),
    }
}

fn has_overlay(root: &Path) -> bool {
    ["package/admin/s6-overlay", "etc/s6-overlay"].iter().any(|place| root.join(place).is_dir())
}

/// A oneshot that depends on `base`. `type` and `up` come before what makes s6-rc look at it, so that no
/// boot meets one that can't be compiled.
///
/// # Errors
/// `unsupported` where s6-overlay is not there yet; `usage` for one that comes after itself.
fn overlay(query: &BootQuery) -> Result<BootFiles> {
    if query.after.iter().any(|name| name == ONESHOT) {
        let message =
            format!("`{ONESHOT}` is what comes after: with itself before it s6-rc would start nothing");
        return Err(Error::new(ErrorKind::Usage, message).with_hint("leave this --after out"));
    }
    let script = format!(
        "#!/command/with-contenv sh\n\
         # Brings the services of this container back. Made by `anysvc container install`.\n\
         # s6-rc runs it after `base`, and before what depends on `{ONESHOT}`.\n\
         anysvc_status=0\n\
         anysvc_step() {{ \"$@\" || anysvc_status=$?; }}\n\
         {}exit \"$anysvc_status\"\n",
        steps(query, "")
    );
    let mut files = vec![
        file(SCRIPT, 0o755, script),
        file(format!("{DEFINITION}/type"), 0o644, "oneshot\n"),
        file(format!("{DEFINITION}/up"), 0o644, format!("{SCRIPT}\n")),
    ];
    let before = std::iter::once("base").chain(query.after.iter().map(String::as_str));
    files.extend(before.map(|name| file(format!("{DEFINITION}/dependencies.d/{name}"), 0o644, "")));
    files.push(file(format!("{}/{ONESHOT}", bundle(&query.root)?), 0o644, ""));
    let advice = vec![
        format!(
            "order: s6-rc runs `{ONESHOT}` after `base` (so after /etc/cont-init.d) and beside the other services \
             of the bundle `user`; one that needs services of anysvc gets an empty file \
             /etc/s6-overlay/s6-rc.d/ITS-NAME/dependencies.d/{ONESHOT}"
        ),
        "an s6-svscan of a user's own has to listen before: name its service of s6-rc with --after"
            .to_owned(),
        users_advice(query),
    ];
    Ok(BootFiles { form: OVERLAY.to_owned(), files, advice, settings: Value::Null })
}

/// Where the bundle `user` says what is in it. Up to s6-overlay 3.2.3.1 that was beside the services, and a
/// bundle there still counts alone.
///
/// # Errors
/// `unsupported` where there is neither.
fn bundle(root: &Path) -> Result<&'static str> {
    let places = [
        ("etc/s6-overlay/s6-rc.d/user", "/etc/s6-overlay/s6-rc.d/user/contents.d"),
        ("etc/s6-overlay/user-bundles.d/user", "/etc/s6-overlay/user-bundles.d/user/contents.d"),
    ];
    let found = places.into_iter().find(|(bundle, _)| root.join(bundle).is_dir());
    found.map(|(_, contents)| contents).ok_or_else(|| {
        let message = format!("s6-overlay 3 is not in {}: it has no bundle `user`", root.display());
        Error::unsupported(message)
            .with_hint("extract its archives first; where the bundle is depends on its version")
    })
}

/// A script that makes everything ready, and then becomes what it is given.
fn plain(query: &BootQuery) -> Result<BootFiles> {
    if !query.after.is_empty() {
        let message = "plain s6 has no order of services that `--after` could name";
        return Err(Error::unsupported(message)
            .with_hint("leave it out: everything is made ready before the s6-svscan runs"));
    }
    // Where s6 is only in /command, nothing that is given as `s6-svscan` would be found on PATH.
    let svscan = tools::found_below(&query.root, "s6-svscan").unwrap_or_else(|| "s6-svscan".to_owned());
    let script = format!(
        "#!/bin/sh\n\
         # Makes the services of this container ready, and becomes the command that it is given. Made by\n\
         # `anysvc container install`.\n\
         [ $# -gt 0 ] || set -- {} {SCANDIR}\n\
         case ${{1##*/}} in\n\
         s6-svscan)\n    \
         for anysvc_scandir do :; done\n    \
         mkdir -p -- \"$anysvc_scandir\"\n    \
         ;;\n\
         esac\n\
         anysvc_step() {{ \"$@\" || :; }}\n\
         {}exec \"$@\"\n",
        quoted(&svscan),
        steps(query, " --backend s6")
    );
    let advice = vec![
        format!(
            "order: the container runs `{FIRST_STEP}` first, which runs the s6-svscan: ENTRYPOINT \
             [\"{FIRST_STEP}\"], CMD [\"{svscan}\", \"{SCANDIR}\"]"
        ),
        format!(
            "the scandir is what `scandir` in [backend.s6] of /etc/anysvc/config.toml says, by which s6 is also \
             recognised: {SCANDIR}, unless it says something else already; each user has to be able to write his \
             own. The tree of a user is best run by him, with the same first step: s6-setuidgid USER \
             {FIRST_STEP} {svscan} /run/USER/service, and `scandir = \"/run/{{user}}/service\"`"
        ),
        users_advice(query),
    ];
    Ok(BootFiles {
        form: PLAIN.to_owned(),
        files: vec![file(FIRST_STEP, 0o755, script)],
        advice,
        // An s6-svscan alone, as process 1, is not enough to recognise it by.
        settings: Value::Map(vec![("scandir".to_owned(), SCANDIR.into())]),
    })
}

/// The lines that bring back what each user has. Who is not root can become nobody else, and has services of
/// its own alone. One that fails keeps no other from coming back.
fn steps(query: &BootQuery, options: &str) -> String {
    let reconcile = format!("{}{options} reconcile", quoted(&query.program));
    let found = tools::found_below(&query.root, "s6-setuidgid");
    let become_user = found.unwrap_or_else(|| "s6-setuidgid".to_owned());
    let each: String = query
        .users
        .iter()
        .map(|user| match user.as_str() {
            "root" => format!("    anysvc_step {reconcile}\n"),
            user => format!("    anysvc_step {} {} {reconcile}\n", quoted(&become_user), quoted(user)),
        })
        .collect();
    format!(
        "if [ \"$(id -u)\" = 0 ]; then\n{each}\
         else\n    # The container runs as one user, who can become no other.\n    anysvc_step {reconcile}\nfi\n"
    )
}

fn quoted(text: &str) -> String {
    String::from_utf8_lossy(&quote::sh(text.as_bytes())).into_owned()
}

fn users_advice(query: &BootQuery) -> String {
    format!(
        "users: the services of {} come back, each by that user; more with --user. The folders where they are \
         remembered have to be on volumes (`anysvc show` and docs/configuration.md say which)",
        query.users.join(", ")
    )
}

fn file(path: impl AsRef<Path>, mode: u32, content: impl Into<Vec<u8>>) -> RenderedFile {
    let content: Vec<u8> = content.into();
    RenderedFile { path: path.as_ref().to_owned(), mode, content: content.into(), secret: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(root: &Path, form: Option<&str>) -> BootQuery {
        BootQuery {
            form: form.map(str::to_owned),
            root: root.to_owned(),
            program: "/usr/bin/anysvc".to_owned(),
            users: vec!["root".to_owned(), "app".to_owned()],
            after: Vec::new(),
        }
    }

    fn paths(found: &BootFiles) -> Vec<String> {
        found.files.iter().map(|file| file.path.display().to_string()).collect()
    }

    #[test]
    fn the_way_is_seen_by_what_is_below_the_root() {
        let root = tempfile::tempdir().unwrap();
        let make = |path: &str| std::fs::create_dir_all(root.path().join(path)).unwrap();
        let form = |form| boot_files(&query(root.path(), form)).map(|found| found.form);
        assert!(form(None).unwrap_err().message.starts_with("there is no s6 in "));
        make("usr/bin");
        std::fs::write(root.path().join("usr/bin/s6-svscan"), "").unwrap();
        assert_eq!(form(None).as_deref(), Ok(PLAIN));
        assert!(form(Some(OVERLAY)).unwrap_err().hint.unwrap().starts_with("extract its archives first"));
        make("etc/s6-overlay/s6-rc.d/user");
        assert_eq!(form(None).as_deref(), Ok(OVERLAY));
        assert_eq!(form(Some(PLAIN)).as_deref(), Ok(PLAIN));
        assert!(form(Some("runit")).unwrap_err().hint.unwrap().contains(OVERLAY));
    }

    #[test]
    fn the_bundle_is_where_that_s6_overlay_reads_it() {
        let root = tempfile::tempdir().unwrap();
        let last = || paths(&overlay(&query(root.path(), None)).unwrap()).pop().unwrap();
        let make = |path: &str| std::fs::create_dir_all(root.path().join(path)).unwrap();
        make("etc/s6-overlay/user-bundles.d/user");
        assert_eq!(last(), "/etc/s6-overlay/user-bundles.d/user/contents.d/anysvc-reconcile");
        make("etc/s6-overlay/s6-rc.d/user");
        assert_eq!(last(), "/etc/s6-overlay/s6-rc.d/user/contents.d/anysvc-reconcile", "it counts alone");
    }

    #[test]
    fn what_comes_before_is_a_dependency() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("etc/s6-overlay/s6-rc.d/user")).unwrap();
        let after = vec!["app-tree".to_owned()];
        let with = |form| boot_files(&BootQuery { after: after.clone(), ..query(root.path(), Some(form)) });
        assert!(paths(&with(OVERLAY).unwrap()).contains(&format!("{DEFINITION}/dependencies.d/app-tree")));
        assert!(with(PLAIN).unwrap_err().message.contains("--after"));
        let itself = BootQuery { after: vec![ONESHOT.into()], ..query(root.path(), Some(OVERLAY)) };
        assert!(boot_files(&itself).unwrap_err().message.contains("with itself before it"));
    }
}
