//! The expression of a policy as a tree of ours, read from Cedar's own JSON form: what it reads, and
//! how it is put together. It is never evaluated here; that is Cedar's business.

use std::collections::BTreeSet;

use serde_json::Value;

/// One part of an expression that is evaluated as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Leaf {
    /// Cedar text, without anything around it.
    pub(crate) text: String,
    pub(crate) reads: BTreeSet<Read>,
    /// Whether it calculates: then a number that was cut to Cedar's range must not stand in it.
    pub(crate) calculates: bool,
    /// The literals in it, for trying values that make a difference.
    pub(crate) literals: BTreeSet<Literal>,
    /// Whether it holds one thing that is read against what the policy names, and does no more.
    pub(crate) simple: bool,
}

/// A literal of a policy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Literal {
    Text(String),
    Whole(i64),
    /// The text of `decimal("...")`.
    Decimal(String),
    /// A pattern of `like`; `None` stands for the wildcard.
    Pattern(Vec<Option<char>>),
    /// The id of an action.
    Action(String),
}

/// An expression by the parts that Cedar itself may leave out: everything else is a leaf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Tree<L = Leaf> {
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    Not(Box<Self>),
    If(Box<Self>, Box<Self>, Box<Self>),
    Leaf(L),
}

/// What of a call an expression reads.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Read {
    /// `context.args.NAME`.
    Argument(String),
    /// `context.path.NAME` and the like.
    View(View, String),
    /// `context has args`: the record, not what is in it.
    Root(String),
    /// `context.undeclared`.
    Undeclared,
    /// `context.session`.
    Session,
    /// `context.time.NAME`.
    Time(String),
    /// `context.client.NAME`.
    Client(String),
    /// `principal.user`, `principal.token`, `principal.peer`.
    Caller,
}

/// In which way a text is read for a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum View {
    Path,
    Sql,
    Url,
}

impl View {
    pub(crate) const ALL: [Self; 3] = [Self::Path, Self::Sql, Self::Url];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Sql => "sql",
            Self::Url => "url",
        }
    }
}

impl Read {
    /// Whether it depends on what the arguments are.
    pub(crate) fn is_of_arguments(&self) -> bool {
        match self {
            Self::Argument(_) | Self::View(..) | Self::Undeclared => true,
            Self::Root(_) | Self::Session | Self::Time(_) | Self::Client(_) | Self::Caller => false,
        }
    }

    /// Whether it is known what it reads, where that is so of these arguments, of everything about
    /// the caller, and of nothing that the session did.
    pub(crate) fn is_known(&self, arguments: &BTreeSet<String>) -> bool {
        match self {
            Self::Argument(name) | Self::View(_, name) => arguments.contains(name),
            Self::Undeclared | Self::Session => false,
            Self::Root(_) | Self::Time(_) | Self::Client(_) | Self::Caller => true,
        }
    }

    /// The argument that it reads.
    pub(crate) fn argument(&self) -> Option<&str> {
        match self {
            Self::Argument(name) | Self::View(_, name) => Some(name),
            Self::Root(_)
            | Self::Undeclared
            | Self::Session
            | Self::Time(_)
            | Self::Client(_)
            | Self::Caller => None,
        }
    }

    /// Whether it is about the time.
    pub(crate) fn is_of_time(&self) -> bool {
        matches!(self, Self::Time(_))
    }

    /// Whether it is about the connection.
    pub(crate) fn is_of_client(&self) -> bool {
        matches!(self, Self::Client(_))
    }

    /// Whether it is about when and by whom something is asked.
    pub(crate) fn is_of_moment(&self) -> bool {
        self.is_of_time() || self.is_of_client() || *self == Self::Caller
    }
}

/// Why an expression cannot be used, though Cedar can.
pub(crate) type Unusable = String;

impl Tree<Leaf> {
    /// Reads an expression from Cedar's JSON form.
    pub(crate) fn read(form: &Value) -> Result<Self, Unusable> {
        if let Some((operator, operands)) = single(form) {
            let pair = |build: fn(Box<Self>, Box<Self>) -> Self| {
                let (left, right) = (member(operands, "left")?, member(operands, "right")?);
                Ok(build(Box::new(Self::read(left)?), Box::new(Self::read(right)?)))
            };
            match operator {
                "&&" => return pair(Self::And),
                "||" => return pair(Self::Or),
                "!" => return Ok(Self::Not(Box::new(Self::read(member(operands, "arg")?)?))),
                "if-then-else" => {
                    let part = |name| Self::read(member(operands, name)?).map(Box::new);
                    return Ok(Self::If(part("if")?, part("then")?, part("else")?));
                }
                _ => {}
            }
        }
        Leaf::read(form).map(Self::Leaf)
    }

