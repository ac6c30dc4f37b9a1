//! The host: everything of the `anysvc` program but its `main`.
//!
//! # One way through
//!
//! Each step is given what the one before it found; nothing further down reads the environment again.
//!
//! ```no_run
//! use anysvc::{config::Config, discovery::Catalog, environment::*, loader, selection};
//! use anysvc_backend_api::remote::Remote;
//!
//! # fn main() -> anysvc_backend_api::Result<()> {
//! let env = Environment::gather(Overrides::default()); // who calls; facts are read when asked for
//! let config = Config::load(&env)?; // /etc/anysvc/config.toml
//! let scope = env.default_scope();
//! let catalog = Catalog::discover(&env); // every manifest; `discover_only` for a single id
//! let selection = selection::select(&catalog, &env, &config, None, scope)?; // which; warnings; its file looked at
//! let loaded = loader::load(selection.library)?; // dlopen, header, layout: never unloaded
//! let state = env.state_dir(config.state_dir.as_deref(), scope)?; // where the store is
//! let context = env.context(scope, &state.path, config.settings(&loaded.id));
//! let backend = Remote::open(loaded.module, loader::host_fns(), context)?;
//! # drop(backend); Ok(())
//! # }
//! ```
//!
//! `selection::explain` gives the whole chain for `detect --explain` and `backends list`;
//! `loader::verify` the stages for `backends verify PATH`.

pub mod cli;
pub mod commands;
pub mod config;
mod container;
pub mod discovery;
pub mod environment;
pub mod loader;
pub mod look;
pub mod manifest;
pub mod output;
pub mod program;
pub mod ready;
pub mod reconcile;
pub mod selection;
pub mod session;
pub mod spec;
pub mod store;
pub mod templates;
pub mod trust;
