//! The common contract on a real systemd: as root with the machine's manager, and as an ordinary user with
//! his own.

use anysvc_tests::{APP, SystemdLab, scenario, scenario::Somebody};

scenario!(root, Somebody { lab: SystemdLab::start(), uid: 0, backend: "systemd" });
scenario!(app, Somebody { lab: SystemdLab::start(), uid: APP, backend: "systemd" });
