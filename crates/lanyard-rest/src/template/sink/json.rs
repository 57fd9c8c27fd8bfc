//! A JSON body: exactly one JSON value. A small reader follows what is written. Inside a string of
//! the template an action is escaped; where a value is wanted it must be one JSON value; everywhere
//! else the rendering fails. A member or element whose value is one missing action is left out.

use serde::de::IgnoredAny;

use super::super::json::escape_into;
use super::super::value::{Outcome, failed};
use super::{Action, Buffer, Presence};

/// A JSON body being written.
#[derive(Debug)]
pub(in super::super) struct Json {
    buffer: Buffer,
    open: Vec<Level>,
    state: State,
}

/// An open list or object.
#[derive(Debug)]
struct Level {
    object: bool,
    /// Where the comma stands that the current member follows.
    comma: Option<usize>,
    /// Where the current member or element begins.
    start: usize,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// A value is wanted.
    Value,
    /// A key is wanted, or the end of the object.
    Key,
    /// The colon after a key.
    Colon,
    /// Inside a string.
    String(Quoted),
    /// Inside a number, `true`, `false` or `null` of the template.
    Scalar,
    /// After a value: a comma or the end.
    After,
    /// After a value that was missing, and is already taken back.
    Omitted,
}

/// The string that is being written.
#[derive(Debug, Clone, Copy)]
struct Quoted {
    key: bool,
    /// Characters of an escape sequence of the template that are still to come.
    escape: u8,
    content: Content,
}

/// What a string holds so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    Nothing,
    /// One action, which was missing.
    Missing,
    Something,
}

impl Json {
    pub(super) fn new(buffer: Buffer) -> Self {
        Self { buffer, open: Vec::new(), state: State::Value }
    }

    pub(super) fn literal(&mut self, text: &str) -> Outcome<()> {
        text.chars().try_for_each(|next| self.step(next))
    }

    pub(super) fn action(&mut self, action: &Action<'_>) -> Outcome<()> {
        match self.state {
            State::String(quoted) if quoted.escape > 0 => {
                failed("an action inside an escape sequence of the JSON body")
            }
            State::String(quoted) => self.inside_string(quoted, action),
            State::Value if action.is_missing() && !self.open.is_empty() => {
                self.omit();
                Ok(())
            }
            State::Value => self.value(action),
            State::Key | State::Colon | State::Scalar | State::After | State::Omitted => {
                failed("an action where the JSON body has no place for a value")
            }
        }
    }

    pub(super) fn finish(self) -> Outcome<String> {
        if serde_json::from_str::<IgnoredAny>(&self.buffer.text).is_err() {
            return failed("the body is not one JSON value");
        }
        Ok(self.buffer.text)
    }

    fn inside_string(&mut self, quoted: Quoted, action: &Action<'_>) -> Outcome<()> {
        let mut content = Content::Something;
        if action.is_missing() && quoted.content == Content::Nothing {
            content = Content::Missing;
        }
        // What `toJson` makes of a missing value is shown only where a value must stand.
        if !action.is_missing() {
            let mut escaped = String::with_capacity(action.text.len());
            escape_into(&mut escaped, action.text, false);
            self.buffer.push(&escaped)?;
        }
        self.state = State::String(Quoted { content, ..quoted });
        Ok(())
    }

    fn value(&mut self, action: &Action<'_>) -> Outcome<()> {
        if matches!(action.presence, Presence::Missing) {
            return failed("the value of the JSON body is missing");
        }
        let text = action.text.trim_matches([' ', '\t', '\r', '\n']);
        if !action.structured && serde_json::from_str::<IgnoredAny>(text).is_err() {
            return failed("an action outside quotes gave something that is not one JSON value");
        }
        self.buffer.push(text)?;
        self.state = State::After;
        Ok(())
    }

