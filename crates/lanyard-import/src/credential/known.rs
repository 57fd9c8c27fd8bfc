//! The values of all credentials of a source, looked for wherever else they stand: a value that was
//! recognised in one place is a credential in every other.

use data_encoding::{BASE64, BASE64URL_NOPAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::Value;
use zeroize::{Zeroize as _, Zeroizing};

use crate::Note;
use crate::sample::{Body, Pair, Sample};
use crate::shell::variable;

/// The shortest value that is looked for within texts, in characters: a shorter one would be met by
/// chance, and is only known where it is the whole of a value.
const WITHIN_CHARS_MIN: usize = 6;

/// The shortest of letters alone, which may be a word: `password`, `example`.
const WORD_CHARS_MIN: usize = 16;

/// The shortest segment of a path that is taken for a value.
const SEGMENT_CHARS_MIN: usize = 4;

/// What stands in a text instead of a value.
const MASK: &str = "(a credential)";

/// Everything but unreserved characters.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The values of a source in all forms in which they may stand.
#[derive(Default)]
pub(crate) struct Known {
    /// Known where it is the whole.
    whole: Vec<Zeroizing<String>>,
    /// Known within any text. Longest first, so that nothing of it is left when it is masked.
    within: Vec<Zeroizing<String>>,
}

impl Known {
    pub(crate) fn new(values: &[&str]) -> Self {
        let mut known = Self::default();
        for value in values.iter().map(|value| value.trim()).filter(|value| !variable::has(value)) {
            known.forms(value);
            if let Some((user, password)) = value.split_once(':') {
                known.forms(if password.is_empty() { user } else { password });
            }
            // The values of cookies, and what stands behind a word of a header.
            for part in value.split("; ").filter(|_| value.contains('=')) {
                known.part(part.split_once('=').map_or("", |(_, text)| text));
            }
            known.part(value.rsplit(' ').next().unwrap_or_default());
        }
        known.whole.dedup();
        known.within.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        known.within.dedup();
        known
    }

    /// A part of a value, of which it is not certain that it is secret: `dark` of `theme=dark`.
    fn part(&mut self, text: &str) {
        if text.len() >= 8 {
            self.forms(text);
        }
    }

    fn forms(&mut self, value: &str) {
        if value.is_empty() || matches!(value, "true" | "false") {
            return;
        }
        let decoded = percent_decode_str(value).decode_utf8_lossy().into_owned();
        let json = Value::from(value).to_string();
        let forms = [
            value.to_owned(),
            decoded,
            utf8_percent_encode(value, RESERVED).to_string(),
            utf8_percent_encode(value, NON_ALPHANUMERIC).to_string(),
            json.trim_matches('"').to_owned(),
            BASE64.encode(value.as_bytes()).trim_end_matches('=').to_owned(),
            BASE64URL_NOPAD.encode(value.as_bytes()),
        ];
        let letters = value.chars().all(|c| c.is_ascii_alphabetic());
        let least = if letters { WORD_CHARS_MIN } else { WITHIN_CHARS_MIN };
        let is_within = value.chars().count() >= least;
        for form in forms {
            if is_within {
                self.within.push(Zeroizing::new(form.clone()));
            }
            self.whole.push(Zeroizing::new(form));
        }
    }

    /// Whether a value is one, or holds one.
    fn is(&self, text: &str) -> bool {
        self.whole.iter().any(|value| value.as_str() == text) || self.holds(text)
    }

    /// Whether a text holds a value, as it is or percent-decoded once or twice.
    pub(crate) fn holds(&self, text: &str) -> bool {
        let has = |text: &str| self.within.iter().any(|value| text.contains(value.as_str()));
        if has(text) {
            return true;
        }
        if !text.contains(['%', '+']) {
            return false;
        }
        let decode =
            |text: &str| Zeroizing::new(percent_decode_str(text).decode_utf8_lossy().into_owned());
        let once = decode(text);
        has(&once) || has(&decode(&once)) || has(&decode(&text.replace('+', " ")))
    }

    /// Whether a name holds a value, of which case and separators may be lost.
    pub(crate) fn is_in_name(&self, name: &str) -> bool {
        let name = squashed(name);
        self.within.iter().any(|value| {
            let value = Zeroizing::new(squashed(value));
            value.len() >= WITHIN_CHARS_MIN && name.contains(value.as_str())
        })
    }

    /// A text without the values. None if one is still to be guessed from it.
    fn masked(&self, text: &str) -> Option<String> {
        let mut out = text.to_owned();
        for value in &self.within {
            if out.contains(value.as_str()) {
                out = out.replace(value.as_str(), MASK);
            }
        }
        (!self.is(&out)).then_some(out)
    }

    fn mask(&self, text: &mut Option<String>) {
        if let Some(some) = text.take() {
            *text = self.masked(&some);
        }
    }

    /// A note without the values.
    pub(crate) fn mask_note(&self, note: &mut Note) {
        for text in [&mut note.place, &mut note.text] {
            *text = self.masked(text).unwrap_or_else(|| MASK.to_owned());
        }
    }

    /// Takes the values out of all that a sample still says. What held one is left as a variable:
    /// an argument without an example.
    pub(crate) fn scrub(&self, sample: &mut Sample) {
        let mut scrub = Scrub { known: self, withheld: 0, left_out: 0 };
        scrub.path(&mut sample.path);
        for pair in &mut sample.path_values {
            self.mask(&mut pair.text);
            if pair.value.as_deref().is_some_and(|value| self.is(value)) {
                pair.value.zeroize();
                pair.value = None;
            }
        }
        scrub.pairs(&mut sample.query);
        scrub.pairs(&mut sample.headers);
        match &mut sample.body {
            Body::None | Body::File => {}
            Body::Form(pairs) => scrub.pairs(pairs),
            Body::Json(value) => scrub.json(value),
            Body::Multipart(parts) => {
                parts.retain_mut(|part| scrub.pair(&mut part.pair));
            }
            Body::Text(text) => scrub.text(text),
        }
        let Scrub { withheld, left_out, .. } = scrub;
        self.mask(&mut sample.title);
        self.mask(&mut sample.text);
        sample.called = sample.called.take().filter(|name| !self.is(name));
        sample.place = self.masked(&sample.place).unwrap_or_else(|| "a request".to_owned());
        if withheld > 0 {
            sample.warn(format!(
                "a credential of this source stands in {withheld} more of its values: each is an \
                 argument without an example"
            ));
        }
        if left_out > 0 {
            sample.warn(format!(
                "{left_out} of its names hold a credential of this source and are left out"
            ));
        }
    }
}

/// One pass over a sample.
struct Scrub<'k> {
    known: &'k Known,
    withheld: usize,
    left_out: usize,
}

