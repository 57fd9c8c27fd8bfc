//! Reads the stored form of a definition, with everything that is wrong with it at once.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{Definition, Remote, Stdio, Template, Transport, rules};
use crate::problem::{Problem, nearest, shown};

/// Characters of a description.
const DESCRIPTION_CHARS_MAX: usize = 4096;

const STDIO_KEYS: &[&str] = &["type", "command", "args", "env", "cwd", "description"];
const REMOTE_KEYS: &[&str] = &["type", "url", "headers", "query", "description"];

pub(super) fn definition(text: &str) -> Result<Definition, Vec<Problem>> {
    let mut reader = Reader::default();
    let whole = match serde_json::from_str::<&RawValue>(text) {
        Ok(whole) => whole,
        Err(error) => return Err(vec![Problem::new("", format!("not JSON: {error}"))]),
    };
    let definition = reader.definition(whole);
    match definition {
        Some(definition) if reader.problems.is_empty() => Ok(definition),
        Some(_) | None => Err(reader.problems),
    }
}

/// The members of an object, each as it was written. A map of serde_json would keep the last of
/// two members of one name without a word.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(Collect).map(Members)
    }
}

/// Reads values and collects what is wrong with them.
#[derive(Default)]
struct Reader {
    problems: Vec<Problem>,
}

/// How names and texts of a list of pairs are checked.
struct PairRules {
    name: fn(&str) -> Result<(), &'static str>,
    text: fn(&str) -> Result<(), &'static str>,
    lower_case: bool,
}

impl Reader {
    fn problem(&mut self, path: &str, message: impl Into<String>) {
        self.problems.push(Problem::new(path, message));
    }

    fn definition(&mut self, whole: &RawValue) -> Option<Definition> {
        let members = self.members(whole, "")?;
        let find = |key: &str| {
            let found = members.iter().find(|(name, _)| name == key);
            found.map(|(_, value)| *value).filter(|value| value.get() != "null")
        };
        let kind = self.kind(find("type"), find("command").is_some(), find("url").is_some())?;
        self.refuse_unknown(&members, kind);
        let description = find("description").and_then(|value| self.description(value));
        let transport = if kind == "stdio" {
            self.stdio(&find).map(Transport::Stdio)
        } else {
            let wrap = if kind == "sse" { Transport::Sse } else { Transport::Http };
            self.remote(&find).map(wrap)
        };
        Some(Definition { description, transport: transport? })
    }

