//! The operations of a document, each as a tool.

use serde_json::Value;

use super::context::Context;
use super::document::{Placed, shown};
use super::options::Counts;
use super::params::{self, Arguments};
use super::security::Security;
use super::select::{Operation, operations, sent_path};
use super::{body, fit, responses, servers};
use crate::{Draft, DraftArg, DraftTool, Position, Requirement, describe, server_name};

/// The draft of a document, and what became of its operations.
pub(crate) fn draft(context: &mut Context<'_>) -> (Draft, Counts) {
    let context = &*context;
    let root = context.document.root();
    let mut security = Security::read(context);
    let default_security = security.asked(&root, context).unwrap_or_default();
    let base_url = servers::base_of_document(context);
    let mut counts = Counts::default();
    let operations = operations(context, &mut counts);
    set_scale(operations.len(), context);
    let mut draft = Draft { base_url, default_security, ..head(&root, context) };
    for operation in operations {
        match tool(&operation, &draft, &mut security, context) {
            Ok(tool) => draft.tools.push(tool),
            Err(problem) => {
                counts.skipped = counts.skipped.saturating_add(1);
                context.notes.skipped(&operation.at.place, problem);
            }
        }
    }
    counts.tools = draft.tools.len();
    share_security(&mut draft);
    draft.schemes = security.finish(context);
    servers::check_variables(context);
    fit::fit(&mut draft, context);
    tell_unused(&root, context);
    (draft, counts)
}

/// What all tools ask for becomes the server's own, where the document has none for all.
fn share_security(draft: &mut Draft) {
    let Some(first) = draft.tools.first().and_then(|tool| tool.security.clone()) else { return };
    let same = draft.tools.iter().all(|tool| tool.security.as_ref() == Some(&first));
    if same && draft.default_security.is_empty() {
        draft.tools.iter_mut().for_each(|tool| tool.security = None);
        draft.default_security = first;
    }
}

/// Bytes of a definition that a tool may take before schemas get shorter.
const TOOL_BYTES: usize = 2_000;

/// Of very many tools each gets less room, so that time and memory stay those of what is written.
fn set_scale(tools: usize, context: &Context<'_>) {
    let each = context.options.bytes_max.checked_div(tools).unwrap_or(usize::MAX);
    let scale = (each.saturating_mul(100) / TOOL_BYTES).clamp(5, 100);
    context.scale.set(scale);
    if scale < 100 {
        let text = format!(
            "{tools} operations share one definition: only the beginnings of schemas are written; \
             choose operations with --include to have them whole"
        );
        context.notes.warning("#/paths", text);
    }
}

fn head(root: &Placed<'_>, context: &Context<'_>) -> Draft {
    let info = root.get("info");
    let text = |key: &str| info.as_ref().and_then(|info| info.text(key));
    let name = context
        .options
        .name
        .map_or_else(|| server_name(text("title").unwrap_or_default()), str::to_owned);
    let description = describe(text("title"), text("description")).short;
    Draft {
        name: Some(name),
        description: Some(description).filter(|text| !text.is_empty()),
        ..Draft::default()
    }
}

fn tool(
    operation: &Operation<'_>,
    draft: &Draft,
    security: &mut Security,
    context: &Context<'_>,
) -> Result<DraftTool, String> {
    let at = &operation.at;
    let parameters = params::merged(&operation.item, at, context);
    let asked = asked(operation, &parameters, draft, security, context);
    let taken = security.places(asked.as_ref().unwrap_or(&draft.default_security));
    let mut arguments = Arguments::default();
    let path = sent_path(operation.path);
    let mut ordered: Vec<&Placed<'_>> = parameters.iter().collect();
    // What the path needs comes first, and keeps its name.
    ordered.sort_by_key(|parameter| parameter.text("in") != Some("path"));
    for parameter in ordered {
        if !matches!(parameter.text("in"), Some("body" | "formData")) {
            params::read(parameter, &path, &taken, &mut arguments, context)?;
        }
    }
    let url = url(operation, draft, &mut arguments, context)?;
    let body = body::read(at, &parameters, &mut arguments, context)?;
    if body != crate::DraftBody::None && matches!(operation.method, "GET" | "HEAD" | "TRACE") {
        let text = format!("a body with {}, which many servers ignore", operation.method);
        context.notes.warning(&at.place, text);
    }
    let mut tool =
        DraftTool::new(operation.name.as_str(), operation.method, url, at.place.as_str());
    describe_tool(&mut tool, operation, &arguments);
    tool.output_schema = responses::output_schema(at, context);
    tool.prepend = responses::explained(at, context);
    tool.args = arguments.list;
    tool.headers = arguments.headers;
    tool.body = body;
    tool.security = asked.filter(|asked| *asked != draft.default_security);
    tool.tags.clone_from(&operation.tags);
    tool.operation_id = operation.id().map(str::to_owned);
    Ok(tool)
}

