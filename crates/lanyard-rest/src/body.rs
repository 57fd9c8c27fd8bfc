//! The body of a request: which kind a tool sends, and writing it for a call.

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::args::{Arg, Position};
use crate::check::{Check, Placed, Shared, Use};
use crate::fields::{Fields, shown};
use crate::multipart;
use crate::raw;
use crate::request::RenderError;
use crate::template::{Context, PathRoot, REQUEST_VARIABLES, Template};
use crate::values::{Encoding, push_pairs};
use crate::yaml::Mark;

pub(crate) const JSON_TYPE: &str = "application/json; charset=utf-8";
pub(crate) const FORM_TYPE: &str = "application/x-www-form-urlencoded";

/// Where the arguments without a place of their own go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ArgsTo {
    Nowhere,
    Json,
    Url,
    Form,
    Multipart,
}

/// The body of a tool's requests.
#[derive(Debug)]
pub(crate) enum Body {
    None,
    /// Rendered from a template.
    Template {
        template: Template,
        context: Context,
    },
    /// An object of arguments. `always`: `{}` is sent if there are none.
    Json {
        args: Vec<Arg>,
        always: bool,
    },
    /// Pairs of arguments.
    Form {
        args: Vec<Arg>,
        always: bool,
    },
    /// Parts of arguments.
    Multipart {
        args: Vec<Arg>,
    },
    /// One argument alone, as it is.
    Raw {
        arg: [Arg; 1],
    },
}

/// A body of one call.
pub(crate) struct Written {
    pub(crate) bytes: Vec<u8>,
    /// The content type to set if the definition sets none.
    pub(crate) content_type: Option<String>,
    /// Whether the content type must replace the one of the definition.
    pub(crate) replaces: bool,
}

/// What the `Content-Type` of a definition says, as far as it is literal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MediaType {
    Unset,
    Json,
    Form,
    Multipart,
    Other,
}

impl MediaType {
    pub(crate) fn of(value: Option<&str>) -> Self {
        let Some(value) = value else { return Self::Unset };
        let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match essence.as_str() {
            "" => Self::Unset,
            "application/json" | "text/json" => Self::Json,
            FORM_TYPE => Self::Form,
            "multipart/form-data" => Self::Multipart,
            other if other.ends_with("+json") => Self::Json,
            _ => Self::Other,
        }
    }
}

