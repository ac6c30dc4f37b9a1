//! Logs of the embedded default under a writer of 100 MB/s: what rotation keeps, and what a follower sees.

#![allow(clippy::print_stdout, reason = "what is measured is printed")]

use std::io::{BufRead as _, BufReader};

use anysvc_tests::{APP, Facts, Running, S6Lab, Signal};

const FOLDER: &str = "/home/app/logs";
/// Of the writer's lines, with the end.
const LINE: u64 = 1000;
/// MB/s: far more than where each line is written by itself, and far less than the 100 that it has to be where the
/// machine does nothing else besides.
const FAST: f64 = 10.0;

/// A service `web` of app's that writes numbered lines as fast as they are taken, once it is let go; and
/// somebody who follows its log from the beginning.
struct Writer {
    lab: S6Lab,
    lines: u64,
    most: u64,
}

impl Writer {
    fn register(lines: u64, size: u64, keep: u64) -> Writer {
        let lab = S6Lab::new().facts(Facts::NoBasedir).start();
        lab.command("/usr/bin/mkfifo").args(["-m", "666", "/srv/go"]).run().success();
        let script = format!(
            "echo 0; read go </srv/go; date +%s.%N >~/begin; seq -f '%0{}.0f' 1 {lines}; date +%s.%N >~/new; mv ~/new ~/end",
            LINE - 1
        );
        let spec = format!(
            "[service.web]\ncommand = ['/bin/sh', '-c', '''{script}''']\n\
             log = {{ directory = '{FOLDER}', size = '{size}MiB', keep = {keep} }}\n"
        );
        lab.write("/srv/web.toml", APP, 0o644, spec);
        lab.anysvc(["register", "--file", "/srv/web.toml"]).uid(APP).run().success();
        Writer { lab, lines, most: (size << 20) * (keep + 1) }
    }

    fn follow(&self) -> (Running<'_>, Follower) {
        let mut running = self.lab.anysvc(["logs", "-f", "web"]).uid(APP).spawn();
        let lines = BufReader::with_capacity(1 << 20, running.stdout().expect("it is piped"));
        let mut follower = Follower { lines, last: None, gaps: 0, told: 0 };
        follower.read_until(0);
        (running, follower)
    }

    /// Lets it write all its lines, and watches that there is never more than may be. Says how fast it was.
    fn let_go(&self) -> f64 {
        self.lab.write("/srv/go", 0, 0o666, "go\n");
        self.lab.wait_until("it wrote all its lines", || {
            let kept = self.kept();
            assert!(kept <= self.most, "{kept} bytes are kept, and {} may be", self.most);
            self.lab.exists("/home/app/end")
        });
        let at = |name: &str| self.lab.read(format!("/home/app/{name}")).trim().parse().unwrap_or(0.0);
        let took: f64 = at("end") - at("begin");
        (self.lines * LINE) as f64 / 1e6 / took
    }

    /// The bytes of its log.
    fn kept(&self) -> u64 {
        let entries = std::fs::read_dir(self.lab.path(FOLDER)).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.metadata().ok()).map(|about| about.len()).sum()
    }
}

/// What `logs -f` prints.
struct Follower {
    lines: BufReader<std::process::ChildStdout>,
    last: Option<u64>,
    gaps: u64,
    told: u64,
}

impl Follower {
    /// Reads until this line. None comes twice or late, and none is left out without a word of it.
    fn read_until(&mut self, last: u64) {
        let (mut line, mut told) = (Vec::new(), false);
        while self.last != Some(last) {
            line.clear();
            let length = self.lines.read_until(b'\n', &mut line).expect("it can be read");
            assert!(length > 0, "it ended after {:?}", self.last);
            // A number has no more digits that count; to look at all thousand of each would take long.
            let end = String::from_utf8_lossy(&line[length.saturating_sub(80)..length - 1]);
            if end.ends_with("before they were read") {
                (told, self.told) = (true, self.told + 1);
                continue;
            }
            let number = end.rsplit(' ').next().and_then(|number| number.parse().ok());
            let number = number.unwrap_or_else(|| panic!("after {:?} came {end:?}", self.last));
            let next = self.last.map_or(0, |last| last + 1);
            assert!(number == next || (number > next && told), "after {:?} came {number}", self.last);
            self.gaps += u64::from(number != next);
            (self.last, told) = (Some(number), false);
        }
    }
}

