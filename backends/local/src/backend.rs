//! The backend's verbs, on the client's side: which of them need a supervisor, and which can do without.

use anysvc_backend_api::{
    Backend, Batch, Capability, Context, Deadline, Description, Difference, Done, Error, ErrorKind,
    ListQuery, LogQuery, LogStream, Named, Probe, Registration, Rendering, Result, Scope, ServiceSpec,
    SignalRequest, Status, Target, WaitRequest, abi::Verb, wire::WireStruct,
};

use anysvc_backend_support::logs;

use crate::{
    check,
    client::{Client, Need, register},
    logs::Log,
    offline::Offline,
    place::Place,
    protocol::{Ask, Request},
    records::{Records, boot},
    render::render,
    supervisor,
};

/// Keeps services running by itself.
#[derive(Debug)]
pub struct Local {
    context: Context,
}

impl Local {
    /// Asks the supervisor, and starts it if there is none. Where there is no folder yet, nothing is
    /// registered: the answer is `absent`.
    fn change<T, R>(&self, verb: Verb, batch: &Batch<T>, absent: fn(&T) -> Result<R>) -> Vec<Result<R>>
    where
        T: WireStruct + Named + Clone,
        R: WireStruct,
    {
        match Place::open(&self.context.state_dir, self.context.user.uid) {
            Ok(Some(place)) => {
                let client = Client { place: &place, context: &self.context };
                client.verb(verb, batch, Need::Start).unwrap_or_default()
            }
            Ok(None) => batch.each(absent),
            Err(error) => batch.all(|| Err(error.clone())),
        }
    }

    /// Asks a supervisor that runs; one that was killed is brought back. Without one the records answer.
    fn read<T>(
        &self,
        verb: Verb,
        batch: &Batch<T>,
        at_rest: impl Fn(&Offline, &T) -> Option<Result<Status>>,
    ) -> Vec<Result<Status>>
    where
        T: WireStruct + Named + Clone,
    {
        let offline = match self.offline(|client| client.verb(verb, batch, Need::IfThere)) {
            Ok(Found::Answers(answers)) => return answers,
            Ok(Found::AtRest(offline)) => offline,
            Ok(Found::Killed(offline)) => {
                let answers = self.change(verb, batch, |item| absent(item)).into_iter();
                return answers.map(|answer| answer.map(|status| offline.brought_back(status))).collect();
            }
            Err(error) => return batch.all(|| Err(error.clone())),
        };
        // What nothing can be said of without a supervisor is asked of one.
        let known: Option<Vec<_>> = batch.items.iter().map(|item| at_rest(&offline, item)).collect();
        match known {
            Some(mut answers) => {
                answers.reverse();
                batch.each(|item| answers.pop().unwrap_or_else(|| absent(item)))
            }
            None => self.change(verb, batch, |item| absent(item)),
        }
    }

    fn offline<R>(&self, ask: impl FnOnce(&Client<'_>) -> Option<R>) -> Result<Found<R>> {
        let Some(place) = Place::open(&self.context.state_dir, self.context.user.uid)? else {
            return Ok(Found::AtRest(Offline::default()));
        };
        if let Some(answers) = ask(&Client { place: &place, context: &self.context }) {
            return Ok(Found::Answers(answers));
        }
        let offline = Offline::read(&place)?;
        // To bring it back would be more than to look.
        let killed = offline.was_killed() && !self.context.look_only;
        Ok(if killed { Found::Killed(offline) } else { Found::AtRest(offline) })
    }

    fn list_all(&self, deadline: Deadline, need: Need) -> Result<Found<Vec<Status>>> {
        let mut failure = None;
        let found = self.offline(|client| {
            let request = Request::new::<Target>(Ask::List, Vec::new(), deadline);
            match client.ask(request, deadline, need) {
                Ok(answers) => answers,
                Err(error) => {
                    failure = Some(error);
                    Some(Vec::new())
                }
            }
        })?;
        match (failure, found) {
            (Some(error), _) => Err(error),
            (None, Found::Answers(bags)) => {
                let status = |answer: Result<_>| answer.and_then(|bag| Ok(Status::from_bag(bag)?));
                Ok(Found::Answers(bags.into_iter().map(status).collect::<Result<_>>()?))
            }
            (None, Found::AtRest(offline)) => Ok(Found::AtRest(offline)),
            (None, Found::Killed(offline)) => Ok(Found::Killed(offline)),
        }
    }
}

/// What there is to ask.
enum Found<R> {
    /// A supervisor, which answered.
    Answers(R),
    /// None, and nothing that runs.
    AtRest(Offline),
    /// None, but services of one that was killed.
    Killed(Offline),
}

/// Refuses what a supervisor that is started here would refuse.
fn refuse(spec: &ServiceSpec) -> Result<()> {
    check::check(spec)?;
    check::check_console(spec, spec.log.console == Some(true) && supervisor::console().is_some())
}

fn absent<T: Named, R>(item: &T) -> Result<R> {
    Err(Error::not_registered(item.name()))
}

impl Backend for Local {
    fn describe() -> Description {
        let version = env!("CARGO_PKG_VERSION");
        let description = Description::new("local", "anysvc's own supervisor (embedded)", version)
            .can(Capability::RuntimeRegistration)
            .can(Capability::Logs)
            .can(Capability::LogsFollow)
            .can(Capability::Signal)
            .can(Capability::Helper);
        check::fields(description)
    }

