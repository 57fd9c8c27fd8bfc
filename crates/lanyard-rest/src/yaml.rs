//! YAML as a tree in which every key and value knows its place. Reads one document; knows
//! nothing of what the document means.
//!
//! The events come from `granit-parser`, the parser below `serde-saphyr`: it gives the place of
//! every key, which Serde's data model cannot carry, so that all problems can be told in one pass.

mod scalar;
mod text;

use std::collections::{HashMap, HashSet};

use granit_parser::{Event, Parser, ScalarStyle, ScanError, Span as EventSpan, Tag};

pub(crate) use scalar::{Kind, Scalar, Style};
pub(crate) use text::{Edits, mark_in_text};

/// The deepest nesting of lists and objects.
const DEPTH_MAX: usize = 64;

/// What aliases may add to a document, in nodes and in bytes of text.
const ALIAS_NODES_MAX: usize = 100_000;
const ALIAS_BYTES_MAX: usize = 8 << 20;

/// A place in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Mark {
    /// Counted from 1.
    pub(crate) line: u32,
    /// In characters, counted from 1.
    pub(crate) column: u32,
    /// In bytes, counted from 0.
    pub(crate) offset: usize,
}

/// A stretch of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Span {
    pub(crate) start: Mark,
    /// The first byte after it.
    pub(crate) end: usize,
}

/// A value with its place.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) value: NodeValue,
    pub(crate) span: Span,
}

/// A value.
#[derive(Debug, Clone)]
pub(crate) enum NodeValue {
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A member of an object.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_span: Span,
    pub(crate) value: Node,
}

impl Node {
    /// Whether this is null, written or not.
    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.value, NodeValue::Scalar(scalar) if matches!(scalar.kind(), Kind::Null))
    }

    /// What the value is, for messages.
    pub(crate) fn kind_name(&self) -> &'static str {
        match &self.value {
            NodeValue::List(_) => "a list",
            NodeValue::Map(_) => "an object",
            NodeValue::Scalar(scalar) => scalar.kind().name(),
        }
    }

    fn weigh(&self) -> (usize, usize) {
        match &self.value {
            NodeValue::Scalar(scalar) => (1, scalar.text.len()),
            NodeValue::List(items) => items.iter().map(Self::weigh).fold((1, 0), add),
            NodeValue::Map(entries) => entries
                .iter()
                .map(|entry| add(entry.value.weigh(), (1, entry.key.len())))
                .fold((1, 0), add),
        }
    }
}

fn add(left: (usize, usize), right: (usize, usize)) -> (usize, usize) {
    (left.0.saturating_add(right.0), left.1.saturating_add(right.1))
}

/// What is wrong with a document, before its meaning.
#[derive(Debug)]
pub(crate) struct YamlProblem {
    pub(crate) mark: Mark,
    pub(crate) message: String,
}

/// Reads the one document of a text. The tree is given even if a key stands twice (the first
/// one counts), so that the other problems of the file can be told too.
pub(crate) fn read(text: &str) -> Result<(Node, Vec<YamlProblem>), YamlProblem> {
    read_nested(text, DEPTH_MAX)
}

/// Reads a document that may be nested as deeply as this.
pub(crate) fn read_nested(
    text: &str,
    depth_max: usize,
) -> Result<(Node, Vec<YamlProblem>), YamlProblem> {
    let options = granit_parser::options! {
        flow_nesting_limit: depth_max,
        block_nesting_limit: depth_max,
    };
    let mut reader = Reader {
        events: Parser::new_from_str_with_options(text, options),
        source: text,
        anchors: HashMap::new(),
        expanded: (0, 0),
        depth_max,
        problems: Vec::new(),
    };
    let node = reader.document()?;
    Ok((node, reader.problems))
}

struct Reader<'a> {
    events: Parser<'a, granit_parser::StrInput<'a>>,
    source: &'a str,
    anchors: HashMap<usize, Node>,
    expanded: (usize, usize),
    depth_max: usize,
    problems: Vec<YamlProblem>,
}