    /// Every leaf.
    pub(crate) fn leaves(&self) -> Vec<&Leaf> {
        match self {
            Self::And(left, right) | Self::Or(left, right) => {
                [left.leaves(), right.leaves()].concat()
            }
            Self::Not(inner) => inner.leaves(),
            Self::If(one, two, three) => [one.leaves(), two.leaves(), three.leaves()].concat(),
            Self::Leaf(leaf) => vec![leaf],
        }
    }

    /// The whole as Cedar text.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::And(left, right) => format!("({} && {})", left.text(), right.text()),
            Self::Or(left, right) => format!("({} || {})", left.text(), right.text()),
            Self::Not(inner) => format!("!({})", inner.text()),
            Self::If(one, two, three) => {
                format!("(if {} then {} else {})", one.text(), two.text(), three.text())
            }
            Self::Leaf(leaf) => leaf.text.clone(),
        }
    }
}

impl Leaf {
    fn read(form: &Value) -> Result<Self, Unusable> {
        let mut writer = Writer::default();
        let text = writer.write(form)?;
        let Writer { reads, calculates, literals } = writer;
        let simple = reads.len() <= 1 && !calculates && is_simple(form);
        Ok(Self { text, reads, calculates, literals, simple })
    }
}

/// Writes a form as Cedar text, and notes what it reads.
#[derive(Default)]
struct Writer {
    reads: BTreeSet<Read>,
    calculates: bool,
    literals: BTreeSet<Literal>,
}

/// Functions that are called by their names; all other extension functions are methods.
const CONSTRUCTORS: [&str; 4] = ["decimal", "ip", "datetime", "duration"];

impl Writer {
    fn write(&mut self, form: &Value) -> Result<String, Unusable> {
        let (operator, operands) = single(form).ok_or("a part of it is not known here")?;
        if let Some(path) = context_path(form) {
            self.note(&path, operator == "has")?;
        }
        match operator {
            "Value" => self.value(operands),
            "Var" => Ok(operands.as_str().unwrap_or_default().to_owned()),
            "!" => Ok(format!("!({})", self.write(member(operands, "arg")?)?)),
            "neg" => {
                self.calculates = true;
                Ok(format!("-({})", self.write(member(operands, "arg")?)?))
            }
            "+" | "-" | "*" => {
                self.calculates = true;
                self.infix(operator, operands)
            }
            "==" | "!=" | "in" | "<" | "<=" | ">" | ">=" | "&&" | "||" => {
                self.infix(operator, operands)
            }
            "contains" | "containsAll" | "containsAny" | "getTag" | "hasTag" => {
                let left = self.write(member(operands, "left")?)?;
                Ok(format!("{left}.{operator}({})", self.write(member(operands, "right")?)?))
            }
            "isEmpty" => Ok(format!("{}.isEmpty()", self.write(member(operands, "arg")?)?)),
            "." => self.attribute(operands),
            "has" => self.has(operands),
            "like" => self.like(operands),
            "is" => self.is(operands),
            "if-then-else" => {
                let mut part = |name| self.write(member(operands, name)?);
                Ok(format!("(if {} then {} else {})", part("if")?, part("then")?, part("else")?))
            }
            "Set" => {
                let members = operands.as_array().into_iter().flatten();
                let members = members.map(|it| self.write(it)).collect::<Result<Vec<_>, _>>()?;
                Ok(format!("[{}]", members.join(", ")))
            }
            "Record" => {
                let members = operands.as_object().into_iter().flatten();
                let members =
                    members.map(|(key, it)| Ok(format!("{}: {}", quoted(key), self.write(it)?)));
                Ok(format!("{{{}}}", members.collect::<Result<Vec<_>, Unusable>>()?.join(", ")))
            }
            "Slot" => Err("templates are not used here: write the entity itself".to_owned()),
            function => self.function(function, operands),
        }
    }

