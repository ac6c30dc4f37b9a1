//! A thousand orders at once on a real systemd, and registering while it is re-executed: neither it nor the bus
//! is harmed.

use anysvc_tests::{APP, Socket, SystemdLab, Way};

/// Writes units that do nothing, and gives their names.
fn many(way: Way<'_>, count: usize) -> Vec<String> {
    let names: Vec<String> = (0..count).map(|number| format!("many-{number}")).collect();
    for name in &names {
        way.unit(name, "Type=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true");
    }
    way.must(&["daemon-reload"]);
    names
}

/// Starts that many at once by one command, which the manager, its place on the bus, and the bus survive.
fn start_at_once(way: Way<'_>, count: usize) {
    let names = many(way, count);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let order = [&["start", "-q", "--settle", "0ms", "--timeout", "150s"], &names[..]].concat();
    way.anysvc(&order).run().success();
    let states = way.must(&["list-units", "many-*", "--state=active", "--plain", "--no-legend"]);
    assert_eq!(states.lines().count(), names.len());
    let version = ["get-property", "org.freedesktop.systemd1", "/org/freedesktop/systemd1"];
    let version =
        way.lab.command("busctl").arg(if way.uid == 0 { "--system" } else { "--user" }).args(version);
    version.arg("org.freedesktop.systemd1.Manager").arg("Version").uid(way.uid).run().success();
}

#[test]
fn a_thousand_starts_at_once_by_the_private_socket_do_not_break_the_manager() {
    let lab = SystemdLab::start();
    for uid in [0, APP] {
        start_at_once(Way::new(&lab, uid, Socket::Private), 1000);
    }
}

#[test]
fn more_starts_over_the_bus_than_it_has_room_for_are_made_one_after_the_other() {
    let lab = SystemdLab::start();
    start_at_once(Way::new(&lab, 0, Socket::Bus), 600);
}

/// It is under way most of the time, so that each step of a registration meets it.
#[test]
fn registering_goes_on_while_the_manager_is_reexecuted_again_and_again() {
    /// At least.
    const SERVICES: usize = 2;
    let lab = SystemdLab::start();
    for way in [(0, Socket::Bus), (0, Socket::Private), (APP, Socket::Bus), (APP, Socket::Private)] {
        let way = Way::new(&lab, way.0, way.1);
        let scope = if way.uid == 0 { "--system" } else { "--user" };
        // That it answers in between is enough for who is patient.
        let script = format!(
            "while :; do systemctl {scope} daemon-reexec || continue\n\
             until systemctl {scope} show --property=Version >/dev/null; do :; done; echo again >>/tmp/again; done"
        );
        lab.write("/tmp/again", way.uid, 0o600, "");
        let reexecuting = lab.command("sh").args(["-c", &script]).uid(way.uid).spawn();
        let times = || lab.read("/tmp/again").lines().count();
        lab.wait_until("it is re-executed", || times() > 0);
        let before = times();
        let mut services = 0;
        lab.wait_until("it was re-executed as often as somebody registered", || {
            let name = format!("web-{services}");
            way.anysvc(&["register", &name, "--timeout", "40s", "--", "sleep", "1000"]).run().success();
            services += 1;
            services >= SERVICES && times() - before >= services
        });
        drop(reexecuting);
        let running = ["list-units", "web-*", "--state=running", "--plain", "--no-legend"];
        // The last time may be still under way.
        lab.wait_until("all of them run", || way.systemctl(&running).stdout().lines().count() == services);
        way.anysvc(&["unregister", "--all"]).run().success();
    }
}
