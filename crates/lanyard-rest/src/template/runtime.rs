//! What a rendering has besides its template: the data, the environment, the budget of work, and
//! how values are reached and printed.

use std::cell::OnceCell;
use std::rc::Rc;

use lanyard_core::Limits;
use serde_json::Value;

use super::TemplateEnv;
use super::json::Writer;
use super::source::Spans;
use super::value::{Data, Fault, List, Members, Object, Origin, Outcome, Text, Tree, Val, failed};

/// The state of one rendering that is not its output.
pub(super) struct Runtime<'a> {
    pub(super) env: &'a TemplateEnv<'a>,
    pub(super) root: Val<'a>,
    steps: u64,
    work: u64,
    depth_max: usize,
    spans: OnceCell<Spans>,
}

/// How many bytes may be read and made for each byte that may be written. A rendering reads its
/// data several times; one that multiplies its data is stopped here.
const WORK_A_BYTE: u64 = 16;

/// What one element costs in bytes of work.
const ELEMENT_BYTES: usize = 16;

impl<'a> Runtime<'a> {
    pub(super) fn new(root: &'a Value, env: &'a TemplateEnv<'a>) -> Outcome<Self> {
        if !matches!(root, Value::Object(_) | Value::Array(_)) {
            return failed("the data is neither an object nor a list");
        }
        Ok(Self {
            env,
            root: Val::new(Data::Json(root, Tree::Root), Origin::Outside),
            steps: env.limits.template_steps_max,
            work: env.limits.template_output_bytes_max.saturating_mul(WORK_A_BYTE),
            depth_max: Limits::size(env.limits.template_depth_max),
            spans: OnceCell::new(),
        })
    }

    pub(super) fn depth_max(&self) -> usize {
        self.depth_max
    }

    /// Counts one step.
    pub(super) fn step(&mut self) -> Outcome<()> {
        let left = self.steps.checked_sub(1).ok_or(Fault::Limit("template_steps_max"))?;
        self.steps = left;
        Ok(())
    }

    /// Counts bytes read or about to be made.
    pub(super) fn work(&mut self, bytes: usize) -> Outcome<()> {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let left = self.work.checked_sub(bytes);
        self.work = left.ok_or(Fault::Limit("template_output_bytes_max"))?;
        Ok(())
    }

    /// Counts elements read or about to be made.
    pub(super) fn elements(&mut self, count: usize) -> Outcome<()> {
        self.work(count.saturating_mul(ELEMENT_BYTES))
    }

    /// Refuses a text that is about to be made, before it takes memory.
    pub(super) fn fits(&mut self, bytes: usize) -> Outcome<()> {
        if bytes > Limits::size(self.env.limits.template_output_bytes_max) {
            return Err(Fault::Limit("template_output_bytes_max"));
        }
        self.work(bytes)
    }

    /// A value of the data. A reference to a secret in `.config` is opened here, and only here.
    pub(super) fn reach(&mut self, value: &'a Value, tree: Tree) -> Outcome<Val<'a>> {
        let data = match value {
            Value::Null => Data::Null,
            Value::Bool(bool) => Data::Bool(*bool),
            Value::Number(_) => Data::Number(Text::Borrowed(self.number(value))),
            Value::String(text) => match self.opened(text, tree)? {
                Some(opened) => Data::Text(opened.into()),
                None => Data::Text(Text::Borrowed(text)),
            },
            Value::Array(_) | Value::Object(_) => Data::Json(value, tree),
        };
        Ok(Val::new(data, tree.origin()))
    }

    /// A number of the data as its source text, as far as that is known.
    pub(super) fn number<'v>(&self, value: &'v Value) -> &'v str
    where
        'a: 'v,
    {
        let Value::Number(number) = value else { return "" };
        let text = number.as_str();
        if text.contains(['e', 'E']) { self.source_of(value).unwrap_or(text) } else { text }
    }

    /// What to read instead of a string, if it is a reference to a secret and comes from
    /// `.config`. The same text in an argument is just text.
    pub(super) fn opened(&self, text: &str, tree: Tree) -> Outcome<Option<String>> {
        if tree != Tree::Config || !text.starts_with("secret://") {
            return Ok(None);
        }
        (self.env.resolve)(text).map_err(Fault::Secret)
    }

