//! Lists of servers that mean well, and of others.

use std::sync::Arc;

use expect_test::{Expect, expect};
use lanyard_core::{Failure, Limits};
use lanyard_wire::Version;

use super::super::fake::{Does, Kind, Plan, World, key, member, opening, pass};
use super::super::links::Links as _;
use super::{ListError, Listed, house, list};

const EVERYTHING: &str = r#"{"tools":{},"prompts":{},"resources":{}}"#;

async fn listed(limits: Limits, plan: impl FnOnce(&mut Plan)) -> Result<Listed, ListError> {
    let world = World::with_limits(limits);
    let alpha = Arc::new(member("alpha", Kind::Http));
    world.links.plan("alpha", plan);
    let session = world.links.lease(&key(&alpha, "ci"), opening(&alpha)).await.unwrap();
    list(&session, &world.fleet.limits).await
}

/// Lists and writes one line for each item, or the error.
async fn check(limits: Limits, plan: impl FnOnce(&mut Plan), expected: Expect) {
    let text = match listed(limits, plan).await {
        Ok(listed) => {
            let line =
                |item: &lanyard_mcp::Item| format!("{:?} {} {}", item.kind, item.name, item.raw);
            listed.items.iter().map(line).collect::<Vec<_>>().join("\n")
        }
        Err(error) => error.to_string(),
    };
    expected.assert_eq(&text);
}

