//! Compiles the patterns of RE2, as Go writes them, with the engine of the crate `regex`. The two
//! agree but for a few spellings, which are translated: `\d`, `\w`, `\s` and `\b` mean ASCII, `\Q..\E`
//! is literal text, and a bracket inside brackets means itself.

use regex::{Regex, RegexBuilder};

/// The most memory a compiled pattern may take.
const COMPILED_BYTES_MAX: usize = 1 << 20;

/// The longest pattern.
const PATTERN_BYTES_MAX: usize = 16 << 10;

/// Compiles a pattern.
pub(super) fn compile(pattern: &str) -> Result<Regex, String> {
    if pattern.len() > PATTERN_BYTES_MAX {
        return Err("the regular expression is too long".to_owned());
    }
    let built = RegexBuilder::new(&translated(pattern))
        .size_limit(COMPILED_BYTES_MAX)
        .dfa_size_limit(COMPILED_BYTES_MAX)
        .nest_limit(50)
        .build();
    built.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "the regular expression is too large".to_owned(),
        _ => "the regular expression is wrong".to_owned(),
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
