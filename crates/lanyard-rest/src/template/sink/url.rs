//! A URL. Its origin (scheme, host and port) is written by the template and `.config` alone; in the
//! path an argument is one segment or a part of one; in the query it is a part of a key or value.

use super::super::value::{Fault, Origin, Outcome, failed};
use super::pairs::Pairs;
use super::{Action, Buffer};

/// A URL being written.
#[derive(Debug, Clone)]
pub(in super::super) struct Url {
    buffer: Buffer,
    part: Part,
}

/// The part of the URL where the output stands.
#[derive(Debug, Clone)]
enum Part {
    /// Somewhere before the path.
    Origin(Prefix),
    Path(Segment),
    Query(Pairs),
    Fragment,
}

/// How much of `scheme://host` is written.
#[derive(Debug, Clone, Copy)]
enum Prefix {
    Start,
    /// One slash at the very start: a path, unless another slash follows.
    Slash,
    Scheme,
    Colon,
    ColonSlash,
    Host,
}

/// The segment of the path where the output stands.
#[derive(Debug, Clone)]
struct Segment {
    start: usize,
    /// Whether anything but the template's own text is in it.
    written: bool,
    /// Whether an action in it gave nothing, so that something else must.
    empty: bool,
}

impl Url {
    pub(in super::super) fn new(buffer: Buffer) -> Self {
        Self { buffer, part: Part::Origin(Prefix::Start) }
    }

    pub(in super::super) fn literal(&mut self, text: &str) -> Outcome<()> {
        for next in text.chars() {
            if self.buffer.len() == 0 && next.is_whitespace() {
                continue;
            }
            self.step(next)?;
        }
        Ok(())
    }

    /// Whether what is written next belongs to the scheme, host or port.
    pub(in super::super) fn is_in_origin(&self) -> bool {
        match self.part {
            Part::Origin(Prefix::Slash) | Part::Path(_) | Part::Query(_) | Part::Fragment => false,
            Part::Origin(_) => true,
        }
    }

    /// Whether nothing is written yet.
    pub(in super::super) fn is_at_start(&self) -> bool {
        matches!(self.part, Part::Origin(Prefix::Start))
    }

    pub(super) fn action(&mut self, action: &Action<'_>) -> Outcome<()> {
        if let Part::Origin(Prefix::Slash) = self.part {
            self.part = Part::Path(self.segment());
        }
        match &mut self.part {
            Part::Origin(_) => self.origin(action),
            Part::Path(segment) => {
                if action.is_missing() {
                    return failed("a value in the path is missing");
                }
                segment.written = true;
                segment.empty = segment.empty || action.text.is_empty();
                if action.origin == Origin::Outside {
                    return self.buffer.push_encoded(action.text, "%20");
                }
                self.settings_path(action.text)
            }
            Part::Query(pairs) => pairs.action(&mut self.buffer, action),
            Part::Fragment => self.buffer.push_encoded(action.text, "%20"),
        }
    }

    pub(super) fn finish(mut self) -> Outcome<String> {
        let length = self.buffer.text.trim_end().len();
        self.buffer.text.truncate(length);
        self.leave()?;
        Ok(self.buffer.text)
    }

    /// One character that counts as URL text: the template's, or that of a setting in the origin.
    fn step(&mut self, next: char) -> Outcome<()> {
        match &mut self.part {
            Part::Query(pairs) if next != '#' => return pairs.literal(&mut self.buffer, next),
            Part::Origin(_) | Part::Path(_) | Part::Query(_) | Part::Fragment => {}
        }
        let part = match (&self.part, next) {
            (Part::Fragment, _) => None,
            (_, '?') => Some(Next::Query),
            (_, '#') => Some(Next::Fragment),
            (Part::Path(_), '/') => Some(Next::Path),
            (Part::Path(_) | Part::Query(_), _) => None,
            (Part::Origin(prefix), _) => Some(prefix.after(next)?),
        };
        let Some(part) = part else {
            return self.buffer.push_char(next);
        };
        self.leave()?;
        let before = self.buffer.len();
        self.buffer.push_char(next)?;
        self.part = match part {
            Next::Origin(prefix) => Part::Origin(prefix),
            Next::Path => Part::Path(self.segment()),
            Next::PathFromStart => Part::Path(Segment { start: before, ..self.segment() }),
            Next::Query => Part::Query(Pairs::new(&self.buffer, "%20")),
            Next::Fragment => Part::Fragment,
        };
        Ok(())
    }

