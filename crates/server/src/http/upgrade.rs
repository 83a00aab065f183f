//! How a request becomes a WebSocket: by an upgrade (RFC 6455), or over HTTP/2 by an extended
//! CONNECT (RFC 8441).

use std::sync::Arc;

use faststr::FastStr;
use http::header::ORIGIN;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::ext::Protocol;
use hyper::upgrade::{OnUpgrade, Upgraded};
use songi_engineio::{Dialect, RequestError};
use songi_websocket::deflate::Agreed;
use songi_websocket::handshake::{self, Origin, Policy, Rejection};

use super::refused::RefusalCause;
use super::reply::write_upgrade;
use super::{Answer, answer, route, websocket};
use crate::connection::Connection;
use crate::handshake::Handshake;
use crate::server::Shared;

/// Opens a session that begins with a WebSocket.
pub(super) fn open(
    shared: Arc<Shared>,
    sid: FastStr,
    handshake: Handshake,
    dialect: Dialect,
    request: Request<()>,
) -> Answer {
    let first = sid.clone();
    let spawner = shared.clone();
    accept(
        &spawner,
        Some(&first),
        request,
        |upgrade, deflate| async move {
            let Some(upgraded) = upgraded(upgrade).await else {
                return;
            };
            let accepted = websocket::accepted(&shared, upgraded, deflate.as_ref());
            let opened = Connection::websocket(&shared, sid, handshake, dialect, accepted);
            // The id may have been taken meanwhile, where the application makes the ids.
            if let Some((connection, id)) = opened {
                websocket::spawn(connection, id);
            }
        },
    )
}

/// Opens a WebSocket for a session that began with long-polling.
pub(super) fn upgrade(connection: Arc<Connection>, request: Request<()>) -> Answer {
    let shared = connection.shared().clone();
    accept(&shared, None, request, |upgrade, deflate| async move {
        let Some(upgraded) = upgraded(upgrade).await else {
            return;
        };
        let accepted = websocket::accepted(connection.shared(), upgraded, deflate.as_ref());
        let id = connection.websocket_opened(accepted);
        websocket::spawn(connection, id);
    })
}

/// Answers the opening handshake, and begins what follows when it was right.
fn accept<F>(
    shared: &Shared,
    first: Option<&str>,
    mut request: Request<()>,
    begin: impl FnOnce(OnUpgrade, Option<Agreed>) -> F,
) -> Answer
where
    F: Future<Output = ()> + Send + 'static,
{
    if !may_open(shared, &request) {
        return forbidden_origin(shared, &request);
    }
    let upgrade = request.extensions_mut().remove::<OnUpgrade>();
    match (judge(&shared.policy, &request), upgrade) {
        (Ok(mut response), Some(upgrade)) => {
            let deflate = response.extensions_mut().remove::<Agreed>();
            shared.tasks.spawn(begin(upgrade, deflate));
            write_upgrade(shared, first, response, &request)
        }
        (Err(rejection), _) => {
            let cause = RefusalCause::WebSocket(rejection.text().to_owned());
            route::report(shared, &RequestError::BadRequest, &cause, &request);
            refused(&rejection, &request)
        }
        // What serves the requests cannot upgrade them.
        (Ok(_), None) => {
            let cause = RefusalCause::WebSocket("the HTTP server cannot upgrade".to_owned());
            route::report(shared, &RequestError::BadRequest, &cause, &request);
            answer::empty(StatusCode::NOT_IMPLEMENTED)
        }
    }
}

/// What every WebSocket of the server is opened by.
pub(crate) fn policy(deflate: Option<&songi_websocket::Deflate>) -> Policy {
    // Which pages may connect is asked before.
    let policy = Policy::default().origin(Origin::Any);
    match deflate {
        Some(deflate) => policy.deflate(deflate),
        None => policy,
    }
}

fn judge(policy: &Policy, request: &Request<()>) -> Result<Response<()>, Rejection> {
    if !route::is_extended_connect(request) {
        return handshake::accept(request, policy);
    }
    let protocol = request.extensions().get::<Protocol>();
    handshake::accept_connect(request, protocol.map(Protocol::as_str), policy)
}

/// Whether the page that asks may open a WebSocket. What is no page may.
fn may_open(shared: &Shared, request: &Request<()>) -> bool {
    let mut origins = request.headers().get_all(ORIGIN).iter();
    origins.all(|origin| shared.config.origins.allow(origin, request))
}

fn forbidden_origin(shared: &Shared, request: &Request<()>) -> Answer {
    let error = RequestError::Forbidden("Forbidden".into());
    let mut answer = route::refuse(shared, &error, &RefusalCause::ForbiddenOrigin, request);
    *answer.status_mut() = StatusCode::FORBIDDEN;
    answer
}

fn refused(rejection: &Rejection, request: &Request<()>) -> Answer {
    let body = rejection.text().to_owned().into_bytes();
    let mut answer = Response::from(rejection).map(|()| Full::from(body));
    if request.version() > http::Version::HTTP_11 {
        answer::end_connection(&mut answer, request.version());
    }
    answer
}

async fn upgraded(upgrade: OnUpgrade) -> Option<Upgraded> {
    upgrade
        .await
        .inspect_err(|error| tracing::debug!(%error, "upgrade"))
        .ok()
}
