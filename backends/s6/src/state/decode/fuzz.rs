//! Whatever is in a status file: it is read as s6 would read it, or refused for the reason that is true.

use std::os::unix::process::ExitStatusExt as _;

use anysvc_backend_api::Signal;
use anysvc_fuzz::{Corpus, fuzz};

use super::{
    fixtures::{FIXTURES, Fixture},
    *,
};
use crate::state::exit;

fn corpus() -> Corpus {
    FIXTURES.iter().map(Fixture::bytes).fold(Corpus::of("status"), Corpus::with)
}

/// As s6 packs it (`libs6/s6_svstatus_pack.c`), into a file of that size.
fn packed(raw: &Raw, size: usize) -> Vec<u8> {
    let stamp = |stamp: Stamp| [&stamp.seconds.to_be_bytes()[..], &stamp.nanos.to_be_bytes()].concat();
    let number = |number: Option<u32>| u64::from(number.unwrap_or(0)).to_be_bytes();
    let mut bytes = [stamp(raw.stamp), stamp(raw.ready_stamp), number(raw.pid).to_vec()].concat();
    if size == SIZE_WITH_PGID {
        bytes.extend(number(raw.pgid));
    }
    bytes.extend(raw.wstat.to_be_bytes());
    let flags = [raw.paused, raw.finishing, raw.want_up, raw.ready];
    bytes.push(flags.iter().rev().fold(0, |all, flag| all << 1 | u8::from(*flag)));
    bytes
}

#[test]
fn status_files() {
    fuzz(corpus(), |document| match Raw::decode(document) {
        Ok(raw) => {
            let mut expected = document.to_vec();
            let last = expected.len() - 1;
            // The flags of later versions are none of ours.
            expected[last] &= 0x0f;
            if raw.pgid.is_none() && document.len() == SIZE_WITH_PGID {
                expected[32..40].fill(0);
            }
            assert_eq!(packed(&raw, document.len()), expected);
            assert!(raw.pid.is_none_or(|pid| i32::try_from(pid).is_ok_and(|pid| pid > 0)));
            assert!(raw.up().is_none() || !raw.at_rest());
            // Two times are ordered as their stamps are.
            if let (Some(time), Some(ready)) = (raw.stamp.time(), raw.ready_stamp.time()) {
                assert_eq!(time.cmp(&ready), raw.stamp.cmp(&raw.ready_stamp));
            }
        }
        Err(Unreadable::Size(size)) => {
            assert!(size == document.len() && size != SIZE && size != SIZE_WITH_PGID);
        }
        Err(Unreadable::Pid(pid)) => {
            assert_eq!(pid.to_be_bytes(), document[24..32]);
            assert!(i32::try_from(pid).is_err());
        }
    });
}

/// The standard library takes wait statuses apart as well.
#[test]
fn how_processes_ended() {
    fuzz(corpus(), |document| {
        let Some([high, low]) = document.last_chunk() else { return };
        let wstat = u16::from_be_bytes([*high, *low]);
        let (ours, status) = (exit::of_wstat(wstat, None), std::process::ExitStatus::from_raw(wstat.into()));
        assert!(ours.code.is_some() != ours.signal.is_some());
        // 127 in the low bits is a process that did not end, of which s6 writes nothing.
        if wstat & 0x7f != 0x7f {
            assert_eq!(ours.code, status.code());
            let name = |number| Signal::from_number(number).map_or_else(|| number.to_string(), Signal::name);
            assert_eq!(ours.signal, status.signal().map(name));
        }
        let Some(record) = document.first_chunk::<{ exit::RECORD }>() else { return };
        let tally = exit::of_tally(*record);
        assert_eq!(tally.at, Stamp::unpack(*record.first_chunk().expect("its stamp")).time());
        assert_eq!(tally.code, (record[13] == 0).then_some(i32::from(record[12])));
    });
}
