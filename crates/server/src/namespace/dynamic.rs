//! Namespaces that are made when a client asks for them.

use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use faststr::FastStr;
use parking_lot::RwLock;
use serde::de::DeserializeOwned;

use songi_socketio::handler::{Async, BoxFuture, EventContext, FromEvent, Plain};
use songi_socketio::{ArgumentError, RawJson};

use super::{Namespace, NamespaceInner};
use crate::config::Config;
use crate::server::Shared;
use crate::socket::Socket;

/// What a namespace has to do with dynamic ones.
pub(super) enum Family {
    /// Nothing: it was made by the application.
    None,
    /// It is the parent of those that a matcher lets clients make.
    Parent(RwLock<HashMap<FastStr, Namespace>>),
    /// It was made for a client. So many are in it, or about to be.
    Child {
        parent: Weak<NamespaceInner>,
        occupants: AtomicUsize,
    },
}

impl Family {
    pub(super) fn children(&self) -> Option<&RwLock<HashMap<FastStr, Namespace>>> {
        match self {
            Self::Parent(children) => Some(children),
            _ => None,
        }
    }
}

impl Namespace {
    /// A namespace that nobody can join: what is registered with it and sent to it goes to its
    /// children.
    pub(crate) fn parent(name: FastStr, server: &Weak<Shared>) -> Self {
        let family = Family::Parent(RwLock::default());
        // It has no sockets of its own to tell others of.
        Self::with_family(name, server, &Config::default(), family)
    }

    /// Makes a child, which begins with the handlers of its parent. The caller sees to it that
    /// there is none of this name.
    pub(crate) fn make_child(&self, name: &FastStr, config: &Config) -> Self {
        let family = Family::Child {
            parent: Arc::downgrade(&self.0),
            occupants: AtomicUsize::new(0),
        };
        let child = Self::with_family(name.clone(), &self.0.server, config, family);
        if let Some(children) = self.0.family.children() {
            // From here on it gets what is registered with the parent.
            let mut children = children.write();
            child.0.inherit(&self.0);
            children.insert(name.clone(), child.clone());
        }
        child
    }

    /// The children, where this is the parent of dynamic namespaces.
    pub(crate) fn children(&self) -> Option<Vec<Self>> {
        let children = self.0.family.children()?;
        Some(children.read().values().cloned().collect())
    }

    /// Whether it was made for a client.
    pub(crate) fn is_dynamic(&self) -> bool {
        matches!(self.0.family, Family::Child { .. })
    }

    /// Somebody is about to join: it is not cleaned up before [`exit`](Self::exit).
    pub(crate) fn enter(&self) {
        if let Family::Child { occupants, .. } = &self.0.family {
            occupants.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// Somebody has left, or was not let in.
    pub(crate) fn exit(&self) {
        let Family::Child { occupants, .. } = &self.0.family else {
            return;
        };
        if occupants.fetch_sub(1, Ordering::AcqRel) == 1
            && let Some(server) = self.server()
        {
            server.clean_up(self);
        }
    }

    pub(crate) fn is_deserted(&self) -> bool {
        match &self.0.family {
            Family::Child { occupants, .. } => occupants.load(Ordering::Acquire) == 0,
            _ => false,
        }
    }

    /// Takes it off its parent.
    pub(crate) fn disown(&self) {
        let Family::Child { parent, .. } = &self.0.family else {
            return;
        };
        let parent = parent.upgrade();
        let children = parent.as_ref().and_then(|parent| parent.family.children());
        if let Some(children) = children {
            children.write().remove(self.name());
        }
    }
}

/// Keeps a dynamic namespace from being cleaned up as long as it lives.
#[derive(Debug)]
pub(crate) struct Stay(Weak<NamespaceInner>);

impl Stay {
    pub(crate) fn new(namespace: &Namespace) -> Self {
        namespace.enter();
        Self(Arc::downgrade(&namespace.0))
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        if let Some(namespace) = self.0.upgrade() {
            Namespace::from_inner(namespace).exit();
        }
    }
}

impl NamespaceInner {
    fn inherit(&self, parent: &Self) {
        self.handlers.store(parent.handlers.load_full());
        let concurrency = parent.concurrency();
        self.concurrency.store(concurrency, Ordering::Relaxed);
        self.watched.store(parent.is_watched(), Ordering::Relaxed);
    }
}

/// What a client says to authenticate when it joins a namespace. As a parameter of a handler or a
/// middleware it takes no argument.
#[derive(Debug, Clone, Default)]
pub struct Auth(FastStr);

impl Auth {
    pub(crate) fn new(payload: Option<&RawJson>) -> Self {
        // A copy, or it would keep the whole message that it came in.
        Self(FastStr::new(payload.map_or("", RawJson::as_str)))
    }

    /// The payload as any type that fits. A client that says nothing says `{}`.
    ///
    /// # Errors
    ///
    /// When it does not fit.
    pub fn deserialize<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.as_json())
    }

    /// The payload, as JSON.
    pub fn as_json(&self) -> &str {
        if self.0.is_empty() { "{}" } else { &self.0 }
    }
}

impl FromEvent<Socket> for Auth {
    fn from_event(event: &mut EventContext<'_, Socket>) -> Result<Self, ArgumentError> {
        Ok(Self(event.socket().handshake().auth_text().clone()))
    }
}

/// What is known of a match.
pub(crate) enum Matched {
    Now(bool),
    Later(BoxFuture<bool>),
}

/// What a [`NamespaceMatcher`] may return: a `bool`, or a future of one. `M` is inferred.
#[diagnostic::on_unimplemented(
    message = "a namespace matcher cannot return `{Self}`",
    note = "return a `bool`, or a `Send + 'static` future of one"
)]
pub trait Match<M> {
    /// `Ok` when it is known, and else the future that will tell.
    #[doc(hidden)]
    fn matched(self) -> Result<bool, BoxFuture<bool>>;
}

impl Match<Plain> for bool {
    fn matched(self) -> Result<bool, BoxFuture<bool>> {
        Ok(self)
    }
}

impl<F: Future<Output = bool> + Send + 'static> Match<Async<bool>> for F {
    fn matched(self) -> Result<bool, BoxFuture<bool>> {
        Err(Box::pin(self))
    }
}

/// Says whether a namespace is to be made: a closure that is given the name, and what the client
/// says to authenticate. See [`Server::of_match`](crate::Server::of_match).
#[diagnostic::on_unimplemented(
    message = "this closure cannot match namespaces",
    note = "it must be `|name: &str, auth: &Auth| …` and return a `bool`, or a `Send + 'static` future of one, which borrows neither"
)]
pub trait NamespaceMatcher<M>: Send + Sync + 'static {
    #[doc(hidden)]
    fn matches(&self, name: &str, auth: &Auth) -> Result<bool, BoxFuture<bool>>;
}

impl<F, R, M> NamespaceMatcher<(R, M)> for F
where
    F: Fn(&str, &Auth) -> R + Send + Sync + 'static,
    R: Match<M>,
{
    fn matches(&self, name: &str, auth: &Auth) -> Result<bool, BoxFuture<bool>> {
        self(name, auth).matched()
    }
}

/// A matcher with its types erased.
pub(crate) type MatcherFn = Arc<dyn Fn(&str, &Auth) -> Matched + Send + Sync>;

pub(crate) fn matcher_fn<M>(matcher: impl NamespaceMatcher<M>) -> MatcherFn {
    Arc::new(move |name, auth| match matcher.matches(name, auth) {
        Ok(matched) => Matched::Now(matched),
        Err(future) => Matched::Later(future),
    })
}
