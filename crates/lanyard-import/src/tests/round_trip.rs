//! Any draft becomes YAML that is read as that draft.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::accepted;
use crate::{
    ArgStyle, Draft, DraftArg, DraftBody, DraftTool, KeyPlace, Position, Requirement, Scheme,
    SchemeKind, literal, url_literal,
};

/// Text with everything that means something to a reader of YAML or of templates.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        ".{0,20}",
        "[-?:,\\[\\]{}#&*!|>'\"%@` \n\r\ta0.]{0,12}",
        "(true|null|~|0x1F|1e3|1_000|12:30|2020-01-01|<<|=|yes|NO|\\.inf|- a|a: b|a #b|---|\\.\\.\\.)",
        "[ \t]{0,2}(a\n){0,3}[ \t]{0,2}\n{0,2}",
        "\\{\\{ ?(end|\\.args\\.x|\"x\"|range)? ?\\}{0,2}secret://a",
        "[\u{0}-\u{20}\u{7f}-\u{a0}\u{2028}\u{2029}\u{feff}\u{fffe}é😀]{0,8}",
    ]
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        Just(serde_json::from_str("123456789012345678901234567890.5e-7").unwrap()),
        text().prop_map(Value::String),
    ];
    leaf.prop_recursive(4, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec((text(), inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// A schema that may hold a reference into itself.
fn whole_schema() -> impl Strategy<Value = Value> {
    let with_definition =
        |inner| json!({"$defs": {"default": inner}, "items": {"$ref": "#/$defs/default"}});
    prop_oneof![3 => schema(), 1 => schema().prop_map(with_definition)]
}

/// A schema, flat or not, with arbitrary values where values stand.
fn schema() -> impl Strategy<Value = Value> {
    let kind = prop_oneof![
        Just(json!("string")),
        Just(json!("integer")),
        Just(json!("array")),
        Just(json!("object")),
        Just(json!(["string", "null"])),
    ];
    let leaf = (proptest::option::of(kind), json_value(), text(), any::<u8>()).prop_map(
        |(kind, value, title, which)| {
            let mut schema = Map::new();
            if let Some(kind) = kind {
                schema.insert("type".to_owned(), kind);
            }
            for (bit, key) in [(1, "enum"), (2, "examples")] {
                if which & bit != 0 {
                    schema.insert(key.to_owned(), json!([value]));
                }
            }
            for (bit, key, value) in [
                (4, "const", value),
                (8, "title", Value::from(title.as_str())),
                (16, "description", Value::from(title)),
                (32, "minLength", json!(3)),
                (64, "$comment", json!("x")),
            ] {
                if which & bit != 0 {
                    schema.insert(key.to_owned(), value);
                }
            }
            Value::Object(schema)
        },
    );
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|items| json!({"type": "array", "items": items})),
            prop::collection::vec((text(), inner), 0..3).prop_map(|members| {
                json!({"type": "object", "properties": members.into_iter().collect::<Map<_, _>>()})
            }),
        ]
    })
}

fn arg(index: usize) -> impl Strategy<Value = DraftArg> {
    let position = prop_oneof![
        Just(None),
        Just(Some(Position::Query)),
        Just(Some(Position::Body)),
        Just(Some(Position::Path)),
        Just(Some(Position::Header)),
        Just(Some(Position::Cookie)),
    ];
    let style = prop_oneof![Just(ArgStyle::Json), Just(ArgStyle::Comma), Just(ArgStyle::Pipe)];
    (text(), text(), position, any::<bool>(), whole_schema(), style).prop_map(
        move |(wire, description, position, flag, schema, style)| {
            let token = matches!(position, Some(Position::Header | Position::Cookie));
            let wire = match position {
                _ if token => format!("X-{index}"),
                // It is not sent, and stands in the URL: any name will do.
                Some(Position::Path) => format!("p{index}"),
                _ => format!("{index}{wire}"),
            };
            DraftArg {
                name: format!("a{index}"),
                wire_name: Some(wire),
                position,
                required: flag,
                description,
                schema,
                style,
                path_segments: flag && position == Some(Position::Path),
            }
        },
    )
}

