//! Reads the members of an object of the file by name and type. What is not read is unknown, and
//! an unknown key is an error with the known key it may have been meant to be.

use serde_json::{Map, Value};

use crate::problem::{Problems, suggestion};
use crate::yaml::{Entry, Kind, Mark, Node, NodeValue, Style};

/// The members of one object, and which of them were asked for.
pub(crate) struct Fields<'n> {
    entries: &'n [Entry],
    known: Vec<&'static str>,
    pub(crate) path: String,
    pub(crate) mark: Mark,
}

/// A text of the file with its place.
#[derive(Clone, Copy)]
pub(crate) struct Text<'n> {
    pub(crate) text: &'n str,
    pub(crate) node: &'n Node,
}

impl Text<'_> {
    pub(crate) fn mark(&self) -> Mark {
        self.node.span.start
    }
}

impl<'n> Fields<'n> {
    /// The members of an object, or an error.
    pub(crate) fn of(node: &'n Node, path: &str, problems: &mut Problems) -> Option<Self> {
        let NodeValue::Map(entries) = &node.value else {
            wrong_kind(node, path, "an object", problems);
            return None;
        };
        Some(Self { entries, known: Vec::new(), path: path.to_owned(), mark: node.span.start })
    }

    /// The path of a member.
    pub(crate) fn path_of(&self, key: &str) -> String {
        join(&self.path, key)
    }

    /// A member that is there and not null.
    pub(crate) fn node(&mut self, key: &'static str) -> Option<&'n Node> {
        self.entry(key).map(|entry| &entry.value).filter(|node| !node.is_null())
    }

    /// A member that is there, null or not.
    pub(crate) fn entry(&mut self, key: &'static str) -> Option<&'n Entry> {
        self.known.push(key);
        self.entries.iter().find(|entry| entry.key == key)
    }

    /// A member that is text.
    pub(crate) fn text(&mut self, key: &'static str, problems: &mut Problems) -> Option<Text<'n>> {
        let node = self.node(key)?;
        read_text(node, &self.path_of(key), problems)
    }

    /// Whether a member is there and not null.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|entry| entry.key == key && !entry.value.is_null())
    }

    /// A member that is text and must be there.
    pub(crate) fn needed_text(
        &mut self,
        key: &'static str,
        problems: &mut Problems,
    ) -> Option<Text<'n>> {
        let Some(node) = self.node(key) else {
            problems.error(self.mark, &self.path, format!("`{key}` is missing"));
            return None;
        };
        let text = read_text(node, &self.path_of(key), problems)?;
        if text.text.is_empty() {
            problems.error(text.mark(), &self.path_of(key), format!("`{key}` is empty"));
            return None;
        }
        Some(text)
    }

    /// A member that is any scalar, taken as it stands in the file.
    pub(crate) fn source_text(
        &mut self,
        key: &'static str,
        problems: &mut Problems,
    ) -> Option<Text<'n>> {
        let node = self.node(key)?;
        match &node.value {
            NodeValue::Scalar(scalar) => Some(Text { text: &scalar.text, node }),
            NodeValue::List(_) | NodeValue::Map(_) => {
                wrong_kind(node, &self.path_of(key), "text", problems);
                None
            }
        }
    }

    /// A member that is true or false; false if it is not there.
    pub(crate) fn flag(&mut self, key: &'static str, problems: &mut Problems) -> bool {
        let Some(node) = self.node(key) else { return false };
        if let NodeValue::Scalar(scalar) = &node.value
            && let Kind::Bool(value) = scalar.kind()
        {
            return value;
        }
        wrong_kind(node, &self.path_of(key), "true or false", problems);
        false
    }