    fn value(&mut self, value: &Value) -> Result<String, Unusable> {
        match value {
            Value::String(text) => {
                self.literals.insert(Literal::Text(text.clone()));
                Ok(quoted(text))
            }
            Value::Number(number) => {
                let whole = number.as_str().parse().map_err(|_| "a number is too large")?;
                self.literals.insert(Literal::Whole(whole));
                // Without a space before it a minus would join what stands before.
                Ok(if whole < 0 { format!("({whole})") } else { whole.to_string() })
            }
            Value::Bool(yes) => Ok(yes.to_string()),
            Value::Object(members) => {
                let entity = members.get("__entity").ok_or("a value of it is not known here")?;
                let text = |name| entity.get(name).and_then(Value::as_str).unwrap_or_default();
                if text("type") == "Action" {
                    self.literals.insert(Literal::Action(text("id").to_owned()));
                }
                Ok(format!("{}::{}", text("type"), quoted(text("id"))))
            }
            Value::Null | Value::Array(_) => Err("a value of it is not known here".to_owned()),
        }
    }

    fn infix(&mut self, operator: &str, operands: &Value) -> Result<String, Unusable> {
        let left = self.write(member(operands, "left")?)?;
        let right = self.write(member(operands, "right")?)?;
        Ok(format!("({left} {operator} {right})"))
    }

    fn attribute(&mut self, operands: &Value) -> Result<String, Unusable> {
        let attribute = member_of(text_of(member(operands, "attr")?));
        Ok(format!("{}{attribute}", self.inner(member(operands, "left")?)?))
    }

    fn has(&mut self, operands: &Value) -> Result<String, Unusable> {
        let left = self.inner(member(operands, "left")?)?;
        let attribute = member(operands, "attr")?;
        let attribute = match attribute.as_array() {
            // `a has b.c` takes names only.
            Some(path) => path.iter().map(text_of).collect::<Vec<_>>().join("."),
            None if is_identifier(text_of(attribute)) => text_of(attribute).to_owned(),
            None => quoted(text_of(attribute)),
        };
        Ok(format!("({left} has {attribute})"))
    }

    /// Writes what an attribute is taken of. The whole path was noted where it ends, so what is below
    /// must not be noted as if it stood alone.
    fn inner(&mut self, form: &Value) -> Result<String, Unusable> {
        match single(form) {
            Some((".", operands)) => {
                if root_of(form).is_some() {
                    let attribute = member_of(text_of(member(operands, "attr")?));
                    Ok(format!("{}{attribute}", self.inner(member(operands, "left")?)?))
                } else {
                    self.write(form)
                }
            }
            Some(("Var", name)) => Ok(text_of(name).to_owned()),
            _ => self.write(form),
        }
    }

    fn like(&mut self, operands: &Value) -> Result<String, Unusable> {
        let mut pattern = Vec::new();
        let mut written = String::new();
        for part in member(operands, "pattern")?.as_array().into_iter().flatten() {
            match part.get("Literal").map(text_of) {
                Some(literal) => {
                    for one in literal.chars() {
                        pattern.push(Some(one));
                        match one {
                            '*' => written.push_str("\\*"),
                            other => written.extend(other.escape_debug()),
                        }
                    }
                }
                None => {
                    pattern.push(None);
                    written.push('*');
                }
            }
        }
        self.literals.insert(Literal::Pattern(pattern));
        Ok(format!("({} like \"{written}\")", self.write(member(operands, "left")?)?))
    }

    fn is(&mut self, operands: &Value) -> Result<String, Unusable> {
        let left = self.write(member(operands, "left")?)?;
        let kind = text_of(member(operands, "entity_type")?);
        match operands.get("in") {
            Some(inside) => Ok(format!("({left} is {kind} in {})", self.write(inside)?)),
            None => Ok(format!("({left} is {kind})")),
        }
    }

    fn function(&mut self, name: &str, operands: &Value) -> Result<String, Unusable> {
        let operands = operands.as_array().ok_or("a part of it is not known here")?;
        if let ("decimal", [only]) = (name, operands.as_slice())
            && let Some(text) = only.get("Value").and_then(Value::as_str)
        {
            self.literals.insert(Literal::Decimal(text.to_owned()));
            return Ok(format!("decimal({})", quoted(text)));
        }
        let written = operands.iter().map(|it| self.write(it)).collect::<Result<Vec<_>, _>>()?;
        match written.split_first() {
            Some((receiver, rest)) if !CONSTRUCTORS.contains(&name) => {
                Ok(format!("{receiver}.{name}({})", rest.join(", ")))
            }
            Some(_) | None => Ok(format!("{name}({})", written.join(", "))),
        }
    }

