//! `./x demo`: a real service through its whole life, on a real s6, as an ordinary user.
//! Every command shown is run, and what is shown below it is what it printed.

use crate::tool::Done;
use crate::{build, packages};
use anysvc_tests::{APP, S6Lab, Signal};
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

/// Tells the story; an error names the step that did not go as told.
pub fn run() -> Done {
    packages::for_s6_lab()?;
    build::run()?;
    let lab = S6Lab::new().nested().try_start()?;
    lab.write("/srv/ticker", APP, 0o755, TICKER);

    println!("\nInside a laboratory now: PID 1 is a real s6-svscan, and we are an ordinary user, `app`.");
    let story = Story { lab: &lab };
    story.show(&["detect", "--explain"])?;

    println!("\nA program becomes a service, and runs:");
    story.show(&["register", "ticker", "--restart", "always", "--", "/srv/ticker"])?;
    story.show(&["status", "ticker"])?;
    story.until("it has ticked three times", || story.quiet(&["logs", "ticker"]).contains("tick 3"))?;
    story.show(&["logs", "ticker", "-n", "4"])?;

    let first = story.pid().ok_or("status --json gives no pid of a running service")?;
    println!("\nIt is killed, and comes back as another process:\n$ kill -9 {first}");
    lab.kill(first, Signal::KILL);
    story.until("another process runs", || story.pid().is_some_and(|pid| pid != first))?;
    story.show(&["status", "ticker"])?;

    println!("\nWhat there is, whether all is well, and the end of it:");
    story.show(&["list"])?;
    story.show(&["check"])?;
    story.show(&["unregister", "ticker"])?;
    story.show(&["list"])?;
    if lab.exists(format!("{}/ticker", lab.scandir())) {
        return Err("demo: the service directory is still there after unregister".into());
    }
    println!(
        "\nShown: on a real s6, as an ordinary user, a service was registered, ran, logged,\n\
         came back after kill -9, and was removed; its log files are kept."
    );
    Ok(())
}

struct Story<'lab> {
    lab: &'lab S6Lab,
}

impl Story<'_> {
    /// Runs anysvc in the open: the command, its output, and an error unless it exits with 0.
    fn show(&self, args: &[&str]) -> Done {
        println!("$ anysvc {}", args.join(" "));
        let output = self.lab.command("anysvc").args(args).uid(APP).output();
        let output = output.map_err(|error| format!("demo: `anysvc {}`: {error}", args.join(" ")))?;
        print!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        match output.status.success() {
            true => Ok(()),
            false => Err(format!("demo: `anysvc {}` ended with {}", args.join(" "), output.status)),
        }
    }

    /// Runs anysvc for us alone.
    fn quiet(&self, args: &[&str]) -> String {
        let output = self.lab.command("anysvc").args(args).uid(APP).output();
        output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
    }

    /// The service's pid, while it runs.
    fn pid(&self) -> Option<u32> {
        let status: serde_json::Value =
            serde_json::from_str(&self.quiet(&["status", "ticker", "--json"])).ok()?;
        let service = &status["services"][0];
        let running = service["state"] == "running";
        service["pid"].as_u64().filter(|_| running)?.try_into().ok()
    }

    /// Polls for a condition that nothing notifies of.
    fn until(&self, what: &str, condition: impl Fn() -> bool) -> Done {
        let end = Instant::now() + Duration::from_secs(10);
        while !condition() {
            if Instant::now() > end {
                return Err(format!("demo: ten seconds were not enough until {what}"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}
