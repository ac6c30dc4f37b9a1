//! How output looks: colours or none, and what is meant by each.

use std::io::IsTerminal as _;

/// When to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set or the terminal is dumb.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What the output of a command is written like.
#[derive(Clone, Copy, Debug, Default)]
pub struct Style {
    /// Documents for programs instead of text for people.
    pub json: bool,
    /// Only what was asked for, and errors.
    pub quiet: bool,
    /// Colours.
    pub color: Color,
}

impl Style {
    /// Whether a stream gets colours.
    pub(super) fn colors(self, stream: &impl std::io::IsTerminal) -> bool {
        match self.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => stream.is_terminal() && terminal_wants_colors(),
        }
    }
}

/// Whether standard output is a terminal: then what others wrote is escaped.
pub fn stdout_is_terminal() -> bool {
    std::io::stdout().is_terminal()
}

/// <https://no-color.org>: any value but the empty one.
fn terminal_wants_colors() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// What a piece of text means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// Nothing particular.
    Plain,
    /// A header.
    Header,
    /// As it should be.
    Good,
    /// On the way, or to be looked at.
    Warning,
    /// Wrong.
    Bad,
    /// Less important.
    Faint,
}

impl Paint {
    /// Appends the text, painted if there are colours.
    pub fn write(self, out: &mut String, text: &str, colors: bool) {
        let code = match self {
            Paint::Plain => "",
            Paint::Header => "1",
            Paint::Good => "32",
            Paint::Warning => "33",
            Paint::Bad => "31",
            Paint::Faint => "2",
        };
        if code.is_empty() || !colors {
            out.push_str(text);
        } else {
            out.extend(["\u{1b}[", code, "m", text, "\u{1b}[0m"]);
        }
    }
}
