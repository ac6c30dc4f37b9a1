//! The verbs of `BackendModule::call`: open codes, so that a later minor version can add some and an
//! older plugin answers `unsupported`. This file must not know what the verbs do.

use super::types::VerbCode;

macro_rules! verbs {
    ($($(#[$meta:meta])* $name:ident = $code:literal),* $(,)?) => {
        /// An operation on a list of services.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Verb { $($(#[$meta])* $name),* }

        impl Verb {
            /// How many there are.
            pub const COUNT: usize = [$($code),*].len();
            /// Every verb.
            pub const ALL: [Verb; Self::COUNT] = [$(Verb::$name),*];

            /// The code that crosses the boundary.
            pub const fn code(self) -> VerbCode {
                VerbCode(match self { $(Verb::$name => $code),* })
            }

            /// The verb of a code; `None` for one of a newer host.
            pub const fn from_code(code: VerbCode) -> Option<Verb> {
                match code.0 { $($code => Some(Verb::$name),)* _ => None }
            }
        }
    };
}

verbs! {
    /// `ServiceSpec` → nothing: would register accept it? Changes nothing.
    Check = 1,
    /// `Registration` → nothing.
    Register = 2,
    /// `Target` → nothing.
    Unregister = 3,
    /// `Target` → nothing.
    Start = 4,
    /// `Target` → nothing.
    Stop = 5,
    /// `Target` → nothing.
    Restart = 6,
    /// `SignalRequest` → nothing.
    Signal = 7,
    /// `Target` → `Status`.
    Status = 8,
    /// `WaitRequest` → `Status`.
    Wait = 9,
    /// `Registration` → `Rendering`.
    Render = 10,
    /// `Registration` → `Difference`. Changes nothing.
    Compare = 11,
    /// `BootQuery` → `BootFiles`. Changes nothing.
    BootFiles = 12,
    /// `Target` → `Status`, of which what is not looked at in a table of many may be missing.
    Glance = 13,
}
