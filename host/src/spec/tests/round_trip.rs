//! What is written reads back as it was, for specs of every kind.

use std::path::PathBuf;

use anysvc_backend_api::{
    Boot, Bytes, Condition, EnvVar, GiveUp, Limit, LimitKind, LogTo, ReadySpec, RestartPolicy, Signal, Value,
};

use super::file;
use crate::spec::{Reveal, Spec, check, to_toml, value::duration};

/// Numbers that look random and are the same each time (splitmix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }

    fn maybe<T>(&mut self, make: impl FnOnce(&mut Dice) -> T) -> Option<T> {
        (self.roll(2) == 0).then(|| make(self))
    }

    fn pick<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.roll(all.len() as u64) as usize]
    }

    fn many<T>(&mut self, most: u64, mut make: impl FnMut(&mut Dice, u64) -> T) -> Vec<T> {
        (0..self.roll(most + 1)).map(|i| make(self, i)).collect()
    }

    /// Text with everything that TOML could stumble over.
    fn text(&mut self) -> String {
        let chars = [
            'a', ' ', '"', '\\', '\n', '\t', '\r', '\u{1}', '\u{7f}', '\u{85}', 'ä', '😀', '\'', '#', '$',
            '{', '}', '=', '[', ']', '\u{2028}',
        ];
        self.many(8, |dice, _| dice.pick(&chars)).into_iter().collect()
    }

    /// Text in one line.
    fn line(&mut self) -> String {
        let text = self.text();
        format!("x{}", text.chars().filter(|c| !c.is_control()).collect::<String>())
    }

    /// Any bytes but NUL.
    fn bytes(&mut self) -> Bytes {
        if self.roll(2) == 0 {
            return self.text().into();
        }
        Bytes(self.many(6, |dice, _| dice.roll(255) as u8 + 1))
    }

    fn path(&mut self) -> PathBuf {
        use std::os::unix::ffi::OsStringExt as _;
        let mut bytes = if self.roll(3) == 0 { b"${DATA:-/x y}".to_vec() } else { b"/".to_vec() };
        bytes.extend(self.bytes().0.into_iter().filter(|b| *b != b'$'));
        std::ffi::OsString::from_vec(bytes).into()
    }

    fn command(&mut self) -> Vec<Bytes> {
        let mut words = vec!["/bin/x y".into()];
        words.extend(self.many(4, |dice, _| dice.bytes()));
        words
    }

    fn time(&mut self) -> std::time::Duration {
        duration(self.pick(&["1ms", "1500ms", "1s", "59s", "90s", "5m", "61m", "2h", "100000h"])).unwrap()
    }

    fn codes(&mut self) -> Vec<i32> {
        self.many(4, |dice, _| dice.roll(256) as i32)
    }

    fn value(&mut self, depth: u64) -> Value {
        match self.roll(if depth == 0 { 4 } else { 6 }) {
            0 => Value::Bool(self.roll(2) == 0),
            1 => Value::Int(self.roll(u64::MAX) as i64),
            2 => Value::Float(self.pick(&[0.0, -1.5, 1e300, 1e-7, 3.0, f64::INFINITY, f64::NEG_INFINITY])),
            3 => Value::Text(self.text()),
            4 => Value::List(self.many(3, |dice, _| dice.value(depth - 1))),
            _ => self.map(depth - 1),
        }
    }

    fn map(&mut self, depth: u64) -> Value {
        Value::Map(self.many(3, |dice, i| (format!("{}{i}", dice.text()), dice.value(depth))))
    }

    fn ready(&mut self) -> ReadySpec {
        let mut ready = ReadySpec { timeout: self.maybe(Dice::time), ..ReadySpec::default() };
        match self.roll(5) {
            0 => ready.notify_fd = Some(3 + self.roll(1000) as u32),
            1 => ready.sd_notify = Some(true),
            2 => ready.check = Some(self.command()),
            3 => ready.port = Some(1 + self.roll(65535) as u16),
            _ => ready.http = Some("http://[::1]:80/ä\"\\".to_owned()),
        }
        ready
    }

    fn spec(&mut self) -> Spec {
        let mut spec = Spec::default();
        let s = &mut spec.service;
        s.name = format!("s{}", self.roll(1000));
        s.description = self.maybe(Dice::line);
        s.command = self.command();
        s.env =
            self.many(4, |dice, i| EnvVar { name: format!("V{}_{i}", dice.roll(10)), value: dice.bytes() });
        s.env_file = self.maybe(Dice::path);
        s.directory = self.maybe(Dice::path);
        s.user = self.maybe(|_| "app".to_owned());
        s.group = self.maybe(|_| "1000".to_owned());
        s.umask = self.maybe(|dice| dice.roll(0o1000) as u32);
        let kinds = LimitKind::ALL.iter().filter(|_| self.roll(3) == 0).copied().collect::<Vec<_>>();
        s.limits = kinds
            .into_iter()
            .map(|kind| Limit { kind, value: self.maybe(|dice| dice.roll(1 << 40)) })
            .collect();
        s.after = self.many(3, |_, i| format!("other-{i}"));
        s.requires = self.many(3, |_, i| format!("other-{i}"));
        s.boot = self.maybe(|dice| dice.pick(Boot::ALL));
        s.transient = (s.boot.is_none() && self.roll(2) == 0).then_some(true);
        s.restart.policy = self.maybe(|dice| dice.pick(RestartPolicy::ALL));
        s.restart.delay = self.maybe(|dice| duration(dice.pick(&["0s", "10ms", "2s"])).unwrap());
        s.restart.give_up =
            self.maybe(|dice| GiveUp { after: 1 + dice.roll(20) as u32, within: duration("100h").unwrap() });
        s.restart.never_on = self.maybe(Dice::codes);
        s.restart.always_on = self.maybe(Dice::codes);
        s.stop.signal = self.maybe(|dice| Signal::from_number(1 + dice.roll(64) as i32).unwrap());
        s.stop.timeout = self.maybe(Dice::time);
        s.ready = self.maybe(Dice::ready);
        s.log.to = self.maybe(|dice| dice.pick(LogTo::ALL));
        s.log.console = self.maybe(|dice| dice.roll(2) == 0);
        if matches!(s.log.to, None | Some(LogTo::Files)) {
            s.log.directory = self.maybe(Dice::path);
            s.log.size = self.maybe(|dice| 1 + dice.roll(1 << 30));
            s.log.keep = self.maybe(|dice| dice.roll(100) as u32);
        }
        s.when = self
            .maybe(|dice| Condition { env: "A_1".to_owned(), truthy: dice.maybe(|dice| dice.roll(2) == 0) });
        for id in ["systemd", "s6", "com.example"] {
            if self.roll(3) == 0 {
                spec.natives.insert(id.to_owned(), self.map(2));
            }
        }
        spec
    }
}

