//! Files of every client, and what becomes of them.

use std::fmt::Write as _;

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::rewrite::tests::gateway;
use super::{Around, Format, Imported, read, rewrite};

/// A key that looks like one. Nothing that is shown may hold it.
const KEY: &str = "ghp_0123456789abcdefghijABCDEFGHIJ456789";

fn variable(name: &str) -> Option<String> {
    let known = [("HOME", "/home/ada"), ("REGION", "eu"), ("API_TOKEN", "do-not-use")];
    known.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
}

pub(super) const AROUND: Around<'_> =
    Around { variable: &variable, directory: "/home/ada/project", name_prefix: "" };

fn shown(imported: &Imported) -> String {
    let mut out = String::new();
    for found in &imported.servers {
        let mut line = format!("{} ({}, line {})", found.name, found.original_name, found.line);
        if !found.enabled {
            line.push_str(" off");
        }
        if let Some(prefix) = &found.prefix {
            write!(line, " prefix {prefix:?}").unwrap();
        }
        if let Some(timeout_ms) = found.timeout_ms {
            write!(line, " timeout {timeout_ms}").unwrap();
        }
        writeln!(out, "{line}\n  {}", found.definition).unwrap();
        for literal in &found.literals {
            writeln!(out, "  key at {}: {}", literal.place, literal.secret).unwrap();
        }
        for unset in &found.unset {
            writeln!(out, "  unset {} for {} at {}", unset.secret, unset.variable, unset.place)
                .unwrap();
        }
        for note in &found.notes {
            writeln!(out, "  note: {note}").unwrap();
        }
    }
    for note in &imported.notes {
        writeln!(out, "note: {note}").unwrap();
    }
    for problem in &imported.problems {
        writeln!(out, "{problem}").unwrap();
    }
    out
}

#[track_caller]
fn check(format: Format, text: &str, expected: Expect) {
    let imported = read(text, format, &AROUND);
    let shown = shown(&imported);
    assert!(!shown.contains(KEY) && !format!("{imported:?}").contains(KEY), "{shown}");
    expected.assert_eq(&shown);
}

