//! A call for many services at once: the items, the deadline they share, and the containment that keeps
//! a panic over one item from touching the others.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
};

use crate::{
    deadline::Deadline,
    error::{Error, ErrorKind, Result},
    model::Named,
    parts::in_parts,
};

/// The items of one call and when it has to be done.
#[derive(Clone, Debug)]
pub struct Batch<T> {
    /// The items, in the caller's order.
    pub items: Vec<T>,
    /// By when.
    pub deadline: Deadline,
}

impl<T: Named> Batch<T> {
    /// Does one thing for each item. An error gets the item's name; a panic becomes an error of that
    /// item alone.
    pub fn each<R>(&self, mut act: impl FnMut(&T) -> Result<R>) -> Vec<Result<R>> {
        self.items.iter().map(|item| contain_for(item, || act(item))).collect()
    }

    /// The same in parts, on each processor where there are many items; each part has a worker of its own.
    pub fn each_in_parts<W, R: Send>(
        &self,
        worker: impl Fn() -> W + Sync,
        act: impl Fn(&mut W, &T) -> Result<R> + Sync,
    ) -> Vec<Result<R>>
    where
        T: Sync,
    {
        in_parts(&self.items, |part| {
            let mut worker = worker();
            part.iter().map(|item| contain_for(item, || act(&mut worker, item))).collect()
        })
    }

    /// The next phase: for each item whose earlier phase succeeded, with what that gave.
    pub fn then<A, R>(
        &self,
        earlier: Vec<Result<A>>,
        mut act: impl FnMut(&T, A) -> Result<R>,
    ) -> Vec<Result<R>> {
        let pairs = self.items.iter().zip(earlier);
        pairs.map(|(item, prior)| prior.and_then(|a| contain_for(item, || act(item, a)))).collect()
    }

    /// The same answer for every item.
    pub fn all<R>(&self, answer: impl Fn() -> Result<R>) -> Vec<Result<R>> {
        self.each(|_| answer())
    }
}

fn contain_for<T: Named, R>(item: &T, act: impl FnOnce() -> Result<R>) -> Result<R> {
    contain(act).map_err(|error| error.with_service(item.name()))
}

/// Runs code whose panic must not get any further.
///
/// # Errors
/// `panicked`, with the panic's message.
pub fn contain<R>(act: impl FnOnce() -> Result<R>) -> Result<R> {
    // What the closure leaves half-done stays behind: the caller gets an error, never a value made
    // from it, so that unwind safety is not at stake.
    catch_unwind(AssertUnwindSafe(act)).unwrap_or_else(|payload| Err(panicked(payload)))
}

fn panicked(payload: Box<dyn Any + Send>) -> Error {
    let text = match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
        (Some(text), _) => (*text).to_owned(),
        (_, Some(text)) => text.clone(),
        _ => "no message".to_owned(),
    };
    // A payload may panic again when it is dropped; ours are leaked instead.
    std::mem::forget(payload);
    Error::new(ErrorKind::Panicked, format!("the backend panicked: {text}"))
        .with_hint("this is a bug in the backend; please report it to its author")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Target;

    #[test]
    fn a_panic_over_one_item_leaves_the_others_alone() {
        let batch = Batch { items: ["a", "b", "c"].map(Target::new).into(), deadline: Deadline::NONE };
        let got = batch.each(|t| if t.name == "b" { panic!("over {}", t.name) } else { Ok(t.name.len()) });
        assert_eq!(got[0], Ok(1));
        let error = got[1].clone().unwrap_err();
        assert_eq!((error.kind, error.service.as_deref()), (ErrorKind::Panicked, Some("b")));
        assert!(error.message.contains("over b"), "{}", error.message);
        assert_eq!(got[2], Ok(1));
    }
}
