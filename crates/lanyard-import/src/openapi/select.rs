//! Which operations of a document become tools, and what they are called.

use std::collections::BTreeSet;

use super::context::Context;
use super::document::{Placed, shown};
use super::filter::{Described, Filter};
use super::options::Counts;
use crate::template::without_names;
use crate::{Names, tool_name};

/// The methods that a tool can have, in the order in which the operations of a path are read.
pub(crate) const METHODS: [&str; 8] =
    ["GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE"];

/// An operation and where it stands.
pub(crate) struct Operation<'d> {
    pub(crate) method: &'static str,
    /// As the document writes it.
    pub(crate) path: &'d str,
    pub(crate) item: Placed<'d>,
    pub(crate) at: Placed<'d>,
    pub(crate) tags: Vec<String>,
    pub(crate) name: String,
}

impl Operation<'_> {
    pub(crate) fn id(&self) -> Option<&str> {
        self.at.text("operationId").filter(|id| !id.trim().is_empty())
    }

    /// Whether a text is its id, or its method and its path or URL, whatever the names in braces.
    fn is_called(&self, text: &str) -> bool {
        if self.id() == Some(text) {
            return true;
        }
        let Some((method, path)) = text.split_once(' ') else { return false };
        let (path, own) = (without_names(path), without_names(&sent_path(self.path)));
        let is_url = path.contains("://") && path.ends_with(&own);
        method.eq_ignore_ascii_case(self.method) && (path == own || is_url)
    }

    fn described(&self) -> Described<'_> {
        Described {
            method: self.method,
            path: self.path,
            tags: &self.tags,
            id: self.id(),
            name: &self.name,
        }
    }

    /// The name that the document gives it.
    fn own_name(&self) -> String {
        match self.id() {
            Some(id) => tool_name(id),
            None => tool_name(&format!("{}_{}", self.method.to_lowercase(), self.path)),
        }
    }

    /// What names it whatever its id: `GET /pets/{id}`.
    pub(crate) fn key(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// The operations that are wanted, with their names.
pub(crate) fn operations<'d>(context: &Context<'d>, counts: &mut Counts) -> Vec<Operation<'d>> {
    let mut list = all(context, counts);
    counts.operations = counts.operations.saturating_add(list.len());
    // Names are given to all, so that they do not depend on which ones are wanted.
    name(&mut list, context);
    let options = context.options;
    check_choice(&list, context);
    let mut deprecated: Vec<String> = Vec::new();
    list.retain(|operation| {
        let described = operation.described();
        let reads = matches!(operation.method, "GET" | "HEAD");
        let included = options.include.is_empty()
            || options.include.iter().any(|filter| filter.fits(&described));
        let wanted = included
            && !options.exclude.iter().any(|filter| filter.fits(&described))
            && (reads || !options.read_only);
        if !wanted {
            counts.filtered = counts.filtered.saturating_add(1);
            return false;
        }
        if operation.at.flag("deprecated") && !options.deprecated {
            counts.deprecated = counts.deprecated.saturating_add(1);
            deprecated.push(operation.name.clone());
            return false;
        }
        true
    });
    if !deprecated.is_empty() {
        let text = format!(
            "{} deprecated operations are left out: {}",
            deprecated.len(),
            crate::shorten(&deprecated.join(", "), 300)
        );
        context.notes.info("#/paths", text);
    }
    list
}

