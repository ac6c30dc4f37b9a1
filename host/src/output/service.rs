//! A service as it is reported: what the store says, what the manager says, and what went wrong with it.
//! The object here is part of the published contract.

use std::time::SystemTime;

use anysvc_backend_api::{Error, Exit, Scope, State, Status, Value};

use super::{
    error,
    json::{self, Object},
    time,
};
use crate::store::{Desired, Header};

/// One service in a report.
#[derive(Clone, Debug)]
pub struct Service {
    /// Its name, as it was asked for.
    pub name: String,
    /// The backend that answers for it.
    pub backend: Option<String>,
    /// Whose manager.
    pub scope: Option<Scope>,
    /// What the store says; nothing for a foreign service.
    pub stored: Option<Header>,
    /// What the manager says.
    pub status: Option<Status>,
    /// Readiness as the host found it, where the manager can't know.
    pub probed: Option<bool>,
    /// What the backend told beside doing it.
    pub warnings: Vec<String>,
    /// What went wrong.
    pub error: Option<Error>,
}

impl Service {
    /// A service of which nothing more than the name is known.
    pub fn named(name: impl Into<String>) -> Service {
        Service {
            name: name.into(),
            backend: None,
            scope: None,
            stored: None,
            status: None,
            probed: None,
            warnings: Vec::new(),
            error: None,
        }
    }

    /// What it is doing.
    pub fn state(&self) -> Option<State> {
        self.status.as_ref().map(|status| status.state)
    }

    /// Whether it is ready; `None` where nothing says how.
    pub fn ready(&self) -> Option<bool> {
        self.probed.or(self.status.as_ref()?.ready)
    }

    /// Whether it is ours: in the store, and with our mark on what the manager has.
    pub fn ours(&self) -> bool {
        self.stored.is_some() && self.status.as_ref().is_none_or(|status| status.ours)
    }

    /// What the operator last asked for.
    pub fn desired(&self) -> Option<Desired> {
        self.stored.as_ref().map(|header| header.desired)
    }

    /// What its operator ought to know.
    pub fn warnings(&self) -> impl Iterator<Item = &str> {
        let of_status = self.status.iter().flat_map(|status| &status.warnings);
        self.warnings.iter().chain(of_status).map(String::as_str)
    }

    /// The object of this service.
    pub fn object(&self) -> Object {
        let status = self.status.as_ref();
        let stored = self.stored.as_ref();
        let since = status.and_then(|status| status.since);
        let running = self.state() == Some(State::Running);
        Object::new()
            .with("name", self.name.as_str())
            .maybe("backend", self.backend.as_deref())
            .maybe("scope", self.scope.map(Scope::as_str))
            .maybe("state", self.state().map(State::as_str))
            .maybe("desired", self.desired().map(Desired::as_str))
            .maybe("ready", self.ready())
            .maybe("pid", status.and_then(|status| status.pid).map(i64::from))
            .maybe("since", since.map(time::rfc3339))
            .maybe("uptime", since.filter(|_| running).map(uptime))
            .maybe("restarts", status.and_then(|status| status.restarts).map(json::count))
            .maybe("last_exit", last_exit(status))
            .maybe("reason", status.and_then(|status| status.reason.as_deref()))
            .maybe("boot", stored.map(|header| header.boot.as_str()))
            .with("ours", self.ours())
            .maybe("template", stored.and_then(|header| header.template.as_deref()))
            .maybe("instance", stored.and_then(|header| header.instance.as_deref()))
            .with("native", native(status))
            .known("transient", stored.and_then(|header| header.transient.as_ref()).map(|_| true))
            .known("warnings", self.warnings().next().map(|_| json::list(self.warnings())))
            .known("error", self.error.as_ref().map(error::object))
    }
}

fn uptime(since: SystemTime) -> Value {
    Value::Float(time::seconds(time::since(since)))
}

/// How the last process ended; nothing where its manager can't say, as of one that was not its child.
fn last_exit(status: Option<&Status>) -> Option<Object> {
    let last = status?.last_exit.as_ref()?;
    (last.code.is_some() || last.signal.is_some()).then(|| exit(last))
}

