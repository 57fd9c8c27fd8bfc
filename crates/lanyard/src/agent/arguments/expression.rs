//! The function-call form: `server.tool(a: 1, "two", [3])`. Literals only. Pure.

use serde_json::{Map, Number, Value};
use thiserror::Error;

use super::parse::Given;
use super::{Name, Raw};

/// How deep literals may nest.
const DEPTH_MAX: usize = 64;

/// Why an expression cannot be read. The wording is mcporter's.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("Unable to parse function-style call.\nReason: {0}")]
pub(in crate::agent) struct ExpressionError(String);

/// Reads a whole expression: what stands before the bracket, and the arguments.
pub(super) fn parse_expression(text: &str) -> Result<(String, Given), ExpressionError> {
    let unreadable = || ExpressionError("A call is written server.tool(name: value).".to_owned());
    let (selector, rest) = text.trim().split_once('(').ok_or_else(unreadable)?;
    let body = rest.strip_suffix(')').ok_or_else(unreadable)?;
    let mut reader = Reader { rest: body };
    Ok((selector.trim().to_owned(), reader.arguments()?))
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn arguments(&mut self) -> Result<Given, ExpressionError> {
        let mut given = Given::default();
        while !self.at_end() {
            match self.label() {
                Some(label) => {
                    let value = self.value(0)?;
                    given.named.push((Name::Exact(label), Raw::Literal(value)));
                }
                None => given.positional.push(Raw::Literal(self.value(0)?)),
            }
            if !self.at_end() {
                self.expect(',')?;
            }
        }
        Ok(given)
    }

    /// A name with a colon behind it.
    fn label(&mut self) -> Option<String> {
        self.skip_space();
        let before = self.rest;
        let name = if self.rest.starts_with(['"', '\'']) {
            self.string().ok()
        } else {
            self.word().map(str::to_owned)
        };
        if name.is_some() && self.take(':') {
            return name;
        }
        self.rest = before;
        None
    }

    fn value(&mut self, depth: usize) -> Result<Value, ExpressionError> {
        if depth > DEPTH_MAX {
            return Err(ExpressionError("The arguments nest too deep.".to_owned()));
        }
        self.skip_space();
        match self.rest.chars().next() {
            Some('"' | '\'') => self.string().map(Value::String),
            Some('[') => self.list(depth),
            Some('{') => self.object(depth),
            Some('-' | '.' | '0'..='9') => self.number(),
            Some(letter) if is_word(letter) => match self.word() {
                Some("true") => Ok(Value::Bool(true)),
                Some("false") => Ok(Value::Bool(false)),
                Some("null") => Ok(Value::Null),
                Some(_) | None => Err(unsupported("Identifier")),
            },
            Some('`') => Err(unsupported("TemplateLiteral")),
            Some(letter) => Err(ExpressionError(format!("Unexpected character '{letter}'."))),
            None => Err(ExpressionError("A value is missing.".to_owned())),
        }
    }

    fn list(&mut self, depth: usize) -> Result<Value, ExpressionError> {
        let mut items = Vec::new();
        self.expect('[')?;
        while !self.take(']') {
            items.push(self.value(depth.saturating_add(1))?);
            if !self.take(',') {
                self.expect(']')?;
                break;
            }
        }
        Ok(Value::Array(items))
    }

    fn object(&mut self, depth: usize) -> Result<Value, ExpressionError> {
        let mut members = Map::new();
        self.expect('{')?;
        while !self.take('}') {
            let name = self.label();
            let name =
                name.ok_or_else(|| ExpressionError("A property needs a name.".to_owned()))?;
            let value = self.value(depth.saturating_add(1))?;
            if members.contains_key(&name) {
                return Err(ExpressionError(format!("An object has the property '{name}' twice.")));
            }
            members.insert(name, value);
            if !self.take(',') {
                self.expect('}')?;
                break;
            }
        }
        Ok(Value::Object(members))
    }

    fn number(&mut self) -> Result<Value, ExpressionError> {
        let end = self.rest.find(|letter: char| !is_number(letter)).unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        self.rest = rest;
        let number = serde_json::from_str::<Number>(text);
        number.map(Value::Number).map_err(|_| ExpressionError(format!("'{text}' is no number.")))
    }

    fn string(&mut self) -> Result<String, ExpressionError> {
        let mut letters = self.rest.chars();
        let quote = letters.next();
        let mut text = String::new();
        while let Some(letter) = letters.next() {
            if Some(letter) == quote {
                self.rest = letters.as_str();
                return Ok(text);
            }
            text.push(if letter == '\\' { escape(&mut letters)? } else { letter });
        }
        Err(ExpressionError("Unterminated string constant.".to_owned()))
    }

    fn word(&mut self) -> Option<&'a str> {
        let inner = |letter: char| is_word(letter) || letter == '-' || letter.is_ascii_digit();
        let end = self.rest.find(|letter| !inner(letter)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at_checked(end)?;
        if !word.starts_with(is_word) {
            return None;
        }
        self.rest = rest;
        Some(word)
    }

    fn take(&mut self, letter: char) -> bool {
        self.skip_space();
        match self.rest.strip_prefix(letter) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, letter: char) -> Result<(), ExpressionError> {
        if self.take(letter) {
            return Ok(());
        }
        Err(match self.rest.chars().next() {
            Some(found) => ExpressionError(format!("Unexpected character '{found}'.")),
            None => ExpressionError(format!("'{letter}' is missing.")),
        })
    }

    fn at_end(&mut self) -> bool {
        self.skip_space();
        self.rest.is_empty()
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }
}

fn is_word(letter: char) -> bool {
    letter.is_alphabetic() || letter == '_' || letter == '$'
}

fn is_number(letter: char) -> bool {
    letter.is_ascii_digit() || "+-.eE".contains(letter)
}

fn unsupported(what: &str) -> ExpressionError {
    ExpressionError(format!("Unsupported argument expression: {what}."))
}

/// What follows a backslash.
fn escape(letters: &mut std::str::Chars<'_>) -> Result<char, ExpressionError> {
    let bad = || ExpressionError("Bad escape sequence in a string.".to_owned());
    Ok(match letters.next().ok_or_else(bad)? {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        'b' => '\u{8}',
        'f' => '\u{c}',
        '0' => '\0',
        'u' => {
            let first = hex(letters).ok_or_else(bad)?;
            let code = match first {
                // Two escapes make one letter beyond the first 65,536.
                0xd800..=0xdbff => {
                    let is_pair = letters.next() == Some('\\') && letters.next() == Some('u');
                    let second = hex(letters).filter(|it| is_pair && (0xdc00..0xe000).contains(it));
                    let low = second.ok_or_else(bad)? & 0x3ff;
                    ((first & 0x3ff) << 10 | low).saturating_add(0x1_0000)
                }
                code => code,
            };
            char::from_u32(code).ok_or_else(bad)?
        }
        other => other,
    })
}

fn hex(letters: &mut std::str::Chars<'_>) -> Option<u32> {
    let digits = letters.take(4).collect::<String>();
    (digits.len() == 4).then(|| u32::from_str_radix(&digits, 16).ok()).flatten()
}
