//! Intake links by the program itself: what is printed, that a link outlives a restart, and that a
//! value which went in by one is in no file.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use expect_test::expect;
use serde_json::Value;

use super::typed;
use crate::world::{KEY, World};

/// What a browser sends when the form of a page is sent. Gives the status and the answer.
fn sent(world: &World, path: &str, value: &str) -> (u16, String) {
    let address = world.admin_address();
    let mut stream = TcpStream::connect(address).unwrap();
    let body = format!("value={value}");
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nOrigin: http://{address}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nConnection: close\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(!answer.contains(value), "the answer holds the value");
    (answer.split(' ').nth(1).unwrap().parse().unwrap(), answer)
}

fn link(world: &World) -> Value {
    let made = world.ok(&["secret", "intake", "billing-key", "--json"]);
    serde_json::from_str(&made).unwrap()
}

/// Every file that the gateway wrote, its log included.
fn files(world: &World) -> Vec<(String, Vec<u8>)> {
    let (mut found, mut open) = (Vec::new(), vec![world.directory.path().to_owned()]);
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let entry = entry.unwrap();
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                open.push(entry.path());
            } else if kind.is_file() {
                let path = entry.path();
                found.push((path.display().to_string(), std::fs::read(path).unwrap()));
            }
        }
    }
    found
}

#[test]
fn what_a_terminal_shows() {
    let world = World::up();
    let commands = "
        secret intake
        secret intake key --ttl 25h
        secret intake key --origin nowhere
        secret list
        secret intake key --origin https://api.example.com
        secret intake key
        secret intake --list
        secret intake --cancel none
        secret intake --list --cancel tk_1
    ";
    expect![[r#"
        $ secret intake
        error: the following required arguments were not provided:
          <NAME>

        Usage: lanyard secret intake <NAME>

        For more information, try '--help'.
        -- exit 1
        $ secret intake key --ttl 25h
        [lanyard] a link works for 24 hours at most; make it when its reader is there
        -- exit 1
        $ secret intake key --origin nowhere
        [lanyard] origin `nowhere`: an origin starts with http:// or https://
        -- exit 1
        $ secret list
        SECRET  VERSION  ORIGINS
        $ secret intake key --origin https://api.example.com
        http://HOST:PORT/console/intake/TOKEN
        [lanyard] secret://key will be sent to https://api.example.com
        [lanyard] who opens this link first can enter its value, once, until TIME; it is not shown again (`lanyard secret intake --cancel TOKEN_ID` ends it)
        [lanyard] it opens in a browser on this machine alone; for others see `lanyard up --admin-listen`
        $ secret intake key
        http://HOST:PORT/console/intake/TOKEN
        [lanyard] secret://key will be sent to https://api.example.com
        [lanyard] who opens this link first can enter its value, once, until TIME; it is not shown again (`lanyard secret intake --cancel TOKEN_ID` ends it)
        [lanyard] it opens in a browser on this machine alone; for others see `lanyard up --admin-listen`
        $ secret intake --list
        ID  SECRET  ORIGINS  BY  UNTIL  STATE
        TOKEN_ID  secret://key  https://api.example.com  owner:uid:UID  TIME  open
        TOKEN_ID  secret://key  https://api.example.com  owner:uid:UID  TIME  open
        $ secret intake --cancel none
        [lanyard] there is no intake link `none`
        -- exit 1
        $ secret intake --list --cancel tk_1
        error: the argument '--list' cannot be used with '--cancel <ID>'

        Usage: lanyard secret intake --list [NAME]

        For more information, try '--help'.
        -- exit 1
    "#]].assert_eq(&typed(&world, commands));
}

#[test]
fn a_value_entered_after_a_restart_is_used_and_stands_in_no_file() {
    let mut world = World::new();
    world.start(&["--log", "trace"]);
    let token = world.set_up();
    let (used, open) = (link(&world), link(&world));
    let address = used["url"].as_str().unwrap().to_owned();
    assert!(address.starts_with(&format!("http://{}/console/intake/", world.admin_address())));
    world.stop();
    world.start(&["--log", "trace"]);
    let path = used["path"].as_str().unwrap();
    let value = "tst_entered_at_a_page_90817263";
    assert_eq!(sent(&world, path, value).0, 303);
    assert_eq!(sent(&world, path, "tst_entered_again").0, 404);
    let done = world.message(
        &token,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"billing__get_invoice","arguments":{"number":"INV-7"}}}"#,
    );
    assert!(done.0 == 200 && !done.1.contains(value), "{done:?}");
    assert_eq!(world.api.keys_seen.lock().unwrap().last().unwrap(), value);
    let tokens = [&used, &open].map(|link| {
        let path = link["path"].as_str().unwrap();
        path.rsplit('/').next().unwrap().to_owned()
    });
    world.stop();
    for (name, content) in files(&world) {
        for needle in [value, KEY, &tokens[0], &tokens[1]] {
            let stands = content.windows(needle.len()).any(|part| part == needle.as_bytes());
            assert!(!stands, "{name} holds {needle}");
        }
    }
}
