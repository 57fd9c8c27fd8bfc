//! Reads one entry of `tools`.

use std::collections::BTreeSet;
use std::sync::Arc;

use lanyard_core::{SecretName, ToolName};
use serde_json::Value;

use crate::Tool;
use crate::args::{Arg, Args, Position, read_args};
use crate::body::{ArgsTo, read_args_to, read_body, uses};
use crate::check::{Check, Shared, Use, at_path};
use crate::definition::Action;
use crate::fields::{Fields, Text, one_line, shown, to_value};
use crate::headers::read_headers;
use crate::plan::Plan;
use crate::problem::suggestion;
use crate::security::{credentials, read_requirements};
use crate::shape::{Responses, read_responses};
use crate::template::PathRoot;
use crate::url::{Url, read_url};
use crate::yaml::Node;

const METHODS: &[&str] = &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"];

/// Reads a tool. `None` if it has problems.
pub(crate) fn read_tool(
    node: &Node,
    path: &str,
    shared: &Shared,
    config: &Arc<Value>,
    check: &mut Check<'_>,
) -> Option<Tool> {
    let mut fields = Fields::of(node, path, &mut check.problems)?;
    let name = read_name(&mut fields, check);
    let description = fields.text("description", &mut check.problems);
    if fields.node("description").is_none() || description.is_some_and(|t| t.text.is_empty()) {
        let message = "the tool has no description: agents will not know what it is for";
        check.problems.warn(fields.mark, path, message);
    }
    let long_description = fields.text("longDescription", &mut check.problems);
    let items = fields.list("args", &mut check.problems).unwrap_or_default();
    let args = read_args(items, &fields.path_of("args"), check);
    let output_schema = read_output_schema(&mut fields, check);
    read_downstream(&mut fields, shared, check);
    let request = fields.node("requestTemplate");
    let responses = read_responses(&mut fields, check);
    let templated = responses.body.is_some();
    let (action, secrets) = read_action(request, &fields, responses, &args, shared, config, check);
    if output_schema.is_some() && templated && matches!(action, Some(Action::Request { .. })) {
        let message = "the answer is given twice: what the template of `responseTemplate.body` \
                       hides is still in the structured content of `outputSchema`";
        check.problems.warn(fields.mark, &fields.path_of("outputSchema"), message);
    }
    fields.finish(&mut check.problems);
    Some(Tool {
        name: name?,
        description: description.map_or_else(String::new, |text| text.text.to_owned()),
        long_description: long_description.map(|text| text.text.to_owned()),
        input_schema: args.input_schema,
        output_schema,
        action: action?,
        secrets,
    })
}

fn read_name(fields: &mut Fields<'_>, check: &mut Check<'_>) -> Option<ToolName> {
    let name = fields.needed_text("name", &mut check.problems)?;
    match ToolName::parse(name.text) {
        Ok(name) => Some(name),
        Err(error) => {
            let path = fields.path_of("name");
            check.problems.error(name.mark(), &path, one_line(&error.to_string()));
            None
        }
    }
}

fn read_output_schema(fields: &mut Fields<'_>, check: &mut Check<'_>) -> Option<Value> {
    let node = fields.node("outputSchema")?;
    let path = fields.path_of("outputSchema");
    let mark = node.span.start;
    let schema = to_value(node);
    let Some(members) = schema.as_object() else {
        let message = format!("expected an object, found {}", node.kind_name());
        check.problems.error(mark, &path, message);
        return None;
    };
    if members.is_empty() {
        return None;
    }
    if members.get("type").and_then(Value::as_str) != Some("object") {
        let message = "the root of an output schema must have `type: object`";
        check.problems.error(mark, &path, message);
    } else if let Err(reason) = check.options.schemas.check_schema(&schema) {
        check.problems.error(mark, &path, format!("this is no JSON Schema: {reason}"));
    }
    Some(schema)
}

/// `security` of a tool is between client and gateway in the original: Lanyard has tokens.
fn read_downstream(fields: &mut Fields<'_>, shared: &Shared, check: &mut Check<'_>) {
    let Some(node) = fields.node("security") else { return };
    let path = fields.path_of("security");
    let (secrets, problems) = (&mut check.secrets, &mut check.problems);
    read_requirements(node, &path, &shared.schemes, secrets, problems);
    problems.warn(node.span.start, &path, DOWNSTREAM);
}