#[test]
fn at_100_mb_a_second_no_line_is_lost_and_a_follower_sees_each_once() {
    // Files last: all of it is kept.
    let writer = Writer::register(200_000, 8, 30);
    let (_running, mut follower) = writer.follow();
    let rate = std::thread::scope(|scope| {
        let reading = scope.spawn(|| follower.read_until(writer.lines));
        let rate = writer.let_go();
        reading.join().expect("the follower saw each line once");
        rate
    });
    println!("a follower beside it: {rate:.0} MB/s");
    assert!(rate >= FAST, "only {rate:.0} MB/s");
    assert_eq!((follower.gaps, follower.told), (0, 0));
    let files = format!("cat {FOLDER}/@* {FOLDER}/current | cut -b 32- | cksum; ls {FOLDER} | wc -l");
    let expected = format!("{{ echo 0; seq -f '%0{}.0f' 1 {}; }} | cksum; echo", LINE - 1, writer.lines);
    let sh = |script: &str| writer.lab.command("/bin/sh").args(["-c", script]).run().success().stdout();
    let (files, expected) = (sh(&files), sh(&expected));
    assert_eq!(files.lines().next(), expected.lines().next(), "lines are missing in the files");
    assert!(files.lines().nth(1).and_then(|count| count.trim().parse::<u32>().ok()) > Some(22), "{files}");
}

#[test]
fn who_follows_more_slowly_than_files_are_removed_is_told_of_the_gap() {
    let writer = Writer::register(200_000, 1, 3);
    let (running, mut follower) = writer.follow();
    running.kill(Signal::STOP);
    let rate = writer.let_go();
    println!("nobody beside it: {rate:.0} MB/s");
    assert!(rate >= FAST, "only {rate:.0} MB/s");
    running.kill(Signal::CONT);
    follower.read_until(writer.lines);
    assert!(follower.gaps > 0 && follower.told >= follower.gaps, "{} {}", follower.gaps, follower.told);
    // What is kept are the newest lines, as many as there is room for.
    let kept = writer.lab.anysvc(["logs", "web", "-n", "1000000"]).uid(APP).run().success().stdout();
    let numbers: Vec<u64> =
        kept.lines().filter_map(|line| line.split_whitespace().last()?.parse().ok()).collect();
    let first = writer.lines + 1 - numbers.len() as u64;
    assert!(numbers.iter().copied().eq(first..=writer.lines), "from {:?}", numbers.first());
    assert!(numbers.len() as u64 * (LINE + 31) > 3 << 20, "{} lines are kept", numbers.len());
}

#[test]
fn a_log_that_cannot_be_written_is_told_when_its_service_is_registered_and_later() {
    const TROUBLE: &str = "cannot write the log in /root/logs: Permission denied";
    let lab = S6Lab::new().facts(Facts::NoBasedir).start();
    let app = |args: &[&str]| lab.anysvc(args).uid(APP).run().success();
    let script = ["/bin/sh", "-c", "echo line; touch /home/app/spoken; exec sleep 1000"];
    let register = [
        "register",
        "web",
        "--log-directory",
        "/root/logs",
        "--ready-check",
        "test -e /home/app/spoken",
        "--",
    ];
    let register = [&register[..], &script].concat();
    app(&register).stdout_contains("registered web: running").stdout_contains(TROUBLE);
    app(&["status"]).stdout_contains(TROUBLE);
    app(&["check"]);
}
