//! The search for the credentials of a whole tenant at once, in one pass over a text.
//!
//! Of each needle a window in its middle is taken, and of that every short stretch of bytes, a
//! gram. A text is then looked at only at every so manieth place: wherever a needle stands, one of
//! its window's grams begins at such a place. A filter of bits tells most places apart from any
//! gram with one look; what passes it is compared with the whole needle.
//!
//! INVARIANT: what is kept here of a needle is hashes of parts. The bytes stay where they can be
//! wiped, in [`Needles`].

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::escape::Bytes;
use super::join::beginning_bytes_min;
use super::needle::Needles;

/// The shortest needle that an index can hold.
pub(super) const INDEXED_BYTES_MIN: usize = 8;

/// The shortest needle that is looked for by the longer grams.
const LONG_BYTES_MIN: usize = 16;

/// Bits of the filter for each gram: one place in so many passes it by chance.
const FILTER_BITS_PER_GRAM: usize = 32;

/// Every needle of a tenant that is looked for everywhere.
pub(crate) struct Index {
    members: Vec<Arc<Needles>>,
    short: Grams<4>,
    long: Grams<8>,
    /// How needles begin: the hash of the first bytes, sorted by it.
    heads: Vec<(u32, Place)>,
    bytes: Bytes,
    longest: usize,
}

impl Index {
    /// The index over these credentials.
    pub(crate) fn new(mut members: Vec<Arc<Needles>>) -> Self {
        members.sort_unstable_by_key(Arc::as_ptr);
        members.dedup_by(|one, other| Arc::ptr_eq(one, other));
        let mut bytes = Bytes::default();
        let (mut short, mut long, mut heads) = (Vec::new(), Vec::new(), Vec::new());
        for (member, needles) in (0_u32..).zip(&members) {
            bytes = bytes.or(needles.bytes());
            for (number, needle) in (0_u32..).zip(needles.wide()) {
                let place = Place { member, number, at: 0 };
                heads.extend(needle.get(..4).map(|head| (hash::<4>(head), place)));
                if needle.len() < LONG_BYTES_MIN {
                    Grams::<4>::add(&mut short, place, needle, INDEXED_BYTES_MIN);
                } else {
                    Grams::<8>::add(&mut long, place, needle, LONG_BYTES_MIN);
                }
            }
        }
        heads.sort_unstable_by_key(|(hash, _)| *hash);
        let longest = members.iter().map(|needles| needles.longest()).max().unwrap_or(0);
        let short = Grams::new(short, INDEXED_BYTES_MIN);
        let long = Grams::new(long, LONG_BYTES_MIN);
        Self { members, short, long, heads, bytes, longest }
    }

    /// Whether it is over the very same credentials.
    pub(crate) fn is_over(&self, members: &[Arc<Needles>]) -> bool {
        let mut members: Vec<_> = members.iter().map(Arc::as_ptr).collect();
        members.sort_unstable();
        members.dedup();
        members.into_iter().eq(self.members.iter().map(Arc::as_ptr))
    }

    /// Adds where needles are in a text.
    pub(super) fn find(&self, text: &[u8], found: &mut Vec<Range<usize>>) {
        self.short.find(&self.members, text, found);
        self.long.find(&self.members, text, found);
    }

    /// Where at the end of a text a needle begins, enough of it to tell, and not all; not before
    /// `from`.
    pub(super) fn begins_at(&self, text: &[u8], from: usize) -> Option<usize> {
        (from..text.len()).find(|start| {
            let end = text.get(*start..).unwrap_or_default();
            let Some(head) = end.get(..4) else { return false };
            with_hash(&self.heads, hash::<4>(head)).any(|place| {
                needle_at(&self.members, place).is_some_and(|needle| {
                    end.len() >= beginning_bytes_min(needle)
                        && end.len() < needle.len()
                        && needle.starts_with(end)
                })
            })
        })
    }

    /// The length of the longest form of any of its credentials.
    pub(super) fn longest(&self) -> usize {
        self.longest
    }

    /// The bytes that its needles consist of.
    pub(super) fn bytes(&self) -> Bytes {
        self.bytes
    }
}

impl fmt::Debug for Index {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Index(..)")
    }
}

