//! Ready policies: texts with parameters, compiled in. What they become is an ordinary policy text,
//! for the operator to look at, to change and to apply.

use std::collections::BTreeMap;

use lanyard_core::{ServerName, Tags, TeamName, ToolName, tag_set};

/// A ready policy.
#[derive(Debug)]
pub(crate) struct Pack {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it does, in a line.
    pub(crate) about: &'static str,
    /// What is filled in.
    pub(crate) parameters: &'static [Parameter],
    /// The text, with `{{key}}` where a value goes.
    pub(crate) text: &'static str,
}

/// What is filled into a pack.
#[derive(Debug)]
pub(crate) struct Parameter {
    /// Its name.
    pub(crate) key: &'static str,
    /// What it takes.
    pub(crate) kind: Kind,
    /// What it is when nobody says.
    pub(crate) default: Option<&'static str>,
}

/// What a parameter takes. Each is so narrow that a value cannot leave its place in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Id,
    Tool,
    Server,
    Team,
    Tag,
    Argument,
    Root,
    Hour,
    Decimal,
    Whole,
}

const fn needed(key: &'static str, kind: Kind) -> Parameter {
    Parameter { key, kind, default: None }
}

const fn with(key: &'static str, kind: Kind, default: &'static str) -> Parameter {
    Parameter { key, kind, default: Some(default) }
}

/// All of them, by name.
pub(crate) const PACKS: &[Pack] = &[
    Pack {
        name: "amount-limit",
        about: "a number in an argument is within limits",
        parameters: &[
            needed("tool", Kind::Tool),
            with("argument", Kind::Argument, "amount"),
            with("least", Kind::Decimal, "0"),
            needed("most", Kind::Decimal),
            with("id", Kind::Id, "amount-limit"),
        ],
        text: include_str!("packs/amount-limit.cedar"),
    },
    Pack {
        name: "business-hours",
        about: "a server is called on working days, within hours",
        parameters: &[
            needed("server", Kind::Server),
            with("from", Kind::Hour, "9"),
            with("to", Kind::Hour, "17"),
            with("id", Kind::Id, "business-hours"),
        ],
        text: include_str!("packs/business-hours.cedar"),
    },
    Pack {
        name: "data-residency",
        about: "agents use what stands in their own region",
        parameters: &[with("tag", Kind::Tag, "region"), with("id", Kind::Id, "data-residency")],
        text: include_str!("packs/data-residency.cedar"),
    },
    Pack {
        name: "department-is-owner",
        about: "tools are called by the department that owns them",
        parameters: &[needed("server", Kind::Server), with("id", Kind::Id, "department-is-owner")],
        text: include_str!("packs/department-is-owner.cedar"),
    },
    Pack {
        name: "only-read-only-tools",
        about: "a team calls only tools that change nothing",
        parameters: &[needed("team", Kind::Team), with("id", Kind::Id, "only-read-only-tools")],
        text: include_str!("packs/only-read-only-tools.cedar"),
    },
    Pack {
        name: "path-under-root",
        about: "a path in an argument stays under a directory",
        parameters: &[
            needed("tool", Kind::Tool),
            with("argument", Kind::Argument, "path"),
            needed("root", Kind::Root),
            with("id", Kind::Id, "path-under-root"),
        ],
        text: include_str!("packs/path-under-root.cedar"),
    },
    Pack {
        name: "read-only-sql",
        about: "an SQL text in an argument only reads",
        parameters: &[
            needed("tool", Kind::Tool),
            with("argument", Kind::Argument, "sql"),
            with("id", Kind::Id, "read-only-sql"),
        ],
        text: include_str!("packs/read-only-sql.cedar"),
    },
    Pack {
        name: "whole-amount-limit",
        about: "a whole number in an argument is within limits",
        parameters: &[
            needed("tool", Kind::Tool),
            with("argument", Kind::Argument, "amount"),
            with("least", Kind::Whole, "0"),
            needed("most", Kind::Whole),
            with("id", Kind::Id, "whole-amount-limit"),
        ],
        text: include_str!("packs/whole-amount-limit.cedar"),
    },
];

/// A pack by its name.
pub(crate) fn find(name: &str) -> Result<&'static Pack, String> {
    PACKS.iter().find(|pack| pack.name == name).ok_or_else(|| {
        let known: Vec<&str> = PACKS.iter().map(|pack| pack.name).collect();
        format!("there is no pack `{name}`; there is: {}", known.join(", "))
    })
}

