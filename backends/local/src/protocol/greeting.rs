//! The first bytes of a connection, in both directions. They stay as they are in every version, so that
//! any two sides can tell whether they have a language in common.

/// The oldest version of the messages that is spoken here.
pub const OLDEST: u16 = 1;
/// The newest.
pub const NEWEST: u16 = 1;
/// How long a client's greeting is.
pub const GREETING: usize = 16;
/// How long a supervisor's answer is.
pub const WELCOME: usize = 20;

const MAGIC: &[u8; 12] = b"anysvc local";

/// What a client says first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Greeting {
    /// The oldest version it speaks.
    pub oldest: u16,
    /// The newest.
    pub newest: u16,
}

/// How the supervisor takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// This version is spoken from now on.
    Speak(u16),
    /// There is no version in common.
    NoCommonVersion,
    /// The caller is another user.
    NotYours,
}

/// What the supervisor answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Welcome {
    /// What follows.
    pub verdict: Verdict,
    /// The oldest version it speaks.
    pub oldest: u16,
    /// The newest.
    pub newest: u16,
}

impl Greeting {
    /// That of this program.
    pub const OURS: Greeting = Greeting { oldest: OLDEST, newest: NEWEST };

    /// As it is sent.
    pub fn to_bytes(self) -> [u8; GREETING] {
        let mut bytes = [0; GREETING];
        bytes[..12].copy_from_slice(MAGIC);
        bytes[12..14].copy_from_slice(&self.oldest.to_le_bytes());
        bytes[14..].copy_from_slice(&self.newest.to_le_bytes());
        bytes
    }

    /// As it arrives; `None` when it is none.
    pub fn from_bytes(bytes: [u8; GREETING]) -> Option<Greeting> {
        let greeting = Greeting { oldest: number(&bytes, 12), newest: number(&bytes, 14) };
        (bytes[..12] == *MAGIC && greeting.oldest <= greeting.newest).then_some(greeting)
    }

    /// The newest version that both speak.
    pub fn in_common(self) -> Verdict {
        let version = self.newest.min(NEWEST);
        if version < self.oldest.max(OLDEST) { Verdict::NoCommonVersion } else { Verdict::Speak(version) }
    }
}

impl Welcome {
    /// That of this program.
    pub fn ours(verdict: Verdict) -> Welcome {
        Welcome { verdict, oldest: OLDEST, newest: NEWEST }
    }

    /// As it is sent.
    pub fn to_bytes(self) -> [u8; WELCOME] {
        let (version, refusal) = match self.verdict {
            Verdict::Speak(version) => (version, 0),
            Verdict::NoCommonVersion => (0, 1),
            Verdict::NotYours => (0, 2u16),
        };
        let mut bytes = [0; WELCOME];
        bytes[..12].copy_from_slice(MAGIC);
        for (at, n) in [(12, version), (14, self.oldest), (16, self.newest), (18, refusal)] {
            bytes[at..at + 2].copy_from_slice(&n.to_le_bytes());
        }
        bytes
    }

    /// As it arrives; `None` when it is none.
    pub fn from_bytes(bytes: [u8; WELCOME]) -> Option<Welcome> {
        if bytes[..12] != *MAGIC {
            return None;
        }
        let verdict = match (number(&bytes, 12), number(&bytes, 18)) {
            (0, 2) => Verdict::NotYours,
            (0, _) => Verdict::NoCommonVersion,
            (version, _) => Verdict::Speak(version),
        };
        Some(Welcome { verdict, oldest: number(&bytes, 14), newest: number(&bytes, 16) })
    }
}

fn number(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greetings_come_back_as_they_were() {
        assert_eq!(Greeting::from_bytes(Greeting::OURS.to_bytes()), Some(Greeting::OURS));
        for verdict in [Verdict::Speak(7), Verdict::NoCommonVersion, Verdict::NotYours] {
            let welcome = Welcome::ours(verdict);
            assert_eq!(Welcome::from_bytes(welcome.to_bytes()), Some(welcome));
        }
        assert_eq!(Greeting::from_bytes(*b"GET / HTTP/1.1\r\n"), None);
        assert_eq!(Welcome::from_bytes(*b"SSH-2.0-OpenSSH_9.9p"), None);
    }

    #[test]
    fn the_newest_common_version_is_spoken() {
        let common = |oldest, newest| Greeting { oldest, newest }.in_common();
        assert_eq!(common(1, 9), Verdict::Speak(NEWEST));
        assert_eq!(common(OLDEST, OLDEST), Verdict::Speak(OLDEST));
        assert_eq!(common(NEWEST + 1, NEWEST + 3), Verdict::NoCommonVersion);
        assert_eq!(common(0, 0), Verdict::NoCommonVersion);
    }
}
