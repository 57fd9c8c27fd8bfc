//! Values of one argument that make a difference to rules that hold it against values: those that
//! are named, those beside them, and one that nothing names.

use std::collections::BTreeSet;

use serde_json::{Number, Value, json};

use crate::text::expression::{Leaf, Literal, Read, View};
use crate::value::kind::{Field, Kind};
use crate::value::number;

/// Values to try.
#[derive(Debug)]
pub(super) struct Candidates {
    /// The values, `None` for the absence of one.
    pub(super) values: Vec<Option<Value>>,
    /// Whether no other value could make another difference.
    pub(super) complete: bool,
}

/// How many members of a list are combined in every way.
const MEMBERS_MAX: usize = 4;

/// What the leaves name that read an argument.
struct Named<'a> {
    literals: BTreeSet<&'a Literal>,
    views: BTreeSet<View>,
}

pub(super) fn candidates(field: &Field, leaves: &[&Leaf]) -> Candidates {
    let named = Named {
        literals: leaves.iter().flat_map(|leaf| &leaf.literals).collect(),
        views: leaves.iter().flat_map(|leaf| &leaf.reads).filter_map(view).collect(),
    };
    let (mut values, complete) = if field.closed {
        (field.samples.iter().filter(|it| !it.is_null()).cloned().collect(), true)
    } else {
        let (values, complete) = of_kind(&field.kind, &named);
        ([values, field.samples.clone()].concat(), complete)
    };
    values.retain(|value| within(value, field));
    let mut tried = BTreeSet::new();
    values.retain(|value| tried.insert(value.to_string()));
    let mut values: Vec<Option<Value>> = values.into_iter().map(Some).collect();
    if !field.required {
        values.push(None);
    }
    Candidates { values, complete: complete && named.views.is_empty() }
}

fn view(read: &Read) -> Option<View> {
    match read {
        Read::View(view, _) => Some(*view),
        Read::Argument(_)
        | Read::Root(_)
        | Read::Undeclared
        | Read::Session
        | Read::Time(_)
        | Read::Client(_)
        | Read::Caller => None,
    }
}

fn of_kind(kind: &Kind, named: &Named<'_>) -> (Vec<Value>, bool) {
    match kind {
        Kind::Text | Kind::Mixed => (texts(named).into_iter().map(Value::String).collect(), true),
        Kind::Whole => (wholes(named), true),
        Kind::Decimal => (decimals(named), true),
        Kind::Bool => (vec![json!(true), json!(false)], true),
        Kind::Set(element) | Kind::Several(element) => {
            let (members, complete) = of_kind(element, named);
            let few = members.len() <= MEMBERS_MAX;
            (subsets(&members), complete && few)
        }
        Kind::Record(fields) => {
            let mut whole = serde_json::Map::new();
            for (name, field) in fields.iter().filter(|(_, field)| field.required) {
                let first = of_kind(&field.kind, named).0.into_iter().next();
                whole.extend(first.map(|value| (name.clone(), value)));
            }
            let mut all = vec![Value::Object(whole.clone())];
            for (name, field) in fields {
                for value in of_kind(&field.kind, named).0 {
                    let mut changed = whole.clone();
                    changed.insert(name.clone(), value);
                    all.push(Value::Object(changed));
                }
            }
            (all, false)
        }
        Kind::Unreadable(_) => (vec![json!("x"), json!({})], false),
    }
}

/// All subsets of a few, and of many each alone, none and all.
fn subsets(members: &[Value]) -> Vec<Value> {
    if members.len() > MEMBERS_MAX {
        let single = members.iter().map(|member| json!([member]));
        return single.chain([json!([]), json!(members)]).collect();
    }
    (0..1_usize << members.len())
        .map(|choice| {
            let chosen = (0..).zip(members).filter(|(bit, _)| choice >> bit & 1 == 1);
            Value::Array(chosen.map(|(_, member)| member.clone()).collect())
        })
        .collect()
}

fn texts(named: &Named<'_>) -> Vec<String> {
    let mut texts = vec!["x".to_owned(), String::new()];
    for literal in &named.literals {
        match literal {
            Literal::Text(text) => {
                texts.push(text.clone());
                texts.extend(named.views.iter().flat_map(|view| seen_as(*view, text)));
            }
            Literal::Pattern(pattern) => {
                // With nothing, and with something, in the place of each wildcard.
                for fill in ["", "x"] {
                    let part =
                        |one: &Option<char>| one.map_or_else(|| fill.to_owned(), String::from);
                    texts.push(pattern.iter().map(part).collect());
                }
            }
            Literal::Whole(_) | Literal::Decimal(_) | Literal::Action(_) => {}
        }
    }
    let usual = |view: &View| match view {
        View::Path => vec!["/x".to_owned()],
        View::Sql => vec!["select 1".to_owned(), "delete from x".to_owned()],
        View::Url => vec!["https://x.example/".to_owned()],
    };
    texts.extend(named.views.iter().flat_map(usual));
    texts
}

/// Texts that a view shows something of that is named.
fn seen_as(view: View, text: &str) -> Vec<String> {
    match view {
        View::Path => vec![format!("{}/x", text.trim_end_matches('/'))],
        View::Sql => vec![format!("select 1 from {text}"), format!("delete from {text}")],
        View::Url => vec![format!("https://{text}/"), format!("{text}://x.example/")],
    }
}

fn wholes(named: &Named<'_>) -> Vec<Value> {
    let mut wholes = BTreeSet::from([0, 1]);
    for literal in &named.literals {
        if let Literal::Whole(whole) = literal {
            wholes.extend([whole.saturating_sub(1), *whole, whole.saturating_add(1)]);
        }
    }
    wholes.into_iter().map(Value::from).collect()
}

fn decimals(named: &Named<'_>) -> Vec<Value> {
    let mut units = BTreeSet::from([0, 10_000]);
    for literal in &named.literals {
        if let Literal::Decimal(text) = literal
            && let Some(own) = number::units(text)
        {
            units.extend([own.saturating_sub(1), own, own.saturating_add(1)]);
        }
    }
    let value = |units: i64| number::written(units).parse::<Number>().ok().map(Value::Number);
    units.into_iter().filter_map(value).collect()
}

/// Whether a value is within the bounds that the schema sets; other keywords are not looked at.
fn within(value: &Value, field: &Field) -> bool {
    match value {
        Value::Number(number) => number.as_f64().is_none_or(|value| {
            field.bounds.least.is_none_or(|least| value >= least)
                && field.bounds.most.is_none_or(|most| value <= most)
        }),
        Value::String(text) => {
            let length = text.chars().count();
            length >= field.bounds.length_least && length <= field.bounds.length_most
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => true,
    }
}