/// Why a requirement between client and gateway does nothing.
pub(crate) const DOWNSTREAM: &str =
    "this has no effect: agents prove who they are with their token";

fn read_action(
    request: Option<&Node>,
    fields: &Fields<'_>,
    responses: Responses,
    args: &Args,
    shared: &Shared,
    config: &Arc<Value>,
    check: &mut Check<'_>,
) -> (Option<Action>, Vec<SecretName>) {
    let path = fields.path_of("requestTemplate");
    let mut request = match request {
        Some(node) => Fields::of(node, &path, &mut check.problems),
        None => None,
    };
    if fields.has("requestTemplate") && request.is_none() {
        return (None, Vec::new());
    }
    let url = request.as_mut().and_then(|request| request.text("url", &mut check.problems));
    if url.is_none() && request.as_ref().is_some_and(|request| request.has("url")) {
        return (None, Vec::new());
    }
    match (request, url.filter(|url| !url.text.is_empty())) {
        (Some(request), Some(url)) => {
            let Some((plan, used)) = read_request(request, url, args, shared, check) else {
                return (None, Vec::new());
            };
            let secrets = secrets_of(&plan, &used, shared);
            let config = Arc::clone(config);
            (Some(Action::Request { plan: Box::new(plan), responses, config }), secrets)
        }
        (request, _) => {
            if let Some(request) = request {
                ignored_request(&request, check);
            }
            (direct(responses, fields, args, config, check), Vec::new())
        }
    }
}

fn ignored_request(request: &Fields<'_>, check: &mut Check<'_>) {
    if !request.only(&["url"]) {
        let message = "there is no `url`: nothing of this is sent";
        check.problems.warn(request.mark, &request.path, message);
    }
}

fn direct(
    responses: Responses,
    fields: &Fields<'_>,
    args: &Args,
    config: &Arc<Value>,
    check: &mut Check<'_>,
) -> Option<Action> {
    let Some(body) = responses.body else {
        let message = "neither `requestTemplate.url` nor `responseTemplate.body`: a tool sends a \
                       request or answers by itself";
        check.problems.error(fields.mark, &fields.path, message);
        return None;
    };
    for arg in &args.list {
        if let Some(Position::Query | Position::Path | Position::Header | Position::Cookie) =
            arg.position
        {
            let message = "the tool sends no request: the position does nothing";
            check.problems.warn(arg.mark, &arg.path, message);
        }
    }
    warn_unused(&args.list, &uses(&body), check);
    Some(Action::Direct { template: body, config: Arc::clone(config) })
}

fn warn_unused(args: &[Arg], used: &[Use], check: &mut Check<'_>) {
    for arg in args {
        let named = used.iter().any(|(root, segments)| {
            *root == PathRoot::Args && segments.first().is_none_or(|first| *first == arg.name)
        });
        if !named {
            let message = format!("nothing uses the argument `{}`", shown(&arg.name));
            check.problems.warn(arg.mark, &arg.path, message);
        }
    }
}

fn read_request(
    mut fields: Fields<'_>,
    url: Text<'_>,
    args: &Args,
    shared: &Shared,
    check: &mut Check<'_>,
) -> Option<(Plan, Vec<Use>)> {
    let mut used: Vec<Use> = Vec::new();
    let method = read_method(&mut fields, check);
    let args_to = read_args_to(&mut fields, check);
    let (headers, media) = read_headers(&mut fields, &args.list, shared, &mut used, check);
    let (body, body_uses) = read_body(&mut fields, &args.list, args_to, media, shared, check);
    used.extend(body_uses);
    let credentials = read_credentials(&mut fields, shared, check);
    let url_path = fields.path_of("url");
    fields.finish(&mut check.problems);
    let url = read_url(url, &url_path, &args.list, shared, check);
    if let Some(template) = url.as_ref().and_then(Url::template) {
        used.extend(uses(template));
    }
    let query_args = query_args(&args.list, args_to);
    let plan = Plan {
        method,
        url: url?,
        headers,
        query_args,
        header_args: Plan::args_at(&args.list, Position::Header),
        cookie_args: Plan::args_at(&args.list, Position::Cookie),
        body,
        credentials,
    };
    check_collisions(&plan, &args.list, check);
    let unplaced: Vec<Arg> = args
        .list
        .iter()
        .filter(|arg| arg.position.is_none() && args_to == ArgsTo::Nowhere)
        .cloned()
        .collect();
    warn_unused(&unplaced, &used, check);
    Some((plan, used))
}

