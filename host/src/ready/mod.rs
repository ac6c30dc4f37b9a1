//! Readiness that a service can't tell by itself: a command that succeeds, a port that answers, a page
//! that is served. One try at a time, as the service's user; when to try again is the caller's business.
//! This module must not know any service manager.

mod command;
mod http;

use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    path::PathBuf,
    time::Duration,
};

use anysvc_backend_api::{Bytes, Deadline, Error, Result, ServiceSpec};

use crate::session::{as_user, user::Account};

/// The longest that a single try may take.
const LONGEST_TRY: Duration = Duration::from_secs(5);

/// A reason is one line.
const LONGEST_REASON: u64 = 4096;

/// What is tried.
#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    /// A command succeeds.
    Command { argv: Vec<Bytes>, env: Vec<(String, Bytes)>, directory: Option<PathBuf> },
    /// A local TCP port accepts.
    Port(u16),
    /// A page is served.
    Page(http::Page),
}

/// How to find out whether one service is ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    what: What,
    /// Who tries, if that is not who asks.
    user: Option<Account>,
}

impl Probe {
    /// How to find out about a service; nothing where it says so itself, or nothing says how. `root`: the
    /// caller could become another user.
    ///
    /// # Errors
    /// `usage` when its user does not exist; `invalid-spec` for a page that can't be asked for.
    pub fn of(spec: &ServiceSpec, root: bool) -> Result<Option<Probe>> {
        let Some(ready) = &spec.ready else { return Ok(None) };
        let what = if let Some(argv) = &ready.check {
            What::Command {
                argv: argv.clone(),
                env: spec.env.iter().map(|var| (var.name.clone(), var.value.clone())).collect(),
                directory: spec.directory.clone().filter(|directory| directory.is_dir()),
            }
        } else if let Some(port) = ready.port {
            What::Port(port)
        } else if let Some(url) = &ready.http {
            What::Page(http::Page::parse(url).map_err(|error: Error| error.with_service(&spec.name))?)
        } else {
            return Ok(None);
        };
        let user = match (&spec.user, root) {
            (Some(name), true) => Some(Account::find(name)?),
            _ => None,
        };
        let user = match (user, &spec.group) {
            (Some(account), Some(group)) => Some(account.with_group(group)?),
            (user, _) => user,
        };
        Ok(Some(Probe { what, user }))
    }

    /// Tries once more. Where no time is left for it, the answer of the last try stays.
    ///
    /// # Errors
    /// As [`Probe::once`].
    pub fn again(&self, deadline: Deadline, last: Option<String>) -> Result<(), String> {
        match last {
            Some(reason) if deadline.passed() => Err(reason),
            _ => self.once(deadline),
        }
    }

    /// Tries once. `Err` says why it is not ready.
    ///
    /// # Errors
    /// A sentence for people.
    pub fn once(&self, deadline: Deadline) -> Result<(), String> {
        let limit = deadline.remaining().unwrap_or(LONGEST_TRY).min(LONGEST_TRY);
        if limit.is_zero() {
            return Err("there was no time left to try".to_owned());
        }
        match (&self.what, &self.user) {
            (What::Command { argv, env, directory }, user) => {
                command::succeeds(argv, env, directory.as_deref(), user.as_ref(), limit)
            }
            (What::Port(port), None) => accepts(*port, limit),
            (What::Port(port), Some(user)) => as_user(user, limit, || accepts(*port, limit)),
            (What::Page(page), None) => page.is_served(limit),
            (What::Page(page), Some(user)) => as_user(user, limit, || page.is_served(limit)),
        }
    }
}

/// Tries as the service's user. A try may begin anew, with another address family, and ends by itself.
fn as_user(
    user: &Account,
    limit: Duration,
    attempt: impl FnOnce() -> Result<(), String>,
) -> Result<(), String> {
    let deadline = Deadline::after(limit * 4);
    as_user::run(user, deadline, LONGEST_REASON, || attempt().map(|()| Vec::new())).map(drop)
}

/// Whether the local machine accepts connections on a port, by either address family.
fn accepts(port: u16, limit: Duration) -> Result<(), String> {
    let addresses: [SocketAddr; 2] = [(Ipv4Addr::LOCALHOST, port).into(), (Ipv6Addr::LOCALHOST, port).into()];
    let mut first = None;
    for address in addresses {
        match TcpStream::connect_timeout(&address, limit) {
            Ok(_) => return Ok(()),
            Err(cause) => first = first.or(Some(cause)),
        }
    }
    let cause = first.map(|cause| cause.to_string()).unwrap_or_default();
    Err(format!("port {port} does not accept connections: {cause}"))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use anysvc_backend_api::ReadySpec;

    use super::*;

    fn probe(ready: ReadySpec) -> Option<Probe> {
        let spec = ServiceSpec { name: "web".into(), ready: Some(ready), ..ServiceSpec::default() };
        Probe::of(&spec, false).expect("a sensible spec")
    }

    fn soon() -> Deadline {
        Deadline::after(Duration::from_secs(5))
    }

    #[test]
    fn a_port_that_accepts_is_ready_and_one_that_does_not_is_not() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let probe = probe(ReadySpec { port: Some(port), ..ReadySpec::default() }).expect("a probe");
        assert_eq!(probe.once(soon()), Ok(()));
        drop(listener);
        let reason = probe.once(soon()).expect_err("nobody listens");
        assert!(reason.contains(&port.to_string()), "{reason}");
        let over = Deadline::after(Duration::ZERO);
        assert_eq!(probe.again(over, Some(reason.clone())), Err(reason), "no time to ask once more");
    }

    #[test]
    fn a_command_that_succeeds_is_ready() {
        let check = |line: &str| {
            let argv = line.split(' ').map(Bytes::from).collect();
            probe(ReadySpec { check: Some(argv), ..ReadySpec::default() }).expect("a probe").once(soon())
        };
        assert_eq!(check("true"), Ok(()));
        assert!(check("false").expect_err("it fails").contains("exit code 1"));
        assert!(check("/no/such/program").expect_err("it is absent").contains("/no/such/program"));
    }

    #[test]
    fn a_command_that_hangs_is_ended() {
        let argv = vec![Bytes::from("sleep"), Bytes::from("1000")];
        let probe = probe(ReadySpec { check: Some(argv), ..ReadySpec::default() }).expect("a probe");
        let reason = probe.once(Deadline::after(Duration::from_millis(50))).expect_err("it hangs");
        assert!(reason.contains("did not end"), "{reason}");
    }

    #[test]
    fn what_a_service_tells_by_itself_is_not_probed() {
        assert_eq!(probe(ReadySpec { notify_fd: Some(3), ..ReadySpec::default() }), None);
        assert_eq!(probe(ReadySpec { sd_notify: Some(true), ..ReadySpec::default() }), None);
    }
}
