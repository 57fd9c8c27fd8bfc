//! `lanyard audit export`: records in a form for others, written while they are read.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use lanyard_admin::SearchQuery;
use lanyard_core::Clock as _;
use lanyard_store::audit;
use lanyard_store::audit::forms::{Exporter, Form};

use super::super::Operating;
use super::Wanted;
use crate::clock::SystemClock;
use crate::failure::Failure;
use crate::output;

/// How often progress is told.
const PROGRESS: Duration = Duration::from_millis(200);

/// What is exported, how, and where to.
#[derive(Debug)]
pub(super) struct Export {
    pub(super) wanted: Wanted,
    pub(super) format: String,
    pub(super) out: Option<PathBuf>,
    pub(super) dir: Option<PathBuf>,
}

impl Export {
    pub(super) async fn run(self, operating: &Operating<'_>) -> Result<(), Failure> {
        let form = Form::parse(&self.format)
            .ok_or_else(|| Failure::usage("--format is jsonl, csv or ocsf"))?;
        let mut sink = Sink::open(form, self.out.as_deref())?;
        match &self.dir {
            Some(dir) => {
                let tenant = operating.tenant.clone();
                let query = SearchQuery { tenant, ..SearchQuery::from(self.wanted) };
                let filter = query.filter(SystemClock.now()).map_err(Failure::usage)?;
                audit::export(dir, &filter, &mut sink)
                    .map_err(|error| Failure::other(lanyard_core::chain(&error)))?;
            }
            None => {
                let query = match self.wanted.query(operating) {
                    query if query.is_empty() => "?export=true".to_owned(),
                    query => format!("{query}&export=true"),
                };
                let path = format!("/v1/audit/records{query}");
                let mut take = |bytes: &[u8]| sink.write_all(bytes);
                operating.client()?.download(&path, &mut take).await?;
            }
        }
        Ok(sink.finish()?)
    }
}

/// Where records go: converted, then to standard output, or to a file that appears when it is
/// whole.
struct Sink {
    exporter: Exporter,
    out: Box<dyn Write + Send>,
    file: Option<(PathBuf, PathBuf)>,
    bytes: u64,
    /// When progress was told last; `None` where nobody looks.
    told: Option<Instant>,
}

impl Sink {
    fn open(form: Form, path: Option<&Path>) -> Result<Self, Failure> {
        let (out, file): (Box<dyn Write + Send>, _) = match path {
            None => (Box::new(BufWriter::new(io::stdout())), None),
            Some(path) => {
                let (file, partial) = create_beside(path).map_err(|error| {
                    Failure::usage(format!("--out {}: {error}", path.display()))
                })?;
                (Box::new(BufWriter::new(file)), Some((partial, path.to_owned())))
            }
        };
        // Where the records themselves go to the terminal, a count between them would be in the way.
        let looks = io::stderr().is_terminal() && (path.is_some() || !io::stdout().is_terminal());
        let told = looks.then(Instant::now);
        Ok(Self { exporter: Exporter::new(form), out, file, bytes: 0, told })
    }

    fn tell(&mut self, now: Instant) {
        self.told = Some(now);
        output::progress(&format!("{} records, {} MB", self.exporter.records(), self.bytes >> 20));
    }

    fn finish(mut self) -> io::Result<()> {
        let exporter = std::mem::replace(&mut self.exporter, Exporter::new(Form::Jsonl));
        let records = exporter.records();
        exporter.finish(&mut self.out)?;
        self.out.flush()?;
        if let Some((partial, path)) = self.file.take() {
            File::open(&partial)?.sync_all()?;
            std::fs::rename(&partial, &path)?;
            output::progress("");
            output::notice(&format!("{records} records are in {}", path.display()));
        } else if self.told.is_some() {
            output::progress("");
        }
        Ok(())
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.exporter.take(bytes, &mut self.out)?;
        self.bytes = self.bytes.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        if let Some(told) = self.told {
            let now = Instant::now();
            if now.saturating_duration_since(told) >= PROGRESS {
                self.tell(now);
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// An export that broke off leaves no part behind that somebody takes for the whole.
impl Drop for Sink {
    fn drop(&mut self) {
        if let Some((partial, _)) = &self.file {
            drop(std::fs::remove_file(partial));
        }
    }
}

fn create_beside(path: &Path) -> io::Result<(File, PathBuf)> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let mut partial = std::ffi::OsString::from(".");
    partial.push(name);
    partial.push(format!(".{}.part", std::process::id()));
    let partial = path.with_file_name(partial);
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial)?;
    Ok((file, partial))
}
