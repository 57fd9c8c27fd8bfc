//! Compares what a server lists with what was approved of it.
//!
//! A pin is the raw definition that somebody approved. What differs from it in wording alone is
//! reported; what could change what a call does, or what a model is told, waits in quarantine.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use serde_json::{Map, Value};

use crate::catalog::{Item, Kind};
use crate::json::canonical;
use crate::problem::shown;
use crate::text::visible;

mod diff;
mod schema;
mod shadow;
mod wording;

pub use diff::diff;
pub use shadow::OtherTools;

/// A difference between what is pinned and what is seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// The item's name as the server writes it now.
    pub name: String,
    /// Its kind.
    pub kind: Kind,
    /// What became of it.
    pub change: Change,
    /// What follows from that.
    pub grade: Grade,
    /// Why, the gravest first.
    pub reasons: Vec<Reason>,
}

/// What became of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It is not pinned.
    New,
    /// It is pinned and no longer listed.
    Gone,
    /// Its definition is another one.
    Changed,
    /// What is new is what was pinned under another name.
    Renamed {
        /// The pinned name.
        from: String,
    },
}

impl Change {
    /// A stable word for it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Gone => "gone",
            Self::Changed => "changed",
            Self::Renamed { from: _ } => "renamed",
        }
    }
}

/// What follows from a drift.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Grade {
    /// It is shown to operators. The pinned definition stays in use.
    Reported,
    /// Besides, the item is neither listed nor called until somebody approves it.
    Quarantined,
}

impl Grade {
    /// A stable word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reported => "reported",
            Self::Quarantined => "quarantined",
        }
    }
}

/// One reason of a drift.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// Which one.
    pub code: Code,
    /// In words, fit to be shown. It holds names of members, never their text.
    pub sentence: String,
}

impl Reason {
    fn new(code: Code, sentence: impl Into<String>) -> Self {
        Self { code, sentence: sentence.into() }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.code.as_str(), self.sentence)
    }
}

/// The stable codes of reasons. Their order is that of their weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Code {
    /// A text holds what a person does not see, or words to the reader.
    SuspiciousText,
    /// A text names a tool of another server.
    MentionsOtherTool,
    /// A resource or a template is listed by another server.
    TakesResource,
    /// The definition cannot be read.
    Unreadable,
    /// A tool came that nobody approved.
    NewTool,
    /// A tool has another name.
    RenamedTool,
    /// What may be sent to a tool changed.
    InputSchema,
    /// What a tool may answer changed.
    OutputSchema,
    /// What a tool says of its effects changed.
    Annotations,
    /// How a tool is run changed.
    Execution,
    /// The tool is no longer listed.
    GoneTool,
    /// Only words for people changed.
    Wording,
    /// Something changed that the protocol does not know.
    OtherMember,
}

impl Code {
    /// The code as it is stored and recorded.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SuspiciousText => "suspicious_text",
            Self::MentionsOtherTool => "mentions_other_tool",
            Self::TakesResource => "takes_resource",
            Self::Unreadable => "unreadable",
            Self::NewTool => "new_tool",
            Self::RenamedTool => "renamed_tool",
            Self::InputSchema => "input_schema",
            Self::OutputSchema => "output_schema",
            Self::Annotations => "annotations",
            Self::Execution => "execution",
            Self::GoneTool => "gone_tool",
            Self::Wording => "wording",
            Self::OtherMember => "other_member",
        }
    }

    /// What follows from it.
    pub fn grade(self) -> Grade {
        match self {
            Self::GoneTool | Self::Wording | Self::OtherMember => Grade::Reported,
            Self::SuspiciousText
            | Self::MentionsOtherTool
            | Self::TakesResource
            | Self::Unreadable
            | Self::NewTool
            | Self::RenamedTool
            | Self::InputSchema
            | Self::OutputSchema
            | Self::Annotations
            | Self::Execution => Grade::Quarantined,
        }
    }
}

