//! Whose folder and socket it is: everything that is not surely ours is refused, and says how to mend it.

mod common;

use std::{
    fs,
    io::{Read as _, Write as _},
    os::unix::{
        fs::{PermissionsExt as _, symlink},
        net::UnixListener,
    },
    time::Duration,
};

use anysvc_backend_api::{Deadline, ErrorKind, ListQuery};
use common::{Lab, fresh_folder, kill, soon};

#[test]
fn a_supervisor_is_started_when_needed_and_only_one() {
    let lab = Lab::new();
    assert_eq!(lab.supervisor(), None);
    assert_eq!(lab.backend.list(ListQuery::default(), soon()), Ok(Vec::new()));
    assert_eq!(lab.supervisor(), None, "reading starts none");
    let others: Vec<_> = (0..8).map(|_| lab.state_dir.clone()).collect();
    std::thread::scope(|scope| {
        for (at, state_dir) in others.into_iter().enumerate() {
            let lab = &lab;
            scope.spawn(move || {
                let mut other = lab.registration(&format!("s{at}"), "exec sleep 1000");
                other.start = false;
                assert_eq!(lab.put(other), Ok(()), "{}", lab.log());
                drop(state_dir);
            });
        }
    });
    assert!(lab.supervisor().is_some());
    assert_eq!(lab.backend.list(ListQuery::default(), soon()).map(|all| all.len()), Ok(8));
    let started = lab.log().matches(" serves ").count();
    assert_eq!(started, 1, "{}", lab.log());
}

#[test]
fn a_link_in_place_of_the_folder_is_refused() {
    let (lab, elsewhere) = (Lab::new(), fresh_folder());
    symlink(&elsewhere, lab.folder()).unwrap();
    let error = lab.refusal();
    assert_eq!(error.kind, ErrorKind::PermissionDenied);
    assert!(error.message.contains("is a link"), "{}", error.message);
    assert!(error.hint.is_some() && error.path.as_deref() == Some(&lab.folder()));
    assert!(fs::read_dir(&elsewhere).unwrap().next().is_none());
    fs::remove_dir(elsewhere).unwrap();
}

#[test]
fn a_folder_that_others_can_enter_is_refused() {
    let lab = Lab::new();
    fs::create_dir(lab.folder()).unwrap();
    fs::set_permissions(lab.folder(), fs::Permissions::from_mode(0o750)).unwrap();
    let error = lab.refusal();
    assert_eq!(error.kind, ErrorKind::PermissionDenied);
    assert!(error.message.contains("mode 0750"), "{}", error.message);
    assert!(error.hint.is_some_and(|hint| hint.contains("chmod 700")));
}

#[test]
fn a_folder_of_another_user_is_refused() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let lab = Lab::new();
    fs::create_dir(lab.folder()).unwrap();
    fs::set_permissions(lab.folder(), fs::Permissions::from_mode(0o700)).unwrap();
    std::os::unix::fs::chown(lab.folder(), Some(10000), None).unwrap();
    let error = lab.refusal();
    assert_eq!(error.kind, ErrorKind::PermissionDenied);
    assert!(error.message.contains("belongs to uid 10000, not to uid 0"), "{}", error.message);
}

/// A socket in the place of a supervisor's, whose owner answers each caller so.
fn impostor(lab: &Lab, answer: &'static [u8]) {
    fs::create_dir_all(lab.folder()).unwrap();
    fs::set_permissions(lab.folder(), fs::Permissions::from_mode(0o700)).unwrap();
    let listener = UnixListener::bind(lab.folder().join("socket")).unwrap();
    std::thread::spawn(move || {
        for caller in listener.incoming() {
            let Ok(mut caller) = caller else { return };
            let mut greeting = [0; 16];
            let _ = caller.read_exact(&mut greeting).and_then(|()| caller.write_all(answer));
        }
    });
}

#[test]
fn a_supervisor_of_another_version_is_told_from_one_that_is_none() {
    let lab = Lab::new();
    impostor(&lab, b"anysvc local\0\0\x07\0\x09\0\x01\0");
    let error = lab.refusal();
    assert_eq!(error.kind, ErrorKind::ManagerUnavailable);
    assert!(error.message.contains("speaks versions 7 to 9"), "{}", error.message);
    assert!(error.hint.is_some_and(|hint| hint.contains("kill")));

    let lab = Lab::new();
    impostor(&lab, b"HTTP/1.1 400 Bad Request\r\n");
    let error = lab.refusal();
    assert_eq!(error.kind, ErrorKind::ManagerUnavailable);
    assert!(error.message.contains("is not a supervisor of anysvc"), "{}", error.message);
}

#[test]
fn one_that_does_not_answer_is_said_to_be_silent() {
    let lab = Lab::new();
    fs::create_dir_all(lab.folder()).unwrap();
    fs::set_permissions(lab.folder(), fs::Permissions::from_mode(0o700)).unwrap();
    let _listener = UnixListener::bind(lab.folder().join("socket")).unwrap();
    let error = lab.backend.probe(Deadline::after(Duration::from_millis(200))).unwrap_err();
    assert_eq!(error.kind, ErrorKind::ManagerUnavailable);
    assert!(error.message.contains("does not answer"), "{}", error.message);
    fs::remove_file(lab.folder().join("socket")).unwrap();
}

#[test]
fn a_socket_that_a_killed_supervisor_left_is_taken_over() {
    let lab = Lab::new();
    fs::create_dir_all(lab.folder()).unwrap();
    fs::set_permissions(lab.folder(), fs::Permissions::from_mode(0o700)).unwrap();
    drop(UnixListener::bind(lab.folder().join("socket")).unwrap());
    assert_eq!(lab.supervisor(), None);
    let mut down = lab.registration("a", "exec sleep 1000");
    down.start = false;
    assert_eq!(lab.put(down), Ok(()));
    assert!(lab.supervisor().is_some());
}

#[test]
fn a_path_longer_than_a_socket_address_is_fine() {
    let folder = fresh_folder();
    let deep = folder.join("x".repeat(200)).join("y".repeat(200));
    let lab = Lab::at(&deep);
    let mut down = lab.registration("a", "exec sleep 1000");
    down.start = false;
    assert_eq!(lab.put(down), Ok(()));
    assert!(lab.supervisor().is_some());
    drop(lab);
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn it_leaves_when_nothing_is_left_to_do() {
    let lab = Lab::new();
    let mut down = lab.registration("a", "exec sleep 1000");
    down.start = false;
    assert_eq!(lab.put(down), Ok(()));
    lab.wait_for_its_end();
    assert_eq!(lab.supervisor(), None);
    assert!(lab.log().contains("leaves"), "{}", lab.log());
    assert!(lab.status("a").is_ok());
    assert_eq!(lab.supervisor(), None, "and needs none to be asked");
}

#[test]
fn garbage_on_the_socket_ends_that_connection_only() {
    let lab = Lab::new();
    let mut down = lab.registration("a", "exec sleep 1000");
    down.start = false;
    assert_eq!(lab.put(down), Ok(()));
    let before = lab.supervisor();
    for garbage in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        b"anysvc local\x01\0\x01\0\xff\xff\xff\xff",
        b"anysvc local\x01\0\x01\0\x04\0\0\0\x09\x01\x02\x03",
    ] {
        let mut socket = std::os::unix::net::UnixStream::connect(lab.folder().join("socket")).unwrap();
        socket.write_all(garbage).unwrap();
        socket.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        let _ = socket.read_to_end(&mut answer);
    }
    assert!(lab.status("a").is_ok());
    assert_eq!(lab.supervisor(), before);
    let _ = kill;
}
