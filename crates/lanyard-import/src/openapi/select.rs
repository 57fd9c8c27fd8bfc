//! Which operations of a document become tools, and what they are called.

use super::context::Context;
use super::document::{Placed, shown};
use super::filter::Described;
use super::options::Counts;
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
    let mut deprecated: Vec<String> = Vec::new();
    list.retain(|operation| {
        let described = Described {
            method: operation.method,
            path: operation.path,
            tags: &operation.tags,
            id: operation.id(),
            name: &operation.name,
        };
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
    let options = context.options;
    let mut settled: Vec<bool> = vec![false; list.len()];
    for given in [options.rename, options.names] {
        for (operation, settled) in list.iter_mut().zip(&mut settled) {
            let key = operation.key();
            let named = |(wanted, _): &&(String, String)| {
                *wanted == key || Some(wanted.as_str()) == operation.id()
            };
            let Some((_, name)) = given.iter().find(named).filter(|_| !*settled) else { continue };
            let wanted = tool_name(name);
            if names.keep(&wanted) {
                operation.name = wanted;
                *settled = true;
            } else {
                let text = format!("the name `{}` is taken", shown(name));
                context.notes.warning(&operation.at.place, text);
            }
        }
    }
    for (operation, settled) in list.iter_mut().zip(&settled) {
        if *settled {
            continue;
        }
        let wanted = match operation.id() {
            Some(id) => tool_name(id),
            None => tool_name(&format!("{}_{}", operation.method.to_lowercase(), operation.path)),
        };
        operation.name = names.take(&wanted, &operation.key());
        if operation.name != wanted {
            let text =
                format!("another tool is called `{wanted}`: this one is `{}`", operation.name);
            context.notes.warning(&operation.at.place, text);
        }
    }
}
