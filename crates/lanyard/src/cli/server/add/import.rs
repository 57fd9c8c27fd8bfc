//! A REST API from what describes it: OpenAPI, a curl line, a Postman collection, a recording.
//!
//! What is imported is read and written here, where its file is: the gateway gets a definition like
//! any other, and beside it what it was imported as, so that it can be imported again.

mod again;
mod choice;
mod fetch;
mod origins;
mod read;
mod told;

use clap::Args;
use lanyard_core::{Limits, Origin, ServerName};
use lanyard_import::{Draft, FoundSecret};
use serde_json::{Map, Value, json};

use self::again::Standing;
pub(crate) use self::choice::Choice;
use self::read::{Read, Source};
use super::{AddArgs, Given, options};
use crate::cli::Operating;
use crate::failure::Failure;
use crate::{output, prompt};

/// What a REST API is imported from.
#[derive(Debug, Args)]
#[command(next_help_heading = "Import")]
pub(crate) struct ImportArgs {
    /// A REST API: its OpenAPI 3.0, 3.1 or Swagger 2.0 description, JSON or YAML; `-` reads stdin
    #[arg(long, value_name = "FILE|URL")]
    openapi: Option<String>,
    /// A REST API: one curl line that works; `-` reads stdin, or asks without showing what is pasted
    #[arg(long, value_name = "FILE|-")]
    curl: Option<String>,
    /// A REST API: a Postman collection (2.1 or 2.0)
    #[arg(long, value_name = "FILE")]
    postman: Option<String>,
    /// A REST API: what a browser recorded (HAR 1.2)
    #[arg(long, value_name = "FILE")]
    har: Option<String>,
    /// The environment of the Postman collection
    #[arg(long, value_name = "FILE", requires = "postman")]
    postman_environment: Option<String>,
    #[command(flatten)]
    choice: Choice,
    /// Bring into the server of that name what is new: what was edited since stays
    #[arg(long, requires = "import", conflicts_with = "replace")]
    merge: bool,
    /// Another origin than the API's own that its description may send keys to; repeatable
    #[arg(long, value_name = "ORIGIN", requires = "import")]
    secret_origin: Vec<String>,
    /// Show everything that was noted, and not only what matters most
    #[arg(long, requires = "import")]
    notes: bool,
}

impl ImportArgs {
    /// What it is imported from, if it is.
    fn source(&self) -> Option<Source<'_>> {
        let environment = self.postman_environment.as_deref();
        let openapi = self.openapi.as_deref().map(Source::OpenApi);
        let curl = self.curl.as_deref().map(Source::Curl);
        let postman = self.postman.as_deref().map(|file| Source::Postman(file, environment));
        openapi.or(curl).or(postman).or(self.har.as_deref().map(Source::Har))
    }

    /// Whether stdin is read for it.
    pub(super) fn reads_stdin(&self) -> bool {
        [&self.openapi, &self.curl, &self.postman, &self.har]
            .into_iter()
            .any(|it| it.as_deref() == Some("-"))
    }
}

/// What is sent to the gateway.
pub(super) struct Prepared {
    pub(super) body: Value,
    /// What is told beside the answer.
    pub(super) notes: Vec<String>,
    /// The version of the server with which it was merged, if it was.
    pub(super) merge: Option<u64>,
}

impl Prepared {
    /// What was not imported.
    pub(super) fn of(body: Value) -> Self {
        Self { body, notes: Vec::new(), merge: None }
    }
}

