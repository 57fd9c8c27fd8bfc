//! What an agent does about an error that it met. Pure.

use super::known::Seen;
use super::text::{code, quoted};

/// An error and what to do about it, as one line.
pub(super) fn advice(seen: &Seen, arguments: &[&str], finders: &[&str]) -> String {
    let (what, advice) = match (seen.code.as_str(), seen.status) {
        ("arguments_invalid", _) => invalid(seen, arguments),
        ("answered_error", Some(status)) => by_status(status, finders),
        ("answered_error", None) => (
            "the tool answered with an error".to_owned(),
            "Read its text: it says what the server did not like about the arguments.".to_owned(),
        ),
        ("limit_reached", _) => {
            let which = seen.limit.as_deref().map(|limit| quoted(limit, LIMIT_CHARS_MAX));
            let which = which.map(|which| format!(" on {which}")).unwrap_or_default();
            (
                format!("the limit{which} was reached"),
                "Wait as long as the answer says, and make fewer calls.".to_owned(),
            )
        }
        (known, _) => {
            let (what, advice) = by_code(known);
            // The gateway's codes are words; what answers need not be one of ours.
            let is_word = known.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
            let known = if is_word { code(known) } else { "an error".to_owned() };
            (format!("{known} ({what})"), advice.to_owned())
        }
    };
    let times = if seen.count == 1 { "once" } else { &format!("{} times", seen.count) };
    format!("{what}, {times}. {advice}")
}

const LIMIT_CHARS_MAX: usize = 100;

fn invalid(seen: &Seen, arguments: &[&str]) -> (String, String) {
    let named = seen.argument.as_deref().filter(|name| arguments.contains(name));
    let what = match named {
        Some(name) => format!("the argument {} was refused", code(name)),
        None => "the arguments were refused".to_owned(),
    };
    let advice = "Nothing was sent. Hold the call against the parameters above: names, types, what is \
                  required and the listed values.";
    (what, advice.to_owned())
}

fn by_status(status: u64, finders: &[&str]) -> (String, String) {
    let advice = match status {
        404 | 410 => {
            let find = finders.first().map(|tool| {
                format!(
                    " Ask {} for what there is, and take the value from its answer.",
                    code(tool)
                )
            });
            format!("What was asked for does not exist.{}", find.unwrap_or_default())
        }
        400 | 422 => {
            "The API did not like a value that the schema allows, or wants one that it calls \
                      optional: look at formats, dates, and values that belong together."
                .to_owned()
        }
        401 | 403 => "The API refused the stored credential, or it may not do this. No argument \
                      changes that: tell an operator (`lanyard server test`)."
            .to_owned(),
        409 => "It is not in a state for that, or exists already. Read it first.".to_owned(),
        405 | 406 | 415 => "The API does not take the request as its description says. Tell an \
                            operator."
            .to_owned(),
        408 | 425 | 429 => "The API is asked too often. Wait, then call once.".to_owned(),
        500..=599 => "The API has trouble of its own. Read calls may be tried again in a minute; \
                      what changes data may have happened, so look before."
            .to_owned(),
        _ => "Read the answer's text: it says what the API did not like.".to_owned(),
    };
    (format!("HTTP {status} from the API"), advice)
}

/// What a code of the gateway means, and what to do: see `docs/ERRORS.md`.
fn by_code(code: &str) -> (&'static str, &'static str) {
    match code {
        "policy_forbids" | "policy_undecidable" => (
            "a policy forbids it",
            "Do not try it in other words. If the task needs it, ask an operator with the record's id.",
        ),
        "tool_not_granted" | "tool_unknown" | "user_not_granted" => (
            "not granted",
            "List the tools again: what is not listed is not yours to call. An operator can grant it.",
        ),
        "tool_changed" => (
            "its definition changed",
            "List the tools again and read it, then call it as it is now.",
        ),
        "argument_credential" => (
            "an argument looked like a key",
            "Nothing was sent. Never pass a key on: Lanyard adds the stored one.",
        ),
        "approval_needed" => (
            "a person has to say yes",
            "Repeat the same call with the same arguments once it is approved.",
        ),
        "approval_refused" => ("a person said no", "Do not repeat it; ask what is wanted instead."),
        "approvals_full" => ("too much waits for a person", "Wait for decisions, then repeat it."),
        "timed_out" => (
            "no answer in time",
            "Ask for less. What changes data may have happened: look before you repeat it.",
        ),
        "unreachable" | "server_unavailable" | "server_busy" | "server_start" | "server_ended" => (
            "the server is down or busy",
            "Try again in a minute; tell an operator if it stays so.",
        ),
        "answer_too_large" => ("the answer is too large", "Ask for less: filter, or take a page."),
        "answer_unusable" => (
            "the answer is not as described",
            "Tell an operator: the tool's description and the API disagree.",
        ),
        "request_unbuildable" => (
            "the request cannot be written",
            "A value does not fit where it goes: no line breaks, no empty part of a path.",
        ),
        "secret_unset"
        | "secret_origin"
        | "secret_unreadable"
        | "credential_rejected"
        | "user_credential_missing" => (
            "the stored credential is missing or refused",
            "No argument changes that: tell an operator.",
        ),
        "cancelled" | "abandoned" => {
            ("it was cut short", "It may have happened: look before you repeat it.")
        }
        _ => {
            ("see the answer's text", "Do what the text says; tell an operator if it says nothing.")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::advice;
    use crate::agent::skill::known::Seen;

    fn seen(code: &str, status: Option<u64>, argument: Option<&str>) -> Seen {
        let (code, argument) = (code.to_owned(), argument.map(str::to_owned));
        Seen { code, status, argument, limit: None, count: 2 }
    }

    #[test]
    fn what_was_seen_says_what_to_do() {
        for (seen, said) in [
            (seen("answered_error", Some(404), None), "Ask `list_pets` for what there is"),
            (seen("answered_error", Some(503), None), "HTTP 503 from the API, 2 times."),
            (
                seen("arguments_invalid", None, Some("petId")),
                "the argument `petId` was refused, 2 times.",
            ),
            (
                seen("policy_forbids", None, None),
                "`policy_forbids` (a policy forbids it), 2 times.",
            ),
            (seen("never_heard_of", None, None), "tell an operator"),
        ] {
            let line = advice(&seen, &["petId"], &["list_pets"]);
            assert!(line.contains(said), "{line}");
        }
    }

    #[test]
    fn only_arguments_that_the_tool_has_are_named() {
        let line = advice(&seen("arguments_invalid", None, Some("x\n# y")), &["petId"], &[]);
        assert!(line.starts_with("the arguments were refused, 2 times."), "{line}");
    }
}
