//! Templates: specs with `{instance}` in their texts, and the services that are made from them. This
//! module must not know where templates are kept, nor look at any folder.

mod discover;
mod expand;
pub(super) mod read;

use std::collections::BTreeMap;

use anysvc_backend_api::{Error, ErrorKind, Result, check_name};

use super::{Spec, validate};
pub use discover::{Discover, StateFile};

/// What stands for the instance.
pub(super) const MARK: &str = "{instance}";

/// A `[template.NAME]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    /// Its name.
    pub name: String,
    /// What its services are called: a name with `{instance}` in it, once.
    pub rule: String,
    /// The spec, with `{instance}` as it was written.
    pub spec: Spec,
    /// The instances that differ, with all that holds for them.
    pub special: BTreeMap<String, Spec>,
    /// How instances are found in a folder.
    pub discover: Option<Discover>,
}

/// What a service was made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The template.
    pub template: String,
    /// What `{instance}` stands for.
    pub instance: String,
}

impl Template {
    /// A template that has no more than a spec.
    pub fn new(name: &str, spec: Spec) -> Template {
        let (name, rule) = (name.to_owned(), format!("{name}-{MARK}"));
        Template { name, rule, spec, special: BTreeMap::new(), discover: None }
    }

    /// The name of an instance's service.
    ///
    /// # Errors
    /// `invalid-name` where the instance has none by the rule, or its service would have none.
    pub fn service_name(&self, instance: &str) -> Result<String> {
        check_name(instance).map_err(|error| no_instance(instance, error))?;
        let name = self.rule.replacen(MARK, instance, 1);
        check_name(&name)?;
        Ok(name)
    }

    /// The instance whose service has this name, if one can have it.
    pub fn instance_of<'n>(&self, service: &'n str) -> Option<&'n str> {
        let (before, after) = self.rule.split_once(MARK)?;
        let instance = service.strip_prefix(before)?.strip_suffix(after)?;
        check_name(instance).is_ok().then_some(instance)
    }

    /// What a service of this template is made from.
    pub fn origin(&self, instance: &str) -> Origin {
        Origin { template: self.name.clone(), instance: instance.to_owned() }
    }

    /// The service that an instance is, checked.
    ///
    /// # Errors
    /// As [`Template::service_name`]; `invalid-spec` where the spec makes no sense for this instance.
    pub fn instance(&self, instance: &str) -> Result<Spec> {
        let name = self.service_name(instance)?;
        let spec = expand::with_instance(self.special.get(instance).unwrap_or(&self.spec), &name, instance);
        validate::check(&spec)?;
        Ok(spec)
    }
}

fn no_instance(instance: &str, error: Error) -> Error {
    let message = error.message.replacen("no name for a service", "no name for an instance", 1);
    Error { message, ..Error::new(ErrorKind::InvalidName, "") }
        .with_hint(error.hint.unwrap_or_default())
        .with_service(instance)
}