impl Scrub<'_> {
    fn text(&mut self, text: &mut String) {
        if self.known.is(text) {
            text.zeroize();
            *text = variable::text("value");
            self.withheld = self.withheld.saturating_add(1);
        }
    }

    fn path(&mut self, path: &mut String) {
        let mut segments: Vec<String> = path.split('/').map(str::to_owned).collect();
        for segment in &mut segments {
            let within = self.known.holds(segment);
            if within || segment.chars().count() >= SEGMENT_CHARS_MIN {
                self.text(segment);
            }
        }
        path.zeroize();
        *path = segments.join("/");
    }

    fn pairs(&mut self, pairs: &mut Vec<Pair>) {
        pairs.retain_mut(|pair| self.pair(pair));
    }

    /// Whether the pair can stay.
    fn pair(&mut self, pair: &mut Pair) -> bool {
        self.known.mask(&mut pair.text);
        if self.known.holds(&pair.name) || self.known.is_in_name(&pair.name) {
            pair.value.zeroize();
            self.left_out = self.left_out.saturating_add(1);
            return false;
        }
        if let Some(value) = &mut pair.value {
            self.text(value);
        }
        true
    }

    fn json(&mut self, value: &mut Value) {
        match value {
            Value::Null | Value::Bool(_) => {}
            Value::Number(number) => {
                if self.known.is(&number.to_string()) {
                    *value = Value::String(variable::text("value"));
                    self.withheld = self.withheld.saturating_add(1);
                }
            }
            Value::String(text) => self.text(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.json(item)),
            Value::Object(members) => {
                let before = members.len();
                members.retain(|name, _| !self.known.holds(name) && !self.known.is_in_name(name));
                let gone = before.saturating_sub(members.len());
                self.left_out = self.left_out.saturating_add(gone);
                members.iter_mut().for_each(|(_, member)| self.json(member));
            }
        }
    }
}

/// Letters and digits in lower case.
fn squashed(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
