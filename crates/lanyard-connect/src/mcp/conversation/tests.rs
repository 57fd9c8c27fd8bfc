//! Conversations with a server that the test itself plays, over pipes in memory. Time stands still
//! unless everybody waits.

use std::time::Duration;

use lanyard_core::{ServerName, TenantName};
use proptest::prelude::*;
use tokio::io::{
    AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream, ReadHalf, WriteHalf,
};

use super::*;
use crate::mcp::SessionKey;
use crate::mcp::exchange::ServerRequest;
use crate::mcp::link::{LinesLink, LinesParts};
use crate::mcp::target::Opened;

/// What a server was given, and may say again: one that looks like a word, and one like a number.
const KEYS: [&str; 2] = ["tst_key", "90210"];

#[derive(Debug)]
struct Given;

impl Credentials for Given {
    fn request(&self) -> Result<Opened, Failure> {
        Err(Failure::Bug)
    }

    fn environment(&self) -> Result<Vec<(String, String)>, Failure> {
        Err(Failure::Bug)
    }

    fn mask<'a>(&self, text: &'a str) -> (Cow<'a, str>, u64) {
        let masked = KEYS.iter().fold(text.to_owned(), |text, key| text.replace(key, "[masked]"));
        if masked == text { (Cow::Borrowed(text), 0) } else { (Cow::Owned(masked), 1) }
    }
}

/// The other end.
struct Server {
    heard: BufReader<ReadHalf<DuplexStream>>,
    says: WriteHalf<DuplexStream>,
}

impl Server {
    /// The next message to it.
    async fn hear(&mut self) -> String {
        let mut line = String::new();
        self.heard.read_line(&mut line).await.unwrap();
        line.trim_end().to_owned()
    }

    async fn say(&mut self, message: &str) {
        self.says.write_all(format!("{message}\n").as_bytes()).await.unwrap();
    }

