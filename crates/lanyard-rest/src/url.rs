//! The URL of a tool: its origin, worked out when the file is read, and its path and query, into
//! which the values of a call are written.
//!
//! INVARIANT: the origin of a request is the one found here; a rendered URL with another one is
//! refused. No value adds a segment to the path or a pair to the query.

use lanyard_core::{Limits, Origin, OriginError, Timestamp};
use serde_json::{Map, Value, json};

use crate::args::{Arg, Position};
use crate::check::{Check, Placed, Shared};
use crate::fields::{Text, shown};
use crate::problem::suggestion;
use crate::request::RenderError;
use crate::syntax::{is_dot_segment, is_escape, push_escaped, stands_in_target};
use crate::template::{Context, PathRoot, REQUEST_VARIABLES, Template, TemplateEnv};

/// The URL of a tool, ready for calls.
#[derive(Debug)]
pub(crate) struct Url {
    pub(crate) origin: Origin,
    source: UrlSource,
    /// The names in braces and the argument each stands for.
    placeholders: Vec<(String, Arg)>,
}

/// Where path and query come from.
#[derive(Debug)]
enum UrlSource {
    /// They are the same in every call but for names in braces.
    Fixed(String),
    /// The whole URL is a template.
    Template(Template),
}

/// Reads `requestTemplate.url`.
pub(crate) fn read_url(
    text: Text<'_>,
    path: &str,
    args: &[Arg],
    shared: &Shared,
    check: &mut Check<'_>,
) -> Option<Url> {
    // A URL written as a block ends with a line break.
    let text = Text { text: text.text.trim_end(), node: text.node };
    let prefix = prefix_of(text, path, shared, check)?;
    let placed = check.template(text, &prefix, path, REQUEST_VARIABLES)?;
    let names: Vec<&str> = args.iter().map(|arg| arg.name.as_str()).collect();
    check.check_paths(&placed, shared, &names);
    check_literals(&placed, check);
    let placeholders = read_placeholders(&placed, args, check);
    check_path_args(&placed, args, &placeholders, check);
    if let Some(offset) = placed.template.foreign_in_origin() {
        check.problems.error(check.mark_of(&placed, offset), path, FOREIGN);
        return None;
    }
    let origin = read_origin(&placed, shared, check)?;
    let source = if placed.template.is_literal() {
        let whole: String = placed.template.literals().map(|(_, literal)| literal).collect();
        let (_, rest) = Origin::split_url(&whole).ok()?;
        UrlSource::Fixed(rest.to_owned())
    } else {
        UrlSource::Template(placed.template)
    };
    Some(Url { origin, source, placeholders })
}

const FOREIGN: &str = "scheme, host and port come from the text and `.config` only: an argument must \
                       not choose where a request goes";

/// What is put before a URL that is only a path.
fn prefix_of(text: Text<'_>, path: &str, shared: &Shared, check: &mut Check<'_>) -> Option<String> {
    let message = if text.text.starts_with("//") {
        "a URL that starts with `//` has no scheme; write https://"
    } else if text.text.starts_with('/') {
        match &shared.base_url {
            Some(base) => return Some(base.clone()),
            None => {
                "a URL that is only a path needs `server.baseUrl`, or `--base-url` with the command"
            }
        }
    } else {
        return Some(String::new());
    };
    check.problems.error(text.mark(), path, message);
    None
}

/// What no literal text of a URL may hold.
fn check_literals(placed: &Placed<'_>, check: &mut Check<'_>) {
    let mut found = Vec::new();
    for (start, literal) in placed.template.literals() {
        for (index, character) in literal.char_indices() {
            let rest = literal.get(index..).unwrap_or_default();
            let message = match character {
                '#' => "a URL of an API has no fragment; write `%23` for a `#`",
                '%' if !is_escape(rest) => {
                    "a `%` begins an escape of two hexadecimal digits; write `%25` for a `%`"
                }
                '\\' => "a URL holds no backslash; write `%5C`",
                _ if character.is_control() => "a URL holds no line break or control character",
                _ => continue,
            };
            found.push((start.saturating_add(index), message));
        }
        for (index, _) in literal.match_indices("/..").chain(literal.match_indices("/./")) {
            let after = literal.get(index.saturating_add(3)..).unwrap_or_default();
            let dots = literal.get(index..).is_some_and(|rest| rest.starts_with("/./"));
            let last = after.is_empty() && literal.len() == placed.template.text().len();
            if dots || last || after.starts_with(['/', '?']) {
                found.push((start.saturating_add(index), "a URL holds no `.` or `..` segment"));
            }
        }
    }
    for (offset, message) in found {
        let mark = check.mark_of(placed, offset);
        check.problems.error(mark, &placed.path, message);
    }
}

