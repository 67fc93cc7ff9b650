//! What a frame of the console costs beside a bare ratatui frame of the same cells, in the same run and by turns: the bare
//! one copies the cells into the buffer, and pays for its diff and encoding as ours does for its own. Records are the emulator's, out of step
//! in every way there is, listed by a real engine.
//!
//! `cargo bench --bench console`; `TANDEM_BENCH_RECORDS` (100000) accounts on each side, `TANDEM_BENCH_ROUNDS` (300) frames
//! of each kind.
#![expect(clippy::print_stdout, reason = "what a benchmark finds is its output")]

mod support;

use std::cell::Cell;
use std::io::{self, Write};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ratatui::backend::CrosstermBackend;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::{Terminal, TerminalOptions, Viewport};
use support::{Failed, engine, number, pair, until};
use tandem::config::Safety;
use tandem::engine::State;
use tandem::tui::format::Zone;
use tandem::tui::keymap::{Code, Key, char, key};
use tandem::tui::message::{Effect, Message, Snapshot};
use tandem::tui::model::Model;
use tandem::tui::order::Sorter;
use tandem::tui::paint::paint;
use tandem::tui::update::update;
use tandem::tui::{Theme, view};

/// The largest screen of the budget.
const SIZE: (u16, u16) = (200, 50);
/// Half of the records are listed, in every way of being out of step.
const DRIFT: f64 = 0.5;

/// Where frames go: their bytes are counted.
#[derive(Clone, Default)]
struct Sink(Rc<Cell<usize>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.set(self.0.get() + bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

type Screen = Terminal<CrosstermBackend<Sink>>;

fn screen(sink: Sink) -> Result<Screen, Failed> {
    let area = Rect::new(0, 0, SIZE.0, SIZE.1);
    let options = TerminalOptions {
        viewport: Viewport::Fixed(area),
    };
    let backend = CrosstermBackend::new(sink);
    Ok(Terminal::with_options(backend, options)?)
}

/// What happens between two frames.
#[derive(Clone, Copy)]
enum Between {
    Nothing,
    Second,
    Key(Key),
    Turn(Key, Key),
}

fn main() -> Result<(), Failed> {
    let records = number("TANDEM_BENCH_RECORDS", 100_000)?;
    let rounds = number("TANDEM_BENCH_ROUNDS", 300)?;
    let state = tokio::runtime::Runtime::new()?.block_on(listed(records))?;
    let mut model = Model::new(
        Arc::clone(&state),
        "bench".to_owned(),
        Safety::default(),
        Theme::Dark,
        Zone::utc(),
    );
    let mut sorter = Sorter::default();
    let mut now = state.now;
    let mut take = |model: &mut Model, message: Message, now| {
        for effect in update(model, message, now) {
            if let Effect::Sort(query, records) = effect {
                let begin = Instant::now();
                let order = sorter.order(query, &records);
                if order.slots.len() > 1000 {
                    let (took, n) = (begin.elapsed(), order.slots.len());
                    println!("order of {n} listed records, on its own thread: {took:.1?}");
                }
                update(model, Message::Ordered(order), now);
            }
        }
    };
    take(&mut model, Message::Resize(SIZE.0, SIZE.1), now);
    take(&mut model, Message::Snapshot(Snapshot(state)), now);
    println!(
        "{:<34}{:>9}{:>9}{:>9}{:>9}{:>8}{:>9}",
        "frame at 200x50", "ours p50", "p99", "bare p50", "p99", "ratio", "bytes"
    );
    let down = char('j');
    let cases = [
        ("Pulse, nothing changed", '1', Between::Nothing),
        ("Pulse, a second later", '1', Between::Second),
        ("Records, nothing changed", '2', Between::Nothing),
        ("Records, one row down", '2', Between::Key(down)),
        (
            "Records, one page down",
            '2',
            Between::Key(key(Code::PageDown)),
        ),
        (
            "Records to Pulse and back",
            '2',
            Between::Turn(char('1'), char('2')),
        ),
        ("Timeline, one row down", '6', Between::Key(down)),
    ];
    for (name, view, between) in cases {
        take(&mut model, Message::Key(char(view)), now);
        let sink = Sink::default();
        let mut ours: (Sink, Option<Buffer>) = (sink.clone(), None);
        let mut bare = screen(Sink::default())?;
        let (mut costs, mut floors) = (Vec::new(), Vec::new());
        let mut bytes = 0;
        for round in 0..rounds {
            now = now.after(Duration::from_millis(100));
            let begin = Instant::now();
            match between {
                Between::Nothing => {}
                Between::Second => now = now.after(Duration::from_secs(1)),
                Between::Key(key) => take(&mut model, Message::Key(key), now),
                Between::Turn(one, _) if round % 2 == 0 => take(&mut model, Message::Key(one), now),
                Between::Turn(_, other) => take(&mut model, Message::Key(other), now),
            }
            let before = sink.0.get();
            let mut drawn = Buffer::empty(Rect::new(0, 0, SIZE.0, SIZE.1));
            view::draw(&model, now, &mut drawn);
            paint(ours.1.as_ref(), &drawn, &mut ours.0)?;
            ours.1 = Some(drawn);
            costs.push(begin.elapsed());
            // The first frame draws everything.
            if round > 0 {
                bytes += sink.0.get() - before;
            }
            let mut cells = Buffer::empty(Rect::new(0, 0, SIZE.0, SIZE.1));
            view::draw(&model, now, &mut cells);
            let begin = Instant::now();
            bare.draw(|frame| frame.buffer_mut().content.clone_from(&cells.content))?;
            floors.push(begin.elapsed());
        }
        let per_frame = bytes / usize::try_from(rounds.saturating_sub(1).max(1))?;
        tell(name, costs, floors, per_frame);
    }
    Ok(())
}

fn tell(name: &str, mut ours: Vec<Duration>, mut bare: Vec<Duration>, bytes: usize) {
    ours.sort_unstable();
    bare.sort_unstable();
    let at = |times: &[Duration], share: usize| {
        let place = (times.len() * share / 100).min(times.len().saturating_sub(1));
        times.get(place).copied().unwrap_or_default()
    };
    let (mine, floor) = (at(&ours, 50), at(&bare, 50));
    let ratio = mine.as_secs_f64() / floor.as_secs_f64();
    let micros = |time: Duration| format!("{} us", time.as_micros());
    println!(
        "{name:<34}{:>9}{:>9}{:>9}{:>9}{ratio:>8.2}{bytes:>9}",
        micros(mine),
        micros(at(&ours, 99)),
        micros(floor),
        micros(at(&bare, 99)),
    );
}

/// A snapshot in which half of the records are out of step.
async fn listed(records: u32) -> Result<Arc<State>, Failed> {
    let pair = pair(records, DRIFT).await?;
    let folder = tempfile::tempdir()?;
    let (mut engine, running) = engine(&pair, &folder.path().join("state"))?;
    let state = until(&mut engine, |state| {
        let mut tables = state.tables.iter();
        tables.all(|table| table.compared.is_some() && table.comparing.is_none())
    })
    .await?;
    println!("{} records listed", state.records.iter().count());
    running.stop().await;
    Ok(state)
}
