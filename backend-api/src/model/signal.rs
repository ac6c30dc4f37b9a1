//! Signals by name, as people write them. The numbers are those of the platform this is built for.

use std::{fmt, str::FromStr};

/// A signal that can be sent to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signal {
    number: i32,
}

/// The text is not the name or number of a signal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownSignal(pub String);

impl fmt::Display for UnknownSignal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a signal (write TERM, HUP, USR1, ..., or a number)", self.0.escape_debug())
    }
}

impl std::error::Error for UnknownSignal {}

// signal(7); the numbers of x86, arm and most others.
#[cfg(not(any(target_os = "macos", target_os = "freebsd")))]
const NAMES: [&str; 31] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE",
    "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ",
    "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
];
// signal(3) of macOS and the BSDs.
#[cfg(any(target_os = "macos", target_os = "freebsd"))]
const NAMES: [&str; 31] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "EMT", "FPE", "KILL", "BUS", "SEGV", "SYS", "PIPE", "ALRM",
    "TERM", "URG", "STOP", "TSTP", "CONT", "CHLD", "TTIN", "TTOU", "IO", "XCPU", "XFSZ", "VTALRM", "PROF",
    "WINCH", "INFO", "USR1", "USR2",
];

impl Signal {
    /// The signal with a number, 1 to 64.
    pub fn from_number(number: i32) -> Option<Signal> {
        (1..=64).contains(&number).then_some(Signal { number })
    }

    /// Its number on this platform.
    pub fn number(self) -> i32 {
        self.number
    }

    /// Its name without `SIG` (`TERM`); the number where it has none.
    pub fn name(self) -> String {
        match NAMES.get(self.number as usize - 1) {
            Some(name) => (*name).to_owned(),
            None => self.number.to_string(),
        }
    }
}

impl FromStr for Signal {
    type Err = UnknownSignal;

    fn from_str(text: &str) -> Result<Signal, UnknownSignal> {
        let upper = text.to_ascii_uppercase();
        let name = upper.strip_prefix("SIG").unwrap_or(&upper);
        let number = match NAMES.iter().position(|n| *n == name) {
            Some(index) => index as i32 + 1,
            None => name.parse().map_err(|_| UnknownSignal(text.to_owned()))?,
        };
        Signal::from_number(number).ok_or_else(|| UnknownSignal(text.to_owned()))
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_read_back() {
        for number in 1..=64 {
            let signal = Signal::from_number(number).unwrap();
            assert_eq!(signal.name().parse(), Ok(signal));
        }
        assert_eq!("sigterm".parse::<Signal>().unwrap().number(), 15);
        assert_eq!("KILL".parse::<Signal>().unwrap().number(), 9);
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "0", "65", "-1", "NOPE", "TERM "] {
            assert!(text.parse::<Signal>().is_err(), "{text:?}");
        }
    }
}
