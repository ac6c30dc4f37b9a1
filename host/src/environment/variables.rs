//! The environment variables that may count. This is the only place that reads them.

use std::{ffi::OsString, sync::Arc};

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
        let value = match &self.0 {
            Source::Process => std::env::var_os(name),
            Source::Given(pairs) => pairs.iter().find(|(n, _)| n == name).map(|(_, value)| value.clone()),
        };
        value.filter(|value| !value.is_empty())
    }
}