    async fn answer(&mut self, id: i64, result: &str) {
        self.say(&format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#)).await;
    }
}

/// A conversation of 2025-11-25 that was greeted already.
fn talk(limits: &Limits) -> (Arc<Conversation>, Server) {
    let (ours, theirs) = tokio::io::duplex(4 << 10);
    let (output, input) = tokio::io::split(ours);
    let tasks = TaskTracker::new();
    let link = LinesLink::new(LinesParts {
        input: Box::new(input),
        output: Box::new(output),
        process: None,
        complained: CancellationToken::new(),
        message_bytes_max: Limits::size(limits.message_bytes_max),
        tasks: tasks.clone(),
    });
    let key = SessionKey {
        tenant: TenantName::parse("acme").unwrap(),
        server: ServerName::parse("fake").unwrap(),
        generation: 1,
        principal: None,
        credential: 0,
        client: [0; 32],
        owner: None,
    };
    let client = ClientFacts { capabilities: "{}".to_owned(), info: "{}".to_owned() };
    let conversation = Conversation::new(ConversationParts {
        link: Link::Lines(link),
        limits: limits.clone(),
        client,
        credentials: Arc::new(Given),
        tasks,
        changed: Arc::default(),
        remembered: Remembered::new(&Arc::default(), &key),
    });
    conversation.speak(Version::V2025_11_25);
    let (heard, says) = tokio::io::split(theirs);
    (conversation, Server { heard: BufReader::new(heard), says })
}

async fn call(conversation: &Arc<Conversation>) -> Exchange {
    let request =
        Outgoing { method: "tools/call", params: None, param_headers: vec![], deadline: None };
    conversation.request(request, Purpose::Call).await.unwrap()
}

async fn reply(exchange: &mut Exchange) -> Result<String, Failure> {
    loop {
        match exchange.next().await? {
            Step::Done(Reply::Result(result) | Reply::Error(result)) => return Ok(result),
            Step::Notification(_) | Step::Request(_) | Step::Pause(_) => {}
        }
    }
}

/// What a server may write, about the calls that run.
#[derive(Debug, Clone)]
enum Said {
    Answer(usize),
    /// An answer once more.
    Again(usize),
    /// An answer to what was never asked, as raw JSON of an id.
    Stranger(&'static str),
    /// A report under the token of a call, or of none.
    Progress(i64),
    Garbage(&'static str),
}

fn said(calls: usize) -> impl Strategy<Value = Vec<Said>> {
    let noise = prop_oneof![
        (0..calls).prop_map(Said::Again),
        prop::sample::select(vec!["0", "-1", "999", "\"1\"", "\"a\"", "null"])
            .prop_map(Said::Stranger),
        (-2_i64..40).prop_map(Said::Progress),
        prop::sample::select(vec!["hello", "{", "[]", "{}", "42"]).prop_map(Said::Garbage),
    ];
    let answers: Vec<_> = (0..calls).map(Said::Answer).collect();
    (
        Just(answers).prop_shuffle(),
        prop::collection::vec((any::<prop::sample::Index>(), noise), 0..40),
    )
        .prop_map(|(mut script, noise)| {
            for (at, what) in noise {
                script.insert(at.index(script.len().saturating_add(1)), what);
            }
            script
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever order the answers come in, and whatever comes between them: everybody gets exactly
    /// their own, once, and reports of nobody else's progress.
    #[test]
    fn everybody_gets_exactly_their_own(script in (1_usize..12).prop_flat_map(said)) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(play(script));
    }
}

async fn play(script: Vec<Said>) {
    let (conversation, mut server) = talk(&Limits::standard());
    let calls = script.iter().filter(|it| matches!(it, Said::Answer(_))).count();
    let mut running = Vec::new();
    for number in 0..calls {
        let params = format!(r#"{{"_meta":{{"progressToken":"t{number}"}}}}"#);
        let request = Outgoing {
            method: "tools/call",
            params: Some(params),
            param_headers: vec![],
            deadline: None,
        };
        running.push(conversation.request(request, Purpose::Call).await.unwrap());
        server.hear().await;
    }
    let ids: Vec<i64> = running.iter().map(|it| it.id().as_raw().parse().unwrap()).collect();
    let server = async {
        for said in script {
            match said {
                Said::Answer(at) | Said::Again(at) => {
                    server.answer(ids[at], &format!(r#"{{"for":{at}}}"#)).await;
                }
                Said::Stranger(id) => {
                    server.say(&format!(r#"{{"jsonrpc":"2.0","id":{id},"result":"wrong"}}"#)).await;
                }
                Said::Progress(token) => {
                    let params = format!(r#"{{"progressToken":{token},"progress":1}}"#);
                    let method = "notifications/progress";
                    server
                        .say(&format!(
                            r#"{{"jsonrpc":"2.0","method":"{method}","params":{params}}}"#
                        ))
                        .await;
                }
                Said::Garbage(line) => server.say(line).await,
            }
        }
        server
    };
    let readers = running.iter_mut().enumerate().map(|(number, exchange)| async move {
        let own = format!(r#""progressToken":"t{number}""#);
        loop {
            match exchange.next().await.unwrap() {
                Step::Notification(message) => assert!(message.contains(&own), "{message}"),
                Step::Request(_) | Step::Pause(_) => panic!("nothing was asked"),
                Step::Done(Reply::Error(_)) => panic!("no error was told"),
                Step::Done(Reply::Result(result)) => {
                    assert_eq!(result, format!(r#"{{"for":{number}}}"#));
                    break;
                }
            }
        }
        assert_eq!(exchange.next().await.unwrap_err(), Failure::Bug);
    });
    let (_server, _) = tokio::join!(server, join_all(readers));
    assert!(conversation.router.is_idle());
}

/// Runs futures side by side until all are ready.
async fn join_all<F: Future<Output = ()>>(futures: impl Iterator<Item = F>) {
    let mut open: Vec<_> = futures.map(Box::pin).collect();
    std::future::poll_fn(|context| {
        open.retain_mut(|future| future.as_mut().poll(context).is_pending());
        if open.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}

const NOTE: &str = r#"{"jsonrpc":"2.0","id":9,"method":"sampling/createMessage","params":{}}"#;

#[tokio::test(start_paused = true)]
async fn one_who_does_not_read_stops_the_server_and_then_only_himself() {
    let mut limits = Limits::standard();
    limits.server_messages_max = 2;
    let (conversation, mut server) = talk(&limits);
    let params = Some(r#"{"_meta":{"progressToken":1}}"#.to_owned());
    let request = Outgoing { method: "tools/call", params, param_headers: vec![], deadline: None };
    let mut lazy = conversation.request(request, Purpose::Call).await.unwrap();
    let mut other = call(&conversation).await;
    server.hear().await;
    server.hear().await;
    let begun = Instant::now();
    let progress = r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":1}}"#;
    let talking = async {
        for _ in 0..100 {
            server.say(progress).await;
        }
        server.answer(2, "\"for the other\"").await;
        // The lazy one's end is told to the server.
        assert_eq!(
            server.hear().await,
            r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#
        );
    };
    let (other, ()) = tokio::join!(reply(&mut other), talking);
    assert_eq!(other, Ok("\"for the other\"".to_owned()));
    assert_eq!(begun.elapsed(), UNREAD_MAX);
    // What it had is still there, and then its fate.
    assert!(matches!(lazy.next().await, Ok(Step::Notification(_))));
    assert!(matches!(lazy.next().await, Ok(Step::Notification(_))));
    assert_eq!(reply(&mut lazy).await, Err(Failure::Cancelled));
    assert!(conversation.router.is_open());
}

#[tokio::test(start_paused = true)]
async fn what_waits_is_bounded_in_bytes_too() {
    let mut limits = Limits::standard();
    limits.message_bytes_max = 64 << 10;
    let (conversation, mut server) = talk(&limits);
    let mut exchange = call(&conversation).await;
    server.hear().await;
    let large = format!(
        r#"{{"jsonrpc":"2.0","method":"notifications/message","params":{{"level":"info","data":"{}"}}}}"#,
        "x".repeat(30 << 10)
    );
    let mut told = 0;
    let talking = async {
        loop {
            server.say(&large).await;
            told += 1;
        }
    };
    // Nobody reads: the server is stopped after what fits into the mailbox, the reader and the pipe.
    assert!(timeout(UNREAD_MAX / 2, talking).await.is_err());
    assert!((2..=4).contains(&told), "{told}");
    assert!(matches!(exchange.next().await, Ok(Step::Notification(_))));
}

#[tokio::test(start_paused = true)]
async fn an_inbox_that_nobody_reads_is_waited_for_once() {
    let (conversation, mut server) = talk(&Limits::standard());
    let (sender, mut heard) = mpsc::channel(1);
    conversation.attach(Some(sender));
    let begun = Instant::now();
    let changed = r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#;
    for _ in 0..5 {
        server.say(changed).await;
    }
    // What asks is refused, because it waits.
    server.say(NOTE).await;
    assert!(server.hear().await.contains("-32601"));
    assert_eq!(begun.elapsed(), UNREAD_MAX);
    let mut exchange = call(&conversation).await;
    server.hear().await;
    server.answer(1, "1").await;
    assert_eq!(reply(&mut exchange).await, Ok("1".to_owned()));
    assert_eq!(begun.elapsed(), UNREAD_MAX);
    assert!(matches!(heard.recv().await, Some(Unrelated::Notification(_))));
    server.say(NOTE).await;
    let asked = heard.recv().await;
    assert!(matches!(asked, Some(Unrelated::Request(ServerRequest { .. }))));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_can_be_put_off() {
    let (conversation, mut server) = talk(&Limits::standard());
    let mut exchange = call(&conversation).await;
    server.hear().await;
    exchange.set_deadline(Instant::now().checked_add(Duration::from_secs(1)));
    server.say(NOTE).await;
    assert!(matches!(exchange.next().await, Ok(Step::Request(_))));
    exchange.set_deadline(Instant::now().checked_add(Duration::from_secs(600)));
    let answering = async {
        tokio::time::sleep(Duration::from_secs(300)).await;
        server.answer(1, "1").await;
    };
    let (answer, ()) = tokio::join!(reply(&mut exchange), answering);
    assert_eq!(answer, Ok("1".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_stream_is_the_end_of_all_but_what_came_before() {
    let (conversation, mut server) = talk(&Limits::standard());
    let (mut answered, mut left) = (call(&conversation).await, call(&conversation).await);
    server.hear().await;
    server.hear().await;
    server.answer(1, "1").await;
    drop(server);
    assert_eq!(reply(&mut left).await, Err(Failure::ServerEnded));
    assert_eq!(reply(&mut answered).await, Ok("1".to_owned()));
    assert!(!conversation.router.is_open());
}

#[tokio::test(start_paused = true)]
async fn pings_without_end_do_not_pile_up() {
    let (conversation, mut server) = talk(&Limits::standard());
    for id in 0..2000 {
        server.say(&format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#)).await;
    }
    // It reads nothing, so its pipe and our queue are full, and the rest was dropped.
    assert!(conversation.router.strays() > 1000);
    assert!(server.hear().await.contains(r#""result":{}"#));
}

#[tokio::test(start_paused = true)]
async fn what_belongs_to_no_request_is_masked() {
    let (conversation, mut server) = talk(&Limits::standard());
    let (sender, mut inbox) = mpsc::channel(4);
    conversation.attach(Some(sender));
    server.say(r#"{"jsonrpc":"2.0","method":"x/note","params":{"a":"tst_key"}}"#).await;
    server.say(r#"{"jsonrpc":"2.0","id":5,"method":"x/ask","params":{"b":"tst_key"}}"#).await;
    let Some(Unrelated::Notification(note)) = inbox.recv().await else { panic!("no note") };
    assert_eq!(note, r#"{"jsonrpc":"2.0","method":"x/note","params":{"a":"[masked]"}}"#);
    let Some(Unrelated::Request(asked)) = inbox.recv().await else { panic!("no question") };
    assert_eq!(asked.params.as_deref(), Some(r#"{"b":"[masked]"}"#));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_masked_is_heard_by_nobody_but_answered() {
    let (conversation, mut server) = talk(&Limits::standard());
    let (sender, mut inbox) = mpsc::channel(4);
    conversation.attach(Some(sender));
    server.say(r#"{"jsonrpc":"2.0","method":"x/note","params":{"a":90210}}"#).await;
    server.say(r#"{"jsonrpc":"2.0","id":5,"method":"x/ask","params":{"a":90210}}"#).await;
    assert!(server.hear().await.contains("-32601"));
    server.say(r#"{"jsonrpc":"2.0","method":"x/note","params":{"a":1}}"#).await;
    let Some(Unrelated::Notification(note)) = inbox.recv().await else { panic!("no note") };
    assert!(note.contains(r#"{"a":1}"#), "{note}");
}

#[tokio::test(start_paused = true)]
async fn what_a_server_says_of_itself_is_masked() {
    let (conversation, mut server) = talk(&Limits::standard());
    let deadline = Instant::now() + Duration::from_secs(5);
    let asking = conversation.ask("initialize", None, deadline);
    let (reply, ()) = tokio::join!(asking, async {
        server.hear().await;
        server.answer(1, r#"{"instructions":"my key is tst_key"}"#).await;
    });
    assert_eq!(
        reply.unwrap(),
        Reply::Result(r#"{"instructions":"my key is [masked]"}"#.to_owned())
    );
}
