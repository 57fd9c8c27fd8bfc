//! What an operator is told of a REST API that was tried: that it works, or what it did and what can be
//! done about it.

use lanyard_admin::{Proof, ProvedCall, Unproved};
use lanyard_connect::http::Unreached;
use lanyard_core::{Failure, Origin};
use lanyard_gateway::{Came, Probed, Sent, Stopped, Untried};

/// How another call is named.
const NAME_ANOTHER: &str = "name a call that works with --probe TOOL key=value";

/// What a trial says of a server. `named` is whether the call was asked for by name: then whoever asked
/// knows what it answers.
pub(super) fn told(probed: Result<Probed, Untried>, named: bool) -> Result<Proof, Unproved> {
    let refused = |what| Unproved { what, answer: String::new() };
    let Probed { written, unwritten, sent } = probed.map_err(|why| refused(untried(&why)))?;
    let unwritten = unwritten.into_iter().map(|(tool, why)| (tool.to_string(), why)).collect();
    let call = sent.map(|sent| call(sent, named)).transpose()?;
    Ok(Proof { written, unwritten, call })
}

fn untried(why: &Untried) -> String {
    match why {
        Untried::NoTool(all) => {
            let names: Vec<&str> = all.iter().map(|name| name.as_str()).collect();
            format!("it has no tool of that name; its tools are: {}", names.join(", "))
        }
        Untried::Arguments(tool, denial) => format!("the call of {tool} cannot be made: {denial}"),
        Untried::Request(tool, Failure::SecretUnset { name }) => format!(
            "{tool} needs {}, which has no value yet: give it with --secret PARAM=- (typed, or from \
             stdin), or set it with `lanyard secret set {name}` where it is a server's already",
            name.reference()
        ),
        Untried::Request(tool, failure) => {
            format!("the request of {tool} cannot be written: {failure}")
        }
        Untried::NothingSafe => {
            format!("each of its tools may change something, so none was called; {NAME_ANOTHER}")
        }
    }
}

fn call(sent: Sent, named: bool) -> Result<ProvedCall, Unproved> {
    let Sent { tool, arguments, invented, origin, came } = sent;
    let refused = |what: String, answer: String| {
        let what = format!("{tool} {arguments} was sent to {origin}, and {what}");
        Unproved { what, answer }
    };
    let came = came.map_err(|why| refused(stopped(&why, origin.host()), String::new()))?;
    // Nothing is found under a number that was made up. It was looked for all the same: the server is
    // there, and did not refuse the credential.
    let made_up = invented && matches!(came.status, 400 | 404 | 410 | 422);
    if !made_up && let Some(what) = objection(&came, &origin, named) {
        return Err(refused(what, came.text));
    }
    let Came { status, media_type, location: _, bytes, text, misfit } = came;
    let tool = tool.to_string();
    Ok(ProvedCall { tool, arguments, invented, status, media_type, bytes, begins: text, misfit })
}

/// What speaks against an answer.
fn objection(came: &Came, origin: &Origin, named: bool) -> Option<String> {
    let status = came.status;
    let what = match status {
        200..=299 if came.media_type == "text/html" && !named => {
            "a web page came back, not the answer of an API; is the base URL right? If it is, "
                .to_owned()
                + NAME_ANOTHER
        }
        200..=299 => return None,
        300..=399 => redirect(came.location.as_deref(), origin),
        401 => "the credential was refused (HTTP 401): give the right one with --secret PARAM=- \
                (typed, or from stdin), set it with `lanyard secret set NAME`, or name another with \
                --secret PARAM=secret://NAME"
            .to_owned(),
        403 => format!(
            "it is not allowed (HTTP 403): does the credential have the right to do this? If it is \
             meant for something else, {NAME_ANOTHER}"
        ),
        404 | 405 | 410 => format!(
            "it knows nothing there (HTTP {status}); is the base URL right? If it is, {NAME_ANOTHER}"
        ),
        429 => "it has too much to do (HTTP 429); try again later".to_owned(),
        500.. => format!("it is in trouble (HTTP {status}); try again later, or {NAME_ANOTHER}"),
        _ => format!("it did not like the call (HTTP {status}); {NAME_ANOTHER}"),
    };
    Some(what)
}

fn redirect(location: Option<&str>, from: &Origin) -> String {
    let whole = |location: &str| match location.starts_with('/') && !location.starts_with("//") {
        true => format!("{from}{location}"),
        false => location.to_owned(),
    };
    match location.map(whole) {
        Some(location) => format!(
            "a redirect came back, which is not followed: the credential would go with it. If you \
             trust {location}, write its address in the definition or as --base-url"
        ),
        None => "a redirect came back that leads nowhere; is the base URL right?".to_owned(),
    }
}

