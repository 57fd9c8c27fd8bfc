//! Which operations are wanted: by tag, path, method or id.

use std::fmt;

use lanyard_core::Origin;

use crate::DraftTool;

/// What fits some operations. Written `tag:pets`, `path:/v1/**`, `method:get`, `id:list*`; what
/// begins with `/` is a path, what is a method is one, anything else an id. `*` stands for any
/// characters, in a path for any but `/`, where `**` stands for any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// Operations in a group.
    Tag(String),
    /// Operations at a path.
    Path(String),
    /// Operations with a method.
    Method(String),
    /// Operations with an id.
    Operation(String),
}

/// What a filter is held against.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Described<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) tags: &'a [String],
    pub(crate) id: Option<&'a str>,
    /// The tool's name, which is an id to whoever sees only tools.
    pub(crate) name: &'a str,
}

impl Filter {
    /// Reads a filter.
    pub fn parse(text: &str) -> Result<Self, String> {
        let filter = match text.split_once(':') {
            Some(("tag", rest)) => Self::Tag(rest.to_owned()),
            Some(("path", rest)) => Self::Path(rest.to_owned()),
            Some(("method", rest)) => Self::Method(rest.to_owned()),
            Some(("id" | "operation", rest)) => Self::Operation(rest.to_owned()),
            Some(_) | None if text.starts_with('/') => Self::Path(text.to_owned()),
            Some(_) | None if is_method(text) => Self::Method(text.to_owned()),
            Some(_) | None => Self::Operation(text.to_owned()),
        };
        let (Self::Tag(value) | Self::Path(value) | Self::Method(value) | Self::Operation(value)) =
            &filter;
        if value.is_empty() {
            return Err(format!(
                "`{text}` fits nothing; write tag:NAME, path:/GLOB, method:NAME or id:GLOB"
            ));
        }
        if let Self::Method(method) = &filter
            && !is_method(method)
        {
            return Err(format!("`{}` is no method", crate::one_line(method)));
        }
        Ok(filter)
    }

    /// Whether it is no mistake that it fits nothing: methods are known, and to keep out a method
    /// that an API does not have is a precaution.
    pub fn may_fit_nothing(&self) -> bool {
        matches!(self, Self::Method(_))
    }

    /// Whether a tool is wanted, whatever it was imported from.
    pub fn fits_tool(&self, tool: &DraftTool) -> bool {
        let path = Origin::split_url(&tool.url).map_or(tool.url.as_str(), |(_, path)| path);
        self.fits(&Described {
            method: &tool.method,
            path: path.split('?').next().unwrap_or(path),
            tags: &tool.tags,
            id: tool.operation_id.as_deref(),
            name: &tool.name,
        })
    }

    pub(crate) fn fits(&self, operation: &Described<'_>) -> bool {
        match self {
            Self::Tag(tag) => operation.tags.iter().any(|own| own.eq_ignore_ascii_case(tag)),
            Self::Path(glob) => fits_glob(glob, operation.path, true),
            Self::Method(method) => operation.method.eq_ignore_ascii_case(method),
            Self::Operation(glob) => {
                operation.id.is_some_and(|id| fits_glob(glob, id, false))
                    || fits_glob(glob, operation.name, false)
            }
        }
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => write!(formatter, "tag:{tag}"),
            Self::Path(glob) => write!(formatter, "path:{glob}"),
            Self::Method(method) => write!(formatter, "method:{method}"),
            Self::Operation(glob) => write!(formatter, "id:{glob}"),
        }
    }
}

fn is_method(text: &str) -> bool {
    super::select::METHODS.iter().any(|method| method.eq_ignore_ascii_case(text))
}

/// Whether a text is what a pattern with `*` describes. Takes no more steps than the product of
/// their lengths.
fn fits_glob(glob: &str, text: &str, segments: bool) -> bool {
    let glob: Vec<char> = glob.chars().collect();
    // Whether the rest of the text fits the part of the pattern that was looked at so far.
    let mut reached: Vec<usize> = vec![0];
    let step = |reached: &[usize], character: char| -> Vec<usize> {
        let mut next = Vec::new();
        for at in closure(reached, &glob) {
            match glob.get(at) {
                Some('*')
                    if !segments
                        || character != '/'
                        || glob.get(at.saturating_add(1)) == Some(&'*') =>
                {
                    next.push(at);
                }
                Some(own) if *own == character && *own != '*' => next.push(at.saturating_add(1)),
                Some(_) | None => {}
            }
        }
        next.sort_unstable();
        next.dedup();
        next
    };
    for character in text.chars() {
        reached = step(&reached, character);
        if reached.is_empty() {
            return false;
        }
    }
    closure(&reached, &glob).contains(&glob.len())
}

/// The places of a pattern that can be reached without a character: a `*` may stand for nothing.
fn closure(reached: &[usize], glob: &[char]) -> Vec<usize> {
    let mut all: Vec<usize> = Vec::new();
    for start in reached {
        let mut at = *start;
        loop {
            if !all.contains(&at) {
                all.push(at);
            }
            if glob.get(at) != Some(&'*') {
                break;
            }
            at = at.saturating_add(1);
        }
    }
    all
}
