//! What nobody may touch, and an unprivileged user who tries to have it touched: he puts links to it
//! in the place of what he owns, while somebody more powerful works there.

use crate::{APP, Lab};
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, mknodat, renameat, statat, symlinkat, unlinkat};
use rustix::process::{Gid, Uid};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};
use std::fs;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// Where it is in the laboratory.
pub const CANARY: &str = "/canary";
/// What its files hold.
pub const PRECIOUS: &str = "precious";
/// Its programs write here whoever runs them.
const RAN: &str = "/srv/ran";

/// A tree of root's in the shape of a service directory, that shows whatever is done to it.
#[derive(Debug)]
pub struct Canary<'lab> {
    lab: &'lab Lab,
    ears: Vec<fs::File>,
    before: Vec<String>,
}

impl<'lab> Canary<'lab> {
    /// Makes it: its folders, files, programs and FIFOs are named from [`CANARY`] on.
    pub fn new(lab: &'lab Lab, folders: &[&str], files: &[&str], programs: &[&str], fifos: &[&str]) -> Self {
        let inside = |name: &&str| Path::new(CANARY).join(name);
        for folder in folders {
            fs::create_dir_all(lab.path(inside(folder))).expect("a folder in the laboratory");
        }
        for file in files {
            lab.write(inside(file), 0, 0o644, PRECIOUS);
        }
        for program in programs {
            lab.write(inside(program), 0, 0o755, format!("#!/bin/sh\nid -u >>{RAN}\n"));
        }
        lab.write(RAN, 0, 0o666, "");
        let nonblock = OFlags::NONBLOCK.bits() as i32;
        let ear = |fifo| {
            let path = lab.path(inside(fifo));
            mknodat(CWD, &path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).expect("a FIFO in it");
            fs::OpenOptions::new().read(true).custom_flags(nonblock).open(path).expect("it can be read")
        };
        let ears = fifos.iter().map(ear).collect();
        let mut canary = Self { lab, ears, before: Vec::new() };
        canary.before = canary.look();
        canary
    }

    /// What was done to it: paths that are not as they were, words that its FIFOs heard, and the
    /// users who ran its programs.
    pub fn harm(&mut self) -> Vec<String> {
        let after = self.look();
        let lost = self.before.iter().filter(|line| !after.contains(line)).map(|line| format!("was {line}"));
        let new = after.iter().filter(|line| !self.before.contains(line)).map(|line| format!("is  {line}"));
        let mut harm: Vec<String> = lost.chain(new).collect();
        let mut heard = Vec::new();
        self.ears.iter_mut().for_each(|ear| drop(ear.read_to_end(&mut heard)));
        if !heard.is_empty() {
            harm.push(format!("was told {:?}", heard.escape_ascii().to_string()));
        }
        let ran = self.lab.read(RAN);
        if !ran.is_empty() {
            harm.push(format!("was run by {ran:?}"));
        }
        harm
    }

    /// Every path with all that a change of it leaves behind: the times of an inode tell of any.
    fn look(&self) -> Vec<String> {
        let top = self.lab.path(CANARY);
        let (mut found, mut folders) = (Vec::new(), vec![top.clone()]);
        while let Some(folder) = folders.pop() {
            found.push(line(&top, &folder));
            for entry in fs::read_dir(&folder).expect("a folder of the canary") {
                let path = entry.expect("an entry of it").path();
                let kind = path.symlink_metadata().expect("what is there has a kind").file_type();
                if kind.is_dir() { folders.push(path) } else { found.push(line(&top, &path)) }
            }
        }
        found.sort();
        found
    }
}

fn line(top: &Path, path: &Path) -> String {
    let about = path.symlink_metadata().expect("what is there can be looked at");
    let content = if about.is_file() { fs::read(path).unwrap_or_default() } else { Vec::new() };
    format!(
        "{} uid {} gid {} mode {:o} links {} modified {}.{:09} changed {}.{:09} {:?}",
        path.strip_prefix(top).unwrap_or(path).display(),
        about.uid(),
        about.gid(),
        about.permissions().mode(),
        about.nlink(),
        about.mtime(),
        about.mtime_nsec(),
        about.ctime(),
        about.ctime_nsec(),
        content.escape_ascii().to_string(),
    )
}

