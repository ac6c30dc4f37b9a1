//! What units say arrives byte for byte, by the word of a real systemd: its services, `systemctl show` and
//! `systemd-analyze verify`. What they say is drawn by chance: services are called sSEEDxNUMBER, and `TEXT_SEED` sets the seed.

use anysvc_backend_api::{Bytes, EnvVar, Limit, LimitKind, RestartPolicy, Scope, ServiceSpec, User};
use anysvc_systemd::unit::{Surroundings, render};
use anysvc_tests::{APP, Enter, SystemdLab};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::time::SystemTime;

/// For each seed.
const SERVICES: usize = 60;

/// Says what it got: its folder, its arguments, the variable, each with a NUL behind it.
const DUMP: &str = "#!/bin/sh\n\
    { pwd | tr '\\n' '\\0'; printf '%s\\0' \"$@\" \"$ODD\"; } >\"/srv/out/$NAME.new\"\n\
    mv \"/srv/out/$NAME.new\" \"/srv/out/$NAME\"\n";

/// One that never changes, and two that nobody tried before; or the one that is to be tried again.
fn seeds() -> Vec<u64> {
    if let Ok(seed) = std::env::var("TEXT_SEED") {
        return vec![u64::from_str_radix(&seed, 16).expect("TEXT_SEED is hexadecimal")];
    }
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is past 1970");
    let new = u64::from(now.subsec_nanos()) << 32 | now.as_secs();
    vec![0x0005_eed5, new, new.rotate_left(17) | 1]
}

/// Numbers that are the same for the same seed.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> usize {
        // xorshift64*, Vigna 2014.
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize
    }

    /// Any bytes but NUL, with more of those that mean something somewhere.
    fn bytes(&mut self) -> Vec<u8> {
        const NASTY: &[u8] = b"'\"$`\\\n\r\t *?[]{}()<>|&;!#~=%-@:+u\x01\x7f\x80\xc3\xff";
        let length = self.next() % 24;
        (0..length)
            .map(|_| match self.next() % 3 {
                0 => (self.next() % 255 + 1) as u8,
                _ => NASTY[self.next() % NASTY.len()],
            })
            .collect()
    }

    /// The same, as text.
    fn text(&mut self) -> String {
        const NASTY: &[char] = &[
            '\'',
            '"',
            '$',
            '`',
            '\\',
            '\n',
            '\r',
            '\t',
            ' ',
            '%',
            '=',
            '#',
            ';',
            '\u{1}',
            'ä',
            '\u{1f600}',
            '\u{fffd}',
            'n',
            'x',
        ];
        let length = self.next() % 24;
        (0..length).map(|_| NASTY[self.next() % NASTY.len()]).collect()
    }

    /// A component of a path.
    fn component(&mut self) -> Vec<u8> {
        let mut bytes: Vec<u8> = self.bytes().into_iter().filter(|&byte| byte != b'/').collect();
        bytes.insert(0, b'p');
        // Without `${`, which would be expanded; and `pwd` ends in a newline here.
        bytes.retain(|&byte| byte != b'{' && byte != b'\n');
        bytes
    }
}

struct Service {
    spec: ServiceSpec,
    directory: Vec<u8>,
    expected: Vec<u8>,
}

fn service(who: &Who, numbers: &mut Numbers, name: String, at: usize) -> Service {
    let directory = [b"/srv/dirs/", &*numbers.component()].concat();
    // A third each is started by a shell, which enters the directory; by `env`; and as it is.
    let directory = if at.is_multiple_of(3) { directory } else { who.home().as_bytes().to_vec() };
    let own = if at % 3 == 2 { b"plain".to_vec() } else { numbers.component() };
    let program = [b"/srv/programs/", &*own, &*at.to_string().into_bytes()].concat();
    let arguments: Vec<Vec<u8>> = (0..numbers.next() % 6).map(|_| numbers.bytes()).collect();
    let odd = numbers.text();
    let description: String = numbers.text().replace(['\n', '\r'], " ");
    // A backslash at the end is refused.
    let description = description.trim_start().trim_end_matches(|c: char| c == '\\' || c.is_whitespace());
    let mut expected = [&directory[..], b"\0"].concat();
    for value in arguments.iter().map(Vec::as_slice).chain([odd.as_bytes()]) {
        expected.extend_from_slice(value);
        expected.push(0);
    }
    let variable = |name: &str, value: &str| EnvVar { name: name.into(), value: value.into() };
    let spec = ServiceSpec {
        command: std::iter::once(program).chain(arguments).map(Bytes::from).collect(),
        env: vec![variable("ODD", &odd), variable("NAME", &name)],
        description: Some(description.to_owned()),
        directory: (at.is_multiple_of(3)).then(|| OsStr::from_bytes(&directory).into()),
        name,
        ..ServiceSpec::default()
    };
    Service { spec, directory, expected }
}