    /// The member of an object, or of a list if the key is a whole number; else missing.
    pub(super) fn member(&mut self, of: &Val<'a>, key: &str) -> Outcome<Val<'a>> {
        match &of.data {
            Data::Json(Value::Object(members), tree) => {
                let tree = tree.of_member(key);
                match members.get(key) {
                    Some(value) => self.reach(value, tree),
                    None => Ok(Val::new(Data::Missing, tree.origin())),
                }
            }
            Data::Object(object) => {
                self.work(object.members.len())?;
                let found = object.members.iter().find(|(name, _)| &**name == key);
                Ok(found.map_or_else(Val::missing, |(_, value)| value.clone()).from(of.origin))
            }
            _ => match position(key) {
                Some(index) => self.element(of, index),
                None => Ok(Val::new(Data::Missing, of.origin)),
            },
        }
    }

    /// The element of a list; else missing.
    pub(super) fn element(&mut self, of: &Val<'a>, index: usize) -> Outcome<Val<'a>> {
        let found = match &of.data {
            Data::Json(Value::Array(items), tree) => match items.get(index) {
                Some(value) => Some(self.reach(value, tree.of_member(""))?),
                None => None,
            },
            Data::List(list) => list.items.get(index).cloned(),
            _ => None,
        };
        Ok(found.unwrap_or_else(Val::missing).from(of.origin))
    }

    /// The elements of a list; nothing if it is none.
    pub(super) fn items(&mut self, of: &Val<'a>) -> Outcome<Option<Vec<Val<'a>>>> {
        match &of.data {
            Data::Json(Value::Array(items), tree) => {
                self.elements(items.len())?;
                let values = items.iter().map(|value| self.reach(value, tree.of_member("")));
                values.collect::<Outcome<Vec<_>>>().map(Some)
            }
            Data::List(list) => {
                self.elements(list.items.len())?;
                Ok(Some(list.items.iter().map(|value| value.clone().from(of.origin)).collect()))
            }
            _ => Ok(None),
        }
    }

    /// The members of an object; nothing if it is none.
    pub(super) fn members(&mut self, of: &Val<'a>) -> Outcome<Option<Members<'a>>> {
        match &of.data {
            Data::Json(Value::Object(members), tree) => {
                self.elements(members.len())?;
                let mut found = Vec::with_capacity(members.len());
                for (key, value) in members {
                    let value = self.reach(value, tree.of_member(key))?;
                    found.push((Text::Borrowed(key.as_str()), value));
                }
                Ok(Some(found))
            }
            Data::Object(object) => {
                self.elements(object.members.len())?;
                let members = object.members.iter();
                let raised =
                    members.map(|(key, value)| (key.clone(), value.clone().from(of.origin)));
                Ok(Some(raised.collect()))
            }
            _ => Ok(None),
        }
    }

    /// A computed list.
    pub(super) fn list(&mut self, items: Vec<Val<'a>>) -> Outcome<Val<'a>> {
        self.elements(items.len())?;
        let depth = self.deeper(items.iter())?;
        let origin = items.iter().map(|item| item.origin).max().unwrap_or(Origin::Template);
        Ok(Val::new(Data::List(Rc::new(List { items, depth })), origin))
    }

    /// A computed object. Of equal keys the last value counts, at the place of the first.
    pub(super) fn object(&mut self, members: Members<'a>) -> Outcome<Val<'a>> {
        self.elements(members.len())?;
        let depth = self.deeper(members.iter().map(|(_, value)| value))?;
        let origin = members.iter().map(|(_, value)| value.origin).max();
        let origin = origin.unwrap_or(Origin::Template);
        Ok(Val::new(Data::Object(Rc::new(Object { members, depth })), origin))
    }

    /// Nesting is limited, because values are printed and dropped by recursion.
    fn deeper<'v>(&self, values: impl Iterator<Item = &'v Val<'a>>) -> Outcome<usize>
    where
        'a: 'v,
    {
        let depth = values.map(Val::depth).max().unwrap_or(0).saturating_add(1);
        if depth > self.depth_max { Err(Fault::Limit("template_depth_max")) } else { Ok(depth) }
    }

    /// A value as an action prints it.
    pub(super) fn print(&mut self, value: &Val<'a>) -> Outcome<Text<'a>> {
        let text = match &value.data {
            Data::Missing => Text::Borrowed(""),
            Data::Null | Data::MissingJson => Text::Borrowed("null"),
            Data::Bool(true) => Text::Borrowed("true"),
            Data::Bool(false) => Text::Borrowed("false"),
            Data::Int(int) => int.to_string().into(),
            Data::Float(float) => super::number::print_float(*float).into(),
            Data::Number(text) | Data::Text(text) => text.clone(),
            Data::Time(time) => super::times::print(*time).into(),
            Data::Json(json, _) => match self.source_of(json) {
                Some(source) => Text::Borrowed(source),
                None => self.json(value)?.into(),
            },
            Data::List(_) | Data::Object(_) => self.json(value)?.into(),
        };
        Ok(text)
    }

    /// A value as text functions read it: nothing is the empty text.
    pub(super) fn read(&mut self, value: &Val<'a>) -> Outcome<Text<'a>> {
        if value.is_nothing() { Ok(Text::Borrowed("")) } else { self.print(value) }
    }

    /// A value as compact JSON with no more escapes than JSON needs.
    pub(super) fn json(&mut self, value: &Val<'a>) -> Outcome<String> {
        Writer::compact().write(self, value)
    }

    /// How a value stands in the text that the data was read from.
    fn source_of(&self, value: &Value) -> Option<&'a str> {
        let source = self.env.source?;
        let Data::Json(root, _) = self.root.data else { return None };
        let spans = self.spans.get_or_init(|| Spans::of(root, source));
        spans.find(value).and_then(|span| source.get(span))
    }
}

/// A whole number without sign, as a key.
pub(super) fn position(key: &str) -> Option<usize> {
    let digits = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_digit());
    if digits { key.parse().ok() } else { None }
}
