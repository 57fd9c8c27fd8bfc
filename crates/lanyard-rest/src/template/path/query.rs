//! Queries: `#(path operator value)`, joined by `&&`.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::super::number;
use super::super::runtime::Runtime;
use super::super::value::{Data, Outcome, Text, Val};
use super::syntax::balanced;

/// Conditions that must all hold.
#[derive(Debug)]
pub(super) struct Query<'p> {
    pub(super) conditions: Vec<Condition<'p>>,
}

/// A path and what must hold for its value.
#[derive(Debug)]
pub(super) struct Condition<'p> {
    pub(super) path: &'p str,
    operator: Operator,
    value: Cow<'p, str>,
}

#[derive(Debug, Clone, Copy)]
enum Operator {
    Exists,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Like,
    NotLike,
}

/// The longer of two that begin alike stands first.
static OPERATORS: &[(&str, Operator)] = &[
    ("==", Operator::Equal),
    ("=", Operator::Equal),
    ("!=", Operator::NotEqual),
    ("!%", Operator::NotLike),
    ("<=", Operator::LessOrEqual),
    ("<", Operator::Less),
    (">=", Operator::GreaterOrEqual),
    (">", Operator::Greater),
    ("%", Operator::Like),
];

/// What stands between the brackets; nothing if it is no query.
pub(super) fn parse(content: &str) -> Option<Query<'_>> {
    let mut conditions = Vec::new();
    let mut rest = content;
    while let Some(at) = outside(rest, |here| here.starts_with("&&")) {
        conditions.push(condition(rest.get(..at)?)?);
        rest = rest.get(at.saturating_add(2)..)?;
    }
    conditions.push(condition(rest)?);
    Some(Query { conditions })
}

fn condition(text: &str) -> Option<Condition<'_>> {
    let Some(at) = outside(text, |here| here.starts_with(['!', '=', '<', '>', '%'])) else {
        let path = text.trim();
        return Some(Condition { path, operator: Operator::Exists, value: Cow::Borrowed("") });
    };
    let (path, written) = text.split_at_checked(at)?;
    let (sign, operator) = OPERATORS.iter().find(|(sign, _)| written.starts_with(sign))?;
    let value = unquoted(written.get(sign.len()..)?.trim());
    Some(Condition { path: path.trim(), operator: *operator, value })
}

/// The first place outside brackets and quotes that is wanted.
fn outside(text: &str, wanted: impl Fn(&str) -> bool) -> Option<usize> {
    let mut at: usize = 0;
    while let Some(here) = text.get(at..)
        && let Some(next) = here.chars().next()
    {
        if wanted(here) {
            return Some(at);
        }
        let length = match next {
            '\\' => 2,
            '(' | '[' | '{' | '"' => balanced(here).map_or(1, str::len),
            _ => next.len_utf8(),
        };
        at = at.saturating_add(length);
    }
    None
}

fn unquoted(value: &str) -> Cow<'_, str> {
    let inner = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    match inner {
        Some(inner) if inner.contains('\\') => match serde_json::from_str::<String>(value) {
            Ok(text) => Cow::Owned(text),
            Err(_) => Cow::Borrowed(inner),
        },
        Some(inner) => Cow::Borrowed(inner),
        None => Cow::Borrowed(value),
    }
}

