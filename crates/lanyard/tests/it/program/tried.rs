//! A REST API is tried before it is offered: what does not work is told in words that help, and
//! leaves nothing behind.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, Stream};
use serde_json::Value;

use crate::world::{KEY, World};

const DEFINITION: &str = r#"server:
  name: odd
  securitySchemes:
  - {id: Key, type: apiKey, in: header, name: X-Api-Key}
  defaultUpstreamSecurity: {id: Key}
tools:
- name: list_things
  description: All things
  requestTemplate: {url: "ORIGIN/things", method: GET}
- name: drop_thing
  description: Remove a thing
  args:
  - {name: id, description: Its number, type: integer, required: true, position: path}
  requestTemplate: {url: "ORIGIN/things/{id}", method: DELETE}
"#;

/// An API that says the same to everybody; KEY in it is the key that it was sent. Gives its origin,
/// and what it was asked.
pub(crate) fn saying(answer: &str) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let (answer, asked) = (answer.to_owned(), Arc::<Mutex<Vec<String>>>::default());
    let seen = Arc::clone(&asked);
    // Ends with the process: it holds nothing but its socket.
    drop(thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let (mut head, mut byte) = (Vec::new(), [0]);
            while !head.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).is_ok() {
                head.extend(byte);
            }
            let head = String::from_utf8_lossy(&head).into_owned();
            let key = head.lines().find_map(|line| line.strip_prefix("x-api-key: "));
            let answer = answer.replace("KEY", key.unwrap_or("none"));
            // Who looks whether anybody is there asks nothing.
            seen.lock().unwrap().extend(head.lines().next().map(str::to_owned));
            // A caller who went away is no matter here.
            drop(stream.write_all(answer.as_bytes()));
        }
    }));
    (origin, asked)
}

pub(crate) fn with_body(head: &str, body: &str) -> String {
    format!("HTTP/1.1 {head}\r\nConnection: close\r\n\r\n{body}")
}

fn keyed() -> World {
    let world = World::up();
    let done = world.run_with(&["secret", "set", "odd-key"], KEY);
    assert_eq!(done.code, Some(0), "{done:?}");
    world
}

const ADD: [&str; 7] =
    ["server", "add", "odd", "--yaml", "odd.yaml", "--secret", "Key=secret://odd-key"];

/// All that an addition could leave behind.
fn standing(world: &World) -> [String; 2] {
    ["server", "secret"].map(|what| world.ok(&[what, "list", "--json"]))
}

/// Adds an API in vain, and gives what is said of it.
#[track_caller]
fn in_vain(world: &World, origin: &str, more: &[&str]) -> String {
    world.write("odd.yaml", &DEFINITION.replace("ORIGIN", origin));
    let before = standing(world);
    let done = world.run(&[&ADD[..], more].concat());
    assert_eq!(done.code, Some(1), "{done:?}");
    assert!(done.stderr.contains("`odd` was not added"), "{}", done.stderr);
    assert_eq!(standing(world), before, "something is left");
    done.stderr
}

#[test]
fn what_does_not_work_is_not_added_and_says_why() {
    let world = keyed();
    for (answer, says) in [
        (with_body("401 Unauthorized", "no good: KEY"), "`lanyard secret set"),
        (with_body("403 Forbidden", ""), "does the credential have the right"),
        (with_body("404 Not Found", "{}"), "is the base URL right?"),
        (with_body("500 Internal Server Error", ""), "it is in trouble (HTTP 500)"),
        (with_body("429 Too Many Requests", ""), "try again later"),
        (
            with_body("200 OK\r\nContent-Type: text/html; charset=utf-8", "<html></html>"),
            "a web page came back",
        ),
        (
            with_body("302 Found\r\nLocation: https://other.example/things", ""),
            "the credential would go with it. If you trust https://other.example/things",
        ),
        (String::new(), "is the base URL right?"),
        ("SSH-2.0-OpenSSH_9.6\r\n".to_owned(), "is the base URL right?"),
    ] {
        let (origin, asked) = saying(&answer);
        let said = in_vain(&world, &origin, &[]);
        assert!(said.contains(says), "{answer:?}: {said}");
        assert_eq!(*asked.lock().unwrap(), ["GET /things HTTP/1.1"], "once, and nothing else");
    }
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let said = in_vain(&world, &format!("http://{free}"), &[]);
    assert!(said.contains("nobody answers at its address"), "{said}");
    let (origin, asked) = saying(&with_body("200 OK", "{}"));
    let said = in_vain(&world, &origin, &["--probe", "drop_things"]);
    assert!(said.contains("its tools are: list_things, drop_thing"), "{said}");
    let said = in_vain(&world, &origin, &["--probe", "drop_thing", "id=x"]);
    assert!(said.contains("the call of drop_thing cannot be made"), "{said}");
    assert!(asked.lock().unwrap().is_empty(), "nothing was sent");
    // Each time the key went out, the log says who let it.
    let tried = world.ok(&["audit", "search", "--kind", "change", "--limit", "100", "--json"]);
    let tried: Value = serde_json::from_str(&tried).unwrap();
    let tries = tried["records"].as_array().unwrap().iter();
    let tries = tries.filter(|it| it["action"] == "server.try" && it["subject"] == "server:odd");
    assert_eq!(tries.count(), 12, "{tried}");
}

