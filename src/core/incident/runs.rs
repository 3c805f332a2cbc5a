//! The runs of all steps, by id. A copy costs next to nothing: it shares every run with the original until one of the
//! two changes it. Never holds two runs of one step.

use super::run::Run;
use crate::core::id::StepId;
use std::borrow::Borrow;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Runs by step.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Runs {
    /// In their order.
    ids: Arc<Vec<StepId>>,
    /// One for each id, in the same order.
    runs: Vec<Arc<Run>>,
}

/// Every step with its run, in the order of the ids.
pub type Iter<'a> = std::iter::Zip<
    std::slice::Iter<'a, StepId>,
    std::iter::Map<std::slice::Iter<'a, Arc<Run>>, fn(&Arc<Run>) -> &Run>,
>;

impl Runs {
    pub(super) fn place(&self, id: &(impl Borrow<str> + ?Sized)) -> Result<usize, usize> {
        self.ids.binary_search_by(|own| own.as_str().cmp(id.borrow()))
    }

    /// The run of a step.
    pub fn get(&self, id: &(impl Borrow<str> + ?Sized)) -> Option<&Run> {
        self.runs.get(self.place(id).ok()?).map(Arc::as_ref)
    }

    /// The same with the step's id as it is kept here.
    pub fn get_key_value(&self, id: &(impl Borrow<str> + ?Sized)) -> Option<(&StepId, &Run)> {
        self.at(self.place(id).ok()?)
    }

    pub(super) fn at(&self, place: usize) -> Option<(&StepId, &Run)> {
        Some((self.ids.get(place)?, self.runs.get(place)?))
    }

    /// The run of a step, to change it.
    pub fn get_mut(&mut self, id: &(impl Borrow<str> + ?Sized)) -> Option<&mut Run> {
        let place = self.place(id).ok()?;
        self.runs.get_mut(place).map(Arc::make_mut)
    }

    /// Changes the run of a step; one that had none has one from now on.
    pub fn update(&mut self, id: &StepId, change: impl FnOnce(&mut Run)) {
        match self.place(id) {
            Ok(place) => {
                if let Some(run) = self.runs.get_mut(place) {
                    change(Arc::make_mut(run));
                }
            }
            Err(place) => {
                let mut run = Run::default();
                change(&mut run);
                Arc::make_mut(&mut self.ids).insert(place, id.clone());
                self.runs.insert(place, Arc::new(run));
            }
        }
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.runs.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Every step with its run, in the order of the ids.
    pub fn iter(&self) -> Iter<'_> {
        let run: fn(&Arc<Run>) -> &Run = Arc::as_ref;
        self.ids.iter().zip(self.runs.iter().map(run))
    }

    /// Every step.
    pub fn keys(&self) -> impl Iterator<Item = &StepId> {
        self.ids.iter()
    }

    /// Every run, in the order of the ids.
    pub fn values(&self) -> impl Iterator<Item = &Run> {
        self.runs.iter().map(Arc::as_ref)
    }

    /// Forgets the steps that are not wanted.
    pub fn retain(&mut self, wanted: impl Fn(&StepId) -> bool) {
        let all = self.ids.iter().cloned().zip(self.runs.drain(..));
        let (ids, runs): (Vec<StepId>, Vec<Arc<Run>>) = all.filter(|(id, _)| wanted(id)).unzip();
        *self = Runs { ids: Arc::new(ids), runs };
    }
}

impl FromIterator<StepId> for Runs {
    fn from_iter<T: IntoIterator<Item = StepId>>(ids: T) -> Runs {
        let ids: BTreeSet<StepId> = ids.into_iter().collect();
        let runs = ids.iter().map(|_| Arc::default()).collect();
        Runs { ids: Arc::new(ids.into_iter().collect()), runs }
    }
}

impl<'a> IntoIterator for &'a Runs {
    type Item = (&'a StepId, &'a Run);
    type IntoIter = Iter<'a>;
    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> StepId {
        StepId::parse(text).unwrap()
    }

    fn attempts(runs: &Runs) -> Vec<(&str, u32)> {
        runs.iter().map(|(id, run)| (id.as_str(), run.attempt)).collect()
    }

    #[test]
    fn every_step_has_one_run_in_the_order_of_the_ids() {
        let mut runs: Runs = ["c", "a", "b", "a"].map(id).into_iter().collect();
        assert_eq!(attempts(&runs), [("a", 0), ("b", 0), ("c", 0)]);
        runs.get_mut("b").unwrap().attempt = 2;
        runs.update(&id("c"), |run| run.attempt += 3);
        runs.update(&id("aa"), |run| run.attempt = 1);
        assert_eq!(attempts(&runs), [("a", 0), ("aa", 1), ("b", 2), ("c", 3)]);
        assert_eq!(runs.get("aa").unwrap().attempt, 1);
        assert_eq!(runs.get_key_value("b").unwrap().0, &id("b"));
        assert!(runs.get("d").is_none() && runs.get_mut(&id("d")).is_none());
        runs.retain(|id| id.as_str() != "aa");
        assert_eq!(attempts(&runs), [("a", 0), ("b", 2), ("c", 3)]);
    }

    #[test]
    fn a_copy_stays_as_it_was() {
        let mut runs: Runs = ["a", "b"].map(id).into_iter().collect();
        let copy = runs.clone();
        assert!(std::ptr::eq(runs.get("b").unwrap(), copy.get("b").unwrap()), "they share what is the same");
        runs.get_mut("a").unwrap().attempt = 1;
        runs.update(&id("c"), |_| {});
        assert_eq!(attempts(&copy), [("a", 0), ("b", 0)]);
        assert_eq!(attempts(&runs), [("a", 1), ("b", 0), ("c", 0)]);
        assert_ne!(runs, copy);
    }
}
