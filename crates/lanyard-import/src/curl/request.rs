//! What the options of a line make together: the request that curl would send.

use lanyard_rest::is_token;

use super::Given;
use super::form::{part, plain_part, urlencoded};
use super::options::{Does, Read};
use crate::credential::speaks_of_one;
use crate::sample::body::{FORM, Media, looks_like_json, of_type};
use crate::sample::{Auth, Body, METHODS, Pair, Part, Sample, url};
use crate::shell::advice::WINDOWS;
use crate::shell::{Mark, PasteError, Word, variable};

const FILE: &str = "no file is read: write what it holds into the command";

/// What the options said so far.
#[derive(Default)]
pub(super) struct Request {
    method: Option<(&'static str, Mark)>,
    url: Option<Word>,
    /// Where a second one stands.
    second: Option<Mark>,
    headers: Vec<Pair>,
    /// Names of headers that curl leaves out.
    removed: Vec<String>,
    data: Option<String>,
    data_mark: Option<Mark>,
    json: bool,
    get: bool,
    head: bool,
    query: Vec<String>,
    parts: Vec<Part>,
    auth: Option<Auth>,
    ignored: Vec<&'static str>,
    seconds: Option<String>,
    notes: Vec<String>,
    errors: Vec<PasteError>,
}

impl Request {
    pub(super) fn collect(
        given: Vec<Given>,
        errors: Vec<PasteError>,
        start: Mark,
        base_url: Option<&str>,
        comment: Option<String>,
    ) -> Result<Sample, Vec<PasteError>> {
        let mut request = Self { errors, ..Self::default() };
        for given in given {
            let (mark, name) = (given.mark, given.known.long);
            match given.known.does {
                Does::Nothing | Does::Refused(_) => request.ignored.push(name),
                Does::Read(read) => {
                    if let Err(message) = request.read(read, given) {
                        request.errors.push(PasteError::new(mark, message));
                    }
                }
            }
        }
        let sample = request.sample(start, base_url, comment);
        let mut errors = request.errors;
        match sample {
            Ok(sample) if errors.is_empty() => Ok(sample),
            Ok(_) => Err(sorted(errors)),
            Err(error) => {
                errors.push(error);
                Err(sorted(errors))
            }
        }
    }

    fn read(&mut self, read: Read, given: Given) -> Result<(), String> {
        let text = given.value.text.as_str();
        match read {
            Read::Method => self.method = Some((method(text)?, given.mark)),
            Read::Url => return self.read_url(given.value),
            Read::UrlQuery => self.query.push(url_query(text)?),
            Read::Header => self.header(text)?,
            Read::Data | Read::DataBinary if text.starts_with('@') => return Err(FILE.to_owned()),
            Read::Data | Read::DataRaw | Read::DataBinary => self.data(text, "&", given.mark),
            Read::DataUrlencode => self.data(&urlencoded(text)?, "&", given.mark),
            Read::Json if text.starts_with('@') => return Err(FILE.to_owned()),
            Read::Json => {
                self.json = true;
                self.data(text, "", given.mark);
            }
            Read::Get => self.get = true,
            Read::Head => self.head = true,
            Read::Form => {
                let (part, cut) = part(text)?;
                self.parts.push(part);
                if cut {
                    self.notes.push(
                        "curl ends the content of a part at its first `;`, and so does the import: \
                         write `--form-string` if it belongs to the content"
                            .to_owned(),
                    );
                }
            }
            Read::FormString => self.parts.push(plain_part(text)?),
            Read::User => self.user(text),
            Read::Bearer => self.auth = Some(Auth::Bearer(text.to_owned())),
            Read::Cookie => self.cookie(text)?,
            Read::UserAgent => self.headers.push(Pair::new("User-Agent", text)),
            Read::Referer => self.referer(text),
            Read::MaxTime => self.seconds = Some(text.to_owned()),
        }
        Ok(())
    }