/// The names in braces of a URL, each with its path argument.
fn read_placeholders(
    placed: &Placed<'_>,
    args: &[Arg],
    check: &mut Check<'_>,
) -> Vec<(String, Arg)> {
    let mut placeholders: Vec<(String, Arg)> = Vec::new();
    let mut unknown = Vec::new();
    for (start, literal) in placed.template.literals() {
        for (offset, name) in braces(literal) {
            if placeholders.iter().any(|(known, _)| known == name) {
                continue;
            }
            match path_arg(args, name) {
                Some(arg) => placeholders.push((name.to_owned(), arg.clone())),
                None => unknown.push((start.saturating_add(offset), name.to_owned())),
            }
        }
    }
    for (offset, name) in unknown {
        let elsewhere = args.iter().any(|arg| arg.name == name);
        let hint = if elsewhere {
            "; the argument of that name needs `position: path`".to_owned()
        } else {
            let paths = args.iter().filter(|arg| arg.position == Some(Position::Path));
            suggestion(&name, paths.map(|arg| arg.name.as_str()))
        };
        let message = format!("`{{{}}}` is no argument with `position: path`{hint}", shown(&name));
        let mark = check.mark_of(placed, offset);
        check.problems.error(mark, &placed.path, message);
    }
    placeholders
}

fn path_arg<'a>(args: &'a [Arg], name: &str) -> Option<&'a Arg> {
    let paths = || args.iter().filter(|arg| arg.position == Some(Position::Path));
    paths().find(|arg| arg.wire == name).or_else(|| paths().find(|arg| arg.name == name))
}

/// `{name}` in a text: its offset and the name.
fn braces(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.match_indices('{').filter_map(|(start, _)| {
        let (name, _) = text.get(start.saturating_add(1)..)?.split_once('}')?;
        (!name.contains('{')).then_some((start, name))
    })
}

/// Every path argument must be written somewhere.
fn check_path_args(
    placed: &Placed<'_>,
    args: &[Arg],
    placeholders: &[(String, Arg)],
    check: &mut Check<'_>,
) {
    let paths = placed.template.paths();
    for arg in args.iter().filter(|arg| arg.position == Some(Position::Path)) {
        let in_braces = placeholders.iter().any(|(_, used)| used.name == arg.name);
        let in_template = paths.iter().any(|used| {
            used.root == PathRoot::Args
                && used.segments.first().is_none_or(|first| *first == arg.name)
        });
        if !in_braces && !in_template {
            let message = format!(
                "the URL has neither `{{{0}}}` nor `.args.{0}` for this path argument",
                shown(&arg.name)
            );
            check.problems.error(arg.mark, &arg.path, message);
        }
    }
}

/// The origin of a URL, from its literal text and `.config`.
fn read_origin(placed: &Placed<'_>, shared: &Shared, check: &mut Check<'_>) -> Option<Origin> {
    let text = match origin_text(&placed.template, &shared.config, check.options.limits) {
        Ok(text) => text,
        Err(message) => {
            check.problems.error(placed.text.mark(), &placed.path, message);
            return None;
        }
    };
    let message = match Origin::split_url(&text) {
        Ok((origin, _)) => return Some(origin),
        Err(OriginError::Scheme) => {
            "a URL starts with http:// or https://, or with `/` for a path below \
             `server.baseUrl`"
                .to_owned()
        }
        Err(OriginError::UserInfo) => {
            "a URL holds no user or password; use a security scheme".to_owned()
        }
        Err(OriginError::Host(host)) if host.contains('{') => FOREIGN.to_owned(),
        Err(error @ (OriginError::Host(_) | OriginError::Port(_) | OriginError::Trailing)) => {
            error.to_string()
        }
    };
    check.problems.error(placed.text.mark(), &placed.path, message);
    None
}

/// The text of a URL up to where its host and port are known to end. If an action stands before
/// that, the shortest part of the template that reaches it is rendered with `.config` alone.
fn origin_text(template: &Template, config: &Value, limits: &Limits) -> Result<String, String> {
    let prefix = template.literal_prefix();
    if template.is_literal() || authority_ends(prefix) {
        return Ok(prefix.to_owned());
    }
    let root = json!({ "config": config });
    let mut rendered = String::new();
    for end in ends_of_parts(template) {
        // A part that ends within `if` and `end` is no template.
        let Some(Ok(part)) =
            template.text().get(..end).map(|text| Template::parse(text, limits, REQUEST_VARIABLES))
        else {
            continue;
        };
        if part.paths().iter().any(|used| used.root == PathRoot::Args) {
            return Err(FOREIGN.to_owned());
        }
        rendered = render_config(&part, &root, limits)?;
        if authority_ends(&rendered) {
            break;
        }
    }
    Ok(rendered)
}

/// Where a template can be cut: before each action and after each literal.
fn ends_of_parts(template: &Template) -> Vec<usize> {
    let whole = template.text();
    let literals = template.literals().map(|(start, literal)| start.saturating_add(literal.len()));
    let actions = whole.match_indices("{{").map(|(start, _)| start);
    let mut ends: Vec<usize> =
        literals.chain(actions).chain([whole.len()]).filter(|end| *end > 0).collect();
    ends.sort_unstable();
    ends.dedup();
    ends
}

