//! Where the logs of our services are, for the reader of logs: in the records, with or without a
//! supervisor. It must not know how logs are read.

use std::path::PathBuf;

use anysvc_backend_api::{Context, Error, LogTo, Registration, Result, Value};
use anysvc_backend_support::logs::{Owner, Place as LogPlace, Source};

use crate::{account, place::Place, records::Records, supervisor::LOG_FOLDER};

/// The log of one service.
#[derive(Debug)]
pub struct Log {
    service: String,
    state_dir: PathBuf,
    uid: u32,
}

impl Log {
    /// That of a service which is registered.
    ///
    /// # Errors
    /// `not-registered`; `unsupported` when it keeps none.
    pub fn of(service: &str, context: &Context) -> Result<Log> {
        let (state_dir, uid) = (context.state_dir.clone(), context.user.uid);
        let log = Log { service: service.to_owned(), state_dir, uid };
        log.place()?;
        Ok(log)
    }

    fn owner(&self, registration: &Registration) -> Result<Owner> {
        match &registration.spec.user {
            // An ordinary reader may do no more than the owners of files let him.
            _ if self.uid != 0 => Ok(Owner::Any),
            None => Ok(Owner::Uid(0)),
            Some(user) => account::uid(user).map(Owner::Uid).ok_or_else(|| {
                Error::not_registered(&self.service).with_hint(format!("there is no user `{user}` any more"))
            }),
        }
    }
}

impl Source for Log {
    fn service(&self) -> &str {
        &self.service
    }

    fn place(&self) -> Result<LogPlace> {
        let absent = || Error::not_registered(&self.service);
        let place = Place::open(&self.state_dir, self.uid)?.ok_or_else(absent)?;
        let (registration, kept) = Records::open(&place)?.one(&self.service)?.ok_or_else(absent)?;
        if registration.spec.log.to == Some(LogTo::None) {
            let message = format!("there is no log of `{}`: it keeps none", self.service);
            return Err(Error::unsupported(message).with_service(&self.service));
        }
        // Where the supervisor found it when it last ran, with its variables expanded.
        let status = kept.status.as_ref();
        let known = status.and_then(|status| status.native.get(LOG_FOLDER)).and_then(Value::as_str);
        Ok(match known {
            Some(folder) => LogPlace::Known(folder.into(), self.owner(&registration)?),
            // It will be said there when it starts.
            None => LogPlace::Later(place.path_of("states")),
        })
    }
}
