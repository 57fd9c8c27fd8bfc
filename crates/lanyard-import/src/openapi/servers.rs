//! Where requests go: the servers of a document, of a path or of an operation.

use lanyard_core::Origin;

use super::context::Context;
use super::document::{Placed, Version, shown};

/// The URL that the paths of a document start with.
pub(crate) fn base_of_document(context: &Context<'_>) -> Option<String> {
    if let Some(url) = context.options.base_url {
        return usable(url, "#/servers", context);
    }
    let root = context.document.root();
    if context.version() == Version::Swagger2 {
        return swagger(&root, context);
    }
    match of(&root, context) {
        Some(base) => Some(base),
        None => {
            let given = root.get("servers").is_some_and(|list| list.items().next().is_some());
            // No server means `/`: below wherever the document is.
            let base = if given { None } else { absolute("/", "#/servers", context) };
            if base.is_none() {
                context.notes.warning("#/servers", no_host(path_of(&root, context).as_deref()));
            }
            base
        }
    }
}

/// What to do where the document says no host: with the path that it does say, which would be lost
/// otherwise.
fn no_host(path: Option<&str>) -> String {
    let what = "no server with an absolute URL: give the API's base URL with --base-url";
    match path {
        Some(path) => format!("{what} https://HOST{path}, or write `baseUrl` into the file"),
        None => format!("{what}, or write `baseUrl` into the file"),
    }
}

/// The path that the chosen server is at, where that is all that it says.
fn path_of(root: &Placed<'_>, context: &Context<'_>) -> Option<String> {
    let servers = root.get("servers")?;
    let list: Vec<Placed<'_>> = servers.items().collect();
    let chosen = context.options.server.and_then(|wanted| choose(&list, wanted));
    let path = expanded(chosen.or_else(|| list.first())?, context);
    let path = path.trim_end_matches('/');
    (path.starts_with('/') && !path.starts_with("//")).then(|| shown(path))
}

/// The URL that the servers of an object say, if it has any.
pub(crate) fn of(at: &Placed<'_>, context: &Context<'_>) -> Option<String> {
    let servers = at.get("servers")?;
    let list: Vec<Placed<'_>> =
        servers.items().filter(|server| server.text("url").is_some()).collect();
    let chosen = context.options.server.and_then(|wanted| choose(&list, wanted));
    if let (Some(wanted), None, false) = (context.options.server, &chosen, list.is_empty()) {
        if servers.place == "#/servers" {
            context.refuse(no_such_server(wanted, &list));
            return None;
        }
        // An operation may have one server of its own, which no word about the others fits.
        let text = format!("no server is `{}`: the first one is taken", shown(wanted));
        context.notes.warning(&servers.place, text);
    }
    let server = chosen.or_else(|| list.first())?;
    if list.len() > 1 && context.options.server.is_none() {
        let others: Vec<&str> = list.iter().skip(1).filter_map(|other| other.text("url")).collect();
        let text = format!("there are other servers: {}", shown(&others.join(", ")));
        context.notes.info(&servers.place, text);
    }
    let url = expanded(server, context);
    absolute(&url, &server.place, context)
}

/// The key would go to another server than was meant.
fn no_such_server(wanted: &str, list: &[Placed<'_>]) -> String {
    let all = (1_usize..).zip(list).map(|(number, server)| {
        let text = |key: &str| server.text(key).unwrap_or_default();
        match text("description") {
            "" => format!("{number}: {}", text("url")),
            description => format!("{number}: {} ({description})", text("url")),
        }
    });
    let all = all.collect::<Vec<_>>().join(", ");
    format!(
        "--api-server {}: there is no such server; there are {}",
        shown(wanted),
        crate::shorten(&all, 600)
    )
}

/// The server with this number, or whose URL or description holds this text.
fn choose<'a, 'd>(list: &'a [Placed<'d>], wanted: &str) -> Option<&'a Placed<'d>> {
    if let Ok(number) = wanted.parse::<usize>() {
        return list.get(number.checked_sub(1)?);
    }
    let exact = list.iter().find(|server| server.text("url") == Some(wanted));
    exact.or_else(|| {
        list.iter().find(|server| {
            let holds = |key: &str| server.text(key).is_some_and(|text| text.contains(wanted));
            holds("url") || holds("description")
        })
    })
}