/// Reads the `argsTo...` options: at most one.
pub(crate) fn read_args_to(fields: &mut Fields<'_>, check: &mut Check<'_>) -> ArgsTo {
    let mut chosen: Option<(&'static str, ArgsTo)> = None;
    for (key, to) in [
        ("argsToJsonBody", ArgsTo::Json),
        ("argsToUrlParam", ArgsTo::Url),
        ("argsToFormBody", ArgsTo::Form),
        ("argsToMultipartBody", ArgsTo::Multipart),
    ] {
        if !fields.flag(key, &mut check.problems) {
            continue;
        }
        match chosen {
            None => chosen = Some((key, to)),
            Some((other, _)) => {
                let message = format!("`{key}` and `{other}` exclude each other");
                let mark = fields.node(key).map_or(fields.mark, |node| node.span.start);
                check.problems.error(mark, &fields.path_of(key), message);
            }
        }
    }
    chosen.map_or(ArgsTo::Nowhere, |(_, to)| to)
}

/// Decides what body a tool sends.
pub(crate) fn read_body(
    fields: &mut Fields<'_>,
    args: &[Arg],
    args_to: ArgsTo,
    media: MediaType,
    shared: &Shared,
    check: &mut Check<'_>,
) -> (Body, Vec<Use>) {
    let text = fields.text("body", &mut check.problems).filter(|text| !text.text.is_empty());
    let path = fields.path_of("body");
    if let Some(raw) = raw::read(fields, args, text.is_some() || args_to != ArgsTo::Nowhere, check)
    {
        return (raw, Vec::new());
    }
    let Some(text) = text else {
        let sent = sent_args(args, args_to);
        return (args_body(sent, args_to, media, fields.mark, &fields.path, check), Vec::new());
    };
    if args_to != ArgsTo::Nowhere {
        let message = "`body` and the `argsTo...` options exclude each other";
        check.problems.error(text.mark(), &path, message);
    }
    let Some(placed) = check.template(text, "", &path, REQUEST_VARIABLES) else {
        return (Body::None, Vec::new());
    };
    let names: Vec<&str> = args.iter().map(|arg| arg.name.as_str()).collect();
    check.check_paths(&placed, shared, &names);
    check_body_args(&placed, args, check);
    let context = context_of(&placed, media);
    if context == Context::Other {
        warn_unencoded(&placed, check);
    }
    let used = uses(&placed.template);
    (Body::Template { template: placed.template, context }, used)
}

/// The roots and segments of the paths of a template.
pub(crate) fn uses(template: &Template) -> Vec<Use> {
    template.paths().iter().map(|used| (used.root, used.segments.clone())).collect()
}

fn context_of(placed: &Placed<'_>, media: MediaType) -> Context {
    let mut literals = placed.template.literals().map(|(_, literal)| literal.trim_start());
    let first = literals.find(|literal| !literal.is_empty()).unwrap_or_default();
    match media {
        MediaType::Json => Context::Json,
        MediaType::Form => Context::Form,
        MediaType::Unset if first.starts_with(['{', '[']) => Context::Json,
        MediaType::Unset | MediaType::Multipart | MediaType::Other => Context::Other,
    }
}

fn warn_unencoded(placed: &Placed<'_>, check: &mut Check<'_>) {
    let used = placed.template.paths().iter().find(|used| used.root == PathRoot::Args);
    if let Some(used) = used {
        let mark = check.mark_of(placed, used.offset);
        let message = "this body is neither JSON nor a form: arguments are put in as they are, \
                       and can change what is around them";
        check.problems.warn(mark, &placed.path, message);
    }
}

/// A body argument beside a body template must be used by it.
fn check_body_args(placed: &Placed<'_>, args: &[Arg], check: &mut Check<'_>) {
    for arg in args.iter().filter(|arg| arg.position == Some(Position::Body)) {
        let used = placed.template.paths().iter().any(|used| {
            used.root == PathRoot::Args
                && used.segments.first().is_none_or(|first| *first == arg.name)
        });
        if !used {
            let message = format!(
                "the body template does not use this body argument: write `.args.{}`",
                shown(&arg.name)
            );
            check.problems.error(arg.mark, &arg.path, message);
        }
    }
}

/// The arguments that go into a body made of arguments.
fn sent_args(args: &[Arg], args_to: ArgsTo) -> Vec<Arg> {
    let all = matches!(args_to, ArgsTo::Json | ArgsTo::Form | ArgsTo::Multipart);
    args.iter()
        .filter(|arg| match arg.position {
            Some(Position::Body) => true,
            None => all,
            Some(Position::Query | Position::Path | Position::Header | Position::Cookie) => false,
        })
        .cloned()
        .collect()
}

fn args_body(
    args: Vec<Arg>,
    args_to: ArgsTo,
    media: MediaType,
    mark: Mark,
    path: &str,
    check: &mut Check<'_>,
) -> Body {
    let conflict = match (args_to, media) {
        (ArgsTo::Form, MediaType::Json | MediaType::Multipart) => {
            Some("`argsToFormBody` does not go with the Content-Type that is set")
        }
        (ArgsTo::Json, MediaType::Form | MediaType::Multipart) => {
            Some("`argsToJsonBody` does not go with the Content-Type that is set")
        }
        (ArgsTo::Multipart, MediaType::Json | MediaType::Form | MediaType::Other) => {
            Some("`argsToMultipartBody` does not go with the Content-Type that is set")
        }
        (ArgsTo::Nowhere | ArgsTo::Url, MediaType::Multipart) if !args.is_empty() => {
            Some("a multipart body needs `argsToMultipartBody: true`")
        }
        _ => None,
    };
    if let Some(message) = conflict {
        check.problems.error(mark, path, message);
    }
    match args_to {
        ArgsTo::Json => Body::Json { args, always: true },
        ArgsTo::Form => Body::Form { args, always: true },
        ArgsTo::Multipart => Body::Multipart { args },
        ArgsTo::Nowhere | ArgsTo::Url if args.is_empty() => Body::None,
        ArgsTo::Nowhere | ArgsTo::Url => match media {
            MediaType::Form => Body::Form { args, always: false },
            MediaType::Unset | MediaType::Json | MediaType::Multipart | MediaType::Other => {
                Body::Json { args, always: false }
            }
        },
    }
}

impl Body {
    /// The arguments that the body itself sends.
    pub(crate) fn args(&self) -> &[Arg] {
        match self {
            Self::None | Self::Template { template: _, context: _ } => &[],
            Self::Json { args, always: _ }
            | Self::Form { args, always: _ }
            | Self::Multipart { args } => args,
            Self::Raw { arg } => arg,
        }
    }

    /// The body of a call.
    pub(crate) fn write(
        &self,
        arguments: &Map<String, Value>,
        random: &dyn Fn(&mut [u8]),
        render: impl FnOnce(&Template, Context) -> Result<String, RenderError>,
    ) -> Result<Written, RenderError> {
        match self {
            Self::None => Ok(Written::nothing()),
            Self::Template { template, context } => {
                template_body(render(template, *context)?, *context)
            }
            Self::Json { args, always } => {
                let present = present(args, arguments);
                if present.is_empty() && !always {
                    return Ok(Written::nothing());
                }
                Ok(Written::new(json_object(&present), JSON_TYPE))
            }
            Self::Form { args, always } => {
                let present = present(args, arguments);
                if present.is_empty() && !always {
                    return Ok(Written::nothing());
                }
                Ok(Written::new(form(&present)?, FORM_TYPE))
            }
            Self::Raw { arg: [arg] } => raw::write(arg, arguments.get(&arg.name)),
            Self::Multipart { args } => {
                let multipart = multipart::write(present(args, arguments).into_iter(), random)?;
                let content_type = format!("multipart/form-data; boundary={}", multipart.boundary);
                Ok(Written {
                    bytes: multipart.body,
                    content_type: Some(content_type),
                    replaces: true,
                })
            }
        }
    }
}

impl Written {
    pub(crate) fn nothing() -> Self {
        Self { bytes: Vec::new(), content_type: None, replaces: false }
    }

    fn new(text: String, content_type: &str) -> Self {
        let content_type = Some(content_type.to_owned());
        Self { bytes: text.into_bytes(), content_type, replaces: false }
    }
}

/// The arguments that a call has, in the order of their declaration.
fn present<'a>(args: &'a [Arg], arguments: &'a Map<String, Value>) -> Vec<(&'a Arg, &'a Value)> {
    args.iter().filter_map(|arg| Some((arg, arguments.get(&arg.name)?))).collect()
}

