//! Tests of `version`.

use super::Version;

#[test]
fn initialize_is_never_answered_with_a_modern_version() {
    for (requested, chosen) in [
        ("2026-07-28", "2025-11-25"),
        ("2099-01-01", "2025-11-25"),
        ("2024-10-07", "2025-11-25"),
        ("", "2025-11-25"),
        ("2025-11-25 ", "2025-11-25"),
        ("2024-11-05", "2024-11-05"),
        ("2025-03-26", "2025-03-26"),
        ("2025-06-18", "2025-06-18"),
        ("2025-11-25", "2025-11-25"),
    ] {
        assert_eq!(Version::negotiate(requested).as_str(), chosen, "{requested}");
    }
}

#[test]
fn each_version_is_known_by_its_name_alone() {
    for version in Version::ALL {
        assert_eq!(Version::parse(version.as_str()), Some(version));
    }
    for other in ["", "2026-07-28\n", "2026-7-28", "DRAFT-2026-v1", "2026-07-29"] {
        assert_eq!(Version::parse(other), None, "{other}");
    }
}

#[test]
fn the_two_families_are_all_versions() {
    let both: Vec<_> = Version::LEGACY.into_iter().chain(Version::MODERN).collect();
    assert_eq!(both, Version::ALL);
    assert!(Version::MODERN.into_iter().all(Version::is_modern));
    assert!(!Version::LEGACY.into_iter().any(Version::is_modern));
}

#[test]
fn what_a_version_knows() {
    let table: Vec<_> = Version::ALL
        .into_iter()
        .map(|version| {
            let mut knows = Vec::new();
            for (name, has) in [
                ("batches", version.has_batches()),
                ("annotations", version.has_annotations()),
                ("structured", version.has_structured_content()),
                ("titles", version.has_titles()),
                ("any value", version.has_any_structured_value()),
                ("tasks", version.has_core_tasks()),
                ("modes", version.has_elicitation_modes()),
                ("elicitation ids", version.has_elicitation_ids()),
            ] {
                if has {
                    knows.push(name);
                }
            }
            format!("{version}: {}", knows.join(", "))
        })
        .collect();
    expect_test::expect![[r#"
        2024-11-05: 
        2025-03-26: batches, annotations
        2025-06-18: annotations, structured, titles
        2025-11-25: annotations, structured, titles, tasks, modes, elicitation ids
        2026-07-28: annotations, structured, titles, any value, modes"#]]
    .assert_eq(&table.join("\n"));
}
