//! Whether a URI could come from a URI template (RFC 6570), so that a resource is asked for where
//! its template came from.
//!
//! Matching is conservative: a simple variable is one segment or less, and parts of a query are
//! matched by their names. Time is linear in the length of the URI.

use std::fmt;
use std::sync::OnceLock;

use regex::{Regex, RegexBuilder};
use thiserror::Error;

/// The longest template, in bytes.
const TEMPLATE_BYTES_MAX: usize = 2048;

/// The longest URI that is looked at, in bytes.
const URI_BYTES_MAX: usize = 8 << 10;

/// Variables of one template.
const VARIABLES_MAX: usize = 32;

/// Memory of one compiled pattern, in bytes.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// Characters of a segment: none that ends one, no white space, no control character.
const SEGMENT: &str = r"[^/?#\x00-\x20\x7f]";

/// Characters of anything: no white space, no control character.
const ANY: &str = r"[^\x00-\x20\x7f]";

/// Why a text is no template that is matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum UriTemplateError {
    /// Too long.
    #[error("the template has more than {TEMPLATE_BYTES_MAX} bytes")]
    Length,
    /// Too many variables.
    #[error("the template has more than {VARIABLES_MAX} variables")]
    Variables,
    /// A brace without its other one.
    #[error("a brace of the template has no other one")]
    Brace,
    /// An expression that RFC 6570 does not know, or keeps for later.
    #[error("an expression of the template is not one of RFC 6570")]
    Expression,
}

/// A URI template.
pub struct UriTemplate {
    /// What every URI of it begins with.
    prefix: String,
    pattern: String,
    /// Made when a URI first begins as it should: most templates are never asked.
    compiled: OnceLock<Option<Regex>>,
}

impl UriTemplate {
    /// Reads a template.
    pub fn parse(template: &str) -> Result<Self, UriTemplateError> {
        if template.len() > TEMPLATE_BYTES_MAX {
            return Err(UriTemplateError::Length);
        }
        let mut pattern = String::from(r"\A");
        let mut variables: usize = 0;
        let mut pieces = template.split('{');
        let prefix = pieces.next().unwrap_or("");
        literal(prefix, &mut pattern)?;
        for piece in pieces {
            let (expression, text) = piece.split_once('}').ok_or(UriTemplateError::Brace)?;
            variables = variables.saturating_add(self::expression(expression, &mut pattern)?);
            literal(text, &mut pattern)?;
        }
        if variables > VARIABLES_MAX {
            return Err(UriTemplateError::Variables);
        }
        pattern.push_str(r"\z");
        Ok(Self { prefix: prefix.to_owned(), pattern, compiled: OnceLock::new() })
    }

    /// Whether a URI could come from it.
    pub fn matches(&self, uri: &str) -> bool {
        if uri.len() > URI_BYTES_MAX || !uri.starts_with(&self.prefix) {
            return false;
        }
        let compiled = self.compiled.get_or_init(|| {
            RegexBuilder::new(&self.pattern).size_limit(PATTERN_BYTES_MAX).build().ok()
        });
        compiled.as_ref().is_some_and(|pattern| pattern.is_match(uri))
    }
}

impl fmt::Debug for UriTemplate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "UriTemplate({:?}...)", self.prefix)
    }
}

fn literal(text: &str, pattern: &mut String) -> Result<(), UriTemplateError> {
    if text.contains('}') {
        return Err(UriTemplateError::Brace);
    }
    pattern.push_str(&regex::escape(text));
    Ok(())
}

/// Adds what an expression may expand to, and counts its variables.
fn expression(expression: &str, pattern: &mut String) -> Result<usize, UriTemplateError> {
    let operator = expression.chars().next().filter(|first| "+#./;?&".contains(*first));
    let list =
        operator.and_then(|operator| expression.strip_prefix(operator)).unwrap_or(expression);
    let mut names = Vec::new();
    let mut explodes = false;
    for variable in list.split(',') {
        let (name, exploded) = variable_name(variable)?;
        names.push(regex::escape(name));
        explodes |= exploded;
    }
    let count = names.len();
    let name = if explodes { r"[^=&;/?#\x00-\x20\x7f]+".to_owned() } else { names.join("|") };
    pattern.push_str(&match operator {
        None => format!("{SEGMENT}+"),
        Some('+') => format!("{ANY}+"),
        Some('#') => format!("(?:#{ANY}*)?"),
        Some('.') => format!(r"(?:\.{SEGMENT}+)?"),
        Some('/') if explodes => format!("(?:/{SEGMENT}+)*"),
        Some('/') => format!("(?:/{SEGMENT}+){{0,{count}}}"),
        Some(';') => format!(r"(?:;(?:{name})(?:=[^;/?#\x00-\x20\x7f]*)?)*"),
        Some('?') => format!("(?:\\?{pair}(?:&{pair})*)?", pair = pair(&name)),
        Some('&') => format!("(?:&{})*", pair(&name)),
        Some(_) => return Err(UriTemplateError::Expression),
    });
    Ok(count)
}

/// A part of a query under one of these names.
fn pair(name: &str) -> String {
    format!(r"(?:{name})=[^&#\x00-\x20\x7f]*")
}

/// The name of a variable, and whether it stands for a list.
fn variable_name(variable: &str) -> Result<(&str, bool), UriTemplateError> {
    let (name, exploded) = match variable.strip_suffix('*') {
        Some(name) => (name, true),
        None => (variable.split_once(':').map_or(variable, |(name, _)| name), false),
    };
    let cut = variable.split_once(':').map_or("1", |(_, cut)| cut);
    let cut_is_number = (1..=4).contains(&cut.len()) && cut.bytes().all(|b| b.is_ascii_digit());
    if name.is_empty() || !name.chars().all(is_name_part) || !cut_is_number {
        return Err(UriTemplateError::Expression);
    }
    Ok((name, exploded))
}

fn is_name_part(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '.' | '%' | '-')
}

#[cfg(test)]
mod tests;
