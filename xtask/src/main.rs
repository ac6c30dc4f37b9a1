//! `./x VERB`: what is done to this repository. One match; a file for each verb.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for people at a terminal")]

mod bench;
mod build;
mod demo;
mod lab;
mod packages;
mod story;
mod suites;
mod test;
mod tool;

const HELP: &str = "\
./x VERB: everything that is done to this repository. Each verb installs the Debian
packages that it needs and are missing (as root).

  build                  the program and its backends, as they are installed: target/anysvc/
  demo                   a real service through its whole life, on this machine and on a real s6
  demo profile-gateway   the story of that example, on a real s6
  test [SUITE...]        the tests; all suites unless some are named:
{SUITES}  bench [NAME...]        how long our commands take beside their peers; also target/bench.json:
{BENCHES}  lab s6 [OPTIONS] [-- COMMAND...]
                         a shell, or COMMAND, where a real s6-svscan is PID 1
      --user             as uid 10000 instead of root
      --shared           with /run/service handed to uid 10000
      --nested           with a tree that runs as uid 10000 under root's
      --own              with PID 1 and all of it as uid 10000
  lab systemd [--user] [-- COMMAND...]
                         the same where a real systemd is PID 1, and uid 10000 has a manager
";

fn main() -> std::process::ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (verb, rest) = args.split_first().map_or(("help", &[][..]), |(verb, rest)| (verb.as_str(), rest));
    let asks_for_help = rest.iter().take_while(|arg| *arg != "--").any(|arg| arg == "--help" || arg == "-h");
    let done = match verb {
        "help" | "--help" | "-h" => help(),
        _ if asks_for_help && !bench::is_inner(verb) => help(),
        "build" => tool::no_arguments(verb, rest).and_then(|()| build::run()),
        "demo" if rest == [story::EXAMPLE] => story::run(),
        "demo" => tool::no_arguments(verb, rest).and_then(|()| demo::run()),
        "test" => test::run(rest),
        "bench" => bench::run(rest),
        "lab" => match lab::run(rest) {
            Ok(code) => return code,
            Err(reason) => Err(reason),
        },
        bench::inside::VERB => bench::inside::run(rest),
        bench::bare::VERB => bench::bare::run(rest),
        _ => Err(format!("no verb `{verb}`; ./x help lists them")),
    };
    match done {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("x: {reason}");
            std::process::ExitCode::FAILURE
        }
    }
}

fn help() -> tool::Done {
    let table = |rows: &mut dyn Iterator<Item = (&'static str, &'static str)>| {
        rows.map(|(name, what)| format!("      {name:<18} {what}\n")).collect::<String>()
    };
    let suites = table(&mut suites::SUITES.iter().map(|suite| (suite.name, suite.what)));
    let benches = table(&mut bench::BENCHES.iter().map(|bench| (bench.name, bench.what)));
    print!("{}", HELP.replace("{SUITES}", &suites).replace("{BENCHES}", &benches));
    Ok(())
}