/// A gram of a needle: whose it is, and how far from the needle's beginning it stands.
#[derive(Clone, Copy)]
struct Place {
    member: u32,
    number: u32,
    at: u32,
}

/// The grams of needles of similar length.
struct Grams<const BYTES: usize> {
    /// A bit for each of the highest bits that a gram's hash may have.
    filter: Vec<u64>,
    /// How far a hash is shifted for its bit.
    shift: u32,
    /// Sorted by hash.
    grams: Vec<(u32, Place)>,
    /// From one place that is looked at to the next.
    step: usize,
}

impl<const BYTES: usize> Grams<BYTES> {
    fn new(mut grams: Vec<(u32, Place)>, window: usize) -> Self {
        grams.sort_unstable_by_key(|(hash, _)| *hash);
        let bits = grams.len().saturating_mul(FILTER_BITS_PER_GRAM).next_power_of_two().max(64);
        let shift = 32_u32.saturating_sub(bits.trailing_zeros());
        let mut filter = vec![0_u64; bits.div_ceil(64)];
        for (hash, _) in &grams {
            let bit = hash >> shift;
            if let Some(word) = filter.get_mut(word_of(bit)) {
                *word |= 1 << (bit & 63);
            }
        }
        Self { filter, shift, grams, step: window.saturating_sub(BYTES).saturating_add(1) }
    }

    /// Adds the grams of one needle.
    fn add(grams: &mut Vec<(u32, Place)>, place: Place, needle: &[u8], window: usize) {
        // In the middle: the ends of many credentials are alike, and known to everybody.
        let from = needle.len().saturating_sub(window) / 2;
        let window = needle.get(from..from.saturating_add(window)).unwrap_or_default();
        for (at, gram) in (from..).zip(window.windows(BYTES)) {
            let Ok(at) = u32::try_from(at) else { continue };
            grams.push((hash::<BYTES>(gram), Place { at, ..place }));
        }
    }

    fn find(&self, members: &[Arc<Needles>], text: &[u8], found: &mut Vec<Range<usize>>) {
        if self.grams.is_empty() {
            return;
        }
        for (number, gram) in text.windows(BYTES).step_by(self.step).enumerate() {
            let hash = hash::<BYTES>(gram);
            let bit = hash >> self.shift;
            let word = self.filter.get(word_of(bit)).copied().unwrap_or_default();
            if word & (1 << (bit & 63)) != 0 {
                let at = number.saturating_mul(self.step);
                self.compare(members, hash, text, at, found);
            }
        }
    }

    #[cold]
    fn compare(
        &self,
        members: &[Arc<Needles>],
        hash: u32,
        text: &[u8],
        at: usize,
        found: &mut Vec<Range<usize>>,
    ) {
        for place in with_hash(&self.grams, hash) {
            let Some(needle) = needle_at(members, place) else { continue };
            let Some(start) = at.checked_sub(index(place.at)) else { continue };
            let range = start..start.saturating_add(needle.len());
            if text.get(range.clone()) == Some(needle) {
                found.push(range);
            }
        }
    }
}

/// The places of a hash in a list that is sorted by it.
fn with_hash(sorted: &[(u32, Place)], hash: u32) -> impl Iterator<Item = &Place> {
    let from = sorted.partition_point(|(other, _)| *other < hash);
    let same = sorted.get(from..).unwrap_or_default().iter();
    same.take_while(move |(other, _)| *other == hash).map(|(_, place)| place)
}

fn needle_at<'a>(members: &'a [Arc<Needles>], place: &Place) -> Option<&'a [u8]> {
    let needle = members.get(index(place.member))?.wide().get(index(place.number))?;
    Some(needle.as_slice())
}

fn hash<const BYTES: usize>(gram: &[u8]) -> u32 {
    let mut bytes = [0; 8];
    for (to, from) in bytes.iter_mut().zip(gram.iter().take(BYTES)) {
        *to = *from;
    }
    // The multiplier of a Fibonacci hash: the highest bits depend on all of the gram.
    let mixed = u64::from_le_bytes(bytes).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    u32::try_from(mixed >> 32).unwrap_or_default()
}

fn word_of(bit: u32) -> usize {
    index(bit >> 6)
}

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
