//! What a program starts with: arguments, environment, account, directory, limits; in a real s6.

mod scripts_common;

use anysvc_backend_api::{EnvVar, Limit, LimitKind, LogSpec, LogTo, ServiceSpec};
use anysvc_tests::APP;
use scripts_common::{Numbers, Service, WORLDS, World, command, shell};

fn env(name: &str, value: impl Into<anysvc_backend_api::Bytes>) -> EnvVar {
    EnvVar { name: name.into(), value: value.into() }
}

fn read(service: &Service<'_>, pid: u32, file: &str) -> Vec<u8> {
    std::fs::read(service.lab.path(format!("/proc/{pid}/{file}"))).unwrap()
}

/// The environment of a process, as it got it.
fn environment(service: &Service<'_>, pid: u32) -> Vec<(String, Vec<u8>)> {
    let block = read(service, pid, "environ");
    let variables = block.split(|b| *b == 0).filter(|variable| !variable.is_empty());
    variables
        .map(|variable| {
            let at = variable.iter().position(|b| *b == b'=').unwrap();
            (String::from_utf8_lossy(&variable[..at]).into_owned(), variable[at + 1..].to_vec())
        })
        .collect()
}

/// A program that stays, whatever its further arguments.
fn stays() -> Vec<anysvc_backend_api::Bytes> {
    command(["/bin/sh", "-c", "while :; do sleep 1000; done"])
}

#[test]
fn arguments_and_values_arrive_byte_for_byte() {
    let mut numbers = Numbers(0xa11ce);
    let mut spec = ServiceSpec { command: stays(), ..ServiceSpec::default() };
    spec.command
        .extend(command(["", "-", "--", "-n", "a b", "it's", "\"", "$HOME", "\\", "a\nb", "\n", "~"]));
    spec.command.extend((0..300).map(|_| numbers.bytes(40).into()));
    for (name, value) in [("EMPTY", ""), ("NEWLINES", "\n\n"), ("BLANKS", " a \t"), ("CR", "x\r\n")] {
        spec.env.push(env(name, value));
    }
    // What shells keep for themselves or look at.
    for name in [
        "IFS", "UID", "EUID", "PPID", "PWD", "OLDPWD", "LINENO", "SHLVL", "_", "GID", "GIDLIST", "ENV",
        "BASH_ENV", "PS4", "HOME", "USER", "LOGNAME", "CDPATH", "TZ",
    ] {
        spec.env.push(env(name, format!("own {name}")));
    }
    spec.env.push(env("LONG", "x".repeat(100_000)));
    spec.env.extend((0..100).map(|i| env(&format!("VALUE_{i}"), numbers.bytes(200))));
    let cmdline = spec.command.iter().flat_map(|arg| [&arg[..], b"\0"].concat()).collect::<Vec<u8>>();
    for world in WORLDS {
        let lab = world.lab();
        let service = Service::start(&lab, world, spec.clone());
        let pid = service.program("/bin/sh\0-c\0while");
        let got = read(&service, pid, "cmdline");
        assert!(got == cmdline, "{world:?}: other arguments arrived");
        let got = environment(&service, pid);
        for variable in &spec.env {
            let values: Vec<_> = got.iter().filter(|(name, _)| *name == variable.name).collect();
            assert_eq!(values.len(), 1, "{world:?}: {}", variable.name);
            assert!(values[0].1 == variable.value[..], "{world:?}: another value of {}", variable.name);
        }
    }
}

#[test]
fn no_variable_keeps_a_program_from_starting() {
    // dash ends at once with this one.
    for world in WORLDS {
        let lab = world.lab();
        let mut spec = ServiceSpec { command: command(["/usr/bin/sleep", "1000"]), ..ServiceSpec::default() };
        spec.env = vec![env("OPTIND", "no number")];
        let service = Service::start(&lab, world, spec);
        let pid = service.program("/usr/bin/sleep");
        assert!(environment(&service, pid).contains(&("OPTIND".into(), b"no number".to_vec())), "{world:?}");
    }
}

