//! Root works in a scandir that uid 10000 may write, while uid 10000 swaps folders for links: root never
//! writes, removes or signals anything elsewhere. (What s6-supervise itself follows there is the known
//! hole of the shared scandir, which only a tree of one's own closes.)

mod common;

use std::{
    fs,
    io::Read,
    os::unix::fs::{MetadataExt, OpenOptionsExt, symlink},
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use anysvc_backend_api::{Backend, Batch, Deadline, Target};
use common::{Kind, Single, World, in_world_prepared};
use rustix::fs::{CWD, FileType, Mode, mknodat};

const FOREVER: &str = "exec sleep 1000";
/// How long each attack lasts.
const LONG: Duration = Duration::from_millis(1500);
/// The same where it hardly comes to its turn.
const AT_MOST: Duration = Duration::from_secs(60);

/// A folder of root's that looks like a service directory, and whom nothing may touch.
struct Victim {
    path: PathBuf,
    /// What is written to its control FIFO arrives here.
    ear: fs::File,
}

impl Victim {
    fn new(path: PathBuf) -> Victim {
        for folder in ["supervise", "data", "event", "log/supervise", "env"] {
            fs::create_dir_all(path.join(folder)).unwrap();
        }
        for file in
            ["run", "supervise/death_tally", "supervise/status", "data/delay", "data/gave-up", "data/anysvc"]
        {
            fs::write(path.join(file), "precious").unwrap();
        }
        let control = path.join("supervise/control");
        mknodat(CWD, &control, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let nonblock = rustix::fs::OFlags::NONBLOCK.bits() as i32;
        let ear = fs::OpenOptions::new().read(true).custom_flags(nonblock).open(control).unwrap();
        Victim { path, ear }
    }

    /// Every path with owner, mode and content.
    fn look(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut folders = vec![self.path.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let stat = path.symlink_metadata().unwrap();
                let content = if stat.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
                found.push(format!("{} {} {:o} {content:?}", path.display(), stat.uid(), stat.mode()));
                if stat.is_dir() {
                    folders.push(path);
                }
            }
        }
        found.sort();
        found
    }

    fn heard(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let _ = self.ear.read_to_end(&mut bytes);
        bytes
    }
}

/// Puts a link in the place of `path`, and takes it away again, until it is over.
fn swap(path: &Path, target: &Path, over: &AtomicBool) -> u32 {
    let aside = path.with_file_name(format!(".aside-{}", path.file_name().unwrap().to_string_lossy()));
    let mut swaps = 0;
    while !over.load(Ordering::Relaxed) {
        if fs::rename(path, &aside).is_ok() {
            swaps += u32::from(symlink(target, path).is_ok());
            let _ = fs::remove_file(path);
            let _ = fs::rename(&aside, path);
        }
    }
    swaps
}

/// Root does all that it can do to a service of uid 10000, who meanwhile swaps what is at `below`.
fn attack(kind: Kind, below: &str) {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let act = |world: &World| {
        let mut victim = Victim::new(world.scandir.join("../victim"));
        let before = victim.look();
        let as_app = |act: &(dyn Fn() + Sync)| {
            std::thread::scope(|scope| {
                let run = || {
                    world.become_user();
                    act();
                };
                scope.spawn(run).join().unwrap();
            });
        };
        let roots = world.backend();
        let (mut rounds, mut swaps) = (0, 0);
        let begun = Instant::now();
        while begun.elapsed() < if swaps > 10 { LONG } else { AT_MOST } {
            as_app(&|| drop(world.backend().register_one(world.logged("bait", FOREVER))));
            let over = AtomicBool::new(false);
            std::thread::scope(|scope| {
                // An empty name would add a slash, which follows links.
                let inside = |folder: PathBuf| if below.is_empty() { folder } else { folder.join(below) };
                let (path, target) = (inside(world.slot("bait")), inside(victim.path.clone()));
                let over = &over;
                let attacker = scope.spawn(move || {
                    world.become_user();
                    swap(&path, &target, over)
                });
                let soon = || Deadline::after(Duration::from_millis(40));
                let bait = || Batch { items: vec![Target::new("bait")], deadline: soon() };
                for _ in 0..4 {
                    let _ = (roots.status(&bait()), roots.stop(&bait()), roots.start(&bait()));
                    let _ = (roots.restart(&bait()), roots.signal_one("bait", "HUP"));
                }
                let _ = roots.unregister(&bait());
                over.store(true, Ordering::Relaxed);
                swaps += attacker.join().unwrap();
            });
            rounds += 1;
            as_app(&|| {
                drop(world.backend().unregister(&Batch {
                    items: vec![Target::new("bait")],
                    deadline: Deadline::after(Duration::from_secs(5)),
                }))
            });
        }
        assert!(rounds > 0 && swaps > 10, "{rounds} rounds, {swaps} swaps: no attack at all");
        assert_eq!(victim.look(), before);
        assert_eq!(victim.heard(), b"", "nothing was told to the victim's supervisor");
    };
    in_world_prepared(kind, &[], act, |_| ());
}

#[test]
fn a_service_directory_that_becomes_a_link_leads_nowhere() {
    // Under root's s6-svscan, a supervisor of root's would be started where the link leads.
    attack(Kind::Nested, "");
}

#[test]
fn a_supervise_folder_that_becomes_a_link_leads_nowhere() {
    // Under root's s6-svscan, s6-supervise itself writes its files through such a link.
    attack(Kind::Nested, "supervise");
}

#[test]
fn a_data_folder_that_becomes_a_link_leads_nowhere() {
    attack(Kind::Shared, "data");
    attack(Kind::Nested, "data");
}
