//! Which namespaces there are, and how new ones are made.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Weak};

use faststr::FastStr;
use parking_lot::{ReentrantMutex, RwLock};
use songi_socketio::handler::{Contained, Panic, Rejection, contain};

use crate::config::Config;
use crate::namespace::{Auth, Matched, MatcherFn, Namespace, NamespaceMatcher, matcher_fn};
use crate::server::{Server, Shared};

/// All namespaces of a server.
pub(crate) struct Namespaces {
    by_name: RwLock<ByName>,
    parents: RwLock<Arc<Vec<(MatcherFn, Namespace)>>>,
    /// Held while one is made, so that it is made once. What the application does then may make
    /// others.
    making: ReentrantMutex<()>,
    hook: RwLock<Option<Hook>>,
}

type Hook = Arc<dyn Fn(Namespace) + Send + Sync>;

#[derive(Default)]
struct ByName {
    all: HashMap<FastStr, Namespace>,
    /// How many of them were made for clients.
    dynamic: usize,
}

impl Namespaces {
    pub(crate) fn new(main: Namespace) -> Self {
        let all = HashMap::from([(main.name().clone(), main)]);
        Self {
            by_name: RwLock::new(ByName { all, dynamic: 0 }),
            parents: RwLock::default(),
            making: ReentrantMutex::new(()),
            hook: RwLock::default(),
        }
    }

    pub(crate) fn all(&self) -> Vec<Namespace> {
        self.by_name.read().all.values().cloned().collect()
    }

    fn get(&self, name: &FastStr) -> Option<Namespace> {
        self.by_name.read().all.get(name).cloned()
    }

    fn tell(&self, namespace: &Namespace) {
        let hook = self.hook.read().clone();
        if let Some(hook) = hook
            && let Err(panic) = contain(|| hook(namespace.clone()))
        {
            tracing::error!(?namespace, %panic, "the hook for new namespaces panicked");
        }
    }
}

impl Server {
    /// The namespace of this name, which clients can join from now on. A name without a slash
    /// gets one.
    pub fn of(&self, name: &str) -> Namespace {
        let name: FastStr = if name.starts_with('/') {
            FastStr::new(name)
        } else {
            format!("/{name}").into()
        };
        let namespaces = &self.shared.namespaces;
        if let Some(namespace) = namespaces.get(&name) {
            return namespace;
        }
        let _making = namespaces.making.lock();
        if let Some(namespace) = namespaces.get(&name) {
            return namespace;
        }
        let shared = &self.shared;
        let namespace = Namespace::new(name.clone(), &Arc::downgrade(shared), &shared.config);
        namespaces.tell(&namespace);
        self.shared.start_adapter(&namespace);
        let mut by_name = namespaces.by_name.write();
        by_name.all.entry(name).or_insert(namespace).clone()
    }

    /// Lets clients make namespaces: when one asks for a name that the application has not made
    /// itself, `matcher` is asked with the name and with what the client says to authenticate. The
    /// first matcher that says yes lets it in, into a new namespace if there is none yet. (In
    /// JavaScript, only the first client of a namespace is looked at.)
    ///
    /// What this returns is the parent of the namespaces so made. Nobody can join it. Its handlers
    /// and middlewares are theirs, also those that are added later, and what is sent to it is sent
    /// to all of them. How many there can be is [`Config::max_dynamic_namespaces`]; they go when
    /// they are empty, unless [`Config::cleanup_empty_child_namespaces`] is off.
    ///
    /// ```
    /// use serde::Deserialize;
    /// use songi_server::{Auth, Server, Socket};
    ///
    /// #[derive(Deserialize)]
    /// struct Token {
    ///     tenant: String,
    /// }
    ///
    /// let io = Server::new();
    /// let rooms = io.of_match(|name: &str, _: &Auth| {
    ///     name.strip_prefix("/room-").is_some_and(|id| id.parse::<u32>().is_ok())
    /// });
    /// rooms.on("say", |socket: Socket, text: String| socket.broadcast().emit("said", text));
    /// rooms.emit("notice", "to all rooms")?;
    ///
    /// // Async, and with what the client says.
    /// io.of_match(|name: &str, auth: &Auth| {
    ///     let (name, auth) = (name.to_owned(), auth.deserialize::<Token>());
    ///     async move { auth.is_ok_and(|token| name == format!("/tenant/{}", token.tenant)) }
    /// });
    /// # Ok::<(), songi_server::EncodeError>(())
    /// ```
    ///
    /// [`Config::max_dynamic_namespaces`]: crate::Config::max_dynamic_namespaces
    /// [`Config::cleanup_empty_child_namespaces`]: crate::Config::cleanup_empty_child_namespaces
    pub fn of_match<M>(&self, matcher: impl NamespaceMatcher<M>) -> Namespace {
        let mut parents = self.shared.namespaces.parents.write();
        let name = format!("/_{}", parents.len()).into();
        let parent = Namespace::parent(name, &Arc::downgrade(&self.shared));
        Arc::make_mut(&mut *parents).push((matcher_fn(matcher), parent.clone()));
        parent
    }

