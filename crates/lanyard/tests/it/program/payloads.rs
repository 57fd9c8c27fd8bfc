//! What is kept of arguments and answers, by the program itself: switched on, listed, opened, and
//! erased so that no byte of the key is left.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::typed;
use crate::world::{KEY, World};

/// A gateway that keeps what alice asks and is told, for herself and for two users.
fn keeping() -> (World, String) {
    let world = World::up();
    let token = world.set_up();
    world.ok(&["server", "set", "billing", "payloads=on"]);
    world.ok(&["grant", "alice", "billing", "--allow", "get_invoice", "--users", "ann,bob"]);
    (world, token)
}

/// A call for a user, or for nobody. Gives the id of its record.
fn call(world: &World, token: &str, user: Option<&str>, number: &str) -> String {
    let mut params = json!({
        "name": "billing__get_invoice", "arguments": { "number": number },
    });
    if let Some(user) = user {
        params["_meta"] = json!({ "io.lanyard/user": user });
    }
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
    let (status, answer) = world.message(token, &message.to_string());
    assert!(status == 200 && answer.contains("INV-7"), "{status} {answer}");
    let found = world.ok(&["audit", "search", "--kind", "call.open", "--limit", "1", "--json"]);
    let found: Value = serde_json::from_str(&found).unwrap();
    found["records"][0]["id"].as_str().unwrap_or_else(|| panic!("{found}")).to_owned()
}

fn payload(world: &World, call: &str) -> Value {
    serde_json::from_str(&world.ok(&["audit", "payload", call])).unwrap()
}

/// The state of each call in the list, the newest first.
fn states(world: &World, more: &[&str]) -> Vec<String> {
    let args = [&["audit", "payloads", "--json"], more].concat();
    let listed: Value = serde_json::from_str(&world.ok(&args)).unwrap();
    let calls = listed["payloads"].as_array().unwrap().iter();
    let state = |it: &Value| {
        let (subject, state) = (it["subject"].as_str().unwrap(), it["state"].as_str().unwrap());
        format!("{subject} {}", state.split(" on ").next().unwrap())
    };
    calls.map(state).collect()
}

/// Every file of the database, as it is on the disk.
fn files(world: &World) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(world.data()).unwrap().map(|it| it.unwrap());
    let named = entries.map(|it| (it.file_name().into_string().unwrap(), it.path()));
    let database = named.filter(|(name, _)| name.starts_with("lanyard.db"));
    database.map(|(name, path)| (name, std::fs::read(path).unwrap())).collect()
}

/// The wrapped key of a subject: 69 bytes behind its name in its row, of which the first is the
/// number of the format. (In an index an id follows the name.)
fn wrapped(world: &World, subject: &str) -> Vec<u8> {
    let before = format!("default{subject}\u{1}").into_bytes();
    let files = files(world);
    let found = files.iter().find_map(|(_, bytes)| {
        let at = bytes.windows(before.len()).position(|part| part == before)?;
        let key = bytes[at..].iter().skip(before.len().strict_sub(1));
        Some(key.take(69).copied().collect())
    });
    found.unwrap_or_else(|| panic!("no key of {subject}"))
}

fn stands_in(world: &World, bytes: &[u8]) -> Vec<String> {
    let holds = |content: &[u8]| {
        // The key itself is enough: format, key id and nonce are no secret.
        content.windows(48).any(|part| part == &bytes[21..])
    };
    files(world).into_iter().filter(|(_, it)| holds(it)).map(|(name, _)| name).collect()
}

#[test]
fn nothing_is_kept_until_it_is_switched_on() {
    let world = World::up();
    let token = world.set_up();
    call(&world, &token, None, "INV-7");
    assert_eq!(states(&world, &[]), [""; 0]);
    assert!(!world.ok(&["audit", "export"]).contains("call.payload"));
    let said = typed(
        &world,
        "server set billing payloads=maybe
        server set billing payloads=on",
    );
    assert!(said.contains("`payloads` is on or off, not `maybe`"), "{said}");
    assert!(world.ok(&["server", "show", "billing"]).contains("payloads"));
    let doctor = world.ok(&["doctor"]);
    assert!(doctor.contains("server billing keeps the arguments and answers of calls"), "{doctor}");
    let changes = world.ok(&["audit", "search", "--kind", "change", "--json", "--limit", "1"]);
    assert!(changes.contains("server.set") && changes.contains("payloads"), "{changes}");
}

