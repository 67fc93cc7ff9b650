//! What the console remembers: where the cursor is, what is marked, which dialogs are open. What is true of the
//! instances is not here, it is in the engine's snapshot that the model points at.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tui_input::Input;

use super::action::ActionId;
use super::format::Zone;
use super::goal::Playing;
use super::keymap::Keymap;
use super::order::{Order, Place, Sort};
use super::related::{Question, Related};
use super::theme::Theme;
use crate::config::Safety;
use crate::domain::customer::Mark;
use crate::domain::drift::Drift;
use crate::domain::network::Way;
use crate::domain::operation::{OperationId, RecordKey, Verb};
use crate::domain::operator::Operator;
use crate::domain::text::visible;
use crate::domain::time::Now;
use crate::engine::State;
use crate::engine::records::{Record, Records};
use crate::engine::report::OpenTickets;
use crate::engine::state::{LinkState, OperationState, Tone};

mod dialog;
mod picking;
mod told;

pub use dialog::{
    Answer, ArmDialog, Ask, BreakerDialog, BreakerStep, ChooseDialog, CommandsDialog,
    ConfirmDialog, Deed, Dialog, Field, FindDialog, HandOverDialog, Listing, NoteDialog,
    SortDialog, Summary, TAKEN_FOR, TakeDialog, plan_of, planned,
};
pub use picking::Picking;
pub use told::Told;

/// Everything that the console remembers.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own in the console"
)]
pub struct Model {
    /// The newest snapshot.
    pub state: Arc<State>,
    /// Who sits here.
    pub who: String,
    /// What stands between here and the instances, and in whose name is written.
    pub way: Way,
    /// What the person may do, by the groups of this host.
    pub operator: Operator,
    /// How careful to be.
    pub safety: Safety,
    /// Which key does what.
    pub keys: Arc<Keymap>,
    /// Colours or none.
    pub theme: Theme,
    /// Whether only ASCII is drawn.
    pub is_ascii: bool,
    /// Whether names and values of records are hidden.
    pub is_masked: bool,
    /// Whether the terminal reports the mouse.
    pub has_mouse: bool,
    /// The machine that the ensure hook answers on, by its address.
    pub hook_host: Option<String>,
    /// The folder of the journal, where status and hand-overs are written to.
    pub folder: PathBuf,
    /// Whether the terminal has lost the focus: then what changes is told by a bell.
    pub is_away: bool,
    /// The record that was found and opened last: what is known of one that is not listed.
    pub opened: Option<crate::engine::find::Record>,
    /// What was told last of a record that is not listed, as a record, and when.
    pub told: Option<Arc<Told>>,
    /// The rows around the record that is looked at.
    pub related: Related,
    /// What was asked for last of it, and the records that were looked at.
    pub relating: (Question, Records),
    /// The number of the last search.
    pub finds: u64,
    /// Since when the screen is held still, and the newest snapshot that came since.
    pub frozen: Option<Frozen>,
    /// In which zone local times are shown.
    pub zone: Zone,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// The link that is shown, by its place.
    pub link: usize,
    /// The view that is shown.
    pub screen: Screen,
    /// The pane of Pulse that a narrow terminal shows.
    pub pane: Pane,
    /// The list of records.
    pub records: RecordsView,
    /// The operations.
    pub operations: OperationsView,
    /// The runs of the sync.
    pub runs: RunsView,
    /// The tickets.
    pub tickets: TicketsView,
    /// The timeline.
    pub timeline: TimelineView,
    /// Open dialogs, the topmost last.
    pub dialogs: Vec<Dialog>,
    /// Short messages, the newest last.
    pub toasts: VecDeque<Toast>,
    /// The number of the last notice that became a toast.
    pub noticed: u64,
    /// When the latest keys were pressed.
    pub pressed: VecDeque<Duration>,
    /// When the terminal got the focus last.
    pub focused: Option<Now>,
    /// When Ctrl-C was pressed last.
    pub interrupted: Option<Now>,
    /// The verb whose key was pressed on records that had to be read first.
    pub awaiting: Option<ActionId>,
    /// The choice column by column that is being made.
    pub picking: Option<Picking>,
    /// The operation whose failed records are being looked up, to be tried again.
    pub retrying: Option<Retrying>,
    /// The goal of a game day, and how far it has come.
    pub playing: Option<Playing>,
    /// The id for the next operation, made anew by [`super::run()`] for every message.
    pub next_operation: OperationId,
    /// Whether the engine is gone.
    pub engine_gone: bool,
}

