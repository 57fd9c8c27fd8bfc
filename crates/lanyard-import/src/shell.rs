//! Words as a POSIX shell splits them, without a shell: quotes of all three kinds, backslashes,
//! comments. Nothing is executed, and nothing is looked up.
//!
//! What would make a shell do something (substitutions, pipes, redirections, a second command) is
//! refused with its place. `$NAME` and `${NAME}` stay variables in the text ([`variable`]).
//!
//! Crates that were looked at: `shlex` and `shell-words` split words, but know neither places nor
//! `$'...'` nor variables, and take `|` and `>` for ordinary characters, so that a paste would be
//! read as something it does not say. `conch-parser` and `brush-parser` build the syntax tree of
//! whole scripts, of which all but one kind of node would have to be refused again; `yash-syntax`
//! is under the GPL.

pub(crate) mod advice;
mod ansi;
pub(crate) mod variable;

use std::fmt;
use std::str::Chars;

use zeroize::Zeroize as _;

use self::advice::{
    FENCE, NEW_LINE, POWERSHELL, PROMPT, SEMICOLON, SUBSTITUTION, UNCLOSED, WINDOWS,
};

/// A place in a text. Both are counted from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
}

impl Mark {
    /// The beginning of a text.
    pub const START: Self = Self { line: 1, column: 1 };
}

impl fmt::Display for Mark {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.line, self.column)
    }
}

/// What is wrong at a place of a paste, and what to do. It holds no value of the paste.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{mark}: {message}")]
pub struct PasteError {
    /// Where.
    pub mark: Mark,
    /// What is wrong, and what to do.
    pub message: String,
}

impl PasteError {
    pub(crate) fn new(mark: Mark, message: impl Into<String>) -> Self {
        Self { mark, message: message.into() }
    }
}

/// One word. It may hold a credential: it is overwritten when dropped, and prints nothing.
pub(crate) struct Word {
    /// The text without its quotes, variables marked.
    pub(crate) text: String,
    /// Where it begins.
    pub(crate) mark: Mark,
}

impl fmt::Debug for Word {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Word({}, ..)", self.mark)
    }
}

impl Drop for Word {
    fn drop(&mut self) {
        self.text.zeroize();
    }
}

/// One command.
pub(crate) struct Command {
    /// Its words, without their quotes.
    pub(crate) words: Vec<Word>,
    /// What a comment before it says.
    pub(crate) comment: Option<String>,
}

/// Splits one command into its words.
pub(crate) fn command(text: &str) -> Result<Command, PasteError> {
    // Some editors of Windows put it before every file.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader { rest: text.chars(), mark: Mark::START };
    check(text)?;
    let mut words = Vec::new();
    let mut comment = None;
    let mut ended: Option<(Mark, &'static str)> = None;
    while let Some(character) = reader.peek() {
        let mark = reader.mark;
        match character {
            ' ' | '\t' => reader.skip(1),
            '\n' => {
                reader.skip(1);
                ended = ended.or((!words.is_empty()).then_some((mark, NEW_LINE)));
            }
            ';' => {
                reader.skip(1);
                ended = ended.or(Some((mark, SEMICOLON)));
            }
            '#' => {
                let text = reader.comment();
                if words.is_empty() && !text.is_empty() {
                    comment = Some(text);
                }
            }
            // A prompt, as documents show it.
            '$' if words.is_empty() && reader.starts_with("$ ") => reader.skip(2),
            '\\' if reader.continues() => reader.skip(2),
            _ => {
                if let Some((end, hint)) = ended {
                    return Err(PasteError::new(
                        mark,
                        format!("the command ended at {end}, and this is more; {hint}"),
                    ));
                }
                words.push(reader.word()?);
            }
        }
    }
    Ok(Command { words, comment })
}

/// Whether a command goes on after the lines that were typed so far: a quote is open, or the last
/// line ends with a backslash. What is wrong in another way is whole, and wrong.
pub fn goes_on(text: &str) -> bool {
    let mut characters = text.chars().filter(|character| *character != '\r').peekable();
    let mut quote: Option<char> = None;
    while let Some(character) = characters.next() {
        match (quote, character) {
            (Some('\''), '\\') => {}
            (_, '\\') => {
                if characters.next().is_none_or(|next| next == '\n' && characters.peek().is_none())
                {
                    return true;
                }
            }
            (Some(open), end) if open == end => quote = None,
            (None, '\'' | '"') => quote = Some(character),
            (None, '$') if characters.peek() == Some(&'\'') => {
                characters.next();
                // In these quotes alone a backslash stands before a quote that does not end them.
                quote = Some(ANSI);
            }
            (Some(ANSI), '\'') => quote = None,
            (Some(_) | None, _) => {}
        }
    }
    quote.is_some()
}

/// Stands for the quotes `$'...'`.
const ANSI: char = '$';

/// Refuses characters that no text has, and that mark variables here.
fn check(text: &str) -> Result<(), PasteError> {
    let mut reader = Reader { rest: text.chars(), mark: Mark::START };
    while let Some(character) = reader.peek() {
        if character == '\0' || variable::is_marker(character) {
            return Err(PasteError::new(reader.mark, "this character stands in no command"));
        }
        reader.next();
    }
    Ok(())
}

/// What a text is read with.
pub(crate) struct Reader<'t> {
    rest: Chars<'t>,
    mark: Mark,
}