/// A URL with its variables replaced: by values that were given, else by defaults.
fn expanded(server: &Placed<'_>, context: &Context<'_>) -> String {
    let mut url = server.text("url").unwrap_or_default().trim().to_owned();
    let Some(variables) = server.get("variables") else { return url };
    for (name, variable) in variables.members() {
        context.variables.borrow_mut().insert(name.to_owned());
        let given = context.options.variables.iter().find(|(own, _)| own == name);
        let text = |value: &serde_json::Value| match value {
            serde_json::Value::String(text) => Some(text.clone()),
            serde_json::Value::Number(number) => Some(number.to_string()),
            serde_json::Value::Null
            | serde_json::Value::Bool(_)
            | serde_json::Value::Array(_)
            | serde_json::Value::Object(_) => None,
        };
        if let Some((_, value)) = given {
            let list = variable.get("enum");
            let list: Vec<String> =
                list.iter().flat_map(Placed::items).filter_map(|it| text(it.value)).collect();
            if !list.is_empty() && !list.contains(value) {
                let (value, list) = (shown(value), list.join(", "));
                context.refuse(format!("--api-variable {name}={value}: it is {}", shown(&list)));
            }
        }
        let value = given.map(|(_, value)| value.clone()).or_else(|| {
            let default = variable.get("default").and_then(|value| text(value.value));
            default.or_else(|| {
                let list = variable.get("enum")?;
                list.items().next().and_then(|value| text(value.value))
            })
        });
        if let Some(value) = value {
            url = url.replace(&format!("{{{name}}}"), &value);
        }
    }
    url
}

/// Variables that were given a value and that no server has.
pub(crate) fn check_variables(context: &Context<'_>) {
    let known = context.variables.borrow();
    for (name, _) in context.options.variables.iter().filter(|(name, _)| !known.contains(name)) {
        let name = shown(name);
        let text = format!("--api-variable {name}: no server in use has a variable of that name");
        context.refuse_first("#/servers", text);
    }
}

/// A URL of a document, relative ones below the document's own.
fn absolute(url: &str, place: &str, context: &Context<'_>) -> Option<String> {
    if url.contains("://") {
        return usable(url, place, context);
    }
    let document = context.options.document_url?;
    let (scheme, rest) = document.split_once("://")?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let joined = if url.starts_with("//") {
        format!("{scheme}:{url}")
    } else if url.starts_with('/') {
        format!("{scheme}://{host}{url}")
    } else {
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let mut segments: Vec<&str> = path.split('/').collect();
        segments.pop();
        for segment in url.split('/') {
            match segment {
                "." => {}
                ".." => {
                    segments.pop();
                }
                segment => segments.push(segment),
            }
        }
        let path = segments.join("/");
        format!("{scheme}://{host}/{}", path.trim_start_matches('/'))
    };
    usable(&joined, place, context)
}

/// A URL that requests can start with.
fn usable(url: &str, place: &str, context: &Context<'_>) -> Option<String> {
    let (url, cut) = match url.split_once(['?', '#']) {
        Some((before, _)) => (before, true),
        None => (url, false),
    };
    if cut {
        context.notes.warning(place, "the query of a server's URL is left out");
    }
    let url = url.trim_end_matches('/');
    let problem = match Origin::split_url(url) {
        Ok((_, rest)) if rest.contains(['{', '}', '\\']) || rest.contains(char::is_control) => {
            "a variable without a value".to_owned()
        }
        Ok(_) => return Some(url.to_owned()),
        Err(_) if url.contains(['{', '}']) => "a variable without a value".to_owned(),
        Err(error) => error.to_string(),
    };
    let text = format!("the server `{}` cannot be used: {problem}", shown(url));
    context.notes.warning(place, text);
    None
}

/// `schemes`, `host` and `basePath` of Swagger 2.0.
fn swagger(root: &Placed<'_>, context: &Context<'_>) -> Option<String> {
    let path = root.text("basePath").unwrap_or_default();
    let separator = if path.is_empty() || path.starts_with('/') { "" } else { "/" };
    let path = format!("{separator}{path}");
    let Some(host) = root.text("host").filter(|host| !host.is_empty()) else {
        let relative = if path.is_empty() { "/" } else { path.as_str() };
        let base = absolute(relative, "#/basePath", context);
        if base.is_none() {
            let path = path.trim_end_matches('/');
            context.notes.warning("#/host", no_host(Some(path).filter(|path| !path.is_empty())));
        }
        return base;
    };
    let schemes: Vec<&str> = root
        .get("schemes")
        .map(|list| list.items().filter_map(|item| item.value.as_str()).collect())
        .unwrap_or_default();
    let scheme = if schemes.is_empty() || schemes.contains(&"https") { "https" } else { "http" };
    // Some documents write the scheme into the host.
    let host = host.split_once("://").map_or(host, |(_, host)| host);
    usable(&format!("{scheme}://{host}{path}"), "#/host", context)
}
