//! What registering would do, without doing it.

use std::path::Path;

use anysvc_backend_api::{Registration, RenderedFile, Rendering, Result};

use crate::{
    register::render_directory,
    scripts::{Owner, Tools},
};

/// The files and the calls for one service.
///
/// # Errors
/// What registering it would refuse.
pub(crate) fn render(
    registration: &Registration,
    scandir: &Path,
    owner: &Owner,
    tools: &Tools,
) -> Result<Rendering> {
    let directory = render_directory(registration, owner, tools)?;
    let slot = scandir.join(&registration.spec.name);
    let logger = directory.files.iter().any(|file| file.path.starts_with("log"));
    let mut files: Vec<RenderedFile> = directory
        .files
        .into_iter()
        .map(|file| RenderedFile {
            path: slot.join(file.path),
            mode: file.mode,
            content: file.content.into(),
            secret: file.secret,
        })
        .collect();
    if !registration.start {
        files.push(RenderedFile {
            path: slot.join("down"),
            mode: 0o644,
            content: Vec::new().into(),
            secret: false,
        });
    }
    Ok(Rendering { files, calls: calls(registration, scandir, &slot, logger) })
}

fn calls(registration: &Registration, scandir: &Path, slot: &Path, logger: bool) -> Vec<String> {
    let slot = slot.display();
    let mut calls = vec![
        format!("lock {} (flock)", scandir.display()),
        format!("build {}/.anysvc-RANDOM with the files above", scandir.display()),
        "in it, make event/ (3730), supervise/ (0700) and supervise/control (a FIFO, 0600)".to_owned(),
        "in it, write supervise/lock (0644): a note of which parts it has".to_owned(),
    ];
    if logger {
        calls.push("the same in its log/".to_owned());
    }
    calls.push(format!("rename it to {slot}"));
    calls.push(format!("write `a` to {}/.s6-svscan/control: s6-svscan looks again", scandir.display()));
    calls.push(format!("wait until s6-supervise holds the lock {slot}/supervise/lock"));
    if registration.start {
        calls.push(format!("wait until {slot}/supervise/status says that it was started"));
    }
    calls
}
