//! What a container image pays that carries the program and the s6 plugin: their sizes as they are built.

use super::row::Row;
use crate::build;
use crate::tool::Done;

const MIB: f64 = 1024.0 * 1024.0;

pub fn measure() -> Done<Vec<Row>> {
    let size = |file: &str| {
        let path = build::tree().join(file);
        let meta = path.metadata().map_err(|error| format!("{}: {error}", path.display()))?;
        Ok::<f64, String>(meta.len() as f64 / MIB)
    };
    let (host, plugin) = (size("bin/anysvc")?, size("lib/anysvc/backends/libanysvc_s6.so")?);
    let row = Row::budget("size", "MiB", host + plugin, 3.0);
    Ok(vec![row.note(format!("the program {host:.2} MiB, the s6 plugin {plugin:.2} MiB, both stripped"))])
}
