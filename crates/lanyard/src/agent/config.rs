//! Reads a mcporter configuration file: which servers there are and how each is reached. Pure.
//!
//! Unknown keys are ignored, as mcporter does. A reference to a variable is resolved for its own
//! server alone: one that is not set makes that server unusable and no other.

use serde_json::{Map, Value};

use super::client::Endpoint;
use super::env::AgentEnv;
use super::issue::{Answerer, Issue};
use super::target::{Server, ToolFilter};

const URL_KEYS: &[&str] = &["baseUrl", "base_url", "url", "serverUrl", "server_url"];
const COMMAND_KEYS: &[&str] = &["command", "executable"];

/// The servers of a file, in its order. `path` is how messages name the file.
pub(super) fn read_config(text: &str, path: &str, env: &AgentEnv) -> Result<Vec<Server>, Issue> {
    let document = serde_json::from_str::<Value>(&without_comments(text))
        .map_err(|problem| Issue::other(format!("{path}: {problem}")))?;
    let entries = document.get("mcpServers").and_then(Value::as_object);
    let entries = entries.ok_or_else(|| Issue::other(format!("{path}: no `mcpServers` object")))?;
    let entries = entries.iter().filter_map(|(name, entry)| Some((name, entry.as_object()?)));
    let enabled = entries.filter(|(_name, entry)| {
        entry.get("disabled") != Some(&Value::Bool(true))
            && entry.get("enabled") != Some(&Value::Bool(false))
    });
    Ok(enabled.map(|(name, entry)| read_server(name, entry, path, env)).collect())
}

fn read_server(name: &str, entry: &Map<String, Value>, path: &str, env: &AgentEnv) -> Server {
    let endpoint = read_endpoint(entry, env);
    let command = first_text(entry, COMMAND_KEYS);
    let transport = match (&endpoint, command) {
        (Ok(endpoint), _) => endpoint.to_string(),
        // Arguments of a command may hold credentials.
        (Err(_), Some(command)) => format!("STDIO {command}"),
        (Err(_), None) => "HTTP".to_owned(),
    };
    Server {
        name: name.to_owned(),
        description: entry.get("description").and_then(Value::as_str).map(str::to_owned),
        transport,
        source: path.to_owned(),
        answerer: Answerer::Server,
        endpoint,
        filter: read_filter(entry),
    }
}

fn read_endpoint(entry: &Map<String, Value>, env: &AgentEnv) -> Result<Endpoint, Issue> {
    let Some(url) = first_text(entry, URL_KEYS) else {
        return Err(Issue::other(match first_text(entry, COMMAND_KEYS) {
            Some(_) => "stdio servers cannot be started from here; add it to a gateway instead",
            None => "its entry has no `url`",
        }));
    };
    let unusable = |problem: super::client::ClientError| Issue::other(problem.to_string());
    let mut endpoint = Endpoint::parse(&resolve(url, env)?).map_err(unusable)?;
    let headers = entry.get("headers").and_then(Value::as_object).map(Map::iter);
    for (name, value) in headers.into_iter().flatten() {
        let value = resolve(value.as_str().unwrap_or_default(), env)?;
        endpoint = endpoint.with_header(name, &value).map_err(unusable)?;
    }
    if let Some(token) = first_text(entry, &["bearerToken", "bearer_token"]) {
        endpoint = with_token(endpoint, &resolve(token, env)?).map_err(unusable)?;
    }
    if let Some(name) = first_text(entry, &["bearerTokenEnv", "bearer_token_env"]) {
        endpoint = with_token(endpoint, &variable(name, None, env)?).map_err(unusable)?;
    }
    Ok(endpoint)
}

/// A token with a scheme of its own is sent as it is.
fn with_token(endpoint: Endpoint, token: &str) -> Result<Endpoint, super::client::ClientError> {
    if token.contains(' ') {
        endpoint.with_header("authorization", token)
    } else {
        endpoint.with_bearer(token)
    }
}

fn read_filter(entry: &Map<String, Value>) -> ToolFilter {
    let names = |keys: &[&str]| {
        let listed = keys.iter().find_map(|key| entry.get(*key)?.as_array());
        listed.map(|names| names.iter().filter_map(Value::as_str).map(str::to_owned).collect())
    };
    match (names(&["allowedTools", "allowed_tools"]), names(&["blockedTools", "blocked_tools"])) {
        (Some(allowed), _) => ToolFilter::Only(allowed),
        (None, Some(blocked)) => ToolFilter::Except(blocked),
        (None, None) => ToolFilter::All,
    }
}

fn first_text<'a>(entry: &'a Map<String, Value>, keys: &[&str]) -> Option<&'a str> {
    keys.iter().find_map(|key| entry.get(*key)?.as_str())
}

/// A text with its references to variables resolved: `${X}`, `${X:-default}`, `${env:X}`,
/// `{env:X}`, and `$env:X` as the whole text.
fn resolve(text: &str, env: &AgentEnv) -> Result<String, Issue> {
    if let Some(name) = text.strip_prefix("$env:") {
        return variable(name, None, env);
    }
    let mut resolved = String::with_capacity(text.len());
    let mut rest = text;
    loop {
        let braced = rest.find("${");
        let bare = rest.find("{env:");
        let (at, opening) = match (braced, bare) {
            (Some(braced), Some(bare)) if bare < braced => (bare, "{env:"),
            (Some(braced), _) => (braced, "${"),
            (None, Some(bare)) => (bare, "{env:"),
            (None, None) => break,
        };
        let (before, reference) = rest.split_at_checked(at).unwrap_or((rest, ""));
        let reference = reference.strip_prefix(opening).unwrap_or_default();
        let Some((inner, after)) = reference.split_once('}') else { break };
        let (name, default) = match inner.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inner, None),
        };
        resolved.push_str(before);
        resolved.push_str(&variable(name.strip_prefix("env:").unwrap_or(name), default, env)?);
        rest = after;
    }
    resolved.push_str(rest);
    Ok(resolved)
}

fn variable(name: &str, default: Option<&str>, env: &AgentEnv) -> Result<String, Issue> {
    let set = env.variable(name).filter(|value| default.is_none() || !value.is_empty());
    set.or(default)
        .map(str::to_owned)
        .ok_or_else(|| Issue::other(format!("the variable {name} is not set")))
}

/// JSON without what JSONC adds: comments, and commas before a closing bracket. Line structure
/// stays, so that an error names the right line.
fn without_comments(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.trim_start_matches('\u{feff}').chars().peekable();
    let mut in_string = false;
    while let Some(letter) = letters.next() {
        match (letter, letters.peek()) {
            ('\\', Some(next)) if in_string => {
                plain.push('\\');
                plain.push(*next);
                letters.next();
                continue;
            }
            ('"', _) => in_string = !in_string,
            ('/', Some('/')) if !in_string => {
                while letters.next_if(|letter| *letter != '\n').is_some() {}
                continue;
            }
            ('/', Some('*')) if !in_string => {
                let mut before = ' ';
                for inner in letters.by_ref().skip(1) {
                    if inner == '\n' {
                        plain.push(inner);
                    }
                    if (before, inner) == ('*', '/') {
                        break;
                    }
                    before = inner;
                }
                continue;
            }
            (']' | '}', _) if !in_string => drop_trailing_comma(&mut plain),
            _ => {}
        }
        plain.push(letter);
    }
    plain
}

fn drop_trailing_comma(plain: &mut String) {
    let kept = plain.trim_end();
    if kept.ends_with(',') {
        let comma = kept.len().saturating_sub(1);
        plain.replace_range(comma..=comma, " ");
    }
}

#[cfg(test)]
mod tests;
