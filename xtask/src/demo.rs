//! `./x demo`: a real service through its whole life, twice by the same commands: on this machine with the
//! embedded default, and as an ordinary user on a real s6. Every command shown is run, and what is shown
//! below it is what it printed.

use crate::tool::Done;
use crate::{build, packages};
use anysvc_tests::{APP, Lab, S6Lab, Signal};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

const TICKER: &str = "\
#!/bin/sh
# Says something every fifth of a second, until it is stopped.
echo \"started as $(id -un), pid $$\"
n=0
while n=$((n + 1)); do
    echo \"tick $n\"
    sleep 0.2
done
";

/// Tells the story on both stages; an error names the step that did not go as told.
pub fn run() -> Done {
    packages::for_s6_lab()?;
    build::run()?;

    let machine = ThisMachine::prepare().map_err(|error| format!("demo: a folder for it: {error}"))?;
    println!(
        "\n== On this machine, with anysvc's own supervisor. (Each command with `{}`, so that\n\
         nothing else here is touched.)",
        machine.options().join(" ")
    );
    story(&machine)?;
    println!("\nIts supervisor has nothing left to do, and leaves (after five seconds):");
    let processes = || machine.processes();
    until("no process is left", || processes().is_empty())?;
    println!("$ pgrep -f {}\n(none)", machine.folder.display());
    drop(machine);

    println!("\n== In a laboratory: PID 1 is a real s6-svscan, and we are an ordinary user, `app`.");
    let lab = S6Lab::new().nested().try_start()?;
    lab.write("/srv/ticker", APP, 0o755, TICKER);
    story(&lab)?;
    if lab.exists(format!("{}/ticker", lab.scandir())) {
        return Err("demo: the service directory is still there after unregister".into());
    }
    println!(
        "\nShown: by the same commands, without a service manager and on a real s6, a service was\n\
         registered, ran, logged, came back after kill -9, and was removed."
    );
    Ok(())
}

/// The story, the same wherever it plays.
fn story(stage: &impl Stage) -> Done {
    show(stage, &["detect", "--explain"])?;

    println!("\nA program becomes a service, and runs:");
    show(stage, &["register", "ticker", "--restart", "always", "--", &stage.ticker()])?;
    show(stage, &["status", "ticker"])?;
    until("it has ticked three times", || quiet(stage, &["logs", "ticker"]).contains("tick 3"))?;
    show(stage, &["logs", "ticker", "-n", "4"])?;

    let first = pid(stage).ok_or("status --json gives no pid of a running service")?;
    println!("\nIt is killed, and comes back as another process:\n$ kill -9 {first}");
    stage.kill(first)?;
    until("another process runs", || pid(stage).is_some_and(|pid| pid != first))?;
    show(stage, &["status", "ticker"])?;

    println!("\nWhat there is, whether all is well, and the end of it:");
    show(stage, &["list"])?;
    show(stage, &["check"])?;
    show(stage, &["unregister", "ticker"])?;
    show(stage, &["list"])
}

/// Somewhere that the story can play.
trait Stage {
    /// Runs anysvc to its end.
    fn anysvc(&self, args: &[&str]) -> std::io::Result<Output>;
    /// The path of the ticker.
    fn ticker(&self) -> String;
    /// Kills a process.
    fn kill(&self, pid: u32) -> Done;
}

impl Stage for S6Lab {
    fn anysvc(&self, args: &[&str]) -> std::io::Result<Output> {
        self.command("anysvc").args(args).uid(APP).output()
    }

    fn ticker(&self) -> String {
        "/srv/ticker".into()
    }

    fn kill(&self, pid: u32) -> Done {
        Lab::kill(self, pid, Signal::KILL);
        Ok(())
    }
}

/// The machine that the demo runs on, and a folder there which goes with it.
struct ThisMachine {
    folder: PathBuf,
}

impl ThisMachine {
    fn prepare() -> std::io::Result<ThisMachine> {
        let folder = std::env::temp_dir().join(format!("anysvc-demo-{}", std::process::id()));
        std::fs::create_dir(&folder)?;
        let machine = ThisMachine { folder };
        std::fs::write(machine.ticker(), TICKER)?;
        std::fs::set_permissions(machine.ticker(), PermissionsExt::from_mode(0o755))?;
        Ok(machine)
    }

    /// There may be a service manager here, and services.
    fn options(&self) -> [String; 4] {
        let state = self.folder.join("state").display().to_string();
        ["--backend".into(), "local".into(), "--state-dir".into(), state]
    }

    /// What runs on behalf of the demo.
    fn processes(&self) -> String {
        let found = Command::new("pgrep").arg("-f").arg(&self.folder).output();
        found.map(|found| String::from_utf8_lossy(&found.stdout).into_owned()).unwrap_or_default()
    }
}

impl Stage for ThisMachine {
    fn anysvc(&self, args: &[&str]) -> std::io::Result<Output> {
        let mut command = Command::new(build::tree().join("bin/anysvc"));
        command.args(self.options()).args(args).current_dir("/").output()
    }

    fn ticker(&self) -> String {
        self.folder.join("ticker").display().to_string()
    }

    fn kill(&self, pid: u32) -> Done {
        crate::tool::must(Command::new("kill").args(["-9", &pid.to_string()]))
    }
}

impl Drop for ThisMachine {
    fn drop(&mut self) {
        // Also when the story broke off.
        let _ = self.anysvc(&["unregister", "--all"]);
        let _ = until("no process is left", || self.processes().is_empty());
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Runs anysvc in the open: the command, its output, and an error unless it exits with 0.
fn show(stage: &impl Stage, args: &[&str]) -> Done {
    println!("$ anysvc {}", args.join(" "));
    let output = stage.anysvc(args).map_err(|error| format!("demo: `anysvc {}`: {error}", args.join(" ")))?;
    print!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("demo: `anysvc {}` ended with {}", args.join(" "), output.status)),
    }
}

/// Runs anysvc for us alone.
fn quiet(stage: &impl Stage, args: &[&str]) -> String {
    let output = stage.anysvc(args);
    output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
}

/// The service's pid, while it runs.
fn pid(stage: &impl Stage) -> Option<u32> {
    let status: serde_json::Value =
        serde_json::from_str(&quiet(stage, &["status", "ticker", "--json"])).ok()?;
    let service = &status["services"][0];
    let running = service["state"] == "running";
    service["pid"].as_u64().filter(|_| running)?.try_into().ok()
}

/// Polls for a condition that nothing notifies of.
fn until(what: &str, condition: impl Fn() -> bool) -> Done {
    let end = Instant::now() + Duration::from_secs(10);
    while !condition() {
        if Instant::now() > end {
            return Err(format!("demo: ten seconds were not enough until {what}"));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
