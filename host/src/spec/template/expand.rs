//! `{instance}` in a spec, replaced. Where it is replaced is part of the published contract
//! (`docs/spec-files.md`).

use std::{
    ffi::OsString,
    os::unix::ffi::{OsStrExt as _, OsStringExt as _},
    path::{Path, PathBuf},
};

use anysvc_backend_api::Bytes;

use super::MARK;
use crate::spec::Spec;

/// The spec of one instance: called `name`, with `{instance}` replaced in every text that may have it.
pub(super) fn with_instance(spec: &Spec, name: &str, instance: &str) -> Spec {
    let mut spec = spec.clone();
    let service = &mut spec.service;
    let text = |text: &mut String| *text = text.replace(MARK, instance);
    let bytes = |bytes: &mut Bytes| bytes.0 = replaced(&bytes.0, instance);
    let path = |path: &mut PathBuf| *path = path_replaced(path, instance);
    name.clone_into(&mut service.name);
    service.description.iter_mut().for_each(text);
    service.command.iter_mut().for_each(bytes);
    service.env.iter_mut().for_each(|var| bytes(&mut var.value));
    [&mut service.env_file, &mut service.directory, &mut service.log.directory]
        .into_iter()
        .flatten()
        .for_each(path);
    service.user.iter_mut().chain(&mut service.group).for_each(text);
    service.after.iter_mut().chain(&mut service.requires).for_each(text);
    if let Some(ready) = &mut service.ready {
        ready.check.iter_mut().flatten().for_each(bytes);
        ready.http.iter_mut().for_each(text);
    }
    service.when.iter_mut().for_each(|when| text(&mut when.env));
    spec
}

fn replaced(bytes: &[u8], instance: &str) -> Vec<u8> {
    let mut result = Vec::new();
    let mut rest = bytes;
    while let Some(at) = rest.windows(MARK.len()).position(|w| w == MARK.as_bytes()) {
        result.extend_from_slice(&rest[..at]);
        result.extend_from_slice(instance.as_bytes());
        rest = &rest[at + MARK.len()..];
    }
    result.extend_from_slice(rest);
    result
}

fn path_replaced(path: &Path, instance: &str) -> PathBuf {
    OsString::from_vec(replaced(path.as_os_str().as_bytes(), instance)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_is_no_text_is_filled_in_as_well() {
        let path = |bytes: &[u8]| PathBuf::from(OsString::from_vec(bytes.to_vec()));
        assert_eq!(path_replaced(&path(b"/\xff/{instance}/x"), "a"), path(b"/\xff/a/x"));
    }
}
