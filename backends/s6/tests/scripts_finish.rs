//! What `finish` decides, executed as s6-supervise calls it, for every policy, lists of codes, and signal.

mod scripts_common;

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anysvc_backend_api::{GiveUp, RestartPolicy, ServiceSpec};
use anysvc_s6::scripts::Owner;
use scripts_common::{render, shell};

/// A service directory on disk, of whoever runs the test.
struct Directory(PathBuf);

impl Directory {
    fn new(test: &str, spec: &ServiceSpec) -> Directory {
        let path = std::env::temp_dir().join(format!("anysvc-finish-{test}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        let me = fs::metadata(&path).unwrap();
        let owner = Owner { uid: me.uid(), gid: me.gid(), groups: vec![], name: None, home: None };
        for file in render(spec, &owner, "/usr/bin", "/nowhere").files {
            let to = path.join(&file.path);
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::write(&to, &file.content).unwrap();
            fs::set_permissions(&to, fs::Permissions::from_mode(file.mode)).unwrap();
        }
        Directory(path)
    }

    /// `finish` as a shell runs it.
    fn finish(&self, shell: &[&str], arguments: &[&str]) -> i32 {
        let mut command = Command::new(shell[0]);
        command.args(&shell[1..]).arg("./finish").args(arguments).current_dir(&self.0);
        command.status().unwrap().code().unwrap()
    }

    fn has(&self, file: &str) -> bool {
        self.0.join(file).exists()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn shells() -> Vec<Vec<&'static str>> {
    let known = [vec!["/bin/sh"], vec!["/bin/bash"], vec!["/bin/busybox", "sh"]];
    known.into_iter().filter(|shell| Path::new(shell[0]).exists()).collect()
}

/// Whether it is to be started again, as the service model says it.
fn restarts(policy: RestartPolicy, never: &[i32], always: &[i32], code: Option<i32>) -> bool {
    match (policy, code) {
        (RestartPolicy::Never, _) => false,
        (_, None) => true,
        (_, Some(code)) if never.contains(&code) => false,
        (_, Some(code)) if always.contains(&code) => true,
        (policy, Some(code)) => code != 0 || policy == RestartPolicy::Always,
    }
}

#[test]
fn every_policy_code_and_signal_ends_as_the_model_says() {
    let lists: [(&[i32], &[i32]); 6] =
        [(&[78], &[75]), (&[], &[]), (&[1, 2, 255], &[0, 3]), (&[75], &[75]), (&[0], &[]), (&[137], &[78])];
    for policy in [RestartPolicy::Never, RestartPolicy::OnFailure, RestartPolicy::Always] {
        for (number, (never, always)) in lists.iter().enumerate() {
            let mut spec = shell("");
            spec.restart.policy = Some(policy);
            if number > 0 {
                spec.restart.never_on = Some(never.to_vec());
                spec.restart.always_on = Some(always.to_vec());
            }
            let directory = Directory::new(&format!("{}-{number}", policy as u8), &spec);
            for shell in shells() {
                for code in [0, 1, 2, 3, 75, 78, 125, 137, 255] {
                    let expected = if restarts(policy, never, always, Some(code)) { 0 } else { 125 };
                    for arguments in
                        [&[&*code.to_string(), "0", "web"][..], &[&*code.to_string(), "0", "web", "0"]]
                    {
                        let got = directory.finish(&shell, arguments);
                        assert_eq!(got, expected, "{policy:?} {never:?} {always:?} {arguments:?} {shell:?}");
                    }
                }
                for signal in ["1", "2", "9", "11", "15"] {
                    let expected = if policy == RestartPolicy::Never { 125 } else { 0 };
                    let got = directory.finish(&shell, &["256", signal, "web"]);
                    assert_eq!(got, expected, "{policy:?}: signal {signal}, {shell:?}");
                }
            }
        }
    }
}

/// A death tally as s6-supervise writes it (libs6/s6_dtally_pack.c): time, exit code, signal.
fn tally(directory: &Directory, deaths: &[(u64, u8, u8)]) {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let record = |(ago, code, signal): &(u64, u8, u8)| {
        let label = (1u64 << 62) + 37 + now - ago;
        [&label.to_be_bytes()[..], &[0; 4], &[*code, *signal]].concat()
    };
    fs::create_dir_all(directory.0.join("supervise")).unwrap();
    fs::write(directory.0.join("supervise/death_tally"), deaths.iter().flat_map(record).collect::<Vec<u8>>())
        .unwrap();
}

#[test]
fn so_many_failures_in_the_time_are_the_last_and_planned_restarts_are_none() {
    let mut spec = shell("");
    spec.restart.policy = Some(RestartPolicy::Always);
    spec.restart.give_up = Some(GiveUp { after: 3, within: Duration::from_secs(60) });
    // 137 is also what KILL counts as: it has to count all the same.
    spec.restart.always_on = Some(vec![75, 137]);
    let directory = Directory::new("give-up", &spec);
    type Deaths<'a> = &'a [(u64, u8, u8)];
    let cases: [(Deaths<'_>, &[&str], i32); 9] = [
        (&[(2, 1, 0), (1, 1, 0)], &["1", "0"], 0),
        (&[(2, 1, 0), (1, 2, 0), (0, 255, 0)], &["255", "0"], 125),
        (&[(2, 137, 9), (1, 143, 15), (0, 129, 1)], &["256", "1"], 125),
        (&[(2, 137, 9), (1, 137, 9), (0, 137, 9)], &["256", "9"], 125),
        (&[(2, 137, 0), (1, 137, 0), (0, 137, 0)], &["137", "0"], 0),
        (&[(99, 1, 0), (1, 1, 0), (0, 1, 0)], &["1", "0"], 0),
        (&[(3, 75, 0), (2, 75, 0), (1, 75, 0), (0, 1, 0)], &["1", "0"], 0),
        (&[(3, 0, 0), (2, 0, 0), (1, 0, 0), (0, 0, 0)], &["0", "0"], 0),
        // The failure that was the last is long past; this one is none.
        (&[(3, 1, 0), (2, 1, 0), (1, 1, 0), (0, 75, 0)], &["75", "0"], 0),
    ];
    for (deaths, arguments, expected) in cases {
        tally(&directory, deaths);
        let _ = fs::remove_file(directory.0.join("data/gave-up"));
        let arguments: Vec<&str> = arguments.iter().copied().chain(["web"]).collect();
        assert_eq!(directory.finish(&["/bin/sh"], &arguments), expected, "{deaths:?}");
        assert_eq!(directory.has("data/gave-up"), expected == 125, "{deaths:?}");
    }
}

#[test]
fn a_condition_that_is_false_means_down_under_every_policy() {
    for policy in [RestartPolicy::Never, RestartPolicy::OnFailure, RestartPolicy::Always] {
        let mut spec = shell("");
        spec.restart.policy = Some(policy);
        spec.restart.always_on = Some(vec![0]);
        spec.when = Some(anysvc_backend_api::Condition { env: "X".into(), truthy: None });
        let directory = Directory::new(&format!("condition-{}", policy as u8), &spec);
        fs::write(directory.0.join("data/condition"), "no\n").unwrap();
        assert_eq!(directory.finish(&["/bin/sh"], &["0", "0", "web"]), 125);
    }
}

#[test]
fn what_is_left_of_the_group_is_killed_from_either_source() {
    for (case, by_argument) in [("argument", true), ("file", false)] {
        let directory = Directory::new(&format!("group-{case}"), &shell(""));
        // Leads a session, as a service does, and ends; its child ignores TERM and stays.
        let output = Command::new("setsid")
            .args(["-f", "sh", "-c", "trap '' TERM; sleep 1000 >/dev/null 2>&1 & echo $$ $!"])
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let (leader, child) = text.trim().split_once(' ').unwrap();
        if by_argument {
            directory.finish(&["/bin/sh"], &["1", "0", "web", leader]);
        } else {
            fs::write(directory.0.join("data/pid"), format!("{leader}\n")).unwrap();
            directory.finish(&["/bin/sh"], &["1", "0", "web"]);
        }
        let stat = format!("/proc/{child}/stat");
        let gone =
            || fs::read_to_string(&stat).is_ok_and(|s| s.contains(") Z ")) || !Path::new(&stat).exists();
        let end = Instant::now() + Duration::from_secs(60);
        while !gone() {
            assert!(Instant::now() < end, "{case}: the child lives");
            std::thread::sleep(Duration::from_millis(2));
        }
        assert_eq!(fs::metadata(directory.0.join("data/pid")).map_or(0, |m| m.len()), 0);
    }
}

#[test]
fn a_wait_for_the_delay_that_was_ended_decides_nothing() {
    let mut spec = shell("");
    spec.restart.delay = Some(Duration::from_secs(5));
    let directory = Directory::new("delay", &spec);
    assert_eq!(directory.finish(&["/bin/sh"], &["1", "0", "web"]), 0);
    let left = fs::read_to_string(directory.0.join("data/delay")).unwrap();
    assert!(left.trim().parse::<f64>().unwrap() > 0.0, "{left}");
    assert_eq!(directory.finish(&["/bin/sh"], &["0", "0", "web"]), 0);
    assert_eq!(fs::read_to_string(directory.0.join("data/delay")).unwrap(), left);
    anysvc_s6::scripts::forget_failures(&directory.0).unwrap();
    assert!(!directory.has("data/delay"));
    assert_eq!(directory.finish(&["/bin/sh"], &["0", "0", "web"]), 125);
}
