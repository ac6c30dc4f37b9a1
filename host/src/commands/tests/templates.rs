//! Templates and their instances, from the file to the document.

use super::{Ran, Stage};

const GATEWAY: &str = r#"
[template.gateway]
command = ["gate", "{instance}"]
env = { PROFILE = "{instance}", COLOUR = "blue" }

[template.gateway.instance.default]
command = ["gate", "--all"]
"#;

impl Stage {
    fn with_gateway() -> Stage {
        let stage = Stage::new();
        stage.given(&stage.file(GATEWAY));
        stage
    }

    /// The command line that registers a text.
    pub(super) fn file(&self, text: &str) -> String {
        let path = self.path().join("spec.toml");
        std::fs::write(&path, text).expect("it can be written");
        format!("register --file {}", path.display())
    }

    pub(super) fn json(&self, line: &str) -> serde_json::Value {
        let Ran { stdout, stderr, .. } = self.run(&format!("{line} --json"));
        serde_json::from_str(&stdout).unwrap_or_else(|_| panic!("{line}: {stdout}{stderr}"))
    }
}

#[test]
fn a_file_stores_its_templates_and_nothing_runs() {
    let stage = Stage::new();
    let ran = stage.run(&stage.file(GATEWAY));
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "stored the template gateway\n"));
    assert!(stage.journal().is_empty());
    let listed = stage.run("template list").stdout;
    assert!(listed.contains("gateway") && listed.contains("gateway-{instance}"), "{listed}");
    let document = stage.json("template list");
    assert_eq!(document["templates"][0]["service"], "gateway-{instance}");
    assert_eq!(document["templates"][0]["instances"], serde_json::json!([]));
}

#[test]
fn a_template_that_is_there_is_treated_as_a_service_would_be() {
    let stage = Stage::with_gateway();
    let other = stage.file(&GATEWAY.replace("blue", "green"));
    let ran = stage.run(&other);
    assert_eq!(ran.code, 5);
    assert!(ran.stderr.contains("another template `gateway` is already stored"), "{}", ran.stderr);
    let document = stage.json(&other);
    assert_eq!(document["templates"][0]["error"]["kind"], "already-registered", "{document}");
    assert_eq!(stage.run(&format!("{other} --if-absent")).stdout, "kept the template gateway\n");
    assert!(!stage.run("template show gateway --reveal").stdout.contains("green"));
    assert_eq!(stage.run(&format!("{other} --replace")).stdout, "updated the template gateway\n");
    assert!(stage.run("template show gateway --reveal").stdout.contains("green"));
    assert!(!stage.run("template show gateway").stdout.contains("green"));
}

#[test]
fn a_file_whose_services_could_not_be_looked_at_can_be_registered_again() {
    let stage = Stage::new();
    let both = stage.file(&format!("{GATEWAY}\n[service.web]\ncommand = [\"web\"]\n"));
    // The manager is gone: the command fails as a whole, after the template was stored.
    stage.world(|world| world.silent = true);
    assert_eq!(stage.run(&both).code, 8);
    stage.world(|world| world.silent = false);
    let again = stage.run(&both);
    assert_eq!(again.code, 0, "{}", again.stderr);
    let lines: Vec<&str> = again.stdout.lines().collect();
    assert_eq!(lines, ["unchanged the template gateway", "registered web: running, pid 1"]);
    assert_eq!(stage.run(&format!("{both} --replace")).stdout.lines().next(), lines.first().copied());
}

