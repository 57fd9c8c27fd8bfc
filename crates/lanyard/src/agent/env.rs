//! What the agent commands need of the environment, handed in as pairs: only the program's
//! configuration reads the environment itself.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// How long `list` waits for one server unless told otherwise. Source: mcporter 0.12.3.
const LIST_TIMEOUT_MS: u64 = 30_000;
/// How long `call` waits unless told otherwise. Source: mcporter 0.12.3.
const CALL_TIMEOUT_MS: u64 = 60_000;

/// The environment of one agent command.
pub(crate) struct AgentEnv {
    /// `LANYARD_URL`: a gateway's address, or one endpoint.
    pub(crate) url: Option<String>,
    /// `LANYARD_TOKEN`.
    pub(crate) token: Option<AgentToken>,
    /// `LANYARD_CONFIG` or `MCPORTER_CONFIG`: a configuration file.
    pub(crate) config_path: Option<PathBuf>,
    /// `LANYARD_LIST_TIMEOUT` or `MCPORTER_LIST_TIMEOUT`, in milliseconds.
    pub(crate) list_timeout_ms: u64,
    /// `LANYARD_CALL_TIMEOUT` or `MCPORTER_CALL_TIMEOUT`, in milliseconds.
    pub(crate) call_timeout_ms: u64,
    /// `LANYARD_EXIT_CODES=simple`: every failure ends with 1.
    pub(crate) exit_codes_simple: bool,
    /// Whether `NO_COLOR`, `CI` or `FORCE_COLOR` decide about colours.
    pub(crate) colour: Colour,
    variables: BTreeMap<String, String>,
}

/// What the environment says about colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Colour {
    /// Nothing: colours on a terminal.
    OnTerminal,
    /// `FORCE_COLOR`.
    Always,
    /// `NO_COLOR` or `CI`.
    Never,
}

/// A token as the environment gives it. It is sent, and never printed.
#[derive(Clone)]
pub(crate) struct AgentToken(String);

impl AgentToken {
    /// The token itself, for the header that carries it.
    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for AgentToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("AgentToken(..)")
    }
}

impl AgentEnv {
    /// Reads the variables of an agent command. A variable with the prefix `LANYARD_` wins over
    /// the same with `MCPORTER_`; an empty one counts as absent.
    pub(crate) fn from_pairs(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let variables = pairs.into_iter().collect::<BTreeMap<_, _>>();
        let get = |name: &str| variables.get(name).filter(|value| !value.is_empty()).cloned();
        let either = |name: &str| {
            get(&format!("LANYARD_{name}")).or_else(|| get(&format!("MCPORTER_{name}")))
        };
        let millis = |name: &str| either(name).and_then(|text| text.trim().parse().ok());
        let colour = match (get("FORCE_COLOR"), get("NO_COLOR").or_else(|| get("CI"))) {
            (Some(force), _) if force != "0" => Colour::Always,
            (Some(_), _) | (None, Some(_)) => Colour::Never,
            (None, None) => Colour::OnTerminal,
        };
        Self {
            url: get("LANYARD_URL"),
            token: get("LANYARD_TOKEN").map(|token| AgentToken(token.trim().to_owned())),
            config_path: either("CONFIG").map(PathBuf::from),
            list_timeout_ms: millis("LIST_TIMEOUT").unwrap_or(LIST_TIMEOUT_MS),
            call_timeout_ms: millis("CALL_TIMEOUT").unwrap_or(CALL_TIMEOUT_MS),
            exit_codes_simple: get("LANYARD_EXIT_CODES").as_deref() == Some("simple"),
            colour,
            variables,
        }
    }

    /// Every variable, for a program that the agent itself could start.
    pub(super) fn variables(&self) -> Vec<(String, String)> {
        self.variables.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// A variable, for the references inside a configuration file.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }
}

/// The variables hold credentials, so none of their values is shown.
impl fmt::Debug for AgentEnv {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("AgentEnv")
            .field("url", &self.url.as_ref().map(|_| ".."))
            .field("token", &self.token)
            .field("config_path", &self.config_path)
            .finish_non_exhaustive()
    }
}
