//! The status of services by name.

use std::{num::NonZero, panic, thread};

use anysvc_backend_api::{Batch, Error, Result, Status, Target};

use crate::{
    scandir::Scandir,
    state::{Reader, status},
};

/// So many services are worth a thread: reading them is system calls, which do not wait for each other.
const FOR_A_THREAD: usize = 250;

/// Reads them.
pub(crate) fn all_status(scandir: &Scandir, batch: &Batch<Target>) -> Vec<Result<Status>> {
    let worth = batch.items.len() / FOR_A_THREAD;
    if worth < 2 {
        return read(scandir, batch);
    }
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(worth);
    let part = |items: &[Target]| Batch { items: items.to_vec(), deadline: batch.deadline };
    let parts: Vec<_> = batch.items.chunks(batch.items.len().div_ceil(threads)).map(part).collect();
    thread::scope(|scope| {
        let begin = |part| {
            let begun = thread::Builder::new().spawn_scoped(scope, move || read(scandir, part));
            // Where no thread is to be had, one after the other is as good.
            begun.map_err(|_| part)
        };
        let begun: Vec<_> = parts.iter().map(begin).collect();
        let end = |begun| match begun {
            Ok(thread) => thread::ScopedJoinHandle::join(thread).unwrap_or_else(|p| panic::resume_unwind(p)),
            Err(part) => read(scandir, part),
        };
        begun.into_iter().flat_map(end).collect()
    })
}

fn read(scandir: &Scandir, batch: &Batch<Target>) -> Vec<Result<Status>> {
    let mut reader = Reader::until(scandir, batch.deadline);
    batch.each(|target| status(&mut reader, &target.name)?.ok_or_else(|| Error::not_registered(&target.name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use anysvc_backend_api::{Deadline, ErrorKind};

    #[test]
    fn many_are_answered_for_in_their_order() {
        let folder = std::env::temp_dir().join(format!("anysvc-s6-many-{}", std::process::id()));
        let items: Vec<Target> = (0..3 * FOR_A_THREAD).map(|n| Target::new(format!("s{n}"))).collect();
        for target in items.iter().skip(1) {
            std::fs::create_dir_all(folder.join(&target.name)).unwrap();
        }
        let scandir = Scandir::open(&folder, [].into()).unwrap().unwrap();
        let batch = Batch { items, deadline: Deadline::NONE };
        let mut answers = all_status(&scandir, &batch).into_iter();
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(answers.next().unwrap().unwrap_err().kind, ErrorKind::NotRegistered);
        let names: Vec<String> = answers.map(|answer| answer.unwrap().name).collect();
        assert_eq!(names.len(), batch.items.len() - 1);
        assert!(names.iter().zip(&batch.items[1..]).all(|(name, target)| *name == target.name));
    }
}
