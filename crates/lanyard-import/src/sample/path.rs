//! The path of a sample as a template: literal segments, and names in braces.

use std::collections::BTreeSet;

use super::{Pair, Sample};
use crate::shell::variable;
use crate::{argument_name, url_literal};

/// A path with its arguments.
pub(super) struct Path {
    /// Names in braces, credentials as `.config`, the rest as it is sent.
    pub(super) template: String,
    /// The same for a name: words only.
    pub(super) words: String,
    /// The same for people.
    pub(super) shown: String,
    pub(super) args: Vec<PathArg>,
}

/// One name in braces.
#[derive(Clone)]
pub(super) struct PathArg {
    pub(super) name: String,
    /// The value of the sample, if it had one.
    pub(super) value: Option<String>,
    pub(super) text: Option<String>,
}

/// Reads the path. With `ids`, segments that are numbers or UUIDs become arguments too.
pub(super) fn read(sample: &Sample, ids: bool) -> Path {
    let mut writer = Writer {
        known: &sample.path_values,
        used: BTreeSet::new(),
        path: Path {
            template: String::new(),
            words: String::new(),
            shown: String::new(),
            args: Vec::new(),
        },
        before: String::new(),
    };
    for (index, segment) in sample.path.split('/').enumerate() {
        if index > 0 {
            writer.path.template.push('/');
            writer.path.words.push('/');
            writer.path.shown.push('/');
        }
        writer.segment(segment, ids);
    }
    writer.path
}

/// Segments in capitals, as documents write what is to be replaced: `GIST_ID`.
pub(super) fn placeholders(sample: &Sample) -> impl Iterator<Item = &str> {
    sample.path.split('/').filter(|segment| {
        let fits = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
        segment.trim_matches('_').contains('_')
            && segment.starts_with(|c: char| c.is_ascii_uppercase())
            && segment.bytes().all(fits)
    })
}

struct Writer<'s> {
    known: &'s [Pair],
    used: BTreeSet<String>,
    path: Path,
    /// The last literal segment.
    before: String,
}

impl Writer<'_> {
    fn segment(&mut self, segment: &str, ids: bool) {
        if let Some(name) = segment.strip_prefix(':').filter(|name| is_name(name)) {
            return self.arg(name, None);
        }
        let within = segment.strip_prefix('<').and_then(|rest| rest.strip_suffix('>'));
        if let Some(name) = within.filter(|name| is_name(name)) {
            return self.arg(name, None);
        }
        if ids && is_id(segment) {
            let name = id_name(&self.before);
            return self.arg(&name, Some(segment.to_owned()));
        }
        for piece in variable::pieces(segment) {
            match piece {
                variable::Piece::Plain(text) => self.plain(text),
                variable::Piece::Variable(name) => self.arg(&lower(name), None),
                variable::Piece::Secret(name) => {
                    self.path.template.push_str(&format!("{{{{.config.{name}}}}}"));
                    self.path.shown.push('\u{2026}');
                }
            }
        }
        if !variable::has(segment) && !segment.is_empty() {
            segment.clone_into(&mut self.before);
        }
    }

    /// Text of a segment, in which `{name}` is an argument.
    fn plain(&mut self, text: &str) {
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let double = after.strip_prefix('{').and_then(|rest| rest.split_once("}}"));
            let named = double.or_else(|| after.split_once('}')).filter(|(name, _)| is_name(name));
            let Some((name, behind)) = named else {
                self.literal(before);
                self.path.template.push_str("%7B");
                rest = after;
                continue;
            };
            self.literal(before);
            self.arg(name, None);
            rest = behind;
        }
        self.literal(rest);
    }

    fn literal(&mut self, text: &str) {
        self.path.template.push_str(&url_literal(text));
        self.path.words.push_str(text);
        self.path.shown.push_str(text);
    }

    fn arg(&mut self, wanted: &str, value: Option<String>) {
        let known = self.known.iter().find(|pair| pair.name == wanted);
        let base = argument_name(wanted).replace(['.', '-'], "_");
        let numbered = (2..u32::MAX).map(|number| format!("{base}_{number}"));
        let name = std::iter::once(base.clone())
            .chain(numbered)
            .find(|name| !self.used.contains(name))
            .unwrap_or(base);
        self.used.insert(name.clone());
        self.path.template.push_str(&format!("{{{name}}}"));
        self.path.shown.push_str(&format!("{{{name}}}"));
        self.path.words.push_str(&name);
        self.path.args.push(PathArg {
            name,
            value: value.or_else(|| known.and_then(|pair| pair.value.clone())),
            text: known.and_then(|pair| pair.text.clone()),
        });
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c == '_' || c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-. ".contains(c))
}

/// A variable of a shell is written in capitals, an argument is not.
pub(crate) fn lower(name: &str) -> String {
    let capitals = !name.contains(|c: char| c.is_ascii_lowercase());
    if capitals { name.to_ascii_lowercase() } else { name.to_owned() }
}

fn is_id(segment: &str) -> bool {
    let number = segment.len() <= 20 && segment.bytes().all(|byte| byte.is_ascii_digit());
    let uuid = segment.len() == 36
        && segment.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
    !segment.is_empty() && (number || uuid)
}

/// `customer_id` for what follows `customers`.
fn id_name(before: &str) -> String {
    let name = argument_name(&before.to_ascii_lowercase());
    let one = singular(&name);
    if before.is_empty() { "id".to_owned() } else { format!("{one}_id") }
}

/// The word for one of them, as far as its end tells.
fn singular(name: &str) -> String {
    let stem = |end: &str| name.strip_suffix(end).filter(|stem| stem.len() > 1);
    if let Some(stem) = stem("ies") {
        return format!("{stem}y");
    }
    let hissing = ["sses", "uses", "xes", "ches", "shes"].iter().any(|end| name.ends_with(end));
    let whole = name.ends_with("ss") || name.ends_with("us") || name == "news";
    match stem(if hissing { "es" } else { "s" }) {
        Some(stem) if !whole => stem.to_owned(),
        Some(_) | None => name.to_owned(),
    }
}
