//! A pasted curl line as a sample. Nothing is executed, no file is read, nothing is sent.
//!
//! All options of curl are known: those that say something of the request are read, those that only
//! change what curl prints or how it connects are told in a note, the rest is refused with the
//! reason. No message holds a value of the line.

mod form;
mod options;
mod request;

use lanyard_rest::suggestion;

use self::options::{Does, Known, OPTIONS, Takes, by_letter, by_name};
use self::request::Request;
use crate::note::Severity;
use crate::sample::{ImportOptions, Imported, Sample, assemble};
use crate::shell::advice::VARIABLE;
use crate::shell::{self, Mark, PasteError, Word};

/// The longest paste, in bytes.
const PASTE_BYTES_MAX: usize = 1 << 20;

/// Makes a server with one tool of a pasted curl line.
///
/// # Errors
///
/// Everything that is wrong with the line, each with its place and what to do.
pub fn import_curl(text: &str, options: &ImportOptions<'_>) -> Result<Imported, Vec<PasteError>> {
    let sample = read(text, options.base_url)?;
    let missing = || vec![PasteError::new(Mark::START, "nothing was pasted: paste a curl line")];
    let imported = assemble(vec![sample], options, false).pop().ok_or_else(missing)?;
    if imported.draft.tools.is_empty() {
        let left_out = imported.notes.iter().filter(|note| note.severity == Severity::Skipped);
        return Err(left_out.map(|note| PasteError::new(Mark::START, &note.text)).collect());
    }
    Ok(imported)
}

/// Reads one curl line. `base_url` is what a variable at the start of the URL stands for.
pub(crate) fn read(text: &str, base_url: Option<&str>) -> Result<Sample, Vec<PasteError>> {
    if text.len() > PASTE_BYTES_MAX {
        let message = format!("this is longer than {PASTE_BYTES_MAX} bytes: shorten its body");
        return Err(vec![PasteError::new(Mark::START, message)]);
    }
    let command = shell::command(text).map_err(|error| vec![error])?;
    let mut words = command.words.into_iter();
    let Some(first) = words.next() else {
        return Err(vec![PasteError::new(Mark::START, "nothing was pasted: paste a curl line")]);
    };
    if !matches!(first.text.as_str(), "curl" | "curl.exe" | "/usr/bin/curl") {
        let name = first.text.split_once('=').map(|(name, _)| name);
        let is_name = |it: &str| it.chars().all(|c| c == '_' || c.is_ascii_alphanumeric());
        let message = match name.filter(|name| !name.is_empty() && is_name(name)) {
            Some(_) => VARIABLE,
            None => "this is no curl line: it must begin with `curl`",
        };
        return Err(vec![PasteError::new(first.mark, message)]);
    }
    let mut reader = Reader { words, given: Vec::new(), errors: Vec::new() };
    reader.read();
    let Reader { given, errors, .. } = reader;
    Request::collect(given, errors, first.mark, base_url, command.comment)
}

/// An option with its value, or a URL.
pub(crate) struct Given {
    known: &'static Known,
    /// The value; empty for an option that takes none.
    value: Word,
    /// Where the option stands.
    mark: Mark,
}

struct Reader {
    words: std::vec::IntoIter<Word>,
    given: Vec<Given>,
    errors: Vec<PasteError>,
}

impl Reader {
    fn read(&mut self) {
        let mut options = true;
        while let Some(word) = self.words.next() {
            let mark = word.mark;
            match word.text.as_str() {
                "--" if options => options = false,
                text if options && text.starts_with("--") => self.long(&word),
                text if options && text.starts_with('-') && text.len() > 1 => self.short(&word),
                text if options && text.starts_with(['\u{2013}', '\u{2014}', '\u{2212}']) => {
                    let message = "a typographic dash, which a word processor makes of hyphens: \
                                   write `-` or `--`";
                    self.errors.push(PasteError::new(mark, message));
                    self.skip_value();
                }
                _ => self.url(word),
            }
        }
    }

    fn url(&mut self, word: Word) {
        let mark = word.mark;
        if let Some(known) = by_name("url") {
            self.given.push(Given { known, value: word, mark });
        }
    }

    /// What may be the value of an option that is none is no further error.
    fn skip_value(&mut self) {
        let next = self.words.as_slice().first();
        if next.is_some_and(|word| !word.text.starts_with('-') && !word.text.contains("://")) {
            self.words.next();
        }
    }

    /// `--name value` and `--name=value`.
    fn long(&mut self, word: &Word) {
        let name = word.text.trim_start_matches('-');
        let (name, joined) = match name.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (name, None),
        };
        let Some(known) = by_name(name) else {
            self.errors.push(PasteError::new(word.mark, unknown(name)));
            self.skip_value();
            return;
        };
        let value = joined.map(|value| Word { text: value.to_owned(), mark: word.mark });
        if value.is_some() && known.takes == Takes::Nothing {
            let message =
                format!("`--{}` takes no value: remove the `=` and what follows", known.long);
            self.errors.push(PasteError::new(word.mark, message));
            return;
        }
        self.push(known, value, word.mark);
    }

    /// `-s`, `-XPOST`, `-sSXPOST`, `-d VALUE`.
    fn short(&mut self, word: &Word) {
        let mut letters = word.text.chars();
        letters.next();
        while let Some(letter) = letters.next() {
            let Some(known) = by_letter(letter) else {
                let message = if letter.is_ascii_alphanumeric() {
                    format!("curl has no option `-{letter}`: remove it")
                } else {
                    "this is no option of curl: put the text it belongs to into quotes".to_owned()
                };
                self.errors.push(PasteError::new(word.mark, message));
                return;
            };
            if known.takes == Takes::Value {
                let rest = letters.as_str();
                let value = Word { text: rest.to_owned(), mark: word.mark };
                self.push(known, (!rest.is_empty()).then_some(value), word.mark);
                return;
            }
            self.push(known, None, word.mark);
        }
    }

    fn push(&mut self, known: &'static Known, joined: Option<Word>, mark: Mark) {
        let value = match (known.takes, joined) {
            (Takes::Nothing, _) => Word { text: String::new(), mark },
            (Takes::Value, Some(value)) => value,
            (Takes::Value, None) => {
                let Some(value) = self.words.next() else {
                    let message = format!("`--{}` needs a value, and nothing follows", known.long);
                    self.errors.push(PasteError::new(mark, message));
                    return;
                };
                value
            }
        };
        if let Does::Refused(reason) = known.does {
            let message = format!("`--{}` is refused: {reason}", known.long);
            self.errors.push(PasteError::new(mark, message));
        } else {
            self.given.push(Given { known, value, mark });
        }
    }
}

/// What is said of a name that is none. It is repeated only if it can be a name.
fn unknown(name: &str) -> String {
    let is_name = name.len() <= 40
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-' || byte == b'.');
    if !is_name {
        return "this is no option of curl: put the text it belongs to into quotes".to_owned();
    }
    // curl takes the beginning of a name for the name; here it must be whole.
    let begun: Vec<&str> =
        OPTIONS.iter().map(|known| known.long).filter(|long| long.starts_with(name)).collect();
    let hint = match begun.as_slice() {
        [one] => format!("; did you mean `{one}`?"),
        _ => suggestion(name, OPTIONS.iter().map(|known| known.long)),
    };
    format!("curl has no option `--{name}`{}", hint.replace("mean `", "mean `--"))
}

#[cfg(test)]
pub(crate) use tests::golden::told;

#[cfg(test)]
mod tests;
