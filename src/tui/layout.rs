//! Where things stand for a given size of the terminal: the mock-ups' two screens, and what lies between them. It
//! draws nothing.

/// The smallest terminal that the views are made for.
pub const SMALLEST: (u16, u16) = (80, 24);

/// The smallest terminal that one pane at a time fits into; below it there is one status line.
pub const NARROWEST: (u16, u16) = (40, 12);
/// Where the pane begins in a narrow terminal: below who and where, the views, the verdict.
pub const NARROW_TOP: u16 = 3;

/// Which of the arrangements a terminal gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrangement {
    /// Too small for any view: one status line.
    None,
    /// One pane at a time.
    Narrow,
    /// As drawn at 80 x 24.
    Small,
    /// As drawn at 140 x 42.
    Wide,
}

impl Arrangement {
    /// The arrangement for a size.
    pub fn of((columns, rows): (u16, u16)) -> Self {
        if columns < NARROWEST.0 || rows < NARROWEST.1 {
            Self::None
        } else if columns < SMALLEST.0 || rows < SMALLEST.1 {
            Self::Narrow
        } else if columns >= 120 && rows >= 36 {
            Self::Wide
        } else {
            Self::Small
        }
    }

    /// Whether all that a dialog asks can be shown.
    pub fn shows_dialogs(self) -> bool {
        matches!(self, Self::Small | Self::Wide)
    }

    /// Whether there is room for the wide one.
    pub fn is_wide(self) -> bool {
        self == Self::Wide
    }

    /// The column in which the values of labelled lines stand.
    pub fn values(self) -> u16 {
        if self.is_wide() { 13 } else { 10 }
    }

    /// The row below the verdict, where a view begins; on Pulse the verdict has two rows more.
    pub fn top(self) -> u16 {
        if self.is_wide() { 4 } else { 3 }
    }
}

/// How a list shares the rows of the Records view with the detail below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordsRows {
    /// The row of the facets; the head of the list stands below it.
    pub facets: u16,
    /// The first row of the list.
    pub list: u16,
    /// How many rows the list has.
    pub shown: u16,
    /// The row of the rule above the detail.
    pub detail: u16,
}

/// Shares the rows of the Records view.
pub fn records(size: (u16, u16)) -> RecordsRows {
    let arrangement = Arrangement::of(size);
    if arrangement == Arrangement::Narrow {
        let list = NARROW_TOP + 1;
        return RecordsRows {
            facets: NARROW_TOP,
            list,
            shown: size.1.saturating_sub(list + 1),
            detail: size.1.saturating_sub(1),
        };
    }
    let facets = arrangement.top();
    let list = facets + 2;
    // The toast's row and the footer stand below the detail, which has seven lines or, where there is room, nineteen.
    let below = if arrangement.is_wide() { 21 } else { 9 };
    let detail = size.1.saturating_sub(below + 1);
    let gap = u16::from(arrangement.is_wide());
    RecordsRows {
        facets,
        list,
        shown: detail.saturating_sub(list + gap),
        detail,
    }
}

/// How the Operations view shares its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperationsRows {
    /// The row of the rule that names the chosen operation; four lines follow.
    pub head: u16,
    /// The row of the rule above its records.
    pub records: u16,
    /// How many records are shown.
    pub shown: u16,
    /// The row of the rule above the operations.
    pub list: u16,
    /// How many operations are shown.
    pub listed: u16,
}

/// Shares the rows of the Operations view among the chosen operation's records and all operations.
pub fn operations(size: (u16, u16)) -> OperationsRows {
    let arrangement = Arrangement::of(size);
    let head = arrangement.top();
    let records = head + 5;
    // Two rules, the line of sums (a toast takes its row), the footer.
    let free = size.1.saturating_sub(records + 4);
    let listed = (free / 4).max(3).min(free);
    let shown = free.saturating_sub(listed);
    OperationsRows {
        head,
        records,
        shown,
        list: records + 1 + shown,
        listed,
    }
}

/// How the views of runs, tickets and the timeline share their rows between a list and what is known of one line of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListingRows {
    /// The row of the rule above the list; facets and head stand below it.
    pub rule: u16,
    /// The first row of the list.
    pub list: u16,
    /// How many rows the list has.
    pub shown: u16,
    /// The row of the rule above the detail.
    pub detail: u16,
}

/// Shares the rows of a list of these.
pub fn listing(size: (u16, u16)) -> ListingRows {
    let arrangement = Arrangement::of(size);
    if arrangement == Arrangement::Narrow {
        let list = NARROW_TOP + 1;
        return ListingRows {
            rule: NARROW_TOP,
            list,
            shown: size.1.saturating_sub(list + 1),
            detail: size.1.saturating_sub(1),
        };
    }
    let rule = arrangement.top();
    let list = rule + 2;
    // The toast's row and the footer stand below the detail, which has five lines or, where there is room, seven.
    let below = if arrangement.is_wide() { 9 } else { 7 };
    let detail = size.1.saturating_sub(below + 1);
    ListingRows {
        rule,
        list,
        shown: detail.saturating_sub(list),
        detail,
    }
}
