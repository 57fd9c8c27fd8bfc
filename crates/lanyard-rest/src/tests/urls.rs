//! The table of rendered URLs in the description of the format, and query strings of the file.

use super::{golden, parsed, sent};

/// A case is a URL; its result the target that is sent, or why the file is refused.
#[test]
fn rendered_urls_are_sent_as_they_are_meant() {
    golden("urls.txt", |url| {
        let (url, arguments) = url.split_once('\n').unwrap_or((url, "{}"));
        let quoted = serde_json::to_string(url).unwrap();
        let text = format!(
            "server: {{name: s, config: {{v: 'a b', base: 'https://c.example/api/', key: \
             'secret://k'}}}}\ntools:\n- name: t\n  description: d\n  args: [{{name: p, position: \
             path}}, {{name: q, position: query}}, {{name: t}}]\n  requestTemplate: {{url: \
             {quoted}}}"
        );
        // Not every URL has a place for the path argument.
        let text = if url.contains("{p}") {
            text
        } else {
            text.replace("{name: p, position: path}, ", "")
        };
        match super::Options::default().parse(&text) {
            Ok(_) => sent(&parsed(&text), "t", arguments),
            Err(problems) => super::lines(&problems),
        }
    });
}