/// Every drift between pins and what is seen, by kind and name. Equal lists have none.
///
/// Prompts, resources and templates may come, go and change; only suspicious text holds them up, and
/// that another server has them.
/// The pin of a tool that vanished is to be kept, so that its return is compared with it.
pub fn compare(pinned: &[Item], seen: &[Item]) -> Vec<Drift> {
    compare_among(pinned, seen, "", &OtherTools::default())
}

/// [`compare`] for a server beside others: a new or changed text that names a tool of another
/// server is held up too.
pub fn compare_among(
    pinned: &[Item],
    seen: &[Item],
    server: &str,
    others: &OtherTools,
) -> Vec<Drift> {
    let pins: BTreeMap<(Kind, &str), &Item> = pinned.iter().map(|item| (key(item), item)).collect();
    let listed: BTreeSet<(Kind, &str)> = seen.iter().map(key).collect();
    let mut gone = Gone::new(pinned.iter().filter(|item| !listed.contains(&key(item))));
    let mut drifts = Vec::new();
    for item in seen {
        let (change, mut reasons) = match pins.get(&key(item)) {
            Some(pin) if pin.raw == item.raw => continue,
            Some(pin) => (Change::Changed, changed(pin, item)),
            None => match gone.take(item) {
                Some(from) => (Change::Renamed { from: from.to_owned() }, renamed(from)),
                None => (Change::New, new(item)),
            },
        };
        let pin = pins.get(&key(item)).map(|pin| pin.raw.as_str());
        reasons.extend(wording::suspicious(pin, &item.raw));
        reasons.extend(others.mentioned(server, pin, &item.raw));
        if pin.is_none() {
            reasons.extend(others.taken(server, item));
        }
        drifts.extend(drift(item, change, reasons));
    }
    for pin in gone.rest() {
        let reason = Reason::new(Code::GoneTool, "the tool is no longer listed");
        drifts.extend(drift(pin, Change::Gone, vec![reason]));
    }
    drifts.sort_by(|left, right| (left.kind, &left.name).cmp(&(right.kind, &right.name)));
    drifts
}

/// What must not be pinned unseen when a server is added: items with suspicious text, those that
/// name tools of other servers, and resources that other servers have.
pub fn screen(seen: &[Item], server: &str, others: &OtherTools) -> Vec<Drift> {
    seen.iter()
        .filter_map(|item| {
            let mut reasons = wording::suspicious(None, &item.raw);
            reasons.extend(others.mentioned(server, None, &item.raw));
            reasons.extend(others.taken(server, item));
            drift(item, Change::New, reasons)
        })
        .collect()
}

/// What is suspicious in what a server says of itself, its instructions for instance: raw JSON,
/// without what stands in the approved form of it.
pub fn suspicious_facts(approved: Option<&str>, seen: &str) -> Vec<Reason> {
    wording::suspicious(approved, seen)
}

impl Drift {
    /// The drift for people: what happened, why, and what differs.
    pub fn describe(&self, pinned: Option<&str>, seen: Option<&str>) -> String {
        let from = match &self.change {
            Change::Renamed { from } => format!(" from `{}`", visible(from)),
            Change::New | Change::Gone | Change::Changed => String::new(),
        };
        let mut out = format!(
            "{} `{}` {}{from}: {}\n",
            self.kind.as_str(),
            visible(&self.name),
            self.change.as_str(),
            self.grade.as_str()
        );
        for reason in &self.reasons {
            out.push_str(&format!("  {reason}\n"));
        }
        out.push_str(&diff(pinned, seen));
        out
    }
}

fn key(item: &Item) -> (Kind, &str) {
    (item.kind, &item.name)
}

/// A drift with these reasons, unless there are none.
fn drift(item: &Item, change: Change, mut reasons: Vec<Reason>) -> Option<Drift> {
    reasons.sort_by_key(|reason| reason.code);
    reasons.dedup();
    let grade = reasons.iter().map(|reason| reason.code.grade()).max()?;
    Some(Drift { name: item.name.clone(), kind: item.kind, change, grade, reasons })
}

