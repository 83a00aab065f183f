//! Who is at the other end of an HTTP connection.

use std::net::SocketAddr;

/// Who is at the other end of an HTTP connection: an extension of its requests
/// ([`http::Request::extensions`]). [`Server::listen`](crate::Server::listen) adds it by itself;
/// a web server in which the server is mounted may, and then
/// [`Handshake::address`](crate::Handshake::address) knows.
///
/// ```
/// use songi_server::{Server, http::Peer};
///
/// # fn serve(io: &Server, mut request: http::Request<()>, address: std::net::SocketAddr) {
/// request.extensions_mut().insert(Peer { address, secure: false });
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// The address from which the connection came.
    pub address: SocketAddr,
    /// Whether it is encrypted with TLS.
    pub secure: bool,
}
