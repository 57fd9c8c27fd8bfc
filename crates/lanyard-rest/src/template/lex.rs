//! Cuts a template into literal text and actions, and an action into tokens. Knows nothing of
//! functions, variables or nesting.

use super::TemplateError;

/// One piece of a template.
#[derive(Debug)]
pub(super) enum Piece<'t> {
    /// Text to be copied, already trimmed as the markers beside it say.
    Literal { offset: usize, text: &'t str },
    /// What stands between `{{` and `}}`; with an error, the tokens before it.
    Action { offset: usize, tokens: Vec<Lexeme<'t>>, error: Option<TemplateError> },
}

/// A token, where it begins, and whether white space stands before it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Lexeme<'t> {
    pub(super) token: Token<'t>,
    pub(super) offset: usize,
    pub(super) spaced: bool,
}

/// A token of an action.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token<'t> {
    /// `.name`, or `.0` directly after another operand.
    Field(&'t str),
    /// `.`
    Dot,
    /// `$name`; empty for `$` alone.
    Variable(&'t str),
    /// A keyword or a function.
    Word(&'t str),
    /// A string or character constant.
    Text(String),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// `|`
    Pipe,
    /// `,`
    Comma,
    /// `:=`
    Declare,
    /// `=`
    Assign,
    /// `(`
    Open,
    /// `)`
    Close,
}

/// Cuts a whole template. An action that is never closed ends the list.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut cursor = Cursor { text, at: 0 };
    let mut pieces = Vec::new();
    let mut trim_start = false;
    while !cursor.rest().is_empty() {
        let rest = cursor.rest();
        let length = rest.find("{{").unwrap_or(rest.len());
        let literal_at = cursor.at;
        let literal = rest.get(..length).unwrap_or(rest);
        cursor.skip(length);
        let action_at = cursor.at;
        let found = cursor.eat("{{");
        let trim_end = found && cursor.trim_marker();
        push_literal(&mut pieces, literal_at, literal, trim_start, trim_end);
        if !found {
            break;
        }
        if cursor.rest().starts_with("/*") {
            match comment(&mut cursor) {
                Ok(trim) => trim_start = trim,
                Err(error) => {
                    pieces.push(Piece::Action {
                        offset: action_at,
                        tokens: Vec::new(),
                        error: Some(error),
                    });
                    break;
                }
            }
            continue;
        }
        let (tokens, end) = tokens(&mut cursor);
        let error = match end {
            Ok(trim) => {
                trim_start = trim;
                None
            }
            Err(error) => {
                trim_start = cursor.skip_action();
                Some(error)
            }
        };
        pieces.push(Piece::Action { offset: action_at, tokens, error });
    }
    pieces
}

fn push_literal<'t>(
    pieces: &mut Vec<Piece<'t>>,
    offset: usize,
    literal: &'t str,
    trim_start: bool,
    trim_end: bool,
) {
    let mut text = literal;
    let mut offset = offset;
    if trim_start {
        text = text.trim_start_matches(is_space);
        offset = offset.saturating_add(literal.len().saturating_sub(text.len()));
    }
    if trim_end {
        text = text.trim_end_matches(is_space);
    }
    if !text.is_empty() {
        pieces.push(Piece::Literal { offset, text });
    }
}

/// A comment from `/*` to its `}}`; gives whether the text after it is trimmed.
fn comment(cursor: &mut Cursor<'_>) -> Result<bool, TemplateError> {
    let start = cursor.at;
    let Some(length) = cursor.rest().find("*/") else {
        return Err(error(start, "unclosed comment"));
    };
    cursor.skip(length.saturating_add(2));
    if cursor.eat("}}") {
        return Ok(false);
    }
    let spaced = !cursor.take(is_space).is_empty();
    if spaced && cursor.eat("-}}") {
        return Ok(true);
    }
    Err(error(start, "a comment must end directly before `}}`"))
}

