//! Making the manager match the store: what is to be done for each service (`decide`), whether this is a
//! boot (`boot`), and the log of it (`log`). Pure, but for what is handed in: this module must not know
//! how a manager is asked, nor how anything is printed.

mod boot;
mod decide;
mod log;

pub use boot::{Boots, FILE as BOOT_FILE};
pub use decide::{Action, How, Verdict, decide, wanted};
pub use log::{FILE as LOG_FILE, LIMIT as LOG_LIMIT, Line, line};
