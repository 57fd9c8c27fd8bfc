//! What an operator says of a server beside its definition: read, checked, set key by key.

mod marks;

use std::collections::BTreeMap;
use std::time::Duration;

use lanyard_core::{Origin, SecretName, Tags, ToolName, span};
use lanyard_rest::suggestion;
use lanyard_store::ServerRow;
use serde::{Deserialize, Serialize};

pub use self::marks::ToolOptions;
use crate::error::ApiError;

/// What an operator sets for a server beside its definition; stored as JSON beside it. What is
/// absent is the default, whatever that is by then.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoredOptions {
    /// What stands before its tools' names on `/mcp`; `NAME__` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// The longest a call may take, in milliseconds; wins over the definition's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// Hosts whose names may lead to private addresses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_private: Vec<String>,
    /// What path-only URLs of the definition start with. REST only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// Secrets bound from outside: a key of `server.config` or a scheme's id, with a name. REST
    /// only.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, String>,
    /// Plaintext origins off this machine that secrets may be sent to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub insecure_origins: Vec<String>,
    /// Which protocol it speaks; found out when absent. MCP only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub era: Option<Era>,
    /// How long it runs or stays connected. MCP only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep: Option<Keep>,
    /// How many calls run on it at a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u64>,
    /// Whether its results are marked as untrusted; on `/mcp` alone when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub untrusted_wrap: Option<UntrustedWrap>,
    /// Whether placeholders in optional arguments are left out; on for MCP servers when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strip_optional_args: Option<bool>,
    /// Whether it is called with users' own credentials alone. MCP only.
    #[serde(skip_serializing_if = "is_off")]
    pub require_user_credentials: bool,
    /// Tools that are listed in full however many there are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inline: Vec<String>,
    /// The tools that may be seen of it; all when absent. MCP only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools: Option<Vec<String>>,
    /// What is masked in what it says; as the gateway was started where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scrub: Option<Scrub>,
    /// Whether the arguments and answers of its calls are kept, sealed.
    #[serde(skip_serializing_if = "is_off")]
    pub payloads: bool,
    /// What becomes of a call whose arguments hold what looks like a credential.
    #[serde(skip_serializing_if = "is_refused")]
    pub argument_credentials: ArgumentCredentials,
    /// What keeps its process apart; nothing does yet. MCP only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub isolation: Option<Isolation>,
    /// What is said of it, for policies.
    #[serde(skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
    /// What a call of it costs, in units of cost; one when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<u64>,
    /// The same of single tools, on top.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub of_tools: BTreeMap<String, ToolOptions>,
}

/// Which protocol an MCP server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Era {
    /// It is asked.
    Auto,
    /// One of the versions with `initialize`.
    Legacy,
    /// 2026-07-28.
    Modern,
}

/// How long a server runs or stays connected; as text `always` or `idle 600s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Keep {
    /// As long as Lanyard.
    Always,
    /// Until nobody has used it for so long; the next call starts it again.
    Idle(Duration),
}

/// Whether results are marked as untrusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UntrustedWrap {
    /// On every endpoint.
    On,
    /// On every endpoint, in the very form that other gateways write.
    Exact,
    /// Nowhere.
    Off,
}

/// What is masked in what a server says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scrub {
    /// The secrets of its tenant.
    Exact,
    /// Those, and whatever has the form of a common credential.
    Patterns,
}

/// What becomes of a call whose arguments hold what looks like a credential.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ArgumentCredentials {
    /// It is denied: a credential in an argument has been seen by a model.
    #[default]
    Refuse,
    /// It goes on: the server's tools take credentials as data.
    Pass,
}

/// What keeps a process apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Isolation {
    /// Nothing but an environment of its own, its user's rights and limits.
    None,
}

/// The longest time limit that can be set for a call, in milliseconds: an hour.
const TIMEOUT_MS_MAX: u64 = 3_600_000;

/// The longest that an idle server can be kept: a week.
const IDLE_SECONDS_MAX: u64 = 7 * 24 * 60 * 60;

/// The most calls at a time that can be set.
const CONCURRENCY_MAX: u64 = 1024;

