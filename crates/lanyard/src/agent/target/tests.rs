//! Where servers come from, as data.

use std::path::Path;

use super::{Directory, Naming, ToolFilter, name_in_path};
use crate::agent::env::AgentEnv;

fn env(pairs: &[(&str, &str)]) -> AgentEnv {
    AgentEnv::from_pairs(
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
    )
}

#[track_caller]
fn check(pairs: &[(&str, &str)], name: &str, expected: &str) {
    let actual = match Directory::open(&env(pairs), None) {
        Err(issue) => issue.message,
        Ok(directory) => match directory.server(name) {
            Some(server) => format!("{} {}", server.name, server.transport),
            None => "none".to_owned(),
        },
    };
    assert_eq!(actual, expected, "{pairs:?} {name}");
}

#[test]
fn an_address_that_cannot_be_used_is_refused_without_the_token() {
    check(
        &[("LANYARD_URL", "localhost:7410")],
        "x",
        "LANYARD_URL: not a usable URL: an origin starts with http:// or https://",
    );
    check(
        &[("LANYARD_URL", "http://h"), ("LANYARD_TOKEN", "tst\ntoken")],
        "x",
        "LANYARD_TOKEN holds characters that no header can",
    );
}

#[test]
fn a_gateway_names_its_servers_by_path() {
    let base = [("LANYARD_URL", "http://127.0.0.1:7410")];
    check(&base, "billing", "billing HTTP http://127.0.0.1:7410/servers/billing/mcp");
    for name in ["../admin", "a/b", "Billing", "", "a?b"] {
        check(&base, name, "none");
    }
    check(&[("LANYARD_URL", "http://h/")], "b", "b HTTP http://h/servers/b/mcp");
    let socket = [("LANYARD_URL", "unix:/run/agent.sock")];
    check(&socket, "b", "b HTTP unix:/run/agent.sock/servers/b/mcp");
}

#[test]
fn an_endpoint_is_one_server() {
    let named = [("LANYARD_URL", "http://h/servers/billing/mcp")];
    check(&named, "billing", "billing HTTP http://h/servers/billing/mcp");
    check(&named, "other", "none");
    check(&[("LANYARD_URL", "http://h/mcp")], "any", "any HTTP http://h/mcp");
    let free = Directory::open(&env(&[("LANYARD_URL", "http://127.0.0.1:3901/mcp")]), None);
    let Ok(Directory::One(server, Naming::Free)) = free else { panic!("{free:?}") };
    assert_eq!(server.name, "127-0-0-1-mcp");
}

#[test]
fn the_path_may_name_the_server_in_each_form_that_a_gateway_serves() {
    for (path, expected) in [
        ("/servers/a/mcp", Some("a")),
        ("/servers/a/sse", Some("a")),
        ("/mcp-servers/a/mcp", Some("a")),
        ("/mcp-servers/a", Some("a")),
        ("/mcp/a", Some("a")),
        ("/mcp/a?x=/mcp/b", Some("a")),
        ("/mcp", None),
        ("/", None),
        ("/servers/a", None),
    ] {
        assert_eq!(name_in_path(path), expected, "{path}");
    }
}

#[test]
fn a_file_on_the_line_wins_over_the_environment() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str| {
        let path = directory.path().join(name);
        let mut file = std::fs::File::create(&path).unwrap();
        let text = format!(r#"{{"mcpServers": {{"of-{name}": {{"url": "http://h/mcp"}}}}}}"#);
        std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
        path
    };
    let (line, ours, theirs) = (write("line"), write("ours"), write("theirs"));
    let name =
        |config: Option<&Path>, pairs: &[(&str, &str)]| match Directory::open(&env(pairs), config)
            .unwrap()
        {
            Directory::File(servers) => servers[0].name.clone(),
            Directory::Gateway(_) => "gateway".to_owned(),
            Directory::One(server, _) => server.name,
        };
    let url = ("LANYARD_URL", "http://h");
    let ours = ("LANYARD_CONFIG", ours.to_str().unwrap());
    let theirs = ("MCPORTER_CONFIG", theirs.to_str().unwrap());
    assert_eq!(name(Some(&line), &[url, ours, theirs]), "of-line");
    assert_eq!(name(None, &[url, ours, theirs]), "gateway");
    assert_eq!(name(None, &[ours, theirs]), "of-ours");
    assert_eq!(name(None, &[theirs]), "of-theirs");
    let missing = directory.path().join("missing");
    let refused = Directory::open(&env(&[]), Some(&missing)).unwrap_err();
    assert!(refused.message.starts_with("cannot read /"), "{refused:?}");
}

#[test]
fn a_filter_hides_what_it_names() {
    let names = vec!["a".to_owned()];
    for (filter, expected) in [
        (ToolFilter::All, (true, true)),
        (ToolFilter::Only(names.clone()), (true, false)),
        (ToolFilter::Except(names), (false, true)),
    ] {
        assert_eq!((filter.shows("a"), filter.shows("b")), expected, "{filter:?}");
    }
}

#[test]
fn the_environment_shows_no_value() {
    let env = env(&[
        ("LANYARD_TOKEN", "tst_secret"),
        ("OTHER", "tst_secret"),
        ("LANYARD_URL", "tst_secret"),
    ]);
    assert!(!format!("{env:?}").contains("tst_secret"));
}

#[test]
fn a_token_alone_means_the_gateway_of_this_machine() {
    let with_token = env(&[("LANYARD_TOKEN", "lyd_a_x")]);
    match Directory::open(&with_token, None) {
        Ok(Directory::Gateway(base)) => assert_eq!(base.place_text(), "http://127.0.0.1:7410"),
        other => panic!("{other:?}"),
    }
    assert!(
        matches!(Directory::open(&env(&[]), None), Ok(Directory::File(none)) if none.is_empty())
    );
}