fn json_object(present: &[(&Arg, &Value)]) -> String {
    let mut out = String::from("{");
    for (index, (arg, value)) in present.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        out.push_str(&Value::String(arg.wire.clone()).to_string());
        out.push(':');
        out.push_str(&value.to_string());
    }
    out.push('}');
    out
}

fn form(present: &[(&Arg, &Value)]) -> Result<String, RenderError> {
    let mut pairs = Vec::new();
    for (arg, value) in present {
        push_pairs(&mut pairs, arg, value, Encoding::Form)?;
    }
    let pairs: Vec<String> =
        pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    Ok(pairs.join("&"))
}

/// A rendered body. JSON must be JSON; a text that turns out to be a JSON object or list is
/// declared as such unless the definition says otherwise.
fn template_body(rendered: String, context: Context) -> Result<Written, RenderError> {
    let trimmed = rendered.trim();
    let is_json = || serde_json::from_str::<&RawValue>(trimmed).is_ok();
    match context {
        Context::Json if trimmed.is_empty() => Ok(Written::nothing()),
        Context::Json if is_json() => Ok(Written::new(trimmed.to_owned(), JSON_TYPE)),
        Context::Json => Err(RenderError::Unbuildable("the body is not valid JSON".to_owned())),
        Context::Form => Ok(Written::new(trimmed.to_owned(), FORM_TYPE)),
        Context::Plain | Context::Header | Context::Url | Context::Other => {
            let braces = (trimmed.starts_with('{') && trimmed.ends_with('}'))
                || (trimmed.starts_with('[') && trimmed.ends_with(']'));
            if braces && is_json() {
                return Ok(Written::new(rendered, JSON_TYPE));
            }
            Ok(Written { bytes: rendered.into_bytes(), content_type: None, replaces: false })
        }
    }
}