    /// Which kind it is. Where that is not said it is guessed, so that the rest is looked at too.
    fn kind(
        &mut self,
        value: Option<&RawValue>,
        has_command: bool,
        has_url: bool,
    ) -> Option<&'static str> {
        let guess = match (has_command, has_url) {
            (true, _) => Some("stdio"),
            (false, true) => Some("http"),
            (false, false) => None,
        };
        let Some(value) = value else {
            self.problem("type", "is missing; write `stdio`, `http` or `sse`");
            return guess;
        };
        match self.text(value, "type").as_deref() {
            Some("stdio") => Some("stdio"),
            Some("http" | "streamable-http") => Some("http"),
            Some("sse") => Some("sse"),
            Some(other) => {
                let message =
                    format!("`{}` is no type; write `stdio`, `http` or `sse`", shown(other));
                self.problem("type", message);
                guess
            }
            None => guess,
        }
    }

    fn refuse_unknown(&mut self, members: &[(String, &RawValue)], kind: &str) {
        let is_stdio = kind == "stdio";
        let (known, other) =
            if is_stdio { (STDIO_KEYS, REMOTE_KEYS) } else { (REMOTE_KEYS, STDIO_KEYS) };
        for (key, _) in members.iter().filter(|(key, _)| !known.contains(&key.as_str())) {
            let message = if other.contains(&key.as_str()) {
                let place = if is_stdio { "`http` and `sse`" } else { "`stdio`" };
                format!("belongs to servers of the type {place}")
            } else {
                let meant = nearest(key, known.iter().copied());
                let hint =
                    meant.map_or_else(String::new, |name| format!("; did you mean `{name}`?"));
                format!("unknown key{hint}")
            };
            self.problem(&shown(key), message);
        }
    }

    fn stdio<'v>(&mut self, find: &dyn Fn(&str) -> Option<&'v RawValue>) -> Option<Stdio> {
        let command = match find("command") {
            Some(value) => self.path(value, "command"),
            None => {
                self.problem("command", "is missing");
                None
            }
        };
        let args = find("args").map(|value| self.arguments(value)).unwrap_or_default();
        let rules = PairRules {
            name: rules::variable_name,
            text: rules::variable_value,
            lower_case: false,
        };
        let env = self.pairs(find("env"), "env", &rules);
        let cwd = find("cwd").map(|value| self.path(value, "cwd"));
        Some(Stdio { command: command?, args, env, cwd: cwd.flatten() })
    }

    fn remote<'v>(&mut self, find: &dyn Fn(&str) -> Option<&'v RawValue>) -> Option<Remote> {
        let remote = match find("url") {
            Some(value) => self.text(value, "url").and_then(|url| {
                Remote::parse_url(&url).map_err(|message| self.problem("url", message)).ok()
            }),
            None => {
                self.problem("url", "is missing");
                None
            }
        };
        let header =
            PairRules { name: rules::header_name, text: rules::header_value, lower_case: true };
        let headers = self.pairs(find("headers"), "headers", &header);
        let part =
            PairRules { name: rules::query_text, text: rules::query_text, lower_case: false };
        let query = self.pairs(find("query"), "query", &part);
        let Remote { origin, target, headers: _, query: _ } = remote?;
        Some(Remote { origin, target, headers, query })
    }

    fn description(&mut self, value: &RawValue) -> Option<String> {
        let text = self.text(value, "description")?;
        let is_odd = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
        if text.chars().nth(DESCRIPTION_CHARS_MAX).is_some() {
            self.problem(
                "description",
                format!("has more than {DESCRIPTION_CHARS_MAX} characters"),
            );
        } else if text.contains(is_odd) {
            self.problem("description", "holds a control character");
        }
        Some(text)
    }

    fn path(&mut self, value: &RawValue, place: &str) -> Option<String> {
        let text = self.text(value, place)?;
        if let Err(message) = rules::absolute_path(&text) {
            self.problem(place, message);
        }
        Some(text)
    }

    fn arguments(&mut self, value: &RawValue) -> Vec<String> {
        let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(value.get()) else {
            self.expected("args", "an array of strings", value);
            return Vec::new();
        };
        let mut arguments = Vec::new();
        for (index, item) in items.into_iter().enumerate() {
            let place = format!("args[{index}]");
            let Some(text) = self.text(item, &place) else { continue };
            if let Err(message) = rules::argument(&text) {
                self.problem(&place, message);
            }
            arguments.push(text);
        }
        arguments
    }

    fn pairs(
        &mut self,
        value: Option<&RawValue>,
        place: &str,
        rules: &PairRules,
    ) -> Vec<(String, Template)> {
        let members = value.and_then(|value| self.members(value, place)).unwrap_or_default();
        let mut pairs: Vec<(String, Template)> = Vec::new();
        for (written, value) in members {
            let place = format!("{place}.{}", shown(&written));
            let name = if rules.lower_case { written.to_ascii_lowercase() } else { written };
            if let Err(message) = (rules.name)(&name) {
                self.problem(&place, message);
            }
            if pairs.iter().any(|(other, _)| *other == name) {
                self.problem(&place, "is there already, in another spelling");
            }
            let Some(text) = self.text(value, &place) else { continue };
            if let Err(message) = (rules.text)(&text) {
                self.problem(&place, message);
            }
            match Template::parse(&text) {
                Ok(template) => pairs.push((name, template)),
                Err(error) => self.problem(&place, error.to_string()),
            }
        }
        pairs
    }

    /// The members of an object, the first of those that have one name.
    fn members<'v>(
        &mut self,
        value: &'v RawValue,
        place: &str,
    ) -> Option<Vec<(String, &'v RawValue)>> {
        let Ok(Members(members)) = serde_json::from_str(value.get()) else {
            self.expected(place, "an object", value);
            return None;
        };
        let mut kept: Vec<(String, &'v RawValue)> = Vec::new();
        for (key, value) in members {
            if kept.iter().any(|(other, _)| *other == key) {
                let dot = if place.is_empty() { "" } else { "." };
                self.problem(&format!("{place}{dot}{}", shown(&key)), "is there twice");
            } else {
                kept.push((key, value));
            }
        }
        Some(kept)
    }

    fn text(&mut self, value: &RawValue, place: &str) -> Option<String> {
        let text = serde_json::from_str::<String>(value.get());
        if text.is_err() {
            self.expected(place, "a string", value);
        }
        text.ok()
    }

    fn expected(&mut self, place: &str, wanted: &str, value: &RawValue) {
        let message = match kind_of(value) {
            found if wanted.starts_with(found) => format!("is not valid as {wanted}"),
            found => format!("must be {wanted} ({found} came)"),
        };
        self.problem(place, message);
    }
}

fn kind_of(value: &RawValue) -> &'static str {
    match value.get().bytes().next() {
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b'"') => "a string",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        Some(_) | None => "a number",
    }
}
