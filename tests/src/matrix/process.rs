//! Fields that are about what a process starts with. What they say is seen by the process itself.

use super::{
    service::{dies, gone, saying, says, script, stays, unchanged_by, up},
    supports,
};
use crate::scenario::Stage;

/// Kept with the service.
pub fn description(stage: &dyn Stage) {
    up(stage, &saying(":", "description = 'A web'"));
    stage.anysvc(&["show", "x"]).ends(0).says("A web");
}

/// On top of what the manager's environment is.
pub fn env(stage: &dyn Stage) {
    let bytes = "env = { BYTES = { hex = 'ff27' } }";
    if stage.takes_any_bytes() {
        up(stage, &saying("echo bytes $(echo $BYTES | od -An -tx1)", bytes));
        says(stage, "bytes ff 27 0a");
        gone(stage);
    } else {
        unchanged_by(stage, &stays(bytes), 6, "env: `BYTES`");
    }
    up(stage, &saying("echo $ONE-$CONTAINER_VAR", "env = { ONE = 'a b' }"));
    says(stage, "a b-from the container");
    gone(stage);
    up(stage, &saying("echo now $CONTAINER_VAR", "env = { CONTAINER_VAR = 'mine' }"));
    says(stage, "now mine");
}

/// Between the manager's environment and `env`, and read anew at each start.
pub fn env_file(stage: &dyn Stage) {
    stage.write("/srv/env", "# no\nTWO=$c 'd'\nONE=file\nCONTAINER_VAR=file\n");
    up(stage, &saying("echo \"$ONE-$TWO-$CONTAINER_VAR\"", "env-file = '/srv/env'\nenv = { ONE = 'spec' }"));
    says(stage, "spec-$c 'd'-file");
    stage.write("/srv/env", "TWO=later\n");
    stage.anysvc(&["restart", "x"]).ends(0);
    says(stage, "spec-later-from the container");
    stage.write("/srv/env", "TWO=later\nnonsense\n");
    dies(stage, &["restart", "x"], "line 2");
}

/// Where the process is; without it `/`, or the home in the user scope.
pub fn directory(stage: &dyn Stage) {
    up(stage, &saying("pwd", "directory = '/usr/lib'"));
    says(stage, "/usr/lib");
    gone(stage);
    up(stage, &saying("pwd", ""));
    says(stage, if stage.scope() == "user" { "/home/app" } else { "/" });
}

/// Root's to name; others may name themselves.
pub fn user(stage: &dyn Stage) {
    if stage.scope() == "user" {
        unchanged_by(stage, &saying(":", "user = 'other'"), 7, "user");
    }
    up(stage, &saying("echo $(id -u) $(id -g) $(id -G) $HOME", "user = 'app'"));
    says(stage, "10000 10000 10000 /home/app");
}

/// Root's to name, beside a user or alone.
pub fn group(stage: &dyn Stage) {
    if stage.scope() == "user" {
        unchanged_by(stage, &saying(":", "group = 'other'"), 7, "group");
        up(stage, &saying("id -g", "group = '10000'"));
        return says(stage, "10000");
    }
    up(stage, &saying("echo $(id -u) $(id -g)", "group = 'other'"));
    says(stage, "0 10001");
    gone(stage);
    up(stage, &saying("echo $(id -u) $(id -g)", "user = 'app'\ngroup = 'other'"));
    says(stage, "10000 10001");
}

/// What the process makes has the mode.
pub fn umask(stage: &dyn Stage) {
    let made = format!("{}/made", stage.folder());
    let script = format!("umask; : >{made}; stat -c %a {made}");
    up(stage, &saying(&script, "umask = '0027'"));
    says(stage, "0027");
    says(stage, "640");
    gone(stage);
    up(stage, &saying("echo default $(umask)", ""));
    says(stage, "default 0022");
}

/// Soft and hard, all kinds of them.
pub fn limits(stage: &dyn Stage) {
    let limits = "limits = { as = '2GiB', core = 0, cpu = 1000, data = '1GiB', fsize = '64MiB', memlock = '32KiB', \
                  nofile = 321, nproc = 5000, stack = '4MiB' }";
    up(stage, &saying("sed 's/  */ /g; s/ $//' /proc/self/limits", limits));
    for (name, value) in [
        ("address space", 2_u64 << 30),
        ("core file size", 0),
        ("cpu time", 1000),
        ("data size", 1 << 30),
        ("file size", 64 << 20),
        ("locked memory", 32 << 10),
        ("open files", 321),
        ("processes", 5000),
        ("stack size", 4 << 20),
    ] {
        let unit = match name {
            "cpu time" => "seconds",
            "open files" => "files",
            "processes" => "processes",
            _ => "bytes",
        };
        says(stage, &format!("Max {name} {value} {value} {unit}"));
    }
}

/// At each start, from the environment that the program has.
pub fn expansion(stage: &dyn Stage) {
    let folder = stage.folder();
    stage.write("/srv/env", "FROM_FILE=lib\n");
    let mut fields =
        "directory = '/${PLACE:-usr}/${FROM_FILE}'\nenv-file = '/${WHERE}/env'\nenv = { WHERE = 'srv' }\n"
            .to_owned();
    let keeps_files = supports(stage, "log.directory");
    if keeps_files {
        fields += &format!("log.directory = '{folder}/${{WHERE}}/log'\n");
    }
    up(stage, &saying("pwd", &fields));
    says(stage, "/usr/lib");
    if keeps_files {
        assert!(stage.look(&["find", &format!("{folder}/srv/log"), "-type", "f"]).contains("current"));
    }
    gone(stage);
    let unset = script("exec sleep 1000", "directory = '/${NOT_SET_HERE}'");
    stage.write("/srv/spec.toml", &format!("[service.x]\n{unset}"));
    dies(stage, &["register", "--file", "/srv/spec.toml"], "NOT_SET_HERE");
}