/// The tokens up to the end of the action, and whether the text after it is trimmed.
fn tokens<'t>(cursor: &mut Cursor<'t>) -> (Vec<Lexeme<'t>>, Result<bool, TemplateError>) {
    let start = cursor.at;
    let mut found: Vec<Lexeme<'t>> = Vec::new();
    loop {
        let spaced = !cursor.take(is_space).is_empty();
        if cursor.eat("}}") {
            return (found, Ok(false));
        }
        if spaced && cursor.eat("-}}") {
            return (found, Ok(true));
        }
        if cursor.rest().is_empty() {
            return (found, Err(error(start, "unclosed action: `}}` is missing")));
        }
        let offset = cursor.at;
        let after_operand = !spaced
            && found.last().is_some_and(|last| {
                matches!(last.token, Token::Field(_) | Token::Variable(_) | Token::Close)
            });
        match token(cursor, after_operand) {
            Ok(token) => found.push(Lexeme { token, offset, spaced }),
            Err(error) => return (found, Err(error)),
        }
    }
}

fn token<'t>(cursor: &mut Cursor<'t>, after_operand: bool) -> Result<Token<'t>, TemplateError> {
    let start = cursor.at;
    let Some(first) = cursor.peek() else {
        return Err(error(start, "unexpected end"));
    };
    let second = cursor.rest().chars().nth(1).unwrap_or(' ');
    let token = match first {
        '|' => single(cursor, Token::Pipe),
        ',' => single(cursor, Token::Comma),
        '(' => single(cursor, Token::Open),
        ')' => single(cursor, Token::Close),
        '=' => single(cursor, Token::Assign),
        ':' if second == '=' => {
            cursor.skip(2);
            Token::Declare
        }
        '"' | '\'' => Token::Text(quoted(cursor, first)?),
        '`' => Token::Text(raw(cursor)?),
        '.' if is_word(second) && (after_operand || !second.is_ascii_digit()) => {
            cursor.skip(1);
            terminated(cursor, Cursor::word, Token::Field)?
        }
        '.' if !second.is_ascii_digit() => {
            cursor.skip(1);
            terminated(cursor, |_| "", |_| Token::Dot)?
        }
        '$' => {
            cursor.skip(1);
            terminated(cursor, Cursor::word, Token::Variable)?
        }
        '0'..='9' | '.' | '+' | '-' => number(cursor)?,
        _ if is_word(first) => terminated(cursor, Cursor::word, Token::Word)?,
        other => return Err(error(start, format!("unexpected character {other:?}"))),
    };
    Ok(token)
}

fn single<'t>(cursor: &mut Cursor<'t>, token: Token<'t>) -> Token<'t> {
    cursor.skip(1);
    token
}

/// Reads a token that must be followed by white space, punctuation or the end of the action.
fn terminated<'t>(
    cursor: &mut Cursor<'t>,
    read: impl FnOnce(&mut Cursor<'t>) -> &'t str,
    make: impl FnOnce(&'t str) -> Token<'t>,
) -> Result<Token<'t>, TemplateError> {
    let token = make(read(cursor));
    let next = cursor.peek().unwrap_or(' ');
    let ends = is_space(next) || ".,|:()=".contains(next) || cursor.rest().starts_with("}}");
    if ends { Ok(token) } else { Err(error(cursor.at, format!("unexpected character {next:?}"))) }
}

fn number<'t>(cursor: &mut Cursor<'t>) -> Result<Token<'t>, TemplateError> {
    let start = cursor.at;
    let mut previous = ' ';
    let written = cursor.take(|next| {
        let sign = matches!(next, '+' | '-') && matches!(previous, ' ' | 'e' | 'E');
        let inside = next.is_alphanumeric() || matches!(next, '.' | '_') || sign;
        previous = next;
        inside
    });
    let bad = || error(start, format!("bad number {written:?}"));
    let plain = written.replace('_', "");
    let token = whole(&plain).map(Token::Int).or_else(|| float(&plain).map(Token::Float));
    let token = token.ok_or_else(bad)?;
    terminated(cursor, |_| "", |_| token)
}

/// A whole number in any of the bases of Go.
fn whole(text: &str) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase();
    let (base, digits) = if let Some(digits) = lower.strip_prefix("0x") {
        (16, digits)
    } else if let Some(digits) = lower.strip_prefix("0b") {
        (2, digits)
    } else if let Some(digits) = lower.strip_prefix("0o") {
        (8, digits)
    } else if lower.len() > 1 && lower.starts_with('0') {
        (8, lower.as_str())
    } else {
        (10, lower.as_str())
    };
    if !digits.chars().all(|digit| digit.is_digit(base)) {
        return None;
    }
    i64::from_str_radix(&format!("{sign}{digits}"), base).ok()
}

