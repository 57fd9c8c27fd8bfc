//! Descriptions: short for models, whole for people.

/// The most characters of a short description.
const SHORT_MAX: usize = 300;

/// The most characters of a long one. The longest of public APIs are whole manuals.
const LONG_MAX: usize = 4_000;

/// A description in both lengths.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Described {
    /// One line for a model.
    pub short: String,
    /// The whole text, if the short one leaves something out.
    pub long: Option<String>,
}

/// Makes a description of a title and a text, either of which may be missing.
pub fn describe(title: Option<&str>, text: Option<&str>) -> Described {
    let (title, whole) = (plain(title.unwrap_or_default()), text.unwrap_or_default().trim());
    let text = plain(whole);
    // A title that the text begins with says nothing new.
    let joined = match (title.trim_end_matches('.'), text.as_str()) {
        ("", _) => text.clone(),
        (_, "") => title.clone(),
        (start, text) if text.to_lowercase().starts_with(&start.to_lowercase()) => text.to_owned(),
        (start, text) => format!("{start} - {text}"),
    };
    let short = cut(&joined, SHORT_MAX);
    if short == joined {
        return Described { short, long: None };
    }
    let mut long = cut_at(&clean(whole), LONG_MAX);
    if long.is_empty() {
        long = cut_at(&title, LONG_MAX);
    }
    Described { short, long: Some(long) }
}

/// A text on one line, without markup, of at most `max` characters: its first sentences, or its
/// beginning with `…`.
pub fn shorten(text: &str, max: usize) -> String {
    cut(&plain(text), max)
}

/// A text on one line, every control character and run of white space one space.
pub fn one_line(text: &str) -> String {
    let spaced: String =
        text.chars().map(|c| if c.is_control() || is_separator(c) { ' ' } else { c }).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Line and paragraph separators, which some readers take for ends of lines.
fn is_separator(character: char) -> bool {
    matches!(character, '\u{2028}' | '\u{2029}' | '\u{feff}')
}

/// A text without control characters but line feeds and tabs, and without white space that nobody sees.
fn clean(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n").replace('\t', "    ");
    let lines: Vec<String> = text
        .split('\n')
        .map(|line| {
            let visible: String =
                line.chars().filter(|c| !c.is_control() && !is_separator(*c)).collect();
            visible.trim_end().to_owned()
        })
        .collect();
    lines.join("\n").trim().to_owned()
}

/// One line without HTML tags, and with the text of Markdown links alone.
fn plain(text: &str) -> String {
    one_line(&without_links(&without_tags(text)))
}

fn without_tags(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        out.push_str(before);
        let tag = after.split_once('>').filter(|(tag, _)| is_tag(tag));
        match tag {
            Some((_, behind)) => {
                out.push(' ');
                rest = behind;
            }
            None => {
                out.push('<');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

/// What stands between `<` and `>` of a tag: a name, perhaps with attributes.
fn is_tag(inner: &str) -> bool {
    const TAGS: &[&str] = &[
        "a",
        "b",
        "i",
        "u",
        "p",
        "br",
        "hr",
        "em",
        "strong",
        "code",
        "pre",
        "ul",
        "ol",
        "li",
        "dl",
        "dt",
        "dd",
        "div",
        "span",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "table",
        "thead",
        "tbody",
        "tr",
        "td",
        "th",
        "note",
        "important",
        "fullname",
        "para",
        "blockquote",
        "sup",
        "sub",
        "img",
        "small",
        "caution",
        "details",
        "summary",
    ];
    let name = inner.trim_start_matches('/');
    let end = name.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(name.len());
    let name = name.get(..end).unwrap_or_default().to_ascii_lowercase();
    inner.len() < 400 && TAGS.contains(&name.as_str())
}

/// `[text](address)` becomes `text`.
fn without_links(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('[') {
        out.push_str(before);
        let link = after.split_once("](").and_then(|(words, tail)| {
            let (_, behind) = tail.split_once(')')?;
            (!words.contains(['[', ']', '\n'])).then_some((words, behind))
        });
        match link {
            Some((words, behind)) => {
                out.push_str(words);
                rest = behind;
            }
            None => {
                out.push('[');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

/// The first sentences that fit, or as many words as fit.
fn cut(text: &str, max: usize) -> String {
    if text.chars().nth(max).is_none() {
        return text.to_owned();
    }
    let end = text.char_indices().nth(max).map_or(text.len(), |(index, _)| index);
    let head = text.get(..end).unwrap_or(text);
    let sentence = [". ", "! ", "? "].iter().filter_map(|stop| head.rfind(stop)).max();
    // A first sentence of a few characters is an abbreviation.
    match sentence.filter(|at| *at >= 40) {
        Some(at) => head.get(..=at).unwrap_or(head).to_owned(),
        None => cut_at(text, max),
    }
}

/// As many whole words as fit, then `…`.
fn cut_at(text: &str, max: usize) -> String {
    let Some((end, _)) = text.char_indices().nth(max) else { return text.to_owned() };
    let fits = text.char_indices().nth(max.saturating_sub(1)).map_or(end, |(index, _)| index);
    let head = text.get(..fits).unwrap_or(text);
    let word = head.rfind(char::is_whitespace).filter(|at| at.saturating_mul(2) > fits);
    let head = word.and_then(|at| head.get(..at)).unwrap_or(head);
    format!("{}…", head.trim_end())
}

/// A text in full, as far as a person reads: without what nobody sees, and not without end.
pub(crate) fn whole(text: &str) -> String {
    cut_at(&clean(text), LONG_MAX)
}
