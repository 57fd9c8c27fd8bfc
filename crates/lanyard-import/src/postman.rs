//! Postman collections, format 2.0 and 2.1, as samples.
//!
//! Folders pass on their authorization. Variables with a value are read from the collection and an
//! environment: in the host they are put in, as credentials they become secrets, and elsewhere their
//! value is an example. Scripts are never run; those that would run before a request are told.

mod auth;
mod request;
mod variables;

use serde_json::Value;

use self::variables::Variables;
use crate::credential::Known;
use crate::sample::{Collected, ImportOptions, Sample, assemble_with};
use crate::shell::{Mark, PasteError, variable};
use crate::{Note, one_line, shorten};

/// The largest collection, in bytes.
const COLLECTION_BYTES_MAX: usize = 64 << 20;

/// How deep folders may lie in each other.
const DEPTH_MAX: usize = 32;

/// Makes servers of a collection, and of an environment if there is one.
///
/// # Errors
///
/// When the file is no collection. A request that cannot be imported is a note.
pub fn import_postman(
    collection: &str,
    environment: Option<&str>,
    options: &ImportOptions<'_>,
) -> Result<Collected, PasteError> {
    let root = json(collection, "collection")?;
    let environment = environment.map(|text| json(text, "environment")).transpose()?;
    check_format(&root)?;
    let mut reader = Reader {
        variables: Variables::new(&root, environment.as_ref()),
        options,
        samples: Vec::new(),
        notes: Vec::new(),
    };
    let context = Context { place: String::new(), auth: root.get("auth"), depth: 0 };
    reader.say_scripts(&root, "the collection");
    reader.items(&root, &context);
    let Reader { variables, samples, mut notes, .. } = reader;
    let values = variables.into_secrets();
    let servers = assemble_with(samples, options, false, &values);
    // The place of a request that was left out is its name, which may say one.
    let found = servers.iter().flat_map(|server| &server.secrets).map(|it| it.value.expose());
    let known = Known::new(&values.values().map(|it| it.as_str()).chain(found).collect::<Vec<_>>());
    notes.iter_mut().for_each(|note| known.mask_note(note));
    Ok(Collected { servers, notes })
}

/// Reads JSON. The error names a place and no text.
pub(crate) fn json(text: &str, what: &str) -> Result<Value, PasteError> {
    if text.len() > COLLECTION_BYTES_MAX {
        let message = format!("the {what} is larger than {COLLECTION_BYTES_MAX} bytes: divide it");
        return Err(PasteError::new(Mark::START, message));
    }
    if variable::is_smuggled(text) {
        let message = format!("the {what} holds characters that stand in no text");
        return Err(PasteError::new(Mark::START, message));
    }
    serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|error| {
        let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX).max(1);
        let mark = Mark { line: number(error.line()), column: number(error.column()) };
        PasteError::new(mark, format!("the {what} is no JSON: export it anew"))
    })
}

fn check_format(root: &Value) -> Result<(), PasteError> {
    if root.get("requests").is_some() && root.get("item").is_none() {
        let message = "this is a collection of format 1: export it as \"Collection v2.1\"";
        return Err(PasteError::new(Mark::START, message));
    }
    if root.get("item").and_then(Value::as_array).is_none() {
        let message = "this is no Postman collection: export one as \"Collection v2.1\"";
        return Err(PasteError::new(Mark::START, message));
    }
    Ok(())
}

/// What a folder passes on.
struct Context<'v> {
    /// The names of the folders.
    place: String,
    auth: Option<&'v Value>,
    depth: usize,
}

struct Reader<'o> {
    variables: Variables,
    options: &'o ImportOptions<'o>,
    samples: Vec<Sample>,
    notes: Vec<Note>,
}

impl Reader<'_> {
    fn items(&mut self, parent: &Value, context: &Context<'_>) {
        for (index, item) in
            parent.get("item").and_then(Value::as_array).into_iter().flatten().enumerate()
        {
            let name = item.get("name").and_then(Value::as_str).map(named).unwrap_or_default();
            let name =
                if name.is_empty() { format!("item {}", index.saturating_add(1)) } else { name };
            let place = match context.place.as_str() {
                "" => name,
                folder => format!("{folder} / {name}"),
            };
            let auth = item.get("auth").filter(|auth| !auth.is_null()).or(context.auth);
            self.say_scripts(item, &place);
            if item.get("item").is_some() {
                if context.depth >= DEPTH_MAX {
                    self.notes.push(Note::skipped(place, "its folders lie too deep in each other"));
                    continue;
                }
                let depth = context.depth.saturating_add(1);
                self.items(item, &Context { place, auth, depth });
                continue;
            }
            match request::read(item, &place, auth, &self.variables, self.options.base_url) {
                Ok(Some(sample)) => self.samples.push(sample),
                Ok(None) => {}
                Err(message) => self.notes.push(Note::skipped(place, message)),
            }
        }
    }

    /// A script that would run before a request may set what the request needs.
    fn say_scripts(&mut self, item: &Value, place: &str) {
        let events = item.get("event").and_then(Value::as_array).into_iter().flatten();
        let before = events
            .filter(|event| event.get("listen").and_then(Value::as_str) == Some("prerequest"))
            .filter_map(|event| event.get("script")?.get("exec"));
        let is_text = |line: &Value| line.as_str().is_some_and(|line| !line.trim().is_empty());
        let has_text = |exec: &Value| {
            exec.as_array().map_or_else(|| is_text(exec), |all| all.iter().any(is_text))
        };
        if before.into_iter().any(has_text) {
            self.notes.push(Note::warning(
                place,
                "a script that Postman runs before the request is not run: what it sets must be an \
                 argument or a secret",
            ));
        }
    }
}

/// A name as it is shown: one line, short, and nothing that looks like a credential.
pub(crate) fn named(text: &str) -> String {
    if crate::looks_like_live_credential(text).is_some() {
        return String::new();
    }
    shorten(&one_line(text), 60)
}

#[cfg(test)]
pub(crate) use tests::told;

#[cfg(test)]
mod tests;