/// What failed of an operation, on its way to be tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retrying {
    /// The operation.
    pub operation: OperationId,
    /// What it was asked to do, and the records of it that failed, once the journal has told.
    pub found: Option<(Deed, Vec<RecordKey>)>,
}

/// A screen that is held still.
#[derive(Clone, Debug)]
pub struct Frozen {
    /// The moment that it shows.
    pub at: Now,
    /// What is true by now.
    pub newest: Option<Arc<State>>,
}

/// A view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Screen {
    /// Both instances and the link.
    Pulse,
    /// What is out of step.
    Records,
    /// One record on both sides.
    Sides(SidesView),
    /// What was asked for.
    Operations,
    /// The runs of the link's sync.
    Runs,
    /// The open tickets with their customers.
    Tickets,
    /// What happened.
    Timeline,
}

/// A pane of Pulse, where there is room for one at a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pane {
    /// The target.
    #[default]
    Target,
    /// The source.
    Source,
    /// The link between them.
    Link,
    /// What changed.
    Changes,
}

impl Pane {
    /// The next one, round and round.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::Target => Self::Source,
            Self::Source => Self::Link,
            Self::Link => Self::Changes,
            Self::Changes => Self::Target,
        }
    }
}

/// One record on both sides, full screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SidesView {
    /// Which record.
    pub key: RecordKey,
    /// The first column shown.
    pub scroll: usize,
    /// Where it was opened from, and Esc leads back to.
    pub from: Origin,
}

/// Where both sides of a record are opened from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The list of records.
    Records,
    /// The records of an operation.
    Operations,
    /// The tickets.
    Tickets,
}

impl Origin {
    /// Its view.
    pub fn screen(self) -> Screen {
        match self {
            Self::Records => Screen::Records,
            Self::Operations => Screen::Operations,
            Self::Tickets => Screen::Tickets,
        }
    }
}

/// The runs of the sync.
#[derive(Clone, Debug, Default)]
pub struct RunsView {
    /// The run under the cursor, by its name.
    pub chosen: Option<String>,
}

/// The tickets.
#[derive(Clone, Debug, Default)]
pub struct TicketsView {
    /// The number of the last reading.
    pub number: u64,
    /// When they were last asked for.
    pub asked: Option<Now>,
    /// The link's figures as they were then.
    pub figures: Option<Vec<[usize; 3]>>,
    /// Whether an answer is awaited.
    pub is_asking: bool,
    /// Why they could not be read the last time.
    pub failed: Option<String>,
    /// What was read last.
    pub read: Option<Arc<OpenTickets>>,
    /// When.
    pub read_at: Option<Now>,
    /// How many open tickets name each record.
    pub counts: Arc<HashMap<RecordKey, usize>>,
    /// The mark that is listed; all when there is none.
    pub mark: Option<Mark>,
    /// The cursor's place.
    pub at: usize,
}

/// The timeline.
#[derive(Clone, Debug, Default)]
pub struct TimelineView {
    /// The line under the cursor, by its number; the newest where there is none.
    pub chosen: Option<u64>,
    /// The filter.
    pub filter: Input,
    /// Whether the filter is being typed.
    pub typing: bool,
}

