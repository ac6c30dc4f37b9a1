//! What a command works with: the caller's environment, the store, and backends that are opened when they
//! are first needed. Everything is read at most once, and only if somebody asks. This module must not
//! know what commands do.

pub mod as_user;
pub mod other_user;
pub mod user;

use std::{
    cell::{Cell, OnceCell, RefCell},
    rc::Rc,
    time::Duration,
};

use anysvc_backend_api::{Deadline, Description, Error, ErrorKind, Probe, Result, Scope, remote::Remote};

use crate::{
    cli::{Global, ScopeArg, Timeout},
    config::Config,
    discovery::Catalog,
    environment::{Environment, Overrides},
    loader::{self, Loaded},
    selection::{self, Selection},
    store::{Header, Store},
};

/// How long a command waits when neither it nor a service says.
const USUAL: Duration = Duration::from_secs(30);
/// How much longer than a service's own time-out.
const GRACE: Duration = Duration::from_secs(5);

/// A backend that is open.
pub struct Opened {
    /// Its id.
    pub id: String,
    /// Whose manager it talks to.
    pub scope: Scope,
    /// Its methods.
    pub remote: Remote,
    loaded: Loaded,
    described: OnceCell<Result<Description>>,
}

impl Opened {
    /// What it is and can do.
    ///
    /// # Errors
    /// As [`Loaded::describe`].
    pub fn description(&self) -> Result<&Description> {
        self.described.get_or_init(|| self.loaded.describe()).as_ref().map_err(Clone::clone)
    }
}

/// A command's view of the world.
pub struct Session {
    /// Who calls, and the machine.
    pub env: Environment,
    /// The administrator's word.
    pub config: Config,
    /// Whose services are meant.
    pub scope: Scope,
    requested: Option<String>,
    timeout: Timeout,
    store: OnceCell<Result<Store>>,
    catalog: OnceCell<Catalog>,
    selected: OnceCell<Result<String>>,
    library: RefCell<Option<Selection>>,
    opened: RefCell<Vec<Rc<Opened>>>,
    warnings: RefCell<Vec<String>>,
    look_only: Cell<bool>,
}

impl Session {
    /// Looks at who calls and reads the configuration, nothing more.
    ///
    /// # Errors
    /// A configuration that makes no sense.
    pub fn new(global: &Global) -> Result<Session> {
        let program = std::env::current_exe().ok();
        let (state_dir, backend_path) = (global.state_dir.clone(), global.backend_path.clone());
        let env = Environment::gather(Overrides { state_dir, backend_path, program });
        let config = Config::load(&env)?;
        let scope = match global.scope {
            Some(ScopeArg::System) => Scope::System,
            Some(ScopeArg::User | ScopeArg::Other(_)) => Scope::User,
            None => env.default_scope(),
        };
        let warnings = config.warnings.iter().map(|error| error.message.clone()).collect();
        Ok(Session {
            env,
            config,
            scope,
            requested: global.backend.clone(),
            timeout: global.timeout,
            store: OnceCell::new(),
            catalog: OnceCell::new(),
            selected: OnceCell::new(),
            library: RefCell::default(),
            opened: RefCell::default(),
            warnings: RefCell::new(warnings),
            look_only: Cell::new(false),
        })
    }

    /// `--backend`.
    pub fn requested(&self) -> Option<&str> {
        self.requested.as_deref()
    }

    /// Whether the command is to return as soon as the manager was asked.
    pub fn no_wait(&self) -> bool {
        self.timeout == Timeout::NoWait
    }

    /// From here on backends are opened to look, and to change nothing at all.
    pub fn look_only(&self) {
        self.look_only.set(true);
    }

    /// By when a call has to be done, where a service takes so long itself.
    pub fn deadline(&self, own: Duration) -> Deadline {
        Deadline::after(match self.timeout {
            Timeout::Usual => USUAL.max(own.saturating_add(GRACE)),
            Timeout::After(time) => time,
            Timeout::NoWait => Duration::ZERO,
        })
    }

