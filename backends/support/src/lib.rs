//! What two backends need: the identity of a boot, what limits can be set, shell quoting and scripts, commands with
//! a deadline, files that appear whole or not at all, folders to watch, sockets and locks with a deadline. It knows
//! no service manager.

pub mod boot;
pub mod cancel;
pub mod ceiling;
pub mod command;
pub mod engine;
pub mod inotify;
pub mod lock;
pub mod logs;
pub mod publish;
pub mod quote;
pub mod shell;
pub mod socket;