    /// Hears of every new namespace, before anybody can join it: those that clients make, and those
    /// of [`of`](Self::of). In place of what was there before.
    ///
    /// ```
    /// use songi_server::{Namespace, Server};
    ///
    /// let io = Server::new();
    /// io.on_new_namespace(|namespace: Namespace| println!("{}", namespace.name()));
    /// ```
    pub fn on_new_namespace(&self, hook: impl Fn(Namespace) + Send + Sync + 'static) {
        *self.shared.namespaces.hook.write() = Some(Arc::new(hook));
    }
}

impl Shared {
    /// The namespace of this name that the application made.
    pub(crate) fn fixed(&self, name: &FastStr) -> Option<Namespace> {
        self.namespaces
            .get(name)
            .filter(|found| !found.is_dynamic())
    }

    /// Whether clients can make namespaces.
    pub(crate) fn has_parents(&self) -> bool {
        !self.namespaces.parents.read().is_empty()
    }

    /// The namespace of this name, if a matcher lets the client join it, made if need be and
    /// [entered](Namespace::enter).
    pub(crate) async fn enter_dynamic(
        &self,
        name: &FastStr,
        auth: &Auth,
    ) -> Result<Namespace, Rejection> {
        let parents = self.namespaces.parents.read().clone();
        for (matcher, parent) in &*parents {
            let matched = match contain(|| matcher(name, auth)) {
                Ok(Matched::Now(matched)) => Ok(matched),
                Ok(Matched::Later(future)) => Contained::new(future).await,
                Err(panic) => Err(panic),
            };
            let matched = matched.map_err(|panic: Panic| {
                tracing::error!(namespace = %name, %panic, "a namespace matcher panicked");
                Rejection::new("internal error")
            })?;
            if matched {
                return self.enter_child(parent, name);
            }
        }
        Err(Rejection::new("Invalid namespace"))
    }

    fn enter_child(&self, parent: &Namespace, name: &FastStr) -> Result<Namespace, Rejection> {
        let _making = self.namespaces.making.lock();
        {
            // Under this lock it cannot be cleaned up.
            let namespaces = self.namespaces.by_name.read();
            if let Some(namespace) = namespaces.all.get(name) {
                namespace.enter();
                return Ok(namespace.clone());
            }
        }
        let limit = self.config.max_dynamic_namespaces;
        if self.namespaces.by_name.read().dynamic >= limit {
            tracing::warn!(namespace = %name, limit, "too many dynamic namespaces");
            return Err(Rejection::new("too many namespaces"));
        }
        let child = parent.make_child(name, &self.config);
        self.namespaces.tell(&child);
        self.start_adapter(&child);
        child.enter();
        let mut namespaces = self.namespaces.by_name.write();
        namespaces.all.insert(name.clone(), child.clone());
        namespaces.dynamic += 1;
        Ok(child)
    }

    /// The last has left a dynamic namespace.
    pub(crate) fn clean_up(&self, namespace: &Namespace) {
        if !self.config.cleanup_empty_child_namespaces {
            return;
        }
        let mut namespaces = self.namespaces.by_name.write();
        // Somebody may have entered meanwhile, or cleaned it up.
        let Entry::Occupied(entry) = namespaces.all.entry(namespace.name().clone()) else {
            return;
        };
        if !entry.get().is(namespace) || !namespace.is_deserted() {
            return;
        }
        entry.remove();
        namespaces.dynamic -= 1;
        drop(namespaces);
        namespace.disown();
        self.spawn(namespace.inner().adapter.close());
    }

    /// Starts the adapters of all namespaces.
    pub(crate) fn start_adapters(&self) {
        for namespace in self.namespaces.all() {
            self.start_adapter(&namespace);
        }
    }

    /// Starts the adapter of a namespace, once there is a runtime.
    fn start_adapter(&self, namespace: &Namespace) {
        if let Some(runtime) = self.runtime() {
            let _entered = runtime.enter();
            namespace.start_adapter();
        }
    }
}

impl Namespace {
    /// The main namespace of a server that is being made.
    pub(crate) fn main(server: &Weak<Shared>, config: &Config) -> Self {
        Self::new("/".into(), server, config)
    }
}
