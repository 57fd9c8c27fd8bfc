//! JSON paths in the syntax of gjson, evaluated over values.
//!
//! The crate `gjson` (0.8) was looked at and not used: it knows neither `@keys`, `@values`,
//! `@tostr`, `@fromstr`, `@group`, `@dig` nor the `~` operators, works on JSON text through unsafe
//! code, and could not tell what came from `.config`. Here a path walks the values themselves, so
//! numbers keep their text, members their order and settings their mark, and every element that is
//! visited counts against the budget of the rendering.

mod literal;
mod modifiers;
mod multi;
mod query;
mod syntax;

use super::runtime::{Runtime, position};
use super::value::{Data, Fault, Outcome, Val};
use query::Query;
use syntax::{ArrayPart, Part, Rest};

/// What the path leads to, or missing. A path that is no path leads nowhere.
pub(super) fn get<'a>(runtime: &mut Runtime<'a>, of: &Val<'a>, path: &str) -> Outcome<Val<'a>> {
    let depth_max = runtime.depth_max();
    Walk { runtime, depth: 0, depth_max }.get(of.clone(), path)
}

/// One evaluation; the depth is that of paths inside paths.
struct Walk<'a, 'r> {
    runtime: &'r mut Runtime<'a>,
    depth: usize,
    depth_max: usize,
}

/// What a path without pipes leads to, and the path that is then applied to it.
struct Found<'a, 'p> {
    value: Val<'a>,
    pipe: Option<&'p str>,
}

impl<'a> Walk<'a, '_> {
    fn get(&mut self, of: Val<'a>, path: &str) -> Outcome<Val<'a>> {
        self.deeper()?;
        let value = self.piped(of, path);
        self.depth = self.depth.saturating_sub(1);
        value
    }

    fn deeper(&mut self) -> Outcome<()> {
        if self.depth >= self.depth_max {
            return Err(Fault::Limit("template_depth_max"));
        }
        self.depth = self.depth.saturating_add(1);
        Ok(())
    }

    fn piped(&mut self, of: Val<'a>, path: &str) -> Outcome<Val<'a>> {
        let (mut value, mut path) = (of, path);
        loop {
            self.runtime.elements(1)?;
            let special = match path.as_bytes() {
                [b'@', _, ..] => self.modifier(&value, path)?,
                [b'!', _, ..] => literal::read(self.runtime, path)?,
                [b'[' | b'{', _, ..] => self.multipath(&value, path)?,
                _ => None,
            };
            let pipe = match special {
                Some((next, rest)) => {
                    value = next;
                    rest.strip_prefix(['.', '|'])
                }
                None => {
                    let found = self.walk(value, path)?;
                    value = found.value;
                    found.pipe
                }
            };
            match pipe {
                Some(next) if !value.is_missing() => path = next,
                _ => return Ok(value),
            }
        }
    }

    /// Goes down by keys and positions.
    fn walk<'p>(&mut self, of: Val<'a>, path: &'p str) -> Outcome<Found<'a, 'p>> {
        let (mut value, mut path) = (of, path);
        loop {
            self.runtime.elements(1)?;
            let (next, rest) = if value.is_object() {
                let Part { name, wild, rest } = syntax::object_part(path);
                if wild {
                    return self.wild(&value, &name, rest);
                }
                (self.runtime.member(&value, &name)?, rest)
            } else if value.is_list() {
                match syntax::array_part(path) {
                    ArrayPart::Count { rest } => {
                        let count = i64::try_from(value.length()).unwrap_or(i64::MAX);
                        (Val::int(count).from(value.origin), rest)
                    }
                    ArrayPart::Each { path } => return self.each(&value, path),
                    ArrayPart::Query { query, all, rest } => {
                        return self.query(&value, &query, all, rest);
                    }
                    ArrayPart::Plain { name, rest } => match position(name) {
                        Some(index) => (self.runtime.element(&value, index)?, rest),
                        None => (Val::missing(), rest),
                    },
                }
            } else {
                (Val::new(Data::Missing, value.origin), Rest::End)
            };
            match rest {
                Rest::More(more) if !next.is_missing() => (value, path) = (next, more),
                Rest::Pipe(pipe) => return Ok(Found { value: next, pipe: Some(pipe) }),
                Rest::More(_) | Rest::End => return Ok(Found { value: next, pipe: None }),
            }
        }
    }

    /// The first member whose key matches and from which the path leads on.
    fn wild<'p>(&mut self, of: &Val<'a>, pattern: &str, rest: Rest<'p>) -> Outcome<Found<'a, 'p>> {
        for (key, value) in self.runtime.members(of)?.unwrap_or_default() {
            if !query::matches(self.runtime, &key, pattern)? {
                continue;
            }
            let found = match rest {
                Rest::End => Found { value, pipe: None },
                Rest::Pipe(pipe) => Found { value, pipe: Some(pipe) },
                Rest::More(more) => {
                    self.deeper()?;
                    let found = self.walk(value, more)?;
                    self.depth = self.depth.saturating_sub(1);
                    found
                }
            };
            if !found.value.is_missing() {
                return Ok(found);
            }
        }
        Ok(Found { value: Val::missing(), pipe: None })
    }

    /// `#.x`: x of every element that has it.
    fn each<'p>(&mut self, of: &Val<'a>, path: &'p str) -> Outcome<Found<'a, 'p>> {
        let (path, pipe) = syntax::split_pipe(path);
        let mut found = Vec::new();
        for item in self.runtime.items(of)?.unwrap_or_default() {
            let value = self.get(item, path)?;
            if !value.is_missing() {
                found.push(value);
            }
        }
        let value = self.runtime.list(found)?.from(of.origin);
        Ok(Found { value, pipe })
    }

    /// `#(..)` and `#(..)#`.
    fn query<'p>(
        &mut self,
        of: &Val<'a>,
        query: &Query<'_>,
        all: bool,
        rest: Rest<'p>,
    ) -> Outcome<Found<'a, 'p>> {
        let (path, pipe) = match rest {
            Rest::End => (None, None),
            Rest::Pipe(pipe) => (None, Some(pipe)),
            Rest::More(more) => {
                let (path, pipe) = syntax::split_pipe(more);
                (Some(path), pipe)
            }
        };
        let mut found = Vec::new();
        for item in self.runtime.items(of)?.unwrap_or_default() {
            if !self.holds(query, &item)? {
                continue;
            }
            let value = match path {
                Some(path) => self.get(item, path)?,
                None => item,
            };
            if !all {
                return Ok(Found { value, pipe });
            }
            if !value.is_missing() {
                found.push(value);
            }
        }
        let value = if all { self.runtime.list(found)? } else { Val::missing() };
        Ok(Found { value: value.from(of.origin), pipe })
    }

    /// Whether an element satisfies every condition.
    fn holds(&mut self, query: &Query<'_>, item: &Val<'a>) -> Outcome<bool> {
        for condition in &query.conditions {
            let value = match condition.path {
                "" if item.is_list() || item.is_object() => Val::missing(),
                "" => item.clone(),
                path if item.is_list() || item.is_object() => self.get(item.clone(), path)?,
                _ => Val::missing(),
            };
            if !condition.holds(self.runtime, &value)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests;
