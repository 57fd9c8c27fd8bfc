//! What a file looks like when its servers have gone behind Lanyard.

use expect_test::{Expect, expect};

use super::{Gateway, client_entry, rewrite};
use crate::import::tests::AROUND;
use crate::import::{Format, read};

pub(in crate::import) fn gateway() -> Gateway {
    Gateway {
        url: "http://127.0.0.1:7410/mcp".to_owned(),
        token_variable: "LANYARD_TOKEN".to_owned(),
        program: "/usr/bin/lanyard".to_owned(),
    }
}

#[test]
fn every_client_gets_its_entry() {
    let lines: Vec<String> =
        Format::ALL.iter().map(|format| client_entry(*format, &gateway())).collect();
    expect![[r#"
        "lanyard": {"url":"http://127.0.0.1:7410/mcp","headers":{"Authorization":"Bearer ${LANYARD_TOKEN}"}}
        "lanyard": {"type":"http","url":"http://127.0.0.1:7410/mcp","headers":{"Authorization":"Bearer ${LANYARD_TOKEN}"}}
        "lanyard": {"command":"/usr/bin/lanyard","args":["bridge"],"env":{"LANYARD_URL":"http://127.0.0.1:7410/mcp","LANYARD_TOKEN":"paste the token of an agent here: lanyard agent add NAME"}}
        "lanyard": {"url":"http://127.0.0.1:7410/mcp","headers":{"Authorization":"Bearer ${env:LANYARD_TOKEN}"}}
        "lanyard": {"type":"http","url":"http://127.0.0.1:7410/mcp","headers":{"Authorization":"Bearer ${env:LANYARD_TOKEN}"}}
        "lanyard": {"serverUrl":"http://127.0.0.1:7410/mcp","headers":{"Authorization":"Bearer ${env:LANYARD_TOKEN}"}}
        mcp_servers.lanyard = { url = "http://127.0.0.1:7410/mcp", bearer_token_env_var = "LANYARD_TOKEN" }
        "lanyard": {"transport":"streamable-http","url":"http://127.0.0.1:7410/mcp","headers":{"Authorization":"Bearer paste the token of an agent here: lanyard agent add NAME"}}"#]].assert_eq(&lines.join("\n"));
}

#[track_caller]
fn rewritten(format: Format, text: &str, replaced: &[&str], expected: Expect) {
    let written = rewrite(text, format, replaced, &gateway()).unwrap();
    expected.assert_eq(&written.replace("\r\n", "\n"));
    let (all, windows) = (written.matches('\n').count(), written.matches("\r\n").count());
    assert_eq!(windows, if text.contains("\r\n") { all } else { 0 }, "line ends stay");
    let imported = read(&written, format, &AROUND);
    assert!(imported.servers.iter().all(|found| found.name.as_str() != "lanyard"));
    assert_eq!(rewrite(&written, format, replaced, &gateway()), Ok(written), "a second time");
}

#[test]
fn what_is_not_replaced_stays() {
    rewritten(
        Format::Cursor,
        "{\n  // mine\n  \"mcpServers\": {\n    \"a\": { \"url\": \"https://a.example\" }, // gone\n    /* kept */\n    \"b\": {\n      \"command\": \"b\", // as it is\n    },\n    \"c\": {},\n  },\n  \"x\": [1,  2],\n}\n",
        &["a", "c"],
        expect![[r#"
            {
              // mine
              "mcpServers": {
                "lanyard": {
                  "url": "http://127.0.0.1:7410/mcp",
                  "headers": {
                    "Authorization": "Bearer ${env:LANYARD_TOKEN}",
                  },
                },
                /* kept */
                "b": {
                  "command": "b", // as it is
                },
              },
              "x": [1,  2],
            }
        "#]],
    );
    rewritten(
        Format::VsCode,
        "{\"mcp\": {\"inputs\": [], \"servers\": {\"a\": {}}}}",
        &["a"],
        expect![[r#"
            {"mcp": {"inputs": [], "servers": {
                  "lanyard": {
                    "type": "http",
                    "url": "http://127.0.0.1:7410/mcp",
                    "headers": {
                      "Authorization": "Bearer ${env:LANYARD_TOKEN}"
                    }
                  }
                }}}"#]],
    );
    rewritten(
        Format::ClaudeDesktop,
        "\u{feff}{\r\n\t\"mcpServers\": {\r\n\t\t\"a\": {}\r\n\t}\r\n}",
        &["a"],
        expect![[r#"
            ﻿{
            	"mcpServers": {
            		"lanyard": {
            			"command": "/usr/bin/lanyard",
            			"args": ["bridge"],
            			"env": {
            				"LANYARD_URL": "http://127.0.0.1:7410/mcp",
            				"LANYARD_TOKEN": "paste the token of an agent here: lanyard agent add NAME"
            			}
            		}
            	}
            }"#]],
    );
}

#[test]
fn tables_and_empty_objects() {
    rewritten(
        Format::Codex,
        "# top\nmodel = \"x\" # keep\n\n[mcp_servers.a]\ncommand = \"a\"\n\n[mcp_servers.a.env]\nK = \"v\"\n\n# b's\n[mcp_servers.b]\ncommand = \"b\"\n\n[other]\ny = 1\n",
        &["a"],
        expect![[r##"
            # top
            model = "x" # keep

            # b's
            [mcp_servers.b]
            command = "b"

            [mcp_servers.lanyard]
            url = "http://127.0.0.1:7410/mcp"
            bearer_token_env_var = "LANYARD_TOKEN"

            [other]
            y = 1
        "##]],
    );
    rewritten(
        Format::Mcporter,
        "{\"mcpServers\":{}}",
        &[],
        expect![[r#"
        {"mcpServers":{
            "lanyard": {
              "url": "http://127.0.0.1:7410/mcp",
              "headers": {
                "Authorization": "Bearer ${LANYARD_TOKEN}"
              }
            }
          }}"#]],
    );
}

#[test]
fn what_cannot_be_rewritten_stays_as_it_is() {
    assert!(rewrite("{", Format::Cursor, &[], &gateway()).is_err());
    assert!(rewrite("{}", Format::Cursor, &[], &gateway()).is_err());
    assert!(rewrite("{\"mcpServers\": 1}", Format::Cursor, &[], &gateway()).is_err());
}
