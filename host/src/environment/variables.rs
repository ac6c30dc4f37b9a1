//! The environment variables that may count. This is the only place that reads them.

use std::{ffi::OsString, sync::Arc};

use super::Caller;

/// Where variables come from.
#[derive(Clone, Debug)]
pub struct Variables(Source);

#[derive(Clone, Debug)]
enum Source {
    Process,
    Given(Arc<[(String, OsString)]>),
}

impl Variables {
    /// Those of this process.
    pub fn of_this_process() -> Variables {
        Variables(Source::Process)
    }

    /// Those of this process that a caller may use: none when it is elevated.
    pub fn of(caller: &Caller) -> Variables {
        if caller.elevated() { Variables::none() } else { Variables::of_this_process() }
    }

    /// None: what an elevated caller gets.
    pub fn none() -> Variables {
        Variables(Source::Given(Arc::new([])))
    }

    /// Just these.
    pub fn given<N: Into<String>, V: Into<OsString>>(pairs: impl IntoIterator<Item = (N, V)>) -> Variables {
        Variables(Source::Given(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect()))
    }

    /// A variable that is set and not empty.
    pub fn get(&self, name: &str) -> Option<OsString> {
        self.as_set(name).filter(|value| !value.is_empty())
    }

    /// A variable that is set, be it to nothing.
    pub fn as_set(&self, name: &str) -> Option<OsString> {
        match &self.0 {
            Source::Process => std::env::var_os(name),
            Source::Given(pairs) => pairs.iter().find(|(n, _)| n == name).map(|(_, value)| value.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_to_nothing_is_set_but_does_not_count() {
        let variables = Variables::given([("EMPTY", ""), ("FULL", "x")]);
        assert_eq!((variables.get("EMPTY"), variables.as_set("EMPTY")), (None, Some("".into())));
        assert_eq!((variables.get("FULL"), variables.as_set("FULL")), (Some("x".into()), Some("x".into())));
        assert_eq!(variables.as_set("ABSENT"), None);
    }

    #[test]
    fn the_elevated_get_none_of_this_process() {
        let plain = Caller::plain(7, 7);
        assert!(Variables::of(&plain).get("PATH").is_some());
        assert!(Variables::of(&Caller { euid: 0, ..plain }).get("PATH").is_none());
    }
}