#[test]
fn a_service_is_its_user_in_the_containers_environment() {
    for world in WORLDS {
        let lab = world.lab();
        let service = Service::start(&lab, world, ServiceSpec { command: stays(), ..ServiceSpec::default() });
        let pid = service.program("/bin/sh\0-c\0while");
        let (home, name) = if world == World::Root { ("/root", "root") } else { ("/home/app", "app") };
        let got = environment(&service, pid);
        let value = |name: &str| {
            let found =
                got.iter().find(|(n, _)| n == name).map(|(_, v)| String::from_utf8_lossy(v).into_owned());
            found.unwrap_or_else(|| panic!("{world:?}: no {name}"))
        };
        for (variable, expected) in
            [("HOME", home), ("USER", name), ("LOGNAME", name), ("CONTAINER_VAR", "from the container")]
        {
            assert_eq!(value(variable), expected, "{world:?}: {variable}");
        }
        assert!(!got.iter().any(|(name, _)| name.starts_with("anysvc") || name == "GIDLIST"), "{world:?}");
        let status = String::from_utf8(read(&service, pid, "status")).unwrap();
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        let id = world.runs_as().to_string();
        let four = vec![id.clone(); 4].join(" ");
        assert_eq!((field("Uid:"), field("Gid:")), (four.clone(), four), "{world:?}");
        assert!(
            field("Groups:").split(' ').all(|group| group == id || group.is_empty()),
            "{world:?}: {status}"
        );
        let capable = world == World::Root;
        assert_eq!(field("CapEff:") != "0000000000000000", capable, "{world:?}");
        assert_eq!(field("Umask:"), "0022", "{world:?}");
        let cwd = std::fs::read_link(lab.path(format!("/proc/{pid}/cwd"))).unwrap();
        let expected = if matches!(world, World::Shared | World::Nested) { "/home/app" } else { "/" };
        assert!(cwd.ends_with(expected.trim_start_matches('/')), "{world:?}: {}", cwd.display());
        // It leads its session and group, which is what `finish` kills.
        let stat = String::from_utf8(read(&service, pid, "stat")).unwrap();
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
        assert_eq!((fields[2], fields[3]), (&*pid.to_string(), &*pid.to_string()), "{world:?}");
    }
}

#[test]
fn groups_can_be_named_beside_the_user() {
    let lab = World::Root.lab();
    let cases = [
        ("a", Some("app"), Some("other"), (APP, APP + 1)),
        ("b", None, Some("other"), (0, APP + 1)),
        ("c", Some("4321"), Some("1234"), (4321, 1234)),
        ("d", Some("app"), Some("77"), (APP, 77)),
    ];
    for (name, user, group, (uid, gid)) in cases {
        let spec = ServiceSpec {
            name: name.into(),
            command: stays(),
            user: user.map(Into::into),
            group: group.map(Into::into),
            env: vec![env("SECRET", "x")],
            log: LogSpec { to: Some(LogTo::None), ..LogSpec::default() },
            ..ServiceSpec::default()
        };
        let service = Service::start(&lab, World::Root, spec);
        let pid = service.program("/bin/sh\0-c\0while");
        let status = String::from_utf8(read(&service, pid, "status")).unwrap();
        assert!(status.contains(&format!("Uid:\t{uid}\t{uid}\t{uid}\t{uid}\n")), "{name}: {status}");
        assert!(status.contains(&format!("Gid:\t{gid}\t{gid}\t{gid}\t{gid}\n")), "{name}: {status}");
        assert!(environment(&service, pid).contains(&("SECRET".into(), b"x".to_vec())), "{name}");
    }
}

