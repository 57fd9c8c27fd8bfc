//! Where the lists and objects of the data stand in the text it was read from, so that they print
//! as they came: with their white space and their escapes. So do numbers with an exponent, which
//! the JSON reader respells. Built only when one of these is printed.
//!
//! A value is known by its address. Text and values are walked side by side; where they
//! disagree (a caller may have added members), the place is left out and prints as compact JSON.

use std::collections::HashMap;
use std::ops::Range;

use serde_json::Value;

/// The spans of values by their address.
#[derive(Debug, Default)]
pub(super) struct Spans {
    spans: HashMap<usize, Range<usize>>,
}

impl Spans {
    pub(super) fn of(root: &Value, source: &str) -> Self {
        let mut walk = Walk { source, at: 0, spans: HashMap::new() };
        // A text that is not JSON gives the spans up to where it is not.
        let _complete = walk.value(Some(root), 0);
        Self { spans: walk.spans }
    }

    pub(super) fn find(&self, value: &Value) -> Option<Range<usize>> {
        self.spans.get(&address(value)).cloned()
    }
}

fn address(value: &Value) -> usize {
    std::ptr::from_ref(value).addr()
}

/// Nesting past this is not followed; what reads JSON for us stops at 128 levels.
const DEPTH_MAX: usize = 200;

struct Walk<'s> {
    source: &'s str,
    at: usize,
    spans: HashMap<usize, Range<usize>>,
}

impl<'s> Walk<'s> {
    fn value(&mut self, value: Option<&Value>, depth: usize) -> Option<()> {
        if depth > DEPTH_MAX {
            return None;
        }
        self.space();
        let start = self.at;
        match self.peek()? {
            b'{' => {
                let members = value.and_then(Value::as_object);
                let count = self.object(members, depth)?;
                if members.is_some_and(|members| members.len() == count) {
                    self.found(value, start);
                }
            }
            b'[' => {
                let items = value.and_then(Value::as_array);
                let count = self.list(items, depth)?;
                if items.is_some_and(|items| items.len() == count) {
                    self.found(value, start);
                }
            }
            b'"' => {
                self.string()?;
            }
            _ => {
                while self.peek().is_some_and(|next| !b",]} \t\r\n".contains(&next)) {
                    self.skip();
                }
                let written = self.source.get(start..self.at).unwrap_or("");
                if written.contains(['e', 'E']) && value.is_some_and(Value::is_number) {
                    self.found(value, start);
                }
            }
        }
        Some(())
    }

    fn found(&mut self, value: Option<&Value>, start: usize) {
        if let Some(value) = value {
            self.spans.insert(address(value), start..self.at);
        }
    }

    fn object(
        &mut self,
        members: Option<&serde_json::Map<String, Value>>,
        depth: usize,
    ) -> Option<usize> {
        let mut count: usize = 0;
        self.skip();
        self.space();
        if self.eat(b'}') {
            return Some(0);
        }
        loop {
            self.space();
            let key = self.string()?;
            self.space();
            if !self.eat(b':') {
                return None;
            }
            let member = members.and_then(|members| member(members, key));
            self.value(member, depth.saturating_add(1))?;
            count = count.saturating_add(1);
            self.space();
            if self.eat(b'}') {
                return Some(count);
            }
            if !self.eat(b',') {
                return None;
            }
        }
    }

    fn list(&mut self, items: Option<&Vec<Value>>, depth: usize) -> Option<usize> {
        let mut count: usize = 0;
        self.skip();
        self.space();
        if self.eat(b']') {
            return Some(0);
        }
        loop {
            let item = items.and_then(|items| items.get(count));
            self.value(item, depth.saturating_add(1))?;
            count = count.saturating_add(1);
            self.space();
            if self.eat(b']') {
                return Some(count);
            }
            if !self.eat(b',') {
                return None;
            }
        }
    }

    /// A string with its quotes.
    fn string(&mut self) -> Option<&'s str> {
        let start = self.at;
        if !self.eat(b'"') {
            return None;
        }
        loop {
            match self.peek()? {
                b'"' => break,
                b'\\' => {
                    self.skip();
                    self.skip();
                }
                _ => self.skip(),
            }
        }
        self.skip();
        self.source.get(start..self.at)
    }

    fn peek(&self) -> Option<u8> {
        self.source.as_bytes().get(self.at).copied()
    }

    fn skip(&mut self) {
        self.at = self.at.saturating_add(1);
    }

    fn eat(&mut self, wanted: u8) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.skip();
        }
        found
    }

    fn space(&mut self) {
        while self.peek().is_some_and(|next| b" \t\r\n".contains(&next)) {
            self.skip();
        }
    }
}

/// The member that a quoted key names.
fn member<'v>(members: &'v serde_json::Map<String, Value>, quoted: &str) -> Option<&'v Value> {
    let plain = quoted.strip_prefix('"')?.strip_suffix('"')?;
    if plain.contains('\\') {
        return members.get(&serde_json::from_str::<String>(quoted).ok()?);
    }
    members.get(plain)
}