/// Reads what is to be imported. None: it was printed, as a dry run wants, or there is nothing to do.
pub(super) async fn prepare(
    args: &AddArgs,
    given: &mut Given,
    operating: &Operating<'_>,
) -> Result<Option<Prepared>, Failure> {
    let Some(source) = args.import.source() else {
        return Err(Failure::usage("name what is imported"));
    };
    let standing = standing(args, operating).await?;
    let choice = args.import.choice.or_before(
        args.base_url.as_deref(),
        standing.as_ref(),
        source.format(),
    )?;
    let mut read = chosen(args, source, &choice, standing.as_ref()).await?;
    let notes: Vec<String> = read.notes.iter().map(ToString::to_string).collect();
    if !args.dry_run {
        origins::check(args, &read, standing.as_ref())?;
        take_credentials(args, given, &mut read, standing.as_ref())?;
    }
    let fresh = read.draft.to_yaml();
    let merged = match &standing {
        Some(standing) => Some(standing.merge(&mut read.draft, source)?),
        None => None,
    };
    if let Some(merged) = &merged {
        again::tell(merged);
    }
    let source_text = merged.as_ref().map_or(fresh.as_str(), |it| it.yaml.as_str());
    check_size(source_text, args.dry_run)?;
    if args.dry_run {
        dry(args, source_text, &notes, &read)?;
        if origins::check_base(&read.draft).is_ok() {
            told::unusable(source_text);
        }
        return Ok(None);
    }
    told::credential(source_text)?;
    let options = merged_options(args, given, standing.as_ref())?;
    if let (Some(merged), Some(standing)) = (&merged, &standing) {
        // What is said beside the description is asked for, whatever is new in that.
        let says_more = !args.grant.is_empty()
            || args.notify
            || !given.values.is_empty()
            || !given.bindings.is_empty()
            || options != standing.options;
        if !again::agreed(args, says_more, merged)? {
            return Ok(None);
        }
    }
    let mut body = json!({ "file": read.place, "source": source_text, "options": options });
    let is_base = source.is_whole() || standing.is_none();
    if let (Some(body), true) = (body.as_object_mut(), is_base) {
        let imported = json!({
            "format": source.format(),
            "place": read.place,
            "options": choice.to_json(),
            "definition": fresh,
        });
        body.insert("imported".to_owned(), imported);
    }
    Ok(Some(Prepared { body, notes, merge: standing.map(|it| it.version) }))
}

/// Reads what was chosen, and tells what could not be expressed.
async fn chosen(
    args: &AddArgs,
    source: Source<'_>,
    choice: &Choice,
    standing: Option<&Standing>,
) -> Result<Read, Failure> {
    if let Err(problem) = ServerName::parse(&args.name) {
        return Err(Failure::usage(problem.to_string()));
    }
    if let Some(Err(problem)) = args.base_url.as_deref().map(Origin::split_url) {
        return Err(Failure::usage(format!("--base-url: {problem}")));
    }
    let patch = choice.patch()?;
    let mut read = source.read(&args.name, choice, standing).await?;
    read.draft.patch = patch;
    told::notes(&read.notes, args.import.notes);
    if let Some(counts) = &read.counts {
        told::counts(counts);
    }
    // What fitted before may be gone, where something stands.
    if let (Some(unfit), None) = (read.unfit.first(), standing) {
        return Err(Failure::usage(format!("{unfit}: no request fits; nothing was changed")));
    }
    if read.draft.tools.is_empty() {
        return Err(Failure::other("nothing is left to be a tool; nothing was changed"));
    }
    Ok(read)
}

