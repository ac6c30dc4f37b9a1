//! Records come back as they were written; what is damaged, newer or foreign is told apart.

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf};

use anysvc_backend_api::{Bytes, EnvVar, Error, Registration, ServiceSpec, State, Status};

use super::*;

pub(super) struct Lab {
    state_dir: PathBuf,
    pub(super) place: Place,
}

impl Lab {
    pub(super) fn new(name: &str) -> Lab {
        let state_dir = std::env::temp_dir().join(format!("anysvc-records-{}-{name}", std::process::id()));
        let place = Place::create(&state_dir, rustix::process::geteuid().as_raw()).unwrap();
        Lab { state_dir, place }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.place.path_of(name)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.state_dir);
    }
}

pub(super) fn registration(name: &str) -> Registration {
    let env = vec![EnvVar { name: "SECRET".into(), value: Bytes(vec![1, 0xff]) }];
    Registration::new(ServiceSpec { name: name.into(), command: vec!["x".into()], env, ..Default::default() })
}

#[test]
fn what_is_put_is_found_and_only_its_owner_can_read_it() {
    let lab = Lab::new("put");
    let records = Records::create(&lab.place).unwrap();
    records.put(&registration("a")).unwrap();
    let kept = Kept { up: true, status: Some(Status::new("a", State::Backoff)) };
    records.keep("a", &kept).unwrap();
    assert_eq!(records.one("a"), Ok(Some((registration("a"), kept))));
    assert_eq!(records.all().unwrap().services.len(), 1);
    let mode = fs::metadata(lab.path("services/a")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
    records.forget("a").unwrap();
    records.forget("a").unwrap();
    assert_eq!(records.one("a"), Ok(None));
}

#[test]
fn names_that_are_paths_lead_nowhere() {
    let lab = Lab::new("paths");
    let records = Records::create(&lab.place).unwrap();
    records.put(&registration("a")).unwrap();
    for name in ["../services/a", "./a", "", "..", "x/../a", ".new-a"] {
        assert_eq!(records.one(name), Ok(None), "{name}");
    }
}

#[test]
fn what_a_killed_writer_left_is_swept_and_never_read() {
    let lab = Lab::new("sweep");
    drop(Records::create(&lab.place).unwrap());
    fs::write(lab.path("services/.new-a"), "half").unwrap();
    assert!(Records::open(&lab.place).unwrap().all().unwrap().services.is_empty());
    drop(Records::create(&lab.place).unwrap());
    assert!(!lab.path("services/.new-a").exists());
}

#[test]
fn damaged_and_newer_records_are_reported_and_set_aside() {
    let lab = Lab::new("damaged");
    let records = Records::create(&lab.place).unwrap();
    records.put(&registration("good")).unwrap();
    fs::copy(lab.path("services/good"), lab.path("services/renamed")).unwrap();
    fs::write(lab.path("services/empty"), "").unwrap();
    fs::write(lab.path("services/newer"), "anysvc local record 2\n{}").unwrap();
    let whole = fs::read(lab.path("services/good")).unwrap();
    fs::write(lab.path("services/cut"), &whole[..whole.len() - 3]).unwrap();
    let found = records.all().unwrap();
    assert_eq!(found.services.keys().collect::<Vec<_>>(), ["good"]);
    let why = |name: &str| {
        let of = |(n, error): &(String, Error)| (n == name).then(|| error.message.clone());
        found.damaged.iter().find_map(of).unwrap()
    };
    assert!(why("empty").contains("it is no record"));
    assert!(why("newer").contains("a newer anysvc wrote it"));
    assert!(why("cut").contains("is damaged"));
    assert!(why("renamed").contains("another service"));
    records.set_aside("cut").unwrap();
    assert!(lab.path("damaged/cut").exists() && !lab.path("services/cut").exists());
}

#[test]
fn a_state_that_cannot_be_read_costs_the_history_only() {
    let lab = Lab::new("state");
    let records = Records::create(&lab.place).unwrap();
    records.put(&registration("a")).unwrap();
    fs::write(lab.path("states/a"), "garbage").unwrap();
    assert_eq!(records.one("a"), Ok(Some((registration("a"), Kept::default()))));
}

#[test]
fn the_session_is_kept() {
    let lab = Lab::new("session");
    let records = Records::create(&lab.place).unwrap();
    assert_eq!(records.session(), None);
    let environment = vec![EnvVar { name: "A".into(), value: "b".into() }];
    let session = Session { boot: "x 1".into(), left: true, environment };
    records.begin(&session).unwrap();
    assert_eq!(records.session(), Some(session));
}
