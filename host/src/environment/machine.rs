//! The machine's answers: each read at most once, when it is first asked for, and kept together with how
//! the reading went, so that it can be shown.

use std::{
    ffi::OsString,
    fs, io,
    os::unix::fs::FileTypeExt as _,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use anysvc_backend_api::Bytes;

use super::{Answer, Caller, Fact, FactSource, Question, Variables, absolute_folders};

/// Where commands are looked for when PATH must not count.
pub(crate) const FIXED_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Process 1's name, arguments, and the identity of the boot are all shorter.
const LONGEST_FACT: usize = 64 * 1024;

/// The kernel's own identity of its boot.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// The machine that this process runs on.
#[derive(Debug)]
pub(super) struct Machine {
    path: Vec<PathBuf>,
    variables: Variables,
    read: Mutex<Vec<Fact>>,
}

/// Where the caller's commands are: PATH, but a fixed list for root and the elevated.
pub(super) fn command_path(caller: &Caller, variables: &Variables) -> Vec<PathBuf> {
    let own = if caller.is_root() || caller.elevated() { None } else { variables.get("PATH") };
    absolute_folders(&own.unwrap_or_else(|| OsString::from(FIXED_PATH)))
}

impl Machine {
    pub(super) fn new(path: Vec<PathBuf>, variables: Variables) -> Machine {
        Machine { path, variables, read: Mutex::default() }
    }

    pub(super) fn path(&self) -> &[PathBuf] {
        &self.path
    }

    pub(super) fn as_read(&self) -> Vec<Fact> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The arguments of process 1, byte for byte.
    pub(super) fn pid1_args(&self) -> Vec<Bytes> {
        read_short("/proc/1/cmdline").map(|bytes| split_nul(&bytes)).unwrap_or_default()
    }

    /// The text that answers a question, if one does.
    pub(super) fn text(&self, question: &Question) -> Option<String> {
        match self.ask(question) {
            Answer::Text(text) => Some(text),
            _ => None,
        }
    }

    fn read(&self, question: &Question) -> Answer {
        match question {
            Question::Os => Answer::Text(std::env::consts::OS.to_owned()),
            Question::Pid1Comm => read_line("/proc/1/comm"),
            Question::Pid1Args => match read_short("/proc/1/cmdline") {
                Ok(bytes) => {
                    let args = split_nul(&bytes);
                    Answer::Text(args.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
                }
                Err(error) => Answer::Unreadable(error.to_string()),
            },
            Question::BootId => read_line(BOOT_ID),
            Question::File(path) => kind_of(path, "a file", fs::FileType::is_file),
            Question::Directory(path) => kind_of(path, "a directory", fs::FileType::is_dir),
            Question::Socket(path) => kind_of(path, "a socket", fs::FileType::is_socket),
            Question::Command(name) => self.find_command(name),
            Question::Variable(name) => match self.variables.get(name) {
                Some(value) => Answer::Text(value.to_string_lossy().into_owned()),
                None => Answer::No("not set, or not to be counted".to_owned()),
            },
            Question::Setting(_) => Answer::No("the machine has no settings".to_owned()),
        }
    }

    fn find_command(&self, name: &str) -> Answer {
        let candidates = self.path.iter().map(|folder| folder.join(name));
        let runnable =
            |path: &PathBuf| path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok();
        match candidates.into_iter().find(runnable) {
            Some(path) => Answer::Yes(Some(path)),
            None => Answer::No(format!("in none of {} folders", self.path.len())),
        }
    }
}

impl FactSource for Machine {
    fn ask(&self, question: &Question) -> Answer {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(fact) = read.iter().find(|fact| fact.question == *question) {
            return fact.answer.clone();
        }
        let answer = self.read(question);
        read.push(Fact { question: question.clone(), answer: answer.clone() });
        answer
    }
}

/// The identity of this boot of the kernel; `None` where that can't be seen.
pub(super) fn kernel_boot() -> Option<String> {
    if let Answer::Text(id) = read_line(BOOT_ID) { Some(id) } else { None }
}

/// When process 1 was started, in the kernel's own count; `None` where that can't be seen.
pub(super) fn pid1_started() -> Option<String> {
    started(&read_short("/proc/1/stat").ok()?)
}

fn kind_of(path: &Path, wanted: &str, is: fn(&fs::FileType) -> bool) -> Answer {
    match fs::metadata(path) {
        Ok(found) if is(&found.file_type()) => Answer::Yes(None),
        Ok(_) => Answer::No(format!("there, but not {wanted}")),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Answer::No("not there".to_owned())
        }
        Err(error) => Answer::Unreadable(error.to_string()),
    }
}

fn read_line(path: &str) -> Answer {
    match read_short(path) {
        Ok(bytes) => Answer::Text(String::from_utf8_lossy(bytes.trim_ascii_end()).into_owned()),
        Err(error) => Answer::Unreadable(error.to_string()),
    }
}

/// All of a small file of the kernel's. Such a file gives what it has at once: a read that does not fill
/// the buffer was the last one, and most are one short line.
fn read_short(path: &str) -> io::Result<Vec<u8>> {
    let mut file = fs::File::open(path)?;
    let (mut bytes, mut filled) = (vec![0; 256], 0);
    loop {
        filled += io::Read::read(&mut file, &mut bytes[filled..])?;
        if filled < bytes.len() || filled >= LONGEST_FACT {
            bytes.truncate(filled);
            return Ok(bytes);
        }
        bytes.resize(2 * filled, 0);
    }
}

/// The 22nd field of /proc/PID/stat. The 2nd is the program's name in brackets, with whatever it has in it.
fn started(stat: &[u8]) -> Option<String> {
    let name = stat.iter().rposition(|&b| b == b')')?;
    let fields = std::str::from_utf8(&stat[name + 1..]).ok()?;
    fields.split_ascii_whitespace().nth(19).map(str::to_owned)
}

/// The parts of a list in which each ends with a NUL.
fn split_nul(bytes: &[u8]) -> Vec<Bytes> {
    match bytes.strip_suffix(b"\0").unwrap_or(bytes) {
        [] => Vec::new(),
        bytes => bytes.split(|&b| b == 0).map(|part| Bytes(part.to_vec())).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(path: &[&str], variables: &[(&str, &str)]) -> Machine {
        Machine::new(path.iter().map(PathBuf::from).collect(), Variables::given(variables.iter().copied()))
    }

    #[test]
    fn existence_is_of_the_kind_that_was_asked_for() {
        let machine = machine(&[], &[]);
        assert_eq!(machine.ask(&Question::File("/etc/passwd".into())), Answer::Yes(None));
        assert_eq!(machine.ask(&Question::Directory("/etc".into())), Answer::Yes(None));
        let no = |instead: &str| Answer::No(instead.to_owned());
        assert_eq!(machine.ask(&Question::File("/etc".into())), no("there, but not a file"));
        assert_eq!(machine.ask(&Question::Directory("/etc/passwd".into())), no("there, but not a directory"));
        assert_eq!(machine.ask(&Question::Socket("/etc/passwd".into())), no("there, but not a socket"));
        assert_eq!(machine.ask(&Question::File("/nonexistent".into())), no("not there"));
        assert_eq!(machine.ask(&Question::File("/etc/passwd/x".into())), no("not there"));
    }

    #[test]
    fn a_socket_is_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&path).expect("a socket");
        assert_eq!(machine(&[], &[]).ask(&Question::Socket(path)), Answer::Yes(None));
    }

    #[test]
    fn a_command_is_an_executable_file_on_the_path() {
        let machine = machine(&["/nonexistent", "/usr/bin"], &[]);
        assert_eq!(machine.ask(&Question::Command("env".into())), Answer::Yes(Some("/usr/bin/env".into())));
        assert!(matches!(machine.ask(&Question::Command("no-such-command".into())), Answer::No(_)));
    }

    #[test]
    fn facts_are_read_once_and_kept_in_order() {
        let folder = tempfile::tempdir().expect("a folder");
        let question = Question::Directory(folder.path().to_owned());
        let machine = machine(&[], &[("V", "x")]);
        assert_eq!(machine.ask(&question), Answer::Yes(None));
        drop(folder);
        assert_eq!(machine.ask(&question), Answer::Yes(None));
        assert_eq!(machine.ask(&Question::Variable("V".into())), Answer::Text("x".into()));
        let read: Vec<Question> = machine.as_read().into_iter().map(|fact| fact.question).collect();
        assert_eq!(read, [question, Question::Variable("V".into())]);
    }

    #[test]
    fn the_start_of_a_process_stands_behind_its_name() {
        let rest = "S 0 1 1 0 -1 4194560 1 2 0 3 4 5 6 7 20 0 1 0 4711 44785664 3557";
        for name in ["init", "a ) (b", "(1 2 3)"] {
            let line = format!("1 ({name}) {rest}\n");
            assert_eq!(started(line.as_bytes()).as_deref(), Some("4711"), "{line}");
        }
        assert_eq!(started(b"1 (init) S 0\n"), None);
        assert_eq!(started(b""), None);
    }

    #[test]
    fn a_list_that_ends_in_nul_has_no_empty_last_part() {
        let split = |bytes| split_nul(bytes).into_iter().map(|part| part.0).collect::<Vec<_>>();
        assert_eq!(split(b"a\0\0b\0"), [b"a".to_vec(), Vec::new(), b"b".to_vec()]);
        assert_eq!(split(b""), Vec::<Vec<u8>>::new());
        assert_eq!(split(b"title without nul"), [b"title without nul".to_vec()]);
    }

    #[test]
    fn what_does_not_fit_the_first_buffer_is_read_on() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("long");
        for length in [0, 1, 4095, 4096, 4097, 8192, 50_000] {
            fs::write(&path, vec![b'x'; length]).expect("a file");
            let read = read_short(path.to_str().expect("a path")).expect("its content");
            assert_eq!(read.len(), length);
        }
    }
}
