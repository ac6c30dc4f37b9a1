//! `reconcile` on a real systemd: what somebody edited, what an older version wrote, what is gone.

use anysvc_backend_api::Sum;
use anysvc_tests::{APP, Enter, SystemdLab};
use serde_json::Value;

const SLEEP: [&str; 3] = ["--", "/usr/bin/sleep", "1000"];
const SCOPES: [(u32, &str); 2] = [(0, "/etc/systemd/system"), (APP, "/home/app/.config/systemd/user")];

struct Scope<'lab> {
    lab: &'lab SystemdLab,
    uid: u32,
    units: &'static str,
}

impl<'lab> Scope<'lab> {
    fn anysvc(&self, args: &[&str]) -> Enter<'lab> {
        self.lab.anysvc(args).uid(self.uid)
    }

    /// What a pass says of the only service.
    fn reconcile(&self, options: &[&str]) -> Value {
        let document = self.anysvc(&[&["reconcile", "--json"], options].concat()).run().success().json();
        document["services"][0].clone()
    }

    fn unit(&self) -> String {
        format!("{}/web.service", self.units)
    }

    fn write(&self, text: &str) {
        self.lab.write(self.unit(), self.uid, 0o644, text);
    }
}

fn in_both(test: impl Fn(&Scope<'_>)) {
    let lab = SystemdLab::start();
    for (uid, units) in SCOPES {
        let scope = Scope { lab: &lab, uid, units };
        scope.anysvc(&[&["register", "web", "--env", "A=1"], &SLEEP[..]].concat()).run().success();
        assert_eq!(scope.reconcile(&[])["action"], "none");
        test(&scope);
    }
}

#[test]
fn what_somebody_edited_is_told_and_put_right_by_force_with_a_copy() {
    in_both(|scope| {
        let ours = scope.lab.read(scope.unit());
        let edited = ours.replace("UMask=0022", "UMask=0077");
        scope.write(&edited);
        let told = scope.reconcile(&[]);
        assert_eq!(
            (&told["action"], &told["why"]),
            (&"drift".into(), &"it is not what its spec makes: web.service".into())
        );
        assert_eq!(scope.lab.read(scope.unit()), edited);
        let planned = scope.reconcile(&["--force", "--dry-run"]);
        assert_eq!(planned["action"], "replace");
        assert_eq!(scope.lab.read(scope.unit()), edited);
        let done = scope.reconcile(&["--force"]);
        assert_eq!((&done["action"], &done["state"]), (&"replace".into(), &"running".into()), "{done}");
        let saved = format!("{}.anysvc-saved", scope.unit());
        assert!(done["warnings"][0].as_str().is_some_and(|told| told.contains(&saved)), "{done}");
        assert_eq!((scope.lab.read(scope.unit()), scope.lab.read(saved)), (ours, edited));

        let values = format!("{}.env", scope.unit());
        let edited = scope.lab.read(&values).replace("A=\"1\"", "A=\"2\"");
        scope.lab.write(&values, scope.uid, 0o600, &edited);
        let told = scope.reconcile(&[]);
        assert_eq!(
            (&told["action"], &told["why"]),
            (&"drift".into(), &"it is not what its spec makes: web.service.env".into())
        );
        assert_eq!(scope.reconcile(&["--force"])["action"], "replace");
        assert_eq!(scope.reconcile(&[])["action"], "none");
    });
}

#[test]
fn what_an_older_version_wrote_is_made_anew_once_it_does_not_run() {
    in_both(|scope| {
        let ours = scope.lab.read(scope.unit());
        let (line, text) = ours.split_once('\n').expect("a first line");
        let older = text.replace("SyslogIdentifier=web\n", "");
        let sum = |text: &str| Sum::of(text.as_bytes()).to_string();
        scope.write(&format!("{}\n{older}", line.replace(&sum(text), &sum(&older))));
        let runs = scope.reconcile(&[]);
        let why = "an older version of anysvc made it: web.service";
        assert_eq!((&runs["action"], &runs["why"]), (&"none".into(), &why.into()), "{runs}");
        scope.anysvc(&["stop", "web"]).run().success();
        assert_eq!(scope.reconcile(&[])["action"], "replace");
        assert_eq!(scope.lab.read(scope.unit()), ours);
        assert!(!scope.lab.exists(format!("{}.anysvc-saved", scope.unit())), "it is nobody's work");
    });
}

#[test]
fn what_is_gone_is_brought_back_as_its_operator_left_it() {
    in_both(|scope| {
        for (verb, state) in [("start", "running"), ("stop", "stopped")] {
            scope.anysvc(&[verb, "web"]).run().success();
            let user = if scope.uid == 0 { "--system" } else { "--user" };
            scope.lab.systemctl([user, "stop", "web"]).uid(scope.uid).run().success();
            scope.lab.command("rm").arg(scope.unit()).run().success();
            scope.lab.systemctl([user, "daemon-reload"]).uid(scope.uid).run().success();
            let done = scope.reconcile(&[]);
            assert_eq!((&done["action"], &done["state"]), (&"register".into(), &state.into()), "{done}");
            assert_eq!(scope.reconcile(&[])["action"], "none");
        }
    });
}
