//! Tags and costs of a server and its tools.

use lanyard_core::{Tags, ToolName, tag_set};
use lanyard_store::ServerRow;
use serde::{Deserialize, Serialize};

use super::StoredOptions;
use crate::error::ApiError;

/// The most that a call can cost.
const COST_MAX: u64 = 1_000_000;

/// The most tools that something is said of.
const TOOLS_MAX: usize = 1000;

/// What is said of one tool, on top of its server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ToolOptions {
    /// For policies.
    #[serde(skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
    /// What a call costs, in units of cost; as its server's when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<u64>,
}

impl StoredOptions {
    /// Tags and costs are said of a server, not of its definition: when it is replaced, and nothing
    /// else is said, they stay. A policy that reads them would otherwise change with it.
    pub(crate) fn keep_marks(&mut self, before: Option<&ServerRow>) {
        let is_silent = self.tags.is_empty() && self.cost.is_none() && self.of_tools.is_empty();
        let before = before.filter(|_| is_silent).and_then(|row| Self::read(row).ok());
        if let Some(before) = before {
            self.tags = before.tags;
            self.cost = before.cost;
            self.of_tools = before.of_tools;
        }
    }
}

/// Holds what came as a whole against the rules.
pub(super) fn check(options: &StoredOptions) -> Result<(), ApiError> {
    let mut again = StoredOptions::default();
    for (key, value) in &options.tags {
        set_tag(&mut again.tags, key, Some(value))?;
    }
    for (tool, own) in &options.of_tools {
        for (key, value) in &own.tags {
            of_tool(&mut again, &format!("{tool}.tag.{key}"), Some(value))?;
        }
    }
    let costs = options.of_tools.values().map(|own| own.cost).chain([options.cost]);
    for given in costs.flatten() {
        cost(&given.to_string())?;
    }
    Ok(())
}

/// Sets a tag or a cost. `false` where the key is none of these.
pub(super) fn apply(
    options: &mut StoredOptions,
    key: &str,
    value: Option<&str>,
) -> Result<bool, ApiError> {
    if let Some(rest) = key.strip_prefix("tool.") {
        return of_tool(options, rest, value);
    }
    if let Some(tag) = key.strip_prefix("tag.") {
        set_tag(&mut options.tags, tag, value)?;
    } else if key == "cost" {
        options.cost = value.and_then(cost_or_default).transpose()?;
    } else {
        return Ok(false);
    }
    Ok(true)
}

/// `TOOL.cost` or `TOOL.tag.KEY`. Names of tools and keys of tags may have dots themselves.
fn of_tool(options: &mut StoredOptions, key: &str, value: Option<&str>) -> Result<bool, ApiError> {
    let (tool, tag) = match (key.split_once(".tag."), key.strip_suffix(".cost")) {
        (Some((tool, tag)), _) => (tool, Some(tag)),
        (None, Some(tool)) => (tool, None),
        (None, None) => return Ok(false),
    };
    let tool = ToolName::parse(tool)?.to_string();
    let own = options.of_tools.entry(tool.clone()).or_default();
    match tag {
        Some(tag) => set_tag(&mut own.tags, tag, value)?,
        None => own.cost = value.and_then(cost_or_default).transpose()?,
    }
    if *own == ToolOptions::default() {
        options.of_tools.remove(&tool);
    }
    if options.of_tools.len() > TOOLS_MAX {
        return Err(ApiError::invalid("at most 1000 tools have tags or costs of their own"));
    }
    Ok(true)
}

fn set_tag(tags: &mut Tags, key: &str, value: Option<&str>) -> Result<(), ApiError> {
    let set = tag_set(tags, key, value.unwrap_or_default());
    set.map_err(|error| ApiError::invalid(error.to_string()))
}

fn cost_or_default(text: &str) -> Option<Result<u64, ApiError>> {
    (text != "default").then(|| cost(text))
}

fn cost(text: &str) -> Result<u64, ApiError> {
    let cost = text.parse().ok().filter(|cost| *cost <= COST_MAX);
    cost.ok_or_else(|| ApiError::invalid("a cost is a whole number from 0 to 1000000"))
}

#[cfg(test)]
mod tests {
    use super::super::ServerKind;
    use super::{StoredOptions, apply};

    #[test]
    fn tags_and_costs_are_set_and_taken_back() {
        let mut options = StoredOptions::default();
        for (key, value) in [
            ("tag.region", "eu"),
            ("cost", "2"),
            ("tool.git/push.tag.sensitivity", "high"),
            ("tool.a.b.cost", "5"),
            ("tool.a.b.tag.x.y", "z"),
        ] {
            assert!(matches!(apply(&mut options, key, Some(value)), Ok(true)), "{key}");
        }
        let kept = serde_json::to_string(&options).unwrap();
        assert_eq!(
            kept,
            r#"{"tags":{"region":"eu"},"cost":2,"of_tools":{"a.b":{"tags":{"x.y":"z"},"cost":5},"git/push":{"tags":{"sensitivity":"high"}}}}"#
        );
        let read: StoredOptions = serde_json::from_str(&kept).unwrap();
        assert!(read.clone().checked(ServerKind::Rest).is_ok());
        assert_eq!(read, options);
        for key in ["tag.region", "cost", "tool.git/push.tag.sensitivity", "tool.a.b.cost"] {
            assert!(matches!(apply(&mut options, key, None), Ok(true)), "{key}");
        }
        apply(&mut options, "tool.a.b.tag.x.y", None).unwrap();
        assert_eq!(options, StoredOptions::default());
    }

    #[test]
    fn what_is_no_tag_and_no_cost_is_refused() {
        for (key, value) in [
            ("tag.Region", "eu"),
            ("tag.", "eu"),
            ("tag.region", "a\nb"),
            ("cost", "-1"),
            ("cost", "1000001"),
            ("cost", "free"),
            ("tool.a b.cost", "1"),
            ("tool.push.tag.", "x"),
        ] {
            assert!(apply(&mut StoredOptions::default(), key, Some(value)).is_err(), "{key}");
        }
        for key in ["tags", "tool.push", "tool.push.price", "costs"] {
            assert!(matches!(apply(&mut StoredOptions::default(), key, Some("1")), Ok(false)));
        }
    }
}
