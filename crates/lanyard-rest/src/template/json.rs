//! Values as JSON text: compact or indented, with or without the escapes that keep JSON harmless
//! inside HTML. Members stay in order and numbers keep their text.

use serde_json::Value;

use super::runtime::Runtime;
use super::value::{Data, Outcome, Tree, Val, failed};

/// Writes one value.
pub(super) struct Writer {
    out: String,
    html: bool,
    indented: bool,
    level: usize,
    charged: usize,
}

impl Writer {
    /// One line, only the escapes that JSON needs.
    pub(super) fn compact() -> Self {
        Self { out: String::new(), html: false, indented: false, level: 0, charged: 0 }
    }

    /// One line, `<`, `>`, `&`, U+2028 and U+2029 escaped.
    pub(super) fn escaped() -> Self {
        Self { html: true, ..Self::compact() }
    }

    /// Two spaces a level.
    pub(super) fn indented() -> Self {
        Self { indented: true, html: true, ..Self::compact() }
    }

    /// Two spaces a level, only the escapes that JSON needs.
    pub(super) fn laid_out() -> Self {
        Self { indented: true, ..Self::compact() }
    }

    pub(super) fn write<'a>(
        mut self,
        runtime: &mut Runtime<'a>,
        value: &Val<'a>,
    ) -> Outcome<String> {
        self.value(runtime, value)?;
        self.charge(runtime)?;
        Ok(self.out)
    }

    fn value<'a>(&mut self, runtime: &mut Runtime<'a>, value: &Val<'a>) -> Outcome<()> {
        match &value.data {
            Data::Json(json, tree) => self.json(runtime, json, *tree)?,
            Data::List(list) => {
                let mut open = self.open('[');
                for item in &list.items {
                    self.next(&mut open);
                    self.value(runtime, item)?;
                }
                self.close(open, ']');
            }
            Data::Object(object) => {
                let mut open = self.open('{');
                for (key, member) in &object.members {
                    self.next(&mut open);
                    self.key(key);
                    self.value(runtime, member)?;
                }
                self.close(open, '}');
            }
            Data::Text(text) => self.text(text),
            Data::Time(time) => self.text(&super::times::print(*time)),
            Data::Missing | Data::Null | Data::MissingJson => self.out.push_str("null"),
            Data::Float(float) if !float.is_finite() => {
                return failed("a number that is not finite has no JSON form");
            }
            Data::Bool(_) | Data::Int(_) | Data::Float(_) | Data::Number(_) => {
                self.out.push_str(&runtime.print(value)?);
            }
        }
        self.charge(runtime)
    }

    fn json(&mut self, runtime: &mut Runtime<'_>, value: &Value, tree: Tree) -> Outcome<()> {
        match value {
            Value::Null => self.out.push_str("null"),
            Value::Bool(bool) => self.out.push_str(if *bool { "true" } else { "false" }),
            Value::Number(_) => self.out.push_str(runtime.number(value)),
            Value::String(text) => match runtime.opened(text, tree)? {
                Some(opened) => self.text(&opened),
                None => self.text(text),
            },
            Value::Array(items) => {
                let mut open = self.open('[');
                for item in items {
                    self.next(&mut open);
                    self.json(runtime, item, tree.of_member(""))?;
                }
                self.close(open, ']');
            }
            Value::Object(members) => {
                let mut open = self.open('{');
                for (key, member) in members {
                    self.next(&mut open);
                    self.key(key);
                    self.json(runtime, member, tree.of_member(key))?;
                }
                self.close(open, '}');
            }
        }
        self.charge(runtime)
    }

    /// Charges what was written since the last time, so that a text is refused while it grows.
    fn charge(&mut self, runtime: &mut Runtime<'_>) -> Outcome<()> {
        let written = self.out.len().saturating_sub(self.charged);
        self.charged = self.out.len();
        runtime.work(written)?;
        if self.out.len() > lanyard_core::Limits::size(runtime.env.limits.template_output_bytes_max)
        {
            return Err(super::value::Fault::Limit("template_output_bytes_max"));
        }
        Ok(())
    }

    /// Opens a list or object; gives whether it is still empty.
    fn open(&mut self, bracket: char) -> bool {
        self.out.push(bracket);
        self.level = self.level.saturating_add(1);
        true
    }

    fn next(&mut self, empty: &mut bool) {
        if !*empty {
            self.out.push(',');
        }
        *empty = false;
        self.line();
    }

    fn key(&mut self, key: &str) {
        self.text(key);
        self.out.push_str(if self.indented { ": " } else { ":" });
    }

    fn close(&mut self, empty: bool, bracket: char) {
        self.level = self.level.saturating_sub(1);
        if !empty {
            self.line();
        }
        self.out.push(bracket);
    }

    fn line(&mut self) {
        if self.indented {
            self.out.push('\n');
            for _ in 0..self.level {
                self.out.push_str("  ");
            }
        }
    }

    fn text(&mut self, text: &str) {
        self.out.push('"');
        escape_into(&mut self.out, text, self.html);
        self.out.push('"');
    }
}

/// The inside of a JSON string.
pub(super) fn escape_into(out: &mut String, text: &str, html: bool) {
    let mut plain_from = 0;
    for (at, next) in text.char_indices() {
        let short = match next {
            '"' => Some("\\\""),
            '\\' => Some("\\\\"),
            '\n' => Some("\\n"),
            '\r' => Some("\\r"),
            '\t' => Some("\\t"),
            '\u{8}' => Some("\\b"),
            '\u{c}' => Some("\\f"),
            _ => None,
        };
        let long = u32::from(next) < 0x20
            || html && matches!(next, '<' | '>' | '&' | '\u{2028}' | '\u{2029}');
        if short.is_none() && !long {
            continue;
        }
        out.push_str(text.get(plain_from..at).unwrap_or(""));
        match short {
            Some(short) => out.push_str(short),
            None => out.push_str(&format!("\\u{:04x}", u32::from(next))),
        }
        plain_from = at.saturating_add(next.len_utf8());
    }
    out.push_str(text.get(plain_from..).unwrap_or(""));
}
