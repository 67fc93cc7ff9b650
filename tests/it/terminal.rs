//! The real binary in a real pseudo-terminal: what a person sees and does on a bad day.

use serde_json::json;

use crate::support::binary::Emulator;
use crate::support::screen::Screen;

const ENTER: &[u8] = b"\r";

fn console(emulator: &Emulator, columns: u16, rows: u16) -> Screen {
    Screen::start(&emulator.command(&[]), columns, rows)
}

/// Moves down until the cursor stands on a record whose detail says this.
fn down_to(screen: &mut Screen, detail: &str) {
    let began = std::time::Instant::now();
    let at = |text: &str| {
        let mut lines = text.lines();
        lines.find(|line| line.contains('►')).map(str::to_owned)
    };
    while !screen.text().contains(detail) {
        assert!(
            began.elapsed().as_secs() < 30,
            "no {detail:?} in\n{}",
            screen.text()
        );
        let before = at(&screen.text());
        screen
            .keys("j")
            .until("the cursor on the next record", |text| at(text) != before);
    }
}

/// Confirms the open dialog: by `y`, or by typing the count that it asks for.
fn confirm(screen: &mut Screen) {
    // A box takes no key until it has been on the screen for a moment.
    std::thread::sleep(std::time::Duration::from_millis(300));
    let text = screen.text();
    match text
        .split_once("Type ")
        .and_then(|(_, rest)| rest.split_once(", then Enter"))
    {
        Some((count, _)) => screen.keys(&count.replace(',', "")).raw(ENTER),
        None => screen.keys("y"),
    };
}

fn arm(screen: &mut Screen) {
    screen
        .keys("W")
        .shows("ARM writes")
        .keys("INC-1")
        .raw(ENTER)
        .shows("ARMED");
}

#[test]
fn ensure_creates_once_and_its_row_keeps_its_place() {
    let emulator = Emulator::start();
    let mut screen = console(&emulator, 80, 24);
    screen.shows("EXPECTED");
    arm(&mut screen);
    screen
        .keys("2")
        .shows("[2 Records")
        .keys("]")
        .shows("[○ missing");
    down_to(&mut screen, "· account ─");
    emulator.clear_log();
    screen.keys("E").shows("ENSURE 1 record");
    confirm(&mut screen);
    screen.shows("√ verified");
    let creates = || {
        let writes = emulator.writes();
        writes
            .iter()
            .filter(|write| write["headers"]["if-none-match"] == "*")
            .count()
    };
    assert_eq!((creates(), emulator.writes().len()), (1, 1));
    // The row is a stub by now, and still stands where it stood in the list of the missing.
    screen
        .shows("[○ missing")
        .shows("√")
        .keys("E")
        .shows("exists");
    std::thread::sleep(std::time::Duration::from_millis(500));
    assert_eq!(emulator.writes().len(), 1, "the second E changes nothing");
    screen.escape().escape().keys("q").ends();
}

#[test]
fn a_diverged_record_is_refused_with_both_sides_shown() {
    let emulator = Emulator::start();
    let mut screen = console(&emulator, 140, 42);
    screen.shows("EXPECTED");
    arm(&mut screen);
    screen
        .keys("2")
        .shows("[2 Records")
        .keys("]]]]")
        .shows("[≠ diverged");
    emulator.clear_log();
    screen
        .keys("H")
        .shows("a person decides")
        .shows("DIVERGED")
        .shows("telephone1")
        .shows("b  fill blanks");
    assert!(emulator.writes().is_empty());
    screen.escape().keys("q").ends();
}

#[test]
fn a_run_from_pulse_brings_the_link_in_step() {
    let emulator = Emulator::start();
    let mut screen = console(&emulator, 80, 24);
    screen.shows("EXPECTED");
    arm(&mut screen);
    screen.keys("T").shows("then Enter");
    confirm(&mut screen);
    screen.shows("ALL WELL").shows("sync run ended");
    emulator.clear_log();
    screen.keys("r").shows("ALL WELL");
    assert!(emulator.writes().is_empty());
    screen.keys("q").ends();
}

#[test]
fn an_outage_is_seen_at_80_columns_too() {
    let emulator = Emulator::start();
    let mut screen = console(&emulator, 80, 24);
    screen.shows("EXPECTED");
    emulator.arm(json!({"outage_s": 3}));
    screen.shows("EUROPE IS DOWN").shows("OPEN").shows("probe");
    screen.shows("half-open → closed").shows("RECOVERING");
    screen.keys("q").ends();
    assert!(screen.is_restored());
}

