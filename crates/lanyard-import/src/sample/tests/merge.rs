//! Several samples of one method and path are one tool.

use expect_test::{Expect, expect};

use crate::curl::read;
use crate::sample::{ImportOptions, assemble};
use crate::tests::accepted;

#[track_caller]
fn check(lines: &[&str], expected: Expect) {
    let samples = lines.iter().map(|line| read(line, None).unwrap()).collect();
    let options = ImportOptions { path_ids: true, ..ImportOptions::default() };
    let mut out = String::new();
    for imported in assemble(samples, &options, false) {
        let yaml = imported.draft.to_yaml();
        accepted(&yaml);
        out.push_str(&yaml.replace("    description: \"\"\n", ""));
        for note in imported.notes {
            out.push_str(&format!("# {note}\n"));
        }
    }
    expected.assert_eq(&out);
}

#[test]
fn arguments_that_not_all_samples_have_are_optional() {
    check(
        &[
            "curl 'https://api.example.com/users/17/posts?page=1&sort=new' -H 'X-Mode: a'",
            "curl 'https://api.example.com/users/18/posts?page=2.5&tag=x&tag=y' -H 'X-Mode: b'",
            "curl 'https://api.example.com/users/18/posts?page=3' -H 'X-Mode: b'",
        ],
        expect![[r#"
            server:
              name: example
            tools:
            - name: get_users_user_id_posts
              description: GET /users/{user_id}/posts of api.example.com
              args:
              - name: user_id
                type: integer
                required: true
                position: path
                examples:
                - 17
                - 18
              - name: page
                type: number
                required: true
                position: query
                examples:
                - 1
                - 2.5
                - 3
              - name: sort
                type: string
                position: query
                examples:
                - new
              - name: tag
                type: array
                position: query
                style: repeat
                items:
                  type: string
                examples:
                -
                  - x
                  - "y"
              - name: X_Mode
                wireName: X-Mode
                type: string
                required: true
                position: header
                examples:
                - a
                - b
              requestTemplate:
                url: https://api.example.com/users/{user_id}/posts
                method: GET
        "#]],
    );
}

#[test]
fn types_that_differ_are_left_open_and_origins_are_servers() {
    check(
        &[
            "curl https://api.example.com/x --json '{\"a\":1,\"b\":{\"c\":null}}'",
            "curl https://api.example.com/x --json '{\"a\":\"z\",\"b\":{\"c\":2,\"d\":[1.5]}}'",
            "curl -u a:tst-other https://other.example.org/y -X DELETE",
        ],
        expect![[r#"
            server:
              name: example
            tools:
            - name: post_x
              description: POST /x of api.example.com
              args:
              - name: a
                required: true
                position: body
                schema:
                  examples:
                  - 1
                  - z
              - name: b
                type: object
                required: true
                position: body
                properties:
                  c:
                    type:
                    - integer
                    - "null"
                  d:
                    type: array
                    items:
                      type: number
                examples:
                - c: null
                - c: 2
                  d:
                  - 1.5
              requestTemplate:
                url: https://api.example.com/x
                method: POST
                headers:
                - key: Accept
                  value: application/json
                argsToJsonBody: true
            server:
              name: other-example-org
              securitySchemes:
              # The secret is USER:PASSWORD
              - id: basic
                type: http
                scheme: basic
                defaultCredential: secret://other-example-org-login
              defaultUpstreamSecurity:
              - id: basic
            tools:
            - name: delete_y
              description: DELETE /y of other.example.org
              requestTemplate:
                url: https://other.example.org/y
                method: DELETE
            # 1:1: note: the login (user and password) is a credential: it becomes the secret `other-example-org-login`
        "#]],
    );
}

#[test]
fn what_is_named_by_a_variable_is_left_out() {
    check(
        &[
            "curl \"https://api.example.com/x?$A=1&b=2\" --json \"{\\\"$C\\\": 1, \\\"d\\\": {\\\"$E\\\": 2}}\"",
        ],
        expect![[r#"
            server:
              name: example
            tools:
            - name: post_x
              description: POST /x of api.example.com
              args:
              - name: b
                type: integer
                required: true
                position: query
                examples:
                - 2
              - name: d
                type: object
                required: true
                position: body
              requestTemplate:
                url: https://api.example.com/x
                method: POST
                headers:
                - key: Accept
                  value: application/json
                argsToJsonBody: true
            # 1:1: warning: 2 of its names are variables and left out: write the names that are meant
        "#]],
    );
}

#[test]
fn bodies_of_other_kinds_are_other_tools() {
    check(
        &[
            "curl https://api.example.com/x --json '[1]'",
            "curl https://api.example.com/x -d a=1",
            "curl https://api.example.com/x -d a=2",
        ],
        expect![[r#"
            server:
              name: example
            tools:
            - name: post_x
              description: POST /x of api.example.com
              args:
              - name: items
                type: array
                required: true
                position: body
                items:
                  type: integer
                examples:
                -
                  - 1
              requestTemplate:
                url: https://api.example.com/x
                method: POST
                headers:
                - key: Content-Type
                  value: application/json
                - key: Accept
                  value: application/json
                body: "{{toJson .args.items}}"
            - name: post_x_2aa3bd08
              description: POST /x of api.example.com
              args:
              - name: a
                type: integer
                required: true
                position: body
                examples:
                - 1
                - 2
              requestTemplate:
                url: https://api.example.com/x
                method: POST
                argsToFormBody: true
        "#]],
    );
}

/// The URL template of a line.
fn url_of(line: &str) -> String {
    let options = ImportOptions { path_ids: true, ..ImportOptions::default() };
    let imported = assemble(vec![read(line, None).unwrap()], &options, false).remove(0);
    accepted(&imported.draft.to_yaml());
    let names: Vec<&str> =
        imported.draft.tools[0].args.iter().map(|arg| arg.name.as_str()).collect();
    format!("{} ({})\n", imported.draft.tools[0].url, names.join(", "))
}

#[test]
fn paths_keep_what_is_literal_and_name_what_is_not() {
    let lines = [
        "curl 'https://api.example.com/a{b/c}d/{9}/{{x}}/{ok}.json'",
        "curl 'https://api.example.com/users/17/orders/8f14e45f-ceea-467f-9a3e-1b2c3d4e5f60'",
        "curl \"https://api.example.com/v1/$USER_ID-x/:id/:id/<ID>?flag&other=\"",
        "curl 'https://api.example.com/a b/%7Bc%7D/ä/x:y/@me/2024/'",
        "curl 'https://api.example.com//double//'",
        "curl 'https://api.example.com/categories/5/statuses/6/news/7/8'",
        "curl 'https://api.example.com'",
    ];
    let urls: Vec<String> = lines.iter().map(|line| url_of(line)).collect();
    expect![[r#"
        https://api.example.com/a%7Bb/c%7Dd/%7B9%7D/{x}/{ok}.json (x, ok)
        https://api.example.com/users/{user_id}/orders/{order_id} (user_id, order_id)
        https://api.example.com/v1/{user_id}-x/{id}/{id_2}/{ID}?flag (user_id, id, id_2, ID, other)
        https://api.example.com/a%20b/%7Bc%7D/%C3%A4/x:y/@me/{me_id}/ (me_id)
        https://api.example.com//double// ()
        https://api.example.com/categories/{category_id}/statuses/{status_id}/news/{news_id}/{news_id_2} (category_id, status_id, news_id, news_id_2)
        https://api.example.com/ ()
    "#]].assert_eq(&urls.concat());
}