#[test]
fn limits_umask_and_directory_are_as_said() {
    for world in WORLDS {
        let lab = world.lab();
        lab.write("/srv/data dir/x", APP, 0o644, "");
        let mut spec = ServiceSpec { command: stays(), ..ServiceSpec::default() };
        spec.umask = Some(0o027);
        spec.limits = vec![
            Limit { kind: LimitKind::Nofile, value: Some(77) },
            Limit { kind: LimitKind::Core, value: Some(0) },
        ];
        spec.limits.push(Limit { kind: LimitKind::Fsize, value: None });
        spec.env = vec![env("DATA", "/srv/data dir")];
        spec.directory = Some("${DATA}/${MISSING:-.}".into());
        let service = Service::start(&lab, world, spec);
        let pid = service.program("/bin/sh\0-c\0while");
        let limits = String::from_utf8(read(&service, pid, "limits")).unwrap();
        let limit = |name: &str| {
            let line = limits.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.split_whitespace().take(2).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(limit("Max open files"), ["77", "77"], "{world:?}");
        assert_eq!(limit("Max core file size"), ["0", "0"], "{world:?}");
        assert_eq!(limit("Max file size"), ["unlimited", "unlimited"], "{world:?}");
        let status = String::from_utf8(read(&service, pid, "status")).unwrap();
        assert!(status.contains("Umask:\t0027"), "{world:?}");
        let cwd = std::fs::read_link(lab.path(format!("/proc/{pid}/cwd"))).unwrap();
        assert!(cwd.ends_with("srv/data dir"), "{world:?}: {}", cwd.display());
    }
}

#[test]
fn what_is_wrong_at_the_start_is_said_in_the_log() {
    type Change = fn(&mut ServiceSpec);
    let cases: [(&str, Change, &str); 6] = [
        ("a", |s| s.directory = Some("/nowhere".into()), "anysvc: a: directory: cannot enter /nowhere"),
        ("b", |s| s.directory = Some("${NOT}/x".into()), "anysvc: b: directory: NOT is not set"),
        ("c", |s| s.env_file = Some("/nowhere".into()), "anysvc: c: env-file: cannot read /nowhere"),
        ("d", |s| s.env_file = Some("/srv/bad".into()), "anysvc: d: /srv/bad, line 3: not NAME=value"),
        ("e", |s| s.command = command(["/no/such/program"]), "/no/such/program: not found"),
        ("f", |s| s.directory = Some("${REL}".into()), "f: directory: not an absolute path: rel"),
    ];
    for world in WORLDS {
        let lab = world.lab();
        lab.write("/srv/bad", APP, 0o644, "A=1\n# well\n A=2\n");
        for (name, set, expected) in cases {
            let mut spec = ServiceSpec { name: name.into(), command: stays(), ..ServiceSpec::default() };
            spec.env = vec![env("REL", "rel")];
            set(&mut spec);
            let service = Service::start(&lab, world, spec);
            lab.wait_until(expected, || service.log().contains(expected));
            let log = service.log();
            assert!(log.lines().count() <= 2, "{world:?}: {log}");
            assert!(log.starts_with("20") && log.as_bytes()[19] == b'.', "{world:?}: {log}");
        }
    }
}

#[test]
fn an_environment_file_is_read_at_each_start_and_never_evaluated() {
    let file = b"# a comment\n\nPLAIN=a b\nQUOTED=\"$HOME\" 'x'\nEMPTY=\nTWICE=1\nTWICE=2\n\
        TAIL= blanks \t\nEQUALS=a=b\nHIGH=\x80\x81\xff\nCR=x\r\nBACK=\\n\\\\ \\\nGIVEN=file\nname=n\nLAST=no newline";
    for world in WORLDS {
        let lab = world.lab();
        lab.write("/srv/file.env", APP, 0o600, file);
        let mut spec = ServiceSpec { command: stays(), ..ServiceSpec::default() };
        spec.env = vec![env("GIVEN", "spec"), env("WHERE", "/srv")];
        spec.env_file = Some("${WHERE}/file.env".into());
        let service = Service::start(&lab, world, spec);
        let pid = service.program("/bin/sh\0-c\0while");
        let got = environment(&service, pid);
        let expected: [(&str, &[u8]); 12] = [
            ("PLAIN", b"a b"),
            ("QUOTED", b"\"$HOME\" 'x'"),
            ("EMPTY", b""),
            ("TWICE", b"2"),
            ("TAIL", b" blanks \t"),
            ("EQUALS", b"a=b"),
            ("HIGH", b"\x80\x81\xff"),
            ("CR", b"x\r"),
            ("BACK", b"\\n\\\\ \\"),
            ("GIVEN", b"spec"),
            ("name", b"n"),
            ("LAST", b"no newline"),
        ];
        for (name, value) in expected {
            let found = got.iter().find(|(n, _)| n == name).map(|(_, v)| &v[..]);
            assert_eq!(found, Some(value), "{world:?}: {name}");
        }
        lab.write("/srv/file.env", APP, 0o600, "PLAIN=new\n");
        service.svc(&["-r"]);
        lab.wait_until("it was started again", || service.pid().is_some_and(|new| new != pid));
        let pid = service.program("/bin/sh\0-c\0while");
        assert!(environment(&service, pid).contains(&("PLAIN".into(), b"new".to_vec())), "{world:?}");
    }
}

#[test]
fn secrets_are_not_for_others() {
    for world in WORLDS {
        let lab = world.lab();
        let mut spec = ServiceSpec { command: stays(), ..ServiceSpec::default() };
        spec.env = vec![env("SECRET", "hush")];
        let service = Service::start(&lab, world, spec);
        service.program("/bin/sh\0-c\0while");
        for file in ["env/SECRET", "data/hash"] {
            let path = format!("{}/{file}", service.directory);
            lab.command("cat")
                .arg(&path)
                .uid(anysvc_tests::OTHER)
                .run()
                .fails(1)
                .stderr_contains("Permission");
        }
        let run = lab.read(format!("{}/run", service.directory));
        assert!(!run.contains("hush"), "{run}");
    }
}

#[test]
fn what_is_loaded_for_the_user_is_not_loaded_by_root() {
    // A library that tells who loaded it would need a compiler; PATH is looked at in the same way, and a
    // loader that can't find what LD_PRELOAD names says so, as whoever it is.
    let lab = World::RootForApp.lab();
    lab.write("/srv/evil/rm", APP, 0o755, "#!/bin/sh\nid -u >>/srv/evil/ran\n");
    for name in ["sleep", "chown", "id"] {
        lab.write(format!("/srv/evil/{name}"), APP, 0o755, "#!/bin/sh\n/usr/bin/id -u >>/srv/evil/ran\n");
    }
    lab.write("/srv/evil/ran", APP, 0o666, "");
    let mut spec = shell("exit 1");
    spec.env = vec![env("PATH", "/srv/evil:/usr/bin:/bin"), env("LD_PRELOAD", "/srv/evil/none.so")];
    spec.when = Some(anysvc_backend_api::Condition { env: "PATH".into(), truthy: None });
    spec.restart.delay = Some(std::time::Duration::from_millis(1100));
    let service = Service::start(&lab, World::RootForApp, spec);
    lab.wait_until("it was started twice", || service.log().matches("none.so").count() > 4);
    assert!(!lab.read("/srv/evil/ran").lines().any(|line| line == "0"), "{}", lab.read("/srv/evil/ran"));
    assert!(!lab.console().contains("none.so"), "{}", lab.console());
}
