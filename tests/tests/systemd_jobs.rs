//! Orders to a real systemd have their results, whatever becomes of the manager, the bus and the connection
//! while they are waited for, on each socket. The units are not ours: what holds for them holds for ours. The
//! oracle is `systemctl`.

use anysvc_tests::{APP, Ended, Socket, SystemdLab, Way};
use std::time::{Duration, Instant};

/// What becomes of the manager and the bus. A bus is killed for root alone: a user's manager, which starts his
/// bus when somebody connects to it, connects to it itself then, and waits 90 s for what it would have to start.
fn events(way: Way<'_>) -> &'static [&'static [&'static str]] {
    const EVENTS: [&[&str]; 4] = [
        &["daemon-reload"],
        &["daemon-reexec"],
        &["restart", "dbus.service"],
        &["kill", "--signal=KILL", "dbus.service"],
    ];
    if way.uid == 0 { &EVENTS } else { &EVENTS[..3] }
}

/// Until the gate opens.
const WAITS: &str = "/bin/sh -c 'until [ -e /tmp/gate ]; do sleep 0.02; done'";

/// The same, and fails once its last words are in the journal.
const WAITS_AND_FAILS: &str = "until [ -e /tmp/gate ]; do sleep 0.02; done; echo no luck\n\
    until journalctl -qo cat _PID=$$ | grep -q luck; do :; done; exit 3\n";

/// A way on which a bus may be started as often as it likes: more often than systemd would allow.
fn way(lab: &SystemdLab, uid: u32, socket: Socket) -> Way<'_> {
    let way = Way::new(lab, uid, socket);
    let kind = if uid == 0 { "system" } else { "user" };
    let limits = "[Unit]\nStartLimitIntervalSec=0\n";
    lab.write(format!("/etc/systemd/{kind}/dbus.service.d/often.conf"), 0, 0o644, limits);
    way
}

/// Gives an order to `slow`, has something happen to the manager once it is under way, lets it go on, and
/// gives the end of the order, which is to be with this code.
#[track_caller]
fn through<'a>(way: Way<'a>, verb: &str, under_way: &str, event: &[&str], code: i32) -> Ended<'a> {
    let mut order = way.anysvc(&["-v", verb, "slow", "--timeout", "40s"]).spawn();
    order.until_it_says(&way.path());
    way.lab.wait_until(&format!("slow is {under_way}"), || way.property("slow", "ActiveState") == under_way);
    way.must(event);
    open_gate(way);
    let ended = order.wait().fails(code);
    close_gate(way);
    ended
}

/// Lets those go on that wait at it.
fn open_gate(way: Way<'_>) {
    way.lab.write("/tmp/gate", way.uid, 0o644, "");
}

fn close_gate(way: Way<'_>) {
    std::fs::remove_file(way.lab.path("/tmp/gate")).expect("the gate was open");
}

fn orders_have_their_results(way: Way<'_>) {
    way.unit("slow", &format!("ExecStartPre={WAITS}\nExecStart=/bin/sleep 1000\nExecStop={WAITS}"));
    way.must(&["daemon-reload"]);
    for event in events(way) {
        let before = way.property("slow", "InvocationID");
        through(way, "start", "activating", event, 0);
        assert_eq!(way.property("slow", "ActiveState"), "active", "{event:?}");
        let first = way.property("slow", "InvocationID");
        assert_ne!(before, first);
        through(way, "restart", "deactivating", event, 0);
        assert_eq!(way.property("slow", "ActiveState"), "active", "{event:?}");
        assert_ne!(way.property("slow", "InvocationID"), first, "it is another start, {event:?}");
        through(way, "stop", "deactivating", event, 0);
        assert_eq!(way.property("slow", "ActiveState"), "inactive", "{event:?}");
    }
}

/// A failure is not taken for anything else because nobody said so.
fn a_failure_is_told(way: Way<'_>) {
    way.unit("slow", &format!("ExecStartPre={}\nExecStart=/bin/sleep 1000", way.lab.script(WAITS_AND_FAILS)));
    way.must(&["daemon-reload"]);
    for event in events(way) {
        through(way, "start", "activating", event, 11).stderr_contains("no luck");
        assert_eq!(way.property("slow", "ActiveState"), "failed", "{event:?}");
        // A start that was refused for its failures would end as well.
        assert_eq!(way.property("slow", "Result"), "exit-code", "{event:?}");
    }
}

fn orders(uid: u32, socket: Socket) {
    let lab = SystemdLab::start();
    let way = way(&lab, uid, socket);
    orders_have_their_results(way);
    a_failure_is_told(way);
}

#[test]
fn orders_of_root_over_the_bus_have_their_results_through_all_of_it() {
    orders(0, Socket::Bus);
}

#[test]
fn orders_of_root_by_the_private_socket_have_their_results_through_all_of_it() {
    orders(0, Socket::Private);
}

#[test]
fn orders_of_a_user_over_the_bus_have_their_results_through_all_of_it() {
    orders(APP, Socket::Bus);
}

#[test]
fn orders_of_a_user_by_the_private_socket_have_their_results_through_all_of_it() {
    orders(APP, Socket::Private);
}

/// Somebody waits until it is so, and not before.
fn waiting_goes_on(uid: u32, socket: Socket) {
    let lab = SystemdLab::start();
    let way = way(&lab, uid, socket);
    way.unit("slow", &format!("ExecStartPre={WAITS}\nExecStart=/bin/sleep 1000"));
    way.must(&["daemon-reload"]);
    for event in events(way) {
        let waits_for = |goal: &str, then: &dyn Fn()| {
            let mut waiting = way.anysvc(&["-v", "wait", "slow", "--for", goal, "--timeout", "40s"]).spawn();
            waiting.until_it_says(&format!("systemd tells of changes on {}", way.path()));
            way.must(event);
            then();
            waiting.wait().success()
        };
        way.must(&["start", "--no-block", "slow"]);
        waits_for("up", &|| open_gate(way)).stdout_contains("slow: running");
        close_gate(way);
        waits_for("down", &|| drop(way.must(&["stop", "slow"]))).stdout_contains("slow: stopped");
    }
}

#[test]
fn waiting_of_root_goes_on_through_all_of_it() {
    waiting_goes_on(0, Socket::Bus);
    waiting_goes_on(0, Socket::Private);
}

#[test]
fn waiting_of_a_user_goes_on_through_all_of_it() {
    waiting_goes_on(APP, Socket::Bus);
    waiting_goes_on(APP, Socket::Private);
}

#[test]
fn nothing_hangs_past_the_deadline() {
    let lab = SystemdLab::start();
    for way in [(0, Socket::Bus), (0, Socket::Private), (APP, Socket::Bus), (APP, Socket::Private)] {
        let way = Way::new(&lab, way.0, way.1);
        way.unit("slow", &format!("ExecStartPre={WAITS}\nExecStart=/bin/sleep 1000"));
        way.must(&["daemon-reload"]);
        let begun = Instant::now();
        let late = way.anysvc(&["start", "slow", "--timeout", "3s"]).run().fails(10);
        late.stderr_contains("`slow` was not started in time");
        let waited = way.anysvc(&["wait", "slow", "--for", "up", "--timeout", "3s"]).run().fails(10);
        waited.stderr_contains("slow");
        assert!(begun.elapsed() < Duration::from_secs(40), "{:?}", begun.elapsed());
        assert_eq!(way.property("slow", "ActiveState"), "activating", "nothing is undone");
        way.must(&["stop", "slow"]);
    }
}
