//! Every command: its name, what it is for, examples, and how its arguments are defined and read.

use clap::{ArgMatches, Command};

use super::{action::Action, container, register, verbs, views};

/// How the arguments of a command become an action.
pub enum Read {
    /// Whatever clap accepts makes sense.
    Plain(fn(&mut ArgMatches) -> Action),
    /// Something is left to be refused.
    Checked(fn(&mut ArgMatches) -> Result<Action, String>),
}

/// A command.
pub struct Entry {
    /// As it is written.
    pub name: &'static str,
    /// One line for the list of commands.
    pub about: &'static str,
    /// More, for its own help.
    pub more: &'static str,
    /// Command lines that do something useful, without the program's name.
    pub examples: &'static [&'static str],
    /// Not for people.
    pub hidden: bool,
    /// Adds its arguments.
    pub define: fn(Command) -> Command,
    /// Reads them.
    pub read: Read,
}

/// All of them, in the order of the help.
pub static COMMANDS: &[Entry] = &[
    Entry {
        name: "register",
        about: "Create a service, and start it",
        more: "The command is run as it is written, without a shell. A service that exists already is left \
               untouched, and that is an error unless --replace or --if-absent is given.",
        examples: &[
            "register web --restart always -- /usr/bin/python3 -m http.server 8000",
            "register web --env PORT=8000 --env API_KEY --ready-port 8000 -- /srv/web/run",
            "register --file services.toml --replace",
            "register --template gateway --instance coder --env COLOUR=blue",
            "register probe --transient -- /srv/probe/run",
        ],
        hidden: false,
        define: register::register,
        read: Read::Checked(register::read_register),
    },
    Entry {
        name: "unregister",
        about: "Stop services and remove them",
        more: "A service that is absent is fine. One that anysvc did not make is left alone, and that is an \
               error. It waits for the service's end: --no-wait is refused with 2. Where no backend can be \
               used it ends with 8.",
        examples: &["unregister web", "unregister --template gateway", "unregister --all"],
        hidden: false,
        define: verbs::unregister,
        read: Read::Plain(verbs::read_unregister),
    },
    Entry {
        name: "start",
        about: "Start services",
        more: "Returns when each runs: when it says that it is ready, or else when it has lived for a moment \
               (--settle). One that dies at once is reported with its last lines. An instance of a template \
               that is on disk and was never registered is registered.",
        examples: &["start web", "start --template gateway --instance coder", "start --all --timeout 2m"],
        hidden: false,
        define: verbs::start,
        read: Read::Plain(verbs::read_start),
    },
    Entry {
        name: "stop",
        about: "Stop services; they stay stopped, over a reboot too",
        more: "",
        examples: &["stop web", "stop web db --timeout 1m"],
        hidden: false,
        define: verbs::stop,
        read: Read::Plain(verbs::read_stop),
    },
    Entry {
        name: "restart",
        about: "Stop and start services; one that is stopped is started",
        more: "",
        examples: &["restart web"],
        hidden: false,
        define: verbs::start,
        read: Read::Plain(verbs::read_restart),
    },
    Entry {
        name: "signal",
        about: "Send a signal to the main process of services",
        more: "",
        examples: &["signal HUP web", "signal USR1 --all"],
        hidden: false,
        define: verbs::signal,
        read: Read::Plain(verbs::read_signal),
    },
    Entry {
        name: "status",
        about: "Show how services are",
        more: "Exits with 0 if all that were named run, with 4 if one is absent, else with 3. Without names \
               with 0 unless reading failed. One that is stored and that the service manager lacks is shown as \
               `unknown`, with an error that says so; named, it is absent.",
        examples: &["status", "status web --json", "status --template gateway", "status --foreign"],
        hidden: false,
        define: views::status,
        read: Read::Plain(views::read_status),
    },
    Entry {
        name: "list",
        about: "Name the services",
        more: "",
        examples: &["list", "list --template gateway", "list --foreign"],
        hidden: false,
        define: views::list,
        read: Read::Plain(views::read_list),
    },
    Entry {
        name: "show",
        about: "Show a service: its spec, where it is stored, what the manager has",
        more: "",
        examples: &["show web --reveal", "show --template gateway --instance coder"],
        hidden: false,
        define: views::show,
        read: Read::Plain(views::read_show),
    },
    Entry {
        name: "check",
        about: "Say whether everything wanted up is up, for scripts and health checks",
        more: "Exits with 0 if so, and with 3 if not, also for one that is stored and that the service manager \
               lacks; with 8 where no backend can be used. A service that is not wanted up, or that its \
               condition holds back, counts as healthy.",
        examples: &["check", "check web --timeout 5s"],
        hidden: false,
        define: views::check,
        read: Read::Plain(views::read_check),
    },
    Entry {
        name: "logs",
        about: "Print what services wrote",
        more: "On a terminal control characters are written out; into a pipe or a file every byte goes as the \
               service wrote it. Following ends with 0 when the time of --timeout is over.",
        examples: &["logs web -n 50", "logs --template gateway -f", "logs web --since 10m"],
        hidden: false,
        define: views::logs,
        read: Read::Plain(views::read_logs),
    },
    Entry {
        name: "wait",
        about: "Wait until services are up, ready, down or gone",
        more: "Exits at once with 3 if a service is held back or stays stopped, with 4 if it is absent, with \
               11 if it failed for good, with 6 for `ready` where nothing says how; with 10 after the timeout. \
               `up` is one moment: a service that dies at once was up.",
        examples: &["wait web --for up", "wait --template gateway --for ready --timeout 2m"],
        hidden: false,
        define: views::wait,
        read: Read::Plain(views::read_wait),
    },
    Entry {
        name: "reconcile",
        about: "Make the service manager match what is registered, after a boot above all",
        more: "What the manager has lost is registered again, and started if it was wanted up; a command that \
               was cut short is completed. At a boot (the first run after a start of the machine, container or \
               manager) everything that is wanted up is started once; at other times what gave up or ended \
               for good is left. What was started, stopped or changed by hand is told, and put right only with \
               --force. A file of the store that can't be read is told and left where it is.",
        examples: &["reconcile", "reconcile --dry-run", "reconcile --force --json"],
        hidden: false,
        define: verbs::reconcile,
        read: Read::Plain(verbs::read_reconcile),
    },
    Entry {
        name: "render",
        about: "Print every file and call that registering would make; change nothing",
        more: "Takes the name of a registered service; or a name, spec options and a command after `--`; or \
               --file.",
        examples: &["render web", "render web --restart always -- /srv/web/run"],
        hidden: false,
        define: register::render,
        read: Read::Checked(register::read_render),
    },
    Entry {
        name: "template",
        about: "Show the templates that services can be made from",
        more: "A template comes from a spec file, by `anysvc register --file`, and its services from \
               `anysvc register --template TEMPLATE --instance INSTANCE`.",
        examples: &["template list", "template show gateway", "template remove gateway"],
        hidden: false,
        define: views::template,
        read: Read::Plain(views::read_template),
    },
    Entry {
        name: "container",
        about: "Have the services of a container come back when it starts",
        more: container::MORE,
        examples: &[
            "container install --user root --user app",
            "container install --root ./rootfs --user app --dry-run",
            "container remove",
        ],
        hidden: false,
        define: container::container,
        read: Read::Plain(container::read_container),
    },
    Entry {
        name: "detect",
        about: "Print the backend that is chosen on this machine, and why",
        more: "",
        examples: &["detect", "detect --explain"],
        hidden: false,
        define: views::detect,
        read: Read::Plain(views::read_detect),
    },
    Entry {
        name: "backends",
        about: "Show which backends are installed, and what each can do",
        more: "",
        examples: &["backends", "backends --matrix", "backends verify ./lib/anysvc/backends/mine.toml"],
        hidden: false,
        define: views::backends,
        read: Read::Plain(views::read_backends),
    },
    Entry {
        name: "backend-main",
        about: "Become a helper process of a backend",
        more: "Backends run this themselves.",
        examples: &[],
        hidden: true,
        define: views::backend_main,
        read: Read::Plain(views::read_backend_main),
    },
];

