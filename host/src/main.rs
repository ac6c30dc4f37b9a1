//! The `anysvc` program. All of it is in the library.

fn main() -> std::process::ExitCode {
    let args: Vec<std::ffi::OsString> = std::env::args_os().skip(1).collect();
    anysvc::program::run(&args).into()
}
