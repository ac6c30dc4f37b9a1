//! All that a command prints: text and tables for people, one document for programs. This is the only
//! part of the host that writes to standard output and standard error. It must not know what a command
//! does.

pub mod error;
pub mod escape;
pub mod exit_code;
pub mod json;
pub mod service;
mod style;
pub mod table;
pub mod time;

use std::io::{self, Write};

use anysvc_backend_api::{Error, Value};

pub use service::Service;
pub use style::{Color, Paint, Style, stdout_is_terminal};
pub use table::{Cell, Table};

/// Text is collected up to this size before it is written.
const FULL: usize = 32 * 1024;

/// Where a command's output goes.
pub struct Output {
    style: Style,
    /// Colours on standard output and on standard error.
    colors: (bool, bool),
    /// What others wrote is escaped: standard output is a terminal.
    terminal: bool,
    stdout: Box<dyn Write>,
    stderr: Box<dyn Write>,
    pending: String,
    raw: Vec<u8>,
    failed: Option<io::Error>,
}

impl Output {
    /// Output to the standard streams.
    pub fn standard(style: Style) -> Output {
        let colors = (style.colors(&io::stdout()), style.colors(&io::stderr()));
        Output {
            style,
            colors,
            terminal: stdout_is_terminal(),
            stdout: Box::new(io::stdout()),
            stderr: Box::new(io::stderr()),
            pending: String::new(),
            raw: Vec::new(),
            failed: None,
        }
    }

    /// Output to anything, without colours, as if to a terminal or not.
    pub fn to(stdout: Box<dyn Write>, stderr: Box<dyn Write>, style: Style, terminal: bool) -> Output {
        let colors = (style.color == Color::Always, style.color == Color::Always);
        let (pending, raw) = (String::new(), Vec::new());
        Output { style, colors, terminal, stdout, stderr, pending, raw, failed: None }
    }

    /// Whether a document is wanted instead of text.
    pub fn json(&self) -> bool {
        self.style.json
    }

    /// Prints text as it is.
    pub fn text(&mut self, text: &str) {
        self.pending.push_str(text);
        if self.pending.len() > FULL {
            self.flush();
        }
    }

    /// Prints a line as it is.
    pub fn line(&mut self, text: &str) {
        self.text(text);
        self.text("\n");
    }

    /// Prints a piece of text with a meaning.
    pub fn painted(&mut self, text: &str, paint: Paint) {
        paint.write(&mut self.pending, text, self.colors.0);
    }

    /// Prints a line that a service wrote: byte for byte, but harmless on a terminal.
    pub fn foreign_line(&mut self, line: &[u8]) {
        if self.terminal {
            self.pending.push_str(&escape::bytes(line));
        } else if let Ok(text) = str::from_utf8(line) {
            self.pending.push_str(text);
        } else {
            self.flush();
            self.raw.extend_from_slice(line);
            self.flush();
        }
        self.text("\n");
    }

    /// Prints a table.
    pub fn table(&mut self, table: &Table) {
        let text = table.render(self.colors.0);
        self.text(&text);
    }

    /// Tells people what was done; programs and those who asked for quiet are spared.
    pub fn say(&mut self, text: &str) {
        if !self.style.quiet && !self.style.json {
            self.line(&escape::line(text));
        }
    }

    /// Prints a document on one line.
    pub fn document(&mut self, document: impl Into<Value>) {
        json::write(&mut self.pending, &document.into());
        self.text("\n");
    }

    /// Tells people about a failure.
    pub fn error(&mut self, error: &Error) {
        self.complain(&error::for_people(error, self.colors.1));
    }

    /// Tells people about something that does not keep the command from its work.
    pub fn warn(&mut self, text: &str) {
        if self.style.quiet {
            return;
        }
        let mut line = String::new();
        Paint::Warning.write(&mut line, "warning:", self.colors.1);
        line.push(' ');
        line.push_str(&escape::line(text));
        line.push('\n');
        self.complain(&line);
    }

    /// Adds a hint to what was told.
    pub fn hint(&mut self, text: &str) {
        if !self.style.quiet {
            self.complain(&error::hint_line(text, self.colors.1));
        }
    }

    fn complain(&mut self, text: &str) {
        // What was said before comes before.
        self.flush();
        // Nobody is left who could be told that telling failed.
        let _ = self.stderr.write_all(text.as_bytes());
    }

    /// Writes what was collected.
    pub fn flush(&mut self) {
        let text = std::mem::take(&mut self.pending);
        let raw = std::mem::take(&mut self.raw);
        if self.failed.is_some() {
            return;
        }
        let stdout = &mut self.stdout;
        let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.write_all(&raw));
        self.failed = written.and_then(|()| stdout.flush()).err();
    }

    /// Whether nobody reads any more, or nothing can be written: a stream has no more to do.
    pub fn broken(&self) -> bool {
        self.failed.is_some()
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// When something could not be written. A reader that went away is none: it has what it wanted.
    pub fn finish(&mut self) -> Result<(), Error> {
        self.flush();
        match self.failed.take() {
            Some(cause) if cause.kind() != io::ErrorKind::BrokenPipe => {
                Err(Error::io("write to", "standard output", &cause))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
pub mod tests {
    //! Output to memory, for the tests of whoever prints.

    use std::{cell::RefCell, rc::Rc};

    use super::*;

    /// Both streams as they were written.
    #[derive(Clone, Default)]
    pub struct Memory(Rc<RefCell<Vec<u8>>>);

    impl Memory {
        /// What was written.
        pub fn text(&self) -> String {
            String::from_utf8_lossy(&self.0.borrow()).into_owned()
        }
    }

    impl Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Output to memory, and what is written to standard output and standard error.
    pub fn memory(style: Style, terminal: bool) -> (Output, Memory, Memory) {
        let (stdout, stderr) = (Memory::default(), Memory::default());
        let output = Output::to(Box::new(stdout.clone()), Box::new(stderr.clone()), style, terminal);
        (output, stdout, stderr)
    }

    struct Closed;

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_log_line_keeps_its_bytes_unless_a_terminal_would_act_on_them() {
        let line = b"\x1b[31mred\xff";
        let (mut output, stdout, _) = memory(Style::default(), false);
        output.text("web ");
        output.foreign_line(line);
        output.finish().expect("memory takes all");
        assert_eq!(*stdout.0.borrow(), b"web \x1b[31mred\xff\n");

        let (mut output, stdout, _) = memory(Style::default(), true);
        output.foreign_line(line);
        output.finish().expect("memory takes all");
        assert_eq!(stdout.text(), "\\u{1b}[31mred\\xff\n");
    }

    #[test]
    fn a_closed_pipe_ends_output_without_an_error() {
        let mut output = Output::to(Box::new(Closed), Box::new(Closed), Style::default(), false);
        output.line("x");
        output.flush();
        assert!(output.broken());
        assert_eq!(output.finish(), Ok(()));
    }

    #[test]
    fn what_was_done_is_for_people_who_want_to_know() {
        for (json, quiet, expected) in [(false, false, "done\n"), (true, false, ""), (false, true, "")] {
            let (mut output, stdout, _) = memory(Style { json, quiet, ..Style::default() }, false);
            output.say("done");
            output.flush();
            assert_eq!(stdout.text(), expected);
        }
    }
}