/// The command of a name.
pub fn find(name: &str) -> Option<&'static Entry> {
    COMMANDS.iter().find(|entry| entry.name == name)
}

impl Entry {
    /// The command with its arguments, as clap needs it.
    pub fn command(&self) -> Command {
        let command = Command::new(self.name).about(self.about).hide(self.hidden);
        let command = if self.more.is_empty() { command } else { command.long_about(self.long_about()) };
        let command = if self.examples.is_empty() { command } else { command.after_help(self.after_help()) };
        (self.define)(command)
    }

    fn long_about(&self) -> String {
        format!("{}.\n\n{}", self.about, wrapped(self.more))
    }

    fn after_help(&self) -> String {
        let examples = self.examples.iter().map(|example| format!("\n  anysvc {example}"));
        format!("Examples:{}", examples.collect::<String>())
    }
}

/// The text in lines of at most 80 characters.
fn wrapped(text: &str) -> String {
    let mut out = String::new();
    let mut length = 0;
    for word in text.split_whitespace() {
        let separator = match length {
            0 => "",
            _ if length + 1 + word.len() > 80 => "\n",
            _ => " ",
        };
        length = if separator == " " { length + 1 } else { 0 } + word.len();
        out.push_str(separator);
        out.push_str(word);
    }
    out
}
