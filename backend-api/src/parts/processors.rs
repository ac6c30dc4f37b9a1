//! Spreading new threads over the processors.
//!
//! Linux leaves a new thread on the processor of its maker more often than not, whatever the others have to do,
//! and finds a better place for it at a tick, up to 4 ms later: by then what we have to do is done. So a new
//! thread leaves by itself. Its maker is left as it is: what it once asked for, it and all that it starts would
//! keep.

#[cfg(target_os = "linux")]
mod system {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_getcpu, sched_setaffinity};

    /// The processors that a thread may use besides the one that it is on; none where that can't be told.
    pub(in super::super) struct Others(CpuSet);

    impl Others {
        /// Those of the calling thread.
        pub(in super::super) fn here() -> Others {
            let here = sched_getcpu();
            // More processors than fit into a set are an error of the first.
            let mut others = sched_getaffinity(None).unwrap_or_else(|_| CpuSet::new());
            if here < CpuSet::MAX_CPU {
                others.unset(here);
            }
            Others(others)
        }

        pub(in super::super) fn count(&self) -> usize {
            self.0.count() as usize
        }

        /// Goes on with the calling thread on any of them, for good. Where that is forbidden it stays.
        pub(in super::super) fn go_there(&self) {
            let _ = sched_setaffinity(None, &self.0);
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    /// How many there are.
    pub(in super::super) struct Others(usize);

    impl Others {
        pub(in super::super) fn here() -> Others {
            Others(std::thread::available_parallelism().map_or(1, std::num::NonZero::get) - 1)
        }

        pub(in super::super) fn count(&self) -> usize {
            self.0
        }

        pub(in super::super) fn go_there(&self) {}
    }
}

pub(super) use system::Others;