impl Condition<'_> {
    pub(super) fn holds(&self, runtime: &mut Runtime<'_>, value: &Val<'_>) -> Outcome<bool> {
        if let Some(kind) = self.value.strip_prefix('~') {
            let kind = match kind {
                "*" => !value.is_missing(),
                "null" => value.is_nothing(),
                "true" => is_trueish(value),
                "false" => is_falseish(value),
                _ => return Ok(false),
            };
            return Ok(self.holds_for_bool(kind, "true"));
        }
        if matches!(self.operator, Operator::Exists) {
            return Ok(!value.is_missing());
        }
        match &value.data {
            Data::Bool(bool) => Ok(self.holds_for_bool(*bool, &self.value)),
            Data::Text(text) => self.holds_for_text(runtime, text),
            Data::Int(_) | Data::Float(_) | Data::Number(_) => {
                let wanted = Val::own(Data::Number(Text::from(self.value.to_string())));
                let order = number::compare(value, &wanted);
                Ok(order.is_some_and(|order| self.holds_for_order(order)))
            }
            _ => Ok(false),
        }
    }

    fn holds_for_bool(&self, bool: bool, wanted: &str) -> bool {
        match self.operator {
            Operator::Exists => true,
            Operator::Like | Operator::NotLike => false,
            _ => match wanted {
                "true" => self.holds_for_order(bool.cmp(&true)),
                "false" => self.holds_for_order(bool.cmp(&false)),
                // Neither, so it can only differ.
                _ => matches!(self.operator, Operator::NotEqual),
            },
        }
    }

    fn holds_for_text(&self, runtime: &mut Runtime<'_>, text: &str) -> Outcome<bool> {
        match self.operator {
            Operator::Like => matches(runtime, text, &self.value),
            Operator::NotLike => Ok(!matches(runtime, text, &self.value)?),
            _ => Ok(self.holds_for_order(text.as_bytes().cmp(self.value.as_bytes()))),
        }
    }

    fn holds_for_order(&self, order: Ordering) -> bool {
        match self.operator {
            Operator::Equal => order.is_eq(),
            Operator::NotEqual => order.is_ne(),
            Operator::Less => order.is_lt(),
            Operator::LessOrEqual => order.is_le(),
            Operator::Greater => order.is_gt(),
            Operator::GreaterOrEqual => order.is_ge(),
            Operator::Exists | Operator::Like | Operator::NotLike => false,
        }
    }
}

fn is_trueish(value: &Val<'_>) -> bool {
    match &value.data {
        Data::Bool(bool) => *bool,
        Data::Text(text) => matches!(text.to_ascii_lowercase().as_str(), "1" | "t" | "true"),
        _ => value.is_number() && value.truth(),
    }
}

fn is_falseish(value: &Val<'_>) -> bool {
    match &value.data {
        Data::Missing | Data::Null => true,
        Data::Bool(bool) => !bool,
        Data::Text(text) => matches!(text.to_ascii_lowercase().as_str(), "0" | "f" | "false"),
        _ => value.is_number() && !value.truth(),
    }
}

/// Whether a text matches a pattern in which `*` is any text, `?` any character, and a backslash
/// takes the meaning from the next character.
pub(super) fn matches(runtime: &mut Runtime<'_>, text: &str, pattern: &str) -> Outcome<bool> {
    runtime.work(text.len().saturating_mul(pattern.len()).div_ceil(16))?;
    let (mut text, mut pattern) = (text, pattern);
    // After a `*`: the pattern behind it, and the text from which it was last tried.
    let mut retry: Option<(&str, &str)> = None;
    loop {
        let mut wanted = pattern.chars();
        let mut left = text.chars();
        let fits = match (wanted.next(), left.next()) {
            (Some('*'), _) => {
                retry = Some((wanted.as_str(), text));
                pattern = wanted.as_str();
                continue;
            }
            (None, None) => return Ok(true),
            (None, Some(_)) => false,
            (Some(_), None) => return Ok(false),
            (Some('?'), Some(_)) => true,
            (Some('\\'), Some(next)) => wanted.next() == Some(next),
            (Some(wanted), Some(next)) => wanted == next,
        };
        if fits {
            (text, pattern) = (left.as_str(), wanted.as_str());
            continue;
        }
        let Some((behind, tried)) = retry else {
            return Ok(false);
        };
        let mut rest = tried.chars();
        if rest.next().is_none() {
            return Ok(false);
        }
        (text, pattern) = (rest.as_str(), behind);
        retry = Some((behind, text));
    }
}
