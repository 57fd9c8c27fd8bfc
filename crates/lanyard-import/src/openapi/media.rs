//! Content types, by how bodies of them are written.

/// The content type of forms.
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Json,
    Form,
    Multipart,
    Text,
    Binary,
}

/// Whether this content type is JSON, or any.
pub(crate) fn is_json(media: &str) -> bool {
    kind_of(media) == Kind::Json
}

/// What a content type is.
pub(crate) fn kind_of(media: &str) -> Kind {
    let essence = media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let text = ["+xml", "+yaml", "+text"].iter().any(|end| essence.ends_with(end));
    let known = [
        "application/xml",
        "application/yaml",
        "application/x-yaml",
        "application/javascript",
        "application/graphql",
        "application/sql",
        "application/x-ndjson",
        "application/jwt",
        "application/jose",
        "application/x-pem-file",
        "application/toml",
        "application/jsonl",
    ];
    match essence.as_str() {
        "application/json" | "text/json" | "*/*" | "application/*" | "application/x-json" | "" => {
            Kind::Json
        }
        other if other.ends_with("+json") || other.ends_with("/json") => Kind::Json,
        FORM => Kind::Form,
        other if other.starts_with("multipart/form") || other == "multipart/*" => Kind::Multipart,
        other if other.starts_with("text/") || text || known.contains(&other) => Kind::Text,
        _ => Kind::Binary,
    }
}