    /// One character of the template.
    fn step(&mut self, next: char) -> Outcome<()> {
        if let State::String(quoted) = self.state {
            return self.step_string(quoted, next);
        }
        if matches!(next, ' ' | '\t' | '\r' | '\n') {
            if matches!(self.state, State::Omitted) {
                return Ok(());
            }
            if matches!(self.state, State::Scalar) {
                self.state = State::After;
            }
            return self.buffer.push_char(next);
        }
        match (self.state, next) {
            (State::Value, '{' | '[') => self.push_open(next),
            (State::Value | State::Key, '"') => {
                let key = matches!(self.state, State::Key);
                self.state = State::String(Quoted { key, escape: 0, content: Content::Nothing });
                self.buffer.push_char(next)
            }
            (State::Value, ']') | (State::Key, '}') => self.close(next),
            (State::Value | State::Scalar, _) if next.is_ascii_alphanumeric() => self.scalar(next),
            (State::Value | State::Scalar, '-' | '+' | '.') => self.scalar(next),
            (State::Colon, ':') => {
                self.state = State::Value;
                self.buffer.push_char(next)
            }
            (State::After | State::Scalar, ',') => self.comma(),
            (State::Omitted, ',') => {
                // The comma before the omitted member, if there was one, is still there.
                self.state = self.wanted();
                Ok(())
            }
            (State::After | State::Scalar | State::Omitted, '}' | ']') => self.close(next),
            _ => failed(MALFORMED),
        }
    }

    fn step_string(&mut self, quoted: Quoted, next: char) -> Outcome<()> {
        if next == '"' && quoted.escape == 0 {
            if !quoted.key && quoted.content == Content::Missing && !self.open.is_empty() {
                self.omit();
                return Ok(());
            }
            self.state = if quoted.key { State::Colon } else { State::After };
            return self.buffer.push_char(next);
        }
        let escape = match (quoted.escape, next) {
            (0, '\\') => ESCAPE_NEXT,
            (0, _) => 0,
            (ESCAPE_NEXT, 'u') => 4,
            (ESCAPE_NEXT, _) => 0,
            (left, _) => left.saturating_sub(1),
        };
        self.state = State::String(Quoted { escape, content: Content::Something, ..quoted });
        self.buffer.push_char(next)
    }

    fn scalar(&mut self, next: char) -> Outcome<()> {
        self.state = State::Scalar;
        self.buffer.push_char(next)
    }

    fn push_open(&mut self, bracket: char) -> Outcome<()> {
        self.buffer.push_char(bracket)?;
        let object = bracket == '{';
        self.open.push(Level { object, comma: None, start: self.buffer.len() });
        self.state = self.wanted();
        Ok(())
    }

    fn comma(&mut self) -> Outcome<()> {
        let at = self.buffer.len();
        self.buffer.push_char(',')?;
        let start = self.buffer.len();
        match self.open.last_mut() {
            Some(level) => (level.comma, level.start) = (Some(at), start),
            None => return failed(MALFORMED),
        }
        self.state = self.wanted();
        Ok(())
    }

    fn close(&mut self, bracket: char) -> Outcome<()> {
        let omitted = matches!(self.state, State::Omitted);
        match self.open.pop() {
            Some(level) if level.object == (bracket == '}') => {
                // The last members were omitted: the comma that announced them goes too.
                if let Some(comma) = level.comma
                    && omitted
                {
                    self.buffer.text.truncate(comma);
                }
            }
            _ => return failed(MALFORMED),
        }
        self.state = State::After;
        self.buffer.push_char(bracket)
    }

    /// Takes the current member or element back.
    fn omit(&mut self) {
        if let Some(level) = self.open.last() {
            self.buffer.text.truncate(level.start);
        }
        self.state = State::Omitted;
    }

    /// What an open list or object wants next.
    fn wanted(&self) -> State {
        match self.open.last() {
            Some(Level { object: true, .. }) => State::Key,
            _ => State::Value,
        }
    }
}

/// The character after a backslash is still to come.
const ESCAPE_NEXT: u8 = u8::MAX;

const MALFORMED: &str = "the template's own text is not JSON here";
