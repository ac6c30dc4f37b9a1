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
const FIXED_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Process 1's name, arguments, and the identity of the boot are all shorter.
const LONGEST_FACT: usize = 64 * 1024;

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
            Question::BootId => read_line("/proc/sys/kernel/random/boot_id"),
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
/// the buffer was the last one.
fn read_short(path: &str) -> io::Result<Vec<u8>> {
    let mut file = fs::File::open(path)?;
    let (mut bytes, mut filled) = (vec![0; 4096], 0);
    loop {
        filled += io::Read::read(&mut file, &mut bytes[filled..])?;
        if filled < bytes.len() || filled >= LONGEST_FACT {
            bytes.truncate(filled);
            return Ok(bytes);
        }
        bytes.resize(2 * filled, 0);
    }
}

/// The parts of a list in which each ends with a NUL.
fn split_nul(bytes: &[u8]) -> Vec<Bytes> {
    match bytes.strip_suffix(b"\0").unwrap_or(bytes) {
        [] => Vec::new(),
        bytes => bytes.split(|&b| b == 0).map(|part| Bytes(part.to_vec())).collect(),
    }
}
