//! Orders to a real systemd have their results, whatever becomes of the manager, the bus and the connection
//! while they are waited for. The units are not ours: what holds for them holds for ours. The oracle is
//! `systemctl`.

use anysvc_tests::{APP, Ended, SystemdLab};

/// Somebody with a manager of his own.
struct Who {
    lab: SystemdLab,
    uid: u32,
}

impl Who {
    fn root() -> Who {
        Who { lab: SystemdLab::start(), uid: 0 }
    }

    fn app() -> Who {
        Who { lab: SystemdLab::start(), uid: APP }
    }

    fn systemctl(&self, args: &[&str]) -> Ended<'_> {
        let scope = if self.uid == 0 { "--system" } else { "--user" };
        self.lab.systemctl([&[scope], args].concat()).uid(self.uid).run().any()
    }

    fn property(&self, unit: &str, property: &str) -> String {
        self.systemctl(&["show", unit, "--value", "-p", property]).stdout().trim().to_owned()
    }

    fn anysvc(&self, args: &[&str]) -> anysvc_tests::Enter<'_> {
        self.lab.anysvc(args).uid(self.uid)
    }

    fn unit(&self, name: &str, lines: &str) {
        let folder = if self.uid == 0 { "/etc/systemd/system" } else { "/home/app/.config/systemd/user" };
        let text = format!("[Service]\nType=exec\n{lines}\n");
        self.lab.write(format!("{folder}/{name}.service"), self.uid, 0o644, text);
    }

    fn reload(&self) {
        let answer = self.systemctl(&["daemon-reload"]);
        assert_eq!(answer.code(), Some(0), "{}", answer.stderr());
    }

    /// Lets those go that wait for it.
    fn open_gate(&self) {
        self.lab.write("/tmp/gate", self.uid, 0o644, "");
    }

    /// Gives an order to `slow`, has something happen to the manager once it is under way, lets it go on, and
    /// gives what became of the order.
    fn through(&self, verb: &str, under_way: &str, event: &[&str]) -> Ended<'_> {
        let order = self.anysvc(&[verb, "slow", "--timeout", "40s"]).spawn();
        self.lab.wait_until(&format!("slow is {under_way}"), || {
            self.property("slow", "ActiveState") == under_way
        });
        let happened = self.systemctl(event);
        assert_eq!(happened.code(), Some(0), "{event:?}: {}", happened.stderr());
        self.open_gate();
        let ended = order.wait().any();
        std::fs::remove_file(self.lab.path("/tmp/gate")).expect("the gate was open");
        ended
    }
}

const RELOAD: &[&str] = &["daemon-reload"];
const REEXEC: &[&str] = &["daemon-reexec"];
const BUS: &[&str] = &["restart", "dbus.service"];
const BUS_KILLED: &[&str] = &["kill", "--signal=KILL", "dbus.service"];

/// Until the gate opens.
const WAITS: &str = "/bin/sh -c 'until [ -e /tmp/gate ]; do sleep 0.02; done'";

const WAITS_AND_FAILS: &str = "/bin/sh -c 'until [ -e /tmp/gate ]; do sleep 0.02; done; exit 3'";

/// All orders through one event, by whatever sockets this user has.
fn orders_have_their_results(who: &Who, events: &[&[&str]]) {
    who.unit("slow", &format!("ExecStartPre={WAITS}\nExecStart=/bin/sleep 1000\nExecStop={WAITS}"));
    who.reload();
    for event in events {
        let before = who.property("slow", "InvocationID");
        let started = who.through("start", "activating", event);
        assert_eq!(started.code(), Some(0), "start, {event:?}: {}", started.stderr());
        assert_eq!(who.property("slow", "ActiveState"), "active", "{event:?}");
        let first = who.property("slow", "InvocationID");
        assert_ne!(before, first);
        let restarted = who.through("restart", "deactivating", event);
        assert_eq!(restarted.code(), Some(0), "restart, {event:?}: {}", restarted.stderr());
        assert_eq!(who.property("slow", "ActiveState"), "active", "{event:?}");
        assert_ne!(who.property("slow", "InvocationID"), first, "it is another start, {event:?}");
        let stopped = who.through("stop", "deactivating", event);
        assert_eq!(stopped.code(), Some(0), "stop, {event:?}: {}", stopped.stderr());
        assert_eq!(who.property("slow", "ActiveState"), "inactive", "{event:?}");
    }
}

/// A failure is not taken for anything else because nobody said so.
fn a_failure_is_told(who: &Who, events: &[&[&str]]) {
    who.unit("slow", &format!("ExecStartPre={WAITS_AND_FAILS}\nExecStart=/bin/sleep 1000"));
    who.reload();
    for event in events {
        let failed = who.through("start", "activating", event);
        assert_eq!(failed.code(), Some(11), "{event:?}: {}", failed.stderr());
        assert_eq!(who.property("slow", "ActiveState"), "failed", "{event:?}");
        // A start that was refused for its failures would end as well.
        assert_eq!(who.property("slow", "Result"), "exit-code", "{event:?}");
    }
}

