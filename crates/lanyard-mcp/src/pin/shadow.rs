//! What reaches for other servers: descriptions that speak of their tools, by which one server can
//! change how a model uses another one without ever being called, and resources that are theirs.

use std::collections::HashMap;

use super::wording::new_texts;
use super::{Code, Reason};
use crate::catalog::{Item, Kind};
use crate::text::Folded;

/// A shorter name without a prefix is taken for a word.
const NAME_CHARS_MIN: usize = 5;

/// Mentions that are given for one item.
const REASONS_MAX: usize = 10;

/// The tools of all servers by the names under which a text may speak of them, and their resources.
#[derive(Debug, Clone, Default)]
pub struct OtherTools {
    names: HashMap<String, Vec<Owner>>,
    /// The servers by the URI, or the URI template, of what they list.
    resources: HashMap<(Kind, String), String>,
}

/// Whose tool has a name.
#[derive(Debug, Clone)]
struct Owner {
    server: String,
    tool: String,
}

impl OtherTools {
    /// Collects tools: their server, their own name, and the name under which they are exposed.
    /// An own name counts from five characters on if it is composed of words.
    pub fn new<'a>(tools: impl IntoIterator<Item = (&'a str, &'a str, &'a str)>) -> Self {
        let mut all = Self::default();
        for (server, own, exposed) in tools {
            if own.chars().count() >= NAME_CHARS_MIN && own.contains(['_', '-']) {
                all.add(own, server, own);
            }
            if exposed != own {
                all.add(exposed, server, own);
            }
        }
        all
    }

    /// Adds resources and templates: their server, their kind, and their URI or URI template.
    #[must_use]
    pub fn with_resources<'a>(
        mut self,
        resources: impl IntoIterator<Item = (&'a str, Kind, &'a str)>,
    ) -> Self {
        for (server, kind, uri) in resources {
            self.resources.entry((kind, uri.to_owned())).or_insert_with(|| server.to_owned());
        }
        self
    }

    fn add(&mut self, name: &str, server: &str, tool: &str) {
        let owners = self.names.entry(name.to_lowercase()).or_default();
        owners.push(Owner { server: server.to_owned(), tool: tool.to_owned() });
    }

    /// Why a resource, or a template, is not simply this server's: another one lists it. On `/mcp` it
    /// would be answered by whichever came first in the alphabet.
    pub(super) fn taken(&self, server: &str, item: &Item) -> Option<Reason> {
        let owner = self.resources.get(&(item.kind, item.name.clone()))?;
        let sentence = format!("the server `{owner}` lists the same {}", item.kind.as_str());
        (owner != server).then(|| Reason::new(Code::TakesResource, sentence))
    }

    /// The tools of other servers that the new titles and descriptions of a definition name. A
    /// name that is also one of the server's own means that one.
    pub(super) fn mentioned(&self, server: &str, pinned: Option<&str>, seen: &str) -> Vec<Reason> {
        if self.names.is_empty() {
            return Vec::new();
        }
        let mut reasons: Vec<Reason> = Vec::new();
        let texts = new_texts(pinned, seen).unwrap_or_default();
        for text in texts.into_iter().filter(|text| text.is_wording) {
            for word in words(&Folded::of(&text.text).text) {
                let Some(owners) = self.names.get(word) else { continue };
                let Some(first) = owners.first() else { continue };
                if owners.iter().any(|owner| owner.server == server) {
                    continue;
                }
                let sentence = format!(
                    "`{}` names the tool `{}` of the server `{}`",
                    text.place, first.tool, first.server
                );
                let reason = Reason::new(Code::MentionsOtherTool, sentence);
                if !reasons.contains(&reason) {
                    reasons.push(reason);
                }
                if reasons.len() >= REASONS_MAX {
                    return reasons;
                }
            }
        }
        reasons
    }
}

/// What could be a name of a tool, with and without punctuation at its end.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    text.split(move |c| !is_part(c)).filter(|word| !word.is_empty()).flat_map(|word| {
        let bare = word.trim_end_matches(['.', '-', '/']).trim_start_matches(['.', '-', '/']);
        let bare = Some(bare).filter(|bare| bare.len() < word.len() && !bare.is_empty());
        std::iter::once(word).chain(bare)
    })
}
