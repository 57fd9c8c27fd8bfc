//! From the server's answer to the result that the agent is given.

use std::borrow::Cow;

use data_encoding::BASE64;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::answer::{Content, ToolResult, UpstreamAnswer};
use crate::check::{Check, Placed};
use crate::fields::Fields;
use crate::plan::failed;
use crate::request::{RenderContext, RenderError};
use crate::template::{
    Context, PathRoot, REQUEST_VARIABLES, RESPONSE_VARIABLES, Template, TemplateEnv,
    TemplateFailure,
};

/// How the answers of a tool are shaped.
#[derive(Debug)]
pub(crate) struct Responses {
    /// The template of the result; for a tool that sends nothing, the result itself.
    pub(crate) body: Option<Template>,
    prepend: String,
    append: String,
    error: Option<Template>,
}

/// Reads `responseTemplate` and `errorResponseTemplate`. Whether `body` sees the server's answer
/// or the arguments depends on whether the tool sends a request.
pub(crate) fn read_responses(fields: &mut Fields<'_>, check: &mut Check<'_>) -> Responses {
    let mut responses =
        Responses { body: None, prepend: String::new(), append: String::new(), error: None };
    let sends = sends_request(fields);
    let error_path = fields.path_of("errorResponseTemplate");
    if let Some(text) = fields.text("errorResponseTemplate", &mut check.problems)
        && !text.text.is_empty()
    {
        let placed = check.template(text, "", &error_path, RESPONSE_VARIABLES);
        responses.error = placed.map(|placed| placed.template);
    }
    let path = fields.path_of("responseTemplate");
    let Some(node) = fields.node("responseTemplate") else { return responses };
    let Some(mut inner) = Fields::of(node, &path, &mut check.problems) else { return responses };
    let body = inner.text("body", &mut check.problems).filter(|text| !text.text.is_empty());
    for (key, target) in
        [("prependBody", &mut responses.prepend), ("appendBody", &mut responses.append)]
    {
        let Some(text) = inner.text(key, &mut check.problems) else { continue };
        if body.is_some() && !text.text.is_empty() {
            let message = format!("`{key}` and `body` exclude each other");
            check.problems.error(text.mark(), &inner.path_of(key), message);
        }
        text.text.clone_into(target);
    }
    let body_path = inner.path_of("body");
    inner.finish(&mut check.problems);
    if let Some(text) = body {
        let variables = if sends { RESPONSE_VARIABLES } else { REQUEST_VARIABLES };
        let placed = check.template(text, "", &body_path, variables);
        if let Some(placed) = placed.as_ref().filter(|_| sends) {
            warn_request_data(placed, check);
        }
        responses.body = placed.map(|placed| placed.template);
    }
    responses
}

/// In an answer `.args` and `.config` are members of the answer, which is seldom meant.
fn warn_request_data(placed: &Placed<'_>, check: &mut Check<'_>) {
    for used in placed.template.paths() {
        let message = match used.root {
            PathRoot::Args => {
                "`.args` is looked up in the answer; the call's arguments are `$args`"
            }
            PathRoot::Config => "`.config` is looked up in the answer; settings are not seen here",
        };
        check.problems.warn(check.mark_of(placed, used.offset), &placed.path, message);
    }
}

/// Whether the tool has a URL.
fn sends_request(fields: &mut Fields<'_>) -> bool {
    let url = fields.node("requestTemplate").map(crate::fields::to_value);
    url.and_then(|request| request.get("url")?.as_str().map(|url| !url.is_empty())).unwrap_or(false)
}

impl Responses {
    /// The result of a call that was answered.
    pub(crate) fn shape(
        &self,
        arguments: &Map<String, Value>,
        answer: &UpstreamAnswer<'_>,
        structured: bool,
        context: &RenderContext<'_>,
    ) -> Result<ToolResult, RenderError> {
        if !(200..300).contains(&answer.status) {
            return self.failure(arguments, answer, context);
        }
        if let Some(image) = image(answer) {
            return Ok(ToolResult { content: vec![image], structured: None, is_error: false });
        }
        let body = text(answer.body);
        let text = match &self.body {
            Some(template) => {
                let root = serde_json::from_str::<Value>(&body).ok();
                let root = root.filter(|root| root.is_object() || root.is_array());
                let root = root.ok_or_else(|| {
                    RenderError::Answer(
                        "error executing response template: the answer is no JSON object or list"
                            .to_owned(),
                    )
                })?;
                let source = Some(&*body);
                render(template, &root, source, arguments, answer, &body, context)
                    .map_err(|failure| failed(failure, "response", RenderError::Answer))?
            }
            None => format!("{}{body}{}", self.prepend, self.append),
        };
        if structured && !is_json(&body) {
            let message = "the server's answer is not JSON, but the tool declares an output schema";
            return Err(RenderError::Answer(message.to_owned()));
        }
        Ok(success(text, structured.then(|| body.trim().to_owned())))
    }

