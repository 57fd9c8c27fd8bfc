//! Reads a description, wherever it is, and makes a draft of it.

use std::io::{IsTerminal as _, Read as _};

use lanyard_core::{Limits, Origin};
use lanyard_import::{
    Collected, Counts, Draft, FoundSecret, ImportOptions, Imported, Note, OpenApiOptions,
    PasteError, PastedValues, given_names, goes_on, import_curl, import_har, import_openapi,
    import_postman,
};
use zeroize::Zeroizing;

use super::again::Standing;
use super::choice::Choice;
use super::fetch::{self, DOCUMENT_BYTES_MAX};
use super::told;
use crate::failure::Failure;
use crate::schemas::GuardSchemas;
use crate::{output, prompt};

/// What asks for a curl line.
const CURL_PROMPT: &str =
    "Paste the curl line, then Enter. It is not shown, and goes into no history.";

/// What is imported, and where it is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Source<'a> {
    OpenApi(&'a str),
    Curl(&'a str),
    Postman(&'a str, Option<&'a str>),
    Har(&'a str),
}

/// What was read.
pub(super) struct Read {
    pub(super) draft: Draft,
    pub(super) notes: Vec<Note>,
    /// What became of operations, where there are any.
    pub(super) counts: Option<Counts>,
    /// What was chosen and fits nothing.
    pub(super) unfit: Vec<String>,
    /// The credentials that stood in it.
    pub(super) secrets: Vec<FoundSecret>,
    /// Where it was.
    pub(super) place: String,
}

impl Source<'_> {
    pub(super) fn format(self) -> &'static str {
        match self {
            Self::OpenApi(_) => "openapi",
            Self::Curl(_) => "curl",
            Self::Postman(..) => "postman",
            Self::Har(_) => "har",
        }
    }

    /// Whether it describes a whole API: then what is missing the next time is gone. A request or
    /// a recording adds to what stands there.
    pub(super) fn is_whole(self) -> bool {
        match self {
            Self::OpenApi(_) | Self::Postman(..) => true,
            Self::Curl(_) | Self::Har(_) => false,
        }
    }

    pub(super) async fn read(
        self,
        name: &str,
        choice: &Choice,
        standing: Option<&Standing>,
    ) -> Result<Read, Failure> {
        match self {
            Self::OpenApi(place) => openapi(place, name, choice, standing).await,
            Self::Curl(place) => {
                let text = match place {
                    "-" if prompt::is_attended() => prompt::paste(CURL_PROMPT, goes_on)?,
                    file => Zeroizing::new(text(file)?),
                };
                let imported = import_curl(&text, &options(name, choice))
                    .map_err(|errors| unread(place, &errors))?;
                Ok(one(imported, Vec::new(), place, choice))
            }
            Self::Postman(place, environment) => {
                let environment = environment.map(text).transpose()?;
                let (text, options) = (text(place)?, options(name, choice));
                let collected = import_postman(&text, environment.as_deref(), &options);
                chosen(collected.map_err(|error| unread(place, &[error]))?, (name, place), choice)
            }
            Self::Har(place) => {
                let collected = import_har(&text(place)?, &options(name, choice));
                chosen(collected.map_err(|error| unread(place, &[error]))?, (name, place), choice)
            }
        }
    }
}

async fn openapi(
    place: &str,
    name: &str,
    choice: &Choice,
    standing: Option<&Standing>,
) -> Result<Read, Failure> {
    let is_url = place.starts_with("https://") || place.starts_with("http://");
    let (text, found) = match is_url {
        true => fetch::fetch(place).await?,
        false => (text(place)?, shown(place).to_owned()),
    };
    let names = match standing.and_then(|it| it.imported.as_ref()) {
        None => Vec::new(),
        Some(before) => given_names(&before.definition).map_err(|problem| {
            let what = "what was imported before cannot be read";
            Failure::other(format!("{what} ({problem}); use --replace"))
        })?,
    };
    let (include, exclude) = (choice.includes(), choice.excludes());
    let bytes_max = usize::try_from(Limits::standard().definition_bytes_max).unwrap_or(usize::MAX);
    let options = OpenApiOptions {
        name: Some(name),
        include: &include,
        exclude: &exclude,
        read_only: choice.read_only,
        deprecated: choice.deprecated,
        rename: &choice.rename,
        names: &names,
        server: choice.api_server.as_deref(),
        variables: &choice.api_variable,
        base_url: choice.base_url.as_deref(),
        document_url: is_url.then_some(found.as_str()),
        output_schemas: !choice.no_output_schemas,
        explain_answers: choice.explain_answers,
        ..OpenApiOptions::new(&GuardSchemas, bytes_max)
    };
    let place = if is_url { fetch::place(&found) } else { &found }.to_owned();
    let import = import_openapi(&text, &options)
        .map_err(|error| Failure::other(format!("{place}: {error}; nothing was imported")))?;
    let (draft, notes, counts) = (import.draft, import.notes, Some(import.counts));
    Ok(Read { draft, notes, counts, unfit: Vec::new(), secrets: Vec::new(), place })
}

