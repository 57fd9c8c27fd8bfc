//! Samples of one method and path as one tool.

use std::collections::BTreeSet;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::body::{FORM, Media, essence};
use super::fields::{Field, Seen, of_body, of_pairs, schema_of};
use super::path::{Path, PathArg, lower};
use super::{Body, Pair, PastedValues, Sample};
use crate::credential::looks_like_live_credential;
use crate::draft::{ArgStyle, DraftArg, DraftBody, DraftTool, Position, Requirement};
use crate::shell::variable::{self, Piece};
use crate::{argument_name, describe, literal};

/// One sample without its credentials.
pub(super) struct One {
    pub(super) sample: Sample,
    pub(super) path: Path,
    pub(super) needed: Vec<Requirement>,
}

/// Headers that no argument may be.
const NO_ARGUMENT: &[&str] = &["authorization", "content-encoding", "content-type", "cookie"];

/// Makes the tool. `name` is still to be made unique; `one` is never empty.
pub(super) fn tool(name: String, samples: &[One], values: PastedValues) -> Option<DraftTool> {
    let first = samples.first()?;
    let mut maker = Maker { samples, values, names: BTreeSet::new(), args: Vec::new() };
    maker.path_args(&first.path.args);
    maker.fields(&maker.of_place(|sample| of_pairs(&sample.query, Position::Query, true)));
    let mut headers = maker.headers(&first.sample);
    let body = maker.body(&first.sample.body, &mut headers);
    let sample = &first.sample;
    let mut url = format!("{}{}", sample.origin, first.path.template);
    for (index, pair) in sample.query.iter().filter(|pair| pair.value.is_none()).enumerate() {
        url.push(if index == 0 { '?' } else { '&' });
        url.push_str(&literal_name(&pair.name));
    }
    let safe = |text: &Option<String>| {
        text.clone().filter(|text| looks_like_live_credential(text).is_none())
    };
    let described = describe(safe(&sample.title).as_deref(), safe(&sample.text).as_deref());
    let mut tool = DraftTool::new(name, sample.method, url, sample.place.clone());
    tool.description = if described.short.is_empty() {
        format!("{} {} of {}", sample.method, first.path.shown, sample.origin.host())
    } else {
        described.short
    };
    tool.long_description = described.long;
    tool.args = maker.args;
    tool.headers = headers;
    tool.body = body;
    tool.security = samples.last().map(|one| one.needed.clone());
    Some(tool)
}

/// Everything but unreserved characters.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

fn literal_name(name: &str) -> String {
    utf8_percent_encode(name, RESERVED).to_string()
}

struct Maker<'s> {
    samples: &'s [One],
    values: PastedValues,
    names: BTreeSet<String>,
    args: Vec<DraftArg>,
}

/// A field with all samples that have it.
struct Merged {
    field: Field,
    seen: Vec<Seen>,
}

