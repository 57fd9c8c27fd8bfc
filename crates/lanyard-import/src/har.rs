//! HAR 1.2, what browsers record, as samples: the requests of programs, without the files and pages
//! around them.

use std::collections::BTreeMap;

use lanyard_rest::is_token;
use serde_json::Value;

use crate::Note;
use crate::postman::json;
use crate::sample::body::{Media, essence, of_type};
use crate::sample::{
    Auth, Body, Collected, ImportOptions, METHODS, Pair, Part, Sample, assemble, url,
};
use crate::shell::{Mark, PasteError};

/// Makes servers of a recording: one for each origin.
///
/// # Errors
///
/// When the file is no HAR. What is left out of it is told in notes.
pub fn import_har(text: &str, options: &ImportOptions<'_>) -> Result<Collected, PasteError> {
    let root = json(text, "recording")?;
    let entries = root.get("log").and_then(|log| log.get("entries")).and_then(Value::as_array);
    let Some(entries) = entries else {
        let message = "this is no HAR: save one from the network page of a browser's tools";
        return Err(PasteError::new(Mark::START, message));
    };
    let mut samples = Vec::new();
    let mut left_out: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
    let mut notes = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let place = format!("entry {}", index.saturating_add(1));
        match read(entry, &place) {
            Ok(sample) => samples.push(sample),
            Err(Left::Reason(reason)) => {
                let host = host(entry).unwrap_or_else(|| "no host".to_owned());
                left_out.entry(reason).or_default().push(host);
            }
            Err(Left::Broken(message)) => notes.push(Note::skipped(place, message)),
        }
    }
    for (reason, mut hosts) in left_out {
        let count = hosts.len();
        hosts.sort();
        hosts.dedup();
        let more = hosts.len().saturating_sub(5);
        hosts.truncate(5);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let entries = if count == 1 { "1 entry".to_owned() } else { format!("{count} entries") };
        let text = format!("{reason}, from {}{more}", hosts.join(", "));
        notes.push(Note::skipped(entries, text));
    }
    Ok(Collected { servers: assemble(samples, options, true), notes })
}

/// Why an entry is no sample.
enum Left {
    /// One of the usual reasons.
    Reason(&'static str),
    /// It cannot be read.
    Broken(String),
}

fn text<'v>(value: &'v Value, path: &[&str]) -> Option<&'v str> {
    path.iter().try_fold(value, |value, key| value.get(key))?.as_str()
}

fn host(entry: &Value) -> Option<String> {
    let read = url::read(text(entry, &["request", "url"])?, None).ok()?;
    Some(read.target.origin.host().to_owned())
}

fn read(entry: &Value, place: &str) -> Result<Sample, Left> {
    let address = text(entry, &["request", "url"]).unwrap_or_default();
    let method = text(entry, &["request", "method"]).unwrap_or_default().to_ascii_uppercase();
    if !address.starts_with("http://") && !address.starts_with("https://") {
        return Err(Left::Reason("what is no HTTP request"));
    }
    check_kind(entry, &method)?;
    let Some(method) = METHODS.iter().find(|known| **known == method) else {
        return Err(Left::Reason("methods that cannot be sent"));
    };
    let read = url::read(address, None).map_err(|message| Left::Broken(message.to_owned()))?;
    let mut sample = Sample::new(place.to_owned(), method, read.target);
    sample.headers = pairs(entry.get("request").and_then(|request| request.get("headers")));
    sample.headers.retain(|header| is_token(&header.name));
    sample.auth = read.user.map(Auth::Basic);
    add_cookies(entry, &mut sample);
    let data = entry.get("request").and_then(|request| request.get("postData"));
    if let Some(data) = data {
        add_body(data, &mut sample).map_err(Left::Broken)?;
    }
    Ok(sample)
}

/// Keeps what programs ask of servers, and leaves out what pages are made of.
fn check_kind(entry: &Value, method: &str) -> Result<(), Left> {
    if method == "OPTIONS" {
        return Err(Left::Reason("what browsers ask before a request (OPTIONS)"));
    }
    let status = entry.get("response").and_then(|response| response.get("status")?.as_i64());
    match status {
        Some(0) => return Err(Left::Reason("requests without an answer")),
        Some(404 | 405) | Some(500..) => {
            return Err(Left::Reason("requests that failed (404, 405, 5xx)"));
        }
        Some(_) | None => {}
    }
    let kind = text(entry, &["_resourceType"]);
    if kind.is_some_and(|kind| !matches!(kind, "xhr" | "fetch" | "other" | "eventsource")) {
        return Err(Left::Reason("pages, scripts, styles, images and other files"));
    }
    let answer = text(entry, &["response", "content", "mimeType"]).unwrap_or_default();
    let sent = text(entry, &["request", "postData", "mimeType"]).unwrap_or_default();
    let is_data =
        |media: &str| matches!(Media::of(media), Media::Json | Media::Form | Media::Multipart);
    let silent = answer.is_empty() || essence(answer) == "x-unknown";
    let changes = !matches!(method, "GET" | "HEAD");
    if is_data(answer) || is_data(sent) || (silent && changes) {
        Ok(())
    } else {
        Err(Left::Reason("pages, scripts, styles, images and other files"))
    }
}

fn pairs(list: Option<&Value>) -> Vec<Pair> {
    let one = |pair: &Value| Some(Pair::new(text(pair, &["name"])?, text(pair, &["value"])?));
    list.and_then(Value::as_array).into_iter().flatten().filter_map(one).collect()
}

/// Cookies that no header names.
fn add_cookies(entry: &Value, sample: &mut Sample) {
    if sample.header("cookie").is_some() {
        return;
    }
    let cookies = pairs(entry.get("request").and_then(|request| request.get("cookies")));
    if !cookies.is_empty() {
        let all: Vec<String> =
            cookies.iter().map(|pair| format!("{}={}", pair.name, pair.value())).collect();
        sample.headers.push(Pair::new("Cookie", all.join("; ")));
    }
}

fn add_body(data: &Value, sample: &mut Sample) -> Result<(), String> {
    let content_type = text(data, &["mimeType"]).unwrap_or_default();
    let body = text(data, &["text"]).unwrap_or_default();
    let media = Media::of(content_type);
    let params = data.get("params");
    match media {
        Media::Multipart => {
            sample.headers.retain(|header| !header.name.eq_ignore_ascii_case("content-type"));
            let parts = multipart(params);
            if parts.is_empty() {
                return Err(
                    "its parts are not listed: import the request by a curl line".to_owned()
                );
            }
            sample.body = Body::Multipart(parts);
        }
        Media::Form if body.is_empty() => {
            let mut decoded = Vec::new();
            for pair in pairs(params) {
                let name = url::decoded(&pair.name, true)?;
                decoded.push(Pair::new(name, url::decoded(pair.value(), true)?));
            }
            if !decoded.is_empty() {
                sample.body = Body::Form(decoded);
            }
        }
        Media::Form | Media::Json | Media::Other => {
            sample.body = of_type(body, media)?;
            if !content_type.is_empty() && sample.header("content-type").is_none() {
                sample.headers.push(Pair::new("Content-Type", content_type));
            }
        }
    }
    Ok(())
}

fn multipart(params: Option<&Value>) -> Vec<Part> {
    let one = |pair: &Value| {
        let file = pair.get("fileName").is_some();
        let value = text(pair, &["value"]).filter(|_| !file).unwrap_or_default();
        Some(Part { pair: Pair::new(text(pair, &["name"])?, value), file })
    };
    params.and_then(Value::as_array).into_iter().flatten().filter_map(one).collect()
}

#[cfg(test)]
mod tests;
