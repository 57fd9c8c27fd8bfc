//! What the fuzzer runs over messages of servers: every reader of them, and every change that is
//! made to them on the way to a client.

use serde_json::value::RawValue;

use super::LIMITS;
use crate::translate::{
    Crossing, EnvelopeParts, ErrorFacts, error_for, mcp_name_of, params_for_legacy,
    params_for_modern, progress_token, restore_progress_token, result_for, result_type, with_name,
    with_progress_token,
};
use crate::{
    Contents, DecodeLimits, Id, InputRequired, Item, Kind, ListPage, Message, Method, Reply, Retry,
    ServerCapabilities, Version, capabilities_for, decode, decode_server_message, encode_result,
    merged_capabilities, needs_capability, notification_for, prompt_for, question_for,
    retry_params, tool_for, tool_param_headers, url_elicitations, with_subscription_id,
};

/// Results are a little deeper inside a message, and with what is added to them.
const DEEPER: DecodeLimits = DecodeLimits { depth_max: 72, ..LIMITS };

const ENVELOPE: EnvelopeParts<'_> = EnvelopeParts {
    version: Version::V2026_07_28,
    client_capabilities: "{}",
    client_info: None,
    log_level: None,
};

/// Reads a message of a server and passes it on in every way, and says in one line what it is.
pub fn fuzz_translate(data: &[u8]) -> String {
    let message = match decode_server_message(data, &LIMITS) {
        Ok(message) => message,
        Err(error) => return super::refusal(&error),
    };
    match &message.kind {
        Kind::Request { method, params } => request(method, params.map(RawValue::get)),
        Kind::Notification { method: _, params } => notification(&message, *params),
        Kind::Response { reply: Reply::Result(raw) } => result(raw.get()),
        Kind::Response { reply: Reply::Error(raw) } => error(raw.get()),
    }
}

/// What is written must be read again, with no key twice.
fn sound(json: &str) {
    let message = encode_result(&Id::from_number(1), json);
    debug_assert!(decode(&message, &DEEPER).is_ok(), "not accepted: {json}");
}

fn request(method: &Method<'_>, params: Option<&str>) -> String {
    let asked = question_for(Version::V2026_07_28, method.as_str(), params, "x");
    let older = question_for(Version::V2025_11_25, method.as_str(), params, "x");
    let legacy = params_for_legacy(params);
    let modern = params_for_modern(params, ENVELOPE);
    let (reported, _) = with_progress_token(params, &Id::from_number(1));
    let again = retry_params(params.unwrap_or("{}"), &[("a", "{}")], Some("\"s\""));
    let named = params.and_then(|params| with_name(params, "n"));
    for json in [asked, older, legacy, named, Some(modern), Some(reported), Some(again)] {
        json.as_deref().inspect(|json| sound(json));
    }
    let lacks = needs_capability(method.as_str(), params, "{}").err();
    let lacks = lacks.map_or_else(|| "nothing".to_owned(), |lacks| lacks.to_string());
    let retry = params.and_then(Retry::read).map_or(0, |retry| retry.responses().len());
    let name = mcp_name_of(method.as_str(), params).is_some();
    let token = progress_token(params).is_some();
    format!("request: needs {lacks}; {retry} responses; name {name}; token {token}")
}

fn notification(message: &Message<'_>, params: Option<&RawValue>) -> String {
    let text = message.raw.get();
    let passed = |version| notification_for(version, None, text);
    let (modern, legacy) = (passed(Version::V2026_07_28), passed(Version::V2025_06_18));
    let restored = restore_progress_token(text, "7");
    for json in [&modern, &legacy, &restored].into_iter().flatten() {
        sound(json);
    }
    sound(&with_subscription_id(params.map_or("{}", RawValue::get), &Id::from_number(1)));
    format!("notification: modern {}; legacy {}", modern.is_some(), legacy.is_some())
}

fn crossings() -> impl Iterator<Item = Crossing<'static>> {
    let versions = [Version::V2025_06_18, Version::V2026_07_28];
    let pair = move |reader| versions.into_iter().map(move |writer| (reader, writer));
    versions.into_iter().flat_map(pair).map(|(reader, writer)| Crossing {
        reader,
        writer,
        server_info: "{}",
        private: true,
    })
}

fn result(result: &str) -> String {
    let methods = ["tools/call", "tools/list", "resources/read", "prompts/get"];
    let mut blocks = 0_usize;
    for method in methods {
        crossings().for_each(|crossing| sound(&result_for(crossing, method, result)));
        let Some(contents) = Contents::read(method, result) else { continue };
        blocks = blocks.saturating_add(contents.blocks().len());
        let upper = contents.blocks().iter().map(|block| block.with_words(|_| Some("x".into())));
        sound(&contents.with_blocks(upper));
    }
    let mut items = 0_usize;
    for key in ["tools", "prompts"] {
        let page = ListPage::read(result, key);
        for raw in page.into_iter().flat_map(|page| page.items) {
            items = items.saturating_add(1);
            item(raw.get());
        }
    }
    sound(&capabilities_for(Version::V2025_06_18, Version::V2026_07_28, result));
    sound(&merged_capabilities(&[result, result]));
    let extensions = ServerCapabilities::read(result).extensions.len();
    let kind = result_type(result).unwrap_or_default();
    let asked = InputRequired::read(result).map_or(0, |input| input.requests().len());
    format!(
        "result `{kind}`: {asked} questions; {blocks} blocks; {items} items; {extensions} extensions"
    )
}

fn item(item: &str) {
    let reader = Version::V2024_11_05;
    sound(&tool_for(reader, item, Some("n")));
    sound(&prompt_for(reader, item, Some("n")));
    drop((Item::read(item), tool_param_headers(item)));
}

fn error(error: &str) -> String {
    crossings().for_each(|crossing| sound(&error_for(crossing, "resources/read", error)));
    let code = ErrorFacts::read(error).map(|facts| facts.code.to_string());
    let urls = url_elicitations(error).map_or(0, |urls| urls.len());
    format!("error {}; {urls} URLs", code.as_deref().unwrap_or("without code"))
}