#[test]
fn what_works_is_shown_and_what_was_not_tried_is_recorded() {
    let world = keyed();
    let (origin, asked) =
        saying(&with_body("200 OK\r\nContent-Type: application/json", r#"{"you":"KEY"}"#));
    world.write("odd.yaml", &DEFINITION.replace("ORIGIN", &origin));
    let said = world.ok(&ADD);
    assert!(said.contains("tried  list_things {}: HTTP 200, application/json, 33 bytes"), "{said}");
    assert!(said.contains(r#"{"you":"[masked]"}"#), "{said}");
    let same = world.ok(&ADD);
    assert!(same.contains("nothing was changed"), "{same}");
    world.ok(&["server", "rm", "odd"]);
    let named = world.ok(&[&ADD[..], &["--probe", "drop_thing", "id=7"]].concat());
    assert!(named.contains(r#"tried  drop_thing {"id":7}: HTTP 200"#), "{named}");
    world.ok(&["server", "rm", "odd"]);
    world.ok(&[&ADD[..], &["--no-verify"]].concat());
    let sent = ["GET /things HTTP/1.1", "DELETE /things/7 HTTP/1.1"];
    assert_eq!(*asked.lock().unwrap(), sent);
    let changes = world.ok(&["audit", "search", "--kind", "change", "--limit", "100", "--json"]);
    let changes: Value = serde_json::from_str(&changes).unwrap();
    let added = changes["records"].as_array().unwrap().iter();
    let verified = added
        .filter(|it| it["action"] == "server.add")
        .map(|it| it["detail"]["verified"].as_str().unwrap());
    let mut verified: Vec<&str> = verified.collect();
    verified.sort_unstable();
    assert_eq!(verified, ["no", "yes", "yes"]);
}

#[test]
fn a_secret_without_a_value_is_asked_for() {
    let world = World::up();
    let (origin, asked) = saying(&with_body("200 OK", "{}"));
    world.write("odd.yaml", &DEFINITION.replace("ORIGIN", &origin));
    world.ok(&["secret", "set", "odd-key", "--no-value", "--origin", &origin]);
    let said = in_vain(&world, &origin, &[]);
    assert!(said.contains("give it with --secret PARAM=-"), "{said}");
    assert!(asked.lock().unwrap().is_empty());
}

#[test]
fn a_certificate_of_its_own_making_is_not_trusted() {
    let own = |name: &str| rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let (server, other) = (own("localhost"), own("other.example"));
    let mut world = World::new();
    world.write("other.pem", &other.cert.pem());
    let other = world.path("other.pem");
    world.start(&["--upstream-ca", other.to_str().unwrap()]);
    let done = world.run_with(&["secret", "set", "odd-key"], KEY);
    assert_eq!(done.code, Some(0), "{done:?}");

    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(server.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![server.cert.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let heard = Arc::<Mutex<Vec<u8>>>::default();
    let said = Arc::clone(&heard);
    drop(thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut bytes = [0; 1024];
            if let Ok(read) = Stream::new(&mut connection, &mut stream).read(&mut bytes) {
                said.lock().unwrap().extend_from_slice(bytes.get(..read).unwrap());
            }
        }
    }));
    let said = in_vain(&world, &origin, &[]);
    assert!(said.contains("made by nobody whom this machine trusts"), "{said}");
    assert!(said.contains("`lanyard up --upstream-ca FILE`"), "{said}");
    assert!(heard.lock().unwrap().is_empty(), "nothing was said to it");
}
