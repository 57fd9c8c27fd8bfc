//! A tool as a function signature with its documentation. Pure.

use serde_json::Value;

use super::client::Tool;
use super::parameter::{Kind, Parameter, parameters};
use super::streams::Paint;

/// Parameters that are shown unless all are asked for.
const PARAMETERS_SHOWN_MIN: usize = 5;
/// Names of hidden parameters that a summary lists.
const NAMES_LISTED_MAX: usize = 5;
/// Columns of a documentation comment.
const COMMENT_COLUMNS_MAX: usize = 100;
/// Columns of an example; optional arguments that go past it are left out.
const EXAMPLE_COLUMNS_MAX: usize = 80;

/// Which parameters a signature shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// Up to five, the required ones first.
    Some,
    /// All of them.
    All,
}

/// The parameters of a tool, split into those that are shown and those that are not.
fn split(tool: &Tool, shown: Shown) -> (Vec<Parameter<'_>>, Vec<Parameter<'_>>) {
    let all = parameters(&tool.input_schema);
    if shown == Shown::All || all.len() <= PARAMETERS_SHOWN_MIN {
        return (all, Vec::new());
    }
    let required = all.iter().filter(|parameter| parameter.required).count();
    let mut room = PARAMETERS_SHOWN_MIN.saturating_sub(required);
    all.into_iter().partition(|parameter| {
        let fits = room > 0 && !parameter.required;
        room = room.saturating_sub(usize::from(fits));
        parameter.required || fits
    })
}

/// `function get-sum(a: number, b: number);` and, where some are hidden, the line that says so.
pub(super) fn signature(tool: &Tool, shown: Shown, paint: Paint) -> Vec<String> {
    let (visible, hidden) = split(tool, shown);
    let written = visible.iter().map(|parameter| inline(parameter, paint)).collect::<Vec<_>>();
    let returned = tool.output_schema.as_ref().map(display_type);
    let returned = returned.map(|name| format!(": {name}")).unwrap_or_default();
    let head = format!("{} {}", paint.faint("function"), paint.name(&tool.name));
    let mut lines = vec![format!("{head}({}){returned};", written.join(", "))];
    if !hidden.is_empty() {
        let names = hidden.iter().take(NAMES_LISTED_MAX).map(|it| it.property).collect::<Vec<_>>();
        let more = if hidden.len() > NAMES_LISTED_MAX { ", ..." } else { "" };
        let summary = format!("// optional ({}): {}{more}", hidden.len(), names.join(", "));
        lines.push(paint.faint(&summary));
    }
    lines
}

/// The signature on one line, for an error.
pub(super) fn short_signature(tool: &Tool) -> String {
    let line = signature(tool, Shown::All, Paint::Off).into_iter().next().unwrap_or_default();
    line.trim_start_matches("function ").trim_end_matches(';').to_owned()
}

/// Whether a signature hides parameters.
pub(super) fn hides_some(tool: &Tool, shown: Shown) -> bool {
    !split(tool, shown).1.is_empty()
}

/// The documentation comment; nothing where there is nothing to say.
pub(super) fn comment(tool: &Tool, paint: Paint) -> Vec<String> {
    let all = parameters(&tool.input_schema);
    let documented =
        all.iter().filter_map(|it| Some((it, it.description.filter(|it| !it.is_empty())?)));
    let documented = documented.collect::<Vec<_>>();
    let description = tool.description.as_deref().unwrap_or_default();
    let about = description.lines().flat_map(|line| wrap(line, COMMENT_COLUMNS_MAX));
    let mut lines = about.map(|line| paint.faint(&format!(" * {line}"))).collect::<Vec<_>>();
    if lines.is_empty() && documented.is_empty() {
        return lines;
    }
    if !lines.is_empty() && !documented.is_empty() {
        lines.push(paint.faint(" *"));
    }
    for (parameter, description) in documented {
        parameter_comment(parameter, description, paint, &mut lines);
    }
    lines.insert(0, paint.faint("/**"));
    lines.push(paint.faint(" */"));
    lines
}

