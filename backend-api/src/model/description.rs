//! What a backend says of itself: abilities, and its answer for each field of a spec.

use super::Field;
use crate::wire::{wire_enum, wire_struct};

wire_enum! {
    /// An optional ability.
    pub enum Capability or Unknown {
        /// Services can be registered while the manager runs.
        RuntimeRegistration = 1 "runtime-registration",
        /// Records of the log can be read.
        Logs = 2 "logs",
        /// The log can be followed.
        LogsFollow = 3 "logs-follow",
        /// A signal can be sent to a service.
        Signal = 4 "signal",
        /// Services that we did not make can be listed and acted on.
        Foreign = 5 "foreign",
        /// The manager brings services back at boot by itself; without it, reconcile does.
        NativeBoot = 6 "native-boot",
        /// It has a helper process.
        Helper = 7 "helper",
        /// Services can be registered before the manager runs, for it to find.
        Offline = 8 "offline",
        /// An ability of a newer version.
        Unknown = 0 "unknown",
    }
}

wire_enum! {
    /// How a field of a spec is honoured.
    pub enum Support or Refused {
        /// By the manager itself.
        Native = 1 "native",
        /// By our scripts, engine or host.
        Carried = 2 "carried",
        /// Not at all: a spec that sets it is refused.
        Refused = 3 "refused",
    }
}

wire_struct! { lenient:
    /// A backend's answer for one field.
    pub struct FieldSupport {
        /// The field.
        pub field: Field,
        /// Its answer.
        pub support: Support,
        /// A limit or reason, for people.
        pub note: Option<String>,
    }
}

wire_struct! { lenient:
    /// What a backend is and can do.
    pub struct Description {
        /// The id, as in the manifest.
        pub id: String,
        /// One line for people.
        pub summary: String,
        /// The plugin's own version.
        pub version: String,
        /// Its optional abilities.
        pub capabilities: Vec<Capability>,
        /// Its answer for each field; a field that is not named is refused.
        pub fields: Vec<FieldSupport>,
    }
}

impl Description {
    /// A description without abilities that refuses every field but the command.
    pub fn new(id: &str, summary: &str, version: &str) -> Description {
        Description {
            id: id.to_owned(),
            summary: summary.to_owned(),
            version: version.to_owned(),
            capabilities: Vec::new(),
            fields: Vec::new(),
        }
    }

    /// Adds an ability.
    pub fn can(mut self, capability: Capability) -> Description {
        self.capabilities.push(capability);
        self
    }

    /// Adds the same answer for some fields.
    pub fn supports(mut self, support: Support, fields: &[Field]) -> Description {
        self.fields.extend(fields.iter().map(|&field| FieldSupport { field, support, note: None }));
        self
    }

    /// Adds an answer with a limit or reason.
    pub fn noted(mut self, support: Support, field: Field, note: &str) -> Description {
        self.fields.push(FieldSupport { field, support, note: Some(note.to_owned()) });
        self
    }

    /// The answer for a field. The last one given counts.
    pub fn support(&self, field: Field) -> Support {
        self.fields.iter().rfind(|f| f.field == field).map_or(Support::Refused, |f| f.support)
    }

    /// The fields without an answer, or with more than one: a backend that has thought of each has none.
    pub fn unsettled(&self) -> Vec<Field> {
        let answers = |field: Field| self.fields.iter().filter(|f| f.field == field).count();
        let known = Field::ALL.iter().copied().filter(|&field| field != Field::Unknown);
        known.filter(|&field| answers(field) != 1).collect()
    }

    /// Whether it has an ability.
    pub fn has(&self, capability: Capability) -> bool {
        self.capabilities.contains(&capability)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_forgotten_or_answered_twice_is_unsettled() {
        let all: Vec<Field> = Field::ALL.iter().copied().filter(|&field| field != Field::Unknown).collect();
        let settled = Description::new("x", "", "").supports(Support::Native, &all);
        assert_eq!(settled.unsettled(), []);
        assert_eq!(settled.noted(Support::Refused, Field::Umask, "why").unsettled(), [Field::Umask]);
        assert_eq!(Description::new("x", "", "").unsettled(), all);
    }
}