impl Maker<'_> {
    /// The fields of all samples, those of one name together, in the order in which they appear.
    fn of_place(&self, fields: impl Fn(&Sample) -> Vec<Field>) -> Vec<Merged> {
        let mut merged: Vec<Merged> = Vec::new();
        for one in self.samples {
            for field in fields(&one.sample) {
                match merged.iter_mut().find(|other| other.field.wire == field.wire) {
                    Some(other) => {
                        if field.style == ArgStyle::Repeat {
                            other.field.style = ArgStyle::Repeat;
                        }
                        other.field.text = other.field.text.take().or(field.text);
                        other.seen.push(field.seen);
                    }
                    None => merged.push(Merged { seen: vec![field.seen.clone()], field }),
                }
            }
        }
        // A pair without `=` stays as it is in the URL.
        let bare = |wire: &str| {
            self.samples.iter().all(|one| {
                one.sample.query.iter().any(|pair| pair.name == wire && pair.value.is_none())
            })
        };
        merged.retain(|one| one.field.position != Position::Query || !bare(&one.field.wire));
        merged
    }

    fn name(&mut self, wanted: &str, position: Option<Position>) -> String {
        // Templates name arguments, so that a name is a word.
        let base = argument_name(wanted).replace(['.', '-'], "_");
        let base = base.trim_matches('_');
        let base = if base.is_empty() || base.starts_with(|c: char| c.is_ascii_digit()) {
            format!("value_{base}").trim_end_matches('_').to_owned()
        } else {
            base.to_owned()
        };
        let placed = format!("{base}_{}", position.map_or("header", Position::name));
        let numbered = (2..u32::MAX).map(|number| format!("{base}_{number}"));
        let name = [base.clone(), placed]
            .into_iter()
            .chain(numbered)
            .find(|name| !self.names.contains(&name.to_ascii_lowercase()))
            .unwrap_or(base);
        self.names.insert(name.to_ascii_lowercase());
        name
    }

    fn path_args(&mut self, args: &[PathArg]) {
        for (index, arg) in args.iter().enumerate() {
            self.names.insert(arg.name.to_ascii_lowercase());
            let values = self.samples.iter().filter_map(|one| one.path.args.get(index));
            let seen: Vec<Seen> =
                values.filter_map(|arg| arg.value.clone()).map(Seen::Text).collect();
            let mut draft = self.arg(&arg.name, Some(Position::Path), &seen, &arg.name, true);
            draft.description = short(arg.text.as_deref());
            self.args.push(draft);
        }
    }

    fn fields(&mut self, merged: &[Merged]) {
        for one in merged {
            self.field(one);
        }
    }

    /// Declares an argument, and gives back its name.
    fn field(&mut self, merged: &Merged) -> String {
        let Merged { field, seen } = merged;
        let required = seen.len() >= self.samples.len();
        let name = self.name(&field.wire, Some(field.position));
        let mut arg = self.arg(&name, Some(field.position), seen, &field.wire, required);
        arg.style = field.style;
        arg.wire_name = (name != field.wire).then(|| field.wire.clone());
        arg.description = match short(field.text.as_deref()) {
            text if text.is_empty() => pattern_of(seen),
            text => text,
        };
        self.args.push(arg);
        name
    }

    fn arg(
        &self,
        name: &str,
        position: Option<Position>,
        seen: &[Seen],
        wire: &str,
        required: bool,
    ) -> DraftArg {
        let (mut schema, shown) = schema_of(&seen.iter().collect::<Vec<_>>(), wire);
        let mut required = required;
        if let (Some(members), Some(first)) = (schema.as_object_mut(), shown.first()) {
            match self.values {
                PastedValues::Examples => {
                    members.insert("examples".to_owned(), Value::Array(shown));
                }
                PastedValues::Defaults => {
                    members.insert("default".to_owned(), first.clone());
                    required = false;
                }
            }
        }
        let mut arg = DraftArg::new(name, position, schema);
        arg.required = required;
        arg
    }

    /// The headers: those that are the same in all samples as they are, the others as arguments.
    fn headers(&mut self, first: &Sample) -> Vec<(String, String)> {
        let mut names: Vec<&str> = Vec::new();
        for header in self.samples.iter().flat_map(|one| &one.sample.headers) {
            if !names.iter().any(|name| name.eq_ignore_ascii_case(&header.name)) {
                names.push(&header.name);
            }
        }
        let mut headers = Vec::new();
        for name in names {
            let seen: Vec<&Pair> =
                self.samples.iter().filter_map(|one| one.sample.header(name)).collect();
            let Some(one) = first.header(name).or_else(|| seen.first().copied()) else { continue };
            let same = seen.len() == self.samples.len()
                && seen.iter().all(|header| header.value == one.value);
            let fixed = NO_ARGUMENT.contains(&name.to_ascii_lowercase().as_str());
            if is_made_anew(name, one.value()) {
                headers.push((one.name.clone(), "{{uuidv4}}".to_owned()));
            } else if fixed || (same && variable::whole(one.value()).is_none()) {
                headers.push((one.name.clone(), self.header_template(one.value())));
            } else {
                let fields = |sample: &Sample| {
                    let header = sample.header(name);
                    header.map(|header| header_field(header, name)).into_iter().collect()
                };
                self.fields(&self.of_place(fields));
            }
        }
        headers
    }

    /// A text with variables as a template over arguments, which get names here.
    fn header_template(&mut self, text: &str) -> String {
        let mut out = String::new();
        for piece in variable::pieces(text) {
            match piece {
                Piece::Plain(plain) => out.push_str(&literal(plain)),
                Piece::Secret(name) => out.push_str(&format!("{{{{.config.{name}}}}}")),
                Piece::Variable(variable) => {
                    let name = self.name(&lower(variable), None);
                    let arg = self.arg(&name, None, &[], &name, true);
                    self.args.push(arg);
                    out.push_str(&format!("{{{{.args.{name}}}}}"));
                }
            }
        }
        out
    }

    fn body(&mut self, body: &Body, headers: &mut Vec<(String, String)>) -> DraftBody {
        let merged = self.of_place(|sample| of_body(&sample.body));
        let templated = merged.iter().any(|one| one.field.secret.is_some());
        match body {
            Body::None => DraftBody::None,
            Body::Form(_) if templated => {
                set_type(headers, FORM);
                DraftBody::Template(self.form_template(&merged))
            }
            Body::Form(_) => {
                self.fields(&merged);
                drop_type(headers, Media::Form);
                DraftBody::Form
            }
            Body::Json(Value::Object(_)) if templated => {
                drop_type(headers, Media::Json);
                DraftBody::Template(self.json_template(&merged))
            }
            Body::Json(Value::Object(_)) => {
                self.fields(&merged);
                drop_type(headers, Media::Json);
                DraftBody::Json
            }
            Body::Multipart(_) => {
                self.fields(&merged);
                DraftBody::Multipart
            }
            Body::Json(_) => {
                set_type(headers, "application/json");
                let names: Vec<String> = merged.iter().map(|one| self.field(one)).collect();
                DraftBody::Template(format!("{{{{toJson .args.{}}}}}", names.concat()))
            }
            Body::Text(_) | Body::File => {
                let names: Vec<String> = merged.iter().map(|one| self.field(one)).collect();
                DraftBody::Raw(names.concat())
            }
        }
    }

    fn form_template(&mut self, merged: &[Merged]) -> String {
        let mut out = String::new();
        for one in merged {
            let name = literal_name(&one.field.wire);
            let separator = if out.is_empty() { "" } else { "&" };
            out.push_str(&match &one.field.secret {
                Some(key) => format!("{separator}{name}={{{{.config.{key}}}}}"),
                None if one.field.style == ArgStyle::Repeat => {
                    let arg = self.field(one);
                    format!("{{{{range .args.{arg}}}}}&{name}={{{{.}}}}{{{{end}}}}")
                }
                None => format!("{separator}{name}={{{{.args.{}}}}}", self.field(one)),
            });
        }
        out
    }

    fn json_template(&mut self, merged: &[Merged]) -> String {
        let members: Vec<String> = merged
            .iter()
            .map(|one| {
                let name = literal(&Value::from(one.field.wire.as_str()).to_string());
                match &one.field.secret {
                    Some(key) => format!("{name}: \"{{{{.config.{key}}}}}\""),
                    None => format!("{name}: {{{{toJson .args.{}}}}}", self.field(one)),
                }
            })
            .collect();
        format!("{{{}}}", members.join(", "))
    }
}

