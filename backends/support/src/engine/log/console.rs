//! Copies of lines for the console: a container's output. Whoever reads it may be slow or gone, and must
//! not hold up a service: what it does not take at once is left out and counted.

use std::{
    fs::File,
    io::{self, Write as _},
};

/// A pipe that says it can be written takes so many bytes without blocking (PIPE_BUF on Linux).
const AT_ONCE: usize = 4096;

/// A console.
#[derive(Debug)]
pub struct Console {
    file: File,
    left_out: u64,
}

impl Console {
    /// On an open file.
    pub fn new(file: File) -> Console {
        Console { file, left_out: 0 }
    }

    /// Copies lines, as far as they are taken at once. A longer line than a pipe takes is cut.
    pub fn write<'a>(&mut self, lines: impl Iterator<Item = &'a [u8]>, batch: &mut Vec<u8>) {
        batch.clear();
        for line in lines {
            let line = line.get(..AT_ONCE - 1).unwrap_or(line);
            if batch.len() + line.len() + 1 > AT_ONCE {
                self.flush(batch);
            }
            batch.extend_from_slice(line);
            batch.push(b'\n');
        }
        self.flush(batch);
    }

    fn flush(&mut self, batch: &mut Vec<u8>) {
        if !batch.is_empty() && (!takes_more(&self.file) || self.write_all(batch).is_err()) {
            if self.left_out == 0 {
                log::warn!("the console does not take the lines that are copied to it: some are left out");
            }
            self.left_out += 1;
        }
        batch.clear();
    }

    fn write_all(&mut self, mut rest: &[u8]) -> io::Result<()> {
        while !rest.is_empty() && takes_more(&self.file) {
            match self.file.write(rest) {
                Ok(written) => rest = rest.get(written..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if rest.is_empty() { Ok(()) } else { Err(io::ErrorKind::WouldBlock.into()) }
    }
}

#[cfg(unix)]
fn takes_more(file: &File) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let mut fds = [PollFd::new(file, PollFlags::OUT)];
    matches!(poll(&mut fds, Some(&Timespec::default())), Ok(1..))
        && fds.iter().all(|fd| fd.revents().contains(PollFlags::OUT))
}

#[cfg(not(unix))]
fn takes_more(_: &File) -> bool {
    true
}