#[test]
fn what_is_written_reads_back() {
    for seed in 0..3000 {
        let spec = Dice(seed).spec();
        check(&spec).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
        let text = to_toml(&spec, Reveal::Values);
        let read = file(&text).unwrap_or_else(|e| panic!("seed {seed}: {e}\n{text}"));
        assert_eq!(read.services, [spec], "seed {seed}\n{text}");
    }
}

#[test]
fn services_in_one_file_do_not_disturb_each_other() {
    let mut dice = Dice(7);
    let specs: Vec<Spec> = (0..50)
        .map(|i| {
            let mut spec = dice.spec();
            spec.service.name = format!("n{i}");
            spec
        })
        .collect();
    let text: String = specs.iter().map(|spec| to_toml(spec, Reveal::Values) + "\n").collect();
    assert_eq!(file(&text).unwrap().services, specs);
}

#[test]
fn hidden_values_are_not_in_the_text_and_can_not_be_read_back() {
    let mut spec = Dice(1).spec();
    spec.service.name = "web".to_owned();
    spec.service.env = vec![EnvVar { name: "TOKEN".into(), value: "s3cret".into() }];
    let text = to_toml(&spec, Reveal::Nothing);
    assert!(!text.contains("s3cret"));
    assert!(text.contains("\n[service.web.env]\nTOKEN = { redacted = true }\n"), "{text}");
    let error = file(&text).unwrap_err();
    assert!(error.message.ends_with("env of `web`: `TOKEN`: the value was left out when this was written"));
}

#[test]
fn the_canonical_text_is_this() {
    let spec = super::service(
        "[service.web]\nstop.timeout = \"60s\"\nlog.size = 1048576\nenv = { B = \"1\", A = { hex = \"ff\" } }\numask = \"27\
         7\"\ncommand = [\"/bin/web\", \"-v\"]\nrestart.give-up = { after = 5, within = \"60000ms\" }\nlimits.core = 0\n[service.web.native.s6]\nx = { y = [1, 2.0, \"z\"] }",
    );
    let expected = r#"[service.web]
command = ["/bin/web", "-v"]
umask = "0277"
limits = { core = "0" }

[service.web.env]
B = "1"
A = { hex = "ff" }

[service.web.restart]
give-up = { after = 5, within = "1m" }

[service.web.stop]
timeout = "1m"

[service.web.log]
size = "1MiB"

[service.web.native.s6]
x = { y = [1, 2.0, "z"] }
"#;
    assert_eq!(to_toml(&spec, Reveal::Values), expected);
}

#[test]
fn no_typing_error_makes_the_reader_panic() {
    let mut dice = Dice(42);
    for _ in 0..300 {
        let text: Vec<char> = to_toml(&dice.spec(), Reveal::Values).chars().collect();
        for _ in 0..20 {
            let mut text = text.clone();
            for _ in 0..=dice.roll(3) {
                let at = dice.roll(text.len() as u64) as usize;
                match dice.roll(3) {
                    0 => drop(text.remove(at)),
                    1 => text.insert(at, dice.pick(&['[', ']', '"', '\n', '=', '.', '{', '\u{301}', '9'])),
                    _ => text.swap(at, 0),
                }
            }
            let text: String = text.into_iter().collect();
            if let Err(error) = file(&text) {
                assert!(error.message.starts_with("web.toml:"), "{}", error.message);
            }
        }
    }
}

#[test]
fn what_is_nested_as_deep_as_can_be_read_can_be_written() {
    for depth in 1..120 {
        let text = format!(
            "[service.a]\ncommand = [\"x\"]\n[service.a.native.b]\n{} = 1\n",
            vec!["k"; depth].join(".")
        );
        if let Ok(read) = file(&text) {
            let written = to_toml(&read.services[0], Reveal::Values);
            assert_eq!(file(&written).map(|f| f.services), Ok(read.services), "{depth}");
        }
    }
}