/// A header that tells one request from the next: the one that was pasted would make the server
/// take every call for that request.
fn is_made_anew(name: &str, value: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let unique = value.len() >= 16 && value.contains(|c: char| c.is_ascii_digit());
    name == "idempotency-key"
        || (unique && (name.ends_with("request-id") || name.ends_with("correlation-id")))
}

fn header_field(header: &Pair, name: &str) -> Field {
    Field {
        position: Position::Header,
        wire: name.to_owned(),
        seen: Seen::Text(header.value().to_owned()),
        style: ArgStyle::Json,
        text: header.text.clone(),
        secret: None,
    }
}

fn short(text: Option<&str>) -> String {
    describe(None, text).short
}

/// What is said of a value that was a text around variables.
fn pattern_of(seen: &[Seen]) -> String {
    let text = match seen.first() {
        Some(Seen::Text(text) | Seen::Json(Value::String(text))) => text,
        Some(Seen::Texts(_) | Seen::Json(_) | Seen::File) | None => return String::new(),
    };
    let pieces = variable::pieces(text);
    let plain = pieces.iter().any(|piece| matches!(piece, Piece::Plain(_)));
    if !variable::has(text) || !plain || looks_like_live_credential(text).is_some() {
        return String::new();
    }
    let mut out = String::from("In the form ");
    for piece in pieces {
        match piece {
            Piece::Plain(plain) => out.push_str(plain),
            Piece::Variable(name) | Piece::Secret(name) => out.push_str(&format!("<{name}>")),
        }
    }
    crate::shorten(&out, 200)
}

/// The content type that is written anyway is no header of the definition.
fn drop_type(headers: &mut Vec<(String, String)>, media: Media) {
    let usual = |value: &str| {
        let charset = value.split_once(';').map(|(_, rest)| rest.trim().to_ascii_lowercase());
        let plain = charset.is_none_or(|rest| rest.is_empty() || rest == "charset=utf-8");
        let name = essence(value);
        plain && (name == "application/json" || name == FORM) && Media::of(value) == media
    };
    headers.retain(|(name, value)| !name.eq_ignore_ascii_case("content-type") || !usual(value));
}

fn set_type(headers: &mut Vec<(String, String)>, content_type: &str) {
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
        headers.push(("Content-Type".to_owned(), content_type.to_owned()));
    }
}