fn float(text: &str) -> Option<f64> {
    let numeric = |next: char| next.is_ascii_digit() || "+-.eE".contains(next);
    let fraction = text.chars().any(|next| ".eE".contains(next));
    if !fraction || !text.chars().all(numeric) {
        return None;
    }
    text.parse::<f64>().ok().filter(|number| number.is_finite())
}

fn raw(cursor: &mut Cursor<'_>) -> Result<String, TemplateError> {
    let start = cursor.at;
    cursor.skip(1);
    let text = cursor.take(|next| next != '`').to_owned();
    if cursor.eat("`") { Ok(text) } else { Err(error(start, "unclosed raw string")) }
}

/// A string, or a character constant, which here is a string of one character.
fn quoted(cursor: &mut Cursor<'_>, quote: char) -> Result<String, TemplateError> {
    let start = cursor.at;
    cursor.skip(1);
    let mut text = String::new();
    loop {
        let at = cursor.at;
        match cursor.bump() {
            None | Some('\n') => return Err(error(start, "unclosed string")),
            Some('\\') => text.push(escape(cursor, quote).ok_or_else(|| error(at, BAD_ESCAPE))?),
            Some(next) if next == quote => break,
            Some(next) => text.push(next),
        }
    }
    if quote == '\'' && text.chars().count() != 1 {
        return Err(error(start, "a constant in single quotes has exactly one character"));
    }
    Ok(text)
}

const BAD_ESCAPE: &str = "unknown escape in a string";

fn escape(cursor: &mut Cursor<'_>, quote: char) -> Option<char> {
    let next = cursor.bump()?;
    Some(match next {
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\u{b}',
        '\\' => '\\',
        'x' => code(cursor, 2, 16, "")?,
        'u' => code(cursor, 4, 16, "")?,
        'U' => code(cursor, 8, 16, "")?,
        '0'..='7' => code(cursor, 2, 8, next.encode_utf8(&mut [0; 4]))?,
        _ if next == quote => quote,
        _ => return None,
    })
}

fn code(cursor: &mut Cursor<'_>, digits: usize, base: u32, first: &str) -> Option<char> {
    let mut written = first.to_owned();
    for _ in 0..digits {
        written.push(cursor.bump().filter(|digit| digit.is_digit(base))?);
    }
    char::from_u32(u32::from_str_radix(&written, base).ok()?)
}

fn is_space(next: char) -> bool {
    matches!(next, ' ' | '\t' | '\r' | '\n')
}

fn is_word(next: char) -> bool {
    next == '_' || next.is_alphanumeric()
}

fn error(offset: usize, message: impl Into<String>) -> TemplateError {
    TemplateError { offset, message: message.into() }
}

/// A place in the text.
struct Cursor<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Cursor<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.skip(next.len_utf8());
        Some(next)
    }

    fn skip(&mut self, bytes: usize) {
        self.at = self.at.saturating_add(bytes);
    }

    fn eat(&mut self, expected: &str) -> bool {
        let found = self.rest().starts_with(expected);
        if found {
            self.skip(expected.len());
        }
        found
    }

    fn take(&mut self, mut wanted: impl FnMut(char) -> bool) -> &'t str {
        let rest = self.rest();
        let length = rest.find(|next| !wanted(next)).unwrap_or(rest.len());
        self.skip(length);
        rest.get(..length).unwrap_or("")
    }

    fn word(&mut self) -> &'t str {
        self.take(is_word)
    }

    /// The `- ` after `{{`, which trims the text before the action.
    fn trim_marker(&mut self) -> bool {
        let mut next = self.rest().chars();
        let found = next.next() == Some('-') && next.next().is_some_and(is_space);
        if found {
            self.skip(1);
            // A comment may follow the marker at any distance.
            if self.rest().trim_start_matches(is_space).starts_with("/*") {
                self.take(is_space);
            }
        }
        found
    }

    /// Goes behind the end of an action that could not be read; gives whether it trims.
    fn skip_action(&mut self) -> bool {
        let rest = self.rest();
        let Some(length) = rest.find("}}") else {
            self.at = self.text.len();
            return false;
        };
        let trims = rest.get(..length).is_some_and(|skipped| skipped.ends_with('-'));
        self.skip(length.saturating_add(2));
        trims
    }
}