fn read_method(fields: &mut Fields<'_>, check: &mut Check<'_>) -> &'static str {
    let method = fields.text("method", &mut check.problems);
    let Some(method) = method.filter(|method| !method.text.is_empty()) else { return "GET" };
    let upper = method.text.to_ascii_uppercase();
    METHODS.iter().find(|known| **known == upper).copied().unwrap_or_else(|| {
        let hint = suggestion(&upper, METHODS.iter().copied());
        let message = format!("unknown method `{}`{hint}", shown(method.text));
        check.problems.error(method.mark(), &fields.path_of("method"), message);
        "GET"
    })
}

/// The pairs of the query: arguments with that position, and with `argsToUrlParam` those
/// without any, in the order of their declaration.
fn query_args(args: &[Arg], args_to: ArgsTo) -> Vec<Arg> {
    args.iter()
        .filter(|arg| match arg.position {
            Some(Position::Query) => true,
            None => args_to == ArgsTo::Url,
            Some(Position::Path | Position::Header | Position::Cookie | Position::Body) => false,
        })
        .cloned()
        .collect()
}

fn read_credentials(
    fields: &mut Fields<'_>,
    shared: &Shared,
    check: &mut Check<'_>,
) -> Vec<crate::security::Credential> {
    let path = fields.path_of("security");
    let Some(node) = fields.node("security") else {
        return credentials(&shared.upstream, &shared.schemes, &mut check.problems);
    };
    let (secrets, problems) = (&mut check.secrets, &mut check.problems);
    let own = read_requirements(node, &path, &shared.schemes, secrets, problems);
    credentials(&own, &shared.schemes, problems)
}

/// Two things that would be written to the same place.
fn check_collisions(plan: &Plan, args: &[Arg], check: &mut Check<'_>) {
    let mut taken: BTreeSet<(&str, String)> = BTreeSet::new();
    for header in &plan.headers {
        taken.insert(("header", header.name.to_ascii_lowercase()));
    }
    for credential in &plan.credentials {
        use crate::security::Place;
        taken.insert(match &credential.place {
            Place::Bearer | Place::Basic => ("header", "authorization".to_owned()),
            Place::Header(name) => ("header", name.to_ascii_lowercase()),
            Place::Query(name) => ("query", name.clone()),
            Place::Cookie(name) => ("cookie", name.clone()),
        });
    }
    let groups: [(&str, &[Arg]); 4] = [
        ("header", &plan.header_args),
        ("query", &plan.query_args),
        ("cookie", &plan.cookie_args),
        ("body", plan.body.args()),
    ];
    for (place, group) in groups {
        for arg in group {
            let name =
                if place == "header" { arg.wire.to_ascii_lowercase() } else { arg.wire.clone() };
            if !taken.insert((place, name)) {
                let message = format!("`{}` is set already in the {place}", shown(&arg.wire));
                check.problems.error(arg.mark, &arg.path, message);
            }
        }
    }
    let mut paths = BTreeSet::new();
    for arg in args.iter().filter(|arg| arg.position == Some(Position::Path)) {
        if !paths.insert(&arg.wire) {
            let message = format!("`{}` is set already in the path", shown(&arg.wire));
            check.problems.error(arg.mark, &arg.path, message);
        }
    }
}

/// Every secret that a request may read: those of its schemes, and those at or below the
/// `.config` paths that its templates name.
fn secrets_of(plan: &Plan, used: &[Use], shared: &Shared) -> Vec<SecretName> {
    let mut secrets: BTreeSet<SecretName> =
        plan.credentials.iter().map(|credential| credential.secret.clone()).collect();
    for (root, segments) in used {
        if *root == PathRoot::Config
            && let Some(value) = at_path(&shared.config, segments)
        {
            references(value, &mut secrets);
        }
    }
    secrets.into_iter().collect()
}

fn references(value: &Value, secrets: &mut BTreeSet<SecretName>) {
    match value {
        Value::String(text) => {
            if let Some(Ok(name)) = SecretName::from_reference(text) {
                secrets.insert(name);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, secrets)),
        Value::Object(members) => {
            members.iter().for_each(|(_, member)| references(member, secrets));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
