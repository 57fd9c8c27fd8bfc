//! Screens an answer: masks credentials, shapes the result, holds it against the output schema.
//!
//! The answer is masked twice: as it came, because a template could change a credential so that
//! it is no longer recognised, and as it goes, because a template could put one together.

mod passed;

use std::borrow::Cow;

use lanyard_core::{Failure, Origin, SecretError, SecretName, SecretSource};
use lanyard_rest::{Content, RenderContext, RenderError, ToolResult, UpstreamAnswer as RestAnswer};
use lanyard_vault::Masker;
use serde_json::Value;
use serde_json::value::RawValue;

pub(super) use self::passed::Screen;
use super::stages::{Answer, From, RawAnswer, secret_failure};
use crate::edge::Core;
use crate::snapshot::ToolEntry;
use lanyard_connect::http::UpstreamAnswer;

impl RawAnswer<'_> {
    /// Makes an answer that may leave.
    pub(super) fn screen(self, core: &Core) -> Result<Answer, Failure> {
        let Self { target, clearance, masker, from } = self;
        let tool = target.tool();
        let mut masked = 0_u64;
        let result = match from {
            From::Template(result) => result,
            From::Upstream(answer) => {
                if (300..400).contains(&answer.status) {
                    return Err(Failure::Redirected);
                }
                let (answer, count) = mask_answer(&masker, answer);
                masked = masked.saturating_add(count);
                shape(core, tool, clearance.arguments(), &answer)?
            }
        };
        let (result, count) = mask_result(&masker, result);
        let result = hold_to_schema(tool, result);
        let bytes = size(&result);
        Ok(Answer::screened(result, masked.saturating_add(count), bytes))
    }
}

fn mask_answer(masker: &Masker, answer: UpstreamAnswer) -> (UpstreamAnswer, u64) {
    let UpstreamAnswer { status, mut headers, body } = answer;
    let mut masked = 0_u64;
    for (_, value) in &mut headers {
        let (text, count) = mask_text(masker, value);
        masked = masked.saturating_add(count);
        if let Cow::Owned(text) = text {
            *value = text;
        }
    }
    let (bytes, count) = masker.mask(&body);
    let body = match bytes {
        Cow::Borrowed(_) => body.clone(),
        Cow::Owned(bytes) => bytes.into(),
    };
    (UpstreamAnswer { status, headers, body }, masked.saturating_add(count))
}

fn mask_result(masker: &Masker, mut result: ToolResult) -> (ToolResult, u64) {
    let mut masked = 0_u64;
    for content in &mut result.content {
        if let Content::Text(text) = content {
            let (clean, count) = mask_text(masker, text);
            masked = masked.saturating_add(count);
            if let Cow::Owned(clean) = clean {
                *text = clean;
            }
        }
    }
    if let Some(structured) = &result.structured {
        let (clean, count) = mask_text(masker, structured);
        masked = masked.saturating_add(count);
        if let Cow::Owned(clean) = clean {
            // A credential that stood outside of a string, as a number does, leaves no JSON, and
            // what is no JSON must not be spliced into a message.
            let valid = serde_json::from_str::<&RawValue>(&clean).is_ok();
            result.structured = valid.then_some(clean);
        }
    }
    (result, masked)
}

fn mask_text<'a>(masker: &Masker, text: &'a str) -> (Cow<'a, str>, u64) {
    let (bytes, count) = masker.mask(text.as_bytes());
    match bytes {
        Cow::Borrowed(_) => (Cow::Borrowed(text), count),
        Cow::Owned(bytes) => (Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()), count),
    }
}

fn shape(
    core: &Core,
    tool: &ToolEntry,
    arguments: &serde_json::Map<String, Value>,
    answer: &UpstreamAnswer,
) -> Result<ToolResult, Failure> {
    let context = RenderContext {
        secrets: &NoSecrets,
        now: core.clock.now(),
        random: &|_| {},
        client_ip: None,
        limits: &core.limits,
    };
    let answer = RestAnswer { status: answer.status, headers: &answer.headers, body: &answer.body };
    let rest = tool.as_rest().ok_or(Failure::Bug)?;
    rest.tool.shape(arguments, &answer, &context).map_err(shape_failure)
}

/// By now the request was sent: what cannot be shaped is the answer, whatever the template says.
fn shape_failure(error: RenderError) -> Failure {
    match error {
        RenderError::Secret(error) => secret_failure(error),
        RenderError::Unbuildable(problem)
        | RenderError::Limit(problem)
        | RenderError::Answer(problem) => Failure::AnswerUnusable { problem },
    }
}

/// A response template sees references, never values: there is no opened secret for it.
struct NoSecrets;

impl SecretSource for NoSecrets {
    fn expose(&self, name: &SecretName, _origins: &[Origin]) -> Result<&str, SecretError> {
        Err(SecretError::Unreadable(name.clone()))
    }
}

/// A result that promises structured content and does not keep the promise is an error result:
/// clients validate it and would fail with a text that helps nobody.
fn hold_to_schema(tool: &ToolEntry, result: ToolResult) -> ToolResult {
    let Some(schema) = tool.output() else { return result };
    if result.is_error {
        return ToolResult { structured: None, ..result };
    }
    let problem = match &result.structured {
        None => Some("it is no JSON".to_owned()),
        Some(structured) => schema.check(structured).err(),
    };
    match problem {
        None => result,
        Some(problem) => ToolResult {
            content: vec![Content::Text(format!(
                "the server's answer does not fit the tool's output schema: {problem}"
            ))],
            structured: None,
            is_error: true,
        },
    }
}

fn size(result: &ToolResult) -> u64 {
    let content: usize = result
        .content
        .iter()
        .map(|content| match content {
            Content::Text(text) => text.len(),
            Content::Image { data_base64, mime: _ } => data_base64.len(),
        })
        .sum();
    let structured = result.structured.as_ref().map_or(0, String::len);
    u64::try_from(content.saturating_add(structured)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
