//! The pairs that make up `limits` and `env`, in files and in options.

use std::ffi::OsString;

use anysvc_backend_api::{Bytes, EnvVar, Limit, LimitKind};

use super::{
    input::{Input, Lookup},
    node::{Node, unknown_key, wrong},
    source::Fault,
    value,
};

const LIMIT: &str = "a limit (write a number, a size, or `unlimited`)";

fn limit_kind(key: &str, at: usize) -> Result<LimitKind, Fault> {
    let names: Vec<&str> = LimitKind::ALL.iter().map(|kind| kind.as_str()).collect();
    LimitKind::from_name(key).ok_or_else(|| {
        let mut fault = unknown_key(key, at, &names);
        fault.message = format!("`{}` is not a known limit", key.escape_debug());
        fault
    })
}

/// A limit in a table.
pub(super) fn limit_in_file(key: &str, at: usize, node: &Node<'_>) -> Result<Limit, Fault> {
    let kind = limit_kind(key, at)?;
    let value = match node.get_ref().as_str() {
        Some("unlimited") => None,
        Some(_) | None if node.get_ref().is_integer() || node.get_ref().is_str() => {
            Some(Input::File(node).size().map_err(|fault| fault.at(node.span().start))?)
        }
        _ => return Err(wrong(node, LIMIT)),
    };
    Ok(Limit { kind, value })
}

/// A limit as an option gives it: `nofile=4096`.
pub(super) fn limit_in_option(text: &str) -> Result<Limit, Fault> {
    let (key, value) =
        text.split_once('=').ok_or_else(|| value::not(text, "a limit (write `nofile=4096`)"))?;
    let kind = limit_kind(key, 0).map_err(|fault| Fault { at: None, ..fault })?;
    let value = if value == "unlimited" { None } else { Some(value::size(value)?) };
    Ok(Limit { kind, value })
}

/// `NAME=VALUE`, or `NAME` for the value that the caller's environment has.
pub(super) fn env_in_option(text: &OsString, lookup: Lookup<'_>) -> Result<EnvVar, Fault> {
    let bytes = text.as_encoded_bytes();
    let name = bytes.split(|b| *b == b'=').next().unwrap_or_default();
    let name = str::from_utf8(name).map_err(|_| "the name of the variable is not UTF-8".to_owned())?;
    let value = match bytes.get(name.len() + 1..) {
        Some(value) => Bytes(value.to_vec()),
        None if bytes.len() > name.len() => Bytes::default(),
        None => {
            let found = lookup(name).ok_or_else(|| Fault {
                hint: Some(format!("set it, or write `--env {}=VALUE`", name.escape_debug())),
                ..Fault::from(format!(
                    "`{}` is not set in the environment of this command",
                    name.escape_debug()
                ))
            })?;
            Bytes(found.into_encoded_bytes())
        }
    };
    Ok(EnvVar { name: name.to_owned(), value })
}
