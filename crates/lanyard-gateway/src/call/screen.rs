//! Screens an answer: masks credentials, shapes the result, holds it against the output schema.
//!
//! The answer is masked as it came, because a template could change a credential so that it is no
//! longer recognised. What a template made of it is masked as it goes, too, because a template could
//! put a credential together; what no template changed was looked at already.

mod passed;

use std::borrow::Cow;

use lanyard_core::{Failure, Origin, SecretError, SecretName, SecretSource};
use lanyard_rest::{Content, RenderContext, RenderError, ToolResult, UpstreamAnswer as RestAnswer};
use lanyard_vault::Masker;
use serde_json::Value;
use serde_json::value::RawValue;

pub(super) use self::passed::Screen;
pub(crate) use self::passed::Tails;
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
        let mut looked_at = None;
        let result = match from {
            From::Template(result) => result,
            From::Upstream(answer) => {
                if (300..400).contains(&answer.status) {
                    return Err(Failure::Redirected);
                }
                let (answer, count) = mask_answer(&masker, answer);
                masked = masked.saturating_add(count);
                let result = shape(core, tool, clearance.arguments(), &answer)?;
                looked_at = Some(answer.body);
                result
            }
        };
        let (result, count) = mask_result(&masker, result, looked_at.as_deref());
        let result = hold_to_schema(tool, result);
        let bytes = size(&result);
        Ok(Answer::screened(result, masked.saturating_add(count), bytes))
    }
}

pub(super) fn mask_answer(masker: &Masker, answer: UpstreamAnswer) -> (UpstreamAnswer, u64) {
    let UpstreamAnswer { status, mut headers, body } = answer;
    let mut masked = 0_u64;
    for (_, value) in &mut headers {
        let (text, count) = mask_text(masker, value);
        masked = masked.saturating_add(count);
        if let Cow::Owned(text) = text {
            *value = text;
        }
    }
    let (clean, count) = mask_body(masker, &body);
    let body = clean.map_or(body, Into::into);
    (UpstreamAnswer { status, headers, body }, masked.saturating_add(count))
}

/// What is to stand in place of a body, if anything. What is JSON stays JSON.
fn mask_body(masker: &Masker, body: &[u8]) -> (Option<Vec<u8>>, u64) {
    if let Some(json) = std::str::from_utf8(body).ok().filter(|text| looks_like_json(text)) {
        let (clean, count) = masker.mask_json(json);
        let Cow::Owned(clean) = clean else { return (None, 0) };
        if is_json(json) {
            return (Some(clean.into_bytes()), count);
        }
    }
    let (clean, count) = masker.mask(body);
    match clean {
        Cow::Borrowed(_) => (None, 0),
        Cow::Owned(clean) => (Some(clean), count),
    }
}

fn looks_like_json(text: &str) -> bool {
    text.trim_start().starts_with(['{', '[', '"'])
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<&RawValue>(text).is_ok()
}

/// Masks what a template made. What is the very text that was looked at already stays as it is.
fn mask_result(
    masker: &Masker,
    mut result: ToolResult,
    looked_at: Option<&[u8]>,
) -> (ToolResult, u64) {
    let mut masked = 0_u64;
    let is_new = |text: &str| looked_at != Some(text.as_bytes());
    let mut texts = Vec::new();
    for content in &mut result.content {
        if let Content::Text(text) = content {
            if is_new(text) {
                let (clean, count) = mask_text(masker, text);
                masked = masked.saturating_add(count);
                if let Cow::Owned(clean) = clean {
                    *text = clean;
                }
            }
            texts.push(text);
        }
    }
    if texts.len() > 1 {
        let joined: Vec<&str> = texts.iter().map(|text| text.as_str()).collect();
        let (clean, count) = masker.mask_joined(&joined);
        masked = masked.saturating_add(count);
        for (text, clean) in texts.into_iter().zip(clean) {
            if let Some(clean) = clean {
                *text = clean;
            }
        }
    }
    if let Some(structured) = result.structured.as_mut().filter(|text| is_new(text)) {
        let (clean, count) = masker.mask_json(structured);
        masked = masked.saturating_add(count);
        if let Cow::Owned(clean) = clean {
            *structured = clean;
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

pub(super) fn shape(
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
    if tool.output().is_none() {
        return result;
    }
    if result.is_error {
        return ToolResult { structured: None, ..result };
    }
    match misfit(tool, &result) {
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

/// Why structured content does not fit the tool's output schema.
pub(super) fn misfit(tool: &ToolEntry, result: &ToolResult) -> Option<String> {
    let schema = tool.output()?;
    match &result.structured {
        None => Some("it is no JSON".to_owned()),
        Some(structured) => schema.check(structured).err(),
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
