//! A backend in memory that does as a test tells it, and notes what it was asked.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anysvc_backend_api::{
    Backend, Batch, Context, Deadline, Description, Difference, Done, Error, ErrorKind, Exit, Field, Goal,
    ListQuery, LogChunk, LogQuery, LogRecord, LogStream, Probe, Registration, Result, State, Status, Support,
    Target, WaitRequest,
};

/// What a test tells the backend, and what the backend notes.
#[derive(Default)]
pub struct World {
    /// What the manager has.
    pub services: BTreeMap<String, Status>,
    /// The manager does not answer.
    pub silent: bool,
    /// Every call: a verb and a name, and whether the store had it.
    pub journal: Vec<String>,
    /// Services over which these verbs fail.
    pub fails: BTreeSet<(&'static str, &'static str)>,
    /// Services whose process ends at once.
    pub dies: BTreeSet<&'static str>,
    /// Services that are other than what registering would make.
    pub differs: BTreeSet<&'static str>,
    /// Services that somebody else has started again by the time that they are stopped first.
    pub come_back: BTreeSet<&'static str>,
    /// What somebody else writes into the store while the backend is asked this: a file and its text.
    pub meanwhile: Option<(&'static str, PathBuf, String)>,
    /// How often it was asked whether it answers.
    pub probes: u32,
    /// The last pid that was given.
    pub last_pid: u32,
}

static WORLDS: Mutex<Option<HashMap<PathBuf, Shared>>> = Mutex::new(None);

type Shared = Arc<Mutex<World>>;

/// The world of a test, by the folder of its store.
pub fn world(folder: &Path) -> Shared {
    let mut worlds = WORLDS.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(worlds.get_or_insert_default().entry(folder.to_owned()).or_default())
}

/// The backend.
pub struct Mock {
    folder: PathBuf,
    world: Shared,
}

impl Mock {
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a call; fails it if the test says so.
    fn note(&self, verb: &'static str, name: &str) -> Result<()> {
        let stored = self.folder.join(format!("services/{name}.toml"));
        let desired = std::fs::read_to_string(stored)
            .ok()
            .map(|text| if text.contains("desired = \"up\"") { "wanted up" } else { "wanted down" });
        let mut world = self.world();
        world.journal.push(format!("{verb} {name}, {}", desired.unwrap_or("not stored")));
        match world.fails.iter().any(|(v, n)| *v == verb && *n == name) {
            true => Err(Error::new(ErrorKind::CommandFailed, format!("cannot {verb} `{name}`"))),
            false => Ok(()),
        }
    }

    /// Others do what they do during this verb.
    fn meanwhile(&self, verb: &str) {
        if let Some((_, path, text)) = self.world().meanwhile.take_if(|(during, ..)| *during == verb) {
            std::fs::write(path, text).expect("it can be written");
        }
    }

    fn bring_up(&self, name: &str) -> Result<()> {
        let mut world = self.world();
        world.last_pid += 1;
        let (pid, dies) = (world.last_pid, world.dies.contains(name));
        let status = world.services.get_mut(name).ok_or_else(|| Error::not_registered(name))?;
        if dies {
            status.state = State::Backoff;
            status.pid = None;
            status.last_exit = Some(Exit { code: Some(3), signal: None, at: None });
        } else {
            status.state = State::Running;
            status.pid = Some(pid);
        }
        Ok(())
    }
}

impl Backend for Mock {
    fn describe() -> Description {
        let honoured: Vec<Field> =
            Field::ALL.iter().copied().filter(|f| !matches!(f, Field::Unknown | Field::Umask)).collect();
        Description::new("mock", "a backend for tests", "1").supports(Support::Native, &honoured).noted(
            Support::Refused,
            Field::Umask,
            "it has no mask",
        )
    }

    fn open(context: Context) -> Result<Mock> {
        let world = world(&context.state_dir);
        Ok(Mock { folder: context.state_dir, world })
    }

    fn probe(&self, _: Deadline) -> Result<Probe> {
        self.meanwhile("probe");
        self.world().probes += 1;
        match self.world().silent {
            true => Err(Error::new(ErrorKind::ManagerUnavailable, "nobody answers")),
            false => Ok(Probe::default()),
        }
    }

