//! Input that a server wants of the client in the middle of a request: sampling, elicitation, roots.
//!
//! A server with sessions sends a request of its own and waits. A stateless one answers
//! `input_required` and is asked again, with the client's answers and the state that it gave. Both
//! ask the same; what differs is read and written here.

use std::borrow::Cow;
use std::fmt;

use serde_json::value::RawValue;

use crate::Version;
use crate::json::{Object, is_object, quoted, raw, text};
use crate::results::Stamp;
use crate::splice::{Edit, elements, members, value};

/// One thing that is asked: its key, the method, and the parameters.
pub type Asked<'a> = (Cow<'a, str>, Cow<'a, str>, Option<&'a RawValue>);

/// A result that is no answer yet.
#[derive(Debug, Clone)]
pub struct InputRequired<'a> {
    requests: Vec<Asked<'a>>,
    request_state: Option<&'a str>,
}

impl<'a> InputRequired<'a> {
    /// Reads a result; `None` where it is of another type, or is not as the protocol says.
    pub fn read(result: &'a str) -> Option<Self> {
        let edit = Edit::of(result)?;
        if text(edit.value("resultType")?)? != "input_required" {
            return None;
        }
        let given = |key| edit.value(key).filter(|value| *value != "null");
        let (requests, request_state) = (given("inputRequests"), given("requestState"));
        let asks_nothing = requests.is_none() && request_state.is_none();
        if asks_nothing || !request_state.is_none_or(is_text) {
            return None;
        }
        let requests = match requests {
            Some(requests) => members(requests)?.into_iter().map(asked).collect::<Option<_>>()?,
            None => Vec::new(),
        };
        Some(Self { requests, request_state })
    }

    /// All that is asked, in order. A server may ask nothing, and only to be asked again.
    pub fn requests(&self) -> &[Asked<'a>] {
        &self.requests
    }

    /// What the server wants back as it is: a JSON string, as it was written.
    pub fn request_state(&self) -> Option<&'a str> {
        self.request_state
    }
}

fn is_text(raw: &str) -> bool {
    raw.starts_with('"')
}

fn asked<'a>((key, request): (Cow<'a, str>, &'a RawValue)) -> Option<Asked<'a>> {
    let request = Edit::of(request.get())?;
    let method = text(request.value("method")?)?;
    let params = match request.value("params") {
        Some("null") | None => None,
        Some(params) => Some(raw(params).filter(|raw| is_object(raw))?),
    };
    Some((key, method, params))
}

/// A result that asks for input: of each thing its key, the method, and the parameters as a raw
/// JSON object. The state is a text. One that asks for nothing is to be asked again with its state.
pub fn input_required_result(
    stamp: Stamp<'_>,
    requests: &[(&str, &str, Option<&str>)],
    request_state: Option<&str>,
) -> String {
    let mut asked = Object::new();
    for (key, method, params) in requests {
        let request = Object::new().text("method", method).raw_if("params", *params).end();
        asked = asked.raw(key, &request);
    }
    let asked = (!requests.is_empty()).then(|| asked.end());
    stamp
        .begin_as("input_required", None)
        .raw_if("inputRequests", asked.as_deref())
        .text_if("requestState", request_state)
        .end()
}

/// A result that asks for input, or the parameters of a retry, with another state, which is a text.
pub fn with_request_state(object: &str, request_state: &str) -> Option<String> {
    Edit::of(object).map(|object| object.set_text("requestState", request_state).write())
}

/// What a client brings when it comes back.
#[derive(Debug, Clone)]
pub struct Retry<'a> {
    responses: Vec<(Cow<'a, str>, &'a RawValue)>,
    request_state: Option<&'a str>,
}

impl<'a> Retry<'a> {
    /// Reads the parameters of a request; `None` where it is no retry. Responses that are no objects
    /// are no responses.
    pub fn read(params: &'a str) -> Option<Self> {
        let params = Edit::of(params)?;
        let (responses, state) = (params.value("inputResponses"), params.value("requestState"));
        if responses.is_none() && state.is_none() {
            return None;
        }
        let responses = responses.and_then(members).unwrap_or_default();
        let responses = responses.into_iter().filter(|(_, raw)| is_object(raw)).collect();
        Some(Self { responses, request_state: state.filter(|state| is_text(state)) })
    }

    /// All responses: their keys, and what the client answered.
    pub fn responses(&self) -> &[(Cow<'a, str>, &'a RawValue)] {
        &self.responses
    }

    /// The response to what was asked under a key, raw JSON.
    pub fn response(&self, key: &str) -> Option<String> {
        let (_, response) = self.responses.iter().find(|(other, _)| other == key)?;
        Some(response.get().to_owned())
    }

    /// The state that the client brings back: a JSON string, as it was written.
    pub fn request_state(&self) -> Option<&'a str> {
        self.request_state
    }
}

/// The parameters of a request that is made again with these responses, which are raw JSON, and
/// this state, which is a JSON string as it was written.
pub fn retry_params<K: AsRef<str>, V: AsRef<str>>(
    params: &str,
    responses: &[(K, V)],
    request_state: Option<&str>,
) -> String {
    let mut given = Object::new();
    for (key, response) in responses {
        given = given.raw(key.as_ref(), response.as_ref());
    }
    Edit::of_or_empty(Some(params))
        .set("inputResponses", given.end())
        .set_or_remove("requestState", request_state)
        .write()
}

