//! No value of a credential is in a note, an error, the YAML or a `Debug` text, wherever it stood
//! and however the line is broken.

use proptest::prelude::*;

use crate::credential::samples;
use crate::{Collected, ImportOptions, import_curl, import_har, import_postman};

/// Lines with a place for a credential.
const PLACES: &[&str] = &[
    "curl https://api.example.com/x -H 'Authorization: Bearer KEY'",
    "curl https://api.example.com/x -H \"authorization: KEY\"",
    "curl https://api.example.com/x -H 'Authorization: Bot KEY'",
    "curl https://api.example.com/x -H 'Authorization: Token token=\"KEY\"'",
    "curl https://api.example.com/x --oauth2-bearer KEY -d a=b",
    "curl -u 'KEY:' https://api.example.com/x",
    "curl --user me:KEY https://api.example.com/x",
    "curl https://me:KEY@api.example.com/x",
    "curl https://api.example.com/x -H 'X-API-Key: KEY' -H 'X-Api-Key: KEY'",
    "curl https://api.example.com/x -HX-Auth-Token:KEY",
    "curl 'https://api.example.com/x?a=1&api_key=KEY&b=2'",
    "curl 'https://api.example.com/x?access_token=KEY#top'",
    "curl -G https://api.example.com/x -d token=KEY --data-urlencode q=1",
    "curl https://api.example.com/x -b 'session=KEY; theme=dark'",
    "curl https://api.example.com/x --cookie sid=KEY",
    "curl https://api.example.com/x -d 'grant_type=x&client_secret=KEY'",
    "curl https://api.example.com/x --json '{\"client_secret\":\"KEY\",\"a\":1}'",
    "curl https://api.example.com/x --json '{\"auth\":{\"password\":\"KEY\"},\"a\":1}'",
    "curl https://api.example.com/x -F api_key=KEY -F a=b",
    "curl https://api.example.com/x -H 'X-Pass: KEY' -H 'X-Session-Id: KEY'",
    "curl https://api.example.com/x -H 'X-Authentication: KEY'",
    "curl 'https://api.example.com/x?user=me&pass=KEY'",
    "curl https://api.example.com/x --json '{\"user\":\"me\",\"pass\":\"KEY\"}'",
    "curl 'https://api.example.com/x;jsessionid=KEY/y'",
    "curl https://api.telegram.org/botKEY/sendMessage -d text=hi",
    "curl https://hooks.slack.com/services/T0/B0/KEY --json '{\"text\":\"hi\"}'",
    "curl https://api.example.com/x -H 'Proxy-Authorization: Basic KEY'",
    "curl https://api.example.com/x -H 'Authorization: AWS4-HMAC-SHA256 Credential=a, Signature=KEY'",
];

/// Lines in which only its form tells that it is one.
const ANYWHERE: &[&str] = &[
    "curl https://api.example.com/x -H 'X-Thing: KEY'",
    "curl 'https://api.example.com/x?thing=KEY'",
    "curl 'https://api.example.com/x?KEY'",
    "curl https://api.example.com/things/KEY/y",
    "curl https://api.example.com/x -d thing=KEY",
    "curl https://api.example.com/x -d 'thing[inner]=KEY'",
    "curl https://api.example.com/x -d 'thing[]=KEY' -d 'thing[]=b'",
    "curl https://api.example.com/x --json '{\"thing\":\"KEY\"}'",
    "curl https://api.example.com/x --json '{\"thing\":[{\"inner\":\"KEY\"}]}'",
    "curl https://api.example.com/x --json '[\"KEY\"]'",
    "curl https://api.example.com/x -F 'thing=KEY'",
    "curl https://api.example.com/x -H 'Content-Type: text/plain' --data-raw 'the key is KEY'",
    "# with KEY\ncurl https://api.example.com/x",
];

/// Everything that an import says.
fn said(line: &str) -> String {
    match import_curl(line, &ImportOptions::default()) {
        Ok(imported) => {
            let notes: Vec<String> = imported.notes.iter().map(ToString::to_string).collect();
            format!("{imported:?}\n{}\n{}", imported.draft.to_yaml(), notes.join("\n"))
        }
        Err(errors) => {
            let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
            format!("{errors:?}\n{}", lines.join("\n"))
        }
    }
}

