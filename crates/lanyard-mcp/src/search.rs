//! Finds tools by what they say of themselves: the ranking function BM25 over the server's name,
//! the tool's own name and its description.
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
    /// The name under which it is called.
    pub exposed: &'a str,
    /// Its own name.
    pub original: &'a str,
    /// Its server.
    pub server: &'a str,
    /// What it says of itself.
    pub description: &'a str,
}

/// The words of all tools.
#[derive(Debug, Clone, Default)]
pub struct Index {
    /// The exposed names, in the order in which the tools came.
    names: Vec<String>,
    /// How many words each tool has.
    lengths: Vec<f64>,
    average: f64,
    /// Which tools have a word, and how often.
    words: HashMap<String, Vec<(usize, f64)>>,
}

impl Index {
    /// Takes in the tools. What is found is said by their place here.
    pub fn build<'a, E: IntoIterator<Item = Entry<'a>>>(entries: E) -> Self {
        let mut index = Self::default();
        let mut total = 0.0;
        for (place, entry) in entries.into_iter().enumerate() {
            let mut counts: HashMap<String, f64> = HashMap::new();
            let mut length = 0.0;
            let texts = [entry.server, entry.original, entry.description];
            for word in texts.into_iter().flat_map(words) {
                length += 1.0;
                *counts.entry(word).or_default() += 1.0;
            }
            for (word, count) in counts {
                index.words.entry(word).or_default().push((place, count));
            }
            index.names.push(entry.exposed.to_owned());
            index.lengths.push(length);
            total += length;
        }
        let count = float(index.names.len());
        index.average = if count > 0.0 { total / count } else { 0.0 };
        index
    }

    /// How many tools there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The places of the tools that have a word of the query, the best first, those of one score
    /// by name.
    pub fn search(&self, query: &str, most: usize) -> Vec<usize> {
        self.search_among(query, most, |_| true)
    }

    /// [`Index::search`] among the tools that may be found.
    pub fn search_among(
        &self,
        query: &str,
        most: usize,
        may_be_found: impl Fn(usize) -> bool,
    ) -> Vec<usize> {
        let mut scores: HashMap<usize, f64> = HashMap::new();
        for word in words(query).take(QUERY_WORDS_MAX) {
            let tools = self.words.get(&word).map(Vec::as_slice).unwrap_or_default();
            let weight = self.weight(tools.len());
            for (place, count) in tools {
                let length = self.lengths.get(*place).copied().unwrap_or(0.0);
                let long = 1.0 - B + B * length / self.average;
                let score = weight * count * (K1 + 1.0) / (count + K1 * long);
                *scores.entry(*place).or_default() += score;
            }
        }
        let mut found: Vec<(usize, f64)> = scores
            .into_iter()
            .filter(|(place, score)| *score > 0.0 && may_be_found(*place))
            .collect();
        let name = |place: &usize| self.names.get(*place);
        found.sort_by(|(left, best), (right, score)| {
            score.total_cmp(best).then_with(|| (name(left), left).cmp(&(name(right), right)))
        });
        found.truncate(most);
        found.into_iter().map(|(place, _)| place).collect()
    }

    /// What a word says that so many tools have.
    fn weight(&self, tools: usize) -> f64 {
        let (all, with) = (float(self.names.len()), float(tools));
        ((all - with + 0.5) / (with + 0.5) + 1.0).ln()
    }
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