/// Somebody with a manager.
struct Who {
    lab: SystemdLab,
    scope: Scope,
}

impl Who {
    fn new(scope: Scope) -> Who {
        Who { lab: SystemdLab::start(), scope }
    }

    fn uid(&self) -> u32 {
        if self.scope == Scope::System { 0 } else { APP }
    }

    /// Where services are that say nothing else.
    fn home(&self) -> &'static str {
        if self.scope == Scope::System { "/" } else { "/home/app" }
    }

    fn unit(&self, name: &str) -> String {
        let folder = ["/etc/systemd/system", "/home/app/.config/systemd/user"];
        format!("{}/{name}.service", folder[usize::from(self.uid() != 0)])
    }

    fn command(&self, program: &str) -> Enter<'_> {
        let scope = if self.uid() == 0 { "--system" } else { "--user" };
        self.lab.command(program).arg(scope).uid(self.uid())
    }

    /// Writes the files of a service.
    fn write(&self, spec: &ServiceSpec) {
        let (uid, root) = (self.uid(), self.uid() == 0);
        let (name, home) = if root { ("root", "/root") } else { ("app", "/home/app") };
        let owner = User { uid, gid: uid, groups: vec![], name: Some(name.into()), home: Some(home.into()) };
        let unit = self.unit(&spec.name);
        let environment = format!("{unit}.env");
        let around = Surroundings { scope: self.scope, owner: &owner, environment: &environment };
        let files = render(spec, around).unwrap_or_else(|error| panic!("{spec:?}: {error}"));
        if let Some(text) = files.environment {
            self.lab.write(&environment, uid, 0o600, text);
        }
        self.lab.write(&unit, uid, 0o644, files.unit);
    }

    /// Starts services that are drawn with this seed, and looks at what they got.
    fn tries(&self, seed: u64) {
        let (lab, mut numbers) = (&self.lab, Numbers(seed));
        let one = |at| service(self, &mut numbers, format!("s{seed:x}x{at}"), at);
        let services: Vec<Service> = (0..SERVICES).map(one).collect();
        for service in &services {
            lab.write(OsStr::from_bytes(&service.spec.command[0]), 0, 0o755, DUMP);
            std::fs::create_dir_all(lab.path(OsStr::from_bytes(&service.directory)))
                .expect("its folder is there");
            self.write(&service.spec);
        }
        self.command("systemctl").arg("daemon-reload").run().success();
        let names: Vec<String> =
            services.iter().map(|service| format!("{}.service", service.spec.name)).collect();
        self.command("systemctl").arg("start").args(&names).run().success();
        services.iter().for_each(|service| self.look(service));
        self.command("systemd-analyze").arg("verify").args(&names).run().success().stderr_is("");
        self.command("systemctl").arg("stop").args(&names).run().success();
    }

    fn look(&self, Service { spec, expected, .. }: &Service) {
        let (lab, out) = (&self.lab, format!("/srv/out/{}", spec.name));
        lab.wait_until(&format!("{spec:?} says what it got"), || lab.exists(&out));
        let got = std::fs::read(lab.path(&out)).expect("it can be read");
        let show = |bytes: &[u8]| bytes.escape_ascii().to_string();
        assert_eq!(show(&got), show(expected), "{spec:?}\n{}", lab.read(self.unit(&spec.name)));
        // Property by property: systemd 252 can't show a command line that is not UTF-8, and `systemctl show`
        // asks for all.
        let path = format!("/org/freedesktop/systemd1/unit/{}_2eservice", spec.name);
        let get = ["--json=short", "get-property", "org.freedesktop.systemd1", &path];
        let description = ["org.freedesktop.systemd1.Unit", "Description"];
        let described = self.command("busctl").args(get).args(description).run().success().json();
        let unit = format!("{}.service", spec.name);
        let expected = spec.description.as_deref().filter(|text| !text.is_empty()).unwrap_or(&unit);
        assert_eq!(described["data"], expected, "{spec:?}");
    }
}