/// How a process ended.
pub fn exit(exit: &Exit) -> Object {
    Object::new()
        .known("code", exit.code.map(i64::from))
        .known("signal", exit.signal.as_deref())
        .maybe("at", exit.at.map(time::rfc3339))
}

/// Always an object, so that programs need not look.
fn native(status: Option<&Status>) -> Value {
    match status.map(|status| &status.native) {
        Some(value @ Value::Map(_)) => value.clone(),
        _ => Value::Map(Vec::new()),
    }
}

/// The document of a command about services.
pub fn document(backend: Option<&str>, scope: Option<Scope>, services: &[Service]) -> Object {
    Object::new()
        .maybe("backend", backend)
        .maybe("scope", scope.map(Scope::as_str))
        .with("services", json::list(services.iter().map(Service::object)))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use anysvc_backend_api::Boot;

    use super::*;

    fn text(document: Object) -> String {
        let mut out = String::new();
        json::write(&mut out, &document.into());
        out
    }

    fn web() -> Header {
        Header {
            name: "web".into(),
            desired: Desired::Up,
            backend: "mock".into(),
            scope: Scope::User,
            boot: Boot::Restore,
            transient: None,
            template: None,
            instance: None,
            spec_hash: String::new(),
        }
    }

    #[test]
    fn a_service_has_every_key_of_the_contract_in_its_order() {
        let mut status = Status::new("web", State::Backoff).made_by_us();
        status.since = Some(UNIX_EPOCH + Duration::from_secs(60));
        status.restarts = Some(2);
        status.last_exit = Some(Exit { code: None, signal: Some("KILL".into()), at: Some(UNIX_EPOCH) });
        status.reason = Some("restarts in 1 s".into());
        status.native = Value::Map(vec![("slot".into(), "/run/service/web".into())]);
        let service = Service {
            backend: Some("mock".into()),
            scope: Some(Scope::User),
            stored: Some(web()),
            status: Some(status),
            ..Service::named("web")
        };
        assert_eq!(
            text(document(Some("mock"), Some(Scope::User), &[service])),
            concat!(
                r#"{"backend": "mock", "scope": "user", "services": [{"name": "web", "backend": "mock", "#,
                r#""scope": "user", "state": "backoff", "desired": "up", "ready": null, "pid": null, "#,
                r#""since": "1970-01-01T00:01:00.000000Z", "uptime": null, "restarts": 2, "#,
                r#""last_exit": {"signal": "KILL", "at": "1970-01-01T00:00:00.000000Z"}, "#,
                r#""reason": "restarts in 1 s", "boot": "restore", "ours": true, "template": null, "#,
                r#""instance": null, "native": {"slot": "/run/service/web"}}]}"#
            )
        );
    }

    #[test]
    fn an_end_that_nobody_saw_is_null() {
        let mut status = Status::new("web", State::Running);
        status.last_exit = Some(Exit { code: None, signal: None, at: Some(UNIX_EPOCH) });
        assert!(last_exit(Some(&status)).is_none());
        status.last_exit = Some(Exit { code: Some(0), signal: None, at: None });
        assert_eq!(last_exit(Some(&status)).map(text).as_deref(), Some(r#"{"code": 0, "at": null}"#));
    }

    #[test]
    fn what_is_not_known_is_null_and_an_error_is_beside_it() {
        let service = Service { error: Some(Error::not_registered("x")), ..Service::named("x") };
        assert_eq!(
            text(service.object()),
            concat!(
                r#"{"name": "x", "backend": null, "scope": null, "state": null, "desired": null, "#,
                r#""ready": null, "pid": null, "since": null, "uptime": null, "restarts": null, "#,
                r#""last_exit": null, "reason": null, "boot": null, "ours": false, "template": null, "#,
                r#""instance": null, "native": {}, "error": {"kind": "not-registered", "service": "x", "#,
                r#""message": "there is no service `x`", "#,
                r#""hint": "create it with `anysvc register x -- COMMAND`"}}"#
            )
        );
    }
}
