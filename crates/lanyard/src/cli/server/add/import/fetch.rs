//! A description at a URL. Only the document itself is fetched, with no credential.

use http::Method;
use lanyard_core::{Origin, Scheme};

use crate::agent::client::{DownloadError, Endpoint, download};
use crate::failure::Failure;
use crate::output;

/// The largest description, in bytes. The largest of the corpus has 73 MB: GitHub's, with its
/// references written out.
pub(super) const DOCUMENT_BYTES_MAX: usize = 128 << 20;

/// How often a description may be elsewhere.
const MOVES_MAX: usize = 5;

/// How many bytes come between two words about them.
const PROGRESS_BYTES: usize = 1 << 20;

/// Fetches a document, and gives where it was found in the end.
pub(super) async fn fetch(url: &str) -> Result<(String, String), Failure> {
    let mut url = url.to_owned();
    for _ in 0..=MOVES_MAX {
        match one(&url).await {
            Ok(text) => return Ok((text, url)),
            Err(DownloadError::Moved(location)) => url = moved(&url, &location)?,
            Err(DownloadError::Refused(status, _)) => {
                let place = place(&url);
                return Err(Failure::other(format!("{place} answered HTTP {}", status.as_u16())));
            }
            Err(DownloadError::Client(error)) => {
                return Err(Failure::offline(format!("{}: {error}", place(&url))));
            }
            Err(DownloadError::Sink(error)) => {
                return Err(Failure::other(format!("{}: {error}", place(&url))));
            }
        }
    }
    Err(Failure::other(format!("{} is elsewhere again, after {MOVES_MAX} moves", place(&url))))
}

/// An address as it is shown and kept: some documents are had with a key in the query.
pub(super) fn place(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or(url)
}

async fn one(url: &str) -> Result<String, DownloadError> {
    let accept = "application/json, application/yaml, text/yaml, */*;q=0.5";
    let endpoint = Endpoint::parse(url).and_then(|it| it.with_header("accept", accept));
    let endpoint = endpoint.map_err(DownloadError::Client)?;
    let (mut bytes, mut told) = (Vec::new(), 0_usize);
    let mut sink = |piece: &[u8]| {
        bytes.extend_from_slice(piece);
        if bytes.len() > DOCUMENT_BYTES_MAX {
            let why = format!("it is larger than {DOCUMENT_BYTES_MAX} bytes");
            return Err(std::io::Error::other(why));
        }
        if bytes.len().saturating_sub(told) > PROGRESS_BYTES {
            told = bytes.len();
            output::progress(&format!("{} MB", told.div_ceil(1_000_000)));
        }
        Ok(())
    };
    let done = download(endpoint, (Method::GET, Vec::new()), &mut sink).await;
    output::progress("");
    done?;
    String::from_utf8(bytes)
        .map_err(|_| DownloadError::Sink(std::io::Error::other("it is not UTF-8 text")))
}

/// Where a document is that was sought at `url`.
fn moved(url: &str, location: &str) -> Result<String, Failure> {
    let no = |why: &str| {
        let (from, to) = (place(url), output::plain(place(location)));
        Failure::other(format!("{from} points to {to}: {why}"))
    };
    let (from, _) = Origin::split_url(url).map_err(|error| no(&error.to_string()))?;
    if location.starts_with('/') && !location.starts_with("//") {
        return Ok(format!("{from}{location}"));
    }
    let Ok((to, _)) = Origin::split_url(location) else {
        return Err(no("give the address itself"));
    };
    if from.scheme() == Scheme::Https && to.scheme() == Scheme::Http {
        return Err(no("that is unencrypted; give that address itself if you trust it"));
    }
    Ok(location.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{moved, place};

    #[test]
    fn a_key_in_an_address_is_not_shown() {
        assert_eq!(place("https://a.example/x.json?key=k#y"), "https://a.example/x.json");
        let error = moved("https://a.example/x?key=k", "http://a.example/y?key=k").unwrap_err();
        assert!(!format!("{error:?}").contains("key=k"), "{error:?}");
    }

    #[test]
    fn a_document_moves_to_no_worse_place() {
        let from = "https://a.example/v1/openapi.json";
        assert_eq!(moved(from, "/v2.json").unwrap(), "https://a.example/v2.json");
        assert_eq!(moved(from, "https://b.example/x").unwrap(), "https://b.example/x");
        for bad in ["http://a.example/x", "//b.example/x", "x.json", "file:///etc/passwd"] {
            assert!(moved(from, bad).is_err(), "{bad}");
        }
    }
}
