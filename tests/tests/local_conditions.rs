//! Opt-in services with the embedded default: the variable is read on each start, from the environment that
//! services start in.

use anysvc_tests::{
    APP, Facts, S6Lab, Signal,
    conditions::{ENV_FILE, OptIn, by_env_file},
};

fn lab() -> S6Lab {
    S6Lab::new().facts(Facts::NoBasedir).start()
}

#[test]
fn by_an_environment_file_for_a_user_and_for_root() {
    for uid in [APP, 0] {
        let lab = lab();
        OptIn { lab: &lab, uid, options: ENV_FILE, set: &by_env_file(&lab, uid) }
            .is_up_only_while_its_variable_says_yes();
    }
}

#[test]
fn by_the_environment_of_who_starts_the_container() {
    let register =
        ["register", "dashboard", "--when-env", "DASHBOARD", "--when-truthy", "--", "sleep", "1000"];
    for (value, state) in [("yes", "running"), ("no", "stopped"), ("", "stopped")] {
        let lab = lab();
        lab.anysvc(register).env("DASHBOARD", value).uid(APP).run().success();
        // What a later caller has set is no business of a service that runs already.
        let status =
            || lab.anysvc(["status", "dashboard", "--json"]).env("DASHBOARD", "no").uid(APP).run().any();
        let service = status().json()["services"][0].clone();
        assert_eq!(service["state"], state, "{value:?}: {service}");
        let Some(pid) = service["pid"].as_u64() else { continue };
        lab.kill(pid.try_into().expect("a pid"), Signal::KILL);
        lab.wait_until("it is restarted", || {
            let service = status().json()["services"][0].clone();
            service["state"] == "running" && service["pid"].as_u64() != Some(pid)
        });
    }
}
