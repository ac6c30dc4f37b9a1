//! The systemd backend of anysvc: services as units of the machine's manager or of a user's own, over
//! D-Bus. It needs nothing of anysvc once a service is registered.
//!
//! # Where things are
//! | | |
//! |---|---|
//! | `bus` | D-Bus: messages as bytes, one connection; knows no systemd |
//! | `manager` | which socket, and the calls that are made of the manager, typed |
//! | `verbs` | start, stop, restart, signal, status, list, wait |
//! | `probe` | whether the manager answers, and what to do if not |
//! | `mark`, `place` | the line that says that a unit is ours; where units and their links are |
//! | `unit` | a spec as the text of a unit, and back; pure |
//! | `shelf` | the folder of units, under a lock: the files of services |
//! | `register`, `unregister` | publishing units, and removing them |
//! | `keep` | has the manager remember how services ended |
//! | `linger`, `logs` | a user's manager without a login; the journal |

mod backend;
mod bus;
mod keep;
mod linger;
mod logs;
mod manager;
mod mark;
mod place;
mod probe;
mod register;
mod shelf;
pub mod unit;
mod unregister;
mod verbs;

pub use backend::Systemd;

anysvc_backend_api::export_backend!(Systemd);
