//! Introduces two strangers: how the guard reads paths, SQL and URLs, offered to policies.

use lanyard_guard::derive;
use lanyard_policy::{PathView, SqlView, UrlView, Views};

/// The guard as a reader of texts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GuardViews;

impl Views for GuardViews {
    fn path(&self, text: &str) -> PathView {
        let derive::Path { absolute, clean, ancestors, escapes, hidden, odd } = derive::path(text);
        PathView { absolute, clean, ancestors, escapes, hidden, odd }
    }

    fn sql(&self, text: &str) -> SqlView {
        let derive::Sql { parsed, read_only, statements, verbs, tables, functions } =
            derive::sql(text);
        SqlView { parsed, read_only, statements, verbs, tables, functions }
    }

    fn url(&self, text: &str) -> UrlView {
        let derive::Url { parsed, scheme, host, port, path, user_info } = derive::url(text);
        UrlView { parsed, scheme, host, port, path, user_info }
    }
}