/// Filters and names that are about no operation: a word that is misspelt.
fn check_choice(list: &[Operation<'_>], context: &Context<'_>) {
    let options = context.options;
    for (option, filters) in [("--include", options.include), ("--exclude", options.exclude)] {
        let fits = |filter: &Filter| list.iter().any(|it| filter.fits(&it.described()));
        for filter in filters.iter().filter(|filter| !filter.may_fit_nothing() && !fits(filter)) {
            let mut text = format!("{option} {}: no operation fits", shown(&filter.to_string()));
            if let Filter::Tag(_) = filter {
                let tags: BTreeSet<&str> =
                    list.iter().flat_map(|it| &it.tags).map(String::as_str).collect();
                let tags = tags.into_iter().collect::<Vec<_>>().join(", ");
                text.push_str(&format!("; the tags are {}", crate::shorten(&tags, 300)));
            }
            context.refuse_first("#/paths", text);
        }
    }
    for (wanted, _) in options.rename {
        if !list.iter().any(|operation| operation.is_called(wanted)) {
            let text = format!(
                "--rename {}: no operation has that operationId, or is that method and path",
                shown(wanted)
            );
            context.refuse_first("#/paths", text);
        }
    }
}

fn all<'d>(context: &Context<'d>, counts: &mut Counts) -> Vec<Operation<'d>> {
    let mut list = Vec::new();
    let paths = context.document.root().get("paths");
    for (path, item) in paths.iter().flat_map(Placed::members) {
        if path.starts_with("x-") {
            continue;
        }
        let item = match context.document.resolve(item.clone()) {
            Ok(item) => item,
            Err(problem) => {
                counts.operations = counts.operations.saturating_add(1);
                counts.skipped = counts.skipped.saturating_add(1);
                context.notes.skipped(&item.place, problem);
                continue;
            }
        };
        for (key, at) in item.members() {
            let method = METHODS.iter().find(|method| method.eq_ignore_ascii_case(key));
            let Some(method) = method.filter(|_| at.value.is_object()) else {
                let known = ["$ref", "summary", "description", "servers", "parameters"];
                if !known.contains(&key) && !key.starts_with("x-") {
                    let what = if method.is_some() { "operation" } else { "known method" };
                    context.notes.skipped(&at.place, format!("`{}` is no {what}", shown(key)));
                }
                continue;
            };
            let tags = at.get("tags");
            let tags = tags.iter().flat_map(Placed::items).filter_map(|tag| tag.value.as_str());
            let tags = tags.map(str::to_owned).collect();
            list.push(Operation {
                method,
                path,
                item: item.clone(),
                at,
                tags,
                name: String::new(),
            });
        }
    }
    list
}

/// Gives names: those that were asked for, those that were given before, and those of the
/// document in its order.
fn name(list: &mut [Operation<'_>], context: &Context<'_>) {
    let mut names = Names::default();
    for operation in list.iter_mut() {
        let wanted = context.options.rename.iter().find(|(wanted, _)| operation.is_called(wanted));
        let Some(name) = wanted.map(|(_, name)| tool_name(name)) else { continue };
        if names.keep(&name) {
            operation.name = name;
        } else {
            let text = format!("the name `{}` is taken", shown(&name));
            context.notes.warning(&operation.at.place, text);
        }
    }
    // Several operations may have had one path: first those whose name says which one they are.
    for certain in [true, false] {
        for operation in list.iter_mut().filter(|operation| operation.name.is_empty()) {
            let given = context.options.names.iter().filter(|(key, _)| operation.is_called(key));
            let given: Vec<&str> = given.map(|(_, name)| name.as_str()).collect();
            let own = operation.own_name();
            let name = match given.as_slice() {
                several if certain => several.contains(&own.as_str()).then_some(own),
                [only] => Some((*only).to_owned()),
                _ => None,
            };
            operation.name = name.filter(|name| names.keep(name)).unwrap_or_default();
        }
    }
    for operation in list.iter_mut().filter(|operation| operation.name.is_empty()) {
        let wanted = operation.own_name();
        operation.name = names.take(&wanted, &operation.key());
        if operation.name != wanted {
            let text =
                format!("another tool is called `{wanted}`: this one is `{}`", operation.name);
            context.notes.warning(&operation.at.place, text);
        }
    }
}

/// A path without what a document adds to tell it from others, or says of the query.
pub(crate) fn sent_path(path: &str) -> String {
    let path = path.split('#').next().unwrap_or_default();
    let mut out = String::with_capacity(path.len());
    let mut rest = path;
    while let Some(at) = rest.find("{?").or_else(|| rest.find("{&")) {
        let (before, group) = rest.split_at(at);
        out.push_str(before);
        rest = group.split_once('}').map_or("", |(_, behind)| behind);
    }
    out.push_str(rest);
    out
}