/// The list of records.
#[derive(Clone, Debug, Default)]
pub struct RecordsView {
    /// The last order that is known.
    pub order: Order,
    /// The number of the last query.
    pub asked: u64,
    /// The records that the last query was about, to see whether they changed.
    pub asked_of: crate::engine::records::Records,
    /// The record under the cursor.
    pub cursor: Option<RecordKey>,
    /// Whether a person put it there: else it is at the top when one comes to look.
    pub is_chosen: bool,
    /// Its place in the order.
    pub at: usize,
    /// The first row shown.
    pub top: usize,
    /// Marked records.
    pub marks: BTreeSet<RecordKey>,
    /// How many of them the list does not show.
    pub hidden: usize,
    /// Where a range begins.
    pub anchor: Option<RecordKey>,
    /// The drift that is listed; all when there is none.
    pub drift: Option<Drift>,
    /// The filter.
    pub filter: Input,
    /// Whether the filter is being typed.
    pub typing: bool,
    /// In which order.
    pub sort: Sort,
    /// Records that were acted upon, and how they stood then.
    pub acted: Arc<BTreeMap<RecordKey, Place>>,
}

/// The Operations view.
#[derive(Clone, Debug, Default)]
pub struct OperationsView {
    /// The chosen operation; the newest unfinished one while nobody chose.
    pub chosen: Option<OperationId>,
    /// Whether the cursor is among the records of the chosen operation.
    pub in_records: bool,
    /// The cursor's place among them.
    pub at: usize,
}

/// A short message on the row above the footer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toast {
    /// What it says.
    pub text: String,
    /// How bad it is.
    pub tone: Tone,
    /// Since when it is shown.
    pub since: Now,
}

/// How long a toast stays.
pub const TOAST: Duration = Duration::from_secs(8);
/// How long a record that was acted upon keeps its place after its outcome.
pub const KEEPS_PLACE: Duration = Duration::from_secs(60);
/// An operation of this process is taken up well within this time.
const ACCEPTED: Duration = Duration::from_secs(10);
/// A dialog takes no confirmation before it has been seen for this long.
pub const UNSEEN: Duration = Duration::from_millis(150);

impl Model {
    /// The console as it starts, on Pulse.
    pub fn new(state: Arc<State>, who: String, safety: Safety, theme: Theme, zone: Zone) -> Self {
        Self {
            state,
            who,
            way: Way::default(),
            operator: Operator::default(),
            safety,
            keys: Arc::default(),
            theme,
            is_ascii: false,
            is_masked: false,
            has_mouse: false,
            hook_host: None,
            folder: PathBuf::new(),
            is_away: false,
            opened: None,
            told: None,
            related: Related::default(),
            relating: (Question::default(), Records::default()),
            finds: 0,
            frozen: None,
            zone,
            size: (0, 0),
            link: 0,
            screen: Screen::Pulse,
            pane: Pane::default(),
            records: RecordsView::default(),
            operations: OperationsView::default(),
            runs: RunsView::default(),
            tickets: TicketsView::default(),
            timeline: TimelineView::default(),
            dialogs: Vec::new(),
            toasts: VecDeque::new(),
            noticed: 0,
            pressed: VecDeque::new(),
            focused: None,
            interrupted: None,
            awaiting: None,
            picking: None,
            playing: None,
            retrying: None,
            next_operation: OperationId::new(),
            engine_gone: false,
        }
    }

    /// The key to name for an action.
    pub fn key(&self, action: ActionId) -> String {
        self.keys.shown(action)
    }

    /// The keys of the three verbs: `E T H`.
    pub fn verb_keys(&self) -> String {
        [ActionId::Ensure, ActionId::Sync, ActionId::Rehydrate]
            .map(|verb| self.key(verb))
            .join(" ")
    }

    /// The moment that the views show: now, or that at which the screen was frozen.
    pub fn shown(&self, now: Now) -> Now {
        self.frozen.as_ref().map_or(now, |frozen| frozen.at)
    }

