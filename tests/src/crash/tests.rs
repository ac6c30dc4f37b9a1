//! The driver against programs whose changes are known.

use super::{Traced, count, kill_at};
use std::path::PathBuf;
use std::process::Command;

/// A new folder, gone at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("anysvc-crash-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder for the test");
        Self(path)
    }

    /// A shell in there.
    fn sh(&self, script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-euc", script]).current_dir(&self.0);
        command
    }

    fn has(&self, name: &str) -> bool {
        self.0.join(name).exists()
    }

    /// The names of what is in there, sorted, after which there is nothing any more.
    fn take(&self) -> String {
        let entries = std::fs::read_dir(&self.0).expect("the folder is there").flatten();
        let mut names: Vec<_> =
            entries.map(|entry| entry.file_name().into_string().unwrap_or_default()).collect();
        names.sort();
        std::fs::remove_dir_all(&self.0)
            .and_then(|()| std::fs::create_dir(&self.0))
            .expect("it can be emptied");
        names.join(" ")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn names(traced: &Traced) -> Vec<&'static str> {
    traced.calls.iter().map(|call| call.name).collect()
}

#[test]
fn changes_are_counted_and_all_else_is_not() {
    let folder = Folder::new("count");
    let traced =
        count(folder.sh("echo said; echo 1 >a; : <a; cat a | cat >&2; mkdir d; mv a d/b; rm d/b; rmdir d"))
            .expect("it runs");
    assert!(traced.status.success() && !traced.hit(), "{traced:?}");
    assert_eq!((&*traced.stdout, &*traced.stderr), ("said\n", "1\n"));
    let modern = |name: &'static str| name.trim_end_matches("at2").trim_end_matches("at").to_owned();
    let short: Vec<_> = names(&traced).into_iter().map(modern).collect();
    assert_eq!(
        short,
        [
            "open",
            "write",
            "mkdir",
            "rename",
            "unlink",
            if cfg!(target_arch = "x86_64") { "rmdir" } else { "unlink" }
        ]
    );
    assert!(traced.calls[1].subject.ends_with("/a"), "{traced}");
    assert_eq!(traced.calls[3].subject, "d/b");
}

#[test]
fn the_nth_call_is_never_made_and_those_before_it_are() {
    let folder = Folder::new("nth");
    let script = ": >1; mkdir 2; (: >3; : >4) & wait; : >5";
    let all = ["", "1", "1 2", "1 2 3", "1 2 3 4", "1 2 3 4 5"];
    for (n, made) in all.iter().enumerate() {
        let traced = kill_at(folder.sh(script), n + 1).expect("it runs");
        assert_eq!(&folder.take(), made, "killed at call {}\n{traced}", n + 1);
        assert_eq!(traced.hit(), n < 5, "killed at call {}", n + 1);
        assert_eq!(traced.calls.len(), (n + 1).min(5));
        assert_eq!(traced.status.code(), (n == 5).then_some(0));
    }
}

#[test]
fn the_whole_tree_dies_and_nothing_else_does() {
    let folder = Folder::new("tree");
    let bystander = Command::new("sleep").arg("1000").spawn();
    let mut bystander = bystander.expect("sleep runs");
    // Both children hold the write end; the read ends when they have died.
    let script = "(sleep 1000; : >late) & (setsid sleep 1000) & : >1; : >2; wait";
    let traced = kill_at(folder.sh(script), 2).expect("it runs");
    assert!(traced.hit() && folder.has("1") && !folder.has("2"), "{traced}");
    let here = |pid: &str| std::fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == folder.0);
    let processes = std::fs::read_dir("/proc").expect("procfs").flatten();
    let left = processes.filter(|entry| here(&entry.file_name().to_string_lossy())).count();
    assert_eq!(left, 0, "processes of the command that live on");
    assert!(
        bystander.try_wait().expect("it is a child").is_none(),
        "another child of this process was touched"
    );
    bystander.kill().and_then(|()| bystander.wait()).expect("it lived");
}

#[test]
fn threads_count_like_processes() {
    const FOLDER: &str = "ANYSVC_CRASH_THREADS";
    if let Some(folder) = std::env::var_os(FOLDER) {
        // The second process: this test run again, as the command under the driver.
        std::thread::scope(|scope| {
            for name in ["1", "2", "3", "4"] {
                let file = PathBuf::from(&folder).join(name);
                scope.spawn(move || std::fs::write(&file, "x").and_then(|()| std::fs::remove_file(&file)));
            }
        });
        return;
    }
    let folder = Folder::new("threads");
    let again = || {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.args(["--exact", "crash::tests::threads_count_like_processes", "--nocapture"]);
        command.env(FOLDER, &folder.0);
        command
    };
    let traced = count(again()).expect("it runs");
    assert_eq!(traced.calls.len(), 12, "{traced}{}", traced.stderr);
    for n in 1..=12 {
        let traced = kill_at(again(), n).expect("it runs");
        assert!(traced.hit() && traced.calls.len() == n, "call {n}\n{traced}");
        folder.take();
    }
}

#[test]
fn signals_and_exit_codes_arrive() {
    let folder = Folder::new("signals");
    let traced = count(folder.sh("trap 'exit 42' TERM; kill -TERM $$; exit 1")).expect("it runs");
    assert_eq!(traced.status.code(), Some(42));
    let traced = count(folder.sh("kill -KILL $$")).expect("it runs");
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&traced.status), Some(9));
    assert!(!traced.hit());
}

#[test]
fn a_named_fifo_counts_and_a_pipe_does_not() {
    let folder = Folder::new("fifo");
    let traced = count(folder.sh("mkfifo f; exec 3<>f; echo x >&3; echo y | cat")).expect("it runs");
    let short: Vec<_> = names(&traced).into_iter().map(|name| name.trim_end_matches("at")).collect();
    assert_eq!(short, ["mknod", "open", "write"], "{traced}");
}
