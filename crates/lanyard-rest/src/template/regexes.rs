//! Compiles the patterns of RE2, as Go writes them, with the engine of the crate `regex`. The two
//! agree but for a few spellings, which are translated: `\d`, `\w`, `\s` and `\b` mean ASCII, `\Q..\E`
//! is literal text, and a bracket inside brackets means itself.

use regex::{Regex, RegexBuilder};

/// Who wrote a pattern, which decides how large it may become.
#[derive(Debug, Clone, Copy)]
pub(super) enum Author {
    /// It stands in the template.
    Template,
    /// It was computed and may be an argument. A search takes the time of text times pattern, so
    /// the pattern must be small.
    Value,
}

impl Author {
    fn compiled_bytes_max(self) -> usize {
        match self {
            Self::Template => 1 << 20,
            Self::Value => 64 << 10,
        }
    }
}

/// The longest pattern.
const PATTERN_BYTES_MAX: usize = 16 << 10;

/// Compiles a pattern.
pub(super) fn compile(pattern: &str, author: Author) -> Result<Regex, String> {
    if pattern.len() > PATTERN_BYTES_MAX {
        return Err("the regular expression is too long".to_owned());
    }
    let built = RegexBuilder::new(&translated(pattern))
        .size_limit(author.compiled_bytes_max())
        .dfa_size_limit(author.compiled_bytes_max())
        .nest_limit(50)
        .build();
    built.map_err(|error| {
        let large = matches!(error, regex::Error::CompiledTooBig(_));
        format!("the regular expression is {}", if large { "too large" } else { "wrong" })
    })
}

fn translated(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut rest = pattern.chars().peekable();
    // Inside brackets, and whether a closing bracket would here mean itself.
    let (mut inside, mut first) = (false, false);
    while let Some(next) = rest.next() {
        let starts = std::mem::take(&mut first);
        match next {
            '\\' => escape(&mut rest, &mut out, inside),
            '[' if inside && rest.peek() == Some(&':') => class(&mut rest, &mut out),
            '[' if inside => out.push_str("\\["),
            '[' => {
                (inside, first) = (true, true);
                out.push('[');
                if rest.next_if_eq(&'^').is_some() {
                    out.push('^');
                }
            }
            ']' if inside && starts => out.push_str("\\]"),
            ']' => {
                inside = false;
                out.push(']');
            }
            '&' | '~' if inside => {
                out.push('\\');
                out.push(next);
            }
            _ => out.push(next),
        }
    }
    out
}

type Rest<'p> = std::iter::Peekable<std::str::Chars<'p>>;

fn escape(rest: &mut Rest<'_>, out: &mut String, inside: bool) {
    match rest.next() {
        Some('d') => out.push_str("[0-9]"),
        Some('D') => out.push_str("[^0-9]"),
        Some('w') => out.push_str("[0-9A-Za-z_]"),
        Some('W') => out.push_str("[^0-9A-Za-z_]"),
        Some('s') => out.push_str("[\\t\\n\\f\\r ]"),
        Some('S') => out.push_str("[^\\t\\n\\f\\r ]"),
        Some('b') if !inside => out.push_str("(?-u:\\b)"),
        Some('Q') => literal(rest, out),
        Some(escaped) => {
            out.push('\\');
            out.push(escaped);
        }
        None => out.push('\\'),
    }
}

/// A class such as `[:alpha:]` inside brackets, whose opening bracket is already read.
fn class(rest: &mut Rest<'_>, out: &mut String) {
    out.push('[');
    for next in rest {
        let ends = next == ']';
        out.push(next);
        if ends {
            break;
        }
    }
}

/// What stands between `\Q` and `\E`.
fn literal(rest: &mut Rest<'_>, out: &mut String) {
    while let Some(next) = rest.next() {
        if next == '\\' && rest.next_if_eq(&'E').is_some() {
            break;
        }
        out.push_str(&regex::escape(next.encode_utf8(&mut [0; 4])));
    }
}
