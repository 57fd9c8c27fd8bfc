//! What an operator is told of a server that was tried and cannot be used: what it did, and what can
//! be done about it. Agents are told less.

use lanyard_core::Failure;
use lanyard_gateway::fleet::TryOutError;
use lanyard_mcp::{Definition, Transport};

/// What a server did, as the end of a sentence that begins with its name.
pub(super) fn told(error: &TryOutError, definition: &Definition, stderr: &str) -> String {
    let failure = match error {
        TryOutError::Connect(failure) => failure,
        TryOutError::List(error) => return error.to_string(),
    };
    match failure {
        Failure::CredentialRejected => credential(definition),
        Failure::TimedOut => "it did not answer in time".to_owned(),
        Failure::ServerEnded => "it ended before it answered".to_owned(),
        Failure::Unreachable => {
            "it cannot be reached: its name is not known, nobody listens there, \
                                 or TLS is not agreed; is the URL right?"
                .to_owned()
        }
        Failure::Redirected => "it answers with a redirect, which is not followed; name the URL \
                                that it leads to"
            .to_owned(),
        Failure::AddressForbidden => forbidden(definition),
        Failure::AnswerUnusable { problem } if is_remote(definition) => {
            format!("its answer cannot be used: {problem}; {}", about_answer(problem))
        }
        Failure::ServerStart { problem: _ } if stderr.trim().is_empty() => {
            format!("{failure}; it wrote nothing: is it a server for standard input and output?")
        }
        Failure::AnswerUnusable { problem: _ }
        | Failure::ServerStart { problem: _ }
        | Failure::RequestUnbuildable { problem: _ }
        | Failure::SecretUnset { name: _ }
        | Failure::SecretOrigin { name: _ }
        | Failure::SecretUnreadable { name: _ }
        | Failure::AnswerTooLarge
        | Failure::ServerUnavailable
        | Failure::ServerBusy
        | Failure::UserCredentialMissing { server: _, user: _ }
        | Failure::ClientUnable { problem: _ }
        | Failure::Cancelled
        | Failure::Unrecordable
        | Failure::Bug => failure.to_string(),
    }
}

/// What may be behind an answer that cannot be used. A server that is in trouble, or has too much to
/// do, says so by its status.
fn about_answer(problem: &str) -> &'static str {
    if problem.contains("status is 5") || problem.contains("status is 429") {
        "try again later"
    } else {
        "is this the URL of its MCP endpoint?"
    }
}

fn credential(definition: &Definition) -> String {
    match definition.secrets().first() {
        Some(name) => {
            format!("it refused the credential; set the right one with `lanyard secret set {name}`")
        }
        None => "it wants a credential: store it with `lanyard secret set NAME`, and name it with \
                 --header 'Authorization: Bearer secret://NAME'"
            .to_owned(),
    }
}

fn forbidden(definition: &Definition) -> String {
    match definition.origins().first() {
        Some(origin) => format!(
            "its address is private or reserved; if that is meant, allow it with --allow-private {}",
            origin.host()
        ),
        None => Failure::AddressForbidden.to_string(),
    }
}

fn is_remote(definition: &Definition) -> bool {
    match definition.transport {
        Transport::Stdio(_) => false,
        Transport::Http(_) | Transport::Sse(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(failure: Failure, definition: &str, expected: &str) {
        let definition = Definition::parse(definition).unwrap();
        let told = told(&TryOutError::Connect(failure), &definition, "");
        assert!(told.contains(expected), "{told}");
    }

    #[test]
    fn it_says_what_to_do() {
        let bare = r#"{"type":"http","url":"https://a.example/mcp"}"#;
        let keyed =
            r#"{"type":"http","url":"https://a.example/mcp","headers":{"x-key":"secret://tok"}}"#;
        let process = r#"{"type":"stdio","command":"/bin/true"}"#;
        let unusable = || Failure::AnswerUnusable { problem: "its HTTP status is 404".to_owned() };
        check(Failure::CredentialRejected, bare, "--header 'Authorization: Bearer secret://NAME'");
        check(Failure::CredentialRejected, keyed, "`lanyard secret set tok`");
        check(Failure::Unreachable, bare, "is the URL right?");
        check(Failure::AddressForbidden, bare, "--allow-private a.example");
        check(unusable(), bare, "404; is this the URL of its MCP endpoint?");
        let down = Failure::AnswerUnusable { problem: "its HTTP status is 503".to_owned() };
        check(down, bare, "503; try again later");
        check(unusable(), process, "the server's answer cannot be used: its HTTP status is 404");
        check(Failure::TimedOut, bare, "it did not answer in time");
        let exit = Failure::ServerStart { problem: "it exited with code 0".to_owned() };
        check(exit, process, "is it a server for standard input and output?");
    }
}