fn parameter_comment(
    parameter: &Parameter<'_>,
    description: &str,
    paint: Paint,
    lines: &mut Vec<String>,
) {
    let name = format!("{}{}", parameter.property, if parameter.required { "" } else { "?" });
    let label_columns = "@param ".len().saturating_add(name.chars().count());
    let columns = COMMENT_COLUMNS_MAX.saturating_sub(label_columns).saturating_sub(1);
    let mut texts = description.lines().flat_map(|line| wrap(line, columns));
    let first = texts.next().map(|text| paint.faint(&format!(" {text}"))).unwrap_or_default();
    let start = paint.faint(" * ");
    lines.push(format!("{start}{}{}{first}", paint.mark("@param "), paint.name(&name)));
    let indent = " ".repeat(label_columns.saturating_add(1));
    lines.extend(texts.map(|text| paint.faint(&format!(" * {indent}{text}"))));
}

/// `lanyard call 'server.tool(a: 1)'`: in single quotes, so that a shell takes it as it is, and
/// with whole arguments only.
pub(super) fn example(server: &str, tool: &Tool, shown: Shown) -> String {
    let (visible, _hidden) = split(tool, shown);
    let head = format!("lanyard call '{server}.{}(", tool.name);
    let mut columns = head.chars().count().saturating_add(")'".len());
    let mut arguments = Vec::new();
    for parameter in &visible {
        let Some(literal) = parameter.example_literal() else { continue };
        let argument = format!("{}: {literal}", parameter.property).replace('\'', r"'\''");
        let longer = columns.saturating_add(argument.chars().count()).saturating_add(", ".len());
        if parameter.required || longer <= EXAMPLE_COLUMNS_MAX {
            columns = longer;
            arguments.push(argument);
        }
    }
    Paint::Off.plain(&format!("{head}{})'", arguments.join(", ")))
}

fn inline(parameter: &Parameter<'_>, paint: Paint) -> String {
    let optional = if parameter.required { "" } else { "?" };
    let kind = if !parameter.choices.is_empty() {
        let quoted = parameter.choices.iter().map(|choice| Value::from(*choice).to_string());
        quoted.collect::<Vec<_>>().join(" | ")
    } else if parameter.kind == Kind::Array {
        format!("{}[]", parameter.item_kind.in_signature())
    } else {
        parameter.kind.in_signature().to_owned()
    };
    let kind = paint.kind(&kind);
    let hint = parameter.format.as_ref().filter(|format| {
        parameter.kind == Kind::String
            && parameter.choices.is_empty()
            && !plain(parameter.description.unwrap_or_default()).contains(&plain(format))
    });
    let hint = hint.map(|hint| format!(" {}", paint.kind(&format!("/* {hint} */"))));
    let name = paint.plain(parameter.property);
    format!("{name}{optional}: {kind}{}", hint.unwrap_or_default())
}

/// Letters and digits alone, in lower case: "ISO-8601" and "iso 8601" say the same.
fn plain(text: &str) -> String {
    let kept = text.chars().filter(|letter| !letter.is_whitespace() && !"_-".contains(*letter));
    kept.flat_map(char::to_lowercase).collect()
}

fn display_type(schema: &Value) -> String {
    let title = schema.get("title").and_then(Value::as_str).map(str::trim);
    if let Some(title) = title.filter(|title| !title.is_empty()) {
        return title.to_owned();
    }
    let items = schema.get("items").filter(|items| items.is_object());
    match (schema.get("type").and_then(Value::as_str), items) {
        (Some("array") | None, Some(items)) => format!("{}[]", display_type(items)),
        (Some("integer"), _) => "number".to_owned(),
        (Some(kind), _) => kind.to_owned(),
        (None, None) if schema.get("properties").is_some() => "object".to_owned(),
        (None, None) => "unknown".to_owned(),
    }
}

/// Words on lines of at most so many columns; a longer word has a line of its own.
fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let longer = line.chars().count().saturating_add(word.chars().count()).saturating_add(1);
        if !line.is_empty() && longer > columns {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests;
