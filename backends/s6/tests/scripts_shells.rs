//! The scripts in each shell that may be /bin/sh: conditions, expansions, environment files, whatever the
//! bytes. No supervisor takes part; the program is `env`, or `pwd`.

mod scripts_common;

use std::{
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::{Path, PathBuf},
    process::{Command, Output},
};

use anysvc_backend_api::{Condition, LogSpec, LogTo, ServiceSpec};
use anysvc_s6::scripts::Owner;
use scripts_common::{Numbers, command, render};

/// A folder to work in; the service directory is `service` in it.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("anysvc-shells-{test}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(path.join("service/data")).unwrap();
        Folder(path)
    }

    /// The last stage of `run`, which has its environment and its account.
    fn run(&self, shell: &[&str], spec: &ServiceSpec, environment: &[(&str, &[u8])]) -> Output {
        let me = fs::metadata(&self.0).unwrap();
        let home = Some(self.0.clone());
        let owner = Owner { uid: me.uid(), gid: me.gid(), groups: vec![], name: None, home };
        let mut spec = spec.clone();
        spec.name = "web".into();
        // Standard error stays apart.
        spec.log = LogSpec { to: Some(LogTo::Manager), ..LogSpec::default() };
        let directory = self.0.join("service");
        fs::write(directory.join("run"), render(&spec, &owner, "/usr/bin", "/nowhere").get("run").unwrap())
            .unwrap();
        let mut command = Command::new(shell[0]);
        command.args(&shell[1..]).args(["./run", "web", "go"]).current_dir(directory).env_clear();
        command.env("PATH", "/usr/bin:/bin");
        command.envs(environment.iter().map(|(name, value)| (name, OsStr::from_bytes(value))));
        command.output().unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn shells() -> Vec<Vec<&'static str>> {
    let known =
        [vec!["/bin/sh"], vec!["/bin/dash"], vec!["/bin/bash", "--posix"], vec!["/bin/busybox", "sh"]];
    known.into_iter().filter(|shell| Path::new(shell[0]).exists()).collect()
}

