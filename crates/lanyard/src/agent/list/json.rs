//! What `list` prints for scripts, in mcporter's forms. Pure. Keys are only ever added.

use serde_json::{Map, Value, json};

use super::{ListArgs, Report};
use crate::agent::client::Tool;
use crate::agent::issue::{Issue, IssueKind};
use crate::agent::parameter::{Kind, Parameter, parameters};
use crate::agent::target::Server;

const STATUSES: [&str; 7] = ["ok", "auth", "offline", "http", "error", "denied", "timeout"];

/// Nothing could be listed at all.
pub(super) fn failure(issue: &Issue) -> Value {
    json!({"mode": "list", "error": issue.message, "issue": issue.to_json()})
}

/// Several servers.
pub(super) fn list(reports: &[Report], args: &ListArgs) -> Value {
    let count =
        |status: &str| reports.iter().filter(|report| self::status(report) == status).count();
    let counts = STATUSES.iter().map(|status| ((*status).to_owned(), count(status).into()));
    let counts = counts.collect::<Map<_, _>>();
    let servers = reports.iter().map(|report| entry(report, args)).collect::<Vec<_>>();
    json!({"mode": "list", "counts": counts, "servers": servers})
}

fn entry(report: &Report, args: &ListArgs) -> Value {
    let mut entry = head(report, args);
    match &report.outcome {
        Ok(listing) => {
            let tools = listing.tools.iter().map(|tool| short_tool(tool, args)).collect();
            entry.insert("tools".to_owned(), Value::Array(tools));
        }
        Err(issue) => {
            entry.insert("issue".to_owned(), issue.to_json());
            entry.insert("error".to_owned(), issue.message.clone().into());
        }
    }
    entry.into()
}

/// One server.
pub(super) fn server(report: &Report, args: &ListArgs) -> Value {
    let mut page = Map::new();
    page.insert("mode".to_owned(), "server".into());
    page.extend(head(report, args));
    match &report.outcome {
        Ok(listing) => {
            if let Some(instructions) = &listing.instructions {
                page.insert("instructions".to_owned(), instructions.clone().into());
            }
            let tools = listing.tools.iter().map(long_tool).collect();
            page.insert("tools".to_owned(), Value::Array(tools));
        }
        Err(issue) => {
            page.insert("issue".to_owned(), issue.to_json());
            page.insert("error".to_owned(), short_error(issue).into());
        }
    }
    page.into()
}

fn head(report: &Report, args: &ListArgs) -> Map<String, Value> {
    let Server { name, description, transport, source, .. } = &report.server;
    let millis = u64::try_from(report.duration.as_millis()).unwrap_or(u64::MAX);
    let source = json!({"kind": "local", "path": source});
    let mut head = Map::new();
    head.insert("name".to_owned(), name.clone().into());
    head.insert("status".to_owned(), status(report).into());
    head.insert("durationMs".to_owned(), millis.into());
    if let Some(description) = description {
        head.insert("description".to_owned(), description.clone().into());
    }
    head.insert("transport".to_owned(), transport.clone().into());
    head.insert("source".to_owned(), source.clone());
    if args.verbose {
        head.insert("sources".to_owned(), Value::Array(vec![source]));
    }
    head
}

fn status(report: &Report) -> &'static str {
    match report.outcome.as_ref().map_err(|issue| issue.kind) {
        Ok(_) => "ok",
        Err(IssueKind::Auth) => "auth",
        Err(IssueKind::Offline) => "offline",
        Err(IssueKind::Http) => "http",
        Err(IssueKind::Denied) => "denied",
        Err(IssueKind::Timeout) => "timeout",
        Err(IssueKind::Usage | IssueKind::Other | IssueKind::Tool | IssueKind::Protocol) => "error",
    }
}

fn short_error(issue: &Issue) -> String {
    match (issue.kind, issue.status_code) {
        (IssueKind::Auth, _) => "auth required".to_owned(),
        (IssueKind::Offline | IssueKind::Denied | IssueKind::Timeout, _) => {
            issue.kind.as_str().to_owned()
        }
        (IssueKind::Http, Some(status)) => format!("http {status}"),
        _ => issue.message.clone(),
    }
}

fn short_tool(tool: &Tool, args: &ListArgs) -> Value {
    let mut entry = named(tool);
    if args.schema {
        insert_schemas(&mut entry, tool);
    }
    entry.into()
}

fn long_tool(tool: &Tool) -> Value {
    let mut entry = named(tool);
    insert_schemas(&mut entry, tool);
    let options = parameters(&tool.input_schema).iter().map(option).collect();
    entry.insert("options".to_owned(), Value::Array(options));
    entry.into()
}

fn named(tool: &Tool) -> Map<String, Value> {
    let mut entry = Map::new();
    entry.insert("name".to_owned(), tool.name.clone().into());
    if let Some(description) = &tool.description {
        entry.insert("description".to_owned(), description.clone().into());
    }
    entry
}

fn insert_schemas(entry: &mut Map<String, Value>, tool: &Tool) {
    entry.insert("inputSchema".to_owned(), tool.input_schema.clone());
    if let Some(schema) = &tool.output_schema {
        entry.insert("outputSchema".to_owned(), schema.clone());
    }
}

fn option(parameter: &Parameter<'_>) -> Value {
    let mut option = Map::new();
    let mut insert = |key: &str, value: Value| option.insert(key.to_owned(), value);
    insert("property", parameter.property.into());
    insert("cliName", parameter.cli_name().into());
    if let Some(description) = parameter.description {
        insert("description", description.into());
    }
    insert("required", parameter.required.into());
    insert("type", parameter.kind.as_str().into());
    if parameter.kind == Kind::Array {
        insert("arrayItemType", parameter.item_kind.as_str().into());
    }
    insert("placeholder", parameter.placeholder().into());
    if let Some(example) = parameter.example_value() {
        insert("exampleValue", example.into());
    }
    if !parameter.choices.is_empty() {
        insert("enumValues", parameter.choices.clone().into());
    }
    if let Some(default) = parameter.default {
        insert("defaultValue", default.clone());
    }
    if let Some(format) = &parameter.format {
        insert("formatHint", format.clone().into());
    }
    option.into()
}