impl Reader<'_> {
    /// A line break is one character, however it is written.
    fn peek(&self) -> Option<char> {
        let mut rest = self.rest.clone();
        match rest.next()? {
            '\r' if rest.next() == Some('\n') => Some('\n'),
            character => Some(character),
        }
    }

    pub(crate) fn next(&mut self) -> Option<char> {
        let character = self.peek()?;
        if self.rest.next() == Some('\r') && character == '\n' {
            self.rest.next();
        }
        if character == '\n' {
            self.mark = Mark { line: self.mark.line.saturating_add(1), column: 1 };
        } else {
            self.mark.column = self.mark.column.saturating_add(1);
        }
        Some(character)
    }

    fn skip(&mut self, count: usize) {
        for _ in 0..count {
            self.next();
        }
    }

    fn starts_with(&self, text: &str) -> bool {
        self.rest.as_str().starts_with(text)
    }

    /// The text of a comment.
    fn comment(&mut self) -> String {
        let mut text = String::new();
        while let Some(character) = self.peek().filter(|character| *character != '\n') {
            text.push(character);
            self.next();
        }
        text.trim_start_matches('#').trim().to_owned()
    }

    /// Whether a backslash here joins this line with the next.
    fn continues(&self) -> bool {
        let rest = self.rest.as_str();
        rest.starts_with("\\\n") || rest.starts_with("\\\r\n")
    }

    fn word(&mut self) -> Result<Word, PasteError> {
        let mut word = Word { text: String::new(), mark: self.mark };
        while let Some(character) = self.peek() {
            match character {
                ' ' | '\t' | '\n' | ';' => break,
                '\'' => self.single(&mut word.text)?,
                '"' => self.double(&mut word.text)?,
                '\\' => self.backslash(&mut word.text)?,
                '$' => self.dollar(&mut word.text, false)?,
                '^' if ["^\"", "^\n", "^\r\n"].iter().any(|it| self.starts_with(it)) => {
                    return Err(PasteError::new(self.mark, WINDOWS));
                }
                _ => {
                    self.refuse_operator(character)?;
                    word.text.push(character);
                    self.next();
                }
            }
        }
        Ok(word)
    }

    fn refuse_operator(&self, character: char) -> Result<(), PasteError> {
        let message = match character {
            '|' => "a pipe: leave it and what follows out, only the request itself is imported",
            '&' => "`&` ends a command unless it is quoted: put the URL or text into quotes",
            '>' if self.mark.column == 1 => PROMPT,
            '<' | '>' => "a redirection: leave it out, or quote the text if it is one",
            '(' | ')' => "a bracket means something to a shell: put the text into quotes",
            '`' if self.starts_with("`\n") || self.starts_with("`\r\n") => POWERSHELL,
            '`' if self.starts_with("```") => FENCE,
            '`' => SUBSTITUTION,
            '\u{2018}' | '\u{2019}' | '\u{201C}' | '\u{201D}' => {
                "a typographic quote, which a word processor makes of a straight one: write ' or \""
            }
            _ => return Ok(()),
        };
        Err(PasteError::new(self.mark, message))
    }

    fn single(&mut self, out: &mut String) -> Result<(), PasteError> {
        let start = self.mark;
        self.next();
        loop {
            match self.next() {
                Some('\'') => return Ok(()),
                Some(character) => out.push(character),
                None => return Err(PasteError::new(start, UNCLOSED)),
            }
        }
    }

    fn double(&mut self, out: &mut String) -> Result<(), PasteError> {
        let start = self.mark;
        self.next();
        loop {
            match self.peek() {
                None => return Err(PasteError::new(start, UNCLOSED)),
                Some('"') => {
                    self.next();
                    return Ok(());
                }
                Some('\\') => {
                    self.next();
                    match self.peek() {
                        Some('\n') => self.skip(1),
                        Some(escaped @ ('$' | '`' | '"' | '\\')) => {
                            out.push(escaped);
                            self.next();
                        }
                        _ => out.push('\\'),
                    }
                }
                Some('$') => self.dollar(out, true)?,
                Some('`') => return Err(PasteError::new(self.mark, SUBSTITUTION)),
                Some(character) => {
                    out.push(character);
                    self.next();
                }
            }
        }
    }

    fn backslash(&mut self, out: &mut String) -> Result<(), PasteError> {
        let start = self.mark;
        self.next();
        let blanks = self.rest.as_str().trim_start_matches([' ', '\t']);
        let spaced = blanks.len() < self.rest.as_str().len();
        if spaced && blanks.starts_with(['\n', '\r']) {
            let message = "white space follows this backslash, so that it does not join the lines: \
                           remove what stands after it";
            return Err(PasteError::new(start, message));
        }
        match self.next() {
            Some('\n') => Ok(()),
            Some(character) => {
                out.push(character);
                Ok(())
            }
            None => {
                let message = "the command goes on after this backslash, and nothing follows: \
                               paste the rest too, or remove it";
                Err(PasteError::new(start, message))
            }
        }
    }

    /// What begins with `$`.
    fn dollar(&mut self, out: &mut String, quoted: bool) -> Result<(), PasteError> {
        let start = self.mark;
        self.next();
        match self.peek() {
            Some('\'') if !quoted => ansi::read(self, start, out),
            Some('"') if !quoted => self.double(out),
            Some('(') => Err(PasteError::new(start, SUBSTITUTION)),
            Some('{') => {
                self.next();
                let name = self.name();
                if name.is_empty() || self.next() != Some('}') {
                    let message = "only `$NAME` and `${NAME}` are read: write the value, or a name \
                                   alone";
                    return Err(PasteError::new(start, message));
                }
                variable::push(out, &name);
                Ok(())
            }
            Some(character) if character == '_' || character.is_ascii_alphabetic() => {
                variable::push(out, &self.name());
                Ok(())
            }
            Some('0'..='9' | '@' | '*' | '#' | '?' | '$' | '!' | '-') => Err(PasteError::new(
                start,
                "a parameter of a script has no value here: write the value, put the text into \
                 single quotes, or write `\\$` for a dollar sign",
            )),
            _ => {
                out.push('$');
                Ok(())
            }
        }
    }

    fn name(&mut self) -> String {
        let mut name = String::new();
        while let Some(character) = self.peek() {
            let first = name.is_empty();
            let fits = character == '_'
                || character.is_ascii_alphabetic()
                || (!first && character.is_ascii_digit());
            if !fits {
                break;
            }
            name.push(character);
            self.next();
        }
        name
    }
}

#[cfg(test)]
mod tests;
