//! `./x demo profile-gateway`: the story of the example, as an ordinary user on a real s6.

use crate::tool::Done;
use crate::{build, packages};
use anysvc_tests::{APP, S6Lab, examples};

/// The example that has a story.
pub const EXAMPLE: &str = "profile-gateway";

/// Has it told; an error says how it ended.
pub fn run() -> Done {
    packages::for_python_in_the_lab()?;
    build::run()?;
    let lab = S6Lab::new().nested().try_start()?;
    examples::install(&lab, EXAMPLE);
    // What goes wrong is to stand where it does.
    let merged = ["-c", "exec \"$0\" 2>&1", &format!("/opt/{EXAMPLE}/story")];
    let story = lab.command("/bin/sh").args(merged).uid(APP).output();
    let story = story.map_err(|error| format!("demo: the story could not be told: {error}"))?;
    print!("{}", String::from_utf8_lossy(&story.stdout));
    match story.status.success() {
        true => Ok(()),
        false => Err(format!("demo: the story ended with {}", story.status)),
    }
}
