//! `./x build`: the program and its backends, laid out as they are installed.
//!
//! The host and its own backends are built with the same sources and flags, so that their fingerprints
//! agree. On linux-gnu the result is linked without libgcc_s.so.1:
//! the unwinder is linked in statically instead, which makes each start 120 to 140 µs faster.
//! Panics stay contained, as none of them unwinds from one library into another.

use crate::tool::{Done, cargo, must, output};
use anysvc_tests::{repository, target_dir};
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the tree is, which runs from wherever it is put.
pub fn tree() -> PathBuf {
    target_dir().join("anysvc")
}

/// Builds and lays it out.
pub fn run() -> Done {
    let backends = backends().map_err(|error| format!("listing backends/: {error}"))?;
    let target = host_target()?;
    let flags = rustflags(&target)?;
    // The program ends with its first panic, and so has nothing to unwind; a plugin contains its own.
    let program = ["build", "--package", "anysvc", "--bins", "--config", r#"profile.release.panic="abort""#];
    build(&program, &target, &flags)?;
    for id in &backends {
        // By `rustc --crate-type`, because cargo leaves out fat LTO where a library is also built as an
        // rlib (which a backend's own tests link), and the plugin would grow by a tenth.
        let package = format!("anysvc-backend-{id}");
        build(&["rustc", "--package", &package, "--lib", "--crate-type", "cdylib"], &target, &flags)?;
    }
    lay_out(&target_dir().join(&target).join("release"), &backends)
        .map_err(|error| format!("laying out {}: {error}", tree().display()))?;
    eprintln!("x: {} has the program and backends: {}", tree().display(), backends.join(" "));
    Ok(())
}

fn build(verb: &[&str], target: &str, flags: &str) -> Done<()> {
    let mut build = cargo();
    build.args(verb).args(["--release", "--target", target]);
    must(build.env_remove("RUSTFLAGS").env("CARGO_ENCODED_RUSTFLAGS", flags))
}

/// The backends that are ready to be installed: those with a manifest.
fn backends() -> io::Result<Vec<String>> {
    let mut ids = Vec::new();
    for entry in fs::read_dir(repository().join("backends"))? {
        let entry = entry?;
        let id = entry.file_name().to_string_lossy().into_owned();
        if entry.path().join(format!("{id}.toml")).is_file() {
            ids.push(id);
        }
    }
    ids.sort();
    Ok(ids)
}

/// This machine's target triple. It is named to cargo so that our flags are not for build
/// scripts and macros, which would be compiled twice.
fn host_target() -> Done<String> {
    let version = output(Command::new(std::env::var_os("RUSTC").unwrap_or("rustc".into())).arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| "`rustc -vV` names no host".into())
}

/// The caller's flags and ours, in cargo's encoding.
fn rustflags(target: &str) -> Done<String> {
    let mut flags: Vec<String> = match std::env::var("CARGO_ENCODED_RUSTFLAGS") {
        Ok(flags) => flags.split('\x1f').filter(|flag| !flag.is_empty()).map(str::to_owned).collect(),
        Err(_) => {
            std::env::var("RUSTFLAGS").unwrap_or_default().split_whitespace().map(str::to_owned).collect()
        }
    };
    if target.ends_with("-linux-gnu") {
        // A linker script in libgcc_s's place: whoever asks for -lgcc_s gets the static parts.
        let folder = target_dir().join("without-libgcc_s");
        let script = folder.join("libgcc_s.so");
        fs::create_dir_all(&folder)
            .and_then(|()| fs::write(&script, "GROUP ( libgcc_eh.a libgcc.a )\n"))
            .map_err(|error| format!("writing {}: {error}", script.display()))?;
        flags.push(format!("-Lnative={}", folder.display()));
    }
    Ok(flags.join("\x1f"))
}

/// Makes the tree beside the old one and swaps them, so that no half of it is ever seen.
fn lay_out(built: &Path, backends: &[String]) -> io::Result<()> {
    let (new, old) = (tree().with_extension("new"), tree().with_extension("old"));
    for left in [&new, &old] {
        match fs::remove_dir_all(left) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => (),
        }
    }
    let plugins = new.join("lib/anysvc/backends");
    for dir in [&new, &new.join("bin"), &new.join("lib"), &new.join("lib/anysvc"), &plugins] {
        fs::create_dir(dir)?;
        fs::set_permissions(dir, Permissions::from_mode(0o755))?;
    }
    install(&built.join("anysvc"), &new.join("bin/anysvc"), 0o755)?;
    for id in backends {
        let (manifest, library) = (format!("{id}.toml"), format!("libanysvc_{id}.so"));
        install(&repository().join("backends").join(id).join(&manifest), &plugins.join(&manifest), 0o644)?;
        install(&built.join(&library), &plugins.join(&library), 0o644)?;
    }
    match fs::rename(tree(), &old) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => (),
    }
    fs::rename(&new, tree())?;
    if old.exists() { fs::remove_dir_all(old) } else { Ok(()) }
}

fn install(from: &Path, to: &Path, mode: u32) -> io::Result<()> {
    fs::copy(from, to).and_then(|_| fs::set_permissions(to, Permissions::from_mode(mode))).map_err(|error| {
        io::Error::new(error.kind(), format!("{} to {}: {error}", from.display(), to.display()))
    })
}