/// What is swapped.
#[derive(Clone, Debug)]
pub enum Prey {
    /// This path, from the scandir on, for a link to that.
    Path(String, PathBuf),
    /// Whatever appears in the scandir under a name that begins so, and these paths in it (an empty one is
    /// itself), for links to the same paths below that.
    Beginning(&'static str, &'static [&'static str], PathBuf),
}

/// An attack: how often a link was put there while somebody worked.
#[derive(Debug, Default)]
pub struct Swaps {
    over: AtomicBool,
    working: AtomicBool,
    hits: AtomicU32,
    serial: AtomicU32,
}

impl Swaps {
    /// Swaps in that folder of the laboratory, as [`APP`], for as long as `work` works. Returns how many
    /// links were there while it did: from before the link came until after it went.
    pub fn during(lab: &Lab, scandir: &str, prey: &Prey, work: impl FnOnce(&Swaps)) -> u32 {
        let swaps = Self::default();
        let scandir = fs::File::open(lab.path(scandir)).expect("the scandir can be opened").into();
        std::thread::scope(|scope| {
            let attacker = scope.spawn(|| {
                become_app();
                while !swaps.over.load(Ordering::Acquire) {
                    swaps.round(&scandir, prey);
                }
            });
            let over = Over(&swaps.over);
            work(&swaps);
            drop(over);
            attacker.join().expect("the attacker only tries");
        });
        swaps.hits.into_inner()
    }

    /// Does some work, so that it is known that somebody works.
    pub fn working<T>(&self, work: impl FnOnce() -> T) -> T {
        self.working.store(true, Ordering::Release);
        let done = work();
        self.working.store(false, Ordering::Release);
        done
    }

    /// How many links were there so far.
    pub fn hits(&self) -> u32 {
        self.hits.load(Ordering::Relaxed)
    }

    fn round(&self, scandir: &OwnedFd, prey: &Prey) {
        match prey {
            Prey::Path(path, target) => self.swap(scandir, path, target),
            Prey::Beginning(beginning, inside, target) => {
                for name in names(scandir).filter(|name| name.starts_with(beginning) && !name.contains('~')) {
                    for below in *inside {
                        let path = format!("{name}/{below}");
                        // A slash at its end would follow the link.
                        self.swap(scandir, path.trim_end_matches('/'), &target.join(below));
                    }
                }
            }
        }
    }

    /// Puts a link in the place of a path, and what was there back.
    fn swap(&self, scandir: &OwnedFd, path: &str, target: &Path) {
        // A new name each time: what could not be put back must not end the attack.
        let aside = format!("{path}~{}", self.serial.fetch_add(1, Ordering::Relaxed));
        let works = self.working.load(Ordering::Acquire);
        let was = renameat(scandir, path, scandir, &aside).is_ok();
        if (was || statat(scandir, path, AtFlags::SYMLINK_NOFOLLOW).is_err())
            && symlinkat(target, scandir, path).is_ok()
        {
            // The other side gets its turn while the link is there.
            std::thread::yield_now();
            let _ = unlinkat(scandir, path, AtFlags::empty());
            self.hits.fetch_add(u32::from(works && self.working.load(Ordering::Acquire)), Ordering::Relaxed);
        }
        if was {
            let _ = renameat(scandir, &aside, scandir, path);
        }
    }
}

/// Ends an attack, also where work on it panics.
struct Over<'s>(&'s AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

fn names(scandir: &OwnedFd) -> impl Iterator<Item = String> + use<> {
    let listed: Vec<_> = rustix::fs::Dir::read_from(scandir).into_iter().flatten().flatten().collect();
    listed.into_iter().filter_map(|entry| entry.file_name().to_str().ok().map(str::to_owned))
}

/// This thread alone; the folders that root opened stay open.
fn become_app() {
    let (uid, gid) = (Uid::from_raw(APP), Gid::from_raw(APP));
    set_thread_groups(&[]).expect("root can drop its groups");
    set_thread_res_gid(gid, gid, gid).expect("root can change its group");
    set_thread_res_uid(uid, uid, uid).expect("root can become somebody else");
}
