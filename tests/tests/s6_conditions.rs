//! Opt-in services under s6: the variable is read on each start, from the container's environment.

use anysvc_tests::{
    APP, S6Lab,
    conditions::{ENV_FILE, OptIn, by_env_file},
};

/// As s6-overlay keeps it: a file for each variable.
fn by_container(lab: &S6Lab) -> impl Fn(Option<&str>) {
    move |value| {
        let file = "/run/s6/container_environment/DASHBOARD";
        match value {
            Some(value) => lab.write(file, 0, 0o644, format!("{value}\n")),
            None => drop(std::fs::remove_file(lab.path(file))),
        }
    }
}

#[test]
fn in_a_tree_of_its_users_own() {
    let lab = S6Lab::new().nested().start();
    OptIn { lab: &lab, uid: APP, options: &[], set: &by_container(&lab) }
        .is_up_only_while_its_variable_says_yes();
}

#[test]
fn in_roots_tree_for_root_and_as_another_user() {
    for options in [&[][..], &["--user", "app"]] {
        let lab = S6Lab::new().start();
        OptIn { lab: &lab, uid: 0, options, set: &by_container(&lab) }
            .is_up_only_while_its_variable_says_yes();
    }
}

#[test]
fn in_the_shared_tree() {
    let lab = S6Lab::new().shared().start();
    OptIn { lab: &lab, uid: APP, options: &[], set: &by_container(&lab) }
        .is_up_only_while_its_variable_says_yes();
}

#[test]
fn by_an_environment_file() {
    let lab = S6Lab::new().nested().start();
    OptIn { lab: &lab, uid: APP, options: ENV_FILE, set: &by_env_file(&lab, APP) }
        .is_up_only_while_its_variable_says_yes();
}
