//! `audit verify` on a copy, without a gateway: what holds, and what every kind of tampering is
//! answered with.

use std::path::{Path, PathBuf};

use expect_test::expect;

use super::transcript;
use crate::world::{World, copy};

/// A copy of a log with some history, its key, and the world it came from.
struct Copy {
    world: World,
    directory: PathBuf,
    other: PathBuf,
}

fn history(world: &mut World) {
    world.set_up();
    for name in ["a", "b", "c"] {
        world.ok(&["agent", "add", name]);
    }
    let key = world.ok(&["audit", "key"]);
    world.write("key.pub", &key);
    assert_eq!(world.stop(), Some(0));
}

fn copies() -> Copy {
    let mut world = World::up();
    history(&mut world);
    let mut other = World::up();
    history(&mut other);
    let directory = world.path("copy");
    copy(&world.data().join("audit"), &directory);
    let foreign = world.path("other");
    copy(&other.data().join("audit"), &foreign);
    Copy { world, directory, other: foreign }
}

impl Copy {
    fn fresh(&self) {
        std::fs::remove_dir_all(&self.directory).unwrap();
        copy(&self.world.data().join("audit"), &self.directory);
    }

    /// The file with the records.
    fn segment(directory: &Path) -> PathBuf {
        let mut files: Vec<PathBuf> =
            std::fs::read_dir(directory).unwrap().map(|it| it.unwrap().path()).collect();
        files.sort();
        let records = |path: &PathBuf| std::fs::read(path).is_ok_and(|text| text.starts_with(b"{"));
        files.into_iter().find(records).unwrap()
    }

    /// Tampers with a fresh copy's records; what is found must say this. Where else something
    /// is found depends on when checkpoints were signed.
    #[track_caller]
    fn check(&self, tamper: impl Fn(&mut Vec<String>), said: &str) {
        self.fresh();
        let path = Self::segment(&self.directory);
        let text = std::fs::read_to_string(&path).unwrap();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        tamper(&mut lines);
        self.write(&path, &(lines.join("\n") + "\n"));
        self.found("copy", said);
    }

    #[track_caller]
    fn found(&self, directory: &str, said: &str) {
        let args = ["audit", "verify", "--dir", directory, "--key", "key.pub"];
        let done = self.world.run(&args);
        let text = self.world.steady(&done.stderr);
        assert_eq!(done.code, Some(1), "{text}");
        assert!(text.contains(said), "`{said}` is not in:\n{text}");
        assert!(text.ends_with("[lanyard] the audit log does not hold\n"), "{text}");
    }

    #[expect(clippy::disallowed_methods, reason = "tampering needs no atomic write")]
    fn write(&self, path: &Path, text: &str) {
        std::fs::write(path, text).unwrap();
    }
}

#[test]
fn a_copy_is_proved_without_a_gateway() {
    let copy = copies();
    let commands = "
        audit verify --dir copy --key key.pub
        audit verify --dir copy --key nonsense
        audit verify --dir copy";
    transcript(
        &copy.world,
        commands,
        expect![[r#"
        $ audit verify --dir copy --key key.pub
        the log holds: 10 records in 1 segments, TIME to TIME
        $ audit verify --dir copy --key nonsense
        [lanyard] --key nonsense: a key is written lanyard/audit/ID+HASH+KEY, as `lanyard audit key` prints it; it is what `lanyard audit key` prints, or a file with it
        -- exit 1
        $ audit verify --dir copy
        error: the following required arguments were not provided:
          --key <FILE>

        Usage: lanyard audit verify --dir <COPY> --key <FILE>

        For more information, try '--help'.
        -- exit 1
    "#]],
    );
}

#[test]
fn tampering_is_found() {
    let copy = copies();
    let flip = |line: &mut String| *line = line.replacen("owner:uid", "owner:uie", 1);
    copy.check(|lines| flip(&mut lines[2]), "record 4 does not continue record 3");
    let last = |lines: &mut Vec<String>| lines.len() - 1;
    copy.check(
        |lines| {
            let at = last(lines);
            lines[at] = lines[at].replacen("gateway.stop", "gateway.stoq", 1);
        },
        "is not the one that checkpoint-X signed",
    );
    copy.check(|lines| drop(lines.pop()), "and the log ends at record 9: records were removed");
    copy.check(|lines| drop(lines.remove(3)), "record 5 follows record 3: 1 missing in between");
    copy.check(|lines| lines.swap(2, 3), "record 3 stands after record 4: the order was changed");
    copy.check(
        |lines| lines[4] = lines[3].clone(),
        "00000001.log:5: record 4 stands after record 4",
    );
    copy.fresh();
    let segment = Copy::segment(&copy.directory);
    std::fs::copy(Copy::segment(&copy.other), &segment).unwrap();
    copy.found("copy", "the file belongs to another log: lanyard/audit/ID");
    copy.fresh();
    std::fs::remove_file(&segment).unwrap();
    copy.found("copy", "the log has no segment");
    copy.found("other", "it belongs to another key: lanyard/audit/ID");
}
