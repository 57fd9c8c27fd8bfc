//! What the fuzzer and the replay of its corpus run: everything that meets the bytes of strangers.

mod translate;

use crate::{
    CallParams, CancelledParams, Carrier, Classified, DecodeLimits, Incoming, Kind, ListParams,
    ListenParams, Message, ReadParams, Reply, RoutingHeaders, Version, WireError, classify,
    classify_batch, decode, encode_error, encode_notification, encode_request,
};

pub use translate::fuzz_translate;

/// The limits in force while fuzzing: small, so that small inputs reach them.
const LIMITS: DecodeLimits =
    DecodeLimits { depth_max: 64, batch_messages_max: 100, id_bytes_max: 256 };

/// Decodes, classifies and encodes again, and says in one line what became of the bytes.
pub fn fuzz_decode(data: &[u8]) -> String {
    match decode(data, &LIMITS) {
        Ok(Incoming::One(message)) => describe(&message),
        Ok(Incoming::Batch(messages)) => {
            let version = classify_batch(Carrier::Lines, &messages, Some(Version::V2025_03_26));
            let each: Vec<String> = messages
                .iter()
                .map(|message| message.as_ref().map_or_else(refusal, describe))
                .collect();
            format!("batch {}: {}", version.map_or("refused", Version::as_str), each.join("; "))
        }
        Err(error) => refusal(&error),
    }
}

/// What is refused has an answer that is JSON.
fn refusal(error: &WireError) -> String {
    let answer = encode_error(None, error);
    debug_assert!(decode(&answer, &LIMITS).is_ok(), "an answer that we would not accept");
    format!("{} {}: {error}", error.code, error.status)
}

fn describe(message: &Message<'_>) -> String {
    debug_assert!(decode(&encode(message), &LIMITS).is_ok(), "not accepted once written anew");
    let call = CallParams::parse(message.params());
    let read = ReadParams::parse(message.params());
    let name = call.as_ref().map(|call| &call.name).or(read.as_ref().map(|read| &read.uri)).ok();
    let modern = RoutingHeaders {
        protocol_version: vec![b"2026-07-28"],
        method: message.method().map(|method| method.as_str().as_bytes()).into_iter().collect(),
        name: name.map(|name| name.as_bytes()).into_iter().collect(),
        ..RoutingHeaders::default()
    };
    drop((ListParams::parse(message.params()), ListenParams::parse(message.params())));
    drop(CancelledParams::parse(message.params()));
    let verdict = |carrier| verdict(&classify(carrier, message, None));
    format!(
        "bare {}; modern headers {}; lines {}",
        verdict(Carrier::Http(&RoutingHeaders::default())),
        verdict(Carrier::Http(&modern)),
        verdict(Carrier::Lines),
    )
}

fn verdict(classified: &Result<Classified<'_>, WireError>) -> String {
    match classified {
        Ok(Classified::Modern(envelope)) => format!("modern {}", envelope.version),
        Ok(Classified::Initialize(handshake)) => format!("initialize {}", handshake.chosen),
        Ok(Classified::Legacy { version }) => format!("legacy {version}"),
        Err(error) => refusal(error),
    }
}

/// The message written anew from its parts.
fn encode(message: &Message<'_>) -> Vec<u8> {
    let raw = |params: &Option<&'_ serde_json::value::RawValue>| {
        params.map(|params| params.get().to_owned())
    };
    match (&message.kind, &message.id) {
        (Kind::Request { method, params }, Some(id)) => {
            encode_request(id, method.as_str(), raw(params).as_deref())
        }
        (Kind::Request { method, params } | Kind::Notification { method, params }, _) => {
            encode_notification(method.as_str(), raw(params).as_deref())
        }
        (Kind::Response { reply: Reply::Result(_) | Reply::Error(_) }, _) => {
            message.raw.get().as_bytes().to_vec()
        }
    }
}

#[cfg(test)]
mod tests;
