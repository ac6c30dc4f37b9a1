//! The start of a supervisor: takes the folder over, brings back what was left there, listens. It must
//! not know what callers will ask.

use std::{collections::BTreeMap, fs, io, os::fd::OwnedFd, path::Path, time::Duration};

use anysvc_backend_api::{Deadline, EnvVar, Error, Registration, Result};
use anysvc_backend_support::engine::{Config, Supervisor, Unix};
use rustix::{
    fs::Mode,
    net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType},
};

use super::{
    desk::{Desk, Entry},
    environment,
    signals::Signals,
    turn::Turns,
    verbs::service,
};
use crate::{
    lock,
    place::{LOCK, Place, SOCKET},
    records::{Kept, PROCESSES, Records, Session, boot},
};

/// How long one that was just killed may take to be gone.
const OTHERS_END: Duration = Duration::from_secs(10);
/// Callers that may wait to be let in.
const BACKLOG: i32 = 512;

/// Does all of it; the rest is to turn.
///
/// # Errors
/// When there is a supervisor already, or the folder or the records can't be used.
pub fn begin(state_dir: &Path) -> Result<Turns> {
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    let uid = rustix::process::geteuid().as_raw();
    let signals = Signals::take().map_err(|error| Error::io("open", "signals", &error))?;
    let place = Place::create(state_dir, uid)?;
    let lock = lock::take(&place, LOCK, Deadline::after(OTHERS_END))?;
    let records = Records::create(&place)?;
    let (session, same_boot) = session(&records, &place)?;
    let found = found(&records, same_boot)?;
    // From here on this is the boot that the records speak of.
    records.begin(&session)?;
    let desk = take_over(&place, records, &session, found)?;
    let listener = listen(&place)?;
    log::info!("process {} serves {}", std::process::id(), place.path().display());
    Ok(Turns::new(place, lock, listener, signals, desk, session))
}

/// This session, and whether the last one was in the same boot.
fn session(records: &Records, place: &Place) -> Result<(Session, bool)> {
    let boot = boot();
    let last = records.session().unwrap_or_default();
    let same_boot = last.boot == boot;
    // One that comes back gives services the environment that they had.
    let comes_back = same_boot && !last.left;
    let environment = if comes_back { last.environment } else { environment::own() };
    if !same_boot {
        // The processes of another boot: their numbers mean nothing any more.
        let old = place.path_of(PROCESSES);
        match fs::remove_dir_all(&old) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Error::io("remove", old, &error));
            }
            _ => (),
        }
    }
    Ok((Session { boot, left: false, environment }, same_boot))
}

/// The services as they are to be taken over; damaged records are set aside.
fn found(records: &Records, same_boot: bool) -> Result<Services> {
    let mut found = records.all()?;
    for (name, error) in &found.damaged {
        log::error!("`{name}` is set aside: {error}");
        records.set_aside(name)?;
    }
    // A new boot starts nothing by itself: reconcile does, from what the host has in store.
    if !same_boot {
        for (name, (_, kept)) in found.services.iter_mut().filter(|(_, (_, kept))| kept.is_due()) {
            kept.status = Some(kept.at_rest(name, NEW_BOOT));
            records.keep(name, kept)?;
        }
    }
    Ok(found.services)
}

type Services = BTreeMap<String, (Registration, Kept)>;

fn take_over(place: &Place, records: Records, session: &Session, found: Services) -> Result<Desk> {
    let variable = |v: &EnvVar| (v.name.as_str().into(), v.value.clone());
    let console = environment::console();
    let has_console = console.is_some();
    let config = Config {
        records: place.path_of(PROCESSES),
        environment: session.environment.iter().map(variable).collect(),
        directory: environment::directory(),
        console,
    };
    let engine = Supervisor::new(Unix::new()?, config)?;
    let mut desk = Desk::new(engine, records, place.path(), has_console);
    for (name, (registration, mut kept)) in found {
        let due = kept.is_due();
        if !due && kept.status.is_some() {
            kept.status = Some(kept.at_rest(&name, "its supervisor was ended"));
        }
        if let Err(error) = desk.engine.add(service(&registration), due) {
            log::error!("`{name}` can't be taken over: {error}");
            continue;
        }
        desk.entries.insert(name, Entry { kept, live: due, ..Entry::default() });
    }
    desk.engine.end_strays();
    Ok(desk)
}

/// Why something does not run that ran before.
pub const NEW_BOOT: &str = "not started since the machine or container started";

fn listen(place: &Place) -> Result<OwnedFd> {
    let failed = |error: rustix::io::Errno| Error::io("listen on", place.path_of(SOCKET), &error.into());
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let made = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None);
    let socket = made.map_err(failed)?;
    // Whoever has the lock owns the name: what is there was left by one that was killed.
    place.remove(SOCKET)?;
    let address = SocketAddrUnix::new(place.socket_address()?).map_err(failed)?;
    rustix::net::bind(&socket, &address).map_err(failed)?;
    rustix::net::listen(&socket, BACKLOG).map_err(failed)?;
    Ok(socket)
}
