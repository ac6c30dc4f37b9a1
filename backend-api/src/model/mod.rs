//! The service model: what a service is, how it should run, and what is known of it. Plain types with
//! no I/O, shared by the host and every backend.

mod bytes;
mod condition;
mod context;
mod description;
pub mod expand;
mod field;
mod name;
mod requests;
mod signal;
mod spec;
mod status;
mod value;

pub use bytes::Bytes;
pub use condition::TRUE_WORDS;
pub use context::{Context, Facts, Probe, Scope, User};
pub use description::{Capability, Description, FieldSupport, Support};
pub use field::Field;
pub use name::{MAX_NAME, check_name};
pub use requests::{
    BootFiles, BootQuery, Difference, Done, Goal, ListQuery, LogChunk, LogQuery, LogRecord, Named,
    Registration, RenderedFile, Rendering, SignalRequest, Target, WaitRequest,
};
pub use signal::{Signal, UnknownSignal};
pub use spec::{
    Boot, Condition, EnvVar, GiveUp, Limit, LimitKind, LogSpec, LogTo, ReadySpec, RestartPolicy, RestartSpec,
    ServiceSpec, StopSpec, defaults,
};
pub use status::{Exit, Rest, State, Status};
pub use value::Value;
