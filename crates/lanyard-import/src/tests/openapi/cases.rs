//! Whole documents, and what the options do.

use expect_test::{Expect, expect, expect_file};

use super::{DESK, ODD, SHOP, import, options};
use crate::{Filter, Import, OpenApiOptions};

/// The definition and the notes of a document, as a file under `testdata`.
#[track_caller]
fn golden(text: &str, name: &str) {
    let imported = import(text, &options()).unwrap();
    let notes: Vec<String> = imported.notes.iter().map(|note| format!("# {note}\n")).collect();
    let path = format!("{}/testdata/openapi/{name}.expected.yaml", env!("CARGO_MANIFEST_DIR"));
    expect_file![path].assert_eq(&format!("{}{}", notes.concat(), imported.draft.to_yaml()));
}

#[test]
fn openapi_3_1() {
    golden(SHOP, "shop");
}

#[test]
fn swagger_2_0() {
    golden(DESK, "desk");
}

#[test]
fn what_is_odd_is_told_and_the_rest_imported() {
    golden(ODD, "odd");
}

fn names(imported: &Import) -> String {
    let names: Vec<&str> = imported.draft.tools.iter().map(|tool| tool.name.as_str()).collect();
    names.join(" ")
}

#[track_caller]
fn chosen(include: &[&str], exclude: &[&str], expected: Expect) {
    let filters = |list: &[&str]| -> Vec<Filter> {
        list.iter().map(|text| Filter::parse(text).unwrap()).collect()
    };
    let (include, exclude) = (filters(include), filters(exclude));
    let options = OpenApiOptions { include: &include, exclude: &exclude, ..options() };
    expected.assert_eq(&names(&import(SHOP, &options).unwrap()));
}

#[test]
fn operations_are_chosen() {
    chosen(&["tag:Orders"], &[], expect!["orders_get"]);
    chosen(&["/orders/*"], &["delete"], expect!["orders_get change_order"]);
    chosen(&["/orders*"], &["id:*order"], expect!["createOrder"]);
    chosen(
        &["/**"],
        &["/*"],
        expect!["orders_get delete_orders_order-id change_order get_categories_path"],
    );
    chosen(&["method:POST"], &["path:/orders"], expect!["upload login addNote"]);
    chosen(&["method:trace"], &["method:head"], expect![""]);
    assert!(Filter::parse("tag:").unwrap_err().contains("tag:NAME"));
    assert!(Filter::parse("method:fetch").unwrap_err().contains("no method"));
    let reads = import(SHOP, &OpenApiOptions { read_only: true, ..options() }).unwrap();
    expect!["orders_get get_categories_path"].assert_eq(&names(&reads));
    let current = import(SHOP, &OpenApiOptions { deprecated: false, ..options() }).unwrap();
    assert_eq!((current.counts.deprecated, current.counts.operations), (1, 10));
    assert!(current.notes.iter().any(|note| note.text.contains("delete_orders_order-id")));
}

#[test]
fn a_document_that_grows_renames_nothing() {
    let small = "openapi: 3.0.0\npaths:\n  /b:\n    get: {operationId: list}\n    put: {}\n";
    let grown = "openapi: 3.0.0\npaths:\n  /a:\n    get: {operationId: List}\n  /b:\n    get: \
                 {operationId: list}\n    put: {}\n    post: {operationId: put_b}\n";
    let before = import(small, &options()).unwrap();
    expect!["list put_b"].assert_eq(&names(&before));
    let names_before = [("GET /b", "list"), ("PUT /b", "put_b")]
        .map(|(key, name)| (key.to_owned(), name.to_owned()));
    let kept = OpenApiOptions { names: &names_before, ..options() };
    expect!["List_4ceeb4c8 list put_b put_b_1b4dec46"]
        .assert_eq(&names(&import(grown, &kept).unwrap()));
    let rename =
        [("List".to_owned(), "every one".to_owned()), ("GET /b".to_owned(), "b".to_owned())];
    let renamed = OpenApiOptions { rename: &rename, ..kept };
    expect!["every_one b put_b put_b_1b4dec46"]
        .assert_eq(&names(&import(grown, &renamed).unwrap()));
}