fn options<'a>(name: &'a str, choice: &'a Choice) -> ImportOptions<'a> {
    ImportOptions {
        server: Some(name),
        tool: choice.tool.as_deref(),
        base_url: choice.base_url.as_deref(),
        path_ids: choice.path_ids,
        values: if choice.defaults { PastedValues::Defaults } else { PastedValues::Examples },
    }
}

/// Of several origins the one that was named.
fn chosen(
    collected: Collected,
    (name, place): (&str, &str),
    choice: &Choice,
) -> Result<Read, Failure> {
    let Collected { servers, notes } = collected;
    let wanted = choice.origin.as_deref().map(|text| {
        Origin::parse(text)
            .map_err(|error| Failure::usage(format!("--origin {text}: {error}")))
            .map(|origin| origin.to_string())
    });
    let wanted = wanted.transpose()?;
    let known: Vec<(String, usize)> =
        servers.iter().map(|it| (origin(&it.draft), it.draft.tools.len())).collect();
    let fits = |it: &Imported| wanted.as_ref().is_none_or(|wanted| origin(&it.draft) == *wanted);
    let mut fitting = servers.into_iter().filter(fits);
    match (fitting.next(), fitting.next()) {
        (Some(mut imported), None) => {
            // Of one origin alone the server has the name that it was given.
            imported.draft.name = Some(name.to_owned());
            Ok(one(imported, notes, place, choice))
        }
        (None, _) if known.is_empty() => {
            told::notes(&notes, true);
            Err(Failure::other(format!("{place} holds no request that can be a tool")))
        }
        (None | Some(_), _) => {
            let lines = known.into_iter().map(|(origin, tools)| {
                let noun = if tools == 1 { "tool" } else { "tools" };
                format!("  --origin {origin}  ({tools} {noun})")
            });
            let message = format!("{place} holds requests to these origins; choose one of them");
            Err(Failure::definition(message, lines.collect()))
        }
    }
}

/// Where the requests of a draft go.
fn origin(draft: &Draft) -> String {
    let url = draft.tools.first().map_or("", |tool| tool.url.as_str());
    let split = Origin::split_url(draft.base_url.as_deref().unwrap_or(url));
    split.map_or_else(|_| url.to_owned(), |(origin, _)| origin.to_string())
}

fn one(imported: Imported, more: Vec<Note>, place: &str, choice: &Choice) -> Read {
    let Imported { mut draft, mut notes, secrets } = imported;
    notes.extend(more);
    let unfit = choice.retain(&mut draft.tools);
    Read { draft, notes, counts: None, unfit, secrets, place: shown(place).to_owned() }
}

fn shown(place: &str) -> &str {
    if place == "-" { "stdin" } else { place }
}

/// Everything that is wrong with what was read, each with its place.
fn unread(place: &str, errors: &[PasteError]) -> Failure {
    let line = |error: &PasteError| output::plain(&format!("{}:{error}", shown(place)));
    Failure::definition("nothing was imported", errors.iter().map(line).collect())
}

/// The text of a file, or of stdin.
fn text(place: &str) -> Result<String, Failure> {
    let limit = u64::try_from(DOCUMENT_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    let mut text = String::new();
    let read = if place == "-" {
        if std::io::stdin().is_terminal() {
            output::notice("reading stdin until Ctrl-D");
        }
        std::io::stdin().lock().take(limit).read_to_string(&mut text)
    } else {
        std::fs::File::open(place).and_then(|file| file.take(limit).read_to_string(&mut text))
    };
    let read = read.map_err(|error| {
        let way = if place.starts_with("file:") { "; write its path without file://" } else { "" };
        Failure::usage(format!("{}: {error}{way}", shown(place)))
    })?;
    if read > DOCUMENT_BYTES_MAX {
        let place = shown(place);
        return Err(Failure::usage(format!("{place} is larger than {DOCUMENT_BYTES_MAX} bytes")));
    }
    Ok(text)
}