impl Pack {
    /// The policy with its values filled in. Says what is missing, unknown or of another kind.
    pub(crate) fn fill(&self, given: &BTreeMap<String, String>) -> Result<String, String> {
        if let Some(key) = given.keys().find(|key| self.parameters.iter().all(|it| it.key != *key))
        {
            return Err(format!(
                "`{key}` is no parameter of {}; they are: {}",
                self.name,
                self.usage()
            ));
        }
        let mut text = self.text.to_owned();
        for parameter in self.parameters {
            let value = given.get(parameter.key).map(String::as_str).or(parameter.default);
            let value = value.ok_or_else(|| {
                format!("`{}` is missing; {} takes: {}", parameter.key, self.name, self.usage())
            })?;
            let value = parameter.kind.read(value).ok_or_else(|| {
                format!("`{}={value}` is not {}", parameter.key, parameter.kind.takes())
            })?;
            text = text.replace(&format!("{{{{{}}}}}", parameter.key), &value);
        }
        Ok(text)
    }

    /// The parameters in a line: `tool=SERVER/TOOL [argument=path]`.
    pub(crate) fn usage(&self) -> String {
        let shown = self.parameters.iter().map(|it| match it.default {
            Some(default) => format!("[{}={default}]", it.key),
            None => format!("{}={}", it.key, it.kind.sample()),
        });
        shown.collect::<Vec<_>>().join(" ")
    }
}

impl Kind {
    fn sample(self) -> &'static str {
        match self {
            Self::Id => "ID",
            Self::Tool => "SERVER/TOOL",
            Self::Server => "SERVER",
            Self::Team => "TEAM",
            Self::Tag => "KEY",
            Self::Argument => "NAME",
            Self::Root => "/DIRECTORY",
            Self::Hour => "HOUR",
            Self::Decimal => "NUMBER",
            Self::Whole => "WHOLE-NUMBER",
        }
    }

    fn takes(self) -> &'static str {
        match self {
            Self::Id => "the id of a rule: letters, digits, `_`, `.` and `-`",
            Self::Tool => "a tool: SERVER/TOOL",
            Self::Server => "the name of a server",
            Self::Team => "the name of a team",
            Self::Tag => "the key of a tag",
            Self::Argument => "the name of an argument: letters, digits, `_`, `.` and `-`",
            Self::Root => "an absolute path without `..` and without unusual characters",
            Self::Hour => "an hour from 0 to 24",
            Self::Decimal => "a number with 4 digits after the point at most",
            Self::Whole => "a whole number",
        }
    }

    /// A value as it stands in the text.
    fn read(self, text: &str) -> Option<String> {
        let is_word = |text: &str| {
            let is_part = |it: char| it.is_ascii_alphanumeric() || matches!(it, '_' | '.' | '-');
            (1..=128).contains(&text.len()) && text.chars().all(is_part)
        };
        let is_good = match self {
            Self::Id | Self::Argument => is_word(text),
            Self::Tool => text.split_once('/').is_some_and(|(server, tool)| {
                ServerName::parse(server).is_ok() && ToolName::parse(tool).is_ok()
            }),
            Self::Server => ServerName::parse(text).is_ok(),
            Self::Team => TeamName::parse(text).is_ok(),
            Self::Tag => tag_set(&mut Tags::new(), text, "x").is_ok(),
            Self::Root => return root(text),
            Self::Hour => text.parse::<u8>().is_ok_and(|hour| hour <= 24),
            Self::Decimal => return decimal(text),
            Self::Whole => return text.parse::<i64>().ok().map(|it| it.to_string()),
        };
        is_good.then(|| text.to_owned())
    }
}

/// A directory as views of paths write it. With a slash at its end it would be nobody's ancestor.
fn root(text: &str) -> Option<String> {
    let read = lanyard_guard::derive::path(text);
    let is_plain = text.chars().all(|it| it.is_alphanumeric() || " /._-+@,=()".contains(it));
    (read.absolute && !read.odd && is_plain).then_some(read.clean)
}

/// A decimal number as Cedar writes it: with a point.
fn decimal(text: &str) -> Option<String> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits = whole.strip_prefix('-').unwrap_or(whole);
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
    let fits = is_digits(digits) && digits.len() <= 14 && is_digits(part) && part.len() <= 4;
    fits.then(|| format!("{whole}.{part}"))
}

#[cfg(test)]
mod tests;