fn stopped(why: &Stopped, host: &str) -> String {
    match why {
        Stopped::Unreached(why @ Unreached::Name) => {
            format!("{why}; is `{host}` spelled right, and does this machine have a network?")
        }
        Stopped::Unreached(Unreached::Forbidden) => format!(
            "its address is private or reserved; if that is meant, allow it with --allow-private {host}"
        ),
        Stopped::Unreached(why @ (Unreached::Address | Unreached::TimedOut)) => {
            format!("{why}; does it run, and is the port right?")
        }
        Stopped::Unreached(why @ Unreached::Untrusted) => format!(
            "{why}; if the authority is your own, start the gateway with `lanyard up --upstream-ca FILE`"
        ),
        Stopped::Unreached(why @ Unreached::Certificate(_)) => {
            format!("{why}; whoever runs {host} has to put that right")
        }
        Stopped::Unreached(why @ (Unreached::Tls(_) | Unreached::Http)) => {
            format!("{why}; is it http where it should be https, or the other way round?")
        }
        Stopped::Failed(Failure::TimedOut) => {
            "no answer came in time; give it longer with --timeout SECONDS".to_owned()
        }
        Stopped::Failed(Failure::AnswerTooLarge) => {
            format!("the answer is larger than the limit; {NAME_ANOTHER}")
        }
        Stopped::Failed(failure) => format!("{failure}; is the base URL right?"),
    }
}

#[cfg(test)]
mod tests {
    use lanyard_core::ToolName;

    use super::*;

    fn probed(came: Result<Came, Stopped>, invented: bool) -> Result<Probed, Untried> {
        let sent = Sent {
            tool: ToolName::parse("get_a").unwrap(),
            arguments: "{}".to_owned(),
            invented,
            origin: Origin::parse("https://api.example.com").unwrap(),
            came,
        };
        Ok(Probed { written: 1, unwritten: Vec::new(), sent: Some(sent) })
    }

    fn came(status: u16, media_type: &str) -> Came {
        Came {
            status,
            media_type: media_type.to_owned(),
            location: (status == 302).then(|| "https://evil.example/".to_owned()),
            bytes: 2,
            text: "{}".to_owned(),
            misfit: None,
        }
    }

    #[track_caller]
    fn check(came: Result<Came, Stopped>, named: bool, expected: &str) {
        let told = match told(probed(came, false), named) {
            Ok(_) => "works".to_owned(),
            Err(why) => why.what,
        };
        assert!(told.contains(expected), "{told}");
    }

    #[test]
    fn it_says_what_to_do() {
        check(Ok(came(200, "application/json")), false, "works");
        check(Ok(came(204, "")), false, "works");
        check(Ok(came(200, "text/html")), false, "a web page came back");
        check(Ok(came(200, "text/html")), true, "works");
        check(Ok(came(302, "")), false, "If you trust https://evil.example/, write its address");
        let moved = Came { location: Some("/v2/a".to_owned()), ..came(302, "") };
        check(Ok(moved), false, "trust https://api.example.com/v2/a, write");
        check(Ok(came(401, "")), false, "`lanyard secret set NAME`");
        check(Ok(came(403, "")), true, "does the credential have the right");
        check(Ok(came(404, "")), false, "is the base URL right? If it is, name a call");
        check(Ok(came(422, "")), false, "--probe TOOL key=value");
        check(Ok(came(503, "")), false, "it is in trouble (HTTP 503); try again later");
        let unreached = |why| Err(Stopped::Unreached(why));
        check(unreached(Unreached::Untrusted), false, "--upstream-ca FILE");
        check(unreached(Unreached::Name), false, "is `api.example.com` spelled right");
        check(unreached(Unreached::Forbidden), false, "--allow-private api.example.com");
        check(unreached(Unreached::Address), false, "nobody answers at its address; does it run");
        check(unreached(Unreached::Http), false, "is it http where it should be https");
        check(Err(Stopped::Failed(Failure::TimedOut)), false, "--timeout SECONDS");
        check(Err(Stopped::Failed(Failure::Unreachable)), false, "is the base URL right?");
    }

    #[test]
    fn what_was_made_up_need_not_be_found() {
        for (status, works) in [(200, true), (404, true), (422, true), (401, false), (302, false)] {
            let told = told(probed(Ok(came(status, "")), true), false);
            assert_eq!(told.is_ok(), works, "{status}");
        }
    }

    #[test]
    fn what_cannot_be_tried_says_why() {
        let unset = Failure::SecretUnset { name: "billing-key".parse().unwrap() };
        let why = told(Err(Untried::Request(ToolName::parse("get_a").unwrap(), unset)), false);
        assert!(why.unwrap_err().what.contains("`lanyard secret set billing-key`"));
        let why = told(Err(Untried::NothingSafe), false).unwrap_err();
        assert!(why.what.contains("--probe TOOL key=value"), "{}", why.what);
        let tools = vec![ToolName::parse("get_a").unwrap(), ToolName::parse("get_b").unwrap()];
        let why = told(Err(Untried::NoTool(tools)), true).unwrap_err();
        assert!(why.what.ends_with("its tools are: get_a, get_b"), "{}", why.what);
    }
}