    /// Notes what a path that begins at `context` or `principal` reads.
    fn note(&mut self, path: &Path<'_>, is_has: bool) -> Result<(), Unusable> {
        let mut steps = path.steps.iter().map(String::as_str);
        if path.root == "principal" {
            if !path.steps.is_empty() {
                self.reads.insert(Read::Caller);
            }
            return Ok(());
        }
        let (first, second) = (steps.next(), steps.next());
        let whole = || {
            let path = ["context"].into_iter().chain(first).collect::<Vec<_>>().join(".");
            format!("`{path}` is read as a whole: read its attributes by their names")
        };
        let read = match (first, second) {
            (Some("args"), Some(name)) => Read::Argument(name.to_owned()),
            (Some("undeclared"), _) => Read::Undeclared,
            (Some("session"), _) => Read::Session,
            (Some("time"), Some(name)) => Read::Time(name.to_owned()),
            (Some("client"), Some(name)) => Read::Client(name.to_owned()),
            (Some(view), Some(name)) => {
                let known = View::ALL.into_iter().find(|it| it.as_str() == view);
                known.map_or_else(
                    || Read::Root(view.to_owned()),
                    |it| Read::View(it, name.to_owned()),
                )
            }
            (Some(root), None) if is_has => Read::Root(root.to_owned()),
            (Some("args" | "path" | "sql" | "url" | "time" | "client") | None, None)
            | (None, Some(_)) => {
                return Err(whole());
            }
            // Not known: the types will say so.
            (Some(other), None) => Read::Root(other.to_owned()),
        };
        self.reads.insert(read);
        Ok(())
    }
}

/// Whether a form is a path, or holds one against a literal.
fn is_simple(form: &Value) -> bool {
    let path = |form: Option<&Value>| form.is_some_and(|form| context_path(form).is_some());
    let literal = |form: Option<&Value>| form.is_some_and(is_literal);
    match single(form) {
        Some(("." | "has", _)) => path(Some(form)),
        Some(("==" | "!=" | "<" | "<=" | ">" | ">=" | "contains", operands)) => {
            let (left, right) = (operands.get("left"), operands.get("right"));
            (path(left) && literal(right)) || (literal(left) && path(right))
        }
        Some(("like", operands)) => path(operands.get("left")),
        Some(("isEmpty", operands)) => path(operands.get("arg")),
        Some(("lessThan" | "lessThanOrEqual" | "greaterThan" | "greaterThanOrEqual", operands)) => {
            path(operands.get(0)) && literal(operands.get(1))
        }
        Some(_) | None => false,
    }
}

fn is_literal(form: &Value) -> bool {
    match single(form) {
        Some(("Value", _)) => true,
        Some(("decimal", operands)) => operands.get(0).is_some_and(is_literal),
        _ => false,
    }
}

/// The attributes that are taken one after the other, from a variable.
struct Path<'a> {
    root: &'a str,
    steps: Vec<String>,
}

/// The path that a form is, if it begins at `context` or `principal`.
fn context_path(form: &Value) -> Option<Path<'_>> {
    let (operator, operands) = single(form)?;
    match operator {
        "Var" => {
            let root = operands.as_str().filter(|it| matches!(*it, "context" | "principal"))?;
            Some(Path { root, steps: Vec::new() })
        }
        "." | "has" => {
            let mut path = context_path(operands.get("left")?)?;
            let attribute = operands.get("attr")?;
            match attribute.as_array() {
                Some(steps) => path.steps.extend(steps.iter().map(|it| text_of(it).to_owned())),
                None => path.steps.push(text_of(attribute).to_owned()),
            }
            // `has` is the end of a path, never its middle.
            Some(path)
        }
        _ => None,
    }
}

fn root_of(form: &Value) -> Option<&str> {
    match single(form)? {
        (".", operands) => root_of(operands.get("left")?),
        ("Var", name) => name.as_str(),
        _ => None,
    }
}

/// The only member of an object.
fn single(form: &Value) -> Option<(&str, &Value)> {
    let members = form.as_object().filter(|members| members.len() == 1)?;
    members.iter().next().map(|(key, value)| (key.as_str(), value))
}

fn member<'a>(operands: &'a Value, name: &str) -> Result<&'a Value, Unusable> {
    operands.get(name).ok_or_else(|| "a part of it is not known here".to_owned())
}

fn text_of(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// An attribute as it is taken of something.
fn member_of(name: &str) -> String {
    if is_identifier(name) { format!(".{name}") } else { format!("[{}]", quoted(name)) }
}

/// Words that are no names in Cedar.
const RESERVED: [&str; 9] = ["true", "false", "if", "then", "else", "in", "is", "like", "has"];

fn is_identifier(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !name.starts_with("__")
        && !RESERVED.contains(&name)
}

/// A text as Cedar writes it.
pub(crate) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.escape_debug())
}