#[test]
fn an_instance_is_a_service_that_knows_what_it_is_made_from() {
    let stage = Stage::with_gateway();
    let ran = stage.run("register --template gateway --instance coder --env COLOUR=red --env MORE=1");
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "registered gateway-coder: running, pid 1\n"));
    let stored = stage.stored("gateway-coder").expect("it is stored");
    for line in [
        "template = \"gateway\"",
        "instance = \"coder\"",
        "COLOUR = \"red\"",
        "MORE = \"1\"",
        "PROFILE = \"coder\"",
    ] {
        assert!(stored.contains(line), "no {line} in {stored}");
    }
    let service = &stage.json("status gateway-coder")["services"][0];
    assert_eq!((&service["template"], &service["instance"]), (&"gateway".into(), &"coder".into()));
    assert!(stage.run("status gateway-coder").stdout.contains("coder of gateway"));
    let ran = stage.run("register --template gateway --instance default --down");
    assert_eq!(ran.stdout, "registered gateway-default: stopped\n");
    assert!(stage.stored("gateway-default").expect("stored").contains("command = [\"gate\", \"--all\"]"));
    // A spec of another making leaves it an instance.
    stage.given("register gateway-coder --replace -- other");
    assert_eq!(stage.json("status gateway-coder")["services"][0]["instance"], "coder");
    stage.given("register --template gateway --instance coder --replace");
    assert!(!stage.stored("gateway-coder").expect("stored").contains("MORE"));
}

#[test]
fn verbs_act_on_the_instances_of_a_template_and_on_nothing_else() {
    let stage = Stage::with_gateway();
    stage.given("register web -- x");
    stage.given("register --template gateway --instance a");
    stage.given("register --template gateway --instance b");
    assert_eq!(stage.run("list --template gateway").stdout, "gateway-a\ngateway-b\n");
    assert_eq!(stage.run("list --template gateway --instance b").stdout, "gateway-b\n");
    assert_eq!(stage.json("list")["services"][0]["instance"], "a");
    assert_eq!(stage.run("stop --template gateway").code, 0);
    assert_eq!(stage.journal(), ["stop gateway-a, wanted down", "stop gateway-b, wanted down"]);
    assert_eq!(stage.run("start --template gateway --instance b").code, 0);
    assert_eq!(stage.journal(), ["start gateway-b, wanted up"]);
    assert_eq!(stage.run("restart --template gateway").code, 0);
    assert_eq!(stage.journal(), ["restart gateway-a, wanted up", "restart gateway-b, wanted up"]);
    let table = stage.run("status --template gateway");
    assert!(table.stdout.contains("gateway-a") && !table.stdout.contains("web"), "{}", table.stdout);
    assert_eq!(stage.run("check --template gateway").stdout, "healthy: 2 services\n");
    assert_eq!(stage.json("template show gateway")["template"]["instances"][1]["name"], "gateway-b");
    assert_eq!(stage.run("unregister --template gateway").code, 0);
    assert_eq!(stage.run("list").stdout, "web\n");
    let ran = stage.run("list --template gateway");
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""));
    let ran = stage.run("start --template gateway");
    assert_eq!(ran.code, 0);
    assert!(ran.warnings[0].contains("the template `gateway` has no instance here"), "{:?}", ran.warnings);
}

#[test]
fn what_is_not_there_is_said_with_the_way_to_make_it() {
    let stage = Stage::with_gateway();
    for line in [
        "register --template gate --instance a",
        "start --template gate",
        "list --template gate",
        "template show gate",
    ] {
        let ran = stage.run(line);
        assert_eq!(ran.code, 4, "{line}: {}", ran.stderr);
        assert!((ran.stdout + &ran.stderr).contains("there is no template `gate`"), "{line}");
    }
    for line in ["start", "stop", "restart", "status", "check"] {
        let ran = stage.run(&format!("{line} --template gateway --instance coder"));
        assert_eq!(ran.code, 4, "{line}: {}", ran.stderr);
        assert!(ran.stderr.contains("there is no service `gateway-coder`"), "{line}: {}", ran.stderr);
        let way = "`anysvc register --template gateway --instance coder`";
        assert!(ran.stderr.contains(way), "{line}: {}", ran.stderr);
    }
    let ran = stage.run("register --template gateway --instance ../coder");
    assert_eq!(ran.code, 2);
    assert!(ran.stdout.contains("`../coder` is no name for an instance"), "{}", ran.stdout);
}

