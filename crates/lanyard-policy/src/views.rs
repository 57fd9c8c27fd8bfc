//! The port to whoever reads paths, SQL and URLs: Cedar calls no functions of ours, so what a policy
//! wants to know of such a text is told before it decides.

use std::fmt::Debug;

/// Reads texts of arguments for policies. Pure: the same text gives the same view.
pub trait Views: Send + Sync + Debug {
    /// Reads a text as the path of a file.
    fn path(&self, text: &str) -> PathView;
    /// Reads a text as SQL.
    fn sql(&self, text: &str) -> SqlView;
    /// Reads a text as a URL.
    fn url(&self, text: &str) -> UrlView;
}

/// Reads nothing out of a text: for where no policy asks.
#[derive(Debug, Clone, Copy)]
pub struct NoViews;

impl Views for NoViews {
    fn path(&self, _text: &str) -> PathView {
        PathView::default()
    }

    fn sql(&self, _text: &str) -> SqlView {
        SqlView::default()
    }

    fn url(&self, _text: &str) -> UrlView {
        UrlView::default()
    }
}

/// A text as the path of a file, by its letters alone: no file is looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is one thing that a policy can ask")]
pub struct PathView {
    /// Whether it begins at the root.
    pub absolute: bool,
    /// Without `.`, `..` and repeated slashes.
    pub clean: String,
    /// Every directory above it, and itself, all clean.
    pub ancestors: Vec<String>,
    /// Whether a relative path leads above where it starts.
    pub escapes: bool,
    /// Whether a segment begins with a dot.
    pub hidden: bool,
    /// Whether it has in it what servers read in different ways.
    pub odd: bool,
}

/// A text as SQL.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SqlView {
    /// Whether it could be read.
    pub parsed: bool,
    /// Whether it certainly changes nothing.
    pub read_only: bool,
    /// How many statements it has.
    pub statements: i64,
    /// What they do, in small letters: `select`, `insert`, ...
    pub verbs: Vec<String>,
    /// The tables that are named, in small letters.
    pub tables: Vec<String>,
    /// The functions that are called, in small letters.
    pub functions: Vec<String>,
}

/// A text as a URL.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UrlView {
    /// Whether it could be read.
    pub parsed: bool,
    /// The scheme, in small letters.
    pub scheme: String,
    /// The host, in small letters.
    pub host: String,
    /// The port, 0 where it is not known.
    pub port: i64,
    /// The path.
    pub path: String,
    /// Whether there is a user or a password in it.
    pub user_info: bool,
}
