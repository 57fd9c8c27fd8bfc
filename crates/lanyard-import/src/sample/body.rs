//! Bodies of samples: what a text is, by its content type or by itself.

use serde_json::Value;

use super::{Body, url};
use crate::shell::variable::{self, Piece};

/// The content type of forms.
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";

/// The kind that a content type names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Media {
    Json,
    Form,
    Multipart,
    Other,
}

impl Media {
    pub(crate) fn of(content_type: &str) -> Self {
        match essence(content_type).as_str() {
            "application/json" | "text/json" => Self::Json,
            FORM => Self::Form,
            "multipart/form-data" => Self::Multipart,
            other if other.ends_with("+json") => Self::Json,
            _ => Self::Other,
        }
    }
}

/// A content type without its parameters.
pub(crate) fn essence(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// What a text is that was sent with this content type.
pub(crate) fn of_type(text: &str, media: Media) -> Result<Body, String> {
    if text.is_empty() {
        return Ok(Body::None);
    }
    match media {
        Media::Json => json(text).map(Body::Json),
        Media::Form if is_form(text) => Ok(Body::Form(url::pairs(text)?)),
        Media::Multipart => Err(
            "the parts are written out with their boundary: write each as `-F NAME=VALUE`, and \
             leave the `Content-Type` out"
                .to_owned(),
        ),
        Media::Form | Media::Other => Ok(Body::Text(text.to_owned())),
    }
}

/// Whether a text is pairs of a form.
fn is_form(text: &str) -> bool {
    text.split('&').filter(|pair| !pair.is_empty()).all(|pair| pair.contains('='))
}

/// JSON with variables in it. The error says where, and never what.
pub(crate) fn json(text: &str) -> Result<Value, String> {
    if smuggles(text) {
        return Err("the body holds characters that stand in no text: remove them".to_owned());
    }
    serde_json::from_str(&variable::quoted_for_json(text)).map_err(|error| {
        format!(
            "the body is no JSON: reading stopped at its line {}, column {}; correct it, or say \
             another `Content-Type`",
            error.line(),
            error.column()
        )
    })
}

/// Whether JSON has an escape that would make a variable.
fn smuggles(text: &str) -> bool {
    let smuggled = |piece: &Piece<'_>| match piece {
        Piece::Plain(text) => variable::is_smuggled(text),
        Piece::Variable(_) | Piece::Secret(_) => false,
    };
    variable::pieces(text).iter().any(smuggled)
}

/// Whether a text without a content type of its own is meant as JSON.
pub(crate) fn looks_like_json(text: &str) -> bool {
    let text = text.trim();
    let braced = (text.starts_with('{') && text.ends_with('}'))
        || (text.starts_with('[') && text.ends_with(']'));
    braced && json(text).is_ok()
}
