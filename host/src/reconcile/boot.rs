//! The boots that were seen: for each backend and scope, which start of its manager the store was last made
//! to match under. Another one now is a boot.

use std::fmt;

use anysvc_backend_api::Scope;

/// The file in the state folder.
pub const FILE: &str = "boots";

/// What its first line says.
const FORMAT: &str = "# The starts of managers after which `anysvc reconcile` last ran.";

/// The identities of boots, by backend and scope.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Boots(Vec<Boot>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Boot {
    backend: String,
    scope: Scope,
    identity: String,
}

impl Boots {
    /// Reads the text of the file. A line that makes no sense is as good as none: the worst that comes of
    /// it is that a service is started once more.
    pub fn parse(text: &str) -> Boots {
        let line = |line: &str| {
            let mut words = line.splitn(3, ' ');
            let (backend, scope) = (words.next()?.to_owned(), Scope::from_name(words.next()?)?);
            Some(Boot { backend, scope, identity: words.next()?.to_owned() })
        };
        Boots(text.lines().filter_map(line).collect())
    }

    /// What was noted for a backend.
    pub fn of(&self, backend: &str, scope: Scope) -> Option<&str> {
        let found = self.0.iter().find(|boot| boot.backend == backend && boot.scope == scope);
        found.map(|boot| boot.identity.as_str())
    }

    /// Whether a start of the manager is not the one that was noted. `machine` is the boot of the machine or
    /// container.
    pub fn is_new(&self, backend: &str, scope: Scope, identity: &str, machine: &str) -> bool {
        let noted = self.of(backend, scope);
        noted != Some(identity) && noted != Some(&ahead(machine))
    }

    /// Notes that all was made ready for a manager that is still to be started: its start, whichever that
    /// will be, is no other boot.
    pub fn note_ahead(&mut self, backend: &str, scope: Scope, machine: &str) {
        self.note(backend, scope, &ahead(machine));
    }

    /// Notes one.
    pub fn note(&mut self, backend: &str, scope: Scope, identity: &str) {
        if self.of(backend, scope) == Some(identity) {
            return;
        }
        self.0.retain(|boot| boot.backend != backend || boot.scope != scope);
        let identity = identity.replace('\n', " ");
        self.0.push(Boot { backend: backend.to_owned(), scope, identity });
    }
}

/// The identity of a start that is still to come.
fn ahead(machine: &str) -> String {
    format!("ahead in {machine}")
}

impl fmt::Display for Boots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{FORMAT}")?;
        self.0.iter().try_for_each(|boot| writeln!(f, "{} {} {}", boot.backend, boot.scope, boot.identity))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_backend_and_scope_has_its_own() {
        let mut boots = Boots::default();
        assert!(boots.is_new("s6", Scope::User, "a 1 2", "k"), "nothing was noted yet");
        boots.note("s6", Scope::User, "a 1 2");
        boots.note("s6", Scope::System, "b");
        boots.note("local", Scope::User, "c");
        boots.note("s6", Scope::User, "a 1 3");
        let boots = Boots::parse(&boots.to_string());
        assert_eq!(boots.0.len(), 3);
        assert!(!boots.is_new("s6", Scope::User, "a 1 3", "k"));
        assert!(boots.is_new("s6", Scope::User, "a 1 2", "k"));
        assert!(!boots.is_new("s6", Scope::System, "b", "k"));
        assert!(!boots.is_new("local", Scope::User, "c", "k"));
    }

    #[test]
    fn what_was_made_ready_ahead_is_for_the_next_start_in_this_boot_of_the_machine() {
        let mut boots = Boots::default();
        boots.note_ahead("s6", Scope::User, "k 7");
        let mut boots = Boots::parse(&boots.to_string());
        assert!(!boots.is_new("s6", Scope::User, "k 1 2", "k 7"));
        assert!(boots.is_new("s6", Scope::User, "l 1 2", "l 7"), "the machine was started anew");
        assert!(boots.is_new("s6", Scope::User, "k 1 9", "k 8"), "the container was started anew");
        boots.note("s6", Scope::User, "k 1 2");
        assert!(boots.is_new("s6", Scope::User, "k 1 3", "k 7"), "it counts once");
    }

    #[test]
    fn a_damaged_line_costs_no_other() {
        let boots = Boots::parse("garbage\ns6 nowhere x\n\u{0}\ns6 user good one\ns6\n");
        assert_eq!(boots.of("s6", Scope::User), Some("good one"));
        assert_eq!(boots.0.len(), 1);
    }
}