    fn failure(
        &self,
        arguments: &Map<String, Value>,
        answer: &UpstreamAnswer<'_>,
        context: &RenderContext<'_>,
    ) -> Result<ToolResult, RenderError> {
        let body = text(answer.body);
        let rendered = match &self.error {
            None => String::new(),
            Some(template) => {
                let (root, parsed) = error_root(&body, answer);
                let source = parsed.then_some(&*body);
                render(template, &root, source, arguments, answer, &body, context)
                    .map_err(|failure| failed(failure, "error response", RenderError::Answer))?
            }
        };
        let text = if rendered.is_empty() {
            format!("call failed, status: {}, response: {body}", answer.status)
        } else {
            rendered
        };
        Ok(ToolResult { content: vec![Content::Text(text)], structured: None, is_error: true })
    }
}

/// The result of a tool that sends nothing.
pub(crate) fn direct(text: String, structured: bool) -> ToolResult {
    let structured = (structured && is_json(&text)).then(|| text.trim().to_owned());
    success(text, structured)
}

fn success(text: String, structured: Option<String>) -> ToolResult {
    let text = if text.is_empty() { "success".to_owned() } else { text };
    ToolResult { content: vec![Content::Text(text)], structured, is_error: false }
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<&RawValue>(text.trim()).is_ok()
}

fn image(answer: &UpstreamAnswer<'_>) -> Option<Content> {
    let (_, value) =
        answer.headers.iter().rfind(|(name, _)| name.eq_ignore_ascii_case("content-type"))?;
    let mime = value.split(';').next().unwrap_or_default().trim();
    let start = mime.get(.."image/".len())?;
    start.eq_ignore_ascii_case("image/").then(|| Content::Image {
        data_base64: BASE64.encode(answer.body),
        mime: mime.to_ascii_lowercase(),
    })
}

/// The headers by lower-case name; the last of several counts. The status is `:status`.
fn header_map(answer: &UpstreamAnswer<'_>) -> Value {
    let mut headers = Map::new();
    headers.insert(":status".to_owned(), Value::String(answer.status.to_string()));
    for (name, value) in answer.headers {
        headers.insert(name.to_ascii_lowercase(), Value::String(value.clone()));
    }
    Value::Object(headers)
}

/// The data of an error template: the body if it is a list, else an object with `_headers`. The
/// second says whether the data was read from the body.
fn error_root(body: &str, answer: &UpstreamAnswer<'_>) -> (Value, bool) {
    let (mut members, parsed) = match serde_json::from_str::<Value>(body) {
        Ok(list @ Value::Array(_)) => return (list, true),
        Ok(Value::Object(members)) => (members, true),
        Ok(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) | Err(_) => {
            (Map::new(), false)
        }
    };
    members.insert("_headers".to_owned(), header_map(answer));
    (Value::Object(members), parsed)
}

fn render(
    template: &Template,
    root: &Value,
    source: Option<&str>,
    arguments: &Map<String, Value>,
    answer: &UpstreamAnswer<'_>,
    body: &str,
    context: &RenderContext<'_>,
) -> Result<String, TemplateFailure> {
    let variables = [
        ("status", Value::from(answer.status)),
        ("headers", header_map(answer)),
        ("body", Value::String(body.to_owned())),
        ("args", Value::Object(arguments.clone())),
    ];
    let env = TemplateEnv {
        now: context.now,
        random: context.random,
        client_ip: context.client_ip,
        limits: context.limits,
        variables: &variables,
        // An answer is never searched for secrets: what looks like a reference is text.
        resolve: &|_| Ok(None),
        config_must_exist: false,
        source,
    };
    template.render(root, &env, Context::Plain)
}

/// Renders the result of a tool that sends nothing. References to secrets stay references.
pub(crate) fn render_direct(
    template: &Template,
    root: &Value,
    context: &RenderContext<'_>,
) -> Result<String, RenderError> {
    let env = TemplateEnv {
        now: context.now,
        random: context.random,
        client_ip: context.client_ip,
        limits: context.limits,
        variables: &[],
        resolve: &|_| Ok(None),
        config_must_exist: false,
        source: None,
    };
    template
        .render(root, &env, Context::Plain)
        .map_err(|failure| failed(failure, "response", RenderError::Answer))
}

/// A body as text. Valid UTF-8, which is nearly every body, is checked the fast way.
fn text(body: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(body) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(body),
    }
}