#[test]
fn what_is_kept_opens_for_operators_and_that_is_recorded() {
    let (world, token) = keeping();
    let first = call(&world, &token, Some("ann"), "INV-7");
    // The key of the API, which alice happened to learn.
    let second = call(&world, &token, None, &format!("INV-7 {KEY}"));
    let shown = payload(&world, &first);
    assert_eq!(shown["subject"], "user:ann");
    assert_eq!(shown["arguments"]["json"], json!({ "number": "INV-7" }));
    let text = shown["result"]["json"]["content"][0]["text"].as_str().unwrap();
    assert!(text.contains("INV-7") && text.contains("[masked]"), "{shown}");
    let shown = payload(&world, &second);
    assert_eq!(shown["subject"], "agent:alice");
    assert_eq!(shown["arguments"]["json"], json!({ "number": "INV-7 [masked]" }));

    assert_eq!(states(&world, &[]), ["agent:alice readable", "user:ann readable"]);
    assert_eq!(states(&world, &["--subject", "user:ann"]), ["user:ann readable"]);
    assert_eq!(states(&world, &["--until", "1d"]), [""; 0]);
    let table = world.ok(&["audit", "payloads", "--since", "1h", "--limit", "1"]);
    assert!(table.contains("agent:alice") && !table.contains("user:ann"), "{table}");
    let reads = world.ok(&["audit", "search", "--kind", "change", "--limit", "2", "--json"]);
    let reads: Value = serde_json::from_str(&reads).unwrap();
    for (read, (id, subject)) in reads["records"]
        .as_array()
        .unwrap()
        .iter()
        .zip([(&second, "agent:alice"), (&first, "user:ann")])
    {
        assert_eq!(read["action"], "payload.read", "{reads}");
        assert_eq!(read["subject"], format!("call:{id}"));
        assert_eq!(read["detail"]["subject"], subject);
    }
    // An approver is shown what is to be approved, and no more; a name of nobody is told apart.
    let approver = world.ok(&["operator", "add", "ann", "--role", "approver"]);
    let path = format!("/v1/audit/payloads/{first}");
    let (status, said) = world.admin_tcp("GET", &path, Some(approver.trim()), "");
    assert!(status == 403 && !said.contains("INV-7"), "{said}");
    let said = typed(
        &world,
        "audit payload none
        audit payloads --subject ann
        audit erase user:nobody --yes
        audit erase user:ann",
    );
    assert!(said.contains("nothing is kept of a call `none`"), "{said}");
    assert!(said.contains("a subject is written user:NAME or agent:NAME"), "{said}");
    assert!(said.contains("nothing was ever kept of user:nobody"), "{said}");
    assert!(said.contains("2 payloads of 1 calls could never be read again"), "{said}");
    assert_eq!(states(&world, &["--subject", "user:ann"]), ["user:ann readable"]);
    let log = world.ok(&["audit", "export"]);
    assert!(log.contains("call.payload") && !log.contains("INV-7"), "{log}");
    for form in ["csv", "ocsf"] {
        assert!(!world.ok(&["audit", "export", "--format", form]).contains("payload\""), "{form}");
    }
}