fn new(item: &Item) -> Vec<Reason> {
    match item.kind {
        Kind::Tool => vec![Reason::new(Code::NewTool, "nobody approved this tool")],
        Kind::Prompt | Kind::Resource | Kind::Template => Vec::new(),
    }
}

fn renamed(from: &str) -> Vec<Reason> {
    let sentence = format!("the tool that was approved as `{}` has another name", visible(from));
    vec![Reason::new(Code::RenamedTool, sentence)]
}

/// The pinned tools that are no longer listed.
struct Gone<'a> {
    tools: Vec<Option<&'a Item>>,
    /// Where in `tools` are those with this definition, their name aside.
    by_body: HashMap<String, Vec<usize>>,
}

impl<'a> Gone<'a> {
    fn new(items: impl Iterator<Item = &'a Item>) -> Self {
        let tools: Vec<Option<&Item>> =
            items.filter(|item| item.kind == Kind::Tool).map(Some).collect();
        let mut by_body: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, tool) in tools.iter().enumerate().rev() {
            if let Some(body) = tool.and_then(body) {
                by_body.entry(body).or_default().push(index);
            }
        }
        Self { tools, by_body }
    }

    /// The pinned name of a tool that is seen under another one, which is then gone no longer.
    fn take(&mut self, item: &Item) -> Option<&'a str> {
        if item.kind != Kind::Tool || self.by_body.is_empty() {
            return None;
        }
        let index = self.by_body.get_mut(&body(item)?)?.pop()?;
        self.tools.get_mut(index)?.take().map(|pin| pin.name.as_str())
    }

    fn rest(&self) -> impl Iterator<Item = &'a Item> {
        self.tools.iter().copied().flatten()
    }
}

/// A definition without its name, as a text that is equal for equal ones.
fn body(item: &Item) -> Option<String> {
    let mut members = object(&item.raw)?;
    members.shift_remove(item.kind.name_member());
    Some(canonical(&Value::Object(members)))
}

fn object(raw: &str) -> Option<Map<String, Value>> {
    match serde_json::from_str(raw) {
        Ok(Value::Object(members)) => Some(members),
        Ok(_) | Err(_) => None,
    }
}

/// Why a definition is not the pinned one. None where both say the same.
fn changed(pin: &Item, item: &Item) -> Vec<Reason> {
    if item.kind != Kind::Tool {
        return Vec::new();
    }
    let (Some(before), Some(after)) = (object(&pin.raw), object(&item.raw)) else {
        return vec![Reason::new(Code::Unreadable, "the definition cannot be read")];
    };
    let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let mut reasons = Vec::new();
    for key in keys {
        let (before, after) = (before.get(key), after.get(key));
        if before.map(canonical) == after.map(canonical) {
            continue;
        }
        reasons.extend(match key.as_str() {
            "inputSchema" => schema::changed(Code::InputSchema, key, before, after),
            "outputSchema" => schema::changed(Code::OutputSchema, key, before, after),
            "annotations" => Some(annotations(before, after)),
            "execution" => {
                Some(Reason::new(Code::Execution, "`execution` changed: how the tool is run"))
            }
            "title" | "description" => Some(wording_of(key)),
            other => {
                let sentence = format!("`{}` changed", shown(other));
                Some(Reason::new(Code::OtherMember, sentence))
            }
        });
    }
    reasons
}

fn wording_of(place: &str) -> Reason {
    Reason::new(Code::Wording, format!("the wording of `{place}` changed"))
}

/// The title among the annotations is wording; the rest are promises about effects.
fn annotations(before: Option<&Value>, after: Option<&Value>) -> Reason {
    let promises = |value: Option<&Value>| {
        let mut value = value.cloned().unwrap_or_else(|| Value::Object(Map::new()));
        if let Some(members) = value.as_object_mut() {
            members.shift_remove("title");
        }
        value
    };
    let (before, after) = (promises(before), promises(after));
    if canonical(&before) == canonical(&after) {
        return wording_of("annotations.title");
    }
    let place = schema::place("annotations", &before, &after);
    Reason::new(Code::Annotations, format!("what the tool says of its effects changed: `{place}`"))
}

#[cfg(test)]
mod tests;
