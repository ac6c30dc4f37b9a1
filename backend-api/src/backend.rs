//! The trait that an author of a backend implements.

use crate::{
    batch::Batch,
    deadline::Deadline,
    error::{Error, Result},
    model::{
        BootFiles, BootQuery, Context, Description, Difference, Done, ListQuery, LogChunk, LogQuery, Probe,
        Registration, Rendering, ServiceSpec, SignalRequest, Status, Target, WaitRequest,
    },
};

/// Support for one service manager.
///
/// The host calls `describe`, then `open`, then the rest, possibly from several threads at once. Verbs
/// take a [`Batch`]: answer every item, in order ([`Batch::each`] does that, and contains panics per
/// item). Every call ends by its deadline: what could not be done by then is a `timed-out` error.
///
/// The methods with a body are optional abilities; without them the answer is `unsupported`.
pub trait Backend: Send + Sync + Sized + 'static {
    /// What this backend is, can do, and makes of each field of a spec. Reads nothing.
    fn describe() -> Description;

    /// Opens the backend. Reads as little as it can; the manager need not answer yet.
    ///
    /// # Errors
    /// Settings that make no sense.
    fn open(context: Context) -> Result<Self>;

    /// Whether the manager answers, and where.
    ///
    /// # Errors
    /// `manager-unavailable` with the reason and a hint.
    fn probe(&self, deadline: Deadline) -> Result<Probe>;

    /// Would `register` accept these specs? Refuses by name what this manager can't do and what
    /// [`Description::fields`] can't say (a delay that is too short, say). Changes nothing.
    fn check(&self, batch: &Batch<ServiceSpec>) -> Vec<Result<()>> {
        batch.all(|| Ok(()))
    }

    /// Creates services; starts those that ask for it and waits until the manager has them up.
    ///
    /// # Errors
    /// `already-registered` or `not-ours` for what exists (and is not to be replaced or adopted);
    /// a failure leaves nothing behind.
    fn register(&self, batch: &Batch<Registration>) -> Vec<Result<Done>>;

    /// Stops and removes services that we made. What is absent is fine.
    ///
    /// # Errors
    /// `not-ours`.
    fn unregister(&self, batch: &Batch<Target>) -> Vec<Result<Done>>;

    /// Starts services and waits until the manager has them up. One that runs already is fine, and so
    /// is one that its condition holds back.
    ///
    /// # Errors
    /// `not-registered`.
    fn start(&self, batch: &Batch<Target>) -> Vec<Result<()>>;

    /// Stops services and waits until they are down. One that is down already is fine.
    ///
    /// # Errors
    /// `not-registered`; `timed-out` while it is still stopping.
    fn stop(&self, batch: &Batch<Target>) -> Vec<Result<()>>;

    /// Stops and starts services; each ends running, whatever its program's exit code.
    ///
    /// # Errors
    /// `not-registered`.
    fn restart(&self, batch: &Batch<Target>) -> Vec<Result<()>>;

    /// The status of services, read without waiting for anything.
    ///
    /// # Errors
    /// `not-registered`.
    fn status(&self, batch: &Batch<Target>) -> Vec<Result<Status>>;

    /// The same, with no more than a table of many shows: `last_exit`, `told_up`, `rest` and `native` may be
    /// left out ([`Status::at_a_glance`]) by a backend to which they cost something.
    ///
    /// # Errors
    /// `not-registered`.
    fn glance(&self, batch: &Batch<Target>) -> Vec<Result<Status>> {
        self.status(batch)
    }

    /// All services of ours, and with `foreign` all that the manager knows. Nothing there is an empty
    /// list.
    ///
    /// # Errors
    /// Only when the manager can't be read at all.
    fn list(&self, query: &ListQuery, deadline: Deadline) -> Result<Vec<Status>>;

    /// Waits until each service is as asked ([`WaitRequest::met_by`]), or can't become so any more
    /// ([`WaitRequest::hopeless`]: its status as it is).
    ///
    /// Without a body of its own this asks `status` again and again, every 1 to 50 ms. A manager that can
    /// be watched deserves better.
    ///
    /// # Errors
    /// `not-registered` (for `gone` the status `stopped`); `timed-out`.
    fn wait(&self, batch: &Batch<WaitRequest>) -> Vec<Result<Status>> {
        crate::poll::wait(self, batch)
    }

    /// All that registering would do, without doing it.
    fn render(&self, batch: &Batch<Registration>) -> Vec<Result<Rendering>> {
        batch.all(|| Err(Error::unsupported("this backend can't say beforehand what it would do")))
    }

    /// In what the services that we made differ from what registering would make now. Changes nothing.
    ///
    /// # Errors
    /// `not-registered`.
    fn compare(&self, batch: &Batch<Registration>) -> Vec<Result<Difference>> {
        batch.all(|| Err(Error::unsupported("this backend can't say what its services were made from")))
    }

    /// The files of a container by which its services come back when it starts. Nothing is asked of the
    /// manager, which does not run where an image is made.
    ///
    /// # Errors
    /// `unsupported` by a manager that brings its services back itself, or is not in that container.
    fn boot_files(&self, query: &BootQuery) -> Result<BootFiles> {
        let _ = query;
        Err(Error::unsupported("this backend has no files for the start of a container"))
    }

    /// Sends a signal to the main process.
    ///
    /// # Errors
    /// `not-registered`; `command-failed` when nothing runs.
    fn signal(&self, batch: &Batch<SignalRequest>) -> Vec<Result<()>> {
        batch.all(|| Err(Error::unsupported("this backend can't send signals to services")))
    }

    /// Opens a stream of log records, oldest first.
    ///
    /// # Errors
    /// `not-registered`; `unsupported` where a service's output is not kept.
    fn logs(&self, query: &LogQuery) -> Result<Box<dyn LogStream>> {
        let _ = query;
        Err(Error::unsupported("this backend can't read logs"))
    }

    /// Becomes a helper process of this backend (a supervisor, a shim). The answer is the exit code.
    fn serve(arguments: Vec<Vec<u8>>) -> i32 {
        let _ = arguments;
        2
    }
}

/// An open stream of log records. Used by one thread at a time.
pub trait LogStream: Send {
    /// The next records; an empty chunk when the deadline passed or the stream was cancelled.
    ///
    /// # Errors
    /// When the log can't be read any more; the stream is over then.
    fn next(&mut self, deadline: Deadline) -> Result<LogChunk>;

    /// A function that makes a `next` under way, and every later one, return at once with `end`. It may
    /// be called from another thread.
    fn canceller(&self) -> Box<dyn Fn() + Send + Sync>;
}