fn tool(index: usize) -> impl Strategy<Value = DraftTool> {
    let args = (0..4_usize).map(arg).collect::<Vec<_>>();
    let words = (text(), text(), text(), text());
    (args, words, 0..5_u8, any::<bool>(), schema()).prop_map(
        move |(args, (description, header, path, tag), body, flag, output)| {
            let mut tool = DraftTool::new(format!("t{index}"), "POST", "", "#");
            let path = path.replace(['/', '#', '.'], "");
            tool.url = format!("/v1/x{}x", url_literal(&path));
            for arg in args.iter().filter(|arg| arg.position == Some(Position::Path)) {
                // What stands in a URL outside of a name is a template; a name is not.
                tool.url.push_str(&format!("/{{{}}}", arg.wire()));
            }
            let header: String = header.chars().filter(|c| !c.is_control()).collect();
            tool.headers = vec![("X-Literal".to_owned(), literal(&header))];
            tool.body = match body {
                0 => DraftBody::None,
                1 => DraftBody::Json,
                2 => DraftBody::Form,
                3 => DraftBody::Multipart,
                _ => match only_body(&args) {
                    Some(name) => DraftBody::Raw(name),
                    None => DraftBody::Template("{{toJson .args}}".to_owned()),
                },
            };
            tool.args = args;
            tool.long_description = flag.then(|| description.clone());
            tool.description = description;
            tool.security = flag.then(Vec::new);
            tool.output_schema =
                flag.then(|| json!({"type": "object", "properties": {"x": output}}));
            tool.deprecated = flag;
            tool.tags = vec![tag.clone()];
            tool.operation_id = Some(tag);
            tool
        },
    )
}

/// The argument that is alone in the body.
fn only_body(args: &[DraftArg]) -> Option<String> {
    let mut bodies = args.iter().filter(|arg| arg.position == Some(Position::Body));
    let only = bodies.next().filter(|_| bodies.next().is_none())?;
    Some(only.name.clone())
}

fn draft() -> impl Strategy<Value = Draft> {
    (tool(0), tool(1), text(), any::<bool>()).prop_map(|(one, two, text, flag)| {
        let kinds = [
            SchemeKind::HttpBearer,
            SchemeKind::ApiKey { place: KeyPlace::Query, name: format!("k{text}") },
            SchemeKind::HttpBasic,
        ];
        let scheme = |(index, kind)| Scheme {
            id: format!("s{index}{text}"),
            kind,
            credential: flag.then(|| "secret://some-key".to_owned()),
            description: Some(text.clone()),
        };
        let schemes: Vec<Scheme> = kinds.into_iter().enumerate().map(scheme).collect();
        let default_security = schemes
            .iter()
            .take(2)
            .map(|scheme| Requirement { scheme: scheme.id.clone(), credential: None })
            .collect();
        Draft {
            name: None,
            description: Some(text.clone()),
            base_url: Some("https://h.example:8443/base".to_owned()),
            config: vec![
                ("app_key".to_owned(), None),
                (format!("c{text}"), flag.then(|| "secret://some-key".to_owned())),
            ],
            schemes,
            default_security,
            tools: vec![one, two],
            patch: None,
        }
    })
}

/// What the reader says of a schema: it always has a description.
fn as_read(arg: &DraftArg) -> Value {
    let mut schema = arg.schema.clone();
    let members = schema.as_object_mut().unwrap();
    let own = members.get("description").and_then(Value::as_str).unwrap_or_default().to_owned();
    let description = if arg.description.is_empty() { own } else { arg.description.clone() };
    members.insert("description".to_owned(), Value::from(description));
    schema
}

/// A value with references as they are before their schema moves into the tool's.
fn moved_back(value: Value, name: &str) -> Value {
    let text = value.to_string().replace(&format!("#/properties/{name}/$defs"), "#/$defs");
    serde_json::from_str(&text).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_draft_reads_back(draft in draft()) {
        let yaml = draft.to_yaml();
        let parsed = accepted(&yaml);
        prop_assert_eq!(&parsed.definition.description, &draft.description);
        prop_assert_eq!(parsed.definition.tools.len(), draft.tools.len());
        for (read, written) in parsed.definition.tools.iter().zip(&draft.tools) {
            prop_assert_eq!(read.name.as_str(), &written.name);
            prop_assert_eq!(&read.description, &written.description);
            prop_assert_eq!(&read.long_description, &written.long_description);
            prop_assert_eq!(&read.output_schema, &written.output_schema);
            prop_assert_eq!(read.method(), Some("POST"));
            let properties = read.input_schema["properties"].as_object().unwrap();
            let names: Vec<&str> = properties.iter().map(|(name, _)| name.as_str()).collect();
            let own: Vec<&str> = written.args.iter().map(|arg| arg.name.as_str()).collect();
            prop_assert_eq!(names, own);
            for arg in &written.args {
                let schema = moved_back(properties[&arg.name].clone(), &arg.name);
                prop_assert_eq!(schema, as_read(arg), "{}", yaml);
                let required = read.input_schema["required"].as_array();
                let required = required.is_some_and(|names| names.contains(&json!(arg.name)));
                prop_assert_eq!(required, arg.required);
            }
        }
        // The file as it is stored reads again.
        accepted(&parsed.source);
    }
}