impl<'a> Reader<'a> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the parser may get new kinds of events")]
    fn document(&mut self) -> Result<Node, YamlProblem> {
        let mut root = None;
        while let Some((event, span)) = self.next()? {
            match event {
                Event::DocumentStart(..) if root.is_some() => {
                    return Err(problem(
                        mark(&span),
                        "a second document begins here; one file describes one server",
                    ));
                }
                Event::DocumentStart(..) => {
                    let (event, span) = self.expect_next()?;
                    root = Some(self.node(event, &span, 0)?);
                }
                Event::StreamEnd => break,
                _ => {}
            }
        }
        root.ok_or_else(|| problem(Mark { line: 1, column: 1, offset: 0 }, "the file is empty"))
    }

    fn next(&mut self) -> Result<Option<(Event<'a>, EventSpan)>, YamlProblem> {
        self.events.next_event().transpose().map_err(|error| syntax(&error, self.depth_max))
    }

    fn expect_next(&mut self) -> Result<(Event<'a>, EventSpan), YamlProblem> {
        self.next()?.ok_or_else(|| problem(Mark::default(), "the file ends too early"))
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the parser may get new kinds of events")]
    fn node(
        &mut self,
        event: Event<'a>,
        span: &EventSpan,
        depth: usize,
    ) -> Result<Node, YamlProblem> {
        if depth > self.depth_max {
            return Err(problem(mark(span), "lists and objects are nested too deeply"));
        }
        let (anchor, node) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let value = self.scalar(&text, style, span, tag.as_deref())?;
                (anchor, Node { value: NodeValue::Scalar(value), span: whole(span) })
            }
            Event::SequenceStart(_, anchor, tag) => {
                refuse_tag(tag.as_deref(), "seq", span)?;
                (anchor, self.list(span, depth)?)
            }
            Event::MappingStart(_, anchor, tag) => {
                refuse_tag(tag.as_deref(), "map", span)?;
                (anchor, self.map(span, depth)?)
            }
            Event::Alias(anchor) => return self.alias(anchor, span),
            _ => return Err(problem(mark(span), "this is not a value")),
        };
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn scalar(
        &self,
        text: &str,
        style: ScalarStyle,
        span: &EventSpan,
        tag: Option<&Tag>,
    ) -> Result<Scalar, YamlProblem> {
        let style = match style {
            ScalarStyle::Plain => Style::Plain,
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Style::Quoted,
            ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
        };
        // The parser gives `~` for a value that is not there.
        let empty = style == Style::Plain && span.slice(self.source) == Some("");
        let text = if empty { "" } else { text };
        let tag = match tag {
            None => None,
            Some(tag) => Some(tag.core_suffix().ok_or_else(|| unknown_tag(tag, span))?),
        };
        Scalar::new(text, style, tag).map_err(|message| problem(mark(span), message))
    }

    fn list(&mut self, span: &EventSpan, depth: usize) -> Result<Node, YamlProblem> {
        let mut items = Vec::new();
        loop {
            let (event, item_span) = self.expect_next()?;
            if event == Event::SequenceEnd {
                let span = Span { start: mark(span), end: end(&item_span) };
                return Ok(Node { value: NodeValue::List(items), span });
            }
            items.push(self.node(event, &item_span, depth.saturating_add(1))?);
        }
    }

    fn map(&mut self, span: &EventSpan, depth: usize) -> Result<Node, YamlProblem> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut names: HashSet<String> = HashSet::new();
        let mut merged: Vec<Entry> = Vec::new();
        loop {
            let (event, key_span) = self.expect_next()?;
            if event == Event::MappingEnd {
                merged.retain(|entry| !names.contains(&entry.key));
                entries.append(&mut merged);
                let span = Span { start: mark(span), end: end(&key_span) };
                return Ok(Node { value: NodeValue::Map(entries), span });
            }
            let plain = matches!(&event, Event::Scalar(_, ScalarStyle::Plain, _, _));
            let key = self.key(event, &key_span)?;
            let (event, value_span) = self.expect_next()?;
            let value = self.node(event, &value_span, depth.saturating_add(1))?;
            if plain && key == "<<" {
                merge(&mut merged, value, &key_span)?;
            } else if !names.insert(key.clone()) {
                let message = format!("the key `{key}` stands here twice");
                self.problems.push(YamlProblem { mark: mark(&key_span), message });
            } else {
                entries.push(Entry { key, key_span: whole(&key_span), value });
            }
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the parser may get new kinds of events")]
    fn key(&mut self, event: Event<'a>, span: &EventSpan) -> Result<String, YamlProblem> {
        match event {
            Event::Scalar(text, _, anchor, None) => {
                if anchor != 0 {
                    let scalar = self.scalar(&text, ScalarStyle::DoubleQuoted, span, None)?;
                    let node = Node { value: NodeValue::Scalar(scalar), span: whole(span) };
                    self.anchors.insert(anchor, node);
                }
                Ok(text.into_owned())
            }
            Event::Alias(anchor) => match self.alias(anchor, span)?.value {
                NodeValue::Scalar(scalar) => Ok(scalar.text),
                NodeValue::List(_) | NodeValue::Map(_) => Err(problem(mark(span), KEY_NOT_TEXT)),
            },
            _ => Err(problem(mark(span), KEY_NOT_TEXT)),
        }
    }

    fn alias(&mut self, anchor: usize, span: &EventSpan) -> Result<Node, YamlProblem> {
        let node = self
            .anchors
            .get(&anchor)
            .ok_or_else(|| problem(mark(span), "an alias stands inside its own anchor"))?;
        self.expanded = add(self.expanded, node.weigh());
        if self.expanded.0 > ALIAS_NODES_MAX || self.expanded.1 > ALIAS_BYTES_MAX {
            let message = format!("aliases expand to more than {ALIAS_NODES_MAX} values or 8 MiB");
            return Err(YamlProblem { mark: mark(span), message });
        }
        Ok(node.clone())
    }
}

