//! Finds tools by what they say of themselves: the ranking function BM25 over the server's name,
//! the tool's own name and its description.
//!
//! The words of a server's tools are counted once. A search goes over the servers and tools that
//! somebody may use, and weighs words by those alone: what is found, and in which order, tells
//! nothing of any other tool.
//!
//! Source of the formula: S. Robertson and H. Zaragoza, "The Probabilistic Relevance Framework:
//! BM25 and Beyond", 2009. The constants are those that GoClaw uses, so that both find the same.

use std::collections::HashMap;

/// How soon more of the same word says no more.
const K1: f64 = 1.2;

/// How much a long description weighs against a tool.
const B: f64 = 0.75;

/// The words of a query that are looked for.
const QUERY_WORDS_MAX: usize = 64;

/// A tool as it is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Its own name.
    pub name: &'a str,
    /// What it says of itself.
    pub description: &'a str,
}

/// The words of the tools of one server.
#[derive(Debug, Clone, Default)]
pub struct Index {
    /// How many words each tool has.
    lengths: Vec<u32>,
    /// Which tools have a word, by their place, and how often.
    words: HashMap<Box<str>, Vec<(u32, u32)>>,
}

/// A server in a search.
#[derive(Debug, Clone)]
pub struct Searched<'a> {
    /// Its words.
    pub index: &'a Index,
    /// Which of its tools may be found, by their place in the index.
    pub may_be_found: Vec<bool>,
}

/// A tool that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Found {
    /// The place of its server among those that were searched.
    pub server: usize,
    /// Its place in the server's index.
    pub tool: usize,
}

impl Index {
    /// Takes in the tools of a server. What is found is said by their place here.
    pub fn build<'a, E: IntoIterator<Item = Entry<'a>>>(server: &str, tools: E) -> Self {
        let mut index = Self::default();
        let server: Vec<String> = words(server).collect();
        for (place, tool) in (0_u32..).zip(tools) {
            let mut counts: HashMap<String, u32> = HashMap::new();
            let mut length = 0_u32;
            let own = [tool.name, tool.description].into_iter().flat_map(words);
            for word in server.iter().cloned().chain(own) {
                length = length.saturating_add(1);
                let count = counts.entry(word).or_default();
                *count = count.saturating_add(1);
            }
            for (word, count) in counts {
                index.words.entry(word.into_boxed_str()).or_default().push((place, count));
            }
            index.lengths.push(length);
        }
        index
    }

    /// How many tools there are.
    pub fn len(&self) -> usize {
        self.lengths.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.lengths.is_empty()
    }
}

/// The tools that have a word of the query, the best first, those of one score by name, which
/// `name` gives.
pub fn search(
    servers: &[Searched<'_>],
    query: &str,
    most: usize,
    name: impl Fn(Found) -> String,
) -> Vec<Found> {
    let all = Totals::of(servers);
    let mut scores: HashMap<Found, f64> = HashMap::new();
    for word in words(query).take(QUERY_WORDS_MAX) {
        let hits: Vec<(Found, u32, u32)> = servers
            .iter()
            .enumerate()
            .flat_map(|(place, server)| server.hits(place, &word))
            .collect();
        let weight = all.weight(hits.len());
        for (found, count, length) in hits {
            let (count, long) = (f64::from(count), 1.0 - B + B * f64::from(length) / all.average);
            let score = weight * count * (K1 + 1.0) / (count + K1 * long);
            *scores.entry(found).or_default() += score;
        }
    }
    best(scores.into_iter().filter(|(_, score)| *score > 0.0).collect(), most, name)
}

impl Searched<'_> {
    /// The tools that have a word and may be found, how often they have it, and how many words
    /// they have.
    fn hits(&self, server: usize, word: &str) -> impl Iterator<Item = (Found, u32, u32)> {
        let tools = self.index.words.get(word).map(Vec::as_slice).unwrap_or_default();
        tools.iter().filter_map(move |(place, count)| {
            let tool = usize::try_from(*place).ok()?;
            self.may_be_found.get(tool).copied().filter(|may| *may)?;
            let length = self.index.lengths.get(tool).copied()?;
            Some((Found { server, tool }, *count, length))
        })
    }
}

/// What is true of all tools that may be found together.
struct Totals {
    tools: usize,
    average: f64,
}

impl Totals {
    fn of(servers: &[Searched<'_>]) -> Self {
        let (mut tools, mut words) = (0_usize, 0_u64);
        for server in servers {
            let lengths = server.index.lengths.iter().zip(&server.may_be_found);
            for (length, _) in lengths.filter(|(_, may)| **may) {
                tools = tools.saturating_add(1);
                words = words.saturating_add(u64::from(*length));
            }
        }
        let words = usize::try_from(words).unwrap_or(usize::MAX);
        let average = if tools > 0 { float(words) / float(tools) } else { 0.0 };
        Self { tools, average }
    }

    /// What a word says that so many tools have.
    fn weight(&self, tools: usize) -> f64 {
        let (all, with) = (float(self.tools), float(tools));
        ((all - with + 0.5) / (with + 0.5) + 1.0).ln()
    }
}

/// The best of those that were found. Names are made only for those that may be among them.
fn best(mut found: Vec<(Found, f64)>, most: usize, name: impl Fn(Found) -> String) -> Vec<Found> {
    found.sort_unstable_by(|(_, left), (_, right)| right.total_cmp(left));
    let last = most.checked_sub(1).and_then(|last| found.get(last)).map(|(_, score)| *score);
    if let Some(last) = last {
        found.retain(|(_, score)| *score >= last);
    }
    let mut named: Vec<(Found, f64, String)> =
        found.into_iter().map(|(found, score)| (found, score, name(found))).collect();
    named.sort_unstable_by(|left, right| {
        right.1.total_cmp(&left.1).then_with(|| (&left.2, left.0).cmp(&(&right.2, right.0)))
    });
    named.truncate(most);
    named.into_iter().map(|(found, _, _)| found).collect()
}

/// Counts are far below the 2^53 up to which this is exact; more are as good as infinitely many.
fn float(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::from(u32::MAX), f64::from)
}

/// The words of a text: lower case, parted by what is neither letter nor digit, single characters
/// left out.
fn words(text: &str) -> impl Iterator<Item = String> {
    let lower = text.to_lowercase();
    let words: Vec<String> = lower
        .split(|character: char| !character.is_alphanumeric())
        .filter(|word| word.chars().nth(1).is_some())
        .map(str::to_owned)
        .collect();
    words.into_iter()
}

#[cfg(test)]
mod tests;