fn spec(words: &[&str]) -> ServiceSpec {
    ServiceSpec { command: command(words.iter().copied()), ..ServiceSpec::default() }
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn conditions_hold_for_what_the_model_says() {
    let folder = Folder::new("when");
    let words: [(Option<&str>, bool); 16] = [
        (None, false),
        (Some(""), false),
        (Some("1"), true),
        (Some("true"), true),
        (Some("TRUE"), true),
        (Some("yes"), true),
        (Some("Yes"), true),
        (Some("on"), true),
        (Some("oN"), true),
        (Some("0"), false),
        (Some("false"), false),
        (Some("no"), false),
        (Some("2"), false),
        (Some(" 1"), false),
        (Some("*"), false),
        (Some("true\n"), false),
    ];
    for shell in shells() {
        for (value, truthy) in words {
            for (asked, holds) in
                [(Some(true), truthy), (Some(false), !truthy), (None, value.is_some_and(|v| !v.is_empty()))]
            {
                let mut spec = spec(&["/usr/bin/echo", "ran"]);
                spec.when = Some(Condition { env: "FLAG".into(), truthy: asked });
                let flag: Vec<(&str, &[u8])> = value.map(|v| ("FLAG", v.as_bytes())).into_iter().collect();
                let output = folder.run(&shell, &spec, &flag);
                let what = format!("{shell:?} {value:?} {asked:?}: {}", errors(&output));
                assert!(output.status.success(), "{what}");
                assert_eq!(output.stdout == b"ran\n", holds, "{what}");
                assert_eq!(folder.0.join("service/data/condition").exists(), !holds, "{what}");
            }
        }
    }
}

#[test]
fn a_condition_sees_the_environment_file_below_what_the_spec_says() {
    let folder = Folder::new("when-file");
    let path = folder.0.join("env");
    for shell in shells() {
        for (file, given, holds) in [
            (None, &[][..], false),
            (None, &[("FLAG", &b"yes"[..])], true),
            (Some("FLAG=yes"), &[], true),
            (Some("FLAG=yes"), &[("FLAG", b"no")], true),
            (Some("FLAG=no"), &[("FLAG", b"yes")], false),
            (Some("a bad line\nFLAG=no"), &[("FLAG", b"yes")], false),
        ] {
            let mut spec = spec(&["/usr/bin/echo", "ran"]);
            spec.when = Some(Condition { env: "FLAG".into(), truthy: Some(true) });
            spec.env_file = Some(path.clone());
            let _ = fs::remove_file(&path);
            if let Some(text) = file {
                fs::write(&path, text).unwrap();
            }
            let output = folder.run(&shell, &spec, given);
            let what = format!("{shell:?} {file:?} {given:?}: {}", errors(&output));
            assert_eq!(folder.0.join("service/data/condition").exists(), !holds, "{what}");
            if holds && file.is_none() {
                // It is wanted, and so has to be complete.
                assert_eq!(output.status.code(), Some(111), "{what}");
            } else {
                assert!(output.status.success() && errors(&output).is_empty(), "{what}");
                assert_eq!(output.stdout == b"ran\n", holds, "{what}");
            }
        }
    }
}

#[test]
fn paths_are_expanded_once_whatever_the_bytes() {
    let folder = Folder::new("expand");
    let mut numbers = Numbers(0xd1);
    for shell in shells() {
        for round in 0..60 {
            // A name without `/`; `}` ends an expansion, and a folder named `.` or `..` is not a new one.
            let mut name = |skip: &[u8]| -> Vec<u8> {
                let bytes = numbers.bytes(12).into_iter().filter(|b| *b != b'/' && !skip.contains(b));
                [b"n".to_vec(), bytes.collect()].concat()
            };
            let (literal, value, default) = (name(b"$"), name(b""), name(b"}"));
            let inside = [&literal[..], &value, &default].concat();
            let directory = folder.0.join(OsStr::from_bytes(&inside));
            fs::create_dir_all(&directory).unwrap();
            let mut spec = spec(&["/usr/bin/readlink", "-n", "/proc/self/cwd"]);
            let base = folder.0.as_os_str().as_bytes();
            let text = [base, b"/", &literal[..], b"${VALUE}", b"${UNSET:-", &default, b"}"].concat();
            spec.directory = Some(OsStr::from_bytes(&text).into());
            let empty: &[u8] = b"";
            let output = folder.run(&shell, &spec, &[("VALUE", &value), ("UNSET", empty)]);
            let got = output.stdout == directory.as_os_str().as_bytes();
            assert!(got, "{shell:?} {round}: {:?}: {}", String::from_utf8_lossy(&text), errors(&output));
        }
    }
}

#[test]
fn environment_files_give_back_every_line() {
    let folder = Folder::new("file");
    let mut numbers = Numbers(0xf11e);
    let values: Vec<Vec<u8>> =
        (0..200).map(|_| numbers.bytes(60).into_iter().filter(|b| *b != b'\n').collect()).collect();
    let line = |(i, value): (usize, &Vec<u8>)| [format!("V{i}=").as_bytes(), value, b"\n"].concat();
    let path = folder.0.join("it's a file");
    fs::write(&path, values.iter().enumerate().flat_map(line).collect::<Vec<u8>>()).unwrap();
    let mut spec = spec(&["/usr/bin/env", "-0"]);
    spec.env_file = Some(path);
    for shell in shells() {
        let output = folder.run(&shell, &spec, &[]);
        assert!(output.status.success(), "{shell:?}: {}", errors(&output));
        let got: Vec<&[u8]> = output.stdout.split(|b| *b == 0).collect();
        for (i, value) in values.iter().enumerate() {
            let expected = [format!("V{i}=").as_bytes(), value].concat();
            assert!(got.contains(&&expected[..]), "{shell:?}: another value than {value:?}");
        }
    }
}

#[test]
fn a_bad_line_is_named_and_ends_the_start_with_78() {
    let folder = Folder::new("bad");
    let path = folder.0.join("env");
    for bad in ["NOEQUALS", "=x", " A=1", "A =1", "1A=1", "A-B=1", "ä=1", "export A=1"] {
        fs::write(&path, format!("# first\n\nA=1\n{bad}\n")).unwrap();
        for shell in shells() {
            let mut spec = spec(&["/usr/bin/true"]);
            spec.env_file = Some(path.clone());
            let output = folder.run(&shell, &spec, &[]);
            assert_eq!(output.status.code(), Some(78), "{shell:?} {bad}: {}", errors(&output));
            let expected = format!("anysvc: web: {}, line 4: not NAME=value\n", path.display());
            assert_eq!(errors(&output), expected, "{shell:?}");
        }
    }
}

#[test]
fn the_home_is_entered_where_nothing_else_is_said_and_it_is_there() {
    let folder = Folder::new("home");
    if fs::metadata(&folder.0).unwrap().uid() == 0 {
        // Root's services start in `/`.
        let output = folder.run(&["/bin/sh"], &spec(&["/usr/bin/pwd"]), &[]);
        assert_eq!(output.stdout, b"/\n");
    } else {
        let output = folder.run(&["/bin/sh"], &spec(&["/usr/bin/pwd"]), &[]);
        assert_eq!(output.stdout, [folder.0.as_os_str().as_bytes(), b"\n"].concat());
    }
}
