//! What a service starts from: its account, its environment, and whether its condition holds there. Knows
//! no process.

use std::path::Path;

use anysvc_backend_api::{Bytes, ServiceSpec};

use super::Supervisor;
use crate::engine::{
    env_file,
    os::{Account, Fault, Os, environment, expand},
};

type Variables = Vec<(Bytes, Bytes)>;

impl<O: Os> Supervisor<O> {
    /// The environment and the account of a service that is to start now; `None` when its condition holds it
    /// back. To the condition a file that can't be read is an empty one: what is not wanted need not be
    /// complete.
    pub(super) fn surroundings(
        &mut self,
        spec: &ServiceSpec,
    ) -> Result<Option<(Variables, Option<Account>)>, Fault> {
        let account = self.os.account(spec.user.as_deref(), spec.group.as_deref())?;
        let layers = |file: &[_]| environment(&self.config.environment, account.as_ref(), file, &spec.env);
        let file = match &spec.env_file {
            Some(path) => variables(&mut self.os, &expand(path, &layers(&[]), "env-file")?, account.as_ref()),
            None => Ok(Variables::new()),
        };
        let environment = layers(file.as_deref().unwrap_or_default());
        if spec.when.as_ref().is_some_and(|when| !when.holds(value(&environment, &when.env))) {
            return Ok(None);
        }
        file.map(|_| Some((environment, account)))
    }
}

/// The value of a variable, or nothing.
fn value<'a>(environment: &'a [(Bytes, Bytes)], name: &str) -> &'a [u8] {
    let found = environment.iter().find(|(known, _)| known.0 == name.as_bytes());
    found.map(|(_, value)| &value.0[..]).unwrap_or_default()
}

/// What a file says, read with the rights of an account.
fn variables(os: &mut impl Os, path: &Path, account: Option<&Account>) -> Result<Variables, Fault> {
    let mut text = Vec::new();
    let read = os.as_account(account, &mut || {
        text = env_file::read(path)?;
        Ok(())
    });
    let shown = path.display();
    read.map_err(|error| match error.raw_os_error() {
        Some(errno) => Fault { what: format!("read the env-file `{shown}`"), errno },
        None => Fault { what: format!("read the env-file `{shown}`: {error}"), errno: 0 },
    })?;
    env_file::parse(&text).map_err(|line| Fault {
        what: format!("read line {line} of the env-file `{shown}`: it is not NAME=value"),
        errno: 0,
    })
}
