//! The demo's real companies, as the data file has them.
//!
//! Source and licence of the file: `assets/README.md`.

use serde::Deserialize;
use uuid::Uuid;

use crate::emulator::company_id;

/// One company.
#[derive(Debug, Deserialize)]
pub(crate) struct Company {
    #[serde(rename = "Symbol")]
    pub(crate) ticker: String,
    #[serde(rename = "Security")]
    pub(crate) name: String,
    #[serde(rename = "GICS Sector")]
    pub(crate) sector: String,
    #[serde(rename = "GICS Sub-Industry")]
    pub(crate) industry: String,
    #[serde(rename = "Headquarters Location")]
    headquarters: String,
    #[serde(rename = "CIK")]
    cik: String,
    #[serde(rename = "Founded")]
    pub(crate) founded: String,
}

impl Company {
    pub(crate) fn id(&self) -> Uuid {
        company_id(&self.cik, &self.ticker)
    }

    /// City and state, or country.
    pub(crate) fn place(&self) -> (&str, &str) {
        self.headquarters
            .split_once(", ")
            .unwrap_or((&self.headquarters, ""))
    }
}

pub(crate) fn read() -> Result<Vec<Company>, csv::Error> {
    let text = include_str!("../../../assets/sp500-constituents.csv");
    csv::Reader::from_reader(text.as_bytes())
        .deserialize()
        .collect()
}
