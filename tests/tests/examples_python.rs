//! `examples/python`: installed with pip, and tested with pytest as an ordinary user, on a real s6 and on the
//! embedded default, with the gateways of `examples/profile-gateway`.

use anysvc_tests::{APP, Builder, Facts, S6Lab, examples};

const HOME: &str = "/home/app";

/// A laboratory in which its user has installed the module.
fn lab(builder: &Builder) -> S6Lab {
    let lab = builder.clone().start();
    examples::install(&lab, "profile-gateway");
    examples::install(&lab, "python");
    // Building writes beside the sources.
    lab.command("/bin/cp").args(["-r", "/opt/python", HOME]).uid(APP).run().success();
    let install = ["-m", "pip", "install", "--no-index", "--no-build-isolation", "--no-deps", "--target"];
    lab.command("/usr/bin/python3")
        .args(install)
        .args([&format!("{HOME}/site"), &format!("{HOME}/python")])
        .uid(APP)
        .run()
        .success()
        .stdout_contains("Successfully installed anysvc-gateways-0.1.0");
    lab
}

/// The tests of one file pass, and there are some.
#[track_caller]
fn passes(lab: &S6Lab, backend: &str, file: &str) {
    let pytest = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "--basetemp=/home/app/tests"];
    let ended = lab
        .command("/usr/bin/python3")
        .args(pytest)
        .arg(format!("/opt/python/tests/{file}"))
        .env("PYTHONPATH", format!("{HOME}/site"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("GATEWAY_APP", "/opt/profile-gateway")
        .env("SERVICE_MANAGER", backend)
        .uid(APP)
        .run()
        .success();
    ended.stdout_contains(" passed").stdout_lacks("skipped").stdout_lacks("failed");
}

#[test]
fn the_protocol_holds_under_s6() {
    passes(&lab(&S6Lab::new().nested()), "s6", "test_gateways.py");
}

#[test]
fn the_protocol_holds_in_a_shared_scandir() {
    passes(&lab(&S6Lab::new().shared()), "s6", "test_gateways.py");
}

#[test]
fn the_protocol_holds_where_there_is_no_service_manager() {
    passes(&lab(&S6Lab::new().facts(Facts::NoBasedir)), "local", "test_gateways.py");
}

#[test]
fn an_anysvc_that_does_not_answer_as_it_should_is_told() {
    passes(&lab(&S6Lab::new()), "s6", "test_command.py");
}