#[test]
fn a_definition_tells_the_names_it_gave() {
    let first = import(SHOP, &options()).unwrap().draft.to_yaml();
    let renamed =
        first.replace("name: upload", "name: send_file").replace("name: login", "name: sign_in");
    let names = crate::given_names(&renamed).unwrap();
    let again = import(SHOP, &OpenApiOptions { names: &names, ..options() }).unwrap();
    assert_eq!(names.len(), again.draft.tools.len());
    for (tool, (_, name)) in again.draft.tools.iter().zip(&names) {
        assert_eq!(tool.name, *name);
    }
}

#[test]
fn several_operations_at_one_path_keep_their_names() {
    let small = "openapi: 3.0.0\npaths:\n  '/#Action=A': {post: {}}\n  '/#Action=C': {post: {}}\n";
    let grown = small.replace("paths:\n", "paths:\n  '/#Action=B': {post: {operationId: C}}\n");
    let first = import(small, &options()).unwrap().draft;
    let names = crate::given_names(&first.to_yaml()).unwrap();
    let kept = OpenApiOptions { names: &names, ..options() };
    expect!["C post_Action_A post_Action_C"]
        .assert_eq(&self::names(&import(&grown, &kept).unwrap()));
}

#[track_caller]
fn base(servers: &str, options: OpenApiOptions<'_>, expected: Expect) {
    let text = format!("openapi: 3.0.0\n{servers}\npaths: {{}}\n");
    let imported = import(&text, &options).unwrap();
    let notes: Vec<String> = imported.notes.iter().map(ToString::to_string).collect();
    let base = imported.draft.base_url.unwrap_or_default();
    expected.assert_eq(&format!("{base}|{}", notes.join("|")));
}

#[test]
fn servers_are_chosen_and_completed() {
    let several = "servers: [{url: 'https://a.example/v1/'}, {url: 'https://{x}.example', \
                   description: test, variables: {x: {default: b}}}]";
    base(
        several,
        options(),
        expect![
            "https://a.example/v1|#/servers: note: there are other servers: https://{x}.example"
        ],
    );
    base(several, OpenApiOptions { server: Some("2"), ..options() }, expect!["https://b.example|"]);
    let variables = [("x".to_owned(), "c".to_owned())];
    let of_test = OpenApiOptions { server: Some("test"), variables: &variables, ..options() };
    base(several, of_test, expect!["https://c.example|"]);
    let own = OpenApiOptions { base_url: Some("https://own.example/"), ..options() };
    base(several, own, expect!["https://own.example|"]);
    let from =
        OpenApiOptions { document_url: Some("https://d.example/docs/api.json?x=/"), ..options() };
    base("servers: [{url: /v1}]", from, expect!["https://d.example/v1|"]);
    base(
        "servers: [{url: /v1/}]",
        options(),
        expect![
            "|#/servers: warning: no server with an absolute URL: give the API's base URL with --base-url https://HOST/v1, or write `baseUrl` into the file"
        ],
    );
    base("servers: [{url: v1}]", from, expect!["https://d.example/docs/v1|"]);
    base("servers: [{url: ../v1}]", from, expect!["https://d.example/v1|"]);
    base("servers: [{url: //e.example/}]", from, expect!["https://e.example|"]);
    base("", from, expect!["https://d.example|"]);
    base(
        "",
        options(),
        expect![
            "|#/servers: warning: no server with an absolute URL: give the API's base URL with --base-url, or write `baseUrl` into the file"
        ],
    );
    base(
        "servers: [{url: 'https://{y}.example?x=1'}]",
        options(),
        expect![
            "|#/servers/0: warning: the query of a server's URL is left out|#/servers/0: warning: the server `https://{y}.example` cannot be used: a variable without a value|#/servers: warning: no server with an absolute URL: give the API's base URL with --base-url, or write `baseUrl` into the file"
        ],
    );
    base(
        "servers: [{url: 'ftp://a.example'}]",
        options(),
        expect![
            "|#/servers/0: warning: the server `ftp://a.example` cannot be used: an origin starts with http:// or https://|#/servers: warning: no server with an absolute URL: give the API's base URL with --base-url, or write `baseUrl` into the file"
        ],
    );
}

