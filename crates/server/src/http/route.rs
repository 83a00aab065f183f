//! From a request to what it means for which session.

use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use http::header::{ORIGIN, UPGRADE};
use http::{Method, Request, StatusCode};
use http_body::Body;
use hyper::ext::Protocol;
use songi_engineio::{Query, RequestError, Route, Transport, request};

use super::refused::{ConnectionError, RefusalCause};
use super::reply::Reply;
use super::{Answer, ClientFiles, Peer, answer, cors, polling, upgrade};
use crate::connection::Connection;
use crate::handshake::Handshake;
use crate::server::Shared;

/// How a request is answered.
pub(super) enum Answering<B> {
    Ready(Answer),
    Get(polling::Get),
    Post(polling::Post<B>),
    /// By what few requests need.
    Other(Pin<Box<dyn Future<Output = Answer> + Send>>),
}

impl<B> Answering<B>
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    /// For a request to the server's path. `peer` is added to its extensions where somebody may
    /// look for it.
    pub(super) fn of(shared: &Arc<Shared>, mut request: Request<B>, peer: Option<Peer>) -> Self {
        let Some(cors) = &shared.config.cors else {
            return Self::without_cors(shared, request, peer);
        };
        introduce(&mut request, peer);
        let headers = cors.headers(&request);
        let answering = if request.method() == Method::OPTIONS {
            Self::Ready(cors.preflight(&request))
        } else {
            Self::without_cors(shared, request, None)
        };
        Self::Other(Box::pin(async move {
            let mut answer = answering.finish().await;
            cors::add(&mut answer, headers);
            answer
        }))
    }

    /// The answer, once it is there.
    pub(super) async fn finish(self) -> Answer {
        match self {
            Self::Ready(answer) => answer,
            Self::Get(mut get) => get.answer().await,
            Self::Post(post) => post.answer().await,
            Self::Other(other) => other.await,
        }
    }

    fn without_cors(shared: &Arc<Shared>, request: Request<B>, peer: Option<Peer>) -> Self {
        let (parts, body) = request.into_parts();
        let mut request = Request::from_parts(parts, ());
        if let Some(name) = client_file(shared, &request) {
            return Self::Other(Box::pin(send_file(shared.clone(), name, request)));
        }
        let query = Query::parse(request.uri().query().unwrap_or_default());
        let found = route(shared, &query, &request);
        let is_polling = matches!(found, Ok((Route::Poll(_) | Route::Post(_), Some(_))));
        if !is_polling || shared.hooks.want_requests() {
            introduce(&mut request, peer);
        }
        let error = match found {
            Ok((Route::Open(transport, _), _)) => {
                let open = open(shared.clone(), transport, query, request);
                return Self::Other(Box::pin(open));
            }
            Ok((Route::Poll(_), Some(connection))) => {
                let reply = Reply::new(shared, query, request);
                return Self::Get(polling::Get::new(connection, reply));
            }
            Ok((Route::Post(_), Some(connection))) => {
                return Self::Post(polling::Post::new(connection, query, request, body));
            }
            Ok((Route::Upgrade(_), Some(connection))) => {
                return Self::Ready(upgrade::upgrade(connection, request));
            }
            Ok(_) => RequestError::BadRequest,
            Err(error) => error,
        };
        let cause = RefusalCause::of(&error, &query, &request);
        Self::Ready(refuse(shared, &error, &cause, &request))
    }
}

fn introduce<B>(request: &mut Request<B>, peer: Option<Peer>) {
    if let Some(peer) = peer {
        request.extensions_mut().insert(peer);
    }
}

/// The file that a request is for, if the server has such files.
fn client_file(shared: &Shared, request: &Request<()>) -> Option<&'static str> {
    shared.client_files.as_ref()?;
    let below = shared.config.below_path(request.uri().path())?;
    ClientFiles::find(below, request.method())
}

async fn send_file(shared: Arc<Shared>, name: &'static str, request: Request<()>) -> Answer {
    let compress = shared.config.http_compression.is_some();
    match &shared.client_files {
        Some(files) => files.answer(name, &request, compress).await,
        None => answer::empty(StatusCode::NOT_FOUND),
    }
}

/// Opens a session, if the application agrees.
async fn open(
    shared: Arc<Shared>,
    transport: Transport,
    query: Query,
    request: Request<()>,
) -> Answer {
    let handshake = Handshake::new(&request);
    let hooks = shared.hooks.table();
    if let Err(error) = hooks.allow(&handshake).await {
        let cause = RefusalCause::of(&error, &query, &request);
        return refuse(&shared, &error, &cause, &request);
    }
    let bad_id = |request| {
        refuse(
            &shared,
            &RequestError::BadRequest,
            &RefusalCause::Id,
            request,
        )
    };
    let Some(sid) = hooks.id(&handshake).await else {
        return bad_id(&request);
    };
    if shared.connection(&sid).is_some() {
        return bad_id(&request);
    }
    if shared.closing.is_cancelled() {
        return answer::empty(StatusCode::SERVICE_UNAVAILABLE);
    }

    shared.start();
    let dialect = query.dialect().unwrap_or_default();
    if transport == Transport::WebSocket {
        return upgrade::open(shared, sid, handshake, dialect, request);
    }
    let Some(connection) = Connection::polling(&shared, sid.clone(), handshake, dialect) else {
        return bad_id(&request);
    };
    let reply = Reply::new(&shared, query, request).first_of(&shared, &sid);
    polling::Get::new(connection, reply).answer().await
}

/// Refuses a request, and tells the application.
pub(super) fn refuse(
    shared: &Shared,
    error: &RequestError,
    cause: &RefusalCause,
    request: &Request<()>,
) -> Answer {
    report(shared, error, cause, request);
    answer::refusal(error, asks_for_websocket(request), request.version())
}

/// Tells the application of a request that is refused.
pub(super) fn report(
    shared: &Shared,
    error: &RequestError,
    cause: &RefusalCause,
    request: &Request<()>,
) {
    shared.counters.refused(error.code());
    shared.hooks.table().report(&ConnectionError {
        code: error.code(),
        message: error.message(),
        cause,
        request,
    });
}

/// Whether a request is to open a WebSocket: by an upgrade, or over HTTP/2 by an extended CONNECT
/// (RFC 8441).
pub(super) fn asks_for_websocket<B>(request: &Request<B>) -> bool {
    request.headers().contains_key(UPGRADE) || is_extended_connect(request)
}

pub(super) fn is_extended_connect<B>(request: &Request<B>) -> bool {
    request.method() == Method::CONNECT && request.extensions().get::<Protocol>().is_some()
}

/// The route of a request, and its session unless it opens one.
fn route(
    shared: &Shared,
    query: &Query,
    request: &Request<()>,
) -> Result<(Route, Option<Arc<Connection>>), RequestError> {
    let request = request::Request {
        method: match *request.method() {
            Method::GET => request::Method::Get,
            Method::CONNECT if is_extended_connect(request) => request::Method::Get,
            Method::POST => request::Method::Post,
            _ => request::Method::Other,
        },
        query,
        upgrade: asks_for_websocket(request),
        origin: request
            .headers()
            .get(ORIGIN)
            .map(|origin| origin.as_bytes()),
    };
    let mut connection = None;
    let route = request::route(request, &shared.engine, |sid: &str| {
        connection = shared.connection(sid);
        connection.as_ref()?.carrier()
    })?;
    Ok((route, connection))
}
