//! What belongs to one link reaches no other.

use super::*;
use std::borrow::Cow;

#[tokio::test]
async fn nothing_of_one_server_is_on_a_request_to_another() {
    let mut stage = Stage::start().await;
    let limits = Limits::standard;
    let mut mail = parts_with("mail", &stage.origin(), &[("x-mail", "tst_mail")], limits());
    let notes = parts_with("notes", &stage.origin(), &[("x-notes", "tst_notes")], limits());
    // The same connector, as in the gateway.
    mail.http = notes.http.clone();
    let mail = in_session(Link::http(mail), &mut stage, Version::V2025_11_25).await;
    let notes = Link::http(notes);
    notes.speak(Version::V2026_07_28);
    for _ in 0..20 {
        for (link, own, other) in [(&mail, "mail", "notes"), (&notes, "notes", "mail")] {
            let (carrier, message) = answered(link, &mut stage, async |asked| {
                let shown = format!("{} {:?}", asked.target, asked.headers);
                assert!(shown.contains(&format!("tst_{own}_")), "{shown}");
                assert!(!shown.contains(other), "{shown}");
                assert_eq!(asked.header("mcp-session-id").is_some(), own == "mail");
                asked.json(200, "{}").await;
            })
            .await;
            message.unwrap();
            carrier.finish();
        }
    }
    // Nor do they share a connection.
    assert_eq!(stage.connections.accepted(), 2);
}

#[tokio::test]
async fn what_is_shown_of_a_link_holds_no_credential() {
    let mut stage = Stage::start().await;
    let link = legacy(&mut stage, Version::V2025_11_25).await;
    let mut carrier = ask(&link).await;
    let inbox = link.listen().unwrap();
    let mut shown = format!("{link:?} {carrier:?} {inbox:?}");
    let (message, ()) =
        tokio::join!(next(&mut carrier), async { stage.next().await.json(200, "{}").await });
    message.unwrap();
    shown.push_str(&format!("{carrier:?}"));
    for secret in ["tst_", "session-1", "/notes/mcp"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[tokio::test]
async fn credentials_that_cannot_be_opened_send_nothing() {
    #[derive(Debug)]
    struct Closed;
    impl Credentials for Closed {
        fn request(&self) -> Result<Opened, Failure> {
            Err(Failure::CredentialRejected)
        }
        fn environment(&self) -> Result<Vec<(String, String)>, Failure> {
            Err(Failure::Bug)
        }
        fn mask<'a>(&self, text: &'a str) -> (Cow<'a, str>, u64) {
            (Cow::Borrowed(text), 0)
        }
    }
    let mut stage = Stage::start().await;
    let mut parts = parts(&stage);
    parts.credentials = Arc::new(Closed);
    let link = Link::http(parts.clone());
    let mut carrier = ask(&link).await;
    assert_eq!(next(&mut carrier).await.unwrap_err(), Failure::CredentialRejected.to_string());
    let opened = Link::sse(parts, within(PATIENCE)).await.map(drop);
    assert_eq!(opened, Err(LinkError::Failure(Failure::CredentialRejected)));
    assert!(stage.is_quiet());
    assert_eq!(stage.connections.accepted(), 0);
}