/// The most tools that can be listed in full by name.
const INLINE_MAX: usize = 1000;

impl StoredOptions {
    /// Reads what a row holds.
    pub fn read(row: &ServerRow) -> Result<Self, String> {
        serde_json::from_str(&row.options).map_err(|error| format!("options: {error}"))
    }

    /// Whether a tool of that name may be seen of the server.
    pub fn offers(&self, tool: &str) -> bool {
        self.tools.as_ref().is_none_or(|names| names.iter().any(|name| name == tool))
    }

    /// The options as they are kept: checked, and each thing written in its one normal form.
    pub(crate) fn checked(mut self, kind: ServerKind) -> Result<Self, ApiError> {
        self.prefix = self.prefix.map(|prefix| checked_prefix(&prefix)).transpose()?;
        if self.timeout_ms.is_some_and(|timeout| !(1..=TIMEOUT_MS_MAX).contains(&timeout)) {
            return Err(ApiError::invalid("a timeout is from 1 to 3600000 milliseconds"));
        }
        self.allow_private = hosts(&self.allow_private)?;
        for text in &mut self.insecure_origins {
            let origin = Origin::parse(text)
                .map_err(|error| ApiError::invalid(format!("origin `{text}`: {error}")))?;
            *text = origin.to_string();
        }
        self.concurrency = self.concurrency.map(checked_concurrency).transpose()?;
        self.inline = tools(&self.inline)?;
        self.tools = self.tools.as_deref().map(tools).transpose()?;
        marks::check(&self)?;
        self.check_kind(kind)?;
        Ok(self)
    }

    /// An option that the other kind of server alone has is a misunderstanding.
    fn check_kind(&self, kind: ServerKind) -> Result<(), ApiError> {
        let foreign: &[(&str, bool)] = match kind {
            ServerKind::Rest => &[
                ("era", self.era.is_some()),
                ("keep", self.keep.is_some()),
                ("require_user_credentials", self.require_user_credentials),
                ("tools", self.tools.is_some()),
                ("isolation", self.isolation.is_some()),
            ],
            ServerKind::Mcp => {
                &[("base_url", self.base_url.is_some()), ("secrets", !self.secrets.is_empty())]
            }
        };
        match foreign.iter().find(|(_, given)| *given) {
            Some((key, _)) => Err(other_kind(key, kind)),
            None => Ok(()),
        }
    }

    pub(crate) fn to_json(&self) -> Result<String, ApiError> {
        serde_json::to_string(self).map_err(|error| ApiError::internal("options", &error))
    }

    pub(crate) fn secret_pairs(&self) -> Result<Vec<(String, SecretName)>, ApiError> {
        let pair = |(parameter, name): (&String, &String)| {
            let name = match SecretName::from_reference(name) {
                Some(name) => name,
                None => SecretName::parse(name),
            };
            Ok((parameter.clone(), name?))
        };
        self.secrets.iter().map(pair).collect()
    }
}

/// The two kinds of servers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ServerKind {
    /// A REST API described in YAML.
    #[default]
    Rest,
    /// A server that speaks MCP itself.
    Mcp,
}

impl ServerKind {
    /// The kind that a row says.
    pub(crate) fn of(row: &ServerRow) -> Self {
        if row.kind == Self::Mcp.as_str() { Self::Mcp } else { Self::Rest }
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Rest => "rest",
            Self::Mcp => "mcp",
        }
    }
}

fn other_kind(key: &str, kind: ServerKind) -> ApiError {
    let (this, other) = match kind {
        ServerKind::Rest => ("a REST API", "MCP servers"),
        ServerKind::Mcp => ("an MCP server", "REST APIs"),
    };
    ApiError::invalid(format!("`{key}` is for {other}, and this is {this}"))
}

impl TryFrom<String> for Keep {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || "keep is `always` or `idle SPAN`, such as idle 10m, up to 7 days".to_owned();
        if text == "always" {
            return Ok(Self::Always);
        }
        let idle = text.strip_prefix("idle").map_or(text.as_str(), str::trim);
        let idle = span(idle).ok_or_else(wrong)?;
        if !(1..=IDLE_SECONDS_MAX).contains(&idle.as_secs()) {
            return Err(wrong());
        }
        Ok(Self::Idle(idle))
    }
}

