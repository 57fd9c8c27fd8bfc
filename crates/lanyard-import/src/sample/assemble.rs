//! Samples as drafts of servers: one for each origin.

use std::collections::BTreeMap;

use lanyard_core::Origin;
use zeroize::Zeroizing;

use super::tool::{One, tool};
use super::{Body, Sample, headers, path};
use crate::credential::{Credentials, FoundSecret, Known, looks_like_live_credential};
use crate::draft::{Draft, DraftTool, Requirement};
use crate::shell::variable;
use crate::{Names, Note, server_name, tool_name};

/// What becomes of pasted values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PastedValues {
    /// They are examples, and arguments that all samples have are required. A single request does
    /// not say what the API can do without; and a value that was pasted once must not be sent
    /// again because a call left it out: that charges the same customer twice.
    #[default]
    Examples,
    /// They are defaults, and no argument is required.
    Defaults,
}

/// What an import of samples is told.
#[derive(Debug, Clone, Copy, Default)]
pub struct ImportOptions<'a> {
    /// The server's name; else it is made of the host's.
    pub server: Option<&'a str>,
    /// The tool's name, where one request is imported; else it is made of method and path.
    pub tool: Option<&'a str>,
    /// What a URL stands below that begins with a variable or a path.
    pub base_url: Option<&'a str>,
    /// Whether numbers and UUIDs in the path become arguments.
    pub path_ids: bool,
    /// What becomes of pasted values.
    pub values: PastedValues,
}

/// A server made of samples.
#[derive(Debug)]
pub struct Imported {
    /// The server, with references where credentials stood.
    pub draft: Draft,
    /// What is told about it.
    pub notes: Vec<Note>,
    /// The credentials that stood in the samples: to be put into the secret store.
    pub secrets: Vec<FoundSecret>,
}

/// Servers made of many samples.
#[derive(Debug)]
pub struct Collected {
    /// One for each origin.
    pub servers: Vec<Imported>,
    /// What is told of the source and belongs to none of them: what was left out.
    pub notes: Vec<Note>,
}

/// Makes servers of samples. `recorded`: a browser sent them.
pub(crate) fn assemble(
    samples: Vec<Sample>,
    options: &ImportOptions<'_>,
    recorded: bool,
) -> Vec<Imported> {
    assemble_with(samples, options, recorded, &BTreeMap::new())
}

/// The same with the values of variables that are credentials.
pub(crate) fn assemble_with(
    samples: Vec<Sample>,
    options: &ImportOptions<'_>,
    recorded: bool,
    values: &BTreeMap<String, Zeroizing<String>>,
) -> Vec<Imported> {
    let mut origins: Vec<(Origin, Vec<Sample>)> = Vec::new();
    for sample in samples {
        match origins.iter_mut().find(|(origin, _)| *origin == sample.origin) {
            Some((_, list)) => list.push(sample),
            None => origins.push((sample.origin.clone(), vec![sample])),
        }
    }
    let several = origins.len() > 1;
    let mut taken: Vec<String> = Vec::new();
    let mut sources = Vec::new();
    for (origin, samples) in origins {
        let wanted = match options.server {
            Some(name) if several => format!("{name}-{}", host_word(origin.host())),
            Some(name) => name.to_owned(),
            None => host_word(origin.host()),
        };
        let mut name = server_name(&wanted);
        if taken.contains(&name) {
            name = server_name(&origin.authority());
        }
        taken.push(name.clone());
        let mut credentials = Credentials::new(&name, values.clone());
        let taken_out = |mut sample: Sample| {
            drop_unnamed(&mut sample);
            let needed = credentials.take(&mut sample);
            (sample, needed)
        };
        let samples = samples.into_iter().map(taken_out).collect();
        sources.push(Source { name, samples, credentials });
    }
    // A credential of one request may stand in any other, of another origin too.
    let values: Vec<&str> =
        sources.iter().flat_map(|source| source.credentials.all_values()).collect();
    let known = Known::new(&values);
    sources.into_iter().map(|source| server(source, options, recorded, &known)).collect()
}

/// What a server is made of.
struct Source {
    name: String,
    /// With what each asks for.
    samples: Vec<(Sample, Vec<Requirement>)>,
    credentials: Credentials,
}

/// The word of a host that names its owner: `stripe` of `api.stripe.com`.
fn host_word(host: &str) -> String {
    const SECOND: &[&str] = &["ac", "co", "com", "edu", "gov", "net", "org"];
    let numeric = host.contains(':') || host.ends_with(|c: char| c.is_ascii_digit());
    let mut labels: Vec<&str> = host.split('.').collect();
    if numeric {
        return "api".to_owned();
    }
    if labels.len() > 1 {
        let top = labels.pop().unwrap_or_default();
        if labels.len() > 1 && top.len() == 2 && labels.last().is_some_and(|l| SECOND.contains(l)) {
            labels.pop();
        }
    }
    labels.last().copied().unwrap_or("api").to_owned()
}

