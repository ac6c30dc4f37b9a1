//! Who is at the other end of the socket: each side asks the kernel, and has nothing to do with another
//! user. Only root can put one there, so that an ordinary user's run shows nothing.

mod common;

use std::{
    fs,
    io::{Read as _, Write as _},
    os::unix::{
        fs::PermissionsExt as _,
        net::{UnixListener, UnixStream},
    },
};

use anysvc_backend_api::ErrorKind;
use common::Lab;

/// Does something in a thread that has another effective uid.
fn as_other<R: Send>(act: impl FnOnce() -> R + Send) -> R {
    std::thread::scope(|scope| {
        let other = scope.spawn(|| {
            // The C library's function would change all threads.
            // SAFETY: a system call with numbers only, for this thread, which ends after this.
            let done = unsafe { libc::syscall(libc::SYS_setresuid, -1, 10_000, -1) };
            assert_eq!(done, 0, "root can be anybody");
            act()
        });
        other.join().expect("it did not panic")
    })
}

fn mode(path: &std::path::Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_client_has_nothing_to_do_with_another_users_process() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let lab = Lab::new();
    fs::create_dir(lab.folder()).unwrap();
    mode(&lab.state_dir, 0o777);
    mode(&lab.folder(), 0o777);
    // Whoever begins to listen is who the kernel names.
    let _listener = as_other(|| UnixListener::bind(lab.folder().join("socket")).unwrap());
    mode(&lab.folder(), 0o700);
    let error = lab.refusal();
    assert_eq!(error.kind, ErrorKind::PermissionDenied);
    assert!(error.message.contains("belongs to uid 10000"), "{}", error.message);
    fs::remove_file(lab.folder().join("socket")).unwrap();
}

#[test]
fn a_supervisor_tells_another_user_that_it_is_not_his() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let lab = Lab::new();
    let mut down = lab.registration("a", "exec sleep 1000");
    down.start = false;
    assert_eq!(lab.put(down), Ok(()));
    // The folder keeps others out; without it, the credentials do.
    for path in [&lab.state_dir, &lab.folder(), &lab.folder().join("socket")] {
        mode(path, 0o777);
    }
    let answer = as_other(|| {
        let mut socket = UnixStream::connect(lab.folder().join("socket")).unwrap();
        let _ = socket.write_all(b"anysvc local\x01\0\x01\0");
        let mut answer = Vec::new();
        let _ = socket.read_to_end(&mut answer);
        answer
    });
    mode(&lab.folder(), 0o700);
    assert_eq!(answer, b"anysvc local\0\0\x01\0\x01\0\x02\0", "no version is spoken, and nothing else said");
    assert!(lab.status("a").is_ok());
}