    /// A member that is a list.
    pub(crate) fn list(
        &mut self,
        key: &'static str,
        problems: &mut Problems,
    ) -> Option<&'n [Node]> {
        let node = self.node(key)?;
        match &node.value {
            NodeValue::List(items) => Some(items),
            NodeValue::Scalar(_) | NodeValue::Map(_) => {
                wrong_kind(node, &self.path_of(key), "a list", problems);
                None
            }
        }
    }

    /// A member as a JSON value.
    pub(crate) fn value(&mut self, key: &'static str) -> Option<Value> {
        self.node(key).map(to_value)
    }

    /// The members that were not asked for, each an unknown key.
    pub(crate) fn finish(self, problems: &mut Problems) {
        for entry in self.entries {
            if self.known.contains(&entry.key.as_str()) {
                continue;
            }
            let hint = suggestion(&entry.key, self.known.iter().copied());
            let message = format!("unknown key `{}`{hint}", shown(&entry.key));
            problems.error(entry.key_span.start, &self.path, message);
        }
    }

    /// The members that were not asked for, taken by the caller.
    pub(crate) fn rest(&self) -> impl Iterator<Item = &'n Entry> {
        self.entries.iter().filter(|entry| !self.known.contains(&entry.key.as_str()))
    }

    /// Says that a key is read by the caller itself.
    pub(crate) fn know(&mut self, keys: &[&'static str]) {
        self.known.extend(keys);
    }

    /// Whether nothing but `keys` is there.
    pub(crate) fn only(&self, keys: &[&str]) -> bool {
        self.entries.iter().all(|entry| keys.contains(&entry.key.as_str()))
    }
}

/// A node that must be text.
pub(crate) fn read_text<'n>(
    node: &'n Node,
    path: &str,
    problems: &mut Problems,
) -> Option<Text<'n>> {
    if let NodeValue::Scalar(scalar) = &node.value
        && scalar.kind() == Kind::Text
    {
        return Some(Text { text: &scalar.text, node });
    }
    wrong_kind(node, path, "text", problems);
    None
}

/// A node that must be a list of texts.
pub(crate) fn read_texts<'n>(
    items: &'n [Node],
    path: &str,
    problems: &mut Problems,
) -> Vec<Text<'n>> {
    items
        .iter()
        .enumerate()
        .filter_map(|(index, item)| read_text(item, &at(path, index), problems))
        .collect()
}

fn wrong_kind(node: &Node, path: &str, expected: &str, problems: &mut Problems) {
    let found = node.kind_name();
    let hint = match &node.value {
        NodeValue::Scalar(scalar) if scalar.style == Style::Plain && expected == "text" => {
            "; put it in quotes"
        }
        NodeValue::Scalar(_) | NodeValue::List(_) | NodeValue::Map(_) => "",
    };
    problems.error(node.span.start, path, format!("expected {expected}, found {found}{hint}"));
}

/// A node as a JSON value. Numbers keep their source text.
pub(crate) fn to_value(node: &Node) -> Value {
    match &node.value {
        NodeValue::Scalar(scalar) => scalar.to_value(),
        NodeValue::List(items) => Value::Array(items.iter().map(to_value).collect()),
        NodeValue::Map(entries) => {
            let members = entries.iter().map(|entry| (entry.key.clone(), to_value(&entry.value)));
            Value::Object(members.collect::<Map<_, _>>())
        }
    }
}

/// The path of a member of an object.
pub(crate) fn join(path: &str, key: &str) -> String {
    let key = shown(key);
    if path.is_empty() { key } else { format!("{path}.{key}") }
}

/// The path of an element of a list.
pub(crate) fn at(path: &str, index: usize) -> String {
    format!("{path}[{index}]")
}

/// A name from the file as a message may show it: on one line, and not without end.
pub(crate) fn shown(text: &str) -> String {
    const CHARACTERS_MAX: usize = 80;
    let mut shown: String = one_line(text).chars().take(CHARACTERS_MAX).collect();
    if text.chars().nth(CHARACTERS_MAX).is_some() {
        shown.push('…');
    }
    shown
}

/// A text without control characters.
pub(crate) fn one_line(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}