fn server(source: Source, options: &ImportOptions<'_>, recorded: bool, known: &Known) -> Imported {
    let Source { name, samples, credentials } = source;
    let mut groups: Vec<(String, Vec<One>)> = Vec::new();
    let mut notes: Vec<Note> = Vec::new();
    for (mut sample, needed) in samples {
        known.scrub(&mut sample);
        headers::prune(&mut sample, recorded);
        say_placeholders(&mut sample);
        let mut own: Vec<Note> = Vec::new();
        for note in sample.notes.drain(..) {
            if !own.contains(&note) {
                own.push(note);
            }
        }
        notes.extend(own);
        let path = path::read(&sample, options.path_ids);
        let key = format!("{} {} {}", sample.method, path.template, kind(&sample.body));
        let one = One { sample, path, needed };
        match groups.iter_mut().find(|(other, _)| *other == key) {
            Some((_, list)) => list.push(one),
            None => groups.push((key, vec![one])),
        }
    }
    let mut names = Names::default();
    let mut tools: Vec<DraftTool> = Vec::new();
    for (key, group) in &groups {
        let Some(first) = group.first() else { continue };
        let wanted = names.take(&wanted_name(first, options), key);
        tools.extend(tool(wanted, group, options.values));
    }
    tools.retain(|tool| stays(tool, known, &mut notes));
    notes.iter_mut().for_each(|note| known.mask_note(note));
    if tools.is_empty() && known.is_in_name(&name) {
        return Imported { draft: Draft::default(), notes, secrets: Vec::new() };
    }
    let default_security = shared_security(&mut tools);
    let draft = Draft {
        name: Some(name),
        schemes: credentials.schemes(),
        config: credentials.config(),
        default_security,
        tools,
        ..Draft::default()
    };
    Imported { draft, notes, secrets: credentials.found }
}

/// The last line: a tool that still says a credential, wherever it comes from, is left out.
fn stays(tool: &DraftTool, known: &Known, notes: &mut Vec<Note>) -> bool {
    let alone = Draft { tools: vec![tool.clone()], ..Draft::default() };
    let named = known.is_in_name(&tool.name)
        || tool.args.iter().any(|arg| known.is_in_name(&arg.name) || known.is_in_name(arg.wire()));
    let says = named || known.holds(&alone.to_yaml());
    if says {
        notes.push(Note::skipped(
            tool.place.clone(),
            "a credential of this source stands where it cannot be taken out, in the host or across \
             parts of the path: write `<value>` there",
        ));
    }
    !says
}

/// A name must be known when a definition is added: what is named by a variable is left out.
fn drop_unnamed(sample: &mut Sample) {
    let mut left_out: usize = 0;
    let mut keep = |name: &str| {
        let known = !variable::has(name);
        left_out = left_out.saturating_add(usize::from(!known));
        known
    };
    sample.query.retain(|pair| keep(&pair.name));
    match &mut sample.body {
        Body::Form(pairs) => pairs.retain(|pair| keep(&pair.name)),
        Body::Multipart(parts) => parts.retain(|part| keep(&part.pair.name)),
        Body::Json(value) => {
            if let Some(members) = value.as_object_mut() {
                members.retain(|name, _| keep(name));
            }
        }
        Body::None | Body::Text(_) | Body::File => {}
    }
    if left_out > 0 {
        sample.warn(format!(
            "{left_out} of its names are variables and left out: write the names that are meant"
        ));
    }
}

/// A segment that looks like a placeholder stays as it is, and is told.
fn say_placeholders(sample: &mut Sample) {
    let found: Vec<String> = path::placeholders(sample).map(str::to_owned).collect();
    for segment in found {
        let name = segment.to_ascii_lowercase();
        sample.warn(format!(
            "`{segment}` in the path looks like a placeholder and is sent as it is: write \
             `{{{name}}}` to make it an argument, or your own value"
        ));
    }
}

fn kind(body: &Body) -> &'static str {
    match body {
        Body::None => "",
        Body::Form(_) => "form",
        Body::Json(serde_json::Value::Object(_)) => "json",
        Body::Json(_) => "json value",
        Body::Multipart(_) => "multipart",
        Body::Text(_) => "text",
        Body::File => "file",
    }
}

/// The name that was given, what a collection calls it, or method and path.
fn wanted_name(one: &One, options: &ImportOptions<'_>) -> String {
    if let Some(name) = options.tool {
        return tool_name(name);
    }
    let called = one.sample.called.as_deref().filter(|title| {
        looks_like_live_credential(title).is_none()
            && !title.contains("://")
            && !title.starts_with('/')
            && title.contains(|c: char| c.is_ascii_alphabetic())
    });
    if let Some(title) = called {
        let words: Vec<String> = title.split_whitespace().map(str::to_lowercase).collect();
        return tool_name(&words.join("_"));
    }
    let method = one.sample.method.to_ascii_lowercase();
    let words: Vec<&str> = one.path.words.split('/').filter(|word| !word.is_empty()).collect();
    let path = words.join("_");
    match path.is_empty() {
        true => tool_name(&method),
        false => tool_name(&format!("{method}_{path}")),
    }
}

/// What all tools ask for is the server's.
fn shared_security(tools: &mut [DraftTool]) -> Vec<Requirement> {
    let Some(first) = tools.first().and_then(|tool| tool.security.clone()) else {
        return Vec::new();
    };
    if tools.iter().any(|tool| tool.security.as_ref() != Some(&first)) {
        return Vec::new();
    }
    tools.iter_mut().for_each(|tool| tool.security = None);
    first
}
