//! The headers of a definition, and which headers a definition and an argument may set.

use crate::args::Arg;
use crate::body::{MediaType, uses};
use crate::check::{Check, Shared, Use};
use crate::fields::{Fields, Text, at, shown};
use crate::plan::{Header, HeaderValue};
use crate::secrets::names_a_secret;
use crate::syntax::{is_header_value, is_token};
use crate::template::{PathRoot, REQUEST_VARIABLES};
use crate::yaml::{Node, NodeValue};

/// Reads `requestTemplate.headers`, and what they say of the body. The paths that their
/// templates use are added to `used`.
pub(crate) fn read_headers(
    fields: &mut Fields<'_>,
    args: &[Arg],
    shared: &Shared,
    used: &mut Vec<Use>,
    check: &mut Check<'_>,
) -> (Vec<Header>, MediaType) {
    let mut headers: Vec<Header> = Vec::new();
    let mut media = MediaType::Unset;
    let path = fields.path_of("headers");
    let names: Vec<&str> = args.iter().map(|arg| arg.name.as_str()).collect();
    for (index, item) in
        fields.list("headers", &mut check.problems).unwrap_or_default().iter().enumerate()
    {
        let path = at(&path, index);
        let Some((name, value)) = read_header(item, &path, check) else { continue };
        if headers.iter().any(|header| header.name.eq_ignore_ascii_case(name.text)) {
            let message = format!("the header `{}` is set already", shown(name.text));
            check.problems.error(name.mark(), &path, message);
            continue;
        }
        let value_path = format!("{path}.value");
        let Some(placed) = check.template(value, "", &value_path, REQUEST_VARIABLES) else {
            continue;
        };
        check.check_paths(&placed, shared, &names);
        if placed.template.literals().any(|(_, literal)| !is_header_value(literal)) {
            let message = "a header holds no line break or control character";
            check.problems.error(value.mark(), &value_path, message);
            continue;
        }
        let uses = uses(&placed.template);
        let from_args = uses.iter().any(|(root, _)| *root == PathRoot::Args);
        if from_args && let Some(reason) = not_from_args(name.text) {
            check.problems.error(value.mark(), &value_path, reason);
        }
        if name.text.eq_ignore_ascii_case("content-type") {
            media = MediaType::of(Some(placed.template.literal_prefix()));
        }
        used.extend(uses);
        if placed.template.is_literal() && names_a_secret(name.text) && !value.text.is_empty() {
            let message = "this looks like a credential, and stays in the text of the file: put it \
                           into `server.config` or a security scheme";
            check.problems.warn(value.mark(), &value_path, message);
        }
        let value = if placed.template.is_literal() {
            let literal: String = placed.template.literals().map(|(_, literal)| literal).collect();
            HeaderValue::Literal(literal.trim().to_owned())
        } else {
            HeaderValue::Template(placed.template)
        };
        headers.push(Header { name: name.text.to_owned(), value });
    }
    (headers, media)
}

/// Headers whose value an argument could use to change more than its own text.
fn not_from_args(name: &str) -> Option<&'static str> {
    if name.eq_ignore_ascii_case("cookie") {
        Some("an argument must not be put into `Cookie`; give it `position: cookie`")
    } else if name.eq_ignore_ascii_case("content-type") {
        Some("an argument must not say how the body is read")
    } else if refusal_for_argument(name).is_some() {
        Some(
            "an argument must not be part of this header: it carries credentials or frames the request",
        )
    } else {
        None
    }
}

fn read_header<'n>(
    node: &'n Node,
    path: &str,
    check: &mut Check<'_>,
) -> Option<(Text<'n>, Text<'n>)> {
    let problems = &mut check.problems;
    let mut fields = Fields::of(node, path, problems)?;
    let name = fields.source_text("key", problems);
    let key_missing = !fields.has("key") || name.is_some_and(|name| name.text.is_empty());
    let value = match fields.entry("value") {
        // A value that is not there is an empty one; `null` unquoted is that word.
        Some(entry) if entry.value.is_null() => match &entry.value.value {
            NodeValue::Scalar(scalar) => Some(Text { text: &scalar.text, node: &entry.value }),
            NodeValue::List(_) | NodeValue::Map(_) => None,
        },
        _ => fields.source_text("value", problems),
    };
    let mark = fields.mark;
    fields.finish(problems);
    if key_missing {
        problems.error(mark, path, "`key` is missing");
        return None;
    }
    let name = name?;
    if value.is_none() {
        problems.error(mark, path, "`value` is missing");
    }
    if !is_token(name.text) {
        let message = format!("`{}` is no name of a header", shown(name.text));
        problems.error(name.mark(), path, message);
        return None;
    }
    if is_framing(name.text) {
        let message = format!("`{}` is made of the request itself", shown(name.text));
        problems.error(name.mark(), path, message);
        return None;
    }
    Some((name, value?))
}

/// Headers that say how a message is framed or where it goes: they are made of the request
/// itself, never of a definition.
pub fn is_framing(name: &str) -> bool {
    const FRAMING: &[&str] = &[
        "connection",
        "content-length",
        "host",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ];
    FRAMING.iter().any(|framing| name.eq_ignore_ascii_case(framing))
}

/// Why an argument may not be the header of this name, whatever else the tool sets.
pub(crate) fn refusal_for_argument(name: &str) -> Option<&'static str> {
    const CREDENTIALS: &[&str] = &["authorization", "cookie"];
    const BODY: &[&str] = &["content-type", "content-encoding", "expect"];
    let is_one_of = |names: &[&str]| names.iter().any(|other| name.eq_ignore_ascii_case(other));
    if !is_token(name) {
        Some("is no name of a header")
    } else if is_one_of(CREDENTIALS) {
        Some("carries credentials, which no argument may set")
    } else if is_framing(name) || starts_with(name, "proxy-") {
        Some("belongs to the connection, not to the request")
    } else if is_one_of(BODY) {
        Some("says how the body is read, which no argument may change")
    } else {
        None
    }
}

fn starts_with(name: &str, prefix: &str) -> bool {
    name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}
