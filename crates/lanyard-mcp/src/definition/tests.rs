//! Definitions: what is refused, what is read, and what is taken out.

use super::*;
use expect_test::{Expect, expect};
use lanyard_core::ServerName;
use proptest::prelude::*;

#[track_caller]
fn check(text: &str, expected: Expect) {
    let actual = match Definition::parse(text) {
        Ok(definition) => definition.to_json(),
        Err(problems) => problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
    };
    expected.assert_eq(&actual);
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    check("{", expect!["not JSON: EOF while parsing an object at line 1 column 1"]);
    check("[]", expect!["must be an object (an array came)"]);
    check(
        r#"{"type":"http2","url":"https://x"}"#,
        expect!["type: `http2` is no type; write `stdio`, `http` or `sse`"],
    );
    check("{}", expect!["type: is missing; write `stdio`, `http` or `sse`"]);
    check(
        r#"{"type":"stdio","comand":"/bin/x","args":[1,"a\u0000","--key=secret://k"],
            "env":{"1X":"a","A":"secret://B","A":"b"},"cwd":"tmp","url":"x","description":"\u001b[1m"}"#,
        expect![[r#"
            comand: unknown key; did you mean `command`?
            url: belongs to servers of the type `http` and `sse`
            description: holds a control character
            command: is missing
            args[0]: must be a string (a number came)
            args[1]: holds a NUL
            args[2]: a secret cannot stand here: other processes could read it; put it into `env`
            env.A: is there twice
            env.1X: is no name of an environment variable: use letters, digits and `_`
            env.A: what follows `secret://` is no name of a secret: use 1 to 64 lower-case letters, digits and inner hyphens
            cwd: is not an absolute path"#]],
    );
    check(
        r#"{"type":"stdio","command":"npx","args":"-y","env":[],"headers":{},"cwd":"/a/../b"}"#,
        expect![[r#"
            headers: belongs to servers of the type `http` and `sse`
            command: is not an absolute path
            args: must be an array of strings (a string came)
            env: must be an object (an array came)
            cwd: holds `.` or `..`; write the path that it leads to"#]],
    );
    check(
        r#"{"type":"http","url":"https://user:pw@x/","headers":{"Host":"a","Mcp-Session-Id":"b",
            "a b":"c","X-A":"1","x-a":"2","x-b":"a\nb","accept":"*/*","proxy-x":"1"},"query":{"a":1},"env":{}}"#,
        expect![[r#"
            env: belongs to servers of the type `stdio`
            url: a URL holds no user or password; put them into `headers`
            headers.Host: belongs to the connection and is written by it
            headers.Mcp-Session-Id: belongs to the protocol
            headers.a b: is no name of a header
            headers.x-a: is there already, in another spelling
            headers.x-b: holds a line break or another control character
            headers.accept: belongs to the connection and is written by it
            headers.proxy-x: belongs to the connection and is written by it
            query.a: must be a string (a number came)"#]],
    );
}

#[test]
fn urls_that_cannot_be_are_refused() {
    for (url, expected) in [
        ("ftp://x/", expect!["a URL starts with http:// or https://"]),
        ("https://x/#a", expect!["a URL of a server has no fragment"]),
        (
            "https://x/ü",
            expect!["the path or query holds a character that must be percent-encoded"],
        ),
        (
            "https://x/%zz",
            expect!["the path or query holds a character that must be percent-encoded"],
        ),
        (
            "https://x/?key=secret://k",
            expect!["a secret cannot stand here; put it into `query` or `headers`"],
        ),
        (
            "https://exa mple/",
            expect!["`exa mple` is not a host name (write an international name in its xn-- form)"],
        ),
    ] {
        let refusal = Remote::parse_url(url).unwrap_err();
        expected.assert_eq(&refusal);
    }
}

#[test]
fn no_problem_repeats_a_value() {
    let text = r#"{"type":"http","url":"https://tst_user:tst_password@x/","headers":{"authorization":"tst_a\nb",
        "x":"secret://TST_C"},"query":{"key":["tst_d"]},"description":{"tst_e":"tst_f"}}"#;
    let problems = Definition::parse(text).unwrap_err();
    let texts = format!("{problems:?}");
    assert!(!texts.to_lowercase().contains("tst_"), "{texts}");
}

#[test]
fn what_is_read_is_written_in_one_form() {
    check(
        r#"{"description":"d", "env":{"B":"secret://tok","A":"x"}, "args":["-y","p"], "cwd":"/srv",
            "command":"/usr/bin/npx", "type":"stdio"}"#,
        expect![[
            r#"{"type":"stdio","command":"/usr/bin/npx","args":["-y","p"],"env":{"B":"secret://tok","A":"x"},"cwd":"/srv","description":"d"}"#
        ]],
    );
    check(
        r#"{"type":"stdio","command":"/bin/x","env":{},"args":[],"cwd":null}"#,
        expect![[r#"{"type":"stdio","command":"/bin/x"}"#]],
    );
    check(
        r#"{"query":{"key":"secret://k"},"headers":{"Authorization":"Bearer secret://tok"},
            "url":"HTTPS://MCP.Example.com:443","type":"streamable-http"}"#,
        expect![[
            r#"{"type":"http","url":"https://mcp.example.com/","headers":{"authorization":"Bearer secret://tok"},"query":{"key":"secret://k"}}"#
        ]],
    );
    check(
        r#"{"type":"sse","url":"http://[::1]:8000/sse?a=b"}"#,
        expect![[r#"{"type":"sse","url":"http://[::1]:8000/sse?a=b"}"#]],
    );
}

fn parse(text: &str) -> Definition {
    Definition::parse(text).unwrap()
}

#[test]
fn a_pin_covers_what_runs_but_no_value() {
    let text =
        r#"{"type":"stdio","command":"/bin/x","args":["a"],"env":{"B":"1","A":"secret://t"}}"#;
    expect![[r#"{"type":"stdio","command":"/bin/x","args":["a"],"env":["A","B"]}"#]]
        .assert_eq(&parse(text).pinned_text());
    let text = r#"{"type":"http","url":"https://x/mcp?a=1&b=2","headers":{"x-b":"1","x-a":"2"},"query":{"k":"v"}}"#;
    expect![[r#"{"type":"http","url":"https://x/mcp?a&b","headers":["x-a","x-b"],"query":["k"]}"#]]
        .assert_eq(&parse(text).pinned_text());
}

#[test]
fn the_query_of_a_request_is_encoded() {
    let definition =
        parse(r#"{"type":"http","url":"https://x/mcp?a=1","query":{"k":"secret://s","l m":"2"}}"#);
    let Transport::Http(remote) = &definition.transport else { panic!("no URL") };
    let target = remote.render_target(&|_| Ok::<_, ()>("a&b =ü".to_owned()));
    assert_eq!(target.unwrap(), "/mcp?a=1&k=a%26b%20%3D%C3%BC&l%20m=2");
    assert_eq!(remote.render_target(&|_| Err(1)), Err(1));
    assert_eq!(definition.secrets().len(), 1);
    assert_eq!(definition.origins()[0].to_string(), "https://x");
}

#[track_caller]
fn check_literals(text: &str, expected: Expect) {
    let mut definition = parse(text);
    let server = ServerName::parse("git-hub").unwrap();
    let places: Vec<_> = definition.literals(&server).into_iter().map(|it| it.place).collect();
    let taken = definition.take_literals(&server);
    let mut lines: Vec<String> = places
        .iter()
        .zip(&taken)
        .map(|(place, (name, value))| format!("{place}: {name} = {}", value.expose()))
        .collect();
    lines.push(definition.to_json());
    lines.extend(definition.exposed().iter().map(ToString::to_string));
    assert!(definition.literals(&server).is_empty(), "nothing is taken out twice");
    assert_eq!(parse(&definition.to_json()), definition);
    expected.assert_eq(&lines.join("\n"));
}

#[test]
fn literal_credentials_are_taken_out() {
    check_literals(
        r#"{"type":"stdio","command":"/bin/x","env":{"GITHUB_TOKEN":"tst_1","GIT_HUB_API_KEY":"tst_2",
            "OPENAI":"sk-tst0123456789abcdef","DATABASE_URL":"postgres://u:tst_3@db/x","LANG":"C",
            "API_KEY":"tst_4","apiKey":"tst_5","X":"a1b2c3d4e5f6a7b8c9d0e1f2"}}"#,
        expect![[r#"
            env.GITHUB_TOKEN: git-hub-token = tst_1
            env.GIT_HUB_API_KEY: git-hub-api-key = tst_2
            env.OPENAI: git-hub-openai = sk-tst0123456789abcdef
            env.DATABASE_URL: git-hub-database-url = postgres://u:tst_3@db/x
            env.API_KEY: git-hub-api-key-2 = tst_4
            env.apiKey: git-hub-api-key-3 = tst_5
            env.X: git-hub-x = a1b2c3d4e5f6a7b8c9d0e1f2
            {"type":"stdio","command":"/bin/x","env":{"GITHUB_TOKEN":"secret://git-hub-token","GIT_HUB_API_KEY":"secret://git-hub-api-key","OPENAI":"secret://git-hub-openai","DATABASE_URL":"secret://git-hub-database-url","LANG":"C","API_KEY":"secret://git-hub-api-key-2","apiKey":"secret://git-hub-api-key-3","X":"secret://git-hub-x"}}"#]],
    );
    check_literals(
        r#"{"type":"http","url":"https://x/mcp?apiKey=tst%5F6&page=2&token=tst_7","headers":{"Authorization":"Bearer tst_8",
            "X-Api-Key":"tst_9","cookie":"sid=tst_10","user-agent":"x"},"query":{"key":"tst_11"}}"#,
        expect![[r#"
            headers.authorization: git-hub-token = tst_8
            headers.x-api-key: git-hub-api-key = tst_9
            headers.cookie: git-hub-cookie = sid=tst_10
            query.key: git-hub-key = tst_11
            url: git-hub-api-key-2 = tst_6
            url: git-hub-token-2 = tst_7
            {"type":"http","url":"https://x/mcp?page=2","headers":{"authorization":"Bearer secret://git-hub-token","x-api-key":"secret://git-hub-api-key","cookie":"secret://git-hub-cookie","user-agent":"x"},"query":{"key":"secret://git-hub-key","apiKey":"secret://git-hub-api-key-2","token":"secret://git-hub-token-2"}}"#]],
    );
}

#[test]
fn settings_and_references_stay() {
    check_literals(
        r#"{"type":"stdio","command":"/bin/x","env":{"MAX_TOKENS":"4096","KEY_FILE":"/etc/k","TOKEN":"${TOKEN}",
            "SECRET":"secret://s","PASSWORD":"","AUTH_ENABLED":"true","ROOT":"/home/a1b2c3d4e5f6a7b8c9d0e1f2/x",
            "PACKAGE":"@scope/server-filesystem@1.2.3","NAME":"us-east-1-production-cluster-0001"}}"#,
        expect![[
            r#"{"type":"stdio","command":"/bin/x","env":{"MAX_TOKENS":"4096","KEY_FILE":"/etc/k","TOKEN":"${TOKEN}","SECRET":"secret://s","PASSWORD":"","AUTH_ENABLED":"true","ROOT":"/home/a1b2c3d4e5f6a7b8c9d0e1f2/x","PACKAGE":"@scope/server-filesystem@1.2.3","NAME":"us-east-1-production-cluster-0001"}}"#
        ]],
    );
}

#[test]
fn what_cannot_be_taken_out_is_said() {
    check_literals(
        r#"{"type":"stdio","command":"/bin/x","args":["-y","mcp-remote","--api-key","tst_1","--token=tst_2",
            "--header","Authorization: Bearer tst_0123456789abcdef","-k","ghp_0123456789abcdef"]}"#,
        expect![[r#"
            {"type":"stdio","command":"/bin/x","args":["-y","mcp-remote","--api-key","tst_1","--token=tst_2","--header","Authorization: Bearer tst_0123456789abcdef","-k","ghp_0123456789abcdef"]}
            args[3]: looks like a credential, and every user of the machine can read the arguments of a process; use `env` if the program allows it
            args[4]: looks like a credential, and every user of the machine can read the arguments of a process; use `env` if the program allows it
            args[6]: looks like a credential, and every user of the machine can read the arguments of a process; use `env` if the program allows it
            args[8]: looks like a credential, and every user of the machine can read the arguments of a process; use `env` if the program allows it"#]],
    );
    check_literals(
        r#"{"type":"http","url":"https://x/s/a1b2c3d4e5f6a7b8c9d0e1f2/mcp"}"#,
        expect![[r#"
            {"type":"http","url":"https://x/s/a1b2c3d4e5f6a7b8c9d0e1f2/mcp"}
            url: the path holds what looks like a credential; it is stored as it stands and shown to operators"#]],
    );
}

#[test]
fn debug_shows_no_value() {
    let definition = parse(
        r#"{"type":"http","url":"https://x/mcp?a=tst_1","headers":{"x":"tst_2"},"query":{"k":"tst_3"}}"#,
    );
    let server = ServerName::parse("x").unwrap();
    let text = format!("{definition:?} {:?}", definition.literals(&server));
    assert!(!text.contains("tst_"), "{text}");
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in ".{0,200}") {
        let _read = Definition::parse(&text);
        let _read = Remote::parse_url(&text);
        let _read = Template::parse(&text);
    }

    #[test]
    fn what_is_written_is_read_back(
        env in proptest::collection::btree_map("[A-Z]{1,8}", "[^\0]{0,40}", 0..4),
        args in proptest::collection::vec("[^\0]{0,20}", 0..4),
    ) {
        let env = env.into_iter().map(|(name, text)| (name, Template::text(&text))).collect();
        let stdio = Stdio { command: "/bin/x".to_owned(), args, env, cwd: None };
        let mut definition = Definition { description: None, transport: Transport::Stdio(stdio) };
        let server = ServerName::parse("s").unwrap();
        let _taken = definition.take_literals(&server);
        prop_assert_eq!(Definition::parse(&definition.to_json()), Ok(definition));
    }
}