    fn read_url(&mut self, word: Word) -> Result<(), String> {
        if let Some(first) = &self.url {
            // One is enough to say so.
            if self.second.replace(word.mark).is_some() {
                return Ok(());
            }
            return Err(format!(
                "a second URL beside the one at {}: one request is imported at a time; if this \
                 belongs to a header or text, put that into quotes",
                first.mark
            ));
        }
        // No URL holds a caret as it is.
        let is_windows = word.text.contains("^&");
        self.url = Some(word);
        if is_windows { Err(WINDOWS.to_owned()) } else { Ok(()) }
    }

    fn data(&mut self, text: &str, separator: &str, mark: Mark) {
        match &mut self.data {
            Some(data) => {
                data.push_str(separator);
                data.push_str(text);
            }
            None => {
                self.data = Some(text.to_owned());
                self.data_mark = Some(mark);
            }
        }
    }

    fn user(&mut self, text: &str) {
        let mut user = text.to_owned();
        if !user.contains(':') && !variable::has(&user) {
            user.push(':');
            self.notes.push(
                "curl asks for the password of `-u`: the secret must be set to USER:PASSWORD"
                    .to_owned(),
            );
        }
        self.auth = Some(Auth::Basic(user));
    }

    fn cookie(&mut self, text: &str) -> Result<(), String> {
        if text.is_empty() {
            return Ok(());
        }
        if !text.contains('=') && !variable::has(text) {
            return Err(format!("this names a file of cookies, and {FILE} as NAME=VALUE"));
        }
        self.headers.push(Pair::new("Cookie", text));
        Ok(())
    }

    fn referer(&mut self, text: &str) {
        let text = text.strip_suffix(";auto").unwrap_or(text);
        if !text.is_empty() {
            self.headers.push(Pair::new("Referer", text));
        }
    }

    fn header(&mut self, text: &str) -> Result<(), String> {
        if text.starts_with('@') {
            return Err(FILE.to_owned());
        }
        // What browsers copy for HTTP/2.
        if text.starts_with(':') {
            self.notes.push("a header that begins with `:` belongs to HTTP/2, left out".to_owned());
            return Ok(());
        }
        let end = text.find([':', ';']);
        let Some((name, rest)) = end.and_then(|end| text.split_at_checked(end)) else {
            return Err(
                "this is no header: write `-H 'NAME: VALUE'`, all of it in quotes".to_owned()
            );
        };
        let name = name.trim();
        if !is_token(name) {
            return Err(
                "a header has a name of letters, digits and hyphens before its `:`".to_owned()
            );
        }
        let empty = rest == ";";
        let value = rest.strip_prefix(':').unwrap_or_default().trim();
        if value.chars().any(|character| character.is_control() && character != '\t') {
            return Err("a header is one line: remove the line break".to_owned());
        }
        match (rest.starts_with(':'), value.is_empty(), empty) {
            (true, true, _) => self.removed.push(name.to_ascii_lowercase()),
            (true, false, _) | (false, _, true) => self.headers.push(Pair::new(name, value)),
            (false, _, false) => {
                return Err("a header is written `NAME: VALUE`".to_owned());
            }
        }
        Ok(())
    }

    /// The request as curl would send it.
    fn sample(
        &mut self,
        start: Mark,
        base_url: Option<&str>,
        comment: Option<String>,
    ) -> Result<Sample, PasteError> {
        let Some(word) = self.url.take() else {
            let message = "there is no URL: write it after `curl`, in quotes";
            return Err(PasteError::new(start, message));
        };
        let fail = |message: &str| PasteError::new(word.mark, message);
        let read = url::read(&word.text, base_url).map_err(fail)?;
        let mut sample = Sample::new(start.to_string(), self.method()?, read.target);
        // `# my key is ...`
        sample.title = comment.filter(|comment| !speaks_of_one(comment));
        if read.guessed {
            sample.warn("the URL has no scheme: `http://` is taken, as curl does");
        }
        self.say(&mut sample);
        sample.headers = std::mem::take(&mut self.headers);
        sample.auth = self.auth.take().or(read.user.map(Auth::Basic));
        for text in std::mem::take(&mut self.query) {
            sample.query.extend(url::pairs(&text).map_err(fail)?);
        }
        self.body(&mut sample)
            .map_err(|message| PasteError::new(self.data_mark.unwrap_or(start), message))?;
        Ok(sample)
    }

