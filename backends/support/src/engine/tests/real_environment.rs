//! Environment files, conditions and expansion, with real processes.

use std::fs;

use anysvc_backend_api::{Condition, EnvVar, State::Stopped};

use super::harness::{Real, shell};

#[test]
fn the_env_file_is_read_at_each_start_and_never_interpreted() {
    let mut real = Real::new();
    let file = real.path("web.env");
    fs::write(&file, "# first\n\nA=$HOME 'x' \\\nB=1\n#B=3\nB=2\nC=file\nLAST=no newline").unwrap();
    let mut spec = shell("web", "echo \"$A|${B-unset}|$C|$LAST|$OWN\"; exec sleep 1000");
    spec.env = vec![
        EnvVar { name: "OWN".into(), value: "own".into() },
        EnvVar { name: "C".into(), value: "spec".into() },
    ];
    spec.env_file = Some(file.clone());
    real.add(spec);
    real.until("its line", |real| {
        real.path("logs/web").exists() && real.lines("web") == ["$HOME 'x' \\|2|spec|no newline|own"]
    });
    fs::write(&file, "A=new\n").unwrap();
    real.supervisor.restart("web").unwrap();
    real.until("its second line", |real| real.lines("web").last().unwrap() == "new|unset|spec||own");
}

#[test]
fn a_condition_and_paths_see_what_the_program_sees() {
    let mut real = Real::new();
    let file = real.path("web.env");
    let mut spec = shell("web", "pwd; exec sleep 1000");
    spec.env_file = Some(file.clone());
    spec.when = Some(Condition { env: "FLAG".into(), truthy: Some(true) });
    spec.directory = Some("${WHERE}".into());
    // What is not wanted need not be complete.
    real.add(spec.clone());
    assert!(real.until_state("web", Stopped).held_back);
    fs::write(&file, "FLAG=yes\nWHERE=/usr\n").unwrap();
    real.supervisor.start("web").unwrap();
    real.until("its line", |real| real.path("logs/web").exists() && real.lines("web") == ["/usr"]);
    // What the spec says itself counts more than its file.
    spec.name = "own".into();
    spec.env = vec![EnvVar { name: "FLAG".into(), value: "no".into() }];
    real.add(spec);
    assert!(real.until_state("own", Stopped).held_back);
}