#[test]
fn a_forgotten_template_leaves_its_instances() {
    let stage = Stage::with_gateway();
    stage.given("register --template gateway --instance a");
    assert_eq!(stage.run("template remove gateway").stdout, "removed gateway\n");
    assert_eq!(stage.run("template remove gateway").stdout, "gateway was not stored\n");
    assert_eq!(
        stage.run("template remove ../services/gateway-a").stdout,
        "../services/gateway-a was not stored\n"
    );
    assert_eq!(stage.run("status gateway-a").code, 0);
    assert_eq!(stage.run("stop --template gateway").code, 0);
}

#[test]
fn a_template_of_a_later_version_or_that_makes_no_sense_is_set_aside() {
    let stage = Stage::with_gateway();
    let file = |name: &str| stage.path().join(format!("templates/{name}.toml"));
    let text = std::fs::read_to_string(file("gateway")).expect("it is stored");
    std::fs::write(file("bad"), "nonsense").expect("written");
    std::fs::write(file("renamed"), &text).expect("written");
    let newer = text.replace("format = 1", "format = 9").replace("\"gateway\"", "\"newer\"");
    std::fs::write(file("newer"), &newer).expect("written");
    let ran = stage.run("template list");
    assert_eq!(ran.code, 0);
    assert!(ran.stdout.contains("gateway") && !ran.stdout.contains("renamed"), "{}", ran.stdout);
    for part in ["bad", "it says that it is `gateway`", "has format 9"] {
        assert!(ran.warnings.iter().any(|warning| warning.contains(part)), "{part}: {:?}", ran.warnings);
    }
    let ran = stage.run("register --template bad --instance a");
    assert_eq!(ran.code, 1);
    assert!(ran.stdout.contains("anysvc template remove bad"), "{}", ran.stdout);
    let replace = stage.file("[template.newer]\ncommand = [\"x\"]\n[template.bad]\ncommand = [\"x\"]\n");
    let ran = stage.run(&format!("{replace} --replace"));
    assert_eq!((ran.code, ran.stdout.as_str()), (1, "stored the template bad\n"));
    assert_eq!(std::fs::read_to_string(file("newer")).expect("still there"), newer);
    assert_eq!(stage.run("template remove newer").code, 1);
}

/// A template whose instances are the folders of `data`.
pub(super) fn discovering(stage: &Stage) -> String {
    let data = stage.path().join("data");
    for name in ["coder", "writer"] {
        std::fs::create_dir_all(data.join(name)).expect("a folder");
        std::fs::write(data.join(name).join("config.json"), "{}").expect("a file");
    }
    std::fs::write(data.join("coder/state.json"), "{\"state\": \"running\"}").expect("a file");
    let discover = format!(
        "[template.gateway.discover]\ndirectory = \"{}\"\nmarker = \"config.json\"\n\
         state = {{ file = \"state.json\", pointer = \"/state\" }}\nstale = [\"gateway.pid\"]\n",
        data.display()
    );
    stage.file(&format!("{GATEWAY}{discover}"))
}

#[test]
fn starting_what_is_on_disk_and_was_never_registered_registers_it() {
    let stage = Stage::new();
    stage.given(&discovering(&stage));
    stage.given("register web -- x");
    stage.given("stop web");
    let ran = stage.run("start gateway-coder web");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(ran.stdout, "registered gateway-coder: running, pid 2\nstarted web: running, pid 3\n");
    assert_eq!(stage.journal(), ["register gateway-coder, wanted up", "start web, wanted up"]);
    assert_eq!(stage.json("status gateway-coder")["services"][0]["instance"], "coder");
    let ran = stage.run("start gateway-coder");
    assert_eq!(ran.stdout, "started gateway-coder: running, pid 4\n");
    let ran = stage.run("restart --template gateway --instance writer");
    assert_eq!(ran.stdout, "registered gateway-writer: running, pid 5\n");
    let ran = stage.run("start gateway-nobody");
    assert_eq!(ran.code, 4);
    assert!(ran.stderr.contains("`anysvc register --template gateway --instance nobody`"), "{}", ran.stderr);
    // Only starting does that.
    stage.given("unregister gateway-writer");
    assert_eq!(stage.run("stop gateway-writer").code, 4);
    // What somebody else has under that name is started as it is.
    stage.foreign("gateway-writer");
    assert_eq!(stage.run("start gateway-writer").code, 0);
    assert!(stage.stored("gateway-writer").is_none());
}

