//! What units say arrives byte for byte, by the word of a real systemd: its services, `systemctl show` and
//! `systemd-analyze verify`.

use anysvc_backend_api::{Bytes, EnvVar, Limit, LimitKind, RestartPolicy, Scope, ServiceSpec, User};
use anysvc_systemd::unit::{Surroundings, render};
use anysvc_tests::SystemdLab;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

const SERVICES: usize = 120;

/// Says what it got: its folder, its arguments, the variable, each with a NUL behind it.
const DUMP: &str = "#!/bin/sh\n\
    { pwd | tr '\\n' '\\0'; printf '%s\\0' \"$@\" \"$ODD\"; } >\"/srv/out/$NAME.new\"\n\
    mv \"/srv/out/$NAME.new\" \"/srv/out/$NAME\"\n";

/// Numbers that are the same in every run, so that a failure can be repeated.
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

fn service(numbers: &mut Numbers, at: usize) -> Service {
    let name = format!("s{at}");
    let directory = [b"/srv/dirs/", &*numbers.component()].concat();
    // A third each is started by a shell, which enters the directory; by `env`; and as it is.
    let directory = if at.is_multiple_of(3) { directory } else { b"/".to_vec() };
    let own = if at % 3 == 2 { b"plain".to_vec() } else { numbers.component() };
    let program = [b"/srv/programs/", &*own, &*at.to_string().into_bytes()].concat();
    let arguments: Vec<Vec<u8>> = (0..numbers.next() % 6).map(|_| numbers.bytes()).collect();
    let odd = numbers.text();
    let description: String = numbers.text().replace(['\n', '\r'], " ");
    let description = description.trim().trim_end_matches('\\').trim().to_owned();
    let mut expected = [&directory[..], b"\0"].concat();
    for value in arguments.iter().map(Vec::as_slice).chain([odd.as_bytes()]) {
        expected.extend_from_slice(value);
        expected.push(0);
    }
    let variable = |name: &str, value: &str| EnvVar { name: name.into(), value: value.into() };
    let spec = ServiceSpec {
        command: std::iter::once(program).chain(arguments).map(Bytes::from).collect(),
        env: vec![variable("ODD", &odd), variable("NAME", &name)],
        description: Some(description),
        directory: (at.is_multiple_of(3)).then(|| OsStr::from_bytes(&directory).into()),
        name,
        ..ServiceSpec::default()
    };
    Service { spec, directory, expected }
}

/// Writes the files of a service of root's.
fn write(lab: &SystemdLab, spec: &ServiceSpec) {
    let owner =
        User { uid: 0, gid: 0, groups: vec![], name: Some("root".into()), home: Some("/root".into()) };
    let unit = format!("/etc/systemd/system/{}.service", spec.name);
    let environment = format!("{unit}.env");
    let around = Surroundings { scope: Scope::System, owner: &owner, environment: &environment };
    let files = render(spec, around).unwrap_or_else(|error| panic!("{spec:?}: {error}"));
    if let Some(text) = files.environment {
        lab.write(&environment, 0, 0o600, text);
    }
    lab.write(&unit, 0, 0o644, files.unit);
}

#[test]
fn arguments_values_descriptions_and_paths_arrive_byte_for_byte() {
    let lab = SystemdLab::start();
    let mut numbers = Numbers(0x0005_eed5);
    let services: Vec<Service> = (0..SERVICES).map(|at| service(&mut numbers, at)).collect();
    std::fs::create_dir_all(lab.path("/srv/out")).expect("a folder for what they say");
    for service in &services {
        lab.write(OsStr::from_bytes(&service.spec.command[0]), 0, 0o755, DUMP);
        std::fs::create_dir_all(lab.path(OsStr::from_bytes(&service.directory)))
            .expect("its folder is there");
        write(&lab, &service.spec);
    }
    lab.systemctl(["daemon-reload"]).run().success();
    let names: Vec<String> =
        services.iter().map(|service| format!("{}.service", service.spec.name)).collect();
    lab.systemctl(["start"]).args(&names).run().success();
    for Service { spec, expected, .. } in &services {
        let out = format!("/srv/out/{}", spec.name);
        lab.wait_until(&format!("{spec:?} says what it got"), || lab.exists(&out));
        let got = std::fs::read(lab.path(&out)).expect("it can be read");
        let show = |bytes: &[u8]| bytes.escape_ascii().to_string();
        assert_eq!(
            show(&got),
            show(expected),
            "{spec:?}\n{}",
            lab.read(format!("/etc/systemd/system/{}.service", spec.name))
        );
        // Property by property: systemd 252 can't show a command line that is not UTF-8, and `systemctl show`
        // asks for all.
        let path = format!("/org/freedesktop/systemd1/unit/{}_2eservice", spec.name);
        let get = ["--json=short", "get-property", "org.freedesktop.systemd1", &path];
        let description = ["org.freedesktop.systemd1.Unit", "Description"];
        let described = lab.command("busctl").args(get).args(description).run().success().json();
        let unit = format!("{}.service", spec.name);
        let expected = spec.description.as_deref().filter(|text| !text.is_empty()).unwrap_or(&unit);
        assert_eq!(described["data"], expected, "{spec:?}");
    }
    lab.command("systemd-analyze").arg("verify").args(&names).run().success().stderr_is("");
}

#[test]
fn an_argument_of_100_000_bytes_arrives() {
    let lab = SystemdLab::start();
    let script = lab.script("printf %s \"$1\" | wc -c >/srv/length; exec sleep 1000\n");
    let long = "a\u{e4}%$".repeat(20_000);
    let command = vec![Bytes::from(&*script), Bytes::from(&*long)];
    write(&lab, &ServiceSpec { name: "long".into(), command, ..ServiceSpec::default() });
    lab.systemctl(["daemon-reload"]).run().success();
    lab.systemctl(["start", "long"]).run().success();
    lab.wait_until("it has counted", || lab.exists("/srv/length") && lab.read("/srv/length") == "100000\n");
}

#[test]
fn systemd_understands_every_field_as_it_is_meant() {
    let lab = SystemdLab::start();
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
    write(&lab, &spec);
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
