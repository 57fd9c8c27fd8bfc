//! Where a user's own credential belongs in a request, or in the environment of a process.

use std::fmt;

/// Where a user's own credential belongs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum UserKey {
    /// `bearer`: the header `Authorization`, with `Bearer ` before the value.
    Bearer,
    /// `header:NAME`: a header, its name in lower case, which the value is all of.
    Header(String),
    /// `env:NAME`: a variable of the environment.
    Env(String),
}

impl UserKey {
    /// Reads what [`fmt::Display`] writes; `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once(':') {
            None => (text == "bearer").then_some(Self::Bearer),
            Some((_, "")) => None,
            Some(("header", name)) => Some(Self::Header(name.to_ascii_lowercase())),
            Some(("env", name)) => Some(Self::Env(name.to_owned())),
            Some(_) => None,
        }
    }

    /// The variable that it is; `None` for a header.
    pub fn variable(&self) -> Option<&str> {
        match self {
            Self::Bearer | Self::Header(_) => None,
            Self::Env(name) => Some(name),
        }
    }

    /// The header that it is, in lower case; `None` for a variable.
    pub fn header(&self) -> Option<&str> {
        match self {
            Self::Bearer => Some("authorization"),
            Self::Header(name) => Some(name),
            Self::Env(_) => None,
        }
    }
}

impl fmt::Display for UserKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bearer => formatter.write_str("bearer"),
            Self::Header(name) => write!(formatter, "header:{name}"),
            Self::Env(name) => write!(formatter, "env:{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for text in ["bearer", "header:x-api-key", "env:GIT_TOKEN", "header:a:b"] {
            assert_eq!(UserKey::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(UserKey::parse("header:X-Key"), Some(UserKey::Header("x-key".to_owned())));
        for text in ["", "Bearer", "header", "header:", "env:", "cookie:a", "bearer:x"] {
            assert_eq!(UserKey::parse(text), None, "{text}");
        }
    }
}
