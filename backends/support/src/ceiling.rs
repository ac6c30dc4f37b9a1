//! What limits a manager may give. One that is above that is cut unsaid, or keeps the service from ever starting; so
//! it is refused before anything is changed. It knows /proc, and no service manager.

use std::fs;

use anysvc_backend_api::{Error, Limit, LimitKind, Result};

/// The bit of CAP_SYS_RESOURCE, which raises hard limits.
const RAISES: u32 = 24;
/// All uids as they are: only there do capabilities count for limits.
const EVERYBODY: [&str; 3] = ["0", "0", "4294967295"];

/// The highest values that a manager can set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ceiling {
    /// Who sets them, for people.
    who: &'static str,
    /// What would come of more, for people.
    otherwise: &'static str,
    /// How its own can be raised, if there is a way to name.
    way: Option<&'static str>,
    /// Its own hard limits, as `/proc/PID/limits` has them, where it may not raise them.
    hard: String,
    /// More files than this nobody may have open.
    most_files: Option<u64>,
}

impl Ceiling {
    /// That of the manager with this process id, which `who` names; `otherwise` says what would come of more.
    /// What can't be read is no limit.
    pub fn of(pid: u32, who: &'static str, otherwise: &'static str) -> Ceiling {
        let read = |file: &str| fs::read_to_string(format!("/proc/{file}")).unwrap_or_default();
        let status = read(&format!("{pid}/status"));
        let raises = may_raise(&status, &read(&format!("{pid}/uid_map")));
        let hard = if raises { String::new() } else { read(&format!("{pid}/limits")) };
        Ceiling { who, otherwise, way: None, hard, most_files: read("sys/fs/nr_open").trim().parse().ok() }
    }

    /// The same, with a way to raise its own limits.
    #[must_use]
    pub fn with_way(self, way: &'static str) -> Ceiling {
        Ceiling { way: Some(way), ..self }
    }

    /// Refuses what is above.
    ///
    /// # Errors
    /// `unsupported`, by the name of the limit.
    pub fn check(&self, limits: &[Limit]) -> Result<()> {
        for limit in limits {
            let hard = hard(&self.hard, limit.kind);
            let files = self.most_files.filter(|_| limit.kind == LimitKind::Nofile);
            let (most, of, way) = match (hard, files) {
                (Some(hard), files) if files.is_none_or(|files| hard < files) => (hard, self.who, self.way),
                (_, Some(files)) => (files, "the kernel (fs.nr_open)", None),
                _ => continue,
            };
            if limit.value.is_none_or(|value| value > most) {
                let value = limit.value.map_or("unlimited".to_owned(), |value| value.to_string());
                let (kind, otherwise) = (limit.kind, self.otherwise);
                let message =
                    format!("limits.{kind}: {value} is more than {of} may set, {most}: {otherwise}");
                let way = way.map(|way| format!("; {way}")).unwrap_or_default();
                return Err(Error::unsupported(message).with_hint(format!("name {most} at most{way}")));
            }
        }
        Ok(())
    }
}

/// Whether a process with this status may raise hard limits.
fn may_raise(status: &str, uid_map: &str) -> bool {
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let effective = effective.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    effective >> RAISES & 1 == 1 && uid_map.split_whitespace().eq(EVERYBODY)
}

/// A hard limit in the text of `/proc/PID/limits`; `None` where there is none.
fn hard(text: &str, kind: LimitKind) -> Option<u64> {
    let name = match kind {
        LimitKind::As => "Max address space",
        LimitKind::Core => "Max core file size",
        LimitKind::Cpu => "Max cpu time",
        LimitKind::Data => "Max data size",
        LimitKind::Fsize => "Max file size",
        LimitKind::Memlock => "Max locked memory",
        LimitKind::Nofile => "Max open files",
        LimitKind::Nproc => "Max processes",
        LimitKind::Stack => "Max stack size",
    };
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: &str = "\
Limit                     Soft Limit           Hard Limit           Units
Max cpu time              unlimited            unlimited            seconds
Max open files            1024                 524288               files
Max locked memory         8388608              8388608              bytes
";

    fn limit(kind: LimitKind, value: Option<u64>) -> Limit {
        Limit { kind, value }
    }

    #[test]
    fn what_is_above_is_refused_by_name() {
        let ceiling = Ceiling {
            who: "the manager",
            hard: LIMITS.to_owned(),
            most_files: Some(1_048_576),
            ..Ceiling::default()
        }
        .with_way("root can raise it");
        let fine = [
            limit(LimitKind::Nofile, Some(524_288)),
            limit(LimitKind::Cpu, None),
            limit(LimitKind::Memlock, Some(0)),
            // It is not told.
            limit(LimitKind::Stack, None),
        ];
        assert_eq!(ceiling.check(&fine), Ok(()));
        for (limit, part) in [
            (limit(LimitKind::Nofile, Some(524_289)), "limits.nofile: 524289"),
            (limit(LimitKind::Nofile, None), "limits.nofile: unlimited"),
            (limit(LimitKind::Memlock, Some(8_388_609)), "the manager may set, 8388608"),
        ] {
            let error = ceiling.check(&[limit]).unwrap_err();
            assert!(error.message.contains(part), "{}", error.message);
            assert!(error.hint.unwrap().ends_with("; root can raise it"));
        }
    }

    #[test]
    fn more_files_than_the_kernel_has_nobody_gets() {
        let ceiling = Ceiling { most_files: Some(1_048_576), ..Ceiling::default() };
        assert_eq!(ceiling.check(&[limit(LimitKind::Nofile, Some(1_048_576))]), Ok(()));
        assert_eq!(ceiling.check(&[limit(LimitKind::Memlock, None)]), Ok(()));
        let error = ceiling.check(&[limit(LimitKind::Nofile, Some(1_048_577))]).unwrap_err();
        assert!(error.message.contains("fs.nr_open"), "{}", error.message);
    }

    #[test]
    fn who_may_raise_limits_is_told_by_its_capabilities_outside_of_user_namespaces() {
        let all = "         0          0 4294967295\n";
        assert!(may_raise("Name:\tsystemd\nCapEff:\t000001ffffffffff\n", all));
        assert!(!may_raise("CapEff:\t000001fffeffffff\n", all));
        assert!(!may_raise("CapEff:\t000001ffffffffff\n", "0 100000 65536\n"));
        assert!(!may_raise("CapEff:\t0000000000000000\n", all));
        assert!(!may_raise("", ""));
    }
}
