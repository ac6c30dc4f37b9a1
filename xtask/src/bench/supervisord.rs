//! The embedded default beside supervisord from PyPI, on this machine: the same thousand services under
//! each, what one of them takes of the supervisor's memory, and what both do while nothing happens.

use super::bed::specs;
use super::row::{Goal, Row};
use crate::tool::{Done, must, output};
use crate::{build, packages};
use anysvc_tests::target_dir;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const VERSION: &str = "4.3.0";
const SERVICES: usize = 1000;
/// How long both are watched while nothing happens.
const IDLE: Duration = Duration::from_secs(10);
const SLEEP: &str = "/usr/bin/sleep 100000";

pub fn measure() -> Done<Vec<Row>> {
    let program = install()?;
    let folder = Folder::make()?;
    let ours = Ours { state: folder.0.join("state") };
    let base = ours.register(1)?.memory()?;
    let pid = ours.register(SERVICES)?;
    let peers_base = Peer::start(&program, &folder.0, 1)?.measure(1)?.memory()?;
    let peer = Peer::start(&program, &folder.0, SERVICES)?;
    let peers_pid = peer.measure(SERVICES)?;
    let memory = (pid.memory()?, peers_pid.memory()?);
    let more = |whole: f64, base: f64| (whole - base) / (SERVICES - 1) as f64;
    let (each, peers_each) = (more(memory.0, base), more(memory.1, peers_base));
    let memory = (memory.0 / SERVICES as f64, memory.1 / SERVICES as f64);
    let before = (pid.cpu()?, peers_pid.cpu()?);
    std::thread::park_timeout(IDLE);
    let seconds = IDLE.as_secs_f64();
    let idle = ((pid.cpu()? - before.0) / seconds, (peers_pid.cpu()? - before.1) / seconds);
    Ok(vec![
        Row::new("supervisord-memory", "KiB", memory.0, memory.1, Goal::Times(1.0))
            .note(format!("the whole supervisor by {SERVICES} services with logs; supervisord {VERSION}"))
            .note(format!("with one service: {base:.0} and {peers_base:.0} KiB in all; each more: {each:.1} and {peers_each:.1}")),
        Row::new("supervisord-idle", "ms/s", idle.0, idle.1, Goal::Times(1.0))
            .note(format!("processor time of the supervisor in {IDLE:?} in which nothing happens")),
    ])
}

/// supervisord, in an environment of its own.
fn install() -> Done<PathBuf> {
    let venv = target_dir().join("supervisord");
    let program = venv.join("bin/supervisord");
    if !program.exists() {
        packages::for_python()?;
        must(Command::new("/usr/bin/python3").args(["-m", "venv"]).arg(&venv))?;
        let package = format!("supervisor=={VERSION}");
        must(Command::new(venv.join("bin/pip")).args(["install", "--quiet", "setuptools<81", &package]))?;
    }
    Ok(program)
}

/// A folder that goes with us.
struct Folder(PathBuf);

impl Folder {
    fn make() -> Done<Folder> {
        let path = std::env::temp_dir().join(format!("anysvc-bench-{}", std::process::id()));
        fs::create_dir(&path).map_err(|error| format!("making {}: {error}", path.display()))?;
        Ok(Folder(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Our supervisor, of this state folder. Dropping it ends its services, and with them itself.
struct Ours {
    state: PathBuf,
}

impl Ours {
    fn anysvc(&self) -> Command {
        let mut command = Command::new(build::tree().join("bin/anysvc"));
        command.args(["--backend", "local", "--timeout", "5m", "--state-dir"]).arg(&self.state);
        command
    }

    fn register(&self, count: usize) -> Done<Supervisor> {
        let file = self.state.with_extension("toml");
        let command = format!("command = {:?}", SLEEP.split(' ').collect::<Vec<_>>());
        write(&file, &specs(count, &command))?;
        output(self.anysvc().args(["register", "--if-absent", "--file"]).arg(&file))?;
        let status = output(self.anysvc().args(["status", "s00000", "--json"]))?;
        let status: serde_json::Value = serde_json::from_str(&status).map_err(|error| error.to_string())?;
        let pid = status["services"][0]["native"]["supervisor"].as_u64();
        Ok(Supervisor(pid.ok_or("the status of a service names no supervisor")?))
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        let _ = output(self.anysvc().args(["unregister", "--all"]));
    }
}

/// A supervisord. Dropping it ends it and its services.
struct Peer(Child);

impl Peer {
    fn start(program: &Path, folder: &Path, count: usize) -> Done<Peer> {
        let file = folder.join("supervisord.conf");
        let shown = folder.display();
        let mut text = format!(
            "[supervisord]\nnodaemon = true\nlogfile = {shown}/log\npidfile = {shown}/pid\nchildlogdir = {shown}\n\
             minfds = 8192\n"
        );
        for n in 0..count {
            text += &format!("[program:s{n:05}]\ncommand = {SLEEP}\nstartsecs = 0\nredirect_stderr = true\n");
        }
        write(&file, &text)?;
        let mut command = Command::new(program);
        command.arg("-c").arg(&file).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().map(Peer).map_err(|error| format!("running {}: {error}", program.display()))
    }

    /// Once all its services run.
    fn measure(&self, count: usize) -> Done<Supervisor> {
        let pid = self.0.id();
        let end = Instant::now() + Duration::from_secs(120);
        let children = || Command::new("pgrep").args(["-c", "-x", "sleep", "-P", &pid.to_string()]).output();
        while children().is_ok_and(|said| said.stdout.trim_ascii() != count.to_string().as_bytes()) {
            if Instant::now() > end {
                return Err(format!("supervisord did not start {count} services in two minutes"));
            }
            std::thread::park_timeout(Duration::from_millis(100));
        }
        Ok(Supervisor(pid.into()))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if let Some(pid) = Pid::from_raw(self.0.id().cast_signed()) {
            let _ = kill_process(pid, Signal::TERM);
        }
        let _ = self.0.wait();
    }
}

/// A process that supervises, by its number.
struct Supervisor(u64);

impl Supervisor {
    /// The memory that is its own, in KiB: what it shares with others costs nothing more.
    fn memory(&self) -> Done<f64> {
        let lines = self.read("smaps_rollup")?;
        let lines = lines.lines().filter(|line| line.starts_with("Private_"));
        Ok(lines.filter_map(|line| line.split_ascii_whitespace().nth(1)?.parse::<f64>().ok()).sum())
    }

    /// The processor time that it took so far, in milliseconds.
    fn cpu(&self) -> Done<f64> {
        let text = self.read("schedstat")?;
        let nanoseconds = text.split(' ').next().and_then(|number| number.parse::<f64>().ok());
        nanoseconds.map(|nanoseconds| nanoseconds / 1e6).ok_or_else(|| format!("no time in {text:?}"))
    }

    fn read(&self, file: &str) -> Done<String> {
        let path = format!("/proc/{}/{file}", self.0);
        fs::read_to_string(&path).map_err(|error| format!("reading {path}: {error}"))
    }
}

fn write(path: &Path, text: &str) -> Done {
    fs::write(path, text).map_err(|error| format!("writing {}: {error}", path.display()))
}
