//! The systemd laboratory is what the suites believe it to be.

use anysvc_tests::{APP, OTHER, SystemdLab};

#[test]
fn both_managers_run_and_nothing_has_failed() {
    let lab = SystemdLab::start();
    lab.command("cat").arg("/proc/1/comm").uid(OTHER).run().success().stdout_is("systemd\n");
    lab.systemctl(["is-system-running"]).run().success().stdout_is("running\n");
    lab.systemctl(["--user", "is-system-running"]).uid(APP).run().success().stdout_is("running\n");
    lab.command("id").uid(APP).run().success().stdout_is("uid=10000(app) gid=10000(app) groups=10000(app)\n");
    for socket in ["/run/systemd/private", "/run/user/10000/systemd/private", "/run/user/10000/bus"] {
        assert!(lab.exists(socket), "{socket} is not there");
    }
}

#[test]
fn one_who_does_not_linger_has_no_manager() {
    let lab = SystemdLab::start();
    assert!(!lab.exists("/run/user/10001"));
    lab.systemctl(["--user", "status"]).uid(OTHER).run().fails(1).stderr_contains("Failed to connect to bus");
}

#[test]
fn a_reboot_ends_what_runs_and_keeps_what_is_on_the_disk() {
    let lab = SystemdLab::start();
    lab.write("/etc/systemd/system/on.service", 0, 0o644, "[Service]\nExecStart=/usr/bin/sleep 1000\n");
    lab.write("/home/app/note", APP, 0o644, "kept");
    let wants = "/etc/systemd/system/multi-user.target.wants/on.service";
    lab.systemctl(["daemon-reload"]).run().success();
    lab.systemctl(["start", "on"]).run().success();
    lab.reboot();
    lab.systemctl(["is-active", "on"]).run().fails(3).stdout_is("inactive\n");
    assert_eq!(lab.read("/home/app/note"), "kept");
    lab.systemctl(["add-wants", "multi-user.target", "on.service"]).run().success();
    assert!(lab.exists(wants), "not wanted at boot");
    lab.reboot();
    lab.systemctl(["is-active", "on"]).run().success();
    lab.systemctl(["--user", "is-system-running"]).uid(APP).run().success();
}

#[test]
fn two_laboratories_do_not_see_each_other() {
    let (one, two) = (SystemdLab::start(), SystemdLab::start());
    for lab in [&one, &two] {
        let run = "[Service]\nExecStart=/usr/bin/sleep 1000\nExecStopPost=/usr/bin/true\n";
        lab.write("/etc/systemd/system/same.service", 0, 0o644, run);
        lab.systemctl(["daemon-reload"]).run().success();
        lab.systemctl(["start", "same"]).run().success();
    }
    one.systemctl(["stop", "same"]).run().success();
    two.systemctl(["is-active", "same"]).run().success();
    one.write("/srv/file", 0, 0o644, "");
    assert!(!two.exists("/srv/file"), "they share a disk");
    drop(one);
    two.systemctl(["is-active", "same"]).run().success();
}

#[test]
fn nothing_survives_the_end() {
    let lab = SystemdLab::start();
    let cgroups = || {
        let text = std::fs::read_to_string(format!("/proc/{}/cgroup", lab.pid1())).expect("it runs");
        text.lines().filter(|line| line.contains("anysvc-lab")).count()
    };
    assert!(cgroups() > 0, "it has no control group of its own");
    let namespace = std::fs::read_link(format!("/proc/{}/ns/pid", lab.pid1())).expect("it lives");
    drop(lab);
    let left = std::fs::read_dir("/proc").expect("procfs").flatten();
    let mut left = left.filter_map(|entry| std::fs::read_link(entry.path().join("ns/pid")).ok());
    assert!(left.all(|of| of != namespace), "a process of the laboratory lives on");
}
