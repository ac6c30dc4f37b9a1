//! The s6 laboratory is what the suites believe it to be.

use anysvc_tests::{APP, Facts, OTHER, S6Lab, Signal};

const COMM: [&str; 1] = ["/proc/1/comm"];

#[test]
fn pid_1_is_s6_svscan_for_everyone() {
    let lab = S6Lab::new().start();
    for uid in [0, APP, OTHER] {
        lab.command("cat").args(COMM).uid(uid).run().success().stdout_is("s6-svscan\n");
        lab.command("ls").arg("/run/s6").uid(uid).run().success().stdout_contains("basedir\n");
    }
    lab.command("id").uid(APP).run().success().stdout_is("uid=10000(app) gid=10000(app) groups=10000(app)\n");
    lab.command("grep")
        .args(["CapEff", "/proc/self/status"])
        .uid(APP)
        .run()
        .success()
        .stdout_contains("0000000000000000");
}

#[test]
fn commands_are_in_slash_command_alone() {
    let lab = S6Lab::new().start();
    for name in ["s6-svscan", "s6-svc", "s6-supervise", "execlineb", "s6-ftrigrd"] {
        lab.command("which").arg(name).uid(APP).run().fails(1).stdout_is("");
        assert!(!lab.exists(format!("/usr/bin/{name}")), "{name} is still in /usr/bin");
        lab.command("test").args(["-x", &format!("/command/{name}")]).uid(APP).run().success();
    }
}

#[test]
fn a_service_made_by_hand_comes_up_with_the_containers_environment() {
    let lab = S6Lab::new().start();
    let run = "#!/command/with-contenv sh\necho \"says $CONTAINER_VAR\"\nexec sleep 1000\n";
    lab.publish("/run/service", 0, "hand", run);
    lab.s6("s6-svscanctl", ["-a", "/run/service"]).run().success();
    lab.wait_until("it speaks", || lab.console() == "says from the container\n");
    lab.s6("s6-svwait", ["-u", "-t", "5000", "/run/service/hand"]).run().success();
    lab.s6("s6-svstat", ["-o", "up", "/run/service/hand"]).run().success().stdout_is("true\n");
}

#[test]
fn a_killed_service_is_started_again() {
    let lab = S6Lab::new().start();
    lab.publish("/run/service", 0, "hand", "#!/bin/sh\nexec sleep 1000\n");
    lab.s6("s6-svscanctl", ["-a", "/run/service"]).run().success();
    let pid = || -> Option<u32> {
        let status = lab.s6("s6-svstat", ["-o", "pid", "/run/service/hand"]).run().any();
        status.stdout().trim().parse().ok()
    };
    lab.wait_until("it runs", || pid().is_some());
    let first = pid().expect("it runs");
    lab.kill(first, Signal::KILL);
    lab.wait_until("another process runs", || pid().is_some_and(|pid| pid != first));
}

#[test]
fn root_s_scandir_is_closed_to_others_and_the_shared_one_open_to_app() {
    let root = S6Lab::new().start();
    root.command("mkdir").arg("/run/service/x").uid(APP).run().fails(1);
    root.s6("s6-svscanctl", ["-a", "/run/service"]).uid(APP).run().fails(111);

    let shared = S6Lab::new().shared().start();
    shared.publish("/run/service", APP, "hand", "#!/bin/sh\nexec sleep 1000\n");
    shared.s6("s6-svscanctl", ["-a", "/run/service"]).uid(APP).run().success();
    shared.wait_until("it is supervised", || shared.exists("/run/service/hand/supervise/lock"));
    shared.command("mkdir").arg("/run/service/x").uid(OTHER).run().fails(1);
    shared.s6("s6-svscanctl", ["-a", "/run/service"]).uid(OTHER).run().fails(111);
}

#[test]
fn the_nested_tree_runs_as_app_and_obeys_app() {
    let lab = S6Lab::new().nested().start();
    lab.command("pgrep").args(["-u", "app", "-l"]).run().success().stdout_contains("s6-svscan");
    lab.publish("/run/app/service", APP, "hand", "#!/bin/sh\nid -u > /home/app/uid\nexec sleep 1000\n");
    lab.s6("s6-svscanctl", ["-a", "/run/app/service"]).uid(APP).run().success();
    lab.wait_until("it says who it is", || {
        lab.exists("/home/app/uid") && lab.read("/home/app/uid") == "10000\n"
    });
    lab.s6("s6-svc", ["-wd", "-d", "/run/app/service/hand"]).uid(APP).run().success();
    lab.command("cat")
        .arg("/etc/anysvc/config.toml")
        .uid(APP)
        .run()
        .success()
        .stdout_contains("/run/{user}/service");
}