    /// The time that was asked for, for what has no end of its own.
    pub fn limit(&self) -> Deadline {
        match self.timeout {
            Timeout::Usual => Deadline::NONE,
            Timeout::After(time) => Deadline::after(time),
            Timeout::NoWait => Deadline::after(Duration::ZERO),
        }
    }

    /// By when work has to be done that can't be left half-way: as [`Session::deadline`], but the usual
    /// time where nobody wants to wait.
    pub fn working_deadline(&self, own: Duration) -> Deadline {
        match self.timeout {
            Timeout::NoWait => Deadline::after(USUAL.max(own.saturating_add(GRACE))),
            _ => self.deadline(own),
        }
    }

    /// The store.
    ///
    /// # Errors
    /// When there is no place for it, or it is not trusted.
    pub fn store(&self) -> Result<&Store> {
        let open = || {
            let folder = self.env.state_dir(self.config.state_dir.as_deref(), self.scope)?;
            self.warnings.borrow_mut().extend(folder.warnings);
            log::debug!("services are remembered in {}", folder.path.display());
            Store::open(&folder.path, self.env.caller().euid)
        };
        self.store.get_or_init(open).as_ref().map_err(Clone::clone)
    }

    /// Every backend that is installed.
    pub fn catalog(&self) -> &Catalog {
        self.catalog.get_or_init(|| Catalog::discover(&self.env))
    }

    /// The id of the backend that serves here. Nothing is loaded.
    ///
    /// # Errors
    /// As [`selection::select`].
    pub fn selected_id(&self) -> Result<&str> {
        let select = || {
            let requested = self.requested();
            let found = selection::select(self.catalog(), &self.env, &self.config, requested, self.scope)?;
            self.warn_of(&found.warnings);
            let id = found.id.clone();
            log::debug!("the backend `{id}` serves the {} scope", self.scope);
            *self.library.borrow_mut() = Some(found);
            Ok(id)
        };
        self.selected.get_or_init(select).as_deref().map_err(Clone::clone)
    }

    /// The backend that serves here.
    ///
    /// # Errors
    /// None fits, it can't be used, or its own from `open`.
    pub fn selected(&self) -> Result<Rc<Opened>> {
        let id = self.selected_id()?;
        match self.already_open(id, self.scope) {
            Some(opened) => Ok(opened),
            None => match self.library.take() {
                Some(selection) => self.open(selection, self.scope),
                None => self.backend(id, self.scope),
            },
        }
    }

    /// The backend that serves here, after its manager has answered: what is to be created must not be
    /// created under another one because this one is silent just now.
    ///
    /// # Errors
    /// As [`Session::selected`]; `manager-unavailable`.
    pub fn answering(&self) -> Result<(Rc<Opened>, Probe)> {
        let opened = self.selected()?;
        let probe = opened.remote.probe(self.working_deadline(Duration::ZERO));
        probe.map(|probe| (opened, probe)).map_err(|error| self.silent(error))
    }

    /// That one that was asked for by its id answers at all, where nothing else is asked of it.
    ///
    /// # Errors
    /// As [`Session::answering`].
    pub fn must_answer_if_requested(&self) -> Result<()> {
        if self.requested.is_some() {
            self.answering()?;
        }
        Ok(())
    }

    /// The error of a probe, with the way out that there is.
    fn silent(&self, mut error: Error) -> Error {
        let found = self.catalog().found.iter();
        let fallback = found.filter(|found| found.manifest.as_ref().is_ok_and(|manifest| manifest.fallback));
        let fallback = fallback.map(|found| found.id.as_str()).next();
        if let (ErrorKind::ManagerUnavailable, Some(id)) = (error.kind, fallback) {
            let option = format!("`--backend {id}`");
            error.hint = match error.hint {
                Some(hint) if hint.contains(&option) => Some(hint),
                Some(hint) => Some(format!("{hint}; {option} does without it")),
                None => Some(format!("{option} does without it")),
            };
        }
        error
    }