#[test]
fn the_story_of_an_outage_from_first_sight_to_last_repair() {
    let emulator = Emulator::start();
    let mut screen = console(&emulator, 140, 42);
    screen
        .shows("READ-ONLY")
        .shows("HEALTHY")
        .shows("EXPECTED")
        .shows("503 accounts");

    // Records: the stubs, three of them marked, and filled.
    screen.keys("2").shows("[2 Records");
    screen.keys("]").keys("]").shows("[□ stub");
    screen.keys("   ").shows("3 marked");
    emulator.clear_log();
    screen
        .keys("H")
        .shows("ARM writes")
        .keys("INC-4471")
        .raw(ENTER);
    screen.shows("REHYDRATE 3 records").shows("writes to");
    std::thread::sleep(std::time::Duration::from_millis(300));
    screen.keys("y").shows("√ verified");
    emulator.until("three stubs are filled", || {
        let writes = emulator.writes();
        writes
            .iter()
            .filter(|write| write["headers"]["if-match"].is_string() && write["status"] == 204)
            .count()
            >= 3
    });
    screen.keys("3").shows("rehydrate").shows("INC-4471");

    // Europe goes away: its health, its breaker with a countdown, and a repair that waits.
    emulator.arm(json!({"outage_s": 6}));
    screen
        .keys("1")
        .shows("EUROPE IS DOWN")
        .shows("OPEN")
        .shows("next probe");
    // The cursor may stand on a record that is in step by now; further down there are others.
    screen.keys("2").shows("[□ stub");
    down_to(&mut screen, "□ STUB in ");
    screen.keys("H").shows("LATER");
    std::thread::sleep(std::time::Duration::from_millis(300));
    screen.keys("y").keys("3").shows("waiting");

    // It comes back: half-open, closed, and the repair goes on by itself.
    screen.keys("1").shows("half-open → closed");
    screen.keys("3").shows("ended").shows("√ verified 1");
    screen.keys("q").ends();
    assert!(screen.is_restored(), "{}", screen.text());
}

/// Security case 55.
#[test]
fn the_demo_paints_at_both_sizes_and_starts_read_only() {
    let folder = tempfile::tempdir().unwrap();
    for (columns, rows) in [(80, 24), (140, 42)] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_tandem"));
        command
            .arg("demo")
            .arg("--state")
            .arg(folder.path().join(columns.to_string()));
        let mut screen = Screen::start(&command, columns, rows);
        screen
            .shows("US DEMO")
            .shows("EU DEMO")
            .shows("READ-ONLY")
            .shows("HEALTHY")
            .shows("due in");
        screen.keys("q");
        assert_eq!(screen.ends(), 0, "{}", screen.text());
        assert!(screen.is_restored());
    }
}

/// Fault F42.
#[test]
fn it_ends_well_whatever_ends_it_and_survives_any_size() {
    let emulator = Emulator::start();
    for signal in ["TERM", "HUP"] {
        let mut screen = console(&emulator, 80, 24);
        screen.shows("HEALTHY");
        for (columns, rows) in [(1, 1), (300, 100), (20, 10), (79, 23), (0, 0), (80, 24)] {
            screen.resize(columns.max(1), rows.max(1));
            std::thread::sleep(std::time::Duration::from_millis(40));
        }
        screen.shows("HEALTHY").signal(signal).ends();
        assert!(screen.is_restored(), "{signal}: {}", screen.text());
    }
    let mut screen = console(&emulator, 60, 20);
    screen.shows("EXPECTED");
    screen.raw(b"\x03").raw(b"\x03").ends();
    assert!(screen.is_restored());
}

#[test]
fn security_case_38_a_paste_confirms_nothing() {
    let emulator = Emulator::start();
    let mut screen = console(&emulator, 140, 42);
    screen
        .shows("EXPECTED")
        .keys("W")
        .shows("ARM writes")
        .keys("INC-1")
        .raw(ENTER)
        .shows("ARMED");
    screen
        .keys("2")
        .shows("missing")
        .keys("E")
        .shows("ENSURE 1 record");
    emulator.clear_log();
    std::thread::sleep(std::time::Duration::from_millis(300));
    screen
        .raw(b"\x1b[200~y\n\x1b[201~")
        .raw(b"\x1b[200~yes\nyes\n\x1b[201~");
    std::thread::sleep(std::time::Duration::from_millis(500));
    screen.shows("ENSURE 1 record").escape();
    assert!(emulator.writes().is_empty());
    screen.keys("q").ends();
}

#[test]
fn security_case_30_a_hostile_name_reaches_the_screen_as_text() {
    let emulator = Emulator::start();
    let hostile = "\u{1b}]0;owned\u{7}\u{1b}[2JEvil\u{202e}Corp\u{9b}31m";
    let made = emulator.us_api(
        "POST",
        "accounts",
        Some(json!({"name": hostile, "accountnumber": "EVIL"})),
    );
    assert_eq!(made.0, 204, "{}", made.1);
    let mut screen = console(&emulator, 140, 42);
    screen
        .shows("EXPECTED")
        .keys("2")
        .shows("missing")
        .keys("/")
        .keys("EVIL")
        .raw(ENTER)
        .shows("^[]0;owned^G");
    screen.shows("\\u{202e}");
    let bytes = screen.bytes();
    for sequence in ["\x1b]0;", "\x1b[2JEvil", "\u{202e}", "\u{9b}"] {
        let found = bytes
            .windows(sequence.len())
            .any(|part| part == sequence.as_bytes());
        assert!(!found, "{sequence:?} reached the terminal");
    }
    screen.escape().keys("q").ends();
}