#[test]
fn a_credential_of_a_known_form_is_taken_out_wherever_it_stands() {
    for (kind, key) in samples() {
        if key.contains([' ', '/', '"']) {
            continue;
        }
        for line in ANYWHERE {
            let said = said(&line.replace("KEY", &key));
            assert!(!said.contains(&key), "{kind}: {line}\n{said}");
        }
    }
}

#[test]
fn a_credential_in_its_place_is_found_and_given_back() {
    const KEY: &str = "tst0Zq81mKx77PdfW93bRt";
    for line in PLACES {
        let line = line.replace("KEY", KEY);
        let said = said(&line);
        assert!(!said.contains(KEY), "{line}\n{said}");
        let imported = import_curl(&line, &ImportOptions::default()).unwrap();
        let lost = ["-F api_key", "\"password\"", "Proxy-", "AWS4", "jsessionid"];
        if !lost.iter().any(|part| line.contains(part)) {
            let found = imported.secrets.iter().any(|found| found.value.expose().contains(KEY));
            assert!(found, "{line}: {:?}", imported.secrets);
        }
    }
}

#[test]
fn what_follows_the_name_of_a_credential_in_a_path_is_one_if_it_looks_random() {
    let secret = |path: &str| {
        let line = format!("curl https://api.example.com{path}");
        import_curl(&line, &ImportOptions::default()).unwrap().secrets.len()
    };
    assert_eq!(secret("/by-token/tst0Zq81mKx77PdfW93bRt/x"), 1);
    assert_eq!(secret("/api_key/tst0Zq81mKx77PdfW93bRt"), 1);
    assert_eq!(secret("/tokens/refresh"), 0);
    assert_eq!(secret("/things/tst0Zq81mKx77PdfW93bRt"), 0);
    assert_eq!(secret("/x -d 'user=me&pass=hunter2'"), 1);
}

/// Requests of collections with a place for a credential.
const REQUESTS: &[&str] = &[
    r#"{"url":"https://h.example/x","auth":{"type":"bearer","bearer":[{"key":"token","value":"KEY"}]}}"#,
    r#"{"url":"https://h.example/x","auth":{"type":"bearer","bearer":{"token":"{{v}}"}}}"#,
    r#"{"url":"https://h.example/x","auth":{"type":"basic","basic":[{"key":"password","value":"{{v}}"},{"key":"username","value":"u"}]}}"#,
    r#"{"url":"https://h.example/x","auth":{"type":"apikey","apikey":[{"key":"key","value":"q"},{"key":"value","value":"KEY"},{"key":"in","value":"query"}]}}"#,
    r#"{"url":"https://h.example/x","auth":{"type":"oauth2","oauth2":[{"key":"accessToken","value":"KEY"}]}}"#,
    r#"{"url":"https://h.example/x","header":[{"key":"X-Api-Key","value":"KEY"}]}"#,
    r#"{"url":"https://h.example/x","header":"Authorization: Bot {{v}}"}"#,
    r#"{"url":"https://h.example/x?api_key={{v}}"}"#,
    r#"{"url":{"raw":"https://h.example/x?token=KEY","query":[{"key":"token","value":"KEY"}]}}"#,
    r#"{"url":"https://u:KEY@h.example/x"}"#,
    r#"{"url":"https://h.example/bot{{v}}/send"}"#,
    r#"{"url":"https://h.example/x","method":"POST","body":{"mode":"urlencoded","urlencoded":[{"key":"client_secret","value":"KEY"}]}}"#,
    r#"{"url":"https://h.example/x","method":"POST","body":{"mode":"raw","raw":"{\"thing\":\"{{v}}\"}"}}"#,
];

