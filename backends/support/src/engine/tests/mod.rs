
mod rules;
pub(in crate::engine) mod scratch;
mod sim;
