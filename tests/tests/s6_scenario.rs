//! The common contract on a real s6: as root, and as an unprivileged user in each of the worlds that such a
//! user may be in.

use anysvc_tests::{APP, S6Lab, scenario, scenario::Somebody};

scenario!(root_in_the_tree_of_process_1, Somebody { lab: S6Lab::new().start(), uid: 0, backend: "s6" });
scenario!(app_in_a_tree_of_its_own, Somebody { lab: S6Lab::new().nested().start(), uid: APP, backend: "s6" });
scenario!(app_in_the_shared_tree, Somebody { lab: S6Lab::new().shared().start(), uid: APP, backend: "s6" });
scenario!(
    app_in_a_container_that_is_all_its_own,
    Somebody { lab: S6Lab::new().user().start(), uid: APP, backend: "s6" }
);
