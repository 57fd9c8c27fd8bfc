//! A text in which secrets stand by name.

use std::fmt;

use lanyard_core::SecretName;
use thiserror::Error;

/// A text in which secrets stand by name, such as `Bearer secret://github`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Template {
    /// The parts, in order.
    pub parts: Vec<Part>,
}

/// A part of a [`Template`].
#[derive(Clone, PartialEq, Eq)]
pub enum Part {
    /// As it stands.
    Text(String),
    /// The value of a secret.
    Secret(SecretName),
}

/// Why a text is no template. It does not repeat the text, which may hold a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TemplateError {
    /// What follows the prefix of a reference is no name.
    #[error(
        "what follows `secret://` is no name of a secret: use 1 to 64 lower-case letters, digits and inner hyphens"
    )]
    Name,
}

impl Template {
    /// Reads a text with any number of references. A reference ends with the last letter, digit or
    /// inner hyphen of its name; what comes then is text again.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut pieces = text.split(SecretName::REFERENCE_PREFIX);
        push_text(&mut parts, pieces.next().unwrap_or(""));
        for piece in pieces {
            let end = piece.find(|c: char| !is_name(c)).unwrap_or(piece.len());
            let name = piece.get(..end).unwrap_or("").trim_end_matches('-');
            let rest = piece.get(name.len()..).unwrap_or("");
            // `secret://my_key` would else be the secret `my` and the text `_key`.
            if rest.starts_with(|c: char| c.is_alphanumeric() || c == '_') {
                return Err(TemplateError::Name);
            }
            parts.push(Part::Secret(SecretName::parse(name).map_err(|_| TemplateError::Name)?));
            push_text(&mut parts, rest);
        }
        Ok(Self { parts })
    }

    /// A text without secrets.
    pub fn text(text: &str) -> Self {
        let mut parts = Vec::new();
        push_text(&mut parts, text);
        Self { parts }
    }

    /// Nothing but a secret.
    pub fn secret(name: SecretName) -> Self {
        Self { parts: vec![Part::Secret(name)] }
    }

    /// The secrets in it, in order.
    pub fn secrets(&self) -> impl Iterator<Item = &SecretName> {
        self.parts.iter().filter_map(|part| match part {
            Part::Secret(name) => Some(name),
            Part::Text(_) => None,
        })
    }

    /// Its texts, in order.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Text(text) => Some(text.as_str()),
            Part::Secret(_) => None,
        })
    }

    /// Whether it names no secret.
    pub fn is_plain(&self) -> bool {
        self.secrets().next().is_none()
    }

    /// The text with the secrets in their places.
    pub fn render<E>(&self, open: &dyn Fn(&SecretName) -> Result<String, E>) -> Result<String, E> {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Secret(name) => out.push_str(&open(name)?),
            }
        }
        Ok(out)
    }
}

fn push_text(parts: &mut Vec<Part>, text: &str) {
    if !text.is_empty() {
        parts.push(Part::Text(text.to_owned()));
    }
}

fn is_name(character: char) -> bool {
    matches!(character, 'a'..='z' | '0'..='9' | '-')
}

/// As it is written in configuration.
impl fmt::Display for Template {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts.iter().try_for_each(|part| match part {
            Part::Text(text) => formatter.write_str(text),
            Part::Secret(name) => formatter.write_str(&name.reference()),
        })
    }
}

/// Without text: somebody may have written a credential into it.
impl fmt::Debug for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => formatter.write_str("Text(..)"),
            Self::Secret(name) => write!(formatter, "Secret({name})"),
        }
    }
}

#[cfg(test)]
mod tests;
