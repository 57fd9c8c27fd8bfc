//! `{{name}}`: the variables of a collection and an environment.

use std::collections::BTreeMap;

use serde_json::Value;
use zeroize::Zeroizing;

use crate::credential::names_secret;
use crate::shell::variable;

/// How often a value may name further variables.
const DEPTH_MAX: usize = 5;

/// How many values are put into one text. Values that name each other could make any number of
/// them.
const VALUES_MAX: usize = 1_000;

/// The values of variables. They may be credentials.
pub(super) struct Variables(BTreeMap<String, Known>);

struct Known {
    value: Zeroizing<String>,
    secret: bool,
}

impl Variables {
    /// Those of the environment win.
    pub(super) fn new(collection: &Value, environment: Option<&Value>) -> Self {
        let mut known = BTreeMap::new();
        let lists = [collection.get("variable"), environment.and_then(|one| one.get("values"))];
        for one in lists.into_iter().flatten().filter_map(Value::as_array).flatten() {
            let off = one.get("enabled").and_then(Value::as_bool) == Some(false)
                || one.get("disabled").and_then(Value::as_bool) == Some(true);
            let name = one.get("key").or_else(|| one.get("id")).and_then(Value::as_str);
            let (Some(name), false) = (name, off) else { continue };
            let value = match one.get("value") {
                Some(Value::String(text)) => text.clone(),
                Some(value @ (Value::Number(_) | Value::Bool(_))) => value.to_string(),
                Some(Value::Null | Value::Array(_) | Value::Object(_)) | None => continue,
            };
            let typed = one.get("type").and_then(Value::as_str) == Some("secret");
            if value.is_empty() && !typed {
                continue;
            }
            let secret = typed || names_secret(name);
            known.insert(name.trim().to_owned(), Known { value: Zeroizing::new(value), secret });
        }
        Self(known)
    }

    /// The values that are credentials, by the names of their variables in marks.
    pub(super) fn into_secrets(self) -> BTreeMap<String, Zeroizing<String>> {
        let resolved: Vec<(String, Zeroizing<String>)> = self
            .0
            .iter()
            .filter(|(_, known)| known.secret && !known.value.is_empty())
            .map(|(name, known)| {
                let value = Zeroizing::new(self.put_in(&known.value, true, 0));
                (marked_name(&self.shown_name(name)), value)
            })
            .collect();
        resolved.into_iter().collect()
    }

    /// The name of a variable in marks: that of a credential says so.
    fn shown_name(&self, name: &str) -> String {
        let name = name.trim_start_matches('$');
        let secret = self.0.get(name).is_some_and(|known| known.secret);
        if secret && !names_secret(name) { format!("{name}_secret") } else { name.to_owned() }
    }

    /// A text with its variables: those with a value are put in, but for credentials; the others
    /// are marked.
    pub(super) fn text(&self, text: &str) -> String {
        self.put_in(text, false, 0)
    }

    /// A text in which all variables stay variables.
    pub(super) fn marked(&self, text: &str) -> String {
        self.put_in(text, false, DEPTH_MAX)
    }

    /// The value of a variable that is no credential, by its name in marks.
    pub(super) fn value(&self, name: &str) -> Option<String> {
        let (_, known) = self.0.iter().find(|(other, _)| marked_name(other) == name)?;
        let value = self.put_in(&known.value, false, 1);
        (!known.secret && !variable::has(&value)).then_some(value)
    }

    /// A text with the values of all variables put in: for what says where a request goes.
    pub(super) fn whole(&self, text: &str) -> String {
        self.put_in(text, true, 0)
    }

    fn put_in(&self, text: &str, secrets: bool, depth: usize) -> String {
        self.put_in_bounded(text, secrets, depth, &mut 0)
    }

    fn put_in_bounded(&self, text: &str, secrets: bool, depth: usize, count: &mut usize) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            out.push_str(before);
            let Some((name, behind)) = after.split_once("}}").filter(|(name, _)| is_name(name))
            else {
                out.push_str("{{");
                rest = after;
                continue;
            };
            let name = name.trim();
            let known = self.0.get(name);
            let known = known.filter(|known| !known.value.is_empty() && (secrets || !known.secret));
            match known {
                Some(known) if depth < DEPTH_MAX && *count < VALUES_MAX => {
                    *count = count.saturating_add(1);
                    let depth = depth.saturating_add(1);
                    out.push_str(&self.put_in_bounded(&known.value, secrets, depth, count));
                }
                Some(_) | None => variable::push(&mut out, &self.shown_name(name)),
            }
            rest = behind;
        }
        out.push_str(rest);
        out
    }
}

fn is_name(name: &str) -> bool {
    let name = name.trim();
    !name.is_empty() && name.len() <= 100 && !name.contains(['{', '}', '"', '\n'])
}

fn marked_name(name: &str) -> String {
    let marked = variable::text(name);
    variable::whole(&marked).unwrap_or_default().to_owned()
}
