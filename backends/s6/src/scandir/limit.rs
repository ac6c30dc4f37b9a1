//! How many more services an s6-svscan takes. From 2.12 one too many aborts its whole scan, so that we
//! count before anything is published. It knows nothing of how services are made.

use anysvc_backend_api::{Bytes, Error, ErrorKind, Result};
use rustix::fs::{AtFlags, statat};

use super::Scandir;

/// What 2.11 takes without `-c`: services, their loggers not counted.
const DEFAULT_SERVICES: u64 = 500;
/// What 2.12 takes without `-C`: supervisors, those of loggers included.
const DEFAULT_PROCESSES: u64 = 1000;

/// What an s6-svscan takes at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Limits {
    services: u64,
    processes: u64,
}

impl Limits {
    /// From its arguments: `-c` counts services, as in 2.11 (2.12 to 2.14 take it for twice as many
    /// processes); `-C` counts processes. Which version it is can't be told where neither is given, so
    /// that both defaults hold then.
    fn of(arguments: &[Bytes]) -> Limits {
        let value = |option: &str| {
            let mut rest = arguments.iter().skip(1).filter_map(|a| a.as_str());
            while let Some(argument) = rest.next() {
                match argument.strip_prefix(option) {
                    Some("") => return rest.next()?.parse().ok(),
                    Some(attached) => return attached.trim_start_matches('=').parse().ok(),
                    None if argument == "--" => return None,
                    None => {}
                }
            }
            None::<u64>
        };
        match (value("-c"), value("-C").or_else(|| value("--services-max"))) {
            (_, Some(processes)) => Limits { services: u64::MAX, processes: processes.clamp(4, 160_000) },
            (Some(services), None) => Limits { services: services.clamp(2, 90_000), processes: u64::MAX },
            (None, None) => Limits { services: DEFAULT_SERVICES, processes: DEFAULT_PROCESSES },
        }
    }
}

/// The room that is left in a scandir.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    limits: Limits,
    services: u64,
    processes: u64,
}

impl Room {
    /// Counts what is there, as s6-svscan does.
    ///
    /// # Errors
    /// When the scandir can't be read.
    pub(crate) fn count(scandir: &Scandir, arguments: &[Bytes]) -> Result<Room> {
        let limits = Limits::of(arguments);
        let mut room = Room { limits, services: 0, processes: 0 };
        scandir.each_slot(|name, kind| {
            if scandir.is_folder(name, kind) {
                room.services += 1;
                // Looking for each logger costs; where only services count it tells nothing.
                let counts = limits.processes != u64::MAX;
                let log = || format!("{}/log", name.to_string_lossy());
                let logger = counts && statat(scandir.fd(), log(), AtFlags::empty()).is_ok();
                room.processes += 1 + u64::from(logger);
            }
        })?;
        Ok(room)
    }

    /// Takes room for one more.
    ///
    /// # Errors
    /// `command-failed`, saying how many s6-svscan takes and how to raise that.
    pub(crate) fn take(&mut self, logger: bool) -> Result<()> {
        let processes = self.processes + 1 + u64::from(logger);
        let (limit, unit, option) = if self.services + 1 > self.limits.services {
            (self.limits.services, "services", "-c (-C from s6 2.12 on, which counts loggers too)")
        } else if processes > self.limits.processes {
            (self.limits.processes, "services and loggers", "-C")
        } else {
            self.services += 1;
            self.processes = processes;
            return Ok(());
        };
        Err(Error::new(
            ErrorKind::CommandFailed,
            format!("the s6-svscan here takes {limit} {unit}, and this would be one more"),
        )
        .with_hint(format!("start s6-svscan with a larger {option}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(arguments: &[&str]) -> (u64, u64) {
        let arguments: Vec<_> = arguments.iter().map(|a| Bytes::from(*a)).collect();
        let limits = Limits::of(&arguments);
        (limits.services, limits.processes)
    }

    #[test]
    fn the_limit_is_what_the_command_line_says() {
        assert_eq!(limits(&["s6-svscan", "/run/service"]), (500, 1000));
        assert_eq!(limits(&["s6-svscan", "-c12000", "/x"]), (12_000, u64::MAX));
        assert_eq!(limits(&["s6-svscan", "-t0", "-c", "12000", "/x"]), (12_000, u64::MAX));
        assert_eq!(limits(&["s6-svscan", "-C", "2000", "/x"]), (u64::MAX, 2000));
        assert_eq!(limits(&["s6-svscan", "--services-max=2000", "/x"]), (u64::MAX, 2000));
        assert_eq!(limits(&["s6-svscan", "-c", "1"]), (2, u64::MAX));
        assert_eq!(limits(&["s6-svscan", "-c", "junk"]), (500, 1000));
        assert_eq!(limits(&["s6-svscan", "--", "-c5"]), (500, 1000));
    }

    #[test]
    fn the_one_too_many_is_refused() {
        let limits = Limits { services: 2, processes: 3 };
        let mut room = Room { limits, services: 0, processes: 0 };
        room.take(true).unwrap();
        let error = room.take(true).unwrap_err();
        assert!(error.message.contains("3 services and loggers"), "{}", error.message);
        room.take(false).unwrap();
        let error = room.take(false).unwrap_err();
        assert!(error.message.contains("2 services"), "{}", error.message);
    }
}
