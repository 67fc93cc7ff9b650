//! How a column is written down in `tables.rs`: by type and limit, then by what may be done with it.
//!
//! Names no table; the columns that every table has stand here too.

use super::{Column, Flavour, Format, Kind, Read, Required, Source, Target, names};

/// The columns of every table; `base` begins the names of the relationships with users.
pub(super) fn audit(base: &str) -> Vec<Column> {
    let by = |name: &'static str| {
        let mut column = lookup(name, &[("systemuser", name, "")]).computed();
        if let Kind::Lookup { targets, .. } = &mut column.kind {
            for target in targets {
                target.relationship = format!("lk_{base}_{name}");
            }
        }
        column
    };
    vec![
        time("createdon").computed(),
        time("modifiedon").computed(),
        by("createdby"),
        by("modifiedby"),
        by("createdonbehalfby"),
        by("modifiedonbehalfby"),
        column("versionnumber", Kind::BigInt).computed(),
    ]
}

/// The state of a row and its reason.
pub(super) fn status(
    statuses: &'static [(i64, i64, &'static str)],
    states: &'static [(i64, &'static str)],
) -> [Column; 2] {
    let (statuses, states) = (statuses.into(), states.into());
    [
        column("statecode", Kind::State { options: states })
            .required(Required::System)
            .update_only(),
        column("statuscode", Kind::Status { options: statuses }),
    ]
}

/// The columns of a row that belongs to a user or a team; `plural` ends the names of the relationships with them.
pub(super) fn owner(plural: &str) -> Vec<Column> {
    let target = |table, navigation, relationship: &str| Target {
        table,
        navigation,
        relationship: format!("{relationship}_{plural}"),
        cascade: false,
        restricts: true,
    };
    let owner = Kind::Lookup {
        flavour: Flavour::Owner,
        targets: ["systemuser", "team"]
            .map(|table| target(table, "ownerid", "owner"))
            .into(),
    };
    let part = |name, table, relationship| {
        let targets = vec![target(table, name, relationship)];
        let flavour = Flavour::Lookup;
        column(name, Kind::Lookup { flavour, targets }).computed()
    };
    vec![
        column("ownerid", owner).required(Required::System),
        part("owningbusinessunit", "businessunit", "business_unit"),
        part("owninguser", "systemuser", "user"),
        part("owningteam", "team", "team"),
    ]
}

/// The columns with which a migration tells what it brings.
pub(super) fn migrated() -> [Column; 4] {
    let whole = |name, min| int(name, min, i64::from(i32::MAX));
    [
        time("overriddencreatedon").create_only(),
        whole("importsequencenumber", i64::from(i32::MIN)).create_only(),
        whole("timezoneruleversionnumber", -1),
        whole("utcconversiontimezonecode", -1),
    ]
}

/// The currency of a row's money and the rate at which its twins in the base currency are computed.
pub(super) fn currency(relationship: &'static str) -> [Column; 2] {
    let currency = lookup(
        "transactioncurrencyid",
        &[("transactioncurrency", "transactioncurrencyid", relationship)],
    )
    .restricting();
    [
        currency,
        decimal("exchangerate", 10, 0, 100_000_000_000).computed(),
    ]
}

pub(super) fn column(name: &'static str, kind: Kind) -> Column {
    let wire_name = match kind {
        Kind::Lookup { .. } => format!("_{name}_value"),
        _ => name.to_owned(),
    };
    Column {
        name,
        schema_name: names::schema_name(name),
        wire_name,
        kind,
        required: Required::None,
        create: true,
        update: true,
        read: Read::Everybody,
        format: Format::None,
        source: Source::Simple,
        auto_number: None,
        global_choice: None,
    }
}

pub(super) fn id(name: &'static str) -> Column {
    Column {
        update: false,
        ..column(name, Kind::Id).required(Required::System)
    }
}

pub(super) fn identifier(name: &'static str) -> Column {
    column(name, Kind::Id)
}

pub(super) fn text(name: &'static str, max: usize) -> Column {
    column(name, Kind::Text { max })
}

pub(super) fn memo(name: &'static str, max: usize) -> Column {
    column(name, Kind::Memo { max })
}

pub(super) fn int(name: &'static str, min: i64, max: i64) -> Column {
    column(name, Kind::Int { min, max })
}

