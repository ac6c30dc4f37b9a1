//! The file by which a plugin's constructor shows that it ran.

/// Where it is left; the process's id tells one test program's from another's.
pub fn mark() -> std::path::PathBuf {
    std::env::temp_dir().join(format!("anysvc-constructed-{}", std::process::id()))
}