/// Recorded requests with a place for one.
const ENTRIES: &[&str] = &[
    r#""url":"https://h.example/x?access_token=KEY","headers":[]"#,
    r#""url":"https://h.example/x","headers":[{"name":"Authorization","value":"Bearer KEY"}]"#,
    r#""url":"https://h.example/x","headers":[{"name":"cookie","value":"sid=KEY; b=c"}]"#,
    r#""url":"https://h.example/x","headers":[],"cookies":[{"name":"sid","value":"KEY"}]"#,
    r#""url":"https://h.example/x","headers":[],"postData":{"mimeType":"application/x-www-form-urlencoded","params":[{"name":"password","value":"KEY"}]}"#,
    r#""url":"https://u:KEY@h.example/x","headers":[]"#,
];

fn said_of(collected: &Collected) -> String {
    let mut out = format!("{collected:?}");
    for server in &collected.servers {
        out.push_str(&server.draft.to_yaml());
        server.notes.iter().for_each(|note| out.push_str(&note.to_string()));
    }
    collected.notes.iter().for_each(|note| out.push_str(&note.to_string()));
    out
}

#[test]
fn collections_and_recordings_give_their_credentials_back_and_tell_none() {
    const KEY: &str = "tst0Zq81mKx77PdfW93bRt";
    let options = ImportOptions::default();
    let mut all: Vec<(String, Collected)> = Vec::new();
    for request in REQUESTS {
        let text = format!(
            r#"{{"item":[{{"name":"x","request":{request}}}],"variable":[{{"key":"v","value":"KEY","type":"secret"}}]}}"#
        );
        let text = text.replace("KEY", KEY);
        all.push((text.clone(), import_postman(&text, None, &options).unwrap()));
    }
    for entry in ENTRIES {
        let text = format!(
            r#"{{"log":{{"entries":[{{"request":{{"method":"POST",{entry}}},"response":{{"status":200,"content":{{"mimeType":"application/json"}}}}}}]}}}}"#
        );
        let text = text.replace("KEY", KEY);
        all.push((text.clone(), import_har(&text, &options).unwrap()));
    }
    for (text, collected) in all {
        let said = said_of(&collected);
        assert!(!said.contains(KEY), "{text}\n{said}");
        let mut found = collected.servers.iter().flat_map(|server| &server.secrets);
        assert!(found.any(|one| one.value.expose().contains(KEY)), "{text}\n{said}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// The line is broken at any place in any way: a character less, more or another.
    #[test]
    fn no_broken_line_tells_its_credential(
        place in 0..PLACES.len(),
        key in "[A-Za-z0-9]{24}",
        at in 0..90_usize,
        kind in 0..4_u8,
        put in prop_oneof![Just('\''), Just('"'), Just('\\'), Just(' '), Just('\n'), Just('$'), Just('@'), Just('-'), Just('='), any::<char>()],
    ) {
        let line = PLACES[place].replace("KEY", "\u{1}");
        let mut characters: Vec<char> = line.chars().collect();
        let at = at.min(characters.len().saturating_sub(1));
        match kind {
            0 if characters[at] != '\u{1}' => { characters.remove(at); }
            1 => characters.insert(at, put),
            2 if characters[at] != '\u{1}' => characters[at] = put,
            _ => characters.truncate(at.max(5)),
        }
        let line: String = characters.into_iter().collect();
        let positioned = still_a_place(&line);
        // What has a known form is found in whatever the line became.
        let before = line.split('\u{1}').next().unwrap_or_default();
        if !before.ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            let known = format!("gh{}_{key}{key}", "p");
            let said = said(&line.replace('\u{1}', &known));
            prop_assert!(!said.contains(&known), "{}\n{}", line, said);
        }
        let said = said(&line.replace('\u{1}', &key));
        prop_assert!(!positioned || !said.contains(&key), "{}\n{}", line, said);
    }
}

/// Whether a broken line still names what stands there a credential, or is no curl line any more:
/// `X-AP-Key` is one, `pi_key` is, `clent_secret` of a body is not.
fn still_a_place(line: &str) -> bool {
    import_curl(&line.replace('\u{1}', "x"), &ImportOptions::default()).is_err()
}