    /// A backend by id, as the store names it.
    ///
    /// # Errors
    /// It is not installed or can't be used, or its own from `open`.
    pub fn backend(&self, id: &str, scope: Scope) -> Result<Rc<Opened>> {
        if let Some(opened) = self.already_open(id, scope) {
            return Ok(opened);
        }
        let catalog = match self.catalog.get() {
            Some(catalog) => catalog,
            None => &Catalog::discover_only(&self.env, id),
        };
        let found = match self.requested() {
            Some(_) => selection::select(catalog, &self.env, &self.config, Some(id), scope)?,
            None => selection::stored(catalog, &self.env, &self.config, id, scope)?,
        };
        self.warn_of(&found.warnings);
        self.open(found, scope)
    }

    /// Keeps what is wrong and did not matter, each thing once.
    fn warn_of(&self, errors: &[Error]) {
        let mut warnings = self.warnings.borrow_mut();
        for error in errors {
            if !warnings.contains(&error.message) {
                warnings.push(error.message.clone());
            }
        }
    }

    /// The backend of a stored service.
    ///
    /// # Errors
    /// `not-ours` where `--backend` names another one; as [`Session::backend`].
    pub fn backend_of(&self, header: &Header) -> Result<Rc<Opened>> {
        match self.requested() {
            Some(other) if other != header.backend => {
                let message = format!("`{}` belongs to the backend `{}`", header.name, header.backend);
                Err(Error::new(ErrorKind::NotOurs, message)
                    .with_service(&header.name)
                    .with_hint("leave out --backend; the store knows where each service is"))
            }
            _ => self.backend(&header.backend, header.scope),
        }
    }

    fn already_open(&self, id: &str, scope: Scope) -> Option<Rc<Opened>> {
        self.opened.borrow().iter().find(|opened| opened.id == id && opened.scope == scope).cloned()
    }

    fn open(&self, selection: Selection, scope: Scope) -> Result<Rc<Opened>> {
        let loaded = loader::load(selection.library)?;
        log::debug!("loaded the backend `{}` from {}", loaded.id, loaded.path.display());
        let settings = self.config.settings(&loaded.id);
        let mut context = self.env.context(scope, self.store()?.state_dir(), settings);
        context.look_only = self.look_only.get();
        let remote = Remote::open(loaded.module, loader::host_fns(), context)?;
        let described = OnceCell::new();
        let opened = Rc::new(Opened { id: loaded.id.clone(), scope, remote, loaded, described });
        self.opened.borrow_mut().push(Rc::clone(&opened));
        Ok(opened)
    }

    /// Notes something that the user ought to know.
    pub fn warn(&self, text: String) {
        self.warnings.borrow_mut().push(text);
    }

    /// What was noted since this was last asked.
    pub fn take_warnings(&self) -> Vec<String> {
        self.warnings.take()
    }
}

#[cfg(test)]
impl Session {
    /// A session in which one backend serves, linked in under this id, with a store in this folder.
    pub fn for_tests(
        global: &Global,
        folder: &std::path::Path,
        id: &str,
        module: anysvc_backend_api::abi::BackendModuleRef,
    ) -> Session {
        use crate::environment::{Caller, Variables};
        use anysvc_backend_api::abi::NoteFacts;
        let overrides = Overrides { state_dir: Some(folder.to_owned()), ..Overrides::default() };
        let env = Environment::assemble(overrides, Caller::current(), Variables::none());
        let context = env.context(Scope::User, folder, anysvc_backend_api::Value::Null);
        let remote = Remote::open(module, loader::host_fns(), context).expect("it opens");
        let note = NoteFacts { major: 1, minor: 0, fingerprint: 0 };
        let loaded = Loaded { id: id.to_owned(), path: folder.to_owned(), note, module };
        let (id, scope, described) = (id.to_owned(), Scope::User, OnceCell::new());
        let opened = Opened { id: id.clone(), scope, remote, loaded, described };
        Session {
            env,
            config: Config::default(),
            scope,
            requested: global.backend.clone(),
            timeout: global.timeout,
            store: OnceCell::new(),
            catalog: OnceCell::from(Catalog::default()),
            selected: OnceCell::from(Ok(id)),
            library: RefCell::default(),
            opened: RefCell::new(vec![Rc::new(opened)]),
            warnings: RefCell::default(),
            look_only: Cell::new(false),
        }
    }
}