#[tokio::test(start_paused = true)]
async fn everything_comes_in_order_and_as_it_was_written() {
    let plan = |plan: &mut Plan| {
        plan.capabilities = EVERYTHING;
        plan.answer(
            "tools/list",
            [
                Does::result(
                    r#"{"tools":[{"name":"b" , "n":1.00},{"name":"a"}],"nextCursor":"x"}"#,
                ),
                Does::result(r#"{"tools":[{"x":[1],"name":"\u0063"}],"nextCursor":null}"#),
            ],
        );
        plan.answer("prompts/list", [Does::result(r#"{"prompts":[{"name":"p"}]}"#)]);
        plan.answer(
            "resources/list",
            [Does::result(r#"{"resources":[{"uri":"a:b","name":"n"}]}"#)],
        );
        plan.answer(
            "resources/templates/list",
            [Does::result(r#"{"resourceTemplates":[{"uriTemplate":"a:{b}","name":"n"}]}"#)],
        );
    };
    let expected = expect![[r#"
        Tool b {"name":"b" , "n":1.00}
        Tool a {"name":"a"}
        Tool c {"x":[1],"name":"\u0063"}
        Prompt p {"name":"p"}
        Resource a:b {"uri":"a:b","name":"n"}
        Template a:{b} {"uriTemplate":"a:{b}","name":"n"}"#]];
    check(Limits::standard(), plan, expected).await;
}

#[tokio::test(start_paused = true)]
async fn a_credential_in_a_list_is_masked() {
    let plan = |plan: &mut Plan| {
        plan.answer(
            "tools/list",
            [Does::result(r#"{"tools":[{"name":"a","description":"use tst_key"}]}"#)],
        );
    };
    let expected = expect![[r#"Tool a {"name":"a","description":"use [masked]"}"#]];
    check(Limits::standard(), plan, expected).await;
}

#[tokio::test(start_paused = true)]
async fn only_what_a_server_says_it_has_is_asked_for() {
    let plan = |plan: &mut Plan| {
        plan.capabilities = r#"{"prompts":{},"tools":null}"#;
        plan.answer("prompts/list", [Does::result(r#"{"prompts":[{"name":"p"}]}"#)]);
    };
    check(Limits::standard(), plan, expect![[r#"Prompt p {"name":"p"}"#]]).await;
}

#[tokio::test(start_paused = true)]
async fn a_list_that_is_not_there_is_empty() {
    // Many servers with resources have no list of templates.
    let plan = |plan: &mut Plan| {
        plan.capabilities = EVERYTHING;
        plan.answer("resources/list", [Does::result(r#"{"resources":[{"uri":"a:b"}]}"#)]);
    };
    let expected = expect![[r#"
        Tool echo {"name":"echo"}
        Resource a:b {"uri":"a:b"}"#]];
    check(Limits::standard(), plan, expected).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_no_list_is_refused_and_what_is_no_item_is_left_out() {
    for answer in ["{}", r#"{"tools":{}}"#, "[]"] {
        let plan = |plan: &mut Plan| plan.answer("tools/list", [Does::result(answer)]);
        let expected = expect!["the answer to tools/list has no list `tools`"];
        check(Limits::standard(), plan, expected).await;
    }
    let answer = r#"{"tools":[{"name":"a"},{"title":"x"},{"name":"a","second":1}]}"#;
    let plan = |plan: &mut Plan| plan.answer("tools/list", [Does::result(answer)]);
    let listed = listed(Limits::standard(), plan).await.unwrap();
    assert_eq!((listed.items.len(), listed.left_out.len()), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn errors_are_told_by_their_code_alone() {
    let plan = |plan: &mut Plan| plan.answer("tools/list", [Does::error(-32_603)]);
    check(Limits::standard(), plan, expect!["it answers tools/list with error -32603"]).await;
    let plan = |plan: &mut Plan| {
        let strange = lanyard_connect::mcp::Reply::Error(r#"{"message":"x"}"#.to_owned());
        plan.answer("tools/list", [Does::Answer(strange)]);
    };
    let expected = expect!["it answers tools/list with an error without a code"];
    check(Limits::standard(), plan, expected).await;
    let plan = |plan: &mut Plan| plan.answer("tools/list", [Does::Fail(Failure::ServerEnded)]);
    let expected = expect!["the server ended before it answered; the call may have taken effect"];
    check(Limits::standard(), plan, expected).await;
}

#[tokio::test(start_paused = true)]
async fn a_list_that_breaks_off_is_none() {
    let first = || Does::result(r#"{"tools":[{"name":"a"}],"nextCursor":"x"}"#);
    for code in [-32_601, -32_603] {
        let plan = |plan: &mut Plan| plan.answer("tools/list", [first(), Does::error(code)]);
        let error = listed(Limits::standard(), plan).await.unwrap_err();
        assert_eq!(error, ListError::Refused { method: "tools/list", code });
    }
}

#[tokio::test(start_paused = true)]
async fn pages_that_lead_in_a_circle_end() {
    let page = |cursor: &str| Does::result(&format!(r#"{{"tools":[],"nextCursor":"{cursor}"}}"#));
    let plan = |plan: &mut Plan| plan.answer("tools/list", [page("a"), page("b"), page("a")]);
    let expected = expect!["the pages of tools/list go in a circle"];
    check(Limits::standard(), plan, expected).await;
}

#[tokio::test(start_paused = true)]
async fn limits_hold_at_the_limit_and_one_past_it() {
    let two = r#"{"tools":[{"name":"a"},{"name":"b"}]}"#;
    let plan = |plan: &mut Plan| plan.answer("tools/list", [Does::result(two)]);
    let items = |catalog_items_max| Limits { catalog_items_max, ..Limits::standard() };
    assert_eq!(listed(items(2), plan).await.unwrap().items.len(), 2);
    let expected = expect!["tools/list gives more than 1 items"];
    check(items(1), plan, expected).await;

    let length = two.len() as u64;
    let bytes = |catalog_bytes_max| Limits { catalog_bytes_max, ..Limits::standard() };
    assert_eq!(listed(bytes(length), plan).await.unwrap().items.len(), 2);
    let expected = expect!["its lists are longer than 36 bytes (`catalog_bytes_max`)"];
    check(bytes(length - 1), plan, expected).await;
}

#[tokio::test(start_paused = true)]
async fn all_pages_share_one_time() {
    let plan = |plan: &mut Plan| {
        plan.answer("tools/list", [Does::Hang]);
    };
    let expected = expect!["it did not list everything within 15000 ms (`server_list_ms_max`)"];
    check(Limits::standard(), plan, expected).await;
    let failure = Failure::from(ListError::TooSlow { limit_ms: 1 });
    assert_eq!(failure, Failure::TimedOut);
    pass(0.1).await;
}

#[tokio::test(start_paused = true)]
async fn a_stateless_server_gets_the_envelope_on_every_page() {
    let world = World::new();
    let alpha = Arc::new(member("alpha", Kind::Http));
    world.links.plan("alpha", |plan| {
        plan.version = Version::V2026_07_28;
        let page = Does::result(r#"{"resultType":"complete","tools":[],"nextCursor":"2"}"#);
        plan.answer("tools/list", [page, Does::result(r#"{"tools":[]}"#)]);
    });
    let session = world.links.lease(&key(&alpha, "ci"), opening(&alpha)).await.unwrap();
    list(&session, &world.fleet.limits).await.unwrap();
    let said = world.story.read();
    let able = format!(r#""io.modelcontextprotocol/clientCapabilities":{}"#, house::CAPABILITIES);
    assert_eq!(said.matches(&able).count(), 2);
    assert_eq!(said.matches(r#"{"cursor":"2","_meta":{"#).count(), 1);
}
