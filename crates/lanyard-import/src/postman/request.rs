//! One request of a collection.

use lanyard_rest::is_token;
use serde_json::{Value, json};

use super::variables::Variables;
use super::{auth, named};
use crate::sample::body::{Media, looks_like_json, of_type};
use crate::sample::{Auth, Body, METHODS, Pair, Part, Sample, url};
use crate::shell::variable;

/// Reads one item. None if it is no request.
pub(super) fn read(
    item: &Value,
    place: &str,
    inherited: Option<&Value>,
    variables: &Variables,
    base_url: Option<&str>,
) -> Result<Option<Sample>, String> {
    let Some(request) = item.get("request") else { return Ok(None) };
    // A request may be its URL alone.
    let url =
        if request.is_string() { request } else { request.get("url").unwrap_or(&Value::Null) };
    let method =
        request.get("method").and_then(Value::as_str).unwrap_or("GET").to_ascii_uppercase();
    let Some(method) = METHODS.iter().find(|known| **known == method) else {
        return Err("its method is none that can be sent".to_owned());
    };
    let raw = raw_url(url).ok_or("it has no URL")?;
    let listed = url.get("query").and_then(Value::as_array);
    let (address, query) = raw.split_once('?').unwrap_or((&raw, ""));
    let target = url::read(&address_of(address, variables), base_url)?;
    let mut sample = Sample::new(place.to_owned(), method, target.target);
    sample.query = match listed {
        Some(pairs) => read_pairs(pairs, variables, true)?,
        None => url::pairs(&variables.text(query.split('#').next().unwrap_or_default()))?,
    };
    sample.path_values = path_values(url, &sample.path, variables)?;
    describe(&mut sample, item, request);
    for pair in read_headers(request.get("header"), variables) {
        if is_token(&pair.name) {
            sample.headers.push(pair);
        } else {
            sample.warn("a header whose name is a variable or no name is left out");
        }
    }
    let own = request.get("auth").filter(|auth| !auth.is_null());
    auth::set(&mut sample, own.or(inherited), variables);
    sample.auth = sample.auth.take().or(target.user.map(Auth::Basic));
    read_body(request.get("body"), &mut sample, variables)?;
    Ok(Some(sample))
}

/// The URL as it was typed, or put together.
fn raw_url(url: &Value) -> Option<String> {
    let joined = |key: &str, separator: &str| match url.get(key) {
        Some(Value::Array(parts)) => {
            let parts: Vec<&str> = parts
                .iter()
                .filter_map(|part| part.as_str().or_else(|| part.get("value")?.as_str()))
                .collect();
            parts.join(separator)
        }
        Some(Value::String(text)) => text.clone(),
        Some(_) | None => String::new(),
    };
    let raw = url.as_str().or_else(|| url.get("raw")?.as_str());
    if let Some(raw) = raw.filter(|raw| !raw.trim().is_empty()) {
        return Some(raw.to_owned());
    }
    let host = joined("host", ".");
    if host.is_empty() {
        return None;
    }
    let scheme = url.get("protocol").and_then(Value::as_str);
    let scheme = scheme.map(|scheme| format!("{scheme}://")).unwrap_or_default();
    let port = url.get("port").and_then(Value::as_str).map(|port| format!(":{port}"));
    let path = joined("path", "/");
    Some(format!("{scheme}{host}{}/{}", port.unwrap_or_default(), path.trim_start_matches('/')))
}

/// Host and path: in the host the values of variables are put in, in the path they stay variables.
fn address_of(address: &str, variables: &Variables) -> String {
    let leading = address.starts_with("{{") && !address.contains("://");
    let (host, path) = if leading {
        let end = address.find("}}").map_or(address.len(), |end| end.saturating_add(2));
        let rest = address.get(end..).unwrap_or_default();
        let end = end.saturating_add(rest.find('/').unwrap_or(rest.len()));
        address.split_at_checked(end).unwrap_or((address, ""))
    } else {
        let start = address.find("://").map_or(0, |start| start.saturating_add(3));
        let rest = address.get(start..).unwrap_or_default();
        let end = start.saturating_add(rest.find('/').unwrap_or(rest.len()));
        address.split_at_checked(end).unwrap_or((address, ""))
    };
    let host = variables.whole(host);
    format!("{}{}", host.trim_end_matches('/'), spaced(&variables.marked(path)))
}

/// White space cannot stand in a URL.
fn spaced(path: &str) -> String {
    path.trim_end().replace(' ', "%20")
}

/// What is known of `:name` and of variables in the path.
fn path_values(url: &Value, path: &str, variables: &Variables) -> Result<Vec<Pair>, String> {
    let listed = url.get("variable").and_then(Value::as_array);
    let mut values = match listed {
        Some(pairs) => read_pairs(pairs, variables, false)?,
        None => Vec::new(),
    };
    values.retain(|pair| !variable::has(pair.value()));
    for piece in variable::pieces(path) {
        if let variable::Piece::Variable(name) = piece
            && let Some(value) = variables.value(name)
        {
            values.push(Pair::new(crate::sample::lower(name), value));
        }
    }
    for pair in &mut values {
        pair.value = pair.value.take().filter(|value| !value.is_empty());
    }
    Ok(values)
}