const KEY_NOT_TEXT: &str = "a key must be text";

/// The members that `<<` brings: those of one object, or of several of which the first wins.
fn merge(merged: &mut Vec<Entry>, value: Node, span: &EventSpan) -> Result<(), YamlProblem> {
    let objects = match value.value {
        NodeValue::List(items) => items,
        NodeValue::Map(_) | NodeValue::Scalar(_) => vec![value],
    };
    for object in objects {
        let NodeValue::Map(entries) = object.value else {
            return Err(problem(mark(span), "`<<` takes an object or a list of objects"));
        };
        for entry in entries {
            if !merged.iter().any(|own| own.key == entry.key) {
                merged.push(entry);
            }
        }
    }
    Ok(())
}

fn refuse_tag(tag: Option<&Tag>, allowed: &str, span: &EventSpan) -> Result<(), YamlProblem> {
    match tag {
        Some(tag) if tag.core_suffix() != Some(allowed) => Err(unknown_tag(tag, span)),
        Some(_) | None => Ok(()),
    }
}

fn unknown_tag(tag: &Tag, span: &EventSpan) -> YamlProblem {
    let message = format!("the tag `{}` is not known here", tag.original());
    YamlProblem { mark: mark(span), message }
}

fn syntax(error: &ScanError, depth_max: usize) -> YamlProblem {
    let marker = error.marker();
    let info = error.info();
    let message = if info.contains("recursion limit") {
        format!("lists and objects are nested more than {depth_max} deep")
    } else {
        format!("this is not YAML: {info}")
    };
    YamlProblem { mark: mark_of(marker), message }
}

fn problem(mark: Mark, message: impl Into<String>) -> YamlProblem {
    YamlProblem { mark, message: message.into() }
}

fn mark(span: &EventSpan) -> Mark {
    mark_of(&span.start)
}

fn mark_of(marker: &granit_parser::Marker) -> Mark {
    let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    Mark {
        line: number(marker.line()),
        column: number(marker.col().saturating_add(1)),
        offset: marker.byte_offset().unwrap_or(0),
    }
}

fn end(span: &EventSpan) -> usize {
    span.end.byte_offset().unwrap_or(0)
}

fn whole(span: &EventSpan) -> Span {
    Span { start: mark(span), end: end(span) }
}

#[cfg(test)]
mod tests;
