//! Which names are one to somebody.

use super::*;
use expect_test::expect;
use proptest::prelude::*;

#[test]
fn names_that_clients_confuse_collide() {
    for (left, right) in [
        ("search", "search"),
        ("search", "Search"),
        ("do-x", "do_x"),
        ("do-x", "doX"),
        ("DO_X", "do-x"),
        ("do.x", "do/x"),
        ("HTTPServer", "http_server"),
        ("ﬁnd", "find"),
        ("ｓｅａｒｃｈ", "search"),
        ("doX", "dox"),
    ] {
        assert!(collide(left, right), "{left} {right}");
        assert_eq!(collide(left, right), collide(right, left));
    }
}

#[test]
fn names_that_differ_do_not_collide() {
    for (left, right) in [
        ("search", "searches"),
        ("git__hub_search", "github__search"),
        ("get_user_s", "get_users"),
        ("a1", "a_2"),
        ("do_x", "x_do"),
    ] {
        assert!(!collide(left, right), "{left} {right}");
    }
}

#[test]
fn the_first_owner_keeps_a_name() {
    let names = [
        ("a", "a_b_c"),
        ("b", "a_bC"),
        ("a_b", "a_b_c"),
        ("a", "a_b_c"),
        ("c", "other"),
        ("c", "Other"),
        ("", "中文"),
    ];
    let lines: Vec<String> = collisions(&names)
        .iter()
        .map(|it| format!("{}:{} {}:{}", it.first.0, it.first.1, it.second.0, it.second.1))
        .collect();
    expect![[r#"
        a:a_b_c b:a_bC
        a:a_b_c a_b:a_b_c
        c:other c:Other"#]]
    .assert_eq(&lines.join("\n"));
}

#[test]
fn some_names_are_refused_and_some_are_odd() {
    for name in ["", "a\u{7}", "mcp_tool_search", "mcpToolSearch", "MCP-Tool-Search"] {
        assert!(refusal(name).is_some(), "{name}");
    }
    assert_eq!(refusal("mcp_tool_searcher"), None);
    assert_eq!(warnings("vnstock_search"), Vec::<&str>::new());
    assert_eq!(warnings(&"a".repeat(64)).len(), 0);
    assert_eq!(warnings(&"a".repeat(65)).len(), 1);
    assert_eq!(warnings("a.b").len(), 1);
}

#[test]
fn names_of_goclaw_are_known() {
    for (server, prefix, expected) in [
        ("my-server", "", "mcp_my_server__x"),
        ("s", "pg", "mcp_pg__x"),
        ("s", "mcp_pg", "mcp_pg__x"),
        ("s", "mcp", "mcp_mcp__x"),
        ("s", "vnstock_", "mcp_vnstock___x"),
    ] {
        assert_eq!(goclaw_name(server, prefix, "x"), expected);
    }
}

proptest! {
    #[test]
    fn a_name_collides_with_itself_in_another_case(name in "[a-z]{1,6}([_-][a-z]{1,6}){0,3}") {
        prop_assert!(collide(&name, &name.to_uppercase()));
        prop_assert!(collide(&name, &name.replace('_', "-")));
    }

    #[test]
    fn no_name_makes_it_panic(names in prop::collection::vec((".{0,3}", ".{0,12}"), 0..8)) {
        let names: Vec<(&str, &str)> =
            names.iter().map(|(owner, name)| (owner.as_str(), name.as_str())).collect();
        prop_assert!(collisions(&names).len() < names.len().max(1));
        for (_, name) in &names {
            let _said = (refusal(name), warnings(name));
        }
    }
}
