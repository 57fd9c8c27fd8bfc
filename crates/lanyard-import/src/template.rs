//! Text that stays as it is, in places that are templates.

/// A text as a template that gives that text and nothing else.
pub fn literal(text: &str) -> String {
    // A reference to a secret is refused in every template, whatever it is part of.
    text.replace("{{", "{{\"{{\"}}").replace("secret://", "secret:{{\"//\"}}")
}

/// A part of a URL as a template that gives that part: what cannot stand in a URL, and braces,
/// which would name an argument, are percent-encoded.
pub fn url_literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let stands =
            character.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:@/?[]".contains(character);
        if stands || (character == '%' && is_escape(rest)) {
            out.push(character);
        } else {
            let mut buffer = [0; 4];
            for byte in character.encode_utf8(&mut buffer).bytes() {
                out.push_str(&format!("%{byte:02X}"));
            }
        }
        rest = rest.get(character.len_utf8()..).unwrap_or_default();
    }
    out.replace("secret://", "secret:%2F%2F")
}

/// Whether a `%` at the start of this text begins an escape.
fn is_escape(text: &str) -> bool {
    let mut digits = text.bytes().skip(1);
    let mut hex = || digits.next().is_some_and(|byte| byte.is_ascii_hexdigit());
    hex() && hex()
}

/// A path or URL without the names in its braces, which do not tell it from another.
pub(crate) fn without_names(url: &str) -> String {
    let mut plain = String::with_capacity(url.len());
    let mut inside = false;
    for character in url.chars() {
        match character {
            '{' => inside = true,
            '}' => inside = false,
            _ if inside => continue,
            _ => {}
        }
        plain.push(character);
    }
    plain
}