/// Pairs that are switched on.
fn read_pairs(pairs: &[Value], variables: &Variables, encoded: bool) -> Result<Vec<Pair>, String> {
    let mut read = Vec::new();
    for pair in pairs.iter().filter(|pair| is_on(pair)) {
        let name = pair.get("key").and_then(Value::as_str).unwrap_or_default();
        if name.is_empty() {
            continue;
        }
        let text = |text: &str| -> Result<String, String> {
            let text = variables.text(text);
            if encoded { url::decoded(&text, true).map_err(str::to_owned) } else { Ok(text) }
        };
        let value = match pair.get("value") {
            Some(Value::String(value)) => Some(text(value)?),
            Some(value @ (Value::Number(_) | Value::Bool(_))) => Some(value.to_string()),
            Some(Value::Null | Value::Array(_) | Value::Object(_)) | None => None,
        };
        let about = text_of(pair.get("description"));
        read.push(Pair { name: text(name)?, value, text: about });
    }
    Ok(read)
}

fn is_on(pair: &Value) -> bool {
    pair.get("disabled").and_then(Value::as_bool) != Some(true)
}

/// Headers: a list, or text with a line for each.
fn read_headers(headers: Option<&Value>, variables: &Variables) -> Vec<Pair> {
    match headers {
        Some(Value::Array(pairs)) => read_pairs(pairs, variables, false).unwrap_or_default(),
        Some(Value::String(text)) => text
            .lines()
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| Pair::new(name.trim(), variables.text(value.trim())))
            .collect(),
        Some(_) | None => Vec::new(),
    }
}

/// A description: text, or an object with its content.
fn text_of(description: Option<&Value>) -> Option<String> {
    let description = description?;
    let text = description.as_str().or_else(|| description.get("content")?.as_str())?;
    (!text.trim().is_empty()).then(|| text.to_owned())
}

/// What somebody called the request and wrote about it, and the answers that were kept.
fn describe(sample: &mut Sample, item: &Value, request: &Value) {
    let name = item.get("name").and_then(Value::as_str).map(named).unwrap_or_default();
    if !name.is_empty() {
        sample.called = Some(name.clone());
        sample.title = Some(name);
    }
    let mut text = text_of(request.get("description")).or_else(|| text_of(item.get("description")));
    let examples: Vec<String> = item
        .get("response")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|response| {
            let name = named(response.get("name")?.as_str()?);
            let code = response.get("code").and_then(Value::as_u64);
            let code = code.map(|code| format!(" ({code})")).unwrap_or_default();
            (!name.is_empty()).then(|| format!("{name}{code}"))
        })
        .take(8)
        .collect();
    if !examples.is_empty() {
        let examples = format!("Kept answers: {}.", examples.join(", "));
        text = Some(text.map_or(examples.clone(), |text| format!("{text}\n{examples}")));
    }
    sample.text = text;
}

fn read_body(
    body: Option<&Value>,
    sample: &mut Sample,
    variables: &Variables,
) -> Result<(), String> {
    let Some(body) = body.filter(|body| !body.is_null() && is_on(body)) else { return Ok(()) };
    let list = |key: &str| body.get(key).and_then(Value::as_array).map(Vec::as_slice);
    match body.get("mode").and_then(Value::as_str) {
        Some("raw") => {
            let text = body.get("raw").and_then(Value::as_str).unwrap_or_default();
            raw_body(body, &variables.text(text), sample)?;
        }
        Some("urlencoded") => {
            let mut pairs = read_pairs(list("urlencoded").unwrap_or_default(), variables, false)?;
            pairs.iter_mut().for_each(|pair| pair.value = Some(pair.value().to_owned()));
            if !pairs.is_empty() {
                sample.body = Body::Form(pairs);
            }
        }
        Some("formdata") => {
            let parts = form_parts(list("formdata").unwrap_or_default(), variables)?;
            if !parts.is_empty() {
                sample.headers.retain(|header| !header.name.eq_ignore_ascii_case("content-type"));
                sample.body = Body::Multipart(parts);
            }
        }
        Some("graphql") => sample.body = graphql(body.get("graphql"), variables)?,
        Some("file") => sample.body = Body::File,
        Some(_) | None => {}
    }
    Ok(())
}

fn raw_body(body: &Value, text: &str, sample: &mut Sample) -> Result<(), String> {
    let language =
        body.get("options").and_then(|options| options.get("raw")?.get("language")?.as_str());
    if text.trim().is_empty() {
        return Ok(());
    }
    let typed = sample.header("content-type").map(|header| header.value().to_owned());
    let media = match (&typed, language) {
        (Some(content_type), _) => Media::of(content_type),
        (None, Some("json")) => Media::Json,
        (None, _) if looks_like_json(text) => Media::Json,
        (None, language) => {
            let content_type = match language {
                Some("xml") => "application/xml",
                Some("html") => "text/html",
                Some(_) | None => "text/plain",
            };
            sample.headers.push(Pair::new("Content-Type", content_type));
            Media::Other
        }
    };
    sample.body = of_type(text, media)?;
    Ok(())
}

fn form_parts(list: &[Value], variables: &Variables) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    for one in list {
        let file = one.get("type").and_then(Value::as_str) == Some("file");
        for mut pair in read_pairs(std::slice::from_ref(one), variables, false)? {
            if file {
                pair.value = None;
            }
            parts.push(Part { pair, file });
        }
    }
    Ok(parts)
}

/// A GraphQL request is JSON: the query, and its variables as an object.
fn graphql(graphql: Option<&Value>, variables: &Variables) -> Result<Body, String> {
    let text = |key: &str| graphql.and_then(|graphql| graphql.get(key)?.as_str());
    let mut body = json!({ "query": variables.text(text("query").unwrap_or_default()) });
    let values = variables.text(text("variables").unwrap_or_default());
    if !values.trim().is_empty() {
        let values = crate::sample::body::json(&values)?;
        if let Some(members) = body.as_object_mut() {
            members.insert("variables".to_owned(), values);
        }
    }
    Ok(Body::Json(body))
}
