//! Starting a laboratory's outermost process, so that it goes when the test program does.

use crate::begin::while_nothing_is_written;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::{LazyLock, Mutex, mpsc};

/// `unshare`, with these arguments to come, for a laboratory: no environment, and no signal
/// ignored. (One that is ignored where the tests are run, by nohup or by a shell in the
/// background, would stay ignored in every service.)
pub(crate) fn unshare() -> Command {
    let mut command = Command::new("/usr/bin/env");
    command
        .args(["--default-signal=HUP,INT,QUIT,TERM", "/usr/bin/unshare"])
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .current_dir("/");
    command
}

type Order = (Command, mpsc::Sender<std::io::Result<Child>>);

/// Spawns from a thread that lives as long as this process, so that the kernel can be told to
/// kill a laboratory when its test program dies, however that happens. (The "parent" whose
/// death counts is the thread, and a test's own thread may end before the laboratory does.)
pub(crate) fn spawn(mut command: Command) -> std::io::Result<Child> {
    static KEEPER: LazyLock<Mutex<mpsc::Sender<Order>>> = LazyLock::new(|| {
        let (orders, inbox) = mpsc::channel::<Order>();
        std::thread::spawn(move || {
            for (mut command, reply) in inbox {
                let _ = reply.send(while_nothing_is_written(|| command.spawn()));
            }
        });
        Mutex::new(orders)
    });
    // SAFETY: between fork and exec this makes one system call (prctl) and allocates nothing.
    unsafe {
        command.pre_exec(|| {
            rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
                .map_err(std::io::Error::from)
        });
    }
    let gone = |_| std::io::Error::other("the keeper of the laboratories is gone");
    let (reply, result) = mpsc::channel();
    let orders = KEEPER.lock().map_err(|_| std::io::Error::other("the keeper's door is broken"))?;
    orders.send((command, reply)).map_err(|_| gone(mpsc::RecvError))?;
    drop(orders);
    result.recv().map_err(gone)?
}
