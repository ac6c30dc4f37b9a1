//! Work done by a child that became another user for good, so that nothing is reached with root's rights
//! that the user could not reach alone. What the child answers crosses a pipe; the work has to end in time,
//! because the user may stop the child.

use std::{
    fs::File,
    io::{self, Read as _, Write as _},
    os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _},
    panic,
};

use anysvc_backend_api::Deadline;
use rustix::event::{PollFd, PollFlags, poll};

use super::user::Account;

/// What is said of a child that its user ended.
const KILLED: &str = "the process that did it was killed";
/// What is said of a fault of ours.
const PANICKED: &str = "the process that did it panicked";

/// Does `work` as a user, and gives what it answers, up to so many bytes.
///
/// # Errors
/// What the work fails with; a sentence for people where the system or the time does not allow it.
pub fn run(
    user: &Account,
    deadline: Deadline,
    most: u64,
    work: impl FnOnce() -> Result<Vec<u8>, String>,
) -> Result<Vec<u8>, String> {
    let cannot = |cause: io::Error| format!("cannot act as `{}`: {cause}", user.name);
    let mut ends = [0; 2];
    // SAFETY: `ends` has room for the two descriptors.
    if unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) } != 0 {
        return Err(cannot(io::Error::last_os_error()));
    }
    // SAFETY: both descriptors were just made, and nobody else has them.
    let (mut reader, writer) = unsafe { (File::from_raw_fd(ends[0]), File::from_raw_fd(ends[1])) };
    let parent = rustix::process::getpid();
    // SAFETY: the child uses the allocator, which the C library keeps usable over a fork, and system
    // calls; it takes no lock that another thread may hold, and ends in `_exit`.
    match unsafe { libc::fork() } {
        -1 => Err(cannot(io::Error::last_os_error())),
        0 => {
            let became = user.become_for_good().and_then(|()| end_with(parent)).map_err(cannot);
            answer_panics(&writer);
            let done = became.and_then(|()| work());
            let answer = done.as_ref().map_or_else(|reason| reason.as_bytes(), Vec::as_slice);
            let written = (&writer).write_all(answer);
            end_child(done.is_err() || written.is_err())
        }
        pid => {
            drop(writer);
            let answer = read(&mut reader, deadline, most);
            if answer.is_err() {
                // SAFETY: the child is ours and was not waited for yet, so that the number is still its own.
                unsafe { libc::kill(pid, libc::SIGKILL) };
            }
            let status = wait_for(pid);
            match (answer?, status) {
                (answer, 0) => Ok(answer),
                (reason, _) if reason.is_empty() => Err(KILLED.to_owned()),
                (reason, _) => Err(String::from_utf8_lossy(&reason).into_owned()),
            }
        }
    }
}

/// A panic is answered as any other failure: the child must not go on as its parent would.
fn answer_panics(writer: &File) {
    let fd = writer.as_raw_fd();
    panic::set_hook(Box::new(move |_| {
        // SAFETY: the end of the pipe is open for as long as the child lives.
        let _ = rustix::io::write(unsafe { BorrowedFd::borrow_raw(fd) }, PANICKED.as_bytes());
        end_child(true)
    }));
}

/// Ends the child at once, without running what belongs to the parent.
fn end_child(failed: bool) -> ! {
    // SAFETY: it takes a plain number, and does not return.
    unsafe { libc::_exit(failed.into()) }
}

/// The child is of no use without its parent, and must not go on holding what that had open.
#[cfg(target_os = "linux")]
fn end_with(parent: rustix::process::Pid) -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    if rustix::process::getppid() == Some(parent) { Ok(()) } else { Err(io::Error::other("nobody waits")) }
}

#[cfg(not(target_os = "linux"))]
fn end_with(_: rustix::process::Pid) -> io::Result<()> {
    Ok(())
}

/// Reads to the end, in time and within the limit.
fn read(reader: &mut File, deadline: Deadline, most: u64) -> Result<Vec<u8>, String> {
    let failed = |cause: io::Error| format!("cannot read the answer: {cause}");
    let (mut answer, mut part) = (Vec::new(), [0_u8; 8192]);
    loop {
        let left = deadline.remaining().map(|left| left.try_into().unwrap_or_default());
        match poll(&mut [PollFd::new(&*reader, PollFlags::IN)], left.as_ref()) {
            Ok(0) => return Err("it took too long".to_owned()),
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => continue,
            Err(cause) => return Err(failed(cause.into())),
        }
        match reader.read(&mut part).map_err(failed)? {
            0 => return Ok(answer),
            count => answer.extend_from_slice(&part[..count]),
        }
        if answer.len() as u64 > most {
            return Err(format!("the answer has more than {most} bytes"));
        }
    }
}

/// How the child ended. Its end was seen or brought about, so that this takes no time.
fn wait_for(pid: libc::pid_t) -> libc::c_int {
    let mut status = 0;
    // SAFETY: the child is ours and `status` is live. A signal that interrupts the wait only repeats it.
    while unsafe { libc::waitpid(pid, &raw mut status, 0) } == -1
        && io::Error::last_os_error().kind() == io::ErrorKind::Interrupted
    {}
    status
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn soon() -> Deadline {
        Deadline::after(Duration::from_secs(60))
    }

    /// An account that need not be in any database. Only root can become it.
    fn nobody() -> Option<Account> {
        let account =
            Account { uid: 54_321, gid: 54_321, groups: vec![], name: "x".into(), home: "/".into() };
        rustix::process::geteuid().is_root().then_some(account)
    }

    #[test]
    fn the_work_is_done_as_the_user_and_its_answer_comes_back() {
        let Some(user) = nobody() else { return };
        let whoami = || Ok(format!("{:?}", rustix::process::geteuid().as_raw()).into_bytes());
        assert_eq!(run(&user, soon(), 100, whoami), Ok(b"54321".to_vec()));
        assert_eq!(run(&user, soon(), 100, || Err("no luck".to_owned())), Err("no luck".to_owned()));
        assert_eq!(rustix::process::geteuid().as_raw(), 0);
    }

    #[test]
    fn work_that_does_not_end_or_says_too_much_is_ended() {
        let Some(user) = nobody() else { return };
        let forever = || -> Result<Vec<u8>, String> {
            loop {
                rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP)
                    .map_err(|cause| cause.to_string())?;
            }
        };
        let late = run(&user, Deadline::after(Duration::from_millis(50)), 100, forever);
        assert_eq!(late, Err("it took too long".to_owned()));
        let killed = || -> Result<Vec<u8>, String> {
            let done =
                rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
            Err(format!("{done:?}"))
        };
        assert_eq!(run(&user, soon(), 100, killed), Err(KILLED.to_owned()));
        assert_eq!(run(&user, soon(), 100, || panic!("a fault of ours")), Err(PANICKED.to_owned()));
        let long = run(&user, soon(), 100, || Ok(vec![b'x'; 1 << 20]));
        assert_eq!(long, Err("the answer has more than 100 bytes".to_owned()));
    }
}
