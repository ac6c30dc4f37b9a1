//! The status of services by name.

use anysvc_backend_api::{Batch, Error, Result, Status, Target};

use crate::{
    scandir::Scandir,
    state::{Reader, status},
};

/// Reads them.
pub(crate) fn all_status(scandir: &Scandir, batch: &Batch<Target>) -> Vec<Result<Status>> {
    let mut reader = Reader::until(scandir, batch.deadline);
    batch.each(|target| status(&mut reader, &target.name)?.ok_or_else(|| Error::not_registered(&target.name)))
}