    /// What must hold at the end of a part or a segment.
    fn leave(&mut self) -> Outcome<()> {
        match &mut self.part {
            Part::Path(segment) => segment.check(self.buffer.from(segment.start)),
            Part::Query(pairs) => {
                pairs.end(&mut self.buffer);
                // A query of which nothing is left needs no question mark.
                if pairs.is_empty(&self.buffer) {
                    self.buffer.text.pop();
                }
                Ok(())
            }
            Part::Origin(_) | Part::Fragment => Ok(()),
        }
    }

    fn segment(&self) -> Segment {
        Segment { start: self.buffer.len(), written: false, empty: false }
    }

    /// An action before the path: only settings may stand there, as URL text.
    fn origin(&mut self, action: &Action<'_>) -> Outcome<()> {
        if action.origin == Origin::Outside {
            return failed("only .config may give a part of the URL's scheme, host or port");
        }
        if action.is_missing() {
            return failed("a part of the URL's scheme, host or port is missing");
        }
        let refused = |next: char| {
            next.is_control() || next.is_whitespace() || matches!(next, '@' | '\\' | '#')
        };
        if action.text.contains(refused) {
            return failed("the setting at the start of the URL is no URL text");
        }
        for next in action.text.chars() {
            self.step(next)?;
            if let Part::Path(segment) = &mut self.part {
                segment.written = true;
            }
        }
        Ok(())
    }

    /// A setting in the path: its slashes stay slashes.
    fn settings_path(&mut self, text: &str) -> Outcome<()> {
        for (index, piece) in text.split('/').enumerate() {
            if index > 0 {
                self.step('/')?;
            }
            if let Part::Path(segment) = &mut self.part {
                segment.written = true;
            }
            self.buffer.push_encoded(piece, "%20")?;
        }
        Ok(())
    }
}

enum Next {
    Origin(Prefix),
    Path,
    /// The path began before this character.
    PathFromStart,
    Query,
    Fragment,
}

impl Prefix {
    fn after(self, next: char) -> Outcome<Next> {
        Ok(match (self, next) {
            (_, '\\') => return Err(Fault::Failed("a backslash before the URL's path".to_owned())),
            (Self::Start, '/') => Next::Origin(Self::Slash),
            (Self::Slash | Self::ColonSlash, '/') => Next::Origin(Self::Host),
            (Self::Slash, _) => Next::PathFromStart,
            (Self::Scheme, ':') => Next::Origin(Self::Colon),
            (Self::Colon, '/') => Next::Origin(Self::ColonSlash),
            (Self::Scheme | Self::Host, '/') => Next::Path,
            (Self::Host, _) => Next::Origin(Self::Host),
            (Self::ColonSlash, _) => Next::PathFromStart,
            (Self::Start | Self::Scheme | Self::Colon, _) => Next::Origin(Self::Scheme),
        })
    }
}

impl Segment {
    /// A segment with a value in it is not empty and is no step up or in place, however its dots
    /// are written.
    fn check(&self, text: &str) -> Outcome<()> {
        if self.empty && text.is_empty() {
            return failed("a value in the path is empty");
        }
        let plain = text.replace("%2e", ".").replace("%2E", ".");
        if self.written && matches!(plain.as_str(), "." | "..") {
            return failed("a value in the path is `.` or `..`");
        }
        Ok(())
    }
}
