//! What the tests of scripts share: rendering for an owner, and publishing by hand in a laboratory, in
//! each of the worlds that scripts have to work in. It uses nothing of the backend but the scripts.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::{
    os::unix::fs::{PermissionsExt, lchown},
    path::Path,
    time::{Duration, Instant},
};

use anysvc_backend_api::{Bytes, Registration, ServiceSpec};
use anysvc_s6::scripts::{Owner, ServiceDirectory, Tools, service_directory};
use anysvc_tests::{APP, S6Lab};

/// Who owns the service directory, and whose supervisor runs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum World {
    /// Root and root's.
    Root,
    /// Root and root's; the service runs as `app`.
    RootForApp,
    /// `app` and root's: the shared scandir.
    Shared,
    /// `app` and `app`'s own.
    Nested,
}

pub const WORLDS: [World; 4] = [World::Root, World::RootForApp, World::Shared, World::Nested];

impl World {
    pub fn lab(self) -> S6Lab {
        match self {
            World::Root | World::RootForApp => S6Lab::new().start(),
            World::Shared => S6Lab::new().shared().start(),
            World::Nested => S6Lab::new().nested().start(),
        }
    }

    pub fn owner(self) -> Owner {
        match self {
            World::Root | World::RootForApp => Owner {
                uid: 0,
                gid: 0,
                groups: vec![0],
                name: Some("root".into()),
                home: Some("/root".into()),
            },
            World::Shared | World::Nested => Owner {
                uid: APP,
                gid: APP,
                groups: vec![APP],
                name: Some("app".into()),
                home: Some("/home/app".into()),
            },
        }
    }

    /// The account that the program runs as.
    pub fn runs_as(self) -> u32 {
        if self == World::Root { 0 } else { APP }
    }

    pub fn log_directory(self, name: &str) -> String {
        match self {
            World::Root | World::RootForApp => format!("/var/lib/anysvc/log/{name}"),
            World::Shared | World::Nested => format!("/home/app/state/{name}"),
        }
    }
}

pub fn command<B: Into<Bytes>>(words: impl IntoIterator<Item = B>) -> Vec<Bytes> {
    words.into_iter().map(Into::into).collect()
}

pub fn render(spec: &ServiceSpec, owner: &Owner, tools: &str, log_directory: &str) -> ServiceDirectory {
    let registration =
        Registration { log_directory: log_directory.into(), ..Registration::new(spec.clone()) };
    let tools = Tools { dir: tools.into(), version: None };
    service_directory(&registration, owner, &tools).unwrap_or_else(|error| panic!("{error:?}"))
}

/// A service that runs in a laboratory.
pub struct Service<'lab> {
    pub lab: &'lab S6Lab,
    pub world: World,
    pub name: String,
    pub directory: String,
}

