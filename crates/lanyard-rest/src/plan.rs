//! The request of a tool, checked and worked out as far as it does not depend on a call, and
//! writing it for one.
//!
//! INVARIANT: a request starts with no headers at all. What it has comes from the definition,
//! from arguments declared for that place, and from security schemes, which are written last.

use lanyard_core::{Origin, SecretError, SecretName};
use serde_json::{Map, Value};

use crate::args::{Arg, Position};
use crate::body::Body;
use crate::request::{RenderContext, RenderError, RequestPlan};
use crate::security::{Credential, Place};
use crate::syntax::{encoded, is_header_value};
use crate::template::{Context, Template, TemplateEnv, TemplateFailure};
use crate::url::{Url, add_pairs};
use crate::values::{Encoding, push_header, push_pairs};

const USER_AGENT: &str = concat!("lanyard/", env!("CARGO_PKG_VERSION"));

/// A header of the definition.
#[derive(Debug)]
pub(crate) struct Header {
    pub(crate) name: String,
    pub(crate) value: HeaderValue,
}

/// Its value.
#[derive(Debug)]
pub(crate) enum HeaderValue {
    Literal(String),
    Template(Template),
}

/// The request of a tool.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) method: &'static str,
    pub(crate) url: Url,
    pub(crate) headers: Vec<Header>,
    /// The arguments sent as pairs of the query, in the order of their declaration.
    pub(crate) query_args: Vec<Arg>,
    pub(crate) header_args: Vec<Arg>,
    pub(crate) cookie_args: Vec<Arg>,
    pub(crate) body: Body,
    pub(crate) credentials: Vec<Credential>,
}

impl Plan {
    /// Sorts the arguments that have a place of their own.
    pub(crate) fn args_at(args: &[Arg], position: Position) -> Vec<Arg> {
        args.iter().filter(|arg| arg.position == Some(position)).cloned().collect()
    }

    fn has_templates(&self) -> bool {
        self.url.template().is_some()
            || matches!(self.body, Body::Template { .. })
            || self.headers.iter().any(|header| matches!(header.value, HeaderValue::Template(_)))
    }

    /// Writes the request of a call. `secrets` are all that the tool may need: they are asked
    /// for first, so that nothing is built for a request that could not be sent.
    pub(crate) fn write(
        &self,
        config: &Value,
        secrets: &[SecretName],
        arguments: &Map<String, Value>,
        context: &RenderContext<'_>,
    ) -> Result<RequestPlan, RenderError> {
        let origin = std::slice::from_ref(&self.url.origin);
        for secret in secrets {
            expose(secret, origin, context)?;
        }
        let renderer = Renderer {
            root: if self.has_templates() { root(config, arguments) } else { Value::Null },
            origin,
            context,
        };
        let target = self.url.target(arguments, |url| renderer.render(url, Context::Url, "URL"))?;
        let mut headers = self.write_headers(arguments, &renderer)?;
        let mut cookies = self.write_cookies(arguments)?;
        let mut pairs = Vec::new();
        for arg in &self.query_args {
            if let Some(value) = arguments.get(&arg.name) {
                push_pairs(&mut pairs, arg, value, Encoding::Percent)?;
            }
        }
        let body = self.body.write(arguments, context.random, |template, at| {
            renderer.render(template, at, "body")
        })?;
        if let Some(content_type) = body.content_type {
            if body.replaces {
                set_header(&mut headers, "Content-Type", content_type);
            } else if !has_header(&headers, "Content-Type") {
                headers.push(("Content-Type".to_owned(), content_type));
            }
        }
        add_default(&mut headers, "Accept", "*/*");
        add_default(&mut headers, "User-Agent", USER_AGENT);
        for credential in &self.credentials {
            let value = expose(&credential.secret, origin, context)?;
            credential.write(value, &mut headers, &mut cookies, &mut pairs)?;
        }
        join_cookies(&mut headers, &cookies);
        Ok(RequestPlan {
            method: self.method.to_owned(),
            origin: self.url.origin.clone(),
            target: add_pairs(target, &pairs),
            headers,
            body: body.bytes,
        })
    }

    fn write_headers(
        &self,
        arguments: &Map<String, Value>,
        renderer: &Renderer<'_, '_>,
    ) -> Result<Vec<(String, String)>, RenderError> {
        let mut headers = Vec::with_capacity(self.headers.len().saturating_add(4));
        for header in &self.headers {
            let value = match &header.value {
                HeaderValue::Literal(value) => value.clone(),
                HeaderValue::Template(template) => {
                    let what = format!("header {}", header.name);
                    let value = renderer.render(template, Context::Header, &what)?;
                    if !is_header_value(&value) {
                        return Err(control_character(&header.name));
                    }
                    value
                }
            };
            headers.push((header.name.clone(), value));
        }
        for arg in &self.header_args {
            if let Some(value) = arguments.get(&arg.name) {
                push_header(&mut headers, arg, value)?;
            }
        }
        Ok(headers)
    }

