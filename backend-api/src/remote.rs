//! The host's side of the ABI: a loaded backend as ordinary Rust. This module must not know how the
//! library was found or loaded.

use std::sync::Arc;

use abi_stable::std_types::{RResult, RVec};

use crate::{
    abi::{Answer, BackendModuleRef, Bag, Handle, HostFns, StreamHandle, Verb},
    deadline::Deadline,
    error::{Error, ErrorKind, Result},
    model::{
        BootFiles, BootQuery, Context, Description, Difference, Done, ListQuery, LogChunk, LogQuery, Named,
        Probe, Registration, Rendering, ServiceSpec, SignalRequest, Status, Target, WaitRequest,
    },
    wire::WireStruct,
};

/// An opened backend. Its methods are those of [`Backend`](crate::Backend), with the same errors; they
/// may be called from several threads at once.
pub struct Remote {
    module: BackendModuleRef,
    handle: Handle,
}

// SAFETY: what is behind the handle is a `Backend`, which is Send and Sync, and the functions of the
// module are plain functions.
unsafe impl Send for Remote {}
// SAFETY: as above.
unsafe impl Sync for Remote {}

/// What a backend is and can do, without opening it.
///
/// # Errors
/// `panicked`; `plugin` when the answer makes no sense.
pub fn describe(module: BackendModuleRef, host: HostFns) -> Result<Description> {
    result(module.describe()(host))
}

/// Becomes a helper process of a backend. The answer is the exit code.
pub fn serve(module: BackendModuleRef, host: HostFns, arguments: Vec<Vec<u8>>) -> i32 {
    module.serve()(host, arguments.into_iter().map(RVec::from).collect())
}

impl Remote {
    /// Opens a backend.
    ///
    /// # Errors
    /// The backend's own.
    pub fn open(module: BackendModuleRef, host: HostFns, context: Context) -> Result<Remote> {
        match module.open()(host, context.into_bag()) {
            RResult::ROk(handle) => Ok(Remote { module, handle }),
            RResult::RErr(bag) => Err(error(bag)),
        }
    }

    /// Whether the manager answers, and where.
    pub fn probe(&self, deadline: Deadline) -> Result<Probe> {
        // SAFETY: the handle is this module's, and open as long as `self` is.
        result(unsafe { self.module.probe()(self.handle, deadline.to_millis()) })
    }

    /// Would `register` accept these specs?
    pub fn check(&self, items: Vec<ServiceSpec>, deadline: Deadline) -> Vec<Result<()>> {
        self.call(Verb::Check, items, deadline)
    }

    /// Creates services.
    pub fn register(&self, items: Vec<Registration>, deadline: Deadline) -> Vec<Result<Done>> {
        self.call(Verb::Register, items, deadline)
    }

    /// Removes services.
    pub fn unregister(&self, items: Vec<Target>, deadline: Deadline) -> Vec<Result<Done>> {
        self.call(Verb::Unregister, items, deadline)
    }

    /// Starts services.
    pub fn start(&self, items: Vec<Target>, deadline: Deadline) -> Vec<Result<()>> {
        self.call(Verb::Start, items, deadline)
    }

    /// Stops services.
    pub fn stop(&self, items: Vec<Target>, deadline: Deadline) -> Vec<Result<()>> {
        self.call(Verb::Stop, items, deadline)
    }

    /// Stops and starts services.
    pub fn restart(&self, items: Vec<Target>, deadline: Deadline) -> Vec<Result<()>> {
        self.call(Verb::Restart, items, deadline)
    }

    /// Sends signals.
    pub fn signal(&self, items: Vec<SignalRequest>, deadline: Deadline) -> Vec<Result<()>> {
        self.call(Verb::Signal, items, deadline)
    }

    /// The status of services.
    pub fn status(&self, items: Vec<Target>, deadline: Deadline) -> Vec<Result<Status>> {
        self.call(Verb::Status, items, deadline)
    }

    /// The status of services, as far as a table of many shows it.
    pub fn glance(&self, items: Vec<Target>, deadline: Deadline) -> Vec<Result<Status>> {
        self.call(Verb::Glance, items, deadline)
    }

    /// Waits for services.
    pub fn wait(&self, items: Vec<WaitRequest>, deadline: Deadline) -> Vec<Result<Status>> {
        self.call(Verb::Wait, items, deadline)
    }

    /// All that registering would do.
    pub fn render(&self, items: Vec<Registration>, deadline: Deadline) -> Vec<Result<Rendering>> {
        self.call(Verb::Render, items, deadline)
    }

    /// In what services of ours differ from what registering would make.
    pub fn compare(&self, items: Vec<Registration>, deadline: Deadline) -> Vec<Result<Difference>> {
        self.call(Verb::Compare, items, deadline)
    }