#[test]
fn all_of_it_can_be_app_s() {
    let lab = S6Lab::new().user().start();
    lab.command("cat").args(COMM).uid(APP).run().success().stdout_is("s6-svscan\n");
    lab.command("ps").args(["-o", "user=", "-p", "1"]).run().success().stdout_is("app\n");
    lab.publish("/run/service", APP, "hand", "#!/bin/sh\nexec sleep 1000\n");
    lab.s6("s6-svscanctl", ["-a", "/run/service"]).uid(APP).run().success();
    lab.wait_until("it is supervised", || lab.exists("/run/service/hand/supervise/lock"));
}

#[test]
fn facts_for_detection_are_as_asked() {
    let lab = |facts| S6Lab::new().facts(facts).start();

    let no_basedir = lab(Facts::NoBasedir);
    no_basedir.command("cat").args(COMM).uid(APP).run().success().stdout_is("s6-svscan\n");
    no_basedir.command("test").args(["-e", "/run/s6/basedir"]).run().fails(1);

    let other = lab(Facts::OtherPid1);
    other.command("cat").args(COMM).uid(APP).run().success().stdout_is("sleep\n");
    assert!(other.exists("/run/s6/basedir") && other.listens("/run/service"));

    let no_proc = lab(Facts::NoProc);
    no_proc.command("ls").args(["-A", "/proc"]).run().success().stdout_is("");

    let hidden = lab(Facts::HidePid);
    hidden.command("cat").args(COMM).run().success();
    hidden.command("cat").args(COMM).uid(APP).run().fails(1).stderr_contains("No such file");

    let unreadable = lab(Facts::CommUnreadable);
    unreadable.command("cat").args(COMM).run().fails(1).stderr_contains("Input/output error");
    unreadable.command("cat").args(COMM).uid(APP).run().fails(1).stderr_contains("Permission denied");
}

#[test]
fn arguments_for_s6_svscan_arrive() {
    let lab = S6Lab::new().svscan_args("-c 12000").start();
    let cmdline = lab.read("/proc/1/cmdline").replace('\0', " ");
    assert_eq!(cmdline, "/command/s6-svscan -d3 -c 12000 -- /run/service ");
}

#[test]
fn a_command_gets_its_environment_directory_and_input_and_nothing_else() {
    let lab = S6Lab::new().start();
    let script = lab.script("pwd; env | grep -v -e ^PWD= -e ^_= -e ^SHLVL= | sort; cat");
    let ran = lab.command(script).uid(APP).env("X", "a b").dir("/home/app").stdin("typed").run();
    ran.success()
        .stdout_is("/home/app\nHOME=/home/app\nLANG=C\nPATH=/opt/anysvc/bin:/usr/bin:/bin\nX=a b\ntyped");
}

#[test]
fn a_command_in_the_background_can_be_signalled_and_waited_for() {
    let lab = S6Lab::new().start();
    let sleeper = lab.command("sleep").arg("1000").uid(APP).spawn();
    lab.wait_until("it has entered", || sleeper.pid().is_some_and(|pid| lab.exists(format!("/proc/{pid}"))));
    sleeper.kill(Signal::TERM);
    sleeper.wait().killed(15);
}

#[test]
fn nothing_survives_the_end() {
    let lab = S6Lab::new().start();
    let script = lab.script("setsid sleep 4242 >/dev/null 2>&1 &");
    lab.command(script).run().success();
    let outer = format!("/proc/{}", lab.pid1());
    let namespace = std::fs::read_link(format!("{outer}/ns/pid")).expect("it lives");
    drop(lab);
    let left = std::fs::read_dir("/proc").expect("procfs").flatten();
    let mut left = left.filter_map(|entry| std::fs::read_link(entry.path().join("ns/pid")).ok());
    assert!(left.all(|of| of != namespace), "a process of the laboratory lives on");
}