    fn write_cookies(
        &self,
        arguments: &Map<String, Value>,
    ) -> Result<Vec<(String, String)>, RenderError> {
        let mut cookies = Vec::new();
        for arg in &self.cookie_args {
            if let Some(value) = arguments.get(&arg.name) {
                let start = cookies.len();
                push_pairs(&mut cookies, arg, value, Encoding::Percent)?;
                // The name of a cookie is a token and needs no encoding.
                for (name, _) in cookies.iter_mut().skip(start) {
                    name.clone_from(&arg.wire);
                }
            }
        }
        Ok(cookies)
    }
}

impl Credential {
    /// Writes a credential to its place, in which nothing else stays.
    fn write(
        &self,
        value: &str,
        headers: &mut Vec<(String, String)>,
        cookies: &mut Vec<(String, String)>,
        pairs: &mut Vec<(String, String)>,
    ) -> Result<(), RenderError> {
        let text = self.place.text(value);
        match &self.place {
            Place::Bearer | Place::Basic | Place::Header(_) => {
                let name = self.place.header().unwrap_or_default();
                if !is_header_value(&text) {
                    return Err(control_character(name));
                }
                set_header(headers, name, text);
            }
            Place::Query(name) => {
                let name = encoded(name).to_string();
                pairs.retain(|(other, _)| *other != name);
                pairs.push((name, encoded(&text).to_string()));
            }
            Place::Cookie(name) => {
                cookies.retain(|(other, _)| other != name);
                cookies.push((name.clone(), encoded(&text).to_string()));
            }
        }
        Ok(())
    }
}

/// The value of a secret for a request to these origins. An empty one is none.
fn expose<'s>(
    secret: &SecretName,
    origin: &[Origin],
    context: &RenderContext<'s>,
) -> Result<&'s str, RenderError> {
    let value = context.secrets.expose(secret, origin)?;
    if value.is_empty() { Err(SecretError::Unset(secret.clone()).into()) } else { Ok(value) }
}

/// The data of the templates of a request or direct response.
pub(crate) fn root(config: &Value, arguments: &Map<String, Value>) -> Value {
    let mut root = Map::new();
    root.insert("config".to_owned(), config.clone());
    root.insert("args".to_owned(), Value::Object(arguments.clone()));
    Value::Object(root)
}

/// Renders the templates of one request.
struct Renderer<'r, 'c> {
    root: Value,
    origin: &'r [Origin],
    context: &'r RenderContext<'c>,
}

impl Renderer<'_, '_> {
    fn render(&self, template: &Template, at: Context, what: &str) -> Result<String, RenderError> {
        let resolve = |text: &str| match SecretName::from_reference(text) {
            Some(Ok(name)) => match self.context.secrets.expose(&name, self.origin)? {
                "" => Err(SecretError::Unset(name)),
                value => Ok(Some(value.to_owned())),
            },
            Some(Err(_)) | None => Ok(None),
        };
        let env = TemplateEnv {
            now: self.context.now,
            random: self.context.random,
            client_ip: self.context.client_ip,
            limits: self.context.limits,
            variables: &[],
            resolve: &resolve,
            config_must_exist: true,
            source: None,
        };
        template
            .render(&self.root, &env, at)
            .map_err(|failure| failed(failure, what, RenderError::Unbuildable))
    }
}

/// A failure of a template as a failure of the call.
pub(crate) fn failed(
    failure: TemplateFailure,
    what: &str,
    other: fn(String) -> RenderError,
) -> RenderError {
    match failure {
        TemplateFailure::Secret(error) => RenderError::Secret(error),
        TemplateFailure::Limit(_) => {
            RenderError::Limit(format!("error executing {what} template: {failure}"))
        }
        TemplateFailure::MissingPath(_) | TemplateFailure::Failed(_) => {
            other(format!("error executing {what} template: {failure}"))
        }
    }
}

fn control_character(header: &str) -> RenderError {
    RenderError::Unbuildable(format!("the header {header} would hold a control character"))
}

fn has_header(headers: &[(String, String)], name: &str) -> bool {
    headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name))
}

fn set_header(headers: &mut Vec<(String, String)>, name: &str, value: String) {
    headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
    headers.push((name.to_owned(), value));
}

fn add_default(headers: &mut Vec<(String, String)>, name: &str, value: &str) {
    if !has_header(headers, name) {
        headers.push((name.to_owned(), value.to_owned()));
    }
}

/// One `Cookie` header: what the definition says, arguments, credentials.
fn join_cookies(headers: &mut Vec<(String, String)>, cookies: &[(String, String)]) {
    if cookies.is_empty() {
        return;
    }
    let own = headers.iter().position(|(name, _)| name.eq_ignore_ascii_case("cookie"));
    let mut all: Vec<String> = match own {
        Some(index) => vec![headers.remove(index).1],
        None => Vec::new(),
    };
    all.extend(cookies.iter().map(|(name, value)| format!("{name}={value}")));
    all.retain(|pair| !pair.is_empty());
    headers.push(("Cookie".to_owned(), all.join("; ")));
}