fn all_arrive_byte_for_byte(scope: Scope) {
    let who = Who::new(scope);
    let out = who.lab.path("/srv/out");
    std::fs::create_dir_all(&out).expect("a folder for what they say");
    std::os::unix::fs::chown(&out, Some(who.uid()), None).expect("which they can write to");
    for seed in seeds() {
        who.tries(seed);
    }
}

#[test]
fn arguments_values_descriptions_and_paths_arrive_byte_for_byte_at_a_service_of_roots() {
    all_arrive_byte_for_byte(Scope::System);
}

#[test]
fn arguments_values_descriptions_and_paths_arrive_byte_for_byte_at_a_service_of_a_user() {
    all_arrive_byte_for_byte(Scope::User);
}

#[test]
fn an_argument_of_100_000_bytes_arrives() {
    let who = Who::new(Scope::System);
    let lab = &who.lab;
    let script = lab.script("printf %s \"$1\" | wc -c >/srv/length; exec sleep 1000\n");
    let long = "a\u{e4}%$".repeat(20_000);
    let command = vec![Bytes::from(&*script), Bytes::from(&*long)];
    who.write(&ServiceSpec { name: "long".into(), command, ..ServiceSpec::default() });
    lab.systemctl(["daemon-reload"]).run().success();
    lab.systemctl(["start", "long"]).run().success();
    lab.wait_until("it has counted", || lab.exists("/srv/length") && lab.read("/srv/length") == "100000\n");
}

#[test]
fn systemd_understands_every_field_as_it_is_meant() {
    let who = Who::new(Scope::System);
    let lab = &who.lab;
    let limits = [(LimitKind::Nofile, Some(512)), (LimitKind::Core, None), (LimitKind::Cpu, Some(3600))];
    let mut spec = ServiceSpec {
        name: "all".into(),
        command: vec!["/usr/bin/sleep".into(), "1000".into()],
        user: Some("app".into()),
        group: Some("10001".into()),
        umask: Some(0o027),
        directory: Some("/srv".into()),
        limits: limits.map(|(kind, value)| Limit { kind, value }).into(),
        after: vec!["db".into()],
        requires: vec!["queue".into()],
        ..ServiceSpec::default()
    };
    spec.restart.policy = Some(RestartPolicy::Always);
    spec.restart.delay = Some(std::time::Duration::from_millis(1500));
    spec.stop.timeout = Some(std::time::Duration::from_secs(7));
    spec.stop.signal = anysvc_backend_api::Signal::from_number(2);
    who.write(&spec);
    lab.command("systemd-analyze").args(["verify", "all.service"]).run().success().stderr_is("");
    lab.systemctl(["daemon-reload"]).run().success();
    lab.systemctl(["start", "all"]).run().success();
    let shown = lab.systemctl(["show", "all"]).run().success().stdout();
    for line in [
        "Type=exec",
        "Restart=always",
        "RestartUSec=1.500000s",
        "TimeoutStopUSec=7s",
        "KillSignal=2",
        "KillMode=mixed",
        "User=app",
        "Group=10001",
        "UMask=0027",
        "WorkingDirectory=/srv",
        "LimitNOFILE=512",
        "LimitNOFILESoft=512",
        "LimitCORE=infinity",
        "LimitCPU=3600",
        "RestartPreventExitStatus=78",
        "RestartForceExitStatus=75",
        "SuccessExitStatus=75",
        "StartLimitIntervalUSec=0",
        "StandardOutput=journal",
        "Wants=queue.service",
        "ActiveState=active",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "no `{line}` in\n{shown}");
    }
    let after = shown.lines().find(|line| line.starts_with("After=")).expect("it has an order");
    assert!(after.contains("db.service") && after.contains("queue.service"), "{after}");
    let pid = lab.systemctl(["show", "--value", "--property=MainPID", "all"]).run().success().stdout();
    let environment = lab.read(format!("/proc/{}/environ", pid.trim()));
    for variable in ["HOME=/home/app", "USER=app", "LOGNAME=app"] {
        assert!(environment.split('\0').any(|other| other == variable), "{environment:?}");
    }
}
