//! Fields that say where output goes, and how much of it is kept.

use super::service::{lines, saying, says, unchanged_by, up};
use crate::scenario::Stage;

/// Into the manager's own log, and no files.
pub fn to_manager(stage: &dyn Stage) {
    up(stage, &saying("echo to the manager; echo and this >&2", "log.to = 'manager'"));
    for line in ["to the manager", "and this"] {
        stage.until(&format!("the manager has {line:?}"), &|| stage.manager_log().contains(line));
    }
}

/// Both streams, in order.
pub fn to_files(stage: &dyn Stage) {
    up(stage, &saying("echo one; echo two >&2; echo three", "log.to = 'files'"));
    says(stage, "three");
    assert_eq!(lines(stage), ["one", "two", "three"]);
    assert!(!stage.manager_log().contains("three"), "{}", stage.manager_log());
}

/// Nowhere.
pub fn to_none(stage: &dyn Stage) {
    let done = format!("{}/done", stage.folder());
    up(stage, &saying(&format!("echo unheard; echo of >&2; touch {done}"), "log.to = 'none'"));
    stage.until("it has spoken", &|| stage.read(&done).is_some());
    stage.anysvc(&["logs", "x"]).ends(6);
    assert!(!stage.manager_log().contains("unheard"), "{}", stage.manager_log());
}

/// In the folder that is named, which is made.
pub fn directory(stage: &dyn Stage) {
    let folder = format!("{}/a b/logs", stage.folder());
    up(stage, &saying("echo here", &format!("log.directory = '{folder}'")));
    says(stage, "here");
    let found = stage.look(&["grep", "-rl", "here", &folder]);
    assert_eq!(found.trim(), format!("{folder}/current"));
}

/// No file is larger, and no more of them are kept; the newest lines are.
pub fn size_and_keep(stage: &dyn Stage) {
    let folder = format!("{}/logs", stage.folder());
    let log = format!("log = {{ directory = '{folder}', size = '{SIZE}KiB', keep = 2 }}");
    up(stage, &saying("seq 100000; echo done", &log));
    says(stage, "done");
    let files = stage
        .look(&["find", &folder, "(", "-name", "@*", "-o", "-name", "current", ")", "-printf", "%f %s\\n"]);
    assert_eq!(files.lines().filter(|file| file.starts_with('@')).count(), 2, "{files}");
    let mut sizes = files.lines().filter_map(|file| file.rsplit(' ').next()?.parse::<u64>().ok());
    assert!(sizes.all(|size| size <= SIZE << 10), "{files}");
    let kept = lines(stage);
    let first = 100_002 - kept.len();
    let expected = (first..=100_000).map(|n| n.to_string()).chain(["done".to_owned()]);
    assert!(
        kept.len() > 10_000 && kept.iter().cloned().eq(expected),
        "{} from {:?}",
        kept.len(),
        kept.first()
    );
}

/// In KiB: what every manager can keep to.
const SIZE: u64 = 600;

/// To the files, and to the container's output where that can be written.
pub fn console(stage: &dyn Stage) {
    let spec = saying("echo to the console", "log.console = true");
    if stage.has_console() {
        up(stage, &spec);
        says(stage, "to the console");
        stage.until("the line is on the console", &|| stage.console().contains("to the console"));
    } else {
        unchanged_by(stage, &spec, 6, "log.console");
    }
}
