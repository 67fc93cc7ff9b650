//! How a column is written down in `tables.rs`: by type and limit, then by what may be done with it.
//!
//! Names no table; the columns that every table has stand here too.

use super::{Column, Flavour, Kind, Required, Target};

/// The columns of every table.
pub(super) fn audit() -> Vec<Column> {
    vec![
        time("createdon").computed(),
        time("modifiedon").computed(),
        lookup("createdby", &[("systemuser", "createdby")]).computed(),
        lookup("modifiedby", &[("systemuser", "modifiedby")]).computed(),
        column("versionnumber", Kind::BigInt).computed(),
    ]
}

/// The columns of a table whose rows have an owner and a state.
pub(super) fn owned(
    statuses: &'static [(i64, i64, &'static str)],
    states: &'static [(i64, &'static str)],
) -> impl Iterator<Item = Column> {
    let targets = ["systemuser", "team"].map(|table| Target {
        table,
        navigation: "ownerid",
        cascade: false,
    });
    let owner = Kind::Lookup {
        flavour: Flavour::Owner,
        targets: targets.into(),
    };
    let own = vec![
        column("statecode", Kind::State { options: states })
            .required(Required::System)
            .update_only(),
        column("statuscode", Kind::Status { options: statuses }),
        column("ownerid", owner).required(Required::System),
        lookup(
            "owningbusinessunit",
            &[("businessunit", "owningbusinessunit")],
        )
        .computed(),
        time("overriddencreatedon").create_only(),
        int(
            "importsequencenumber",
            i64::from(i32::MIN),
            i64::from(i32::MAX),
        )
        .create_only(),
    ];
    audit().into_iter().chain(own)
}

pub(super) fn column(name: &'static str, kind: Kind) -> Column {
    let mut schema_name = name.to_owned();
    if let Some(first) = schema_name.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let wire_name = match kind {
        Kind::Lookup { .. } => format!("_{name}_value"),
        _ => name.to_owned(),
    };
    Column {
        name,
        schema_name,
        wire_name,
        kind,
        required: Required::None,
        create: true,
        update: true,
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

pub(super) fn choice(
    name: &'static str,
    options: &'static [(i64, &'static str)],
    default: Option<i64>,
) -> Column {
    column(name, Kind::Choice { options, default })
}

pub(super) fn time(name: &'static str) -> Column {
    column(name, Kind::Time)
}

pub(super) fn lookup(name: &'static str, targets: &[(&'static str, &'static str)]) -> Column {
    let targets = targets
        .iter()
        .map(|(table, navigation)| Target {
            table,
            navigation,
            cascade: false,
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

/// A customer is an account or a contact, and owns what names it.
pub(super) fn customer(name: &'static str, account: &'static str, contact: &'static str) -> Column {
    let targets = vec![
        Target {
            table: "account",
            navigation: account,
            cascade: true,
        },
        Target {
            table: "contact",
            navigation: contact,
            cascade: true,
        },
    ];
    column(
        name,
        Kind::Lookup {
            flavour: Flavour::Customer,
            targets,
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
}