    fn open(context: Context) -> Result<Local> {
        if context.scope == Scope::System && context.user.uid != 0 {
            let message = "the services of the system belong to root";
            return Err(Error::new(ErrorKind::PermissionDenied, message)
                .with_hint("use `--scope user`, or become root"));
        }
        Ok(Local { context })
    }

    fn probe(&self, deadline: Deadline) -> Result<Probe> {
        let shown = format!("state in {}", self.context.state_dir.join("backend-local").display());
        let resting = || Probe {
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            facts: vec![shown.clone(), "no supervisor runs; it is started when it is needed".to_owned()],
            boot: Some(boot()),
            ..Probe::default()
        };
        let Some(place) = Place::open(&self.context.state_dir, self.context.user.uid)? else {
            return Ok(resting());
        };
        let request = Request::new::<Target>(Ask::Who, Vec::new(), deadline);
        let client = Client { place: &place, context: &self.context };
        match client.ask(request, deadline, Need::IfThere)?.and_then(|mut answers| answers.pop()) {
            Some(answer) => {
                let mut probe = Probe::from_bag(answer?)?;
                probe.facts.insert(0, shown);
                probe.boot = Some(boot());
                Ok(probe)
            }
            None => Ok(resting()),
        }
    }

    fn check(&self, batch: &Batch<ServiceSpec>) -> Vec<Result<()>> {
        batch.each(refuse)
    }

    fn register(&self, batch: &Batch<Registration>) -> Vec<Result<Done>> {
        // What is refused is refused before a supervisor is started for it.
        let checked = batch.each(|registration| refuse(&registration.spec));
        if checked.iter().all(Result::is_err) {
            return Done::plainly(checked);
        }
        match Place::create(&self.context.state_dir, self.context.user.uid) {
            Ok(place) => Done::plainly(register(&Client { place: &place, context: &self.context }, batch)),
            Err(error) => batch.all(|| Err(error.clone())),
        }
    }

    fn unregister(&self, batch: &Batch<Target>) -> Vec<Result<Done>> {
        Done::plainly(self.change(Verb::Unregister, batch, |_| Ok(())))
    }

    fn start(&self, batch: &Batch<Target>) -> Vec<Result<()>> {
        self.change(Verb::Start, batch, absent)
    }

    fn stop(&self, batch: &Batch<Target>) -> Vec<Result<()>> {
        self.change(Verb::Stop, batch, absent)
    }

    fn restart(&self, batch: &Batch<Target>) -> Vec<Result<()>> {
        self.change(Verb::Restart, batch, absent)
    }

    fn signal(&self, batch: &Batch<SignalRequest>) -> Vec<Result<()>> {
        self.change(Verb::Signal, batch, absent)
    }

    fn status(&self, batch: &Batch<Target>) -> Vec<Result<Status>> {
        self.read(Verb::Status, batch, |offline, target| Some(offline.status(&target.name)))
    }

    fn list(&self, _: &ListQuery, deadline: Deadline) -> Result<Vec<Status>> {
        match self.list_all(deadline, Need::IfThere)? {
            Found::Answers(all) => Ok(all),
            Found::AtRest(offline) => Ok(offline.all()),
            Found::Killed(_) => match self.list_all(deadline, Need::Start)? {
                Found::Answers(all) => Ok(all),
                _ => Ok(Vec::new()),
            },
        }
    }

    fn wait(&self, batch: &Batch<WaitRequest>) -> Vec<Result<Status>> {
        self.read(Verb::Wait, batch, Offline::settled)
    }

    fn render(&self, batch: &Batch<Registration>) -> Vec<Result<Rendering>> {
        batch.each(|registration| render(registration, &self.context))
    }

    fn compare(&self, batch: &Batch<Registration>) -> Vec<Result<Difference>> {
        let records = match Place::open(&self.context.state_dir, self.context.user.uid) {
            Ok(Some(place)) => Records::open(&place),
            Ok(None) => return batch.each(absent),
            Err(error) => Err(error),
        };
        batch.each(|wanted| {
            let found = records.as_ref().map_err(Clone::clone)?.one(&wanted.spec.name)?;
            let (found, _) = found.ok_or_else(|| Error::not_registered(&wanted.spec.name))?;
            let spec = (found.spec != wanted.spec).then(|| "spec".to_owned());
            let folder = (found.log_directory != wanted.log_directory).then(|| "log folder".to_owned());
            Ok(Difference { parts: spec.into_iter().chain(folder).collect(), outdated: false })
        })
    }

    fn logs(&self, query: &LogQuery) -> Result<Box<dyn LogStream>> {
        let source = |name: &String| Ok(Box::new(Log::of(name, &self.context)?) as Box<dyn logs::Source>);
        logs::open(query.names.iter().map(source).collect::<Result<_>>()?, query)
    }

    fn serve(arguments: Vec<Vec<u8>>) -> i32 {
        supervisor::main(arguments)
    }
}
