//! Modifiers: `@name` or `@name:argument`, which change a value as a whole.

use serde_json::Value;

use super::super::functions::owned;
use super::super::json::Writer;
use super::super::value::{Data, Members, Outcome, Val};
use super::Walk;
use super::syntax::balanced;

static NAMES: &[&str] = &[
    "this", "reverse", "keys", "values", "flatten", "join", "pretty", "ugly", "valid", "tostr",
    "fromstr", "group", "dig",
];

pub(super) fn is_known(name: &str) -> bool {
    NAMES.contains(&name)
}

impl<'a> Walk<'a, '_> {
    /// The value of a modifier, and what follows it. An unknown one is an ordinary key.
    pub(super) fn modifier<'p>(
        &mut self,
        of: &Val<'a>,
        path: &'p str,
    ) -> Outcome<Option<(Val<'a>, &'p str)>> {
        let text = path.strip_prefix('@').unwrap_or(path);
        let end = text.find(['.', '|', ':']).unwrap_or(text.len());
        let (name, after) = text.split_at_checked(end).unwrap_or((text, ""));
        if !is_known(name) {
            return Ok(None);
        }
        let (argument, rest) = argument(after);
        let last = rest.is_empty();
        self.runtime.elements(of.length())?;
        let value = match name {
            "reverse" => self.reverse(of)?,
            "keys" => self.keys(of)?,
            "values" => self.values(of)?,
            "flatten" => self.flatten(of, argument)?,
            "join" => self.join(of)?,
            // As a value a list has no layout, so only the end of a path can give it one.
            "pretty" if last => self.text(of, Writer::laid_out())?,
            "ugly" if last => self.text(of, Writer::compact())?,
            "tostr" => Val::text(Writer::compact().write(self.runtime, of)?).from(of.origin),
            "fromstr" => self.parsed(of)?,
            "group" => self.group(of)?,
            "dig" => self.dig(of, argument)?,
            _ => of.clone(),
        };
        Ok(Some((value, rest)))
    }

    fn reverse(&mut self, of: &Val<'a>) -> Outcome<Val<'a>> {
        if let Some(mut items) = self.runtime.items(of)? {
            items.reverse();
            return self.runtime.list(items);
        }
        if let Some(mut members) = self.runtime.members(of)? {
            members.reverse();
            return self.runtime.object(members);
        }
        Ok(of.clone())
    }

    /// The keys of an object; a null for everything that has none.
    fn keys(&mut self, of: &Val<'a>) -> Outcome<Val<'a>> {
        let null = || Val::own(Data::Null);
        let keys = match self.runtime.members(of)? {
            Some(members) => {
                let keys = members.into_iter().map(|(key, _)| Val::new(Data::Text(key), of.origin));
                keys.collect()
            }
            None if of.is_list() => (0..of.length()).map(|_| null()).collect(),
            None => vec![null()],
        };
        self.runtime.list(keys)
    }

    fn values(&mut self, of: &Val<'a>) -> Outcome<Val<'a>> {
        if of.is_list() {
            return Ok(of.clone());
        }
        let values = match self.runtime.members(of)? {
            Some(members) => members.into_iter().map(|(_, value)| value).collect(),
            None => vec![of.clone()],
        };
        self.runtime.list(values)
    }

    /// A list whose elements that are lists are replaced by their elements.
    fn flatten(&mut self, of: &Val<'a>, argument: &str) -> Outcome<Val<'a>> {
        let deep = option(argument, "deep");
        let Some(items) = self.runtime.items(of)? else {
            return Ok(of.clone());
        };
        let mut flat = Vec::new();
        for item in items {
            if !item.is_list() {
                flat.push(item);
                continue;
            }
            let item = if deep {
                self.deeper()?;
                let flat = self.flatten(&item, argument)?;
                self.depth = self.depth.saturating_sub(1);
                flat
            } else {
                item
            };
            flat.extend(self.runtime.items(&item)?.unwrap_or_default());
        }
        self.runtime.list(flat)
    }

    /// The objects of a list in one; of equal keys the last value counts.
    fn join(&mut self, of: &Val<'a>) -> Outcome<Val<'a>> {
        let Some(items) = self.runtime.items(of)? else {
            return Ok(of.clone());
        };
        let mut joined = Members::new();
        for item in items {
            for (key, value) in self.runtime.members(&item)?.unwrap_or_default() {
                self.runtime.work(joined.len())?;
                match joined.iter_mut().find(|(known, _)| **known == *key) {
                    Some((_, place)) => *place = value,
                    None => joined.push((key, value)),
                }
            }
        }
        self.runtime.object(joined)
    }

    /// A list or object as text in a layout of its own.
    fn text(&mut self, of: &Val<'a>, writer: Writer) -> Outcome<Val<'a>> {
        if !of.is_list() && !of.is_object() {
            return Ok(of.clone());
        }
        Ok(Val::text(writer.write(self.runtime, of)?).from(of.origin))
    }

    /// The value that a text holds as JSON; missing if it holds none.
    fn parsed(&mut self, of: &Val<'a>) -> Outcome<Val<'a>> {
        let Data::Text(text) = &of.data else {
            return Ok(of.clone());
        };
        self.runtime.work(text.len())?;
        match serde_json::from_str::<Value>(text) {
            Ok(json) => Ok(owned(self.runtime, json)?.from(of.origin)),
            Err(_) => Ok(Val::missing()),
        }
    }

    /// An object of lists as a list of objects.
    fn group(&mut self, of: &Val<'a>) -> Outcome<Val<'a>> {
        let Some(members) = self.runtime.members(of)? else {
            return Ok(Val::missing());
        };
        let mut rows: Vec<Members<'a>> = Vec::new();
        for (key, value) in members {
            for (row, item) in
                self.runtime.items(&value)?.unwrap_or_default().into_iter().enumerate()
            {
                if rows.len() <= row {
                    rows.push(Members::new());
                }
                if let Some(row) = rows.get_mut(row) {
                    row.push((key.clone(), item));
                }
            }
        }
        let rows = rows.into_iter().map(|row| self.runtime.object(row));
        let rows = rows.collect::<Outcome<Vec<_>>>()?;
        self.runtime.list(rows)
    }

    /// What a path leads to from the value and from everything below it.
    fn dig(&mut self, of: &Val<'a>, path: &str) -> Outcome<Val<'a>> {
        let mut found = Vec::new();
        // Depth first, in document order.
        let mut waiting = vec![of.clone()];
        while let Some(value) = waiting.pop() {
            let here = self.get(value.clone(), path)?;
            if !here.is_missing() {
                found.push(here);
            }
            if let Some(items) = self.runtime.items(&value)? {
                waiting.extend(items.into_iter().rev());
            } else if let Some(members) = self.runtime.members(&value)? {
                waiting.extend(members.into_iter().rev().map(|(_, value)| value));
            }
        }
        self.runtime.list(found)
    }
}

/// The argument after a colon, and what follows it.
fn argument(after: &str) -> (&str, &str) {
    let Some(text) = after.strip_prefix(':') else {
        return ("", after);
    };
    if text.starts_with(['{', '[', '"'])
        && let Some(json) = balanced(text)
    {
        return (json, text.get(json.len()..).unwrap_or(""));
    }
    let end = text.find('|').unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

/// An option of a modifier's argument, such as `{"deep":true}`.
fn option(argument: &str, name: &str) -> bool {
    let options = serde_json::from_str::<Value>(argument).ok();
    options.and_then(|options| options.get(name).and_then(Value::as_bool)).unwrap_or(false)
}