    fn method(&self) -> Result<&'static str, PasteError> {
        let data = self.data.is_some() || !self.parts.is_empty();
        if self.head && data && !self.get {
            let mark = self.data_mark.unwrap_or(Mark::START);
            return Err(PasteError::new(mark, "curl sends no data with `-I`: remove one of them"));
        }
        Ok(match self.method {
            Some((method, _)) => method,
            None if self.head => "HEAD",
            None if data && !self.get => "POST",
            None => "GET",
        })
    }

    /// The notes of the line.
    fn say(&mut self, sample: &mut Sample) {
        if !self.ignored.is_empty() {
            let mut names: Vec<String> =
                self.ignored.iter().map(|name| format!("`--{name}`")).collect();
            names.dedup();
            sample.info(format!("changes no request and is left out: {}", names.join(", ")));
        }
        if self.seconds.is_some() {
            sample.info(
                "`--max-time` is left out: write `timeout` in milliseconds under `server` to have it",
            );
        }
        for note in self.notes.drain(..) {
            sample.warn(note);
        }
    }

    /// Data, parts and what they say of the headers.
    fn body(&mut self, sample: &mut Sample) -> Result<(), String> {
        let parts = std::mem::take(&mut self.parts);
        let data = self.data.take();
        if self.get {
            if !parts.is_empty() {
                return Err("`-G` and `-F` exclude each other: remove one of them".to_owned());
            }
            sample.query.extend(url::pairs(&data.unwrap_or_default())?);
            return Ok(());
        }
        match (data, parts.is_empty()) {
            (Some(_), false) => {
                return Err("`-d` and `-F` exclude each other: remove one of them".to_owned());
            }
            (None, true) => {}
            (None, false) => {
                sample.headers.retain(|header| !header.name.eq_ignore_ascii_case("content-type"));
                sample.body = Body::Multipart(parts);
            }
            (Some(data), true) => self.data_body(&data, sample)?,
        }
        Ok(())
    }

    fn data_body(&self, data: &str, sample: &mut Sample) -> Result<(), String> {
        if self.json {
            for name in ["Content-Type", "Accept"] {
                if sample.header(name).is_none() {
                    sample.headers.push(Pair::new(name, "application/json"));
                }
            }
        }
        if let Some(content_type) = sample.header("content-type") {
            if variable::has(content_type.value()) {
                return Err("the content type is a variable: write it out".to_owned());
            }
            sample.body = of_type(data, Media::of(content_type.value()))?;
            return Ok(());
        }
        if looks_like_json(data) {
            sample.warn(
                "curl sends this JSON as a form, since no `Content-Type` is given; it is imported \
                 as JSON",
            );
            sample.body = of_type(data, Media::Json)?;
            return Ok(());
        }
        if self.removed.iter().any(|name| name == "content-type") {
            sample.body = of_type(data, Media::Other)?;
            return Ok(());
        }
        sample.body = of_type(data, Media::Form)?;
        if matches!(sample.body, Body::Text(_)) {
            sample.headers.push(Pair::new("Content-Type", FORM));
        }
        Ok(())
    }
}

fn sorted(mut errors: Vec<PasteError>) -> Vec<PasteError> {
    errors.sort_by_key(|error| error.mark);
    errors
}

fn method(text: &str) -> Result<&'static str, String> {
    let upper = text.to_ascii_uppercase();
    METHODS.iter().find(|known| **known == upper).copied().ok_or_else(|| {
        format!("this is no method that can be sent: use one of {}", METHODS.join(", "))
    })
}

/// `--url-query`: a `+` before the text keeps it as it is.
fn url_query(text: &str) -> Result<String, &'static str> {
    match text.strip_prefix('+') {
        Some(plain) => Ok(plain.to_owned()),
        None => urlencoded(text),
    }
}