    fn register(&self, batch: &Batch<Registration>) -> Vec<Result<Done>> {
        Done::plainly(batch.each(|registration| {
            let name = &registration.spec.name;
            self.note("register", name)?;
            if self.world().services.contains_key(name) && !registration.replace {
                return Err(Error::already_registered(name));
            }
            self.world().services.insert(name.clone(), Status::new(name, State::Stopped).made_by_us());
            if registration.start { self.bring_up(name) } else { Ok(()) }
        }))
    }

    fn unregister(&self, batch: &Batch<Target>) -> Vec<Result<Done>> {
        batch.each(|target| {
            self.note("unregister", &target.name)?;
            self.world().services.remove(&target.name);
            Ok(Done::default())
        })
    }

    fn start(&self, batch: &Batch<Target>) -> Vec<Result<()>> {
        batch.each(|target| {
            self.note("start", &target.name)?;
            self.bring_up(&target.name)
        })
    }

    fn stop(&self, batch: &Batch<Target>) -> Vec<Result<()>> {
        batch.each(|target| {
            self.note("stop", &target.name)?;
            self.meanwhile("stop");
            let mut world = self.world();
            let comes_back = world.come_back.remove(target.name.as_str());
            let status = world.services.get_mut(&target.name);
            let status = status.ok_or_else(|| Error::not_registered(&target.name))?;
            if !comes_back {
                (status.state, status.pid) = (State::Stopped, None);
            }
            Ok(())
        })
    }

    fn restart(&self, batch: &Batch<Target>) -> Vec<Result<()>> {
        batch.each(|target| {
            self.note("restart", &target.name)?;
            self.bring_up(&target.name)
        })
    }

    fn status(&self, batch: &Batch<Target>) -> Vec<Result<Status>> {
        self.meanwhile("status");
        batch.each(|target| {
            let found = self.world().services.get(&target.name).cloned();
            found.ok_or_else(|| Error::not_registered(&target.name))
        })
    }

    fn glance(&self, batch: &Batch<Target>) -> Vec<Result<Status>> {
        self.status(batch).into_iter().map(|answer| answer.map(Status::at_a_glance)).collect()
    }

    fn compare(&self, batch: &Batch<Registration>) -> Vec<Result<Difference>> {
        batch.each(|registration| {
            let differs = self.world().differs.contains(registration.spec.name.as_str());
            let parts = differs.then(|| "command".to_owned()).into_iter().collect();
            Ok(Difference { parts, outdated: false })
        })
    }

    fn wait(&self, batch: &Batch<WaitRequest>) -> Vec<Result<Status>> {
        batch.each(|request| {
            let found = self.world().services.get(&request.name).cloned();
            if found.is_none() && request.goal == Goal::Gone {
                return Ok(Status::new(&request.name, State::Stopped));
            }
            let status = found.ok_or_else(|| Error::not_registered(&request.name))?;
            if request.met_by(&status) || request.hopeless(&status) {
                Ok(status)
            } else {
                Err(request.late())
            }
        })
    }

    fn list(&self, _: &ListQuery, _: Deadline) -> Result<Vec<Status>> {
        Ok(self.world().services.values().cloned().collect())
    }

    fn logs(&self, query: &LogQuery) -> Result<Box<dyn LogStream>> {
        let world = self.world();
        if let Some((_, name)) =
            world.fails.iter().find(|(v, n)| *v == "logs" && query.names.iter().any(|m| m == n))
        {
            return Err(Error::unsupported(format!("`{name}` has no log")).with_service(name));
        }
        if query.follow {
            return Ok(Box::new(Silent));
        }
        let record =
            |name: &String| LogRecord { service: name.clone(), time: None, line: "last words".into() };
        Ok(Box::new(Lines(query.names.iter().map(record).collect())))
    }
}

/// A log that nobody writes to.
struct Silent;

impl LogStream for Silent {
    fn next(&mut self, deadline: Deadline) -> Result<LogChunk> {
        std::thread::park_timeout(deadline.remaining().unwrap_or_default());
        Ok(LogChunk::default())
    }

    fn canceller(&self) -> Box<dyn Fn() + Send + Sync> {
        Box::new(|| ())
    }
}

struct Lines(Vec<LogRecord>);

impl LogStream for Lines {
    fn next(&mut self, _: Deadline) -> Result<LogChunk> {
        Ok(LogChunk { records: std::mem::take(&mut self.0), end: true })
    }

    fn canceller(&self) -> Box<dyn Fn() + Send + Sync> {
        Box::new(|| ())
    }
}
