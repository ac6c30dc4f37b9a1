//! Streams of log records behind a handle: `next` on one thread at a time, `cancel` from any.

use std::sync::{Mutex, PoisonError};

use super::{answer, backend};
use crate::{
    abi::{Answer, Bag, Handle, StreamHandle},
    backend::{Backend, LogStream},
    batch::contain,
    deadline::Deadline,
    wire::WireStruct,
};

struct Open {
    stream: Mutex<Box<dyn LogStream>>,
    cancel: Box<dyn Fn() + Send + Sync>,
}

/// The stream behind a handle.
///
/// # Safety
/// `handle` came from [`logs`] of this library and has not been closed.
unsafe fn open<'a>(handle: StreamHandle) -> &'a Open {
    // SAFETY: `logs` leaked a `Box<Open>`, which is Sync.
    unsafe { &*handle.0.cast::<Open>() }
}

/// # Safety
/// `handle` came from `open::<B>` of this library and has not been closed.
pub(super) unsafe extern "C" fn logs<B: Backend>(handle: Handle, query: Bag) -> Answer<StreamHandle> {
    // SAFETY: passed on to the caller.
    let backend = unsafe { backend::<B>(handle) };
    answer(contain(|| {
        let stream = backend.logs(&WireStruct::from_bag(query)?)?;
        let open = Open { cancel: stream.canceller(), stream: Mutex::new(stream) };
        Ok(StreamHandle(Box::into_raw(Box::new(open)).cast_const().cast()))
    }))
}

/// # Safety
/// `handle` came from [`logs`] of this library and has not been closed.
pub(super) unsafe extern "C" fn next(handle: StreamHandle, millis: u64) -> Answer<Bag> {
    // SAFETY: passed on to the caller.
    let open = unsafe { open(handle) };
    answer(contain(|| {
        // A stream that panicked once may be asked again: it then says itself what it makes of it.
        let mut stream = open.stream.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(stream.next(Deadline::from_millis(millis))?.into_bag())
    }))
}

/// # Safety
/// `handle` came from [`logs`] of this library and has not been closed.
pub(super) unsafe extern "C" fn cancel(handle: StreamHandle) {
    // SAFETY: passed on to the caller.
    let open = unsafe { open(handle) };
    let _ = contain(|| {
        (open.cancel)();
        Ok(())
    });
}

/// # Safety
/// `handle` came from [`logs`] of this library and has not been closed.
pub(super) unsafe extern "C" fn close(handle: StreamHandle) {
    // SAFETY: passed on to the caller; `logs` made it from a `Box`.
    let open = unsafe { Box::from_raw(handle.0.cast::<Open>().cast_mut()) };
    let _ = contain(|| {
        drop(open);
        Ok(())
    });
}
