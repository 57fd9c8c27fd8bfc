//! What is asked at the terminal: a paste that may hold credentials and is not shown, and a yes.

use std::io::{self, IsTerminal as _, Write as _};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios};
use rustix::termios::{tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::output;

/// How long a paste may pause: what a terminal passes on comes in pieces.
const PAUSE: Timespec = Timespec { tv_sec: 0, tv_nsec: 80_000_000 };

/// The longest paste, in bytes.
const PASTE_BYTES_MAX: usize = 1 << 20;

/// Whether somebody can answer.
pub(crate) fn is_attended() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks for a yes. Anything else than yes or nothing is a no; where `default` is no, so is nothing.
pub(crate) fn confirm(question: &str, default: bool) -> Result<bool, Failure> {
    let choice = if default { "[Y/n]" } else { "[y/N]" };
    write!(io::stderr().lock(), "{question} {choice} ")?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(match answer.trim().to_ascii_lowercase().as_str() {
        "" => default,
        "y" | "yes" => true,
        _ => false,
    })
}

/// A terminal that does not show what is typed, and passes on each key: a line that the terminal
/// gathers itself ends after 4,095 bytes, and a pasted request is longer. As it was when dropped.
struct Silent {
    before: Termios,
}

impl Silent {
    fn begin() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut now = before.clone();
        // Ctrl-C is read here like any key: a process that it ended would leave the terminal mute.
        now.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
        now.special_codes[SpecialCodeIndex::VMIN] = 1;
        now.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(io::stdin(), OptionalActions::Now, &now)?;
        Ok(Self { before })
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        let done = tcsetattr(io::stdin(), OptionalActions::Now, &self.before);
        tracing::trace!(done = done.is_ok(), "The terminal is as it was.");
    }
}

/// Reads a paste without showing it: until Enter where `goes_on` says that it is whole, or Ctrl-D.
pub(crate) fn paste(
    prompt: &str,
    goes_on: impl Fn(&str) -> bool,
) -> Result<Zeroizing<String>, Failure> {
    // Silent first: who pastes at once on seeing the prompt is not shown either.
    let silent = Silent::begin()?;
    output::aside(prompt);
    let mut typed = Typed::default();
    let mut bytes = Zeroizing::new([0_u8; 4096]);
    while !typed.ended {
        let read = rustix::io::read(io::stdin(), bytes.as_mut_slice());
        let read = read.map_err(io::Error::from)?;
        for byte in bytes.iter().take(read) {
            typed.key(*byte)?;
        }
        // What comes at once belongs to the same paste: read as the next command it would be run
        // by a shell, credentials and all.
        let text = String::from_utf8_lossy(&typed.bytes);
        typed.ended |= read == 0;
        typed.ended |= typed.bytes.ends_with(b"\n") && !goes_on(&text) && !more_comes()?;
    }
    drop(silent);
    let text = std::mem::take(&mut *typed.bytes);
    String::from_utf8(text)
        .map(Zeroizing::new)
        .map_err(|_| Failure::usage("what was pasted is not UTF-8 text"))
}

fn more_comes() -> io::Result<bool> {
    let stdin = io::stdin();
    let mut waited = [PollFd::new(&stdin, PollFlags::IN)];
    Ok(poll(&mut waited, Some(&PAUSE))? > 0)
}

fn too_long() -> Failure {
    Failure::usage(format!("what was pasted is longer than {PASTE_BYTES_MAX} bytes"))
}

/// What was typed so far.
#[derive(Default)]
struct Typed {
    bytes: Zeroizing<Vec<u8>>,
    ended: bool,
}

impl Typed {
    fn key(&mut self, byte: u8) -> Result<(), Failure> {
        match byte {
            0x03 => return Err(Failure::other("cancelled; nothing was changed")),
            0x04 => self.ended = true,
            0x08 | 0x7f => self.erase(),
            b'\r' => self.bytes.push(b'\n'),
            byte => self.bytes.push(byte),
        }
        if self.bytes.len() > PASTE_BYTES_MAX { Err(too_long()) } else { Ok(()) }
    }

    /// Takes the last character back, which may be several bytes.
    fn erase(&mut self) {
        while let Some(byte) = self.bytes.pop() {
            if byte & 0b1100_0000 != 0b1000_0000 {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_become_text() {
        let mut typed = Typed::default();
        for byte in "cä\u{7f}url\r\u{4}".bytes() {
            typed.key(byte).unwrap();
        }
        assert_eq!((&**typed.bytes, typed.ended), (&b"curl\n"[..], true));
        assert!(typed.key(0x03).is_err());
    }
}