/// jcode#282: frames flickered, since nothing told the terminal where one ends.
#[test]
fn each_frame_stands_between_the_marks_of_synchronized_output() {
    let emulator = Emulator::start();
    let mut screen = console(&emulator, 80, 24);
    screen
        .shows("EXPECTED")
        .keys("2")
        .shows("drift")
        .keys("1")
        .shows("breaker");
    screen.keys("q").ends();
    let bytes = String::from_utf8_lossy(&screen.bytes()).into_owned();
    let frames: Vec<&str> = bytes.split("\x1b[?2026h").skip(1).collect();
    assert!(frames.len() >= 3, "{}", frames.len());
    for frame in &frames {
        let (_, behind) = frame.split_once("\x1b[?2026l").expect("each ends");
        assert!(!behind.contains('H'), "cells are drawn within: {behind:?}");
    }
}

/// All sequences that the console may send: its own for cells, cursor and styles, those of crossterm for screens, and
/// ours for the mouse, the clipboard and notifications. What is left is text.
fn only_our_sequences(bytes: &[u8]) -> Result<String, String> {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let mut rest = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\x1b' => match chars.next() {
                Some('[') => {
                    let mut body = String::new();
                    let end = loop {
                        match chars.next() {
                            Some(c) if c.is_ascii_alphabetic() => break c,
                            Some(c) => body.push(c),
                            None => return Ok(rest),
                        }
                    };
                    let is_ours = match end {
                        'm' | 'H' | 'C' | 'K' | 'J' => true,
                        'h' | 'l' => ["?1049", "?25", "?2004", "?1004", "?2026", "?1000", "?1006"]
                            .contains(&body.as_str()),
                        _ => false,
                    };
                    if !is_ours {
                        return Err(format!("ESC [ {body} {end}"));
                    }
                }
                // The clipboard (OSC 52): what is sent is in base 64.
                Some(']') => {
                    let body: String = chars.by_ref().take_while(|c| *c != '\x1b').collect();
                    let is_encoded = |c: char| c.is_ascii_alphanumeric() || "+/=".contains(c);
                    let sent = body.strip_prefix("52;c;");
                    if !sent.is_some_and(|sent| sent.chars().all(is_encoded))
                        || chars.next() != Some('\\')
                    {
                        return Err(format!("ESC ] {body}"));
                    }
                }
                other => return Err(format!("ESC {other:?}")),
            },
            '\r' | '\n' => {}
            c if c.is_control() => return Err(format!("{c:?}")),
            c => rest.push(c),
        }
    }
    Ok(rest)
}

#[test]
fn security_case_31_what_instances_and_other_people_say_sends_no_sequence_of_its_own() {
    let emulator = Emulator::start();
    let hostile = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m\u{202e}evil\r\u{8}\u{7f}";
    let mut screen = console(&emulator, 140, 42);
    screen.shows("EXPECTED");
    emulator.tandem(&["note", hostile]).exits(0);
    screen.shows("^[]0;owned^G");
    screen.keys("6").shows("^[]0;owned^G");
    let body = json!({"error": {"code": "0x80040216", "message": hostile}}).to_string();
    emulator.arm(json!({"count": 200, "status": 503, "body": body}));
    screen.keys("1").shows("EUROPE IS DOWN");
    emulator.disarm();
    screen.shows("RECOVERING");
    let planned = ["maintenance", "europe", "--for", "1h", "--reason", hostile];
    emulator.tandem(&planned).exits(0);
    screen.shows("MAINTENANCE").shows("owned");
    for view in ["2", "3", "4", "5", "6", "1"] {
        screen.keys(view);
    }
    screen.keys("Y").shows("owned");
    screen.escape().keys("q").ends();
    // Notifications and the clipboard are sequences of ours; what they carry is plain, or encoded.
    let text = only_our_sequences(&screen.bytes());
    assert!(text.is_ok(), "{text:?}");
}

#[test]
fn no_color_leaves_words_and_glyphs() {
    let emulator = Emulator::start();
    let mut command = emulator.command(&[]);
    command.env("NO_COLOR", "1");
    let mut screen = Screen::start(&command, 80, 24);
    screen
        .shows("● HEALTHY")
        .shows("READ-ONLY")
        .keys("q")
        .ends();
    let text = String::from_utf8_lossy(&screen.bytes()).into_owned();
    let coloured = [
        "\x1b[31m",
        "\x1b[32m",
        "\x1b[38;5;",
        "\x1b[38;2;",
        "\x1b[48;5;",
    ]
    .into_iter()
    .find(|c| text.contains(c));
    assert_eq!(coloured, None);
}
