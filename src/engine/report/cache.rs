//! The customers of earlier pages, up to a number.

use std::collections::HashMap;

use super::customer::Customer;
use crate::domain::customer::Mark;
use crate::domain::row::{Reference, RowId};
use crate::domain::text::visible;

/// What is known of customers: those of this page, and as many others as it holds.
#[derive(Debug, Default)]
pub(super) struct Cache {
    most: usize,
    young: HashMap<RowId, Customer>,
    old: HashMap<RowId, Customer>,
}

impl Cache {
    /// A cache that carries so many customers from page to page.
    pub(super) fn holding(most: usize) -> Self {
        Self {
            most,
            ..Self::default()
        }
    }

    /// Whether a customer need not be read; if so, it stays for a while.
    pub(super) fn has(&mut self, id: RowId) -> bool {
        if let Some(customer) = self.old.remove(&id) {
            self.young.insert(id, customer);
        }
        self.young.contains_key(&id)
    }

    /// Takes a customer in.
    pub(super) fn put(&mut self, customer: Customer) {
        self.young.insert(customer.id, customer);
    }

    /// The customer that a ticket names, for the page that it was read for.
    pub(super) fn customer(&self, reference: &Reference) -> Customer {
        let known = self.young.get(&reference.id);
        known.cloned().unwrap_or_else(|| {
            let name = reference.name.as_deref().unwrap_or_default();
            Customer {
                name: visible(name).into_owned(),
                ..Customer::blank(reference, Mark::Local)
            }
        })
    }

    /// Ends a page: what was not known for sure is asked anew, and once half of it is filled the older half goes.
    pub(super) fn turn_page(&mut self) {
        self.young.retain(|_, customer| customer.why.is_none());
        if self.young.len() >= self.most / 2 {
            self.old = std::mem::take(&mut self.young);
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn customer(number: u128, why: Option<&str>) -> Customer {
        let id = RowId::new(Uuid::from_u128(number)).unwrap_or_else(|| panic!("not nil"));
        let reference = Reference {
            table: None,
            id,
            name: None,
        };
        Customer {
            why: why.map(str::to_owned),
            ..Customer::blank(&reference, Mark::Whole)
        }
    }

    #[test]
    fn it_keeps_what_is_used_and_stays_small() {
        let mut cache = Cache::holding(20);
        let often = customer(1, None);
        cache.put(often.clone());
        for page in 0..1000_u128 {
            assert!(cache.has(often.id), "page {page}");
            for row in 0..5 {
                cache.put(customer(10 + page * 5 + row, None));
            }
            cache.turn_page();
            assert!(cache.young.len() + cache.old.len() <= 20 + 5);
        }
        assert!(!cache.has(customer(10, None).id));
    }

    #[test]
    fn what_could_not_be_read_is_asked_for_again() {
        let mut cache = Cache::holding(20);
        let unread = customer(1, Some("HTTP 503"));
        cache.put(unread.clone());
        cache.turn_page();
        assert!(!cache.has(unread.id));
    }
}