#[test]
fn a_template_is_shown_with_what_is_on_disk() {
    let stage = Stage::new();
    stage.given(&discovering(&stage));
    stage.given("register --template gateway --instance default --down");
    stage.given("register --template gateway --instance writer");
    let shown = stage.json("template show gateway");
    let expected = serde_json::json!([
        {"instance": "coder", "name": "gateway-coder", "registered": false, "desired": null, "found": true, "word": "running"},
        {"instance": "default", "name": "gateway-default", "registered": true, "desired": "down", "found": false, "word": null},
        {"instance": "writer", "name": "gateway-writer", "registered": true, "desired": "up", "found": true, "word": null},
    ]);
    assert_eq!(shown["template"]["instances"], expected);
    assert!(stage.run("template show gateway").stdout.contains("running"));
    std::fs::write(stage.path().join("data/coder/state.json"), "{").expect("a file");
    let ran = stage.run("template show gateway");
    assert!(ran.warnings[0].contains("`state.json` is not JSON"), "{:?}", ran.warnings);
}

#[test]
fn who_only_looks_can_be_told_the_template_too() {
    let stage = Stage::with_gateway();
    stage.given("register web -- x");
    stage.given("register --template gateway --instance a");
    stage.given("register --template gateway --instance b");
    let lines = stage.run("logs --template gateway").stdout;
    assert!(lines.contains("gateway-a: ") && lines.contains("gateway-b: "), "{lines}");
    assert!(!lines.contains("web"), "{lines}");
    assert!(!stage.run("logs --template gateway --instance b").stdout.contains("gateway-a"));
    let waited = stage.run("wait --template gateway --for up");
    assert_eq!((waited.code, waited.stdout.lines().count()), (0, 2), "{}{}", waited.stdout, waited.stderr);
    let shown = stage.json("show --template gateway --instance b");
    assert_eq!(shown["services"][0]["name"], "gateway-b");
    assert_eq!(shown, stage.json("show gateway-b"));
    for line in [
        "logs --template nothing",
        "wait --template nothing --for up",
        "show --template nothing --instance a",
    ] {
        let ran = stage.run(line);
        assert_eq!(ran.code, 4, "{line}");
        assert!(ran.stdout.contains("there is no template `nothing`"), "{line}: {}", ran.stdout);
    }
}

#[test]
fn an_instance_is_not_registered_a_second_time_under_the_name_of_a_later_rule() {
    let stage = Stage::with_gateway();
    stage.given("register --template gateway --instance a");
    let renamed = GATEWAY.replacen("command", "name = \"gw-{instance}\"\ncommand", 1);
    stage.given(&format!("{} --replace", stage.file(&renamed)));
    for options in ["", " --replace", " --if-absent"] {
        let ran = stage.run(&format!("register --template gateway --instance a{options}"));
        assert_eq!(ran.code, 5, "{options}");
        assert!(ran.stdout.contains("is registered as `gateway-a` already"), "{}", ran.stdout);
        assert!(ran.stdout.contains("unregister --template gateway --instance a"), "{}", ran.stdout);
    }
    assert_eq!(stage.stored("gw-a"), None);
    stage.given("unregister --template gateway --instance a");
    assert_eq!(
        stage.run("register --template gateway --instance a").stdout,
        "registered gw-a: running, pid 2\n"
    );
}