/// Something that a client must be able to do before a server may ask for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientCapability {
    /// Having a model write something.
    Sampling,
    /// The same, with tools that the model may use.
    SamplingTools,
    /// Showing a form.
    Elicitation,
    /// Leading a person to a URL.
    ElicitationUrl,
    /// Listing the folders it works in.
    Roots,
}

impl ClientCapability {
    /// The capability in the shape of client capabilities, for
    /// [`WireError::capability_missing`](crate::WireError::capability_missing).
    pub const fn as_json(self) -> &'static str {
        match self {
            Self::Sampling => r#"{"sampling":{}}"#,
            Self::SamplingTools => r#"{"sampling":{"tools":{}}}"#,
            Self::Elicitation => r#"{"elicitation":{}}"#,
            Self::ElicitationUrl => r#"{"elicitation":{"url":{}}}"#,
            Self::Roots => r#"{"roots":{}}"#,
        }
    }

    fn is_in(self, capabilities: &str) -> bool {
        let declared = |path| value(capabilities, path).is_some_and(|value| value.starts_with('{'));
        match self {
            Self::Sampling => declared(&["sampling"]),
            Self::SamplingTools => declared(&["sampling", "tools"]),
            // Until there was another mode, forms had no name; now they have, and need none.
            Self::Elicitation => {
                declared(&["elicitation", "form"])
                    || (declared(&["elicitation"]) && !declared(&["elicitation", "url"]))
            }
            Self::ElicitationUrl => declared(&["elicitation", "url"]),
            Self::Roots => declared(&["roots"]),
        }
    }
}

impl fmt::Display for ClientCapability {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Sampling => "sampling",
            Self::SamplingTools => "sampling.tools",
            Self::Elicitation => "elicitation",
            Self::ElicitationUrl => "elicitation.url",
            Self::Roots => "roots",
        })
    }
}

/// Whether a client with these capabilities, a raw JSON object, may be asked this, and else what it
/// lacks. A method that we do not know needs nothing that we know.
pub fn needs_capability(
    method: &str,
    params: Option<&str>,
    capabilities: &str,
) -> Result<(), ClientCapability> {
    let given = |key| params.and_then(|params| value(params, &[key]));
    let needed: &[ClientCapability] = match method {
        "sampling/createMessage" if given("tools").or_else(|| given("toolChoice")).is_some() => {
            &[ClientCapability::Sampling, ClientCapability::SamplingTools]
        }
        "sampling/createMessage" => &[ClientCapability::Sampling],
        "elicitation/create" if is_url_mode(params) => &[ClientCapability::ElicitationUrl],
        "elicitation/create" => &[ClientCapability::Elicitation],
        "roots/list" => &[ClientCapability::Roots],
        _ => &[],
    };
    needed.iter().find(|needed| !needed.is_in(capabilities)).map_or(Ok(()), |lacks| Err(*lacks))
}

/// Whether a client of this version can be asked something before it has the answer to a request of
/// this method: a stateless one is asked by an answer, which only some of its requests may get.
pub fn can_be_asked(reader: Version, method: &str) -> bool {
    !reader.is_modern() || matches!(method, "tools/call" | "prompts/get" | "resources/read")
}

fn is_url_mode(params: Option<&str>) -> bool {
    let mode = params.and_then(|params| value(params, &["mode"])).and_then(text);
    mode.as_deref() == Some("url")
}

/// The parameters of a question as the version of the client has them: for a stateless client
/// without what belongs to sessions and tasks, for an older one with the id that leading to a URL
/// has there. `elicitation_id` is used where the server gave none.
pub fn question_for(
    reader: Version,
    method: &str,
    params: Option<&str>,
    elicitation_id: &str,
) -> Option<String> {
    let given = params?;
    let Some(edit) = Edit::of(given) else { return Some(given.to_owned()) };
    let elicits = method == "elicitation/create";
    if !reader.is_modern() {
        let edit = match (elicits, is_url_mode(params)) {
            (true, true) => edit.set_missing("elicitationId", quoted(elicitation_id)),
            (true, false) if !reader.has_elicitation_modes() => edit.remove(&["mode"]),
            (true | false, true | false) => edit,
        };
        return Some(edit.write());
    }
    let edit = edit.remove(&["task"]);
    let edit = if elicits { edit.remove(&["elicitationId"]) } else { edit };
    let meta = edit.value("_meta").and_then(Edit::of);
    let edit = match meta.filter(|meta| meta.value("progressToken").is_some()) {
        Some(meta) => {
            edit.set_or_remove("_meta", meta.remove(&["progressToken"]).written_unless_emptied())
        }
        None => edit,
    };
    Some(edit.write())
}

/// What a server of 2025-11-25 wants a person to visit before it is asked again: the parameters of
/// one `elicitation/create` for each URL, out of the error -32042. `None` where the error is another.
pub fn url_elicitations(error: &str) -> Option<Vec<&RawValue>> {
    if value(error, &["code"])? != "-32042" {
        return None;
    }
    let listed = elements(value(error, &["data", "elicitations"])?)?;
    (!listed.is_empty() && listed.iter().all(|raw| is_object(raw))).then_some(listed)
}

#[cfg(test)]
mod tests;
