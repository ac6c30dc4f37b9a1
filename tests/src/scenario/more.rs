//! Chapters about the rest of a service's life: signals, rendering, files of several services.

use super::{Ended, Stage};

/// To the process itself, which may do with it what it likes.
pub fn a_signal_arrives(stage: &dyn Stage) {
    let file = format!("{}/hung-up", stage.folder());
    let heeds = format!("{}/heeds", stage.folder());
    let script = format!("trap 'echo up >{file}' HUP; touch {heeds}; while :; do sleep 0.05; done");
    stage.anysvc(&["register", "web", "--", &stage.script(&script)]).ends(0);
    stage.until("it heeds the signal", &|| stage.read(&heeds).is_some());
    let pid = stage.pid("web");
    stage.anysvc(&["signal", "HUP", "web"]).ends(0).says("sent HUP to web");
    stage.until("it got the signal", &|| stage.read(&file).is_some_and(|text| text == "up\n"));
    assert_eq!(stage.pid("web"), pid);
    stage.anysvc(&["stop", "web"]).ends(0);
    stage.anysvc(&["signal", "HUP", "web"]).ends(9);
}

/// It says what would be done, and that is all.
pub fn rendering_changes_nothing(stage: &dyn Stage) {
    let text = stage.anysvc(&["render", "web", "--", "sleep", "1000"]).ends(0).says("sleep");
    let document = stage.anysvc(&["render", "web", "--json", "--", "sleep", "1000"]).ends(0).json();
    let files = document["services"][0]["files"].as_array().cloned().unwrap_or_default();
    assert!(!files.is_empty(), "{document}");
    for file in &files {
        text_has(&text, file["path"].as_str().unwrap_or("no path"));
        assert_eq!(file["mode"].as_str().map(str::len), Some(4), "{file}");
    }
    stage.anysvc(&["list"]).ends(0).says_just("");
    stage.anysvc(&["status", "web"]).ends(4);
}

#[track_caller]
fn text_has(text: &Ended, part: &str) {
    assert!(text.stdout().contains(part), "no {part} in {}", text.stdout());
}

/// A service of the file comes after what it requires, and each is reported.
pub fn a_file_registers_all_its_services(stage: &dyn Stage) {
    let file = format!("{}/services.toml", stage.folder());
    let writer = format!(
        "cat >{file}.new <<'END'\n[service.web]\ncommand = [\"sleep\", \"1000\"]\nrequires = [\"db\"]\nafter = [\"db\"]\n\
         [service.db]\ncommand = [\"sleep\", \"1000\"]\nEND\nmv {file}.new {file}; exec sleep 1000"
    );
    let writer = stage.script(&writer);
    stage.anysvc(&["register", "writer", "--", &writer]).ends(0);
    stage.until("the file is there", &|| stage.read(&file).is_some());
    stage.anysvc(&["unregister", "writer"]).ends(0);
    stage.anysvc(&["register", "--file", &file]).ends(0).says("registered web").says("registered db");
    let since = |name: &str| stage.status(name)["since"].as_str().unwrap_or_default().to_owned();
    assert!(since("db") <= since("web"), "db {} web {}", since("db"), since("web"));
    stage.anysvc(&["register", "--file", &file]).ends(5);
    stage.anysvc(&["register", "--file", &file, "--replace"]).ends(0).says("unchanged web");
    stage.anysvc(&["stop", "--all"]).ends(0);
    stage.anysvc(&["status"]).ends(0).says("stopped").does_not_say("running");
    stage.anysvc(&["start", "web"]).ends(0);
    assert_eq!(stage.state("db"), "running");
}
