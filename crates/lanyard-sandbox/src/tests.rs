//! Real processes: what they are given, what they are not, and that nothing of them is left.

use std::fs;
use std::future::Future as _;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use expect_test::{Expect, expect};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};

use super::*;

fn shell(directory: &Path, script: &str) -> Launch {
    Launch {
        command: "/bin/sh".into(),
        args: vec!["-c".to_owned(), script.to_owned()],
        env: vec![("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned())],
        directory: directory.to_owned(),
        made: vec![],
        limits: ProcessLimits::standard(),
    }
}

/// What a script writes, and how it ends.
async fn run(launched: Launch) -> (String, Exit) {
    let mut process = launch(launched).await.unwrap();
    let mut pipes = process.take_pipes().unwrap();
    drop(pipes.stdin);
    let mut out = String::new();
    pipes.stdout.read_to_string(&mut out).await.unwrap();
    pipes.stderr.read_to_string(&mut out).await.unwrap();
    (out, process.wait().await)
}

#[track_caller]
fn check_output(script: &str, expected: &Expect) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let (out, exit) = runtime.block_on(run(shell(directory.path(), script)));
    expected.assert_eq(&format!("{out}{exit}\n"));
}

/// Waits until the kernel knows no such process any more. Not for a time: until it is so.
async fn until_gone(pid: u32) {
    while alive(pid) {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Whether a process runs. One that only waits to be reaped by somebody else does not.
fn alive(pid: u32) -> bool {
    let Ok(status) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
    let state = status.rsplit(") ").next().and_then(|rest| rest.chars().next());
    !matches!(state, Some('Z' | 'X') | None)
}

async fn first_line(out: tokio::process::ChildStdout) -> (String, tokio::process::ChildStdout) {
    let mut reader = BufReader::new(out);
    let mut line = String::new();
    reader.read_line(&mut line).await.unwrap();
    (line.trim().to_owned(), reader.into_inner())
}

#[test]
fn the_environment_is_exactly_what_was_given() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let mut launched = shell(directory.path(), "");
    launched.command = "/usr/bin/env".into();
    launched.args = vec![];
    launched.env = vec![("ONE".to_owned(), "1".to_owned()), ("TWO".to_owned(), "a=b c".to_owned())];
    let (out, exit) = runtime.block_on(run(launched));
    expect![[r#"
        ONE=1
        TWO=a=b c
        exited with code 0
    "#]]
    .assert_eq(&format!("{out}{exit}\n"));
}

#[test]
fn codes_and_signals_are_told() {
    check_output("exit 0", &expect![["exited with code 0\n"]]);
    check_output("exit 7", &expect![["exited with code 7\n"]]);
    check_output("kill -9 $$", &expect![["was ended by SIGKILL\n"]]);
    check_output("kill -SEGV $$", &expect![["was ended by SIGSEGV\n"]]);
    check_output("kill -USR1 $$", &expect![["was ended by signal 10\n"]]);
}

#[test]
fn streams_are_apart_and_carry_bytes_both_ways() {
    check_output(
        "echo out; echo err >&2",
        &expect![[r#"
        out
        err
        exited with code 0
    "#]],
    );
}

#[tokio::test]
async fn what_is_written_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let mut process = launch(shell(directory.path(), "cat")).await.unwrap();
    let mut pipes = process.take_pipes().unwrap();
    assert!(process.take_pipes().is_none());
    pipes.stdin.write_all(b"hello\n").await.unwrap();
    let (line, _out) = first_line(pipes.stdout).await;
    assert_eq!(line, "hello");
    assert_eq!(process.exit(), None);
    drop(pipes.stdin);
    assert_eq!(process.wait().await, Exit::Code(0));
    assert_eq!(process.exit(), Some(Exit::Code(0)));
}

#[cfg(target_os = "linux")]
#[test]
fn limits_and_rights_are_set() {
    let status = "grep NoNewPrivs /proc/self/status | tr '\\t' ' '; umask; \
                  grep -E '^Max (core|open|file size)' /proc/self/limits | tr -s ' ' | sed 's/ $//'";
    check_output(
        status,
        &expect![[r#"
        NoNewPrivs: 1
        0077
        Max file size 1073741824 1073741824 bytes
        Max core file size 0 0 bytes
        Max open files 1024 1024 files
        exited with code 0
    "#]],
    );
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn signals_are_as_by_default() {
    let directory = tempfile::tempdir().unwrap();
    let (status, _) = run(shell(directory.path(), "exec cat /proc/self/status")).await;
    // The C library keeps two signals for its threads and lets nobody change them.
    let own_to_libc = 0b11_u64 << 31;
    for field in ["SigBlk:", "SigIgn:", "SigCgt:"] {
        let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
        let mask = u64::from_str_radix(line.trim(), 16).unwrap();
        assert_eq!(mask & !own_to_libc, 0, "{field} {mask:x}");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn no_descriptor_of_ours_is_inherited() {
    let directory = tempfile::tempdir().unwrap();
    let file = fs::File::open("/dev/null").unwrap();
    // A duplicate without close-on-exec, as a careless library would make one.
    let stray = rustix::io::dup(&file).unwrap();
    rustix::io::fcntl_setfd(&stray, rustix::io::FdFlags::empty()).unwrap();
    assert!(stray.as_raw_fd() > 2);
    let (out, _) = run(shell(directory.path(), "ls /proc/self/fd | sort -n | tr '\\n' ' '")).await;
    // `ls` opens the directory that it lists.
    assert_eq!(out, "0 1 2 3 ");
}

#[tokio::test]
async fn killing_ends_the_grandchild_too() {
    let directory = tempfile::tempdir().unwrap();
    let script = "sh -c 'echo $$; exec sleep 1000' & wait";
    let mut process = launch(shell(directory.path(), script)).await.unwrap();
    let (line, _out) = first_line(process.take_pipes().unwrap().stdout).await;
    let grandchild: u32 = line.parse().unwrap();
    assert_ne!(grandchild, process.pid());
    process.kill();
    assert_eq!(process.wait().await, Exit::Signal(9));
    until_gone(grandchild).await;
}

#[tokio::test]
async fn the_first_process_takes_the_others_with_it() {
    let directory = tempfile::tempdir().unwrap();
    let script = "sleep 1000 & echo $!; exit 3";
    let mut process = launch(shell(directory.path(), script)).await.unwrap();
    let (line, _out) = first_line(process.take_pipes().unwrap().stdout).await;
    assert_eq!(process.wait().await, Exit::Code(3));
    until_gone(line.parse().unwrap()).await;
}

#[tokio::test]
async fn terminating_asks_and_may_be_refused() {
    let directory = tempfile::tempdir().unwrap();
    let mut polite = launch(shell(directory.path(), "echo up; exec sleep 1000")).await.unwrap();
    let (_, _out) = first_line(polite.take_pipes().unwrap().stdout).await;
    polite.terminate();
    assert_eq!(polite.wait().await, Exit::Signal(15));

    let script = "trap 'echo no' TERM; echo up; while :; do sleep 1000 & wait; done";
    let mut rude = launch(shell(directory.path(), script)).await.unwrap();
    let (_, out) = first_line(rude.take_pipes().unwrap().stdout).await;
    rude.terminate();
    assert_eq!(first_line(out).await.0, "no");
    assert_eq!(rude.exit(), None);
    rude.kill();
    assert_eq!(rude.wait().await, Exit::Signal(9));
    // Its number is somebody else's now, and nothing happens.
    rude.kill();
    rude.terminate();
}

#[tokio::test]
async fn dropping_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let script = "sleep 1000 & echo $!; wait";
    let mut process = launch(shell(directory.path(), script)).await.unwrap();
    let pid = process.pid();
    let (line, _out) = first_line(process.take_pipes().unwrap().stdout).await;
    drop(process);
    until_gone(line.parse().unwrap()).await;
    // Reaped, too: not even a zombie is left.
    while Path::new(&format!("/proc/{pid}")).exists() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn one_who_no_longer_waits_for_the_start_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let mark = directory.path().join("pid");
    for _ in 0..20 {
        let script = format!("echo $$ > {}; exec sleep 1000", mark.display());
        let mut starting = Box::pin(launch(shell(directory.path(), &script)));
        // Polled once: the thread runs, and nobody waits for it.
        let once = std::future::poll_fn(|context| {
            std::task::Poll::Ready(starting.as_mut().poll(context).is_ready())
        });
        let _came_in_time: bool = once.await;
        drop(starting);
    }
    // Whichever came so far as to write its number is gone or going.
    if let Ok(pid) = fs::read_to_string(&mark) {
        until_gone(pid.trim().parse().unwrap_or(0)).await;
    }
}

#[tokio::test]
async fn a_directory_of_its_own_is_made_for_its_owner_alone() {
    let directory = tempfile::tempdir().unwrap();
    let own = directory.path().join("a/b");
    let mut launched = shell(directory.path(), "pwd; touch made; stat -c %a made .");
    launched.directory = own.clone();
    launched.made = vec![own.clone()];
    let (out, _) = run(launched).await;
    assert_eq!(out, format!("{}\n600\n700\n", own.canonicalize().unwrap().display()));
}

fn script_file(path: &Path, text: &str) {
    use std::io::Write as _;
    fs::File::create(path).unwrap().write_all(text.as_bytes()).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o700)).unwrap();
}

async fn refused(launched: Launch) -> String {
    let error = launch(launched).await.unwrap_err();
    format!("{error}\n")
}

#[tokio::test]
async fn a_refusal_says_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let plain = directory.path().join("plain");
    let orphan = directory.path().join("orphan");
    fs::File::create(&plain).unwrap();
    script_file(&orphan, "#!/no/such/interpreter\n");
    let with = |command: &Path| {
        let mut launched = shell(directory.path(), "tst_secret");
        launched.command = command.to_owned();
        launched
    };
    let mut told = String::new();
    told += &refused(with(Path::new("sh"))).await;
    told += &refused(with(Path::new("/no/such/program"))).await;
    told += &refused(with(&plain)).await;
    told += &refused(with(directory.path())).await;
    told += &refused(with(&orphan)).await;
    let mut elsewhere = shell(directory.path(), "");
    elsewhere.directory = "/no/such/directory".into();
    told += &refused(elsewhere).await;
    let mut nowhere = shell(directory.path(), "");
    nowhere.made = vec![plain.join("below")];
    told += &refused(nowhere).await;
    let mut garbled = shell(directory.path(), "tst_secret\0");
    told += &refused(garbled.clone()).await;
    garbled.args = vec![];
    garbled.env.push(("A=B".to_owned(), "tst_secret".to_owned()));
    told += &refused(garbled).await;
    let mut long = shell(directory.path(), "");
    long.args.push("tst_secret".repeat(1 << 20));
    told += &refused(long).await;
    let told = told.replace(&directory.path().display().to_string(), "DIR");
    assert!(!told.contains("tst_secret"));
    expect![[r#"
        `sh` is no absolute path; write the program's whole path
        `/no/such/program` does not exist; install it, or correct the path
        `DIR/plain` is not executable; run `chmod +x` on it, or start its interpreter
        `DIR` is not executable; run `chmod +x` on it, or start its interpreter
        `DIR/orphan` names an interpreter in its first line that does not exist; install that
        the directory `/no/such/directory` cannot be used (entity not found); create it, or correct its rights
        the directory `DIR/plain/below` cannot be used (not a directory); create it, or correct its rights
        an argument or an environment variable holds a NUL, or a variable's name is empty or holds `=`
        an argument or an environment variable holds a NUL, or a variable's name is empty or holds `=`
        the arguments and the environment are longer than the system allows
    "#]].assert_eq(&told);
}

#[test]
fn what_is_shown_of_a_launch_holds_no_value() {
    let launched = Launch {
        command: "/bin/x".into(),
        args: vec!["tst_arg".to_owned()],
        env: vec![("TST_NAME".to_owned(), "tst_value".to_owned())],
        directory: PathBuf::from("/tmp"),
        made: vec![],
        limits: ProcessLimits::standard(),
    };
    let shown = format!("{launched:?}");
    assert!(!shown.contains("tst_") && !shown.contains("TST_"), "{shown}");
}

/// Run by the test below in a process of its own: starts a child, says its number, and waits to be
/// killed. Does nothing in an ordinary run.
#[tokio::test]
async fn helper_that_is_killed() {
    if std::env::var_os("LANYARD_TEST_HELPER").is_none() {
        return;
    }
    let child = launch(shell(Path::new("/"), "exec sleep 1000")).await.unwrap();
    println!("child={}", child.pid());
    std::future::pending::<()>().await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn children_die_with_the_program() {
    let helper = Launch {
        command: std::env::current_exe().unwrap(),
        args: ["--exact", "tests::helper_that_is_killed", "--nocapture"].map(Into::into).into(),
        env: vec![("LANYARD_TEST_HELPER".to_owned(), "1".to_owned())],
        directory: "/".into(),
        made: vec![],
        limits: ProcessLimits::standard(),
    };
    let mut helper = launch(helper).await.unwrap();
    let mut lines = BufReader::new(helper.take_pipes().unwrap().stdout).lines();
    let child: u32 = loop {
        let line = lines.next_line().await.unwrap().expect("the helper says its child's number");
        if let Some((_, pid)) = line.split_once("child=") {
            break pid.trim().parse().unwrap();
        }
    };
    assert!(alive(child));
    // The child is in a group of its own, so this does not reach it.
    helper.kill();
    helper.wait().await;
    until_gone(child).await;
}
