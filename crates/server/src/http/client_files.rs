//! The JavaScript client, served to browsers.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use parking_lot::Mutex;

use super::compress::Encoding;
use super::{Answer, answer};

/// The files of `socket.io-client/dist` that browsers ask for, and no others.
const FILES: [&str; 8] = [
    "socket.io.js",
    "socket.io.js.map",
    "socket.io.min.js",
    "socket.io.min.js.map",
    "socket.io.esm.min.js",
    "socket.io.esm.min.js.map",
    "socket.io.msgpack.min.js",
    "socket.io.msgpack.min.js.map",
];

/// A file's name and encoding.
type Key = (&'static str, Option<Encoding>);

/// The folder with the client's bundles, and what was read of it.
pub(crate) struct ClientFiles {
    folder: PathBuf,
    /// At most one version of each file in each encoding.
    read: Mutex<HashMap<Key, Arc<File>>>,
}

/// A file as it is sent.
struct File {
    etag: HeaderValue,
    body: Bytes,
}

impl ClientFiles {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            read: Mutex::default(),
        }
    }

    /// The file that a request is for. `path` is what follows the server's own path.
    pub(super) fn find(path: &str, method: &Method) -> Option<&'static str> {
        let name = FILES.iter().find(|name| **name == path)?;
        matches!(*method, Method::GET | Method::HEAD).then_some(name)
    }

    /// Answers a request for a file that was [found](Self::find).
    pub(super) async fn answer<B>(
        &self,
        name: &'static str,
        request: &Request<B>,
        compress: bool,
    ) -> Answer {
        let encoding = Encoding::accepted(request.headers()).filter(|_| compress);
        let file = match self.file(name, encoding).await {
            Ok(file) => file,
            Err(error) => {
                tracing::debug!(%error, name, "client bundle");
                return answer::empty(StatusCode::NOT_FOUND);
            }
        };
        let mut answer = if is_known(request.headers(), &file.etag) {
            answer::empty(StatusCode::NOT_MODIFIED)
        } else {
            file.answer(name, encoding, request.method() == Method::HEAD)
        };
        let headers = answer.headers_mut();
        headers.insert(ETAG, file.etag.clone());
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=0"));
        if compress {
            headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        }
        answer
    }

    /// The file as it is now. It is read and compressed when it has changed.
    async fn file(&self, name: &'static str, encoding: Option<Encoding>) -> io::Result<Arc<File>> {
        let path = self.folder.join(name);
        let known = self.read.lock().get(&(name, encoding)).cloned();
        let task = tokio::task::spawn_blocking(move || -> io::Result<Arc<File>> {
            let etag = etag(&path, encoding)?;
            if let Some(file) = known.filter(|file| file.etag == etag) {
                return Ok(file);
            }
            let body = std::fs::read(&path)?;
            let body = match encoding {
                Some(encoding) => encoding.encode(&body)?,
                None => body,
            };
            let body = Bytes::from(body);
            Ok(Arc::new(File { etag, body }))
        });
        let file = task.await??;
        self.read.lock().insert((name, encoding), file.clone());
        Ok(file)
    }
}

impl File {
    fn answer(&self, name: &str, encoding: Option<Encoding>, head: bool) -> Answer {
        let mut answer = answer::empty(StatusCode::OK);
        let headers = answer.headers_mut();
        let content_type = if name.ends_with(".map") {
            "application/json; charset=utf-8"
        } else {
            "application/javascript; charset=utf-8"
        };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        if let Some(encoding) = encoding {
            headers.insert(CONTENT_ENCODING, encoding.header());
        }
        headers.insert(CONTENT_LENGTH, self.body.len().into());
        if !head {
            *answer.body_mut() = self.body.clone().into();
        }
        answer
    }
}

/// A tag that changes with the file, and differs between encodings (RFC 9110 §8.8.3.3).
fn etag(path: &Path, encoding: Option<Encoding>) -> io::Result<HeaderValue> {
    let metadata = std::fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(io::ErrorKind::NotFound.into());
    }
    let modified = metadata.modified()?.duration_since(UNIX_EPOCH);
    let modified = modified.unwrap_or_default().as_nanos();
    let encoding = match encoding {
        None => "",
        Some(Encoding::Gzip) => "-gzip",
        Some(Encoding::Deflate) => "-deflate",
    };
    let etag = format!("\"{:x}-{modified:x}{encoding}\"", metadata.len());
    HeaderValue::try_from(etag).map_err(io::Error::other)
}

/// Whether the browser has this version already (RFC 9110 §13.1.2).
fn is_known(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    headers.get_all(IF_NONE_MATCH).iter().any(|field| {
        field.as_bytes().split(|&byte| byte == b',').any(|tag| {
            let tag = tag.trim_ascii();
            tag == b"*" || tag.strip_prefix(b"W/").unwrap_or(tag) == etag.as_bytes()
        })
    })
}
