//! The list calls: each item decoded by itself, the good ones handed to the backend in one batch, the
//! answers put back in the host's order.

use abi_stable::std_types::RVec;

use super::{answer, backend};
use crate::{
    abi::{Answer, Bag, Handle, Verb, VerbCode},
    backend::Backend,
    batch::{Batch, contain},
    deadline::Deadline,
    error::{Error, ErrorKind, Result},
    model::Named,
    wire::WireStruct,
};

/// `BackendModule::call`.
///
/// # Safety
/// `handle` came from `open::<B>` of this library and has not been closed.
pub(super) unsafe extern "C" fn call<B: Backend>(
    handle: Handle,
    verb: VerbCode,
    items: RVec<Bag>,
    millis: u64,
) -> RVec<Answer<Bag>> {
    let count = items.len();
    // SAFETY: passed on to the caller.
    let backend = unsafe { backend::<B>(handle) };
    let deadline = Deadline::from_millis(millis);
    // A panic outside of `Batch::each` can't be laid to one item: all are told.
    contain(|| Ok(dispatch(backend, verb, items, deadline))).unwrap_or_else(|error| all(count, error))
}

fn all(count: usize, error: Error) -> RVec<Answer<Bag>> {
    vec![answer(Err(error)); count].into()
}

fn dispatch<B: Backend>(b: &B, verb: VerbCode, items: RVec<Bag>, by: Deadline) -> RVec<Answer<Bag>> {
    let Some(known) = Verb::from_code(verb) else {
        let error = Error::unsupported(format!("this backend is older than operation {}", verb.0));
        return all(items.len(), error.with_hint("update the backend"));
    };
    match known {
        Verb::Check => run(items, by, |batch| b.check(batch)),
        Verb::Register => run(items, by, |batch| b.register(batch)),
        Verb::Unregister => run(items, by, |batch| b.unregister(batch)),
        Verb::Start => run(items, by, |batch| b.start(batch)),
        Verb::Stop => run(items, by, |batch| b.stop(batch)),
        Verb::Restart => run(items, by, |batch| b.restart(batch)),
        Verb::Signal => run(items, by, |batch| b.signal(batch)),
        Verb::Status => run(items, by, |batch| b.status(batch)),
        Verb::Glance => run(items, by, |batch| b.glance(batch)),
        Verb::Wait => run(items, by, |batch| b.wait(batch)),
        Verb::Render => run(items, by, |batch| b.render(batch)),
        Verb::Compare => run(items, by, |batch| b.compare(batch)),
        Verb::BootFiles => run(items, by, |batch| batch.each(|query| b.boot_files(query))),
    }
}

fn run<T, R>(
    items: RVec<Bag>,
    deadline: Deadline,
    act: impl FnOnce(&Batch<T>) -> Vec<Result<R>>,
) -> RVec<Answer<Bag>>
where
    T: WireStruct + Named,
    R: WireStruct,
{
    let mut good = Vec::with_capacity(items.len());
    let mut refused = Vec::with_capacity(items.len());
    for item in items {
        match T::from_bag(item) {
            Ok(item) => {
                good.push(item);
                refused.push(None);
            }
            Err(refusal) => refused.push(Some(refusal)),
        }
    }
    let batch = Batch { items: good, deadline };
    let mut answers = if batch.items.is_empty() { Vec::new() } else { act(&batch) }.into_iter();
    let one = |refusal| match refusal {
        Some(refusal) => Err(Error::from(refusal)),
        None => answers.next().unwrap_or_else(|| Err(short_answer())).map(WireStruct::into_bag),
    };
    refused.into_iter().map(one).map(answer).collect()
}

fn short_answer() -> Error {
    Error::new(ErrorKind::Plugin, "the backend gave fewer answers than it was asked for")
}
