//! A running journalctl: what is asked of it, and the entries that it gives.

use std::{
    io::{ErrorKind as IoKind, Read as _},
    os::fd::{AsFd, BorrowedFd},
    process::{Child, ChildStdout, Command, Stdio},
    time::{SystemTime, UNIX_EPOCH},
};

use anysvc_backend_api::{Error, ErrorKind, Result};

use super::{
    Matches,
    export::{Entry, Parser},
};

/// So many entries are taken at once: a journal of years is not to be held as a whole.
const MANY: usize = 1000;

/// From where on it reads.
#[derive(Clone, Debug)]
pub(super) enum From {
    Beginning,
    Time(SystemTime),
    /// So many of the last.
    Last(u64),
    /// What comes after the entry of this cursor.
    Cursor(String),
}

/// A journalctl; it is killed when dropped.
#[derive(Debug)]
pub(super) struct Journalctl {
    child: Child,
    stdout: ChildStdout,
    parser: Parser,
}

impl Journalctl {
    /// Starts it.
    ///
    /// # Errors
    /// `io`.
    pub(super) fn start(matches: &Matches, from: &From, follow: bool) -> Result<Journalctl> {
        let program = ["/usr/bin/journalctl", "/bin/journalctl"]
            .into_iter()
            .find(|path| std::path::Path::new(path).exists())
            .unwrap_or("journalctl");
        let mut command = Command::new(program);
        command.args(["--quiet", "--no-pager", "--output=export"]);
        command.arg(format!("--output-fields=MESSAGE,SYSLOG_IDENTIFIER,_SYSTEMD_UNIT,{}", matches.field));
        if follow {
            command.args(["--follow", "--no-tail"]);
        }
        match from {
            From::Beginning => {}
            From::Time(time) => {
                let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
                command.arg(format!("--since=@{}.{:06}", since.as_secs(), since.subsec_micros()));
            }
            From::Last(lines) => {
                command.arg(format!("--lines={lines}"));
            }
            From::Cursor(cursor) => {
                command.arg(format!("--after-cursor={cursor}"));
            }
        }
        command.args(&matches.words);
        command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let failed = |cause: &std::io::Error| {
            Error::io("run", program, cause).with_hint("journalctl is in the package `systemd`")
        };
        let mut child = command.spawn().map_err(|cause| failed(&cause))?;
        let stdout = child.stdout.take().ok_or_else(|| failed(&IoKind::BrokenPipe.into()))?;
        rustix::io::ioctl_fionbio(&stdout, true).map_err(|cause| failed(&cause.into()))?;
        Ok(Journalctl { child, stdout, parser: Parser::default() })
    }

    /// What can be read when there is more.
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.stdout.as_fd()
    }

    /// Takes what is there: the entries, and whether there may be more.
    ///
    /// # Errors
    /// `command-failed` where it fails, with what it said.
    pub(super) fn take(&mut self) -> Result<(Vec<Entry>, bool)> {
        let mut entries = Vec::new();
        let mut buffer = [0; 64 << 10];
        loop {
            match self.stdout.read(&mut buffer) {
                Ok(0) => return self.end().map(|()| (entries, false)),
                Ok(n) => self.parser.feed(&buffer[..n]),
                Err(error) if error.kind() == IoKind::Interrupted => continue,
                Err(error) if error.kind() == IoKind::WouldBlock => return Ok((entries, true)),
                Err(error) => return Err(Error::io("read from", "journalctl", &error)),
            }
            while let Some(entry) = self.parser.next().map_err(|_| garbled())? {
                entries.push(entry);
            }
            if entries.len() >= MANY {
                return Ok((entries, true));
            }
        }
    }

    /// It closed its output: how it ended.
    fn end(&mut self) -> Result<()> {
        let mut said = String::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            let _ = stderr.read_to_string(&mut said);
        }
        let status = self.child.wait().map_err(|error| Error::io("wait for", "journalctl", &error))?;
        let said = said.trim_end();
        if status.success() {
            if !said.is_empty() {
                log::warn!("journalctl: {}", said.escape_debug());
            }
            return Ok(());
        }
        let last = said.lines().next_back().map(|line| format!(": {}", line.escape_debug()));
        let message = format!("journalctl failed{}", last.unwrap_or_default());
        let mut error = Error::new(ErrorKind::CommandFailed, message);
        (error.status, error.stderr) = (status.code(), Some(said.to_owned()));
        Err(error.with_hint("users see their own services' records where the journal is kept on disk, or in the group `systemd-journal`"))
    }
}

fn garbled() -> Error {
    Error::new(ErrorKind::CommandFailed, "journalctl gave something that is not its export format")
}

impl Drop for Journalctl {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