fn authority_ends(url: &str) -> bool {
    url.split_once("://").is_some_and(|(_, rest)| rest.contains(['/', '?', '#']))
}

fn render_config(template: &Template, root: &Value, limits: &Limits) -> Result<String, String> {
    const IN_ORIGIN: &str = "a secret must not choose where a request goes";
    let secret = std::cell::Cell::new(false);
    let env = TemplateEnv {
        now: Timestamp(0),
        random: &|buffer| buffer.fill(0),
        client_ip: None,
        limits,
        variables: &[],
        resolve: &|_| {
            secret.set(true);
            Ok(None)
        },
        config_must_exist: true,
        source: None,
    };
    let rendered = template.render(root, &env, Context::Plain);
    if secret.get() {
        return Err(IN_ORIGIN.to_owned());
    }
    rendered.map_err(|failure| format!("the origin of the URL cannot be found: {failure}"))
}

impl Url {
    /// The template that a call must render, if there is one.
    pub(crate) fn template(&self) -> Option<&Template> {
        match &self.source {
            UrlSource::Fixed(_) => None,
            UrlSource::Template(template) => Some(template),
        }
    }

    /// Path and query of a call, percent-encoded: it starts with `/`.
    pub(crate) fn target(
        &self,
        arguments: &Map<String, Value>,
        render: impl FnOnce(&Template) -> Result<String, RenderError>,
    ) -> Result<String, RenderError> {
        match &self.source {
            UrlSource::Fixed(rest) => self.write(rest, arguments),
            UrlSource::Template(template) => {
                let rendered = render(template)?;
                let (origin, rest) = Origin::split_url(&rendered)
                    .map_err(|_| unbuildable("the URL has no valid origin"))?;
                if origin != self.origin {
                    return Err(unbuildable("the URL has another origin than its definition"));
                }
                self.write(rest, arguments)
            }
        }
    }

    /// Writes a path with its query: names in braces replaced, everything that cannot stand in a
    /// URL encoded.
    fn write(&self, rest: &str, arguments: &Map<String, Value>) -> Result<String, RenderError> {
        let mut out = String::with_capacity(rest.len().saturating_add(32));
        if !rest.starts_with('/') {
            out.push('/');
        }
        let mut left = rest;
        while let Some(character) = left.chars().next() {
            let after = left.get(character.len_utf8()..).unwrap_or_default();
            left = match character {
                '{' => self.write_brace(after, arguments, &mut out)?,
                '#' => return Err(unbuildable("the URL has a fragment")),
                '%' if !is_escape(left) => {
                    return Err(unbuildable("the URL has a `%` that begins no escape"));
                }
                _ if character.is_control() => {
                    return Err(unbuildable("the URL has a control character"));
                }
                _ if stands_in_target(character) || character == '?' => {
                    out.push(character);
                    after
                }
                _ => {
                    push_escaped(&mut out, character);
                    after
                }
            };
        }
        let path = out.split('?').next().unwrap_or_default();
        if path.split('/').any(is_dot_segment) {
            return Err(unbuildable("the path has a `.` or `..` segment"));
        }
        Ok(out)
    }

    fn write_brace<'r>(
        &self,
        after: &'r str,
        arguments: &Map<String, Value>,
        out: &mut String,
    ) -> Result<&'r str, RenderError> {
        if let Some((name, rest)) = after.split_once('}')
            && let Some((_, arg)) = self.placeholders.iter().find(|(known, _)| known == name)
        {
            crate::values::push_path(out, arg, arguments.get(&arg.name))?;
            return Ok(rest);
        }
        push_escaped(out, '{');
        Ok(after)
    }
}

fn unbuildable(message: &str) -> RenderError {
    RenderError::Unbuildable(message.to_owned())
}

/// Puts pairs into the query of a target. A pair of the URL that has the same name gives way.
pub(crate) fn add_pairs(target: String, pairs: &[(String, String)]) -> String {
    if pairs.is_empty() {
        return target;
    }
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, query),
        None => (target.as_str(), ""),
    };
    let mut out = String::with_capacity(target.len().saturating_add(64));
    out.push_str(path);
    let mut separator = '?';
    let mut push = |name: &str, value: Option<&str>| {
        out.push(separator);
        separator = '&';
        out.push_str(name);
        if let Some(value) = value {
            out.push('=');
            out.push_str(value);
        }
    };
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = match pair.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (pair, None),
        };
        let plain = decoded(name);
        if !pairs.iter().any(|(new, _)| decoded(new) == plain) {
            push(name, value);
        }
    }
    for (name, value) in pairs {
        push(name, Some(value));
    }
    out
}

fn decoded(name: &str) -> Vec<u8> {
    let spaced = name.replace('+', " ");
    percent_encoding::percent_decode_str(&spaced).collect()
}
