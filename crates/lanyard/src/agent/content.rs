//! What is printed of a tool's result. Pure: a result and the wish in, text out.

use data_encoding::BASE64;
use serde_json::{Map, Value};

use super::arguments::OutputKind;

/// The text to print for a result.
pub(super) fn render(result: &Value, output: OutputKind) -> String {
    let content = Content::read(result);
    let raw = || pretty(result);
    match output {
        OutputKind::Raw => raw(),
        OutputKind::Json => content.json().map_or_else(raw, |value| pretty(&value)),
        OutputKind::Auto => content
            .json()
            .map(|value| pretty(&value))
            .or_else(|| content.markdown())
            .or_else(|| content.text())
            .unwrap_or_else(raw),
        OutputKind::Text => content
            .text()
            .or_else(|| content.markdown())
            .or_else(|| content.json().map(|value| pretty(&value)))
            .unwrap_or_else(raw),
        OutputKind::Markdown => content
            .markdown()
            .or_else(|| content.text())
            .or_else(|| content.json().map(|value| pretty(&value)))
            .unwrap_or_else(raw),
    }
}

/// Whether the tool says that it failed.
pub(super) fn is_error(result: &Value) -> bool {
    result.get("isError") == Some(&Value::Bool(true))
}

/// An image of a result, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Image {
    /// Its bytes.
    pub(super) bytes: Vec<u8>,
    /// What a file of it ends in.
    pub(super) extension: &'static str,
}

/// The images of a result.
pub(super) fn images(result: &Value) -> Vec<Image> {
    blocks(result)
        .filter(|block| text_of(block, "type") == Some("image"))
        .filter_map(image)
        .collect()
}

fn image(block: &Value) -> Option<Image> {
    let bytes = BASE64.decode(text_of(block, "data")?.as_bytes()).ok()?;
    let extension = match text_of(block, "mimeType").unwrap_or("image/png") {
        "image/png" => "png",
        "image/jpeg" | "image/jpg" => "jpg",
        "image/gif" => "gif",
        "image/webp" => "webp",
        "image/svg+xml" => "svg",
        _ => "bin",
    };
    Some(Image { bytes, extension })
}

/// JSON as every command prints it.
pub(super) fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_else(|_| value.to_string())
}

/// A result by kinds.
#[derive(Debug, Default)]
struct Content {
    structured: Option<Value>,
    lines: Vec<String>,
    /// Whether any of `lines` is text, and not only the mention of something that is none.
    has_text: bool,
    markdown: Vec<String>,
    json: Vec<Value>,
}

impl Content {
    fn read(result: &Value) -> Self {
        let structured = result.get("structuredContent").filter(|value| !value.is_null());
        let mut content = Self { structured: structured.cloned(), ..Self::default() };
        for block in blocks(result) {
            content.add(block);
        }
        content
    }

    fn add(&mut self, block: &Value) {
        let kind = text_of(block, "type").unwrap_or_default();
        match kind {
            "text" | "markdown" => {
                let Some(text) = text_of(block, "text").filter(|text| !text.is_empty()) else {
                    return;
                };
                self.add_text(text, kind == "markdown");
            }
            "resource" => self.add_resource(block.get("resource").unwrap_or(&Value::Null)),
            "resource_link" => {
                let uri = text_of(block, "uri").unwrap_or_default();
                self.lines.push(format!("[resource_link {uri}]"));
            }
            "image" | "audio" => {
                let mime = text_of(block, "mimeType").unwrap_or("application/octet-stream");
                let data = text_of(block, "data").unwrap_or_default();
                let bytes = BASE64.decode(data.as_bytes()).map_or(0, |bytes| bytes.len());
                self.lines.push(format!("[{kind} {mime}, {bytes} bytes]"));
            }
            other => self.lines.push(format!("[{other}]")),
        }
    }

    fn add_resource(&mut self, resource: &Value) {
        if let Some(text) = text_of(resource, "text") {
            let mime = text_of(resource, "mimeType").unwrap_or_default();
            self.add_text(text, mime.to_ascii_lowercase().contains("markdown"));
        } else if resource.get("blob").is_some() {
            let uri = text_of(resource, "uri").unwrap_or_default();
            self.lines.push(format!("[Binary resource: {uri}]"));
        }
    }

    fn add_text(&mut self, text: &str, is_markdown: bool) {
        self.has_text = true;
        self.lines.push(text.to_owned());
        if is_markdown {
            self.markdown.push(text.to_owned());
        }
        self.json.extend(serde_json::from_str::<Value>(text).ok().filter(|value| !value.is_null()));
    }

    /// The structured value, unwrapped where it is only wrapped; else what the texts hold.
    fn json(&self) -> Option<Value> {
        match (&self.structured, self.json.as_slice()) {
            (Some(Value::Object(members)), _) => Some(unwrapped(members)),
            (Some(value), _) => Some(value.clone()),
            (None, []) => None,
            (None, [only]) => Some(only.clone()),
            (None, several) => Some(Value::Array(several.to_vec())),
        }
    }

    fn markdown(&self) -> Option<String> {
        let structured = self.structured.as_ref().and_then(|value| text_of(value, "markdown"));
        let joined = || (!self.markdown.is_empty()).then(|| self.markdown.join("\n"));
        structured.map(str::to_owned).or_else(joined)
    }

    fn text(&self) -> Option<String> {
        (!self.lines.is_empty()).then(|| self.lines.join("\n"))
    }
}

fn unwrapped(members: &Map<String, Value>) -> Value {
    let inner = match members.get("json") {
        Some(json) => Some(json),
        None if members.len() == 1 => members.get("data"),
        None => None,
    };
    inner.filter(|value| !value.is_null()).cloned().unwrap_or_else(|| members.clone().into())
}

fn blocks(result: &Value) -> impl Iterator<Item = &Value> {
    result.get("content").and_then(Value::as_array).into_iter().flatten()
}

fn text_of<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str)
}

#[cfg(test)]
mod tests;