    /// The files by which the services of a container come back when it starts.
    ///
    /// # Errors
    /// As [`Backend::boot_files`](crate::Backend::boot_files).
    pub fn boot_files(&self, query: BootQuery, deadline: Deadline) -> Result<BootFiles> {
        self.call(Verb::BootFiles, vec![query], deadline).remove(0)
    }

    /// All services.
    pub fn list(&self, query: ListQuery, deadline: Deadline) -> Result<Vec<Status>> {
        // SAFETY: the handle is this module's, and open as long as `self` is.
        match unsafe { self.module.list()(self.handle, query.into_bag(), deadline.to_millis()) } {
            RResult::ROk(bags) => bags.into_iter().map(|bag| Ok(Status::from_bag(bag)?)).collect(),
            RResult::RErr(bag) => Err(error(bag)),
        }
    }

    /// Opens a stream of log records.
    pub fn logs(&self, query: LogQuery) -> Result<RemoteStream<'_>> {
        // SAFETY: the handle is this module's, and open as long as `self` is.
        match unsafe { self.module.logs()(self.handle, query.into_bag()) } {
            RResult::ROk(handle) => Ok(RemoteStream(Arc::new(Stream { remote: self, handle }))),
            RResult::RErr(bag) => Err(error(bag)),
        }
    }

    fn call<T, R>(&self, verb: Verb, items: Vec<T>, deadline: Deadline) -> Vec<Result<R>>
    where
        T: WireStruct + Named,
        R: WireStruct,
    {
        let names: Vec<String> = items.iter().map(|item| item.name().to_owned()).collect();
        let bags: RVec<Bag> = items.into_iter().map(WireStruct::into_bag).collect();
        // SAFETY: the handle is this module's, and open as long as `self` is.
        let answers = unsafe { self.module.call()(self.handle, verb.code(), bags, deadline.to_millis()) };
        if answers.len() != names.len() {
            let message = format!("the backend gave {} answers to {} questions", answers.len(), names.len());
            let error = Error::new(ErrorKind::Plugin, message);
            return names.iter().map(|name| Err(error.clone().with_service(name))).collect();
        }
        let one = |(answer, name): (_, &String)| result(answer).map_err(|e| e.with_service(name));
        answers.into_iter().zip(&names).map(one).collect()
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        // SAFETY: the handle is this module's; nothing can use it any more, streams borrow `self`.
        unsafe { self.module.close()(self.handle) };
    }
}

/// An open stream of log records.
pub struct RemoteStream<'a>(Arc<Stream<'a>>);

/// Ends a stream from another thread, while it is being read.
#[derive(Clone)]
pub struct Canceller<'a>(Arc<Stream<'a>>);

struct Stream<'a> {
    remote: &'a Remote,
    handle: StreamHandle,
}

// SAFETY: what is behind the handle is Sync: a mutex around the stream, and a function that may be called
// from any thread.
unsafe impl Send for Stream<'_> {}
// SAFETY: as above.
unsafe impl Sync for Stream<'_> {}

impl<'a> RemoteStream<'a> {
    /// The next records; an empty chunk when the deadline passed first.
    ///
    /// # Errors
    /// When the log can't be read any more.
    pub fn next(&mut self, deadline: Deadline) -> Result<LogChunk> {
        // SAFETY: the handle is this module's, and open as long as `self.0` is.
        result(unsafe { self.0.remote.module.stream_next()(self.0.handle, deadline.to_millis()) })
    }

    /// What ends this stream from another thread.
    pub fn canceller(&self) -> Canceller<'a> {
        Canceller(Arc::clone(&self.0))
    }
}

impl Canceller<'_> {
    /// Makes a `next` under way, and every later one, end at once.
    pub fn cancel(&self) {
        // SAFETY: the handle is this module's, and open as long as `self.0` is.
        unsafe { self.0.remote.module.stream_cancel()(self.0.handle) };
    }
}

impl Drop for Stream<'_> {
    fn drop(&mut self) {
        // SAFETY: the handle is this module's, and nothing can use it any more.
        unsafe { self.remote.module.stream_close()(self.handle) };
    }
}

fn result<T: WireStruct>(answer: Answer<Bag>) -> Result<T> {
    match answer {
        RResult::ROk(bag) => Ok(T::from_bag(bag)?),
        RResult::RErr(bag) => Err(error(bag)),
    }
}

/// An error as the backend gave it; one that can't be read is an error of the plugin.
fn error(bag: Bag) -> Error {
    Error::from_bag(bag).unwrap_or_else(Error::from)
}
