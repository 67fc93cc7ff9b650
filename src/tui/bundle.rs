//! The bundle for the next shift without a console: from a snapshot to files.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::message::{Effect, Message, Snapshot};
use super::model::Model;
use super::order::Sorter;
use super::run::zone;
use super::theme::Theme;
use super::update::update;
use super::{files, handover};
use crate::config::Safety;
use crate::domain::state_folder::StateFolder;
use crate::engine::{State, now};

/// What is to be handed over, by whom, and where to.
#[derive(Clone, Debug)]
pub struct BundleOptions {
    /// The user of the operating system.
    pub who: String,
    /// How careful to be.
    pub safety: Safety,
    /// The link, by its place.
    pub link: usize,
    /// What happened since then; since the incident began, where nothing is said.
    pub since: Option<DateTime<Utc>>,
    /// The folder to write; one of its own in the state folder, where nothing is said.
    pub out: Option<PathBuf>,
}

/// Writes the bundle, and says where to and which files. It blocks.
pub fn write_bundle(
    state: Arc<State>,
    options: BundleOptions,
    place: &StateFolder,
) -> Result<(PathBuf, Vec<String>), (PathBuf, io::Error)> {
    let now = now();
    let mut model = Model::new(
        Arc::clone(&state),
        options.who,
        options.safety,
        Theme::Dark,
        zone(),
    );
    model.link = options.link;
    model.folder = place.to_path_buf();
    let effects = update(&mut model, Message::Snapshot(Snapshot(state)), now);
    for effect in effects {
        if let Effect::Sort(query, records) = effect {
            let order = Sorter::default().order(query, &records);
            update(&mut model, Message::Ordered(order), now);
        }
    }
    let since = options
        .since
        .unwrap_or_else(|| handover::begin(&model, now));
    let files = handover::bundle(&model, since, now);
    let folder = options
        .out
        .unwrap_or_else(|| handover::folder(&model.folder, now));
    match files::write(&folder, &files, place.group()) {
        Ok(()) => Ok((folder, files.into_iter().map(|(name, _)| name).collect())),
        Err(error) => Err((folder, error)),
    }
}
