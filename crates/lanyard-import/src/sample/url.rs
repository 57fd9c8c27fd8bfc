//! URLs of samples: origin, path and decoded query.

use lanyard_core::Origin;
use percent_encoding::percent_decode_str;

use super::Pair;
use crate::shell::variable;

/// A URL without user and fragment.
pub(crate) struct Target {
    pub(crate) origin: Origin,
    pub(crate) path: String,
    pub(crate) query: Vec<Pair>,
}

/// What reading a URL gives beside its target.
pub(crate) struct Read {
    pub(crate) target: Target,
    /// `user:password` before the host.
    pub(crate) user: Option<String>,
    /// Whether `http://` was put before it.
    pub(crate) guessed: bool,
}

const NO_HOST: &str = "an argument must not choose where a request goes: write the host instead of \
                       the variable, or say what it stands for with `--base-url`";
const BAD_HOST: &str = "this URL has no host that can be reached by name: write \
                        https://HOST/PATH";
const PLACEHOLDER: &str = "the host holds a placeholder: write your own host there";
const DOTS: &str = "a `.` or `..` segment in the path: write the path that is meant";
const SEVERAL: &str = "curl reads braces with commas and brackets with ranges as several URLs: \
                       write one of them";
const UNREADABLE: &str = "this URL holds a line break or a control character: remove it";
/// The most pairs of a query or form: more than a tool can sensibly take.
const PAIRS_MAX: usize = 1_000;
const TOO_MANY: &str = "more than 1000 pairs: shorten it";
const ENCODING: &str = "the escapes of this URL make no UTF-8: only text is imported";

/// Reads a URL as curl would. No message holds a part of it.
pub(crate) fn read(text: &str, base_url: Option<&str>) -> Result<Read, &'static str> {
    let text = text.trim();
    if text.is_empty() {
        return Err("the URL is empty");
    }
    if text.contains(char::is_control) {
        return Err(UNREADABLE);
    }
    let based = with_base(text, base_url)?;
    let text = based.as_deref().unwrap_or(text);
    let (scheme, rest, guessed) = match text.split_once("://") {
        Some((scheme, rest)) if !scheme.contains(['/', '?', '#']) => (scheme, rest, false),
        _ => ("http", text, true),
    };
    if !["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return Err("only http:// and https:// are imported");
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at_checked(end).unwrap_or((rest, ""));
    let (user, host) = match authority.rsplit_once('@') {
        Some((user, host)) => (Some(decoded(user, false)?), host),
        None => (None, authority),
    };
    let origin = read_host(scheme, host)?;
    let rest = rest.split('#').next().unwrap_or_default();
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    check_path(path)?;
    if variable::pieces(query).iter().any(is_glob) {
        return Err(SEVERAL);
    }
    let path = if path.is_empty() { "/".to_owned() } else { path.to_owned() };
    Ok(Read { target: Target { origin, path, query: pairs(query)? }, user, guessed })
}

/// A URL that begins with a variable, or with a path, stands below the base URL.
fn with_base(text: &str, base_url: Option<&str>) -> Result<Option<String>, &'static str> {
    let rest = match variable::pieces(text).first() {
        Some(variable::Piece::Variable(name)) => {
            text.get(variable::text(name).len()..).unwrap_or_default()
        }
        Some(variable::Piece::Plain(plain)) if plain.starts_with('/') => text,
        _ => return Ok(None),
    };
    let Some(base) = base_url else {
        return Err(if rest.len() < text.len() {
            NO_HOST
        } else {
            "this URL is only a path: write https://HOST before it, or say the host with \
             `--base-url`"
        });
    };
    if !rest.is_empty() && !rest.starts_with(['/', '?']) {
        return Err(NO_HOST);
    }
    Ok(Some(format!("{}{rest}", base.trim_end_matches('/'))))
}

fn read_host(scheme: &str, host: &str) -> Result<Origin, &'static str> {
    if variable::has(host) {
        return Err(NO_HOST);
    }
    if host.contains(['{', '}', '<', '>', '[', '$']) && !host.starts_with('[') {
        return Err(PLACEHOLDER);
    }
    match Origin::split_url(&format!("{scheme}://{host}")) {
        Ok((origin, "")) => Ok(origin),
        Ok(_) | Err(_) => Err(BAD_HOST),
    }
}

fn check_path(path: &str) -> Result<(), &'static str> {
    let dots = |segment: &str| {
        matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..")
    };
    if path.split('/').any(dots) {
        return Err(DOTS);
    }
    if variable::pieces(path).iter().any(is_glob) {
        return Err(SEVERAL);
    }
    Ok(())
}

/// `{a,b}` and `[1-9]`, which curl replaces. `{name}`, `[]` and `[name]` it does not.
fn is_glob(piece: &variable::Piece<'_>) -> bool {
    let variable::Piece::Plain(text) = piece else { return false };
    let within = |open: char, close: char| {
        text.split(open)
            .skip(1)
            .filter_map(move |rest| rest.split_once(close).map(|(inner, _)| inner))
    };
    let range = |inner: &str| {
        inner.split_once('-').is_some_and(|(from, to)| {
            let to = to.split(':').next().unwrap_or_default();
            let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            let letter =
                |text: &str| text.len() == 1 && text.bytes().all(|b| b.is_ascii_alphabetic());
            (digits(from) && digits(to)) || (letter(from) && letter(to))
        })
    };
    within('{', '}').any(|inner| inner.contains(',') && !inner.contains(['"', ':']))
        || within('[', ']').any(range)
}

/// The pairs of a query or form, decoded. No message holds a part of them.
pub(crate) fn pairs(text: &str) -> Result<Vec<Pair>, &'static str> {
    if text.split('&').count() > PAIRS_MAX {
        return Err(TOO_MANY);
    }
    let mut pairs = Vec::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = match pair.split_once('=') {
            Some((name, value)) => (name, Some(decoded(value, true)?)),
            None => (pair, None),
        };
        pairs.push(Pair { name: decoded(name, true)?, value, text: None });
    }
    Ok(pairs)
}

/// Percent-decodes, and `+` too in a form.
pub(crate) fn decoded(text: &str, form: bool) -> Result<String, &'static str> {
    let spaced = if form { text.replace('+', " ") } else { text.to_owned() };
    let bytes: Vec<u8> = percent_decode_str(&spaced).collect();
    let decoded = String::from_utf8(bytes).map_err(|_| ENCODING)?;
    // An escape must not make a marker of its own.
    let markers = |text: &str| text.chars().filter(|c| variable::is_marker(*c)).count();
    if decoded.contains('\0') || markers(&decoded) != markers(text) {
        return Err(ENCODING);
    }
    Ok(decoded)
}