/// A mistyped word must not let in what it was to keep out, or send a key to another server.
#[test]
fn what_fits_nothing_is_refused() {
    #[track_caller]
    fn refused(options: OpenApiOptions<'_>, expected: Expect) {
        let text = "openapi: 3.0.0\nservers: [{url: 'https://a.example', description: live}, \
                    {url: 'https://b.example:{port}', variables: {port: {default: '1', enum: ['1', '2']}}}]\n\
                    paths:\n  /x:\n    get: {tags: [admin], operationId: list}\n    delete: {tags: [admin, b]}\n";
        expected.assert_eq(&import(text, &options).unwrap_err().to_string());
    }
    let servers = "there is no such server; there are 1: https://a.example (live), 2: https://b.example:{port}";
    for wanted in ["sandbox", "0", "3"] {
        let text = "openapi: 3.0.0\nservers: [{url: 'https://a.example', description: live}, {url: 'https://b.example:{port}'}]\npaths: {}\n";
        let error = import(text, &OpenApiOptions { server: Some(wanted), ..options() });
        assert_eq!(error.unwrap_err().to_string(), format!("--api-server {wanted}: {servers}"));
    }
    let (typo, gone) = ([Filter::parse("tag:admn").unwrap()], [Filter::parse("/y/**").unwrap()]);
    refused(
        OpenApiOptions { exclude: &typo, include: &gone, ..options() },
        expect![
            "--include path:/y/**: no operation fits; --exclude tag:admn: no operation fits; the tags are admin, b"
        ],
    );
    let rename = [("GET /y".to_owned(), "y".to_owned())];
    refused(
        OpenApiOptions { rename: &rename, ..options() },
        expect!["--rename GET /y: no operation has that operationId, or is that method and path"],
    );
    let pairs = |name: &str, value: &str| [(name.to_owned(), value.to_owned())];
    refused(
        OpenApiOptions { variables: &pairs("prt", "2"), server: Some("2"), ..options() },
        expect!["--api-variable prt: no server in use has a variable of that name"],
    );
    refused(
        OpenApiOptions { variables: &pairs("port", "3"), server: Some("2"), ..options() },
        expect!["--api-variable port=3: it is 1, 2"],
    );
    // What fitted once and is gone is told, and keeps nobody from importing again.
    let names = pairs("GET /orders", "orders_get");
    let again = OpenApiOptions { exclude: &typo, rename: &rename, names: &names, ..options() };
    let notes = import(SHOP, &again).unwrap().notes;
    for text in ["--exclude tag:admn", "--rename GET /y"] {
        assert!(notes.iter().any(|note| note.text.starts_with(text)), "{text}: {notes:?}");
    }
}

#[test]
fn what_is_no_description_says_why() {
    for (text, expected) in [
        ("{", "this is not JSON: EOF while parsing an object at line 1 column 1"),
        ("a: [", "this is not YAML"),
        ("[]", "this is no OpenAPI description: neither `openapi` nor `swagger` is there"),
        ("openapi: 4.0.0\npaths: {}", "OpenAPI 4.0.0 is not known here"),
        ("swagger: '1.2'", "Swagger 1.2 is not known here"),
        (
            "openapi: 3.1.0\nwebhooks: {}",
            "the description has no `paths`: webhooks are calls to you, not by you",
        ),
    ] {
        let error = import(text, &options()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let later = import("openapi: 3.2.0\npaths: {}", &options()).unwrap();
    assert!(later.notes.iter().any(|note| note.text.contains("read as 3.1")));
}
