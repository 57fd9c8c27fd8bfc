//! Variables within a text: `$NAME` of a shell, `{{name}}` of Postman, and the places that a
//! credential was taken from.
//!
//! They stand in the text itself, between two characters that Unicode keeps free for such use and
//! that no text may hold. So a text with variables can be split, decoded and parsed as JSON like
//! any other, and a variable goes where its text would have gone.

/// Begins a variable.
const VARIABLE: char = '\u{FDD0}';
/// Begins a variable that stands in JSON where a value stands, not within a text.
const BARE: char = '\u{FDD1}';
/// Begins the name of a credential that stood here.
const SECRET: char = '\u{FDD2}';
/// Ends each of them.
const END: char = '\u{FDD3}';

/// Whether a character is one of those that mark.
pub(crate) fn is_marker(character: char) -> bool {
    ('\u{FDD0}'..='\u{FDEF}').contains(&character)
}

/// Whether a JSON text holds such a character, as it is or as an escape. Whoever could write one
/// would choose what stands in a definition as a template.
pub(crate) fn is_smuggled(json: &str) -> bool {
    let escaped = |rest: &str| {
        let digits = rest.get(..4).unwrap_or_default().to_ascii_lowercase();
        digits.starts_with("fdd") || digits.starts_with("fde")
    };
    json.contains(is_marker) || json.split("\\u").skip(1).any(escaped)
}

/// A stretch of a text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece<'t> {
    /// As it was written.
    Plain(&'t str),
    /// The value of a variable of this name.
    Variable(&'t str),
    /// A credential, by the name it has in `server.config`.
    Secret(&'t str),
}

/// Appends a variable. Of its name letters, digits and underscores are kept.
pub(crate) fn push(out: &mut String, name: &str) {
    push_marked(out, VARIABLE, name);
}

/// A variable as a text.
pub(crate) fn text(name: &str) -> String {
    let mut out = String::new();
    push(&mut out, name);
    out
}

/// The place of a credential as a text.
pub(crate) fn secret(name: &str) -> String {
    let mut out = String::new();
    push_marked(&mut out, SECRET, name);
    out
}

fn push_marked(out: &mut String, marker: char, name: &str) {
    out.push(marker);
    let fits = |character: char| character == '_' || character.is_ascii_alphanumeric();
    out.extend(name.chars().map(|character| if fits(character) { character } else { '_' }));
    out.push(END);
}

/// Whether a text holds a variable or the place of a credential.
pub(crate) fn has(text: &str) -> bool {
    text.contains(is_marker)
}

/// Whether a text holds the place of a credential.
pub(crate) fn has_secret(text: &str) -> bool {
    text.contains(SECRET)
}

/// The stretches of a text, in order.
pub(crate) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((start, marker)) = rest.char_indices().find(|(_, c)| is_marker(*c)) {
        let (plain, marked) = rest.split_at_checked(start).unwrap_or((rest, ""));
        if !plain.is_empty() {
            pieces.push(Piece::Plain(plain));
        }
        let (name, after) = marked.split_once(END).unwrap_or((marked, ""));
        let name = name.trim_start_matches(marker);
        pieces.push(if marker == SECRET { Piece::Secret(name) } else { Piece::Variable(name) });
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Plain(rest));
    }
    pieces
}

/// The name of the one variable that a text is.
pub(crate) fn whole(text: &str) -> Option<&str> {
    match pieces(text).as_slice() {
        [Piece::Variable(name)] => Some(name),
        _ => None,
    }
}

/// Whether a text is one variable that stood in JSON where a value stands.
pub(crate) fn is_bare(text: &str) -> bool {
    text.starts_with(BARE) && whole(text).is_some()
}

/// Changes the plain stretches of a text.
pub(crate) fn map_plain(text: &str, change: impl Fn(&str) -> String) -> String {
    if !has(text) {
        return change(text);
    }
    let mut out = String::new();
    for piece in pieces(text) {
        match piece {
            Piece::Plain(plain) => out.push_str(&change(plain)),
            Piece::Variable(name) => push_marked(&mut out, VARIABLE, name),
            Piece::Secret(name) => push_marked(&mut out, SECRET, name),
        }
    }
    out
}

/// JSON text with variables, ready to be parsed: what stands outside of texts is put into quotes.
pub(crate) fn quoted_for_json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut within, mut escaped, mut bare) = (false, false, false);
    for character in text.chars() {
        match character {
            '"' if !escaped => within = !within,
            VARIABLE if !within => {
                bare = true;
                out.extend(['"', BARE]);
                continue;
            }
            END if bare => {
                bare = false;
                out.extend([END, '"']);
                continue;
            }
            _ => {}
        }
        escaped = within && character == '\\' && !escaped;
        out.push(character);
    }
    out
}
