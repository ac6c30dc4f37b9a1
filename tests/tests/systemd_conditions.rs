//! Opt-in services on systemd: the variable is read on each start, from the environment of the manager or from
//! an environment file.

use anysvc_tests::{
    APP, SystemdLab,
    conditions::{ENV_FILE, OptIn, by_env_file},
};

/// As its manager has it for what it starts.
fn by_manager(lab: &SystemdLab, uid: u32) -> impl Fn(Option<&str>) {
    let scope = if uid == 0 { "--system" } else { "--user" };
    move |value| {
        let done = match value {
            Some(value) => lab.systemctl([scope, "set-environment", &format!("DASHBOARD={value}")]),
            None => lab.systemctl([scope, "unset-environment", "DASHBOARD"]),
        };
        done.uid(uid).run().success();
    }
}

#[test]
fn by_the_environment_of_the_manager() {
    let lab = SystemdLab::start();
    for uid in [0, APP] {
        OptIn { lab: &lab, uid, options: &[], set: &by_manager(&lab, uid) }
            .is_up_only_while_its_variable_says_yes();
    }
}

#[test]
fn by_an_environment_file() {
    let lab = SystemdLab::start();
    for uid in [0, APP] {
        OptIn { lab: &lab, uid, options: ENV_FILE, set: &by_env_file(&lab, uid) }
            .is_up_only_while_its_variable_says_yes();
    }
}
