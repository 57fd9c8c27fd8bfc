//! Texts that a client puts together: the blocks of one answer, and messages that come one after the
//! other. A credential may be cut where one ends and the next begins.
//!
//! Of blocks all is known, so each gets rid of its part. Of messages those that were sent cannot be
//! taken back; so the end of one that could be the beginning of a credential is masked, from
//! [`BEGINNING_BYTES_MAX`] bytes on. Any shorter one is the end of an ordinary text too often.

use std::borrow::Cow;
use std::ops::Range;

use zeroize::Zeroizing;

use super::escape::{Escapes, Side};
use super::{Masker, count, json, merge};

/// What is remembered of a text for the next, and looked at on either side of where texts meet.
const MARGIN_BYTES_MAX: usize = 16 << 10;

/// How much longer than itself a credential may be where it is escaped.
const ESCAPED_TIMES: usize = 6;

/// From here on the beginning of a credential at the end of a message is masked; of a credential
/// shorter than twice this, from its half on.
pub(super) const BEGINNING_BYTES_MAX: usize = 8;

/// The end of what was said so far in messages that a client puts together.
#[derive(Default)]
pub struct Tail(Zeroizing<String>);

impl std::fmt::Debug for Tail {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Tail(..)")
    }
}

impl Masker {
    /// The text of a message that comes after others, without what is a credential together with
    /// them, or could become one with those that follow.
    pub fn mask_next<'a>(&self, tail: &mut Tail, text: &'a str) -> (Cow<'a, str>, u64) {
        let before = tail.0.len();
        tail.0.push_str(text);
        let joined = tail.0.as_bytes();
        let mut found = self.found(joined);
        found.extend(self.beginning(joined));
        merge(&mut found);
        let shifted = |range: Range<usize>| {
            range.start.saturating_sub(before)..range.end.saturating_sub(before)
        };
        let new = found.into_iter().filter(|range| range.end > before).map(shifted).collect();
        let masked = replaced(text, new);
        let keep = tail.0.len().saturating_sub(self.margin());
        tail.0 = Zeroizing::new(text_from(&tail.0, keep).to_owned());
        match masked {
            Some((masked, count)) => (Cow::Owned(masked), count),
            None => (Cow::Borrowed(text), 0),
        }
    }

    /// Texts that stand one after the other: what is to stand in place of those in which a
    /// credential or a part of one was found, and how many parts there were.
    pub fn mask_joined(&self, texts: &[&str]) -> (Vec<Option<String>>, u64) {
        let margin = self.margin();
        let mut found: Vec<Vec<Range<usize>>> = vec![Vec::new(); texts.len()];
        let mut run = Run::default();
        for (number, text) in texts.iter().enumerate() {
            if text.len() > margin.saturating_mul(2) {
                run.push(number, 0, text_until(text, margin));
                run.search(self, &mut found);
                let from = text.len().saturating_sub(margin);
                let end = text_from(text, from);
                run.push(number, text.len().saturating_sub(end.len()), end);
            } else {
                run.push(number, 0, text);
            }
        }
        run.search(self, &mut found);
        let mut total = 0_u64;
        let masked = texts.iter().zip(found).map(|(text, mut found)| {
            merge(&mut found);
            let (masked, count) = replaced(text, found)?;
            total = total.saturating_add(count);
            Some(masked)
        });
        (masked.collect(), total)
    }

    fn margin(&self) -> usize {
        self.longest.saturating_mul(ESCAPED_TIMES).min(MARGIN_BYTES_MAX)
    }

    /// Where at the end of a text a credential begins that may go on in the next.
    fn beginning(&self, text: &[u8]) -> Option<Range<usize>> {
        let raw = self.begins_at(text);
        let start = raw.or_else(|| {
            // The text may end inside of an escape.
            let whole = Escapes::All.without_begun(text);
            if !Escapes::All.may_hide(self.bytes, whole) {
                return None;
            }
            let inner = Zeroizing::new(Escapes::All.unescape(whole));
            let within = self.begins_at(&inner)?..inner.len();
            Some(Escapes::All.project(whole, &[within], Side::Unescaped).pop()?.start)
        });
        start.map(|start| start..text.len())
    }

    fn begins_at(&self, text: &[u8]) -> Option<usize> {
        let from = text.len().saturating_sub(self.longest.min(MARGIN_BYTES_MAX));
        let wide = self.everywhere.begins_at(text, from);
        let own = self.own.iter().flat_map(|needles| needles.narrow());
        own.filter_map(|needle| begins(needle, text)).chain(wide).min()
    }
}

/// Where at the end of a text a form begins, enough of it, and not all.
fn begins(needle: &[u8], text: &[u8]) -> Option<usize> {
    let longest = needle.len().saturating_sub(1).min(text.len());
    let lengths = (beginning_bytes_min(needle)..=longest).rev();
    let starts = lengths.map(|length| text.len().saturating_sub(length));
    let mut starts = starts;
    starts.find(|start| text.get(*start..).is_some_and(|end| needle.starts_with(end)))
}

/// How much of a form must stand at the end of a text.
pub(super) fn beginning_bytes_min(needle: &[u8]) -> usize {
    needle.len().div_ceil(2).min(BEGINNING_BYTES_MAX)
}

/// Stretches of texts that are searched as one.
#[derive(Default)]
struct Run {
    joined: Zeroizing<String>,
    /// Of each stretch: where it is in the joined text, in which text, and where in that.
    stretches: Vec<(Range<usize>, usize, usize)>,
}

impl Run {
    fn push(&mut self, number: usize, at: usize, text: &str) {
        let start = self.joined.len();
        self.joined.push_str(text);
        self.stretches.push((start..self.joined.len(), number, at));
    }

    /// Adds what is found to the texts that it is in, and begins anew.
    fn search(&mut self, masker: &Masker, found: &mut [Vec<Range<usize>>]) {
        let Self { joined, stretches } = std::mem::take(self);
        if stretches.len() < 2 {
            return;
        }
        for range in masker.found(joined.as_bytes()) {
            for (stretch, number, at) in &stretches {
                let (start, end) = (range.start.max(stretch.start), range.end.min(stretch.end));
                if start < end
                    && let Some(found) = found.get_mut(*number)
                {
                    let shift =
                        |place: usize| place.saturating_sub(stretch.start).saturating_add(*at);
                    found.push(shift(start)..shift(end));
                }
            }
        }
    }
}

/// The text without these ranges, and how many there were; `None` for none.
fn replaced(text: &str, ranges: Vec<Range<usize>>) -> Option<(String, u64)> {
    if ranges.is_empty() {
        return None;
    }
    let mut ranges: Vec<_> = ranges.into_iter().map(|range| json::whole(text, range)).collect();
    merge(&mut ranges);
    let masked = super::replace(text.as_bytes(), &ranges);
    Some((String::from_utf8_lossy(&masked).into_owned(), count(ranges.len())))
}

fn text_until(text: &str, end: usize) -> &str {
    let end = json::whole(text, 0..end.min(text.len())).end;
    text.get(..end).unwrap_or(text)
}

fn text_from(text: &str, start: usize) -> &str {
    let start = json::whole(text, start.min(text.len())..text.len()).start;
    text.get(start..).unwrap_or(text)
}