#[test]
fn orders_of_root_have_their_results_while_the_manager_is_reloaded_and_reexecuted() {
    orders_have_their_results(&Who::root(), &[RELOAD, REEXEC]);
}

#[test]
fn orders_of_root_have_their_results_while_the_bus_is_restarted() {
    orders_have_their_results(&Who::root(), &[BUS, BUS_KILLED]);
}

#[test]
fn orders_of_a_user_have_their_results_through_all_of_it() {
    orders_have_their_results(&Who::app(), &[RELOAD, REEXEC, BUS]);
}

#[test]
fn a_failed_start_is_told_through_all_of_it() {
    a_failure_is_told(&Who::root(), &[RELOAD, REEXEC, BUS]);
    a_failure_is_told(&Who::app(), &[RELOAD, REEXEC]);
}

#[test]
fn waiting_goes_on_through_all_of_it() {
    for who in [Who::root(), Who::app()] {
        who.unit("web", "ExecStart=/bin/sleep 1000");
        who.reload();
        for event in [REEXEC, BUS] {
            who.anysvc(&["start", "web"]).run().success();
            let waiting = who.anysvc(&["wait", "web", "--for", "down", "--timeout", "40s"]).spawn();
            who.lab.wait_until("it waits", || waiting.pid().is_some());
            assert_eq!(who.systemctl(event).code(), Some(0), "{event:?}");
            assert_eq!(who.systemctl(&["stop", "web"]).code(), Some(0));
            waiting.wait().success().stdout_contains("web: stopped");
        }
    }
}

#[test]
fn nothing_hangs_past_the_deadline() {
    for who in [Who::root(), Who::app()] {
        who.unit("slow", &format!("ExecStartPre={WAITS}\nExecStart=/bin/sleep 1000"));
        who.reload();
        let begun = std::time::Instant::now();
        let late = who.anysvc(&["start", "slow", "--timeout", "1s"]).run().fails(10);
        late.stderr_contains("`slow` was not started in time");
        let waited = who.anysvc(&["wait", "slow", "--for", "up", "--timeout", "1s"]).run().fails(10);
        waited.stderr_contains("slow");
        assert!(begun.elapsed() < std::time::Duration::from_secs(15), "{:?}", begun.elapsed());
        assert_eq!(who.property("slow", "ActiveState"), "activating", "nothing is undone");
    }
}

/// Writes units that do nothing, and gives their names.
fn many(who: &Who, count: usize) -> Vec<String> {
    let names: Vec<String> = (0..count).map(|number| format!("many-{number}")).collect();
    for name in &names {
        who.unit(name, "Type=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true");
    }
    who.reload();
    names
}

fn start_all(who: &Who, names: &[String]) {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let order = [&["start", "-q", "--settle", "0ms", "--timeout", "50s"], &names[..]].concat();
    who.anysvc(&order).run().success();
    let states = who.systemctl(&["list-units", "many-*", "--state=active", "--plain", "--no-legend"]);
    assert_eq!(states.stdout().lines().count(), names.len());
    // The manager is on the bus as before.
    who.lab
        .command("busctl")
        .args(["get-property", "org.freedesktop.systemd1", "/org/freedesktop/systemd1"])
        .args(["org.freedesktop.systemd1.Manager", "Version"])
        .run()
        .success();
}

#[test]
fn a_thousand_starts_at_once_do_not_break_the_manager() {
    for who in [Who::root(), Who::app()] {
        let names = many(&who, 1000);
        start_all(&who, &names);
    }
}

#[test]
fn more_starts_over_the_bus_than_it_has_room_for_are_made_one_after_the_other() {
    let who = Who::root();
    let names = many(&who, 600);
    // Without its private socket there is the bus alone.
    who.lab.command("mv").args(["/run/systemd/private", "/run/systemd/moved"]).run().success();
    who.anysvc(&["detect", "--explain"]).run().success().stdout_contains("/run/dbus/system_bus_socket");
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let order = [&["start", "-q", "--settle", "0ms", "--timeout", "50s"], &names[..]].concat();
    who.anysvc(&order).run().success();
    who.anysvc(&["status", "-q", "dbus.service"]).run().success();
    who.lab.command("mv").args(["/run/systemd/moved", "/run/systemd/private"]).run().success();
    let states = who.systemctl(&["list-units", "many-*", "--state=active", "--plain", "--no-legend"]);
    assert_eq!(states.stdout().lines().count(), names.len());
}
