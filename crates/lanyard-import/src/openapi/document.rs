//! A description as a value with places: reading it, and following references in it.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::ImportError;
use crate::Note;

/// The most bytes of a description. The largest that is public has 70 MB.
const BYTES_MAX: usize = 256 << 20;

/// How many references may follow on each other.
const CHAIN_MAX: usize = 32;

/// Which language a description is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    Swagger2,
    V30,
    V31,
}

/// A description.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) root: Value,
    pub(crate) version: Version,
}

/// A value of a description and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Placed<'d> {
    pub(crate) value: &'d Value,
    pub(crate) place: String,
}

impl<'d> Placed<'d> {
    /// A member of an object, if both are there.
    pub(crate) fn get(&self, key: &str) -> Option<Self> {
        let value = self.value.get(key)?;
        Some(Self { value, place: join(&self.place, key) })
    }

    /// The members of an object; none of anything else.
    pub(crate) fn members(&self) -> impl Iterator<Item = (&'d str, Self)> {
        let place = self.place.clone();
        self.value
            .as_object()
            .into_iter()
            .flatten()
            .map(move |(key, value)| (key.as_str(), Self { value, place: join(&place, key) }))
    }

    /// The elements of a list; none of anything else.
    pub(crate) fn items(&self) -> impl Iterator<Item = Self> {
        let place = self.place.clone();
        self.value
            .as_array()
            .into_iter()
            .flatten()
            .enumerate()
            .map(move |(index, value)| Self { value, place: format!("{place}/{index}") })
    }

    /// The text of a member.
    pub(crate) fn text(&self, key: &str) -> Option<&'d str> {
        self.value.get(key).and_then(Value::as_str)
    }

    /// Whether a member is true.
    pub(crate) fn flag(&self, key: &str) -> bool {
        self.value.get(key).and_then(Value::as_bool) == Some(true)
    }

    pub(crate) fn object(&self) -> Option<&'d Map<String, Value>> {
        self.value.as_object()
    }
}

impl Document {
    /// Reads JSON or YAML.
    pub(crate) fn read(text: &str) -> Result<(Self, Vec<Note>), ImportError> {
        if text.len() > BYTES_MAX {
            return Err(ImportError(format!("the description is larger than {BYTES_MAX} bytes")));
        }
        let text = text.trim_start_matches('\u{feff}');
        let (root, mut notes) = read_text(text)?;
        let version = version_of(&root, &mut notes)?;
        if !root.get("paths").is_some_and(Value::is_object) {
            let webhooks = root.get("webhooks").is_some();
            let hint = if webhooks { ": webhooks are calls to you, not by you" } else { "" };
            return Err(ImportError(format!("the description has no `paths`{hint}")));
        }
        Ok((Self { root, version }, notes))
    }

    pub(crate) fn root(&self) -> Placed<'_> {
        Placed { value: &self.root, place: "#".to_owned() }
    }

    /// What a reference leads to: only within the document.
    pub(crate) fn follow(&self, reference: &str) -> Result<Placed<'_>, String> {
        let Some(pointer) = reference.strip_prefix('#') else {
            return Err(format!(
                "`{}` is in another document, which is not fetched: bundle the description into \
                 one file",
                shown(reference)
            ));
        };
        let decoded = percent_decoded(pointer);
        let value = self.root.pointer(&decoded).or_else(|| self.root.pointer(pointer));
        match value {
            Some(value) => Ok(Placed { value, place: reference.to_owned() }),
            None => Err(format!("there is no `{}` in the document", shown(reference))),
        }
    }

    /// A value itself, or what its reference leads to.
    pub(crate) fn resolve<'d>(&'d self, placed: Placed<'d>) -> Result<Placed<'d>, String> {
        let mut current = placed;
        for _ in 0..CHAIN_MAX {
            match current.text("$ref") {
                None => return Ok(current),
                Some(reference) => current = self.follow(reference)?,
            }
        }
        Err("references lead to each other without an end".to_owned())
    }
}

fn read_text(text: &str) -> Result<(Value, Vec<Note>), ImportError> {
    if text.trim_start().starts_with('{') {
        return match serde_json::from_str(text) {
            Ok(root) => Ok((root, Vec::new())),
            Err(error) => Err(ImportError(format!("this is not JSON: {error}"))),
        };
    }
    match lanyard_rest::yaml_value("", text) {
        Ok((root, twice)) => {
            let note = |problem: lanyard_rest::Problem| {
                let place = format!("line {}", problem.line);
                Note::warning(place, format!("{}; the first one counts", problem.message))
            };
            Ok((root, twice.into_iter().map(note).collect()))
        }
        Err(problem) => Err(ImportError(format!(
            "{} at line {} column {}",
            problem.message, problem.line, problem.column
        ))),
    }
}

fn version_of(root: &Value, notes: &mut Vec<Note>) -> Result<Version, ImportError> {
    let text = |key: &str| match root.get(key) {
        Some(Value::String(text)) => Some(Cow::from(text)),
        Some(Value::Number(number)) => Some(Cow::from(number.to_string())),
        Some(Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_)) | None => None,
    };
    if let Some(version) = text("openapi") {
        if version.starts_with("3.0") || version == "3" {
            return Ok(Version::V30);
        }
        if version.starts_with("3.") {
            if !version.starts_with("3.1") {
                let text = format!("OpenAPI {} is read as 3.1", shown(&version));
                notes.push(Note::warning("#/openapi", text));
            }
            return Ok(Version::V31);
        }
        return Err(ImportError(format!("OpenAPI {} is not known here", shown(&version))));
    }
    match text("swagger") {
        Some(version) if version == "2" || version.starts_with("2.") => Ok(Version::Swagger2),
        Some(version) => Err(ImportError(format!("Swagger {} is not known here", shown(&version)))),
        None => Err(ImportError(
            "this is no OpenAPI description: neither `openapi` nor `swagger` is there".to_owned(),
        )),
    }
}

/// The place of a member.
pub(crate) fn join(place: &str, key: &str) -> String {
    if key.contains(['~', '/']) {
        return format!("{place}/{}", key.replace('~', "~0").replace('/', "~1"));
    }
    format!("{place}/{key}")
}

/// A text of the document as a message may show it.
pub(crate) fn shown(text: &str) -> String {
    crate::shorten(text, 80)
}

fn percent_decoded(text: &str) -> Cow<'_, str> {
    percent_encoding::percent_decode_str(text).decode_utf8().unwrap_or(Cow::Borrowed(text))
}