impl From<Keep> for String {
    fn from(keep: Keep) -> Self {
        match keep {
            Keep::Always => "always".to_owned(),
            Keep::Idle(span) => format!("idle {}s", span.as_secs()),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_off(flag: &bool) -> bool {
    !flag
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_refused(set: &ArgumentCredentials) -> bool {
    *set == ArgumentCredentials::Refuse
}

/// What `server set` knows: the key, and what it takes.
pub(crate) const SETTINGS: &[(&str, &str)] = &[
    ("prefix", "a prefix, possibly empty"),
    ("timeout", "seconds"),
    ("allow_private", "hosts, comma-separated"),
    ("concurrency", "calls at a time"),
    ("untrusted_wrap", "on, exact or off"),
    ("strip_optional_args", "on or off"),
    ("scrub", "exact or patterns"),
    ("payloads", "on or off"),
    ("argument_credentials", "refuse or pass"),
    ("inline", "tools, comma-separated"),
    ("tools", "tools, comma-separated"),
    ("era", "auto, legacy or modern"),
    ("keep", "always, or idle SPAN"),
    ("require_user_credentials", "on or off"),
    ("isolation", "none"),
    ("cost", "units of cost a call"),
    ("tag.KEY", "text"),
    ("tool.TOOL.cost", "units of cost a call"),
    ("tool.TOOL.tag.KEY", "text"),
];

/// Sets one option from text. `None` and the word `default` take it back.
pub(crate) fn apply(
    options: &mut StoredOptions,
    kind: ServerKind,
    key: &str,
    value: Option<&str>,
) -> Result<(), ApiError> {
    // `default` is a text like any other for a tag.
    if marks::apply(options, key, value.filter(|value| !value.is_empty()))? {
        return Ok(());
    }
    let value = value.filter(|value| *value != "default");
    // An empty prefix is a prefix: none. Everywhere else nothing is the default.
    let filled = value.filter(|value| !value.is_empty());
    match key {
        "prefix" => options.prefix = value.map(checked_prefix).transpose()?,
        "timeout" => options.timeout_ms = filled.map(seconds).transpose()?,
        "allow_private" => options.allow_private = hosts(&listed(filled))?,
        "concurrency" => {
            options.concurrency =
                filled.map(|value| checked_concurrency(value.parse().unwrap_or(0))).transpose()?;
        }
        "untrusted_wrap" => {
            options.untrusted_wrap =
                filled.map(|value| word("untrusted_wrap", value)).transpose()?;
        }
        "strip_optional_args" => {
            options.strip_optional_args = filled.map(|value| switch(key, value)).transpose()?;
        }
        "scrub" => options.scrub = filled.map(|value| word("scrub", value)).transpose()?,
        "payloads" => {
            let switched = filled.map(|value| switch(key, value)).transpose()?;
            options.payloads = switched.unwrap_or(false);
        }
        "argument_credentials" => {
            options.argument_credentials =
                filled.map(|value| word(key, value)).transpose()?.unwrap_or_default();
        }
        "inline" => options.inline = tools(&listed(filled))?,
        "tools" => {
            options.tools = filled.map(|value| tools(&listed(Some(value)))).transpose()?;
        }
        "era" => options.era = filled.map(|value| word("era", value)).transpose()?,
        "keep" => {
            let keep = filled.map(|value| Keep::try_from(value.to_owned()));
            options.keep = keep.transpose().map_err(ApiError::invalid)?;
        }
        "require_user_credentials" => {
            let switched = filled.map(|value| switch(key, value)).transpose()?;
            options.require_user_credentials = switched.unwrap_or(false);
        }
        "isolation" => options.isolation = filled.map(isolation).transpose()?,
        _ => return Err(unknown(key)),
    }
    options.check_kind(kind)
}

fn unknown(key: &str) -> ApiError {
    let near = suggestion(key, SETTINGS.iter().map(|(key, _)| *key));
    let known: Vec<String> =
        SETTINGS.iter().map(|(key, takes)| format!("{key} ({takes})")).collect();
    ApiError::invalid(format!("`{key}` cannot be set{near}; what can: {}", known.join(", ")))
}

fn listed(value: Option<&str>) -> Vec<&str> {
    let words = value.unwrap_or_default().split(',').map(str::trim);
    words.filter(|word| !word.is_empty()).collect()
}

fn hosts(texts: &[impl AsRef<str>]) -> Result<Vec<String>, ApiError> {
    texts.iter().map(|text| checked_host(text.as_ref())).collect()
}

fn tools(texts: &[impl AsRef<str>]) -> Result<Vec<String>, ApiError> {
    let names: Vec<String> = texts
        .iter()
        .map(|text| Ok(ToolName::parse(text.as_ref())?.as_str().to_owned()))
        .collect::<Result<_, ApiError>>()?;
    if names.len() > INLINE_MAX {
        return Err(ApiError::invalid("at most 1000 tools are named here"));
    }
    Ok(names)
}

fn switch(key: &str, value: &str) -> Result<bool, ApiError> {
    match value {
        "on" | "true" => Ok(true),
        "off" | "false" => Ok(false),
        _ => Err(ApiError::invalid(format!("`{key}` is on or off, not `{value}`"))),
    }
}

/// One of the words that the type of an option has.
fn word<T: serde::de::DeserializeOwned>(key: &str, value: &str) -> Result<T, ApiError> {
    let takes = SETTINGS.iter().find(|(known, _)| *known == key).map_or("", |(_, takes)| takes);
    serde_json::from_value(serde_json::Value::from(value))
        .map_err(|_| ApiError::invalid(format!("`{key}` is {takes}, not `{value}`")))
}

fn isolation(value: &str) -> Result<Isolation, ApiError> {
    match value {
        "none" => Ok(Isolation::None),
        _ => Err(ApiError::invalid(
            "isolation is `none`: this version starts servers with the rights of its own user",
        )),
    }
}

fn checked_concurrency(calls: u64) -> Result<u64, ApiError> {
    if (1..=CONCURRENCY_MAX).contains(&calls) {
        Ok(calls)
    } else {
        Err(ApiError::invalid("concurrency is from 1 to 1024 calls at a time"))
    }
}

/// Seconds, with a fraction if need be, as milliseconds.
pub(crate) fn seconds(value: &str) -> Result<u64, ApiError> {
    let wrong = || ApiError::invalid("timeout is a number of seconds from 0.001 to 3600");
    let seconds: f64 = value.strip_suffix('s').unwrap_or(value).parse().map_err(|_| wrong())?;
    if !(0.001..=3600.0).contains(&seconds) {
        return Err(wrong());
    }
    let span = Duration::from_secs_f64(seconds);
    u64::try_from(span.as_millis()).map_err(|_| wrong())
}

/// A host as URLs write it: a name or an address, without a scheme, a port or a path.
fn checked_host(text: &str) -> Result<String, ApiError> {
    let wrong = || {
        ApiError::invalid(format!(
            "`{text}` is no host; write its name or address alone, without https:// and without a port"
        ))
    };
    let origin = Origin::parse(&format!("https://{text}")).map_err(|_| wrong())?;
    // With a port that was written, even the default one, the text is not the host alone.
    let bare = text.strip_prefix('[').and_then(|it| it.strip_suffix(']')).unwrap_or(text);
    let bare = bare.strip_suffix('.').unwrap_or(bare);
    let host = origin.host();
    let host = host.strip_suffix('.').unwrap_or(host);
    let same = host.eq_ignore_ascii_case(bare) || !bare.contains(':');
    if same { Ok(host.to_owned()) } else { Err(wrong()) }
}

/// A prefix is part of tool names, so it has their characters.
fn checked_prefix(prefix: &str) -> Result<String, ApiError> {
    if !prefix.is_empty() && ToolName::parse(prefix).is_err() {
        return Err(ApiError::invalid(
            "a prefix has only letters, digits, `_`, `-`, `.` and `/`, and may be empty",
        ));
    }
    Ok(prefix.to_owned())
}

#[cfg(test)]
mod tests;