/// What stands there, where something does that is not to be replaced as a whole.
async fn standing(args: &AddArgs, operating: &Operating<'_>) -> Result<Option<Standing>, Failure> {
    let found = match operating.client() {
        Ok(client) => Standing::find(&client, &args.name).await,
        Err(failure) => Err(failure),
    };
    match found {
        // What is to take the place of all that stands there is read as if nothing did.
        Ok(standing) => Ok(standing.filter(|_| !args.replace)),
        // A dry run prints a definition, and no gateway needs to run for that.
        Err(_) if args.dry_run => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// A definition that is larger than the gateway reads can be printed, to be cut by hand, and no more.
fn check_size(definition: &str, dry_run: bool) -> Result<(), Failure> {
    let most = Limits::standard().definition_bytes_max;
    if u64::try_from(definition.len()).is_ok_and(|size| size <= most) {
        return Ok(());
    }
    let size = definition.len().div_ceil(1_000_000);
    let message = format!(
        "the definition would have {size} MB, and at most {most} bytes are read: choose operations with --include or --exclude"
    );
    if dry_run {
        output::notice(&message);
        return Ok(());
    }
    Err(Failure::other(format!("{message}; nothing was changed")))
}

/// What was said beside the definition before, with what is said now on top.
fn merged_options(
    args: &AddArgs,
    given: &Given,
    standing: Option<&Standing>,
) -> Result<Map<String, Value>, Failure> {
    let mut merged = standing.map(|it| it.options.clone()).unwrap_or_default();
    let mut said = options(args)?;
    // It is in the definition, which can be edited.
    said.remove("base_url");
    said.retain(|_, value| !value.as_array().is_some_and(Vec::is_empty));
    merged.extend(said);
    let mut secrets = merged.get("secrets").and_then(Value::as_object).cloned().unwrap_or_default();
    secrets.extend(given.bindings.iter().map(|(key, name)| (key.clone(), json!(name))));
    if !secrets.is_empty() {
        merged.insert("secrets".to_owned(), Value::Object(secrets));
    }
    Ok(merged)
}

/// Prints what would be added.
fn dry(args: &AddArgs, definition: &str, notes: &[String], read: &Read) -> Result<(), Failure> {
    let secrets: Vec<String> = read.secrets.iter().map(|it| it.name.reference()).collect();
    if args.json {
        let shown = json!({ "definition": definition, "notes": notes, "secrets": secrets });
        return Ok(output::json(&shown)?);
    }
    if !secrets.is_empty() {
        output::notice(&format!("would be stored as secrets: {}", secrets.join(", ")));
    }
    Ok(output::bytes(definition.as_bytes())?)
}

/// Takes the credentials that were found, after a question where somebody can answer it, and asks
/// for those that are missing. What is not stored is asked for later: the draft names a secret
/// without a value.
fn take_credentials(
    args: &AddArgs,
    given: &mut Given,
    read: &mut Read,
    standing: Option<&Standing>,
) -> Result<(), Failure> {
    let asks = prompt::is_attended() && !args.json;
    for FoundSecret { name, value, place } in std::mem::take(&mut read.secrets) {
        let reference = name.reference();
        if standing.is_some_and(|it| it.has_secret(name.as_str())) {
            output::notice(&format!(
                "{reference} has a value already; {place} is not stored (`lanyard secret rotate {name}` does that)"
            ));
            continue;
        }
        let parameter = read.draft.parameter_of(&reference);
        let is_named = parameter.is_some_and(|it| given.bindings.contains_key(it));
        let question =
            format!("{} holds a credential. Store it as {reference}?", told::begun(&place));
        if is_named || (asks && !prompt::confirm(&question, true)?) {
            read.draft.forget(&reference);
        } else {
            given.values.insert(name.as_str().to_owned(), value.expose().to_owned());
        }
    }
    if asks && standing.is_none() && !args.trial.no_verify {
        ask_for_missing(given, &read.draft, &args.name)?;
    }
    Ok(())
}

/// Asks for the credentials that a new server needs and that nothing was said of.
fn ask_for_missing(given: &mut Given, draft: &Draft, server: &str) -> Result<(), Failure> {
    let own = draft.tools.iter().filter_map(|tool| tool.security.as_ref()).flatten();
    let needed: Vec<&str> =
        draft.default_security.iter().chain(own).map(|it| it.scheme.as_str()).collect();
    for scheme in &draft.schemes {
        let id = scheme.id.as_str();
        let is_open = scheme.credential.is_none() && needed.contains(&id);
        if !is_open || given.bindings.contains_key(id) {
            continue;
        }
        let prompt = format!(
            "`{}` needs a credential, which goes to {}. Type or paste it, then Enter; it is not shown. Enter alone gives none, and then no call can be tried.",
            output::plain(id),
            origins::main(draft).unwrap_or_else(|| "the API".to_owned())
        );
        let value = prompt::paste(&prompt, |_| false)?;
        let value = value.trim_end_matches('\n');
        if !value.is_empty() {
            given.give(server, id, value.to_owned())?;
        }
    }
    Ok(())
}