/// What an operation asks for: what the document says, and what its parameters hold.
fn asked(
    operation: &Operation<'_>,
    parameters: &[Placed<'_>],
    draft: &Draft,
    security: &mut Security,
    context: &Context<'_>,
) -> Option<Vec<Requirement>> {
    let mut asked = security.asked(&operation.at, context);
    for parameter in parameters {
        let current = asked.as_ref().unwrap_or(&draft.default_security);
        let taken = security.places(current);
        let Some((part, name)) = params::credential(parameter, &taken) else { continue };
        let mut all = current.clone();
        all.push(security.claim(part, name));
        let text = format!("`{}` holds a credential: it is a secret, no argument", shown(name));
        context.notes.info(&parameter.place, text);
        asked = Some(all);
    }
    asked
}

fn describe_tool(tool: &mut DraftTool, operation: &Operation<'_>, arguments: &Arguments) {
    let at = &operation.at;
    let own = |at: &Placed<'_>| describe(at.text("summary"), at.text("description"));
    let mut described = own(at);
    if described.short.is_empty() {
        described = own(&operation.item);
    }
    if described.short.is_empty() {
        described.short = operation.key();
    }
    if at.flag("deprecated") {
        tool.deprecated = true;
        described.short = format!("Deprecated. {}", described.short);
    }
    let mut long = described.long;
    for (name, text) in &arguments.cut {
        let long = long.get_or_insert_with(String::new);
        if !long.is_empty() {
            long.push_str("\n\n");
        }
        long.push_str(&format!("{name}: {}", crate::text::whole(text)));
    }
    tool.description = described.short;
    tool.long_description = long.map(|text| crate::text::whole(&text));
}

/// The URL with the names of arguments in braces.
fn url(
    operation: &Operation<'_>,
    draft: &Draft,
    arguments: &mut Arguments,
    context: &Context<'_>,
) -> Result<String, String> {
    let path = sent_path(operation.path);
    if operation.path.contains("{?") || operation.path.contains("{&") {
        let text = "what a path says of the query is left out: parameters say it";
        context.notes.warning(&operation.item.place, text);
    }
    if operation.path.contains('#') {
        // A common way to give one path several operations.
        context.notes.info(&operation.item.place, "what follows `#` in a path is not sent");
    }
    let mut out = String::new();
    if !path.starts_with('/') {
        out.push('/');
    }
    let mut rest = path.as_str();
    while let Some((before, after)) = rest.split_once('{') {
        let Some((wire, behind)) = after.split_once('}') else { break };
        out.push_str(&crate::url_literal(before));
        rest = behind;
        out.push_str(&in_braces(wire, operation, arguments, context));
    }
    out.push_str(&crate::url_literal(rest));
    let segments = out.split('?').next().unwrap_or_default();
    if segments.split('/').any(|segment| segment == "." || segment == "..") {
        return Err("the path has a `.` or `..` segment".to_owned());
    }
    let own = match context.options.base_url {
        Some(_) => None,
        None => servers::of(&operation.at, context)
            .or_else(|| servers::of(&operation.item, context))
            .filter(|base| Some(base) != draft.base_url.as_ref()),
    };
    // What begins with two slashes would be read as a host.
    match own.or_else(|| draft.base_url.clone().filter(|_| out.starts_with("//"))) {
        Some(base) => Ok(format!("{}{out}", base.replace("{{", "%7B%7B"))),
        None if out.starts_with("//") => {
            context.notes.warning(&operation.item.place, "a path begins with one slash, not two");
            Ok(format!("/{}", out.trim_start_matches('/')))
        }
        None => Ok(out),
    }
}

/// What stands for a name in braces: its argument, which is made if the document has none.
fn in_braces(
    wire: &str,
    operation: &Operation<'_>,
    arguments: &mut Arguments,
    context: &Context<'_>,
) -> String {
    if let Some((_, written)) = arguments.in_path.iter().find(|(own, _)| own == wire) {
        return written.clone();
    }
    let text = format!("`{}` of the path is no parameter: it is a text", shown(wire));
    context.notes.warning(&operation.at.place, text);
    let name = arguments.name(wire, Position::Path);
    let schema = serde_json::json!({ "type": "string" });
    let mut arg = DraftArg::new(&name, Some(Position::Path), schema);
    arg.required = true;
    // `{name+}` and `{+name}` are ways to say that it may have slashes.
    arg.path_segments = wire.contains(['+', '*']);
    arguments.push(arg, None, context, &operation.at.place);
    let written = format!("{{{name}}}");
    arguments.in_path.push((wire.to_owned(), written.clone()));
    written
}

/// What a document says that no tool is made of.
fn tell_unused(root: &Placed<'_>, context: &Context<'_>) {
    if root.get("webhooks").is_some_and(|hooks| hooks.object().is_some_and(|it| !it.is_empty())) {
        context.notes.info("#/webhooks", "webhooks are calls to you: no tools are made of them");
    }
    let has_callbacks = |item: &Value| {
        item.as_object().is_some_and(|item| item.values().any(|op| op.get("callbacks").is_some()))
    };
    let paths = root.get("paths");
    for (_, item) in
        paths.iter().flat_map(Placed::members).filter(|(_, it)| has_callbacks(it.value))
    {
        context.notes.info(&item.place, "callbacks are calls to you: no tools are made of them");
    }
}
