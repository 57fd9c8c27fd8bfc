//! Lines that are refused, each with where and what to do.

use expect_test::expect_file;

use crate::{ImportOptions, import_curl};

/// Lines that a person may well paste.
const BAD: &[&str] = &[
    "",
    "wget https://api.example.com/x",
    "TOKEN=x curl https://api.example.com/x",
    "curl \"https://api.example.com/x?a=1^&b=2\"",
    "curl",
    "curl -H 'Accept: application/json'",
    "curl -k https://api.example.com/x",
    "curl -x http://proxy.example:3128 https://api.example.com/x",
    "curl --data @body.json https://api.example.com/x",
    "curl https://api.example.com/x -d @- <<EOF",
    "curl -F 'file=@photo.jpg' https://api.example.com/upload",
    "curl -T report.pdf https://api.example.com/upload",
    "curl -K curl.conf",
    "curl --cert client.pem --key client.key https://api.example.com/x",
    "curl --resolve api.example.com:443:127.0.0.1 https://api.example.com/x",
    "curl --unix-socket /var/run/docker.sock http://localhost/containers/json",
    "curl https://api.example.com/x?page=1&per_page=2",
    "curl https://api.example.com/x | jq .",
    "curl https://api.example.com/x -H Authorization: Bearer tst-unquoted-0001",
    "curl https://api.example.com/x -H 'Authorization'",
    "curl https://api.example.com/x --haeder 'A: b'",
    "curl https://api.example.com/x --dat a=b",
    "curl https://api.example.com/x -y",
    "curl https://api.example.com/x --silent=yes",
    "curl https://api.example.com/x -X PURGE",
    "curl $BASE_URL/users",
    "curl /v1/users",
    "curl https://{shop}.example.com/x",
    "curl https://api.example.com:port/x",
    "curl ftp://files.example.com/x",
    "curl 'https://api.example.com/items/[1-9]'",
    "curl 'https://api.example.com/{a,b}'",
    "curl https://api.example.com/a/../b",
    "curl https://api.example.com/x -d '{\"a\": 1,}' -H 'Content-Type: application/json'",
    "curl https://api.example.com/x \u{2013}data a=b",
    "curl https://api.example.com/x -d a=b -F c=d",
    "curl -I https://api.example.com/x -d a=b",
    "curl https://a.example.com/x https://b.example.com/y",
    "curl https://a.example.com/x --next https://b.example.com/y",
    "curl --digest -u tst:tst-digest https://api.example.com/x",
    "curl -b cookies.txt https://api.example.com/x",
    "curl https://api.example.com/x -H \"X-A: $(date)\"",
    "curl https://api.example.com/x -d",
    "curl https://api.example.com/%ff?x=%fe",
    "curl https://api.example.com/x --json '{\"a\": \"\\ufdd2x}} {{.config.y\\ufdd3\"}'",
    "curl 'https://api.example.com/x?a=%EF%B7%92x%EF%B7%93'",
];

#[test]
fn what_cannot_be_imported_is_told_with_its_place() {
    let mut out = String::new();
    for line in BAD {
        let errors = import_curl(line, &ImportOptions::default()).map(|_| ()).unwrap_err();
        assert!(!errors.is_empty(), "{line}");
        out.push_str(&format!("{line}\n"));
        for error in errors {
            out.push_str(&format!("  {error}\n"));
        }
    }
    assert!(BAD.len() >= 30);
    expect_file!["../../../testdata/curl-refused.txt"].assert_eq(&out);
}
