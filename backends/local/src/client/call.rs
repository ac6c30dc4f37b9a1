//! One call: a connection, the items in frames that fit, the answers put together again.

use std::{io, time::Duration};

use anysvc_backend_api::{
    Batch, Context, Deadline, Error, ErrorKind, Named, Result,
    abi::{Bag, Verb},
    wire::WireStruct,
};

use super::{
    connect::{Connection, connect},
    launch::connect_or_start,
};
use crate::{
    codec,
    place::Place,
    protocol::{Ask, MAX_FRAME, Reply, Request},
};

/// A supervisor answers by the deadline itself; one that does not gets this much longer. And it takes a
/// request also from those who will not wait for what comes of it: nobody can ask in no time at all.
const GRACE: Duration = Duration::from_secs(2);

/// How often a request is made of supervisors that end before they answer.
const TRIES: usize = 5;

/// Whether a call needs a supervisor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// It is started if there is none.
    Start,
    /// Without one there is no answer.
    IfThere,
}

/// Asks the supervisor of one folder.
#[derive(Debug)]
pub struct Client<'a> {
    /// Where it is.
    pub place: &'a Place,
    /// Who asks.
    pub context: &'a Context,
}

impl Client<'_> {
    /// A verb of the API, for each item of a batch. `None` when there is no supervisor and none is
    /// needed.
    pub fn verb<T, R>(&self, verb: Verb, batch: &Batch<T>, need: Need) -> Option<Vec<Result<R>>>
    where
        T: WireStruct + Named + Clone,
        R: WireStruct,
    {
        let mut answers = Vec::with_capacity(batch.items.len());
        for part in parts(&batch.items) {
            let request = Request::new(Ask::Verb(verb.code().0), part.to_vec(), batch.deadline);
            match self.ask(request, batch.deadline, need) {
                Ok(None) => return None,
                Ok(Some(bags)) if bags.len() == part.len() => {
                    let one = |(answer, item): (Result<Bag>, &T)| {
                        answer
                            .and_then(|bag| Ok(R::from_bag(bag)?))
                            .map_err(|error| error.with_service(item.name()))
                    };
                    answers.extend(bags.into_iter().zip(part).map(one));
                }
                Ok(Some(_)) => answers.extend(part.iter().map(|item| {
                    let error = nonsense("another number of answers than there were questions");
                    Err(error.with_service(item.name()))
                })),
                Err(error) => {
                    answers.extend(part.iter().map(|item| Err(error.clone().with_service(item.name()))));
                }
            }
        }
        Some(answers)
    }

    /// Asks, and gives the answers as they came. A supervisor that is killed meanwhile is asked again once
    /// it is back, if that can do no harm.
    ///
    /// # Errors
    /// When there is no answer, or one error for all.
    pub fn ask(&self, request: Request, deadline: Deadline, need: Need) -> Result<Option<Vec<Result<Bag>>>> {
        let again = may_be_repeated(&request);
        let bytes = codec::to_bytes(request);
        if bytes.len() > MAX_FRAME {
            return Err(Error::new(ErrorKind::InvalidSpec, "it is longer than 16 MiB"));
        }
        let mut tries = if again { TRIES } else { 1 };
        loop {
            tries -= 1;
            let Some(connection) = self.connection(deadline, need)? else { return Ok(None) };
            match connection.exchange(&bytes, grace(deadline)) {
                Ok(answer) => {
                    let reply = codec::from_bytes::<Reply>(&answer, "the supervisor's answer")?;
                    return reply.answers.map(Some);
                }
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof && tries > 0 => {
                    log::info!("the supervisor, process {}, ended before it answered", connection.pid);
                }
                Err(error) => return Err(broken(&error, connection.pid)),
            }
        }
    }

    fn connection(&self, deadline: Deadline, need: Need) -> Result<Option<Connection>> {
        let deadline = grace(deadline);
        match need {
            Need::Start => connect_or_start(self.place, self.context, deadline).map(Some),
            Need::IfThere => connect(self.place, self.context.user.uid, deadline),
        }
    }
}

/// The code of the error of one that ended before it answered.
pub const ENDED: &str = "supervisor-ended";

/// Whether a request that may have been carried out already does no harm a second time. Registering what
/// is registered is an error, and a signal counts.
fn may_be_repeated(request: &Request) -> bool {
    let once = [Verb::Register, Verb::Signal].map(|verb| Some(Ask::Verb(verb.code().0)));
    !once.contains(&request.ask) && request.ask != Some(Ask::Leave)
}

fn grace(deadline: Deadline) -> Deadline {
    deadline.remaining().map_or(Deadline::NONE, |left| Deadline::after(left.saturating_add(GRACE)))
}

fn broken(error: &io::Error, pid: u32) -> Error {
    match error.kind() {
        io::ErrorKind::TimedOut => Error::timed_out(format!("the supervisor, process {pid}, did not answer")),
        io::ErrorKind::UnexpectedEof => Error::new(
            ErrorKind::ManagerUnavailable,
            format!("the supervisor, process {pid}, ended before it answered"),
        )
        .with_code(ENDED)
        .with_hint("the next command brings it back, and its services with it"),
        _ => nonsense(&error.to_string()),
    }
}

fn nonsense(why: &str) -> Error {
    Error::new(ErrorKind::ManagerUnavailable, format!("the supervisor's answer makes no sense: {why}"))
}

/// Slices of the items that fit in a frame each, as far as single ones do.
fn parts<T: WireStruct + Clone>(items: &[T]) -> Vec<&[T]> {
    let mut parts = Vec::new();
    let (mut begin, mut size) = (0, 0);
    for (at, item) in items.iter().enumerate() {
        let more = codec::to_bytes(item.clone()).len();
        if at > begin && size + more > MAX_FRAME / 2 {
            parts.push(&items[begin..at]);
            (begin, size) = (at, 0);
        }
        size += more;
    }
    parts.push(&items[begin..]);
    parts
}
