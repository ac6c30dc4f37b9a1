//! The common contract on the embedded default, on a machine where no service manager fits: as root, and
//! as an unprivileged user.

use anysvc_tests::{APP, Facts, S6Lab, scenario, scenario::Somebody};

fn somebody(uid: u32) -> Somebody {
    Somebody { lab: S6Lab::new().facts(Facts::NoBasedir).start(), uid, backend: "local" }
}

scenario!(root, somebody(0));
scenario!(app, somebody(APP));
