//! Multipaths: `[a,b.c]` makes a list, `{a,"n":b.c}` an object of what the paths lead to.

use std::borrow::Cow;

use super::super::value::{Members, Outcome, Text, Val};
use super::Walk;
use super::syntax::balanced;

/// One path of a multipath, with its name if it has one.
struct Selector<'p> {
    name: Option<&'p str>,
    path: &'p str,
}

impl<'a> Walk<'a, '_> {
    /// The value of a multipath, and what follows it.
    pub(super) fn multipath<'p>(
        &mut self,
        of: &Val<'a>,
        path: &'p str,
    ) -> Outcome<Option<(Val<'a>, &'p str)>> {
        let Some(written) = balanced(path) else {
            return Ok(None);
        };
        let rest = path.get(written.len()..).unwrap_or("");
        let inside = written.get(1..written.len().saturating_sub(1)).unwrap_or("");
        let mut members = Members::new();
        for selector in selectors(inside) {
            let value = self.get(of.clone(), selector.path)?;
            if value.is_missing() {
                continue;
            }
            let name = Text::from(selector.key().into_owned());
            self.runtime.work(members.len())?;
            let known = members.iter_mut().find(|(known, _)| **known == *name);
            match known {
                Some((_, place)) if written.starts_with('{') => *place = value,
                _ => members.push((name, value)),
            }
        }
        let value = if written.starts_with('{') {
            self.runtime.object(members)?
        } else {
            self.runtime.list(members.into_iter().map(|(_, value)| value).collect())?
        };
        Ok(Some((value, rest)))
    }
}

fn selectors(inside: &str) -> Vec<Selector<'_>> {
    let mut found = Vec::new();
    let (mut start, mut at): (usize, usize) = (0, 0);
    let mut colon = None;
    let mut modifier = false;
    loop {
        let here = inside.get(at..).unwrap_or("");
        let next = here.chars().next();
        let length = match next {
            None | Some(',') => {
                let name = colon.and_then(|colon| inside.get(start..colon));
                let from = colon.map_or(start, |colon: usize| colon.saturating_add(1));
                found.push(Selector { name, path: inside.get(from..at).unwrap_or("") });
                if next.is_none() {
                    return found;
                }
                (start, colon, modifier) = (at.saturating_add(1), None, false);
                1
            }
            Some('\\') => 2,
            Some('(' | '[' | '{' | '"') => balanced(here).map_or(1, str::len),
            Some('@') => {
                modifier = true;
                1
            }
            // The colon of a modifier's argument names nothing.
            Some(':') if !modifier && colon.is_none() => {
                colon = Some(at);
                1
            }
            Some(next) => next.len_utf8(),
        };
        at = at.saturating_add(length);
    }
}

impl<'p> Selector<'p> {
    /// The key in an object: the name, or the last part of the path if that is a plain one.
    fn key(&self) -> Cow<'p, str> {
        match self.name {
            Some(name) if name.starts_with('"') => match serde_json::from_str::<String>(name) {
                Ok(name) => Cow::Owned(name),
                Err(_) => Cow::Borrowed(name),
            },
            Some(name) => Cow::Borrowed(name),
            None => {
                let last = self.path.rsplit(['.', '|']).next().unwrap_or(self.path);
                let odd = |next: char| next.is_control() || "[]{}()#|!".contains(next);
                Cow::Borrowed(if last.contains(odd) { "_" } else { last })
            }
        }
    }
}
