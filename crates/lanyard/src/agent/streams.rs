//! Where a command reads and writes. Data goes to stdout and nothing else does; every notice,
//! hint and failure goes to stderr.

use std::fmt;
use std::io::{self, Read, Write};

use super::env::{AgentEnv, Colour};

/// The three standard streams of a command.
pub(crate) struct Streams<'a> {
    /// Where `--args -` reads.
    pub(crate) stdin: &'a mut (dyn Read + Send),
    /// Where data goes.
    pub(crate) stdout: &'a mut (dyn Write + Send),
    /// Where notices and failures go.
    pub(crate) stderr: &'a mut (dyn Write + Send),
    /// Whether stdout is a terminal, so that colours make sense.
    pub(crate) stdout_is_terminal: bool,
}

impl Streams<'_> {
    /// Writes data, a line feed after it.
    pub(super) fn data(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.stdout, "{text}")?;
        self.stdout.flush()
    }

    /// Writes one notice.
    pub(super) fn notice(&mut self, text: &str) {
        // A reader that closed stderr does not want to know; the exit code still tells.
        let written = writeln!(self.stderr, "[lanyard] {text}");
        tracing::trace!(written = written.is_ok(), "A notice was written.");
    }

    /// Writes lines to stderr as they are.
    pub(super) fn aside(&mut self, text: &str) {
        let written = writeln!(self.stderr, "{text}");
        tracing::trace!(written = written.is_ok(), "Lines were written to stderr.");
    }

    /// The paint for what goes to stdout.
    pub(super) fn paint(&self, env: &AgentEnv) -> Paint {
        match env.colour {
            Colour::Always => Paint::On,
            Colour::Never => Paint::Off,
            Colour::OnTerminal if self.stdout_is_terminal => Paint::On,
            Colour::OnTerminal => Paint::Off,
        }
    }
}

impl fmt::Debug for Streams<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Streams(..)")
    }
}

/// Whether text is coloured, and how: the colours of mcporter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paint {
    /// Escape sequences around the text.
    On,
    /// The text alone.
    Off,
}

impl Paint {
    /// Names of servers.
    pub(super) fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    /// Comments and keywords.
    pub(super) fn faint(self, text: &str) -> String {
        self.with("38;5;244", text)
    }

    /// Names of tools and parameters.
    pub(super) fn name(self, text: &str) -> String {
        self.with("36", text)
    }

    /// Types.
    pub(super) fn kind(self, text: &str) -> String {
        self.with("90", text)
    }

    /// `@param`, and what asks for authentication.
    pub(super) fn mark(self, text: &str) -> String {
        self.with("33", text)
    }

    /// Errors.
    pub(super) fn error(self, text: &str) -> String {
        self.with("31", text)
    }

    /// What has no colour of its own.
    pub(super) fn plain(self, text: &str) -> String {
        // Names and descriptions are written by servers that nobody vetted: a control character
        // in one must not steer the terminal.
        text.chars().filter(|letter| !letter.is_control()).collect()
    }

    fn with(self, code: &str, text: &str) -> String {
        let text = self.plain(text);
        match self {
            Self::On => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            Self::Off => text,
        }
    }
}
