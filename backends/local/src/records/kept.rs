//! What the records say of one service beside its registration, and of the supervisor's session.

use anysvc_backend_api::{
    EnvVar, Rest, State, Status,
    abi::{AbiValue, Attr, Bag},
    wire::{Refusal, Wire as _, WireStruct},
};
use anysvc_backend_support::boot;

/// How a service was left.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kept {
    /// Whether the operator wants it up.
    pub up: bool,
    /// How it was last; `None` when it was never started since it was wanted so.
    pub status: Option<Status>,
}

impl Kept {
    /// Whether a supervisor that comes back starts it: it is wanted up, and did not end for good.
    pub fn is_due(&self) -> bool {
        self.up && self.status.as_ref().is_none_or(|status| status.wanted_up != Some(false))
    }

    /// How it is when there is no supervisor, so that nothing of it runs.
    pub fn at_rest(&self, name: &str, reason: &str) -> Status {
        let mut status = self.status.clone().unwrap_or_else(|| Status::new(name, State::Stopped));
        if self.is_due() {
            status.rest = Some(Rest::Unattended);
        }
        if !matches!(status.state, State::Stopped | State::Failed) {
            status.state = State::Stopped;
            status.since = None;
        }
        if status.reason.is_none() && self.up {
            status.reason = Some(reason.to_owned());
        }
        status.ready = status.ready.map(|_| false);
        status.pid = None;
        status.wanted_up = Some(false);
        self.explained(status.made_by_us())
    }

    /// The status with what was last asked for, and with why it does not run where it was to.
    pub fn explained(&self, mut status: Status) -> Status {
        let down = matches!(status.state, State::Stopped | State::Failed);
        status.told_up = Some(self.up);
        status.rest = (down && self.up && !status.held_back)
            .then(|| status.rest.filter(|rest| *rest == Rest::Unattended).unwrap_or(Rest::Over));
        status
    }
}

/// The identity of this boot: the start of process 1, which a container has anew. Where that can't be seen
/// (`hidepid`), it is the machine's alone; without procfs every boot is taken for the same.
pub fn boot() -> String {
    boot::of_process(1).unwrap_or_else(boot::kernel)
}

/// Where and when a supervisor ran.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Session {
    /// The identity of the boot.
    pub boot: String,
    /// It ended by itself or on request, with everything stopped.
    pub left: bool,
    /// The environment that its services start from: that of whoever started it first. Nothing once it
    /// left.
    pub environment: Vec<EnvVar>,
}

impl WireStruct for Kept {
    fn into_bag(self) -> Bag {
        let status = self.status.into_wire();
        Bag { attrs: vec![attr("up", self.up.into_wire()), attr("status", status)].into() }
    }

    fn from_bag(bag: Bag) -> Result<Kept, Refusal> {
        let mut kept = Kept::default();
        for attr in bag.attrs {
            match attr.key.as_str() {
                "up" => kept.up = bool::from_wire(attr.value)?,
                "status" => kept.status = Option::from_wire(attr.value)?,
                key if attr.must => return Err(Refusal::Unknown(key.to_owned())),
                _ => (),
            }
        }
        Ok(kept)
    }
}

impl WireStruct for Session {
    fn into_bag(self) -> Bag {
        let environment = self.environment.into_wire();
        let attrs = vec![
            attr("boot", self.boot.into_wire()),
            attr("left", self.left.into_wire()),
            attr("environment", environment),
        ];
        Bag { attrs: attrs.into() }
    }

    fn from_bag(bag: Bag) -> Result<Session, Refusal> {
        let mut session = Session::default();
        for attr in bag.attrs {
            match attr.key.as_str() {
                "boot" => session.boot = String::from_wire(attr.value)?,
                "left" => session.left = bool::from_wire(attr.value)?,
                "environment" => session.environment = Vec::from_wire(attr.value)?,
                key if attr.must => return Err(Refusal::Unknown(key.to_owned())),
                _ => (),
            }
        }
        Ok(session)
    }
}

/// News that an older anysvc may ignore.
fn attr(key: &'static str, value: AbiValue) -> Attr {
    Attr { key: key.into(), must: false, value }
}
