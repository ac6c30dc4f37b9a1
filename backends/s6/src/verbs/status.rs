//! The status of services by name.

use anysvc_backend_api::{Batch, Error, Result, Status, Target};

use crate::{
    scandir::Scandir,
    state::{Depth, Reader, status_of},
};

/// Reads them.
pub(crate) fn all_status(scandir: &Scandir, batch: &Batch<Target>, depth: Depth) -> Vec<Result<Status>> {
    let read = |reader: &mut Reader<'_>, target: &Target| {
        status_of(reader, &target.name, depth)?.ok_or_else(|| Error::not_registered(&target.name))
    };
    batch.each_in_parts(|| Reader::until(scandir, batch.deadline), read)
}

#[cfg(test)]
mod tests {
    use super::*;
    use anysvc_backend_api::{Deadline, ErrorKind};

    #[test]
    fn many_are_answered_for_in_their_order() {
        let folder = std::env::temp_dir().join(format!("anysvc-s6-many-{}", std::process::id()));
        let items: Vec<Target> = (0..750).map(|n| Target::new(format!("s{n}"))).collect();
        for target in items.iter().skip(1) {
            std::fs::create_dir_all(folder.join(&target.name)).unwrap();
        }
        let scandir = Scandir::open(&folder, [].into()).unwrap().unwrap();
        let batch = Batch { items, deadline: Deadline::NONE };
        let mut answers = all_status(&scandir, &batch, Depth::All).into_iter();
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(answers.next().unwrap().unwrap_err().kind, ErrorKind::NotRegistered);
        let names: Vec<String> = answers.map(|answer| answer.unwrap().name).collect();
        assert_eq!(names.len(), batch.items.len() - 1);
        assert!(names.iter().zip(&batch.items[1..]).all(|(name, target)| *name == target.name));
    }
}