pub(super) fn money(name: &'static str, precision: u32) -> Column {
    column(name, Kind::Money { precision })
}

/// The same sum in the currency of the instance, computed.
pub(super) fn money_base(name: &'static str) -> Column {
    money(name, 4).computed()
}

pub(super) fn decimal(name: &'static str, precision: u32, min: i64, max: i64) -> Column {
    column(
        name,
        Kind::Decimal {
            precision,
            min,
            max,
        },
    )
}

pub(super) fn double(name: &'static str, precision: u32, min: i64, max: i64) -> Column {
    column(
        name,
        Kind::Double {
            precision,
            min,
            max,
        },
    )
}

pub(super) fn boolean(name: &'static str, default: bool) -> Column {
    column(
        name,
        Kind::Bool {
            default,
            yes: "Yes",
            no: "No",
        },
    )
}

/// A two-options column with labels of its own.
pub(super) fn two_options(
    name: &'static str,
    default: bool,
    no: &'static str,
    yes: &'static str,
) -> Column {
    column(name, Kind::Bool { default, yes, no })
}

pub(super) fn choice(
    name: &'static str,
    options: &'static [(i64, &'static str)],
    default: Option<i64>,
) -> Column {
    let options = options.into();
    column(name, Kind::Choice { options, default })
}

pub(super) fn choices(name: &'static str, options: &'static [(i64, &'static str)]) -> Column {
    let options = options.into();
    column(name, Kind::Choices { options })
}

pub(super) fn time(name: &'static str) -> Column {
    column(name, Kind::Time)
}

pub(super) fn date(name: &'static str) -> Column {
    column(name, Kind::Date)
}

/// A lookup by its targets: table, navigation property, relationship.
pub(super) fn lookup(name: &'static str, targets: &[(&'static str, &'static str, &str)]) -> Column {
    let targets = targets
        .iter()
        .map(|(table, navigation, relationship)| Target {
            table,
            navigation,
            relationship: (*relationship).to_owned(),
            cascade: false,
            restricts: false,
        })
        .collect();
    column(
        name,
        Kind::Lookup {
            flavour: Flavour::Lookup,
            targets,
        },
    )
}

/// A customer is an account or a contact, and owns what names it; the relationships end in the plural of either.
pub(super) fn customer(
    name: &'static str,
    [account, contact]: [&'static str; 2],
    relationship: &str,
) -> Column {
    let target = |table: &'static str, navigation| Target {
        table,
        navigation,
        relationship: format!("{relationship}_{table}s"),
        cascade: true,
        restricts: false,
    };
    column(
        name,
        Kind::Lookup {
            flavour: Flavour::Customer,
            targets: vec![target("account", account), target("contact", contact)],
        },
    )
}

impl Column {
    pub(super) fn required(self, required: Required) -> Column {
        Column { required, ..self }
    }

    pub(super) fn computed(self) -> Column {
        Column {
            create: false,
            update: false,
            ..self
        }
    }

    pub(super) fn create_only(self) -> Column {
        Column {
            update: false,
            ..self
        }
    }

    pub(super) fn update_only(self) -> Column {
        Column {
            create: false,
            ..self
        }
    }

    /// A lookup that keeps what it names from being deleted.
    pub(super) fn restricting(mut self) -> Column {
        if let Kind::Lookup { targets, .. } = &mut self.kind {
            for target in targets {
                target.restricts = true;
            }
        }
        self
    }

    pub(super) fn format(self, format: Format) -> Column {
        Column { format, ..self }
    }

    pub(super) fn privileged(self) -> Column {
        let read = Read::Privileged;
        Column { read, ..self }
    }

    pub(super) fn write_only(self) -> Column {
        let read = Read::Nobody;
        Column { read, ..self }
    }

    pub(super) fn calculated(self) -> Column {
        let source = Source::Calculated;
        Column { source, ..self }.computed()
    }

    /// A choice whose options stand in a global choice.
    pub(super) fn global(self, name: &'static str) -> Column {
        let global_choice = Some(name);
        Column {
            global_choice,
            ..self
        }
    }

    pub(super) fn numbered(self, format: &'static str) -> Column {
        let auto_number = Some(format);
        Column {
            auto_number,
            ..self
        }
    }
}
