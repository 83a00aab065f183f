//! The chat page, embedded in the binary, and the JavaScript client that it uses.

use std::env;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use axum::Router;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use songi::server::Bytes;

const HTML: &str = include_str!("page/index.html");
const STYLE: &str = include_str!("page/chat.css");
const SCRIPT: &str = include_str!("page/chat.js");

/// Where the page finds the client when it is served from here.
const LOCAL_CLIENT: &str = "/socket.io.min.js";
/// Where it finds it otherwise.
const CDN_CLIENT: &str = "https://cdn.socket.io/4.8.1/socket.io.min.js";

/// Nothing but our own files and the client runs on the page, whatever a message contains.
const POLICY: &str = "default-src 'none'; script-src 'self' https://cdn.socket.io; style-src 'self'; \
    connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Where the npm package has the client, below a folder.
const IN_PACKAGE: &str = "node_modules/socket.io-client/dist/socket.io.min.js";

/// The official JavaScript client.
#[derive(Debug, Clone)]
pub(crate) enum ClientScript {
    /// From the npm package, served from here.
    Npm { file: PathBuf, script: Bytes },
    /// From the official CDN.
    Cdn,
}

impl ClientScript {
    /// The client of an installed npm package, in the working directory, above it, or in the
    /// folder of Songi's own tests; otherwise the CDN's.
    pub(crate) fn find() -> Self {
        env::current_dir().map_or(Self::Cdn, |folder| Self::find_from(&folder))
    }

    fn find_from(folder: &Path) -> Self {
        let files = folder.ancestors().flat_map(|folder| {
            [
                folder.join(IN_PACKAGE),
                folder.join("crates/interop/js").join(IN_PACKAGE),
            ]
        });
        files
            .into_iter()
            .find_map(|file| {
                let script = fs::read(&file).ok()?.into();
                Some(Self::Npm { file, script })
            })
            .unwrap_or(Self::Cdn)
    }

    fn url(&self) -> &'static str {
        match self {
            Self::Npm { .. } => LOCAL_CLIENT,
            Self::Cdn => CDN_CLIENT,
        }
    }
}

impl fmt::Display for ClientScript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Npm { file, .. } => file.display().fmt(f),
            Self::Cdn => f.write_str(CDN_CLIENT),
        }
    }
}

/// The page and its files.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    html: Bytes,
    client: ClientScript,
}

impl Page {
    /// The page of a Socket.IO server with this path, which needs no escaping in HTML.
    pub(crate) fn new(path: &str, client: ClientScript) -> Self {
        let html = HTML
            .replace("{{path}}", path)
            .replace("{{client}}", client.url());
        Self {
            html: html.into(),
            client,
        }
    }

    pub(crate) fn router(self) -> Router {
        let Self { html, client } = self;
        let router = Router::new()
            .route("/", serve("text/html; charset=utf-8", html))
            .route("/chat.css", serve("text/css; charset=utf-8", STYLE.into()))
            .route("/chat.js", serve(JAVASCRIPT, SCRIPT.into()));
        match client {
            ClientScript::Npm { script, .. } => {
                router.route(LOCAL_CLIENT, serve(JAVASCRIPT, script))
            }
            ClientScript::Cdn => router,
        }
    }
}

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

fn serve(content_type: &'static str, body: Bytes) -> axum::routing::MethodRouter {
    get(async move || file(content_type, body.clone()))
}

fn file(content_type: &'static str, body: Bytes) -> Response {
    const fn value(text: &'static str) -> HeaderValue {
        HeaderValue::from_static(text)
    }
    let headers: [(HeaderName, HeaderValue); 5] = [
        (CONTENT_TYPE, value(content_type)),
        // The files change with the binary.
        (CACHE_CONTROL, value("no-cache")),
        (CONTENT_SECURITY_POLICY, value(POLICY)),
        (REFERRER_POLICY, value("no-referrer")),
        (X_CONTENT_TYPE_OPTIONS, value("nosniff")),
    ];
    (headers, body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(path: &str, client: ClientScript) -> String {
        String::from_utf8(Page::new(path, client).html.to_vec()).unwrap()
    }

    #[test]
    fn the_page_knows_the_path_and_where_the_client_is() {
        let page = html("/io/", ClientScript::Cdn);
        assert!(page.contains("data-path=\"/io/\""));
        assert!(page.contains(CDN_CLIENT));
        assert!(!page.contains("{{"));

        let script = Bytes::from_static(b"/* client */");
        let file = PathBuf::from("client.js");
        let page = html("/io/", ClientScript::Npm { file, script });
        assert!(page.contains(&format!("src=\"{LOCAL_CLIENT}\"")));
        assert!(!page.contains(CDN_CLIENT));
    }

    #[test]
    fn no_script_of_the_page_makes_html_of_text() {
        for sink in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
        ] {
            assert!(!SCRIPT.contains(sink), "{sink}");
        }
    }

    #[test]
    fn the_client_is_found_in_folders_above() {
        let folder = env::temp_dir().join(format!("songi-page-{}", std::process::id()));
        let package = folder.join(IN_PACKAGE);
        fs::create_dir_all(package.parent().unwrap()).unwrap();
        fs::write(&package, "/* client */").unwrap();
        let deep = folder.join("a/b");
        fs::create_dir_all(&deep).unwrap();

        let found = ClientScript::find_from(&deep);
        fs::remove_dir_all(&folder).unwrap();
        let ClientScript::Npm { file, script } = found else {
            panic!("not found");
        };
        assert_eq!(file, package);
        assert_eq!(script, "/* client */");
    }
}