impl<'lab> Service<'lab> {
    /// Publishes a service as s6-runtime's part does, and has it started.
    pub fn start(lab: &'lab S6Lab, world: World, mut spec: ServiceSpec) -> Service<'lab> {
        if spec.name.is_empty() {
            "web".clone_into(&mut spec.name);
        }
        if world == World::RootForApp && spec.user.is_none() {
            spec.user = Some("app".into());
        }
        let (owner, log) = (world.owner(), world.log_directory(&spec.name));
        let files = render(&spec, &owner, "/command", &log);
        let scandir = if world == World::Nested { "/run/app/service" } else { "/run/service" };
        let staging = format!("{scandir}/.new-{}", spec.name);
        for file in &files.files {
            lab.write(Path::new(&staging).join(&file.path), owner.uid, file.mode, &file.content);
        }
        for folder in ["supervise", "log/supervise"].into_iter().take(if files.get("log/run").is_some() {
            2
        } else {
            1
        }) {
            // Root's s6-supervise keeps what the owner made.
            lab.write(format!("{staging}/{folder}/x"), owner.uid, 0o600, "");
        }
        hand_over(&lab.path(&staging), owner.uid);
        if owner.uid == 0 {
            // As the host does: closed, but for the folder itself.
            lab.write(format!("{log}/x"), world.runs_as(), 0o600, "");
            hand_over(&lab.path(&log), world.runs_as());
            closed(&lab.path("/var/lib/anysvc"));
        }
        let directory = format!("{scandir}/{}", spec.name);
        std::fs::rename(lab.path(staging), lab.path(&directory)).unwrap();
        lab.s6("s6-svscanctl", ["-a", scandir]).uid(owner.uid).run().success();
        let service = Service { lab, world, name: spec.name, directory };
        lab.wait_until("it is supervised", || service.is_supervised());
        service
    }

    pub fn is_supervised(&self) -> bool {
        self.lab.s6("s6-svok", [&self.directory]).run().any().code() == Some(0)
    }

    /// `s6-svstat -o FIELDS`.
    pub fn stat(&self, fields: &str) -> String {
        let read = || self.lab.s6("s6-svstat", ["-o", fields, &self.directory]).run();
        // A supervisor listens a moment before it has written its first status.
        self.lab.wait_until("there is a status", || read().any().code() == Some(0));
        read().success().stdout().trim().to_owned()
    }

    /// `s6-svc` as whoever the supervisor runs as: it is told of events through FIFOs of its own.
    #[track_caller]
    pub fn svc(&self, options: &[&str]) {
        let uid = if self.world == World::Nested { APP } else { 0 };
        self.lab.s6("s6-svc", options).arg(&self.directory).uid(uid).run().success();
    }

    pub fn pid(&self) -> Option<u32> {
        self.stat("pid").parse().ok()
    }

    pub fn has(&self, file: &str) -> bool {
        self.lab.exists(format!("{}/{file}", self.directory))
    }

    /// Waits until the program itself runs: its arguments begin like this.
    #[track_caller]
    pub fn program(&self, first: &str) -> u32 {
        let end = Instant::now() + Duration::from_secs(60);
        while Instant::now() < end {
            if let Some(pid) = self.pid()
                && let Ok(cmdline) = std::fs::read(self.lab.path(format!("/proc/{pid}/cmdline")))
                && cmdline.starts_with(first.as_bytes())
            {
                return pid;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        panic!("{:?}: its program does not run\n{}{}", self.world, self.log(), self.lab.scene());
    }

    /// What s6-log kept, as root sees it.
    pub fn log(&self) -> String {
        let folder = self.lab.path(format!("{}/current", self.world.log_directory(&self.name)));
        std::fs::read(folder).map(|b| String::from_utf8_lossy(&b).into_owned()).unwrap_or_default()
    }
}

/// A shell program as a service.
pub fn shell(script: &str) -> ServiceSpec {
    ServiceSpec { command: command(["/bin/sh", "-c", script]), ..ServiceSpec::default() }
}

fn hand_over(path: &Path, uid: u32) {
    lchown(path, Some(uid), Some(uid)).unwrap();
    if path.is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            hand_over(&entry.unwrap().path(), uid);
        }
    }
}

fn closed(path: &Path) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)).unwrap();
}

/// Numbers that are the same in every run, so that a failure can be repeated.
pub struct Numbers(pub u64);

impl Numbers {
    pub fn below(&mut self, bound: usize) -> usize {
        // xorshift64*, Vigna 2014.
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % bound
    }

    /// Any bytes but NUL, the nasty ones often.
    pub fn bytes(&mut self, longest: usize) -> Vec<u8> {
        const NASTY: &[u8] =
            b"'\"$`\\\n\t *?[]{}()<>|&;!#~=%-\x01\x7f\x80\x81\x82\x83\x84\x85\x86\x87\x88\xff";
        (0..self.below(longest))
            .map(|_| match self.below(3) {
                0 => (self.below(255) + 1) as u8,
                _ => NASTY[self.below(NASTY.len())],
            })
            .collect()
    }
}
