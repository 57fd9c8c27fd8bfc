//! A request as text for people: what `lanyard server render` shows. Nothing is sent, and no
//! secret is shown: they are masked by the source that they are read from.

use std::fmt::Write as _;

use lanyard_core::{Origin, SecretError, SecretName, SecretSource};

use crate::{Content, Rendered, ToolResult};

/// What stands in place of a secret.
pub const MASK: &str = "***";

/// The same where it was percent-encoded.
const ENCODED_MASK: &str = "%2A%2A%2A";

/// A source that gives [`MASK`] for every secret, set or not.
#[derive(Debug, Clone, Copy)]
pub struct MaskedSecrets;

impl SecretSource for MaskedSecrets {
    fn expose(&self, _: &SecretName, _: &[Origin]) -> Result<&str, SecretError> {
        Ok(MASK)
    }
}

/// A request line with its URL, the headers and the body; or the text of a direct result.
pub fn printed(rendered: &Rendered) -> String {
    match rendered {
        Rendered::Direct(result) => printed_result(result),
        Rendered::Request(plan) => {
            let target = plan.target.replace(ENCODED_MASK, MASK);
            let mut out = format!("{} {}{target}\n", plan.method, plan.origin);
            for (name, value) in &plan.headers {
                // Writing to a string cannot fail.
                let _infallible = writeln!(out, "{name}: {value}");
            }
            if !plan.body.is_empty() {
                out.push('\n');
                out.push_str(&String::from_utf8_lossy(&plan.body));
                if !out.ends_with('\n') {
                    out.push('\n');
                }
            }
            out
        }
    }
}

fn printed_result(result: &ToolResult) -> String {
    let mut out = String::new();
    for content in &result.content {
        match content {
            Content::Text(text) => out.push_str(text),
            Content::Image { data_base64: _, mime } => out.push_str(mime),
        }
        if !out.ends_with('\n') {
            out.push('\n');
        }
    }
    out
}
