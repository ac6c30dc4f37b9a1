//! The s6 backend of anysvc.

pub mod logs;
pub mod scripts;
