//! Spreading new threads over the processors.
//!
//! Linux leaves a new thread on the processor of its maker more often than not, whatever the others have to do,
//! and finds a better place for it at a tick, up to 4 ms later: by then what we have to do is done. So a new
//! thread is to leave by itself, and its maker to stay, for as long as both work.

#[cfg(target_os = "linux")]
mod system {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_getcpu, sched_setaffinity};

    /// The maker of threads, where it is; dropped, it may go again wherever it might.
    pub(in super::super) struct Maker {
        allowed: CpuSet,
        others: CpuSet,
    }

    impl Maker {
        /// The calling thread.
        pub(in super::super) fn here() -> Maker {
            let allowed = sched_getaffinity(None).unwrap_or_else(|_| CpuSet::new());
            let (mut here, mut others, at) = (CpuSet::new(), allowed, sched_getcpu());
            here.set(at);
            others.unset(at);
            if others.count() > 0 {
                // Where that is forbidden, it is left to the system.
                let _ = sched_setaffinity(None, &here);
            }
            Maker { allowed, others }
        }

        /// How many other processors it might use.
        pub(in super::super) fn others(&self) -> usize {
            self.others.count() as usize
        }

        /// Goes on with the calling thread, which it made, on any of those.
        pub(in super::super) fn leave(&self) {
            let _ = sched_setaffinity(None, &self.others);
        }
    }

    impl Drop for Maker {
        fn drop(&mut self) {
            let _ = sched_setaffinity(None, &self.allowed);
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    /// The maker of threads.
    pub(in super::super) struct Maker;

    impl Maker {
        pub(in super::super) fn here() -> Maker {
            Maker
        }

        pub(in super::super) fn others(&self) -> usize {
            std::thread::available_parallelism().map_or(1, std::num::NonZero::get) - 1
        }

        pub(in super::super) fn leave(&self) {}
    }
}

pub(super) use system::Maker;
