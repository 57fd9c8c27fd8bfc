//! What every part of reading a file shares: the options, the text, the problems so far; and
//! reading a template with its problems told by their place in the file.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::fields::{Text, shown};
use crate::parse::ParseOptions;
use crate::problem::{Problems, suggestion};
use crate::secrets::Secrets;
use crate::security::{Requirement, Scheme};
use crate::template::{PathRoot, PathUse, Template};
use crate::yaml::{Mark, mark_in_text};

/// The state of reading one file.
pub(crate) struct Check<'a> {
    pub(crate) options: &'a ParseOptions<'a>,
    pub(crate) source: &'a str,
    pub(crate) problems: Problems,
    pub(crate) secrets: Secrets<'a>,
    /// The first segments of the `.config` paths that templates use.
    pub(crate) config_used: BTreeSet<String>,
}

/// What the tools of a server share.
pub(crate) struct Shared {
    /// `server.config`, every credential a reference.
    pub(crate) config: Value,
    pub(crate) schemes: Vec<Scheme>,
    pub(crate) upstream: Vec<Requirement>,
    /// What path-only URLs start with, without a slash at its end.
    pub(crate) base_url: Option<String>,
}

/// A path used by a template: what it starts from and the names after it.
pub(crate) type Use = (PathRoot, Vec<String>);

/// A template of the file with its place.
pub(crate) struct Placed<'n> {
    pub(crate) template: Template,
    pub(crate) text: Text<'n>,
    pub(crate) path: String,
    /// How many bytes stand before the file's text in the template's.
    pub(crate) shift: usize,
}

impl Check<'_> {
    /// Parses a template. `prefix` is text put before it that the file does not have.
    pub(crate) fn template<'n>(
        &mut self,
        text: Text<'n>,
        prefix: &str,
        path: &str,
        variables: &[&str],
    ) -> Option<Placed<'n>> {
        if text.text.contains("secret://") {
            let message = "a reference to a secret is read only in `server.config`, `credential` \
                           and `defaultCredential`; put it there and use `.config`";
            self.problems.error(text.mark(), path, message);
            return None;
        }
        let whole = format!("{prefix}{}", text.text);
        match Template::parse(&whole, self.options.limits, variables) {
            Ok(template) => {
                let path = path.to_owned();
                Some(Placed { template, text, path, shift: prefix.len() })
            }
            Err(errors) => {
                for error in errors {
                    let mark = self.mark_in(text, error.offset.saturating_sub(prefix.len()));
                    self.problems.error(mark, path, error.message);
                }
                None
            }
        }
    }

    /// The place in the file of a byte of a text.
    pub(crate) fn mark_in(&self, text: Text<'_>, offset: usize) -> Mark {
        mark_in_text(self.source, text.node, offset)
    }

    /// The place in the file of a byte of a template.
    pub(crate) fn mark_of(&self, placed: &Placed<'_>, offset: usize) -> Mark {
        self.mark_in(placed.text, offset.saturating_sub(placed.shift))
    }

    /// Notes and checks the paths that a template of a request uses: warnings for what is not
    /// declared.
    pub(crate) fn check_paths(&mut self, placed: &Placed<'_>, shared: &Shared, args: &[&str]) {
        for used in placed.template.paths() {
            let Some(first) = used.segments.first() else { continue };
            let message = match used.root {
                PathRoot::Args if !args.contains(&first.as_str()) => {
                    let hint = suggestion(first, args.iter().copied());
                    format!("`.args.{}` is no argument of this tool{hint}", shown(first))
                }
                PathRoot::Args => continue,
                PathRoot::Config => {
                    self.config_used.insert(first.clone());
                    match missing_in_config(used, &shared.config) {
                        Some(message) => message,
                        None => continue,
                    }
                }
            };
            let mark = self.mark_of(placed, used.offset);
            self.problems.warn(mark, &placed.path, message);
        }
    }
}

fn missing_in_config(used: &PathUse, config: &Value) -> Option<String> {
    if used.guarded || at_path(config, &used.segments).is_some() {
        return None;
    }
    let path = used.segments.join(".");
    let members = config.as_object().into_iter().flatten().map(|(key, _)| key.as_str());
    let hint = used.segments.first().map_or_else(String::new, |first| suggestion(first, members));
    Some(format!(
        "`.config.{}` is not in server.config: every call that needs it fails{hint}",
        shown(&path)
    ))
}

/// The value at a path of names and indexes.
pub(crate) fn at_path<'v>(root: &'v Value, segments: &[String]) -> Option<&'v Value> {
    segments.iter().try_fold(root, |value, segment| match value {
        Value::Object(members) => members.get(segment),
        Value::Array(items) => segment.parse::<usize>().ok().and_then(|index| items.get(index)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    })
}