    /// What a record is called, as it may be shown: all but the first letter hidden while the screen is shared.
    pub fn private<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let text = visible(text);
        if !self.is_masked {
            return text;
        }
        let mut letters = text.chars();
        let first = letters.next();
        let rest = letters.map(|c| if c == ' ' { ' ' } else { '▒' });
        Cow::Owned(first.into_iter().chain(rest).collect())
    }

    /// The link that is shown.
    pub fn link(&self) -> Option<&LinkState> {
        self.state.links.get(self.link)
    }

    /// The record of a slot.
    pub fn record_at(&self, place: usize) -> Option<&Record> {
        self.state
            .records
            .get(*self.records.order.slots.get(place)?)
    }

    /// The record under the cursor, if it is still there.
    pub fn cursor_record(&self) -> Option<&Record> {
        let record = self.record_at(self.records.at)?;
        (Some(record.key) == self.records.cursor).then_some(record)
    }

    /// The record of a key; the cursor's is found at once, any other by looking at all.
    pub fn record(&self, key: RecordKey) -> Option<&Record> {
        if let Some(record) = self.cursor_record().filter(|record| record.key == key) {
            return Some(record);
        }
        let mut all = self.state.records.iter();
        all.find(|(_, record)| record.key == key)
            .map(|(_, record)| record)
    }

    /// The records that a verb would act upon, in the list's order, and the marked ones that the filter hides.
    pub fn targets(&self) -> (Vec<&Record>, Vec<RecordKey>) {
        if self.records.marks.is_empty() {
            return (self.cursor_record().into_iter().collect(), Vec::new());
        }
        let slots = self.records.order.slots.iter();
        let shown: Vec<&Record> = slots
            .filter_map(|slot| self.state.records.get(*slot))
            .filter(|record| self.records.marks.contains(&record.key))
            .collect();
        let seen: BTreeSet<RecordKey> = shown.iter().map(|record| record.key).collect();
        let hidden = self.records.marks.difference(&seen).copied().collect();
        (shown, hidden)
    }

    /// The operation that the Operations view is about.
    pub fn chosen_operation(&self) -> Option<usize> {
        let all = &self.state.operations;
        let chosen = self.operations.chosen;
        let by_id = chosen.and_then(|id| all.iter().position(|one| one.request.id == id));
        by_id.or_else(|| {
            let running = all
                .iter()
                .position(|one| !one.is_finished() && !one.was_left_behind);
            running
                .or_else(|| all.iter().position(|one| !one.is_finished()))
                .or((!all.is_empty()).then_some(0))
        })
    }

    /// Shows a short message.
    pub fn toast(&mut self, text: impl Into<String>, tone: Tone, now: Now) {
        let toast = Toast {
            text: text.into(),
            tone,
            since: now,
        };
        self.toasts.push_back(toast);
        while self.toasts.len() > 20 {
            self.toasts.pop_front();
        }
    }

    /// Whether writes are unlocked now.
    pub fn is_armed(&self, now: Now) -> bool {
        self.state.lock.armed_for(now).is_some()
    }

    /// The reason for which writes are unlocked; empty while they are not.
    pub fn armed_reason(&self) -> &str {
        match &self.state.lock {
            crate::engine::state::Lock::Armed { reason, .. } => reason,
            crate::engine::state::Lock::ReadOnly { .. } => "",
        }
    }

    /// Why the person may not ask for a verb on so many records; a run of everything has no number.
    pub fn why_not_theirs(&self, verb: Verb, records: Option<usize>) -> Option<String> {
        let most = self.safety.confirm_above;
        self.operator.why_not(verb, records, most)
    }

    /// Operations that run or wait now, in this process.
    pub fn running(&self) -> usize {
        let all = self.state.operations.iter();
        all.filter(|one| !one.is_finished() && !one.was_left_behind)
            .count()
    }

    /// Whether another living process carries an operation out: the journal knows it, and nothing of it moves here.
    pub fn is_elsewhere(operation: &OperationState, now: Now) -> bool {
        let asked = crate::domain::time::age(now.wall, operation.request.asked);
        !operation.is_finished()
            && !operation.was_left_behind
            && operation.started.is_none()
            && operation.waiting.is_none()
            && asked > ACCEPTED
    }
}