#[test]
fn an_erased_key_stands_nowhere_also_after_a_kill() {
    let (mut world, token) = keeping();
    let ann = call(&world, &token, Some("ann"), "INV-7");
    call(&world, &token, Some("ann"), "INV-8");
    let bob = call(&world, &token, Some("bob"), "INV-7");
    let witness = world.ok(&["audit", "witness"]);
    world.write("before.note", &witness);
    let (key, other) = (wrapped(&world, "user:ann"), wrapped(&world, "user:bob"));
    assert!(!stands_in(&world, &key).is_empty());

    let said = world.ok(&["audit", "erase", "user:ann", "--yes"]);
    assert_eq!(said, "erased the key of user:ann: 4 payloads of 2 calls can no longer be read\n");
    world.kill();
    assert_eq!(stands_in(&world, &key), [""; 0]);
    world.start(&[]);
    assert_eq!(stands_in(&world, &key), [""; 0]);
    assert!(!stands_in(&world, &other).is_empty(), "bob's is still there");

    let verified = world.ok(&["audit", "verify", "--against", "before.note"]);
    assert!(verified.contains("the log holds") && verified.contains("only grew"), "{verified}");
    let shown = payload(&world, &ann);
    for part in ["arguments", "result"] {
        let said = shown[part]["unreadable"].as_str().unwrap_or_else(|| panic!("{shown}"));
        assert!(said.starts_with("erased on 20"), "{said}");
    }
    assert_eq!(payload(&world, &bob)["arguments"]["json"], json!({ "number": "INV-7" }));
    let record = world.ok(&["audit", "search", "--kind", "change", "--json", "--since", "1h"]);
    let record: Value = serde_json::from_str(&record).unwrap();
    let records = record["records"].as_array().unwrap();
    let erased = records.iter().find(|it| it["action"] == "payloads.erase").unwrap();
    assert_eq!(erased["subject"], "user:ann");
    assert_eq!(
        (&erased["detail"]["payloads"], &erased["detail"]["calls"]),
        (&json!("4"), &json!("2"))
    );

    // A later call has a new key; erasing again is about that one alone.
    let later = call(&world, &token, Some("ann"), "INV-7");
    assert_ne!(wrapped(&world, "user:ann"), key);
    assert_eq!(payload(&world, &later)["arguments"]["json"], json!({ "number": "INV-7" }));
    let listed = states(&world, &["--subject", "user:ann"]);
    assert_eq!(listed, ["user:ann readable", "user:ann erased", "user:ann erased"]);
    let said = world.ok(&["audit", "erase", "user:ann", "--yes"]);
    assert!(said.contains("2 payloads of 1 calls"), "{said}");
    assert_eq!(states(&world, &["--subject", "user:ann"]), ["user:ann erased"; 3]);
    let done = world.run(&["audit", "erase", "user:ann", "--yes"]);
    assert!(done.code == Some(1) && done.stderr.contains("nothing was kept since"), "{done:?}");
}

/// Whoever asks for an erasure and goes away has asked for all of it.
#[test]
fn an_erasure_ends_also_when_nobody_waits_for_it() {
    let (world, token) = keeping();
    let first = call(&world, &token, Some("ann"), "INV-7");
    let key = wrapped(&world, "user:ann");
    let asking = ask_to_erase(&world);
    // One that goes before it was heard has asked for nothing.
    while states(&world, &[]) != ["user:ann erased"] {
        thread::yield_now();
    }
    drop(asking);
    let limit = Instant::now() + Duration::from_secs(60);
    while !stands_in(&world, &key).is_empty() {
        assert!(Instant::now() < limit, "the key still stands there");
        thread::yield_now();
    }
    assert!(payload(&world, &first)["arguments"]["unreadable"].is_string());
    let later = call(&world, &token, Some("ann"), "INV-7");
    assert!(payload(&world, &later)["arguments"]["json"].is_object(), "it has a key of its own");
}

fn ask_to_erase(world: &World) -> UnixStream {
    let mut stream = UnixStream::connect(world.data().join("run/admin.sock")).unwrap();
    let body = r#"{"subject":"user:ann"}"#;
    let head = "POST /v1/audit/erase HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
                Content-Type: application/json\r\n";
    let length = body.len();
    write!(stream, "{head}Content-Length: {length}\r\n\r\n{body}").unwrap();
    stream
}

/// Killed at any moment of it, an erasure has happened as a whole or not at all, once the gateway runs
/// again.
#[test]
fn a_kill_within_an_erasure_leaves_no_half() {
    let (mut world, token) = keeping();
    for delay in [0, 3, 6, 12, 25, 50] {
        let id = call(&world, &token, Some("ann"), "INV-7");
        let key = wrapped(&world, "user:ann");
        assert!(!stands_in(&world, &key).is_empty());
        let mut stream = ask_to_erase(&world);
        let (held, ended) = mpsc::channel::<()>();
        let asking = thread::spawn(move || {
            let _held = held;
            let mut answer = String::new();
            // The gateway may go in the middle.
            drop(stream.read_to_string(&mut answer));
            answer.starts_with("HTTP/1.1 200")
        });
        // Whatever it has come to by then.
        assert!(ended.recv_timeout(Duration::from_millis(delay)).is_err());
        world.kill();
        let was_told = asking.join().unwrap();
        if was_told {
            assert_eq!(stands_in(&world, &key), [""; 0], "told, and it still stands there");
        }
        world.start(&[]);
        let shown = payload(&world, &id);
        let is_readable = shown["arguments"]["json"].is_object();
        assert!(!(was_told && is_readable), "{shown}");
        assert_eq!(stands_in(&world, &key).is_empty(), !is_readable, "{shown}");
        assert!(world.ok(&["audit", "verify"]).contains("the log holds"));
    }
}
