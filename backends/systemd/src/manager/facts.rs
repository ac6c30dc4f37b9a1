//! What is asked of a unit, property by property: asking for all would ask for `UnitFileState` too, which
//! costs the manager milliseconds a unit after each reload.

use std::time::{Duration, SystemTime};

use super::units::Listed;
use crate::bus::{Garbled, Message, Scalar};

const UNIT: &str = "org.freedesktop.systemd1.Unit";
const SERVICE: &str = "org.freedesktop.systemd1.Service";

macro_rules! properties {
    ($($name:ident of $interface:ident as $field:ident: $ty:ty => $read:path, $doc:literal;)*) => {
        /// What can be asked.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Property {
            $(#[doc = $doc] $name,)*
        }

        /// The answers. What was not asked, or is not known, is as if it never were.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub(crate) struct Facts {
            $(#[doc = $doc] pub(crate) $field: $ty,)*
        }

        impl Property {
            pub(super) fn name(self) -> &'static str {
                match self { $(Property::$name => stringify!($name),)* }
            }

            pub(super) fn interface(self) -> &'static str {
                match self { $(Property::$name => $interface,)* }
            }
        }

        impl Facts {
            /// Notes the answer to a question.
            pub(super) fn take(&mut self, property: Property, message: &Message) -> Result<(), Garbled> {
                let value = message.body("v")?.scalar()?;
                match property { $(Property::$name => self.$field = $read(value),)* }
                Ok(())
            }
        }
    };
}

properties! {
    InvocationID of UNIT as invocation: Vec<u8> => bytes, "The identity of its last start.";
    FragmentPath of UNIT as file: String => text, "The file that it is read from.";
    NeedDaemonReload of UNIT as stale: Option<bool> => truth, "Whether its file is another than the one that was read.";
    StateChangeTimestamp of UNIT as changed: Option<SystemTime> => time, "When its state changed.";
    ActiveEnterTimestamp of UNIT as became_active: Option<SystemTime> => time, "When it came up.";
    ActiveExitTimestamp of UNIT as left_active: Option<SystemTime> => time, "When it was told to end, or ended.";
    InactiveExitTimestamp of UNIT as set_out: Option<SystemTime> => time, "When it began to start, or to wait for a restart.";
    ConditionResult of UNIT as condition: Option<bool> => truth, "Whether its conditions held.";
    ConditionTimestamp of UNIT as condition_at: Option<SystemTime> => time, "When its conditions were looked at.";
    Type of SERVICE as kind: String => text, "How it says that it is up.";
    Result of SERVICE as result: String => text, "How it ended: success, or what failed.";
    MainPID of SERVICE as pid: u32 => small, "Its main process.";
    NRestarts of SERVICE as restarts: Option<u64> => number, "How often it was restarted by itself.";
    ExecMainStartTimestamp of SERVICE as began: Option<SystemTime> => time, "When its last main process began.";
    ExecMainExitTimestamp of SERVICE as ended: Option<SystemTime> => time, "When its last main process ended.";
    ExecMainCode of SERVICE as code: u32 => small, "In which way, as waitid(2) has it.";
    ExecMainStatus of SERVICE as status: u32 => small, "With which exit code or signal.";
}

/// What to ask of a unit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question {
    /// Of each.
    pub(super) of_each: &'static [Property],
    /// Of one that is up, if that is less.
    of_active: &'static [Property],
}

impl Question {
    const fn of_all(properties: &'static [Property]) -> Question {
        Question { of_each: properties, of_active: properties }
    }

    pub(super) fn is_the_same_for_all(self) -> bool {
        self.of_each.len() == self.of_active.len()
    }

    pub(super) fn of(self, listed: &Listed) -> &'static [Property] {
        if listed.active == "active" { self.of_active } else { self.of_each }
    }
}

/// What makes a status.
pub(crate) const STATUS: Question = Question {
    of_each: &[
        Property::FragmentPath,
        Property::StateChangeTimestamp,
        Property::ActiveEnterTimestamp,
        Property::ActiveExitTimestamp,
        Property::InactiveExitTimestamp,
        Property::ConditionResult,
        Property::ConditionTimestamp,
        Property::Type,
        Property::Result,
        Property::MainPID,
        Property::NRestarts,
        Property::ExecMainStartTimestamp,
        Property::ExecMainExitTimestamp,
        Property::ExecMainCode,
        Property::ExecMainStatus,
    ],
    of_active: &[
        Property::FragmentPath,
        Property::ActiveEnterTimestamp,
        Property::Type,
        Property::MainPID,
        Property::NRestarts,
    ],
};

/// What tells whose a unit is, and whether what runs is what its file says.
pub(crate) const ORIGIN: Question =
    Question::of_all(&[Property::FragmentPath, Property::NeedDaemonReload, Property::ExecMainStartTimestamp]);

/// Nothing but whether it is there.
pub(crate) const EXISTENCE: Question = Question::of_all(&[]);

/// What tells how far a start is.
pub(crate) const STEPS: Question =
    Question::of_all(&[Property::InvocationID, Property::FragmentPath, Property::Type, Property::MainPID]);

fn text(value: Scalar<'_>) -> String {
    if let Scalar::Text(text) = value { text.to_owned() } else { String::new() }
}

fn bytes(value: Scalar<'_>) -> Vec<u8> {
    if let Scalar::Bytes(bytes) = value { bytes.to_vec() } else { Vec::new() }
}

fn truth(value: Scalar<'_>) -> Option<bool> {
    if let Scalar::Bool(truth) = value { Some(truth) } else { None }
}

fn number(value: Scalar<'_>) -> Option<u64> {
    if let Scalar::Number(number) = value { Some(number) } else { None }
}

fn small(value: Scalar<'_>) -> u32 {
    number(value).and_then(|number| number.try_into().ok()).unwrap_or_default()
}

/// Microseconds of Unix time; 0 is never.
fn time(value: Scalar<'_>) -> Option<SystemTime> {
    let micros = number(value).filter(|&micros| micros != 0)?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_micros(micros))
}
