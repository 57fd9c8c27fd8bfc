//! Where a secret may be given out: towards an origin, or into the environment of one server.

use std::fmt;

use thiserror::Error;

use crate::{NameError, Origin, OriginError, ServerName};

/// Where a secret may be given out. What is written for an origin is no server's name and the
/// other way round, so that a list may hold both.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Binding {
    /// In requests to this origin.
    Origin(Origin),
    /// To this server of the secret's tenant: the process that it is, whatever that talks to.
    /// Written `server:NAME`.
    Server(ServerName),
}

/// Why a text is no binding.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BindingError {
    /// It is no origin.
    #[error(transparent)]
    Origin(#[from] OriginError),
    /// What follows `server:` is no name.
    #[error(transparent)]
    Server(#[from] NameError),
}

const SERVER_PREFIX: &str = "server:";

impl Binding {
    /// Reads `https://host[:port]` or `server:NAME`.
    pub fn parse(text: &str) -> Result<Self, BindingError> {
        match text.strip_prefix(SERVER_PREFIX) {
            Some(name) => Ok(Self::Server(ServerName::parse(name)?)),
            None => Ok(Self::Origin(Origin::parse(text)?)),
        }
    }
}

impl fmt::Display for Binding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Origin(origin) => write!(formatter, "{origin}"),
            Self::Server(name) => write!(formatter, "{SERVER_PREFIX}{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Binding;

    #[test]
    fn origins_and_servers_are_told_apart() {
        for (text, expected) in [
            ("HTTPS://A.example:443", "https://a.example"),
            ("http://server:80", "http://server"),
            ("server:git", "server:git"),
        ] {
            let binding = Binding::parse(text).unwrap();
            assert_eq!(binding.to_string(), expected);
            assert_eq!(Binding::parse(&binding.to_string()), Ok(binding));
        }
        for bad in ["", "git", "server:", "server:A", "server:a/b", "server:https://a", "//a"] {
            assert!(Binding::parse(bad).is_err(), "{bad}");
        }
    }
}