#[test]
fn what_cannot_be_read() {
    check(
        Format::ClaudeCode,
        "",
        expect![[r#"
        1: the file is empty
    "#]],
    );
    check(
        Format::ClaudeCode,
        "{\n\"mcpServers\": {\n,}}",
        expect![[r#"
        3: Unexpected token in object
    "#]],
    );
    check(
        Format::ClaudeCode,
        "{\"servers2\": {}}",
        expect![[r#"
        1: no servers are in it; Claude Code keeps them in `mcpServers`
    "#]],
    );
    check(
        Format::ClaudeCode,
        "{\"mcpServers\": {\"a\": {},\n\"a\": {}}}",
        expect![[r#"
        2: `a` is there twice
    "#]],
    );
    check(
        Format::Codex,
        "[mcp_servers.x]\nurl = ",
        expect![[r#"
        2: string values must be quoted, expected literal string
    "#]],
    );
    check(
        Format::Goclaw,
        "{\"tools\": {\"mcp_servers\": []}}",
        expect![[r#"
        1: no servers are in it; GoClaw keeps them in `tools.mcp_servers`
    "#]],
    );
}

#[test]
fn one_bad_server_does_not_spoil_the_others() {
    let file = r#"{"mcpServers": {
        "none": 1,
        "empty": {},
        "ws": {"type": "websocket", "url": "wss://a"},
        "ftp": {"url": "ftp://a"},
        "no-url": {"type": "http"},
        "wrong": {"command": "x", "args": "y", "env": {"A": [1]}, "cwd": 7},
        "names": {"url": "https://a.example/mcp", "headers": {"x-key": "secret://other"}},
        "args": {"command": "x", "args": ["--token", "${API_TOKEN}", "${NOT_SET}", "${input:q}"]},
        "glued": {"url": "https://a.example/mcp", "headers": {"x": "${A}b"}},
        "good": {"url": "https://a.example/mcp"}
    }}"#;
    check(
        Format::ClaudeCode,
        file,
        expect![[r#"
        good (good, line 11)
          {"type":"http","url":"https://a.example/mcp"}
        2: mcpServers.none: is no object with a command or a URL
        3: mcpServers.empty: has neither a `command` nor a `url`
        4: mcpServers.ws.type: `websocket` is no transport that Lanyard speaks
        5: mcpServers.ftp.url: a URL starts with http:// or https://
        6: mcpServers.no-url: has no `url`
        7: mcpServers.wrong.args: must be a list
        7: mcpServers.wrong.cwd: must be a text
        7: mcpServers.wrong.env.A: must be a text
        8: mcpServers.names.headers.x-key: names a secret of Lanyard; a file that is imported cannot
        9: mcpServers.args.args[1]: API_TOKEN sounds like a credential, which cannot stand here: others could read it; use `env` or `headers` if the server allows it
        9: mcpServers.args.args[2]: the variable NOT_SET is not set
        9: mcpServers.args.args[3]: asks for the input `q`; write its value
        10: mcpServers.glued.headers.x: has a letter or digit right behind a reference
    "#]],
    );
}

#[test]
fn claude_code() {
    let file = r#"{
  "mcpServers": {
    "GitHub": {
      "type": "http",
      "url": "https://api.githubcopilot.com/mcp/",
      "headers": { "Authorization": "Bearer ${GITHUB_TOKEN}", "Accept": "x", "X-Region": "${REGION:-us}" }
    },
    "files": { "command": "npx", "args": ["-y", "@modelcontextprotocol/server-filesystem", "${CLAUDE_PROJECT_DIR}"], "env": {} },
    "local": { "type": "stdio", "command": "node", "args": ["build/index.js"], "env": {"API_KEY": "@@", "LOG_LEVEL": "debug", "PORT": 8080} },
    "old": { "type": "sse", "url": "https://old.example/sse?key=@@&v=1&token=${OLD_TOKEN}" }
  },
  "projects": {"/x": {"mcpServers": {"a": {}}}}
}"#;
    check(
        Format::ClaudeCode,
        &file.replace("@@", KEY),
        expect![[r#"
            github (GitHub, line 3)
              {"type":"http","url":"https://api.githubcopilot.com/mcp/","headers":{"authorization":"Bearer secret://github-token","x-region":"us"}}
              unset github-token for GITHUB_TOKEN at headers.authorization
              note: headers.accept: belongs to the connection and is written by it; it is left out
              note: headers.x-region: the file's default is used, whatever REGION is set to
            files (files, line 8)
              {"type":"stdio","command":"npx","args":["-y","@modelcontextprotocol/server-filesystem","/home/ada/project"]}
            local (local, line 9)
              {"type":"stdio","command":"node","args":["build/index.js"],"env":{"API_KEY":"secret://local-api-key","LOG_LEVEL":"debug","PORT":"8080"},"cwd":"/home/ada/project"}
              key at env.API_KEY: local-api-key
              note: cwd: it starts in /home/ada/project, for its relative paths
            old (old, line 10)
              {"type":"sse","url":"https://old.example/sse?v=1","query":{"token":"secret://old-token","key":"secret://old-key"}}
              key at url: old-key
              unset old-token for OLD_TOKEN at url
            note: the servers of single projects are not read here; import the project's .mcp.json
        "#]],
    );
}

#[test]
fn claude_desktop() {
    let file = r#"{"globalShortcut": "", "mcpServers": {
      "brave-search": {"command": "npx", "args": ["-y", "server-brave"], "env": {"BRAVE_API_KEY": "@@"}},
      "git": {"command": "uvx", "args": ["mcp-server-git", "--repository", "/home/ada/code"]}
    }}"#;
    check(
        Format::ClaudeDesktop,
        &file.replace("@@", KEY),
        expect![[r#"
        brave-search (brave-search, line 2)
          {"type":"stdio","command":"npx","args":["-y","server-brave"],"env":{"BRAVE_API_KEY":"secret://brave-search-brave-api-key"}}
          key at env.BRAVE_API_KEY: brave-search-brave-api-key
        git (git, line 3)
          {"type":"stdio","command":"uvx","args":["mcp-server-git","--repository","/home/ada/code"]}
    "#]],
    );
}

#[test]
fn cursor() {
    let file = r#"{
  // my servers
  "mcpServers": {
    "stripe": { "url": "https://mcp.stripe.example", "headers": { "Authorization": "Bearer ${env:STRIPE_KEY}" }, "auth": {"CLIENT_ID": "x"} },
    "mine": { "type": "stdio", "command": "${workspaceFolder}/bin/mine", "args": [], "envFile": ".env", "disabled": true, }, /* off */
  },
}"#;
    check(
        Format::Cursor,
        file,
        expect![[r#"
        stripe (stripe, line 4)
          {"type":"http","url":"https://mcp.stripe.example/","headers":{"authorization":"Bearer secret://stripe-key"}}
          unset stripe-key for STRIPE_KEY at headers.authorization
          note: auth: is not taken over: what its login yields must be put into `headers`
        mine (mine, line 5) off
          {"type":"stdio","command":"/home/ada/project/bin/mine"}
          note: envFile: is not read: what it sets must be put into `env`
    "#]],
    );
}

#[test]
fn vs_code() {
    let file = r#"{
  "inputs": [{"type": "promptString", "id": "perplexity-key", "description": "Key", "password": true}],
  "servers": {
    "perplexity": {"type": "stdio", "command": "npx", "args": ["-y", "server-perplexity"], "env": {"PERPLEXITY_API_KEY": "${input:perplexity-key}"}},
    "fetch": {"type": "stdio", "command": "uvx", "args": ["mcp-server-fetch"], "cwd": "${workspaceFolder}/sub/../srv"},
    "remote": {"type": "http", "url": "https://remote.example/mcp", "headers": {"X-Api-Key": "${input:remote}"}, "dev": {}, "sandbox": {}}
  }
}"#;
    check(
        Format::VsCode,
        file,
        expect![[r#"
        perplexity (perplexity, line 4)
          {"type":"stdio","command":"npx","args":["-y","server-perplexity"],"env":{"PERPLEXITY_API_KEY":"secret://perplexity-key"}}
          unset perplexity-key for perplexity-key at env.PERPLEXITY_API_KEY
        fetch (fetch, line 5)
          {"type":"stdio","command":"uvx","args":["mcp-server-fetch"],"cwd":"/home/ada/project/srv"}
        remote (remote, line 6)
          {"type":"http","url":"https://remote.example/mcp","headers":{"x-api-key":"secret://remote-remote"}}
          unset remote-remote for remote at headers.x-api-key
          note: sandbox: is not known here and not taken over
    "#]],
    );
    let settings =
        r#"{"editor.fontSize": 14, "mcp": {"servers": {"a": {"url": "https://a.example/mcp"}}}}"#;
    check(
        Format::VsCode,
        settings,
        expect![[r#"
        a (a, line 1)
          {"type":"http","url":"https://a.example/mcp"}
    "#]],
    );
}

#[test]
fn windsurf() {
    let file = r#"{"mcpServers": {
      "figma": {"serverUrl": "https://figma.example/mcp", "headers": {"Authorization": "Bearer ${env:FIGMA}"}, "disabledTools": ["x"]},
      "plain": {"command": "npx -y 'some pkg'"}
    }}"#;
    check(
        Format::Windsurf,
        file,
        expect![[r#"
        figma (figma, line 2)
          {"type":"http","url":"https://figma.example/mcp","headers":{"authorization":"Bearer secret://figma-figma"}}
          unset figma-figma for FIGMA at headers.authorization
          note: disabledTools: is not taken over: grants say which tools an agent may call
        plain (plain, line 3)
          {"type":"stdio","command":"npx","args":["-y","some pkg"]}
    "#]],
    );
}

#[test]
fn codex() {
    let file = r#"
model = "gpt"

[mcp_servers.figma]
url = "https://mcp.figma.example/mcp"
bearer_token_env_var = "FIGMA_OAUTH_TOKEN"
http_headers = { "X-Figma-Region" = "us-east-1" }
env_http_headers = { "X-Key" = "FIGMA_KEY" }
tool_timeout_sec = 45.5

[mcp_servers.context7]
command = "npx"
args = ["-y", "@upstash/context7-mcp"]
env_vars = ["LOCAL_TOKEN"]
enabled = false
enabled_tools = ["a"]
startup_timeout_sec = 20

[mcp_servers.context7.env]
MY_ENV_VAR = "MY_ENV_VALUE"
"#;
    check(
        Format::Codex,
        file,
        expect![[r#"
        figma (figma, line 4) timeout 45500
          {"type":"http","url":"https://mcp.figma.example/mcp","headers":{"x-figma-region":"us-east-1","x-key":"secret://figma-key","authorization":"Bearer secret://figma-oauth-token"}}
          unset figma-key for FIGMA_KEY at headers.x-key
          unset figma-oauth-token for FIGMA_OAUTH_TOKEN at headers.authorization
        context7 (context7, line 11) off
          {"type":"stdio","command":"npx","args":["-y","@upstash/context7-mcp"],"env":{"MY_ENV_VAR":"MY_ENV_VALUE","LOCAL_TOKEN":"secret://context7-local-token"}}
          unset context7-local-token for LOCAL_TOKEN at env.LOCAL_TOKEN
          note: enabled_tools: is not taken over: grants say which tools an agent may call
    "#]],
    );
}

#[test]
fn mcporter() {
    let file = r#"{"mcpServers": {
      "linear": {"description": "Issues", "baseUrl": "https://mcp.linear.example/mcp", "auth": "oauth", "allowedTools": ["a"]},
      "vercel": {"baseUrl": "https://mcp.vercel.example", "bearerTokenEnv": "VERCEL_TOKEN"},
      "own": {"baseUrl": "$env:OWN_URL", "bearerToken": "${OWN}"},
      "basic": {"url": "https://b.example/mcp", "bearerToken": "Basic @@"},
      "two": {"command": ["node", "./server.js", "${REGION}"], "env": {"TOKEN": "$env:TOKEN", "OTHER": "{env:TOKEN}"}},
      "line": {"command": "npx -y chrome-devtools-mcp@latest"}
    }, "imports": []}"#;
    check(
        Format::Mcporter,
        &file.replace("@@", KEY),
        expect![[r#"
        linear (linear, line 2)
          {"type":"http","url":"https://mcp.linear.example/mcp","description":"Issues"}
          note: auth: is not taken over: what its login yields must be put into `headers`
          note: allowedTools: is not taken over: grants say which tools an agent may call
        vercel (vercel, line 3)
          {"type":"http","url":"https://mcp.vercel.example/","headers":{"authorization":"Bearer secret://vercel-token"}}
          unset vercel-token for VERCEL_TOKEN at headers.authorization
        basic (basic, line 5)
          {"type":"http","url":"https://b.example/mcp","headers":{"authorization":"Basic secret://basic-token"}}
          key at headers.authorization: basic-token
        two (two, line 6)
          {"type":"stdio","command":"node","args":["./server.js","eu"],"env":{"TOKEN":"secret://two-token","OTHER":"secret://two-token"},"cwd":"/home/ada/project"}
          unset two-token for TOKEN at env.TOKEN
          note: cwd: it starts in /home/ada/project, for its relative paths
        line (line, line 7)
          {"type":"stdio","command":"npx","args":["-y","chrome-devtools-mcp@latest"]}
        4: mcpServers.own.url: the variable OWN_URL is not set
    "#]],
    );
}

#[test]
fn goclaw() {
    let file = r#"{"tools": {"mcp_servers": {
      "vnstock": {"transport": "streamable-http", "url": "http://vnstock-mcp:8000/mcp", "tool_prefix": "vnstock_", "timeout_sec": 30},
      "filesystem": {"transport": "stdio", "command": "npx", "args": ["-y", "server-filesystem", "/srv/files"],
        "tool_prefix": "fs_", "timeout_sec": 60, "env": {"MY_API_KEY": "secret"}},
      "plain": {"transport": "sse", "url": "https://p.example/sse", "headers": {"x-user": "env:USER"}, "enabled": false, "color": 1}
    }}}"#;
    check(
        Format::Goclaw,
        file,
        expect![[r#"
        vnstock (vnstock, line 2) prefix "vnstock_" timeout 30000
          {"type":"http","url":"http://vnstock-mcp:8000/mcp"}
        filesystem (filesystem, line 3) prefix "fs_" timeout 60000
          {"type":"stdio","command":"npx","args":["-y","server-filesystem","/srv/files"],"env":{"MY_API_KEY":"secret://filesystem-my-api-key"}}
          key at env.MY_API_KEY: filesystem-my-api-key
        plain (plain, line 5) off prefix ""
          {"type":"sse","url":"https://p.example/sse","headers":{"x-user":"secret://plain-user"}}
          unset plain-user for USER at headers.x-user
          note: color: is not known here and not taken over
    "#]],
    );
}

#[test]
fn formats_are_told_apart() {
    let servers = r#"{"mcpServers": {"a": {}}}"#;
    for (path, text, expected) in [
        ("config/mcporter.json", servers, Some(Format::Mcporter)),
        ("/p/.mcp.json", servers, Some(Format::ClaudeCode)),
        ("/h/.claude.json", servers, Some(Format::ClaudeCode)),
        ("/h/Claude/claude_desktop_config.json", servers, Some(Format::ClaudeDesktop)),
        ("/p/.cursor/mcp.json", servers, Some(Format::Cursor)),
        ("C:\\p\\.vscode\\mcp.json", "", Some(Format::VsCode)),
        ("/h/.config/Code/User/settings.json", "{}", Some(Format::VsCode)),
        ("/h/.codeium/windsurf/mcp_config.json", servers, Some(Format::Windsurf)),
        ("/h/.codex/config.toml", "", Some(Format::Codex)),
        ("a.json", r#"{"tools": {"mcp_servers": {}}}"#, Some(Format::Goclaw)),
        ("a.json", r#"{"servers": {}}"#, Some(Format::VsCode)),
        ("a.json", servers, Some(Format::ClaudeCode)),
        ("a", "[mcp_servers.x]\nurl=''", Some(Format::Codex)),
        ("a.json", "{}", None),
        ("a.json", "", None),
    ] {
        assert_eq!(Format::guess(path, text), expected, "{path} {text}");
    }
    for format in Format::ALL {
        assert_eq!(Format::parse(format.name()), Some(*format));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn nothing_makes_the_readers_panic(text in "(?s).{0,60}") {
        for format in Format::ALL {
            drop(read(&text, *format, &AROUND));
            drop(rewrite(&text, *format, &["a"], &gateway()));
        }
        prop_assert_ne!(Format::guess(&text, &text), Some(Format::Mcporter));
    }

    #[test]
    fn nothing_like_a_file_does_either(
        text in r#"(\{|\}|\[|\]|"mcpServers"|"a"|"url"|"command"|"x"|:|,|//|/\*|\*/|\n| |1|null|true){0,40}"#,
    ) {
        for format in [Format::Cursor, Format::VsCode, Format::Goclaw] {
            drop(read(&text, format, &AROUND));
            drop(rewrite(&text, format, &["a"], &gateway()));
        }
    }

    #[test]
    fn keys_never_show(
        name in "[a-zA-Z _-]{1,12}",
        variable in "[A-Z_]{0,8}(KEY|TOKEN|SECRET)",
        key in "sk-[a-zA-Z0-9]{20,40}",
    ) {
        let env = serde_json::json!({ variable: key });
        let headers = serde_json::json!({ "Authorization": format!("Bearer {key}") });
        let file = serde_json::json!({ "mcpServers": {
            name.clone(): { "command": "x", "env": env },
            format!("{name}2"): { "url": "https://a.example/mcp", "headers": headers },
        }});
        let imported = read(&file.to_string(), Format::ClaudeCode, &AROUND);
        prop_assert_eq!(imported.servers.len(), 2, "{:?}", imported.problems);
        for found in &imported.servers {
            prop_assert_eq!(found.literals.len(), 1);
            prop_assert_eq!(found.literals[0].value.expose(), &key);
            let definition = found.definition.to_string();
            prop_assert!(!definition.contains(&key), "{}", definition);
        }
        let all = format!("{:?}{}", imported, shown(&imported));
        prop_assert!(!all.contains(&key));
    }
}
