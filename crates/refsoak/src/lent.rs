//! Lent arguments: lists whose references, and those of their items, are watched during a call.

use crate::spare::SpareReferences;
use pyoutliers::Outliers;
use pyoutliers::Python;
use pyoutliers::Result;
use pyoutliers::capi::{self, Held, Owned};
use pyoutliers::convert;
use pyoutliers::with_python;

/// The number of calls with lent arguments. One call shows every fault. More calls show whether an argument
/// is kept for good, or only until the next call.
const CALLS: usize = 4;
/// Spare references to each list and each item.
const SPARE: i64 = 16;

/// What the function did with the arguments that it was lent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lent {
    /// The calls with watched arguments.
    pub calls: usize,
    /// How many of these calls kept the list, or an item of it, beyond the last call.
    pub kept: usize,
    /// How many references to the list were released too often.
    pub list_released: i64,
    /// How many references to items were released too often.
    pub items_released: i64,
    /// The index of the first item that was released too often.
    pub first_item: Option<usize>,
    /// How many of these calls returned the list without adding a reference.
    pub borrowed: usize,
}

impl Lent {
    /// Whether the function released a reference that it did not own.
    pub fn is_over_released(&self) -> bool {
        self.list_released > 0 || self.items_released > 0 || self.borrowed > 0
    }

    /// Whether every call kept the list, or an item of it.
    pub(super) fn is_kept(&self) -> bool {
        self.kept == self.calls && self.kept > 0
    }

    /// A sentence for each fault.
    pub fn faults(&self) -> Vec<String> {
        let times = |count: i64| {
            let times = if count == 1 { "time" } else { "times" };
            let calls = if self.calls == 1 { "call" } else { "calls" };
            format!("{count} {times} in {} watched {calls}", self.calls)
        };
        let signed = |count| i64::try_from(count).unwrap_or(i64::MAX);
        let mut faults = Vec::new();
        if self.borrowed > 0 {
            faults.push(format!(
                "the function returns its argument without adding a reference, {}: call Py_INCREF \
                 before the return",
                times(signed(self.borrowed))
            ));
        }
        if self.list_released > 0 {
            faults.push(format!(
                "the function releases its argument too often, {}: an argument is borrowed",
                times(self.list_released)
            ));
        }
        if let Some(first) = self.first_item {
            faults.push(format!(
                "the function releases items of its argument too often, {}, first item {first}: \
                 PyList_GetItem returns a borrowed reference",
                times(self.items_released)
            ));
        }
        if self.is_kept() {
            faults.push(format!(
                "the function keeps its argument or items of it, {}",
                times(signed(self.kept))
            ));
        }
        faults
    }
}

/// Watches a list and its items: spare references keep all of them alive, and each count is compared with an
/// earlier one.
///
/// ```
/// use pyoutliers::{convert, with_python};
/// use refsoak::WatchedList;
///
/// with_python(|py| {
///     let watched = WatchedList::new(convert::list_from_slice(py, &[1.5, 2.5], None)?)?;
///     let taken = watched.each().nth(2).map(|item| item.object(py).clone());
///     let growths: Vec<_> = watched.each().map(|each| each.growth(py)).collect();
///     assert_eq!(growths, [0, 0, 1]); // the list, its first item, its second item
///     drop(taken);
///     Ok(())
/// })?;
/// # Ok::<_, pyoutliers::Error>(())
/// ```
pub struct WatchedList {
    /// Dropped before the list: otherwise the references that the list releases would look missing.
    items: Vec<SpareReferences>,
    list: SpareReferences,
}

impl WatchedList {
    /// Watches a list, which must not change meanwhile.
    ///
    /// # Errors
    ///
    /// If memory runs out.
    pub fn new(list: Owned<'_>) -> Result<Self> {
        let py = list.py();
        let item = |_, item: &Owned<'_>| Ok(SpareReferences::new(item.clone(), SPARE));
        let mut items = convert::vec_from_iterable(&list, usize::MAX, item)?;
        items.iter_mut().for_each(|item| item.begin(py));
        let list = SpareReferences::new(list, SPARE);
        Ok(Self { items, list })
    }

    /// Makes the present counts the ones to compare with.
    pub fn begin(&mut self, py: Python<'_>) {
        self.list.begin(py);
        self.items.iter_mut().for_each(|item| item.begin(py));
    }

    /// The list first, then each of its items.
    pub fn each(&self) -> impl Iterator<Item = &SpareReferences> {
        std::iter::once(&self.list).chain(&self.items)
    }

    /// Makes a call with the list, and takes all items from its result.
    fn call<'p>(
        self,
        py: Python<'p>,
        lent: &mut Lent,
        call: impl FnOnce(&Owned<'p>, &Self) -> Result<Owned<'p>>,
    ) -> Result<Self> {
        let result = call(&self.list.object(py), &self)?;
        lent.calls += 1;
        let is_list = result.address() == self.list.object(py).address();
        if is_list && self.list.growth(py) < 1 {
            lent.borrowed += 1;
            // The result will release a reference that it does not own. This one replaces it.
            std::mem::forget(result.clone());
        }
        convert::vec_from_iterable(&result, self.items.len(), |_, _| Ok(()))?;
        Ok(self)
    }

    /// Counts the references that are missing, and those that were kept.
    fn look(&self, py: Python<'_>, lent: &mut Lent) {
        let list = self.list.growth(py);
        lent.list_released += (-list).max(0);
        let mut kept = list > 0;
        for (index, item) in self.items.iter().enumerate() {
            let item = item.growth(py);
            lent.items_released += (-item).max(0);
            if item < 0 {
                lent.first_item.get_or_insert(index);
            }
            kept |= item > 0;
        }
        lent.kept += usize::from(kept);
    }
}

/// A Python list of these values.
pub(super) fn list(data: &[f64]) -> Result<Held> {
    with_python(|py| Ok(convert::list_from_slice(py, data, None)?.into()))
}

/// Calls a function with lent arguments. `collect` runs Python's cycle collector.
pub(super) fn lend(detector: &Outliers, data: &[f64], collect: &Held) -> Result<Lent> {
    let mut lent = Lent::default();
    with_python(|py| {
        let mut watched = Vec::new();
        for _ in 0..CALLS {
            let list = WatchedList::new(convert::list_from_slice(py, data, None)?)?;
            watched.push(list.call(py, &mut lent, |list, _| Ok(detector.call(list)?))?);
        }
        capi::object_call_function_obj_args(&collect.as_borrowed(py), [])?;
        watched
            .iter()
            .for_each(|watched| watched.look(py, &mut lent));
        Ok(lent)
    })
    .map_err(|error| error.in_function(detector.name()))
}

/// The positive control: commits one fault after the other, and returns the first that is not seen.
pub(super) fn prove() -> Result<Option<String>> {
    let right = Lent {
        calls: 1,
        ..Lent::default()
    };
    let expected = [
        Lent {
            kept: 1,
            ..right.clone()
        },
        Lent {
            list_released: 1,
            ..right.clone()
        },
        Lent {
            items_released: 1,
            first_item: Some(1),
            ..right.clone()
        },
        Lent {
            borrowed: 1,
            ..right.clone()
        },
        right,
    ];
    with_python(|py| {
        for (fault, expected) in expected.into_iter().enumerate() {
            let mut kept = None;
            let mut lent = Lent::default();
            let list = WatchedList::new(convert::list_from_slice(py, &[1.5, 2.5], None)?)?;
            let list = list.call(py, &mut lent, |list, watched| {
                match fault {
                    0 => kept = Some(list.clone()),
                    1 | 3 => watched.list.lose_one(py),
                    2 => watched
                        .items
                        .iter()
                        .skip(1)
                        .for_each(|item| item.lose_one(py)),
                    _ => {}
                }
                let nothing = || capi::list_new(py, 0)?.finish();
                Ok(if fault == 3 { list.clone() } else { nothing()? })
            });
            list?.look(py, &mut lent);
            drop(kept);
            if lent != expected {
                return Ok(Some(format!(
                    "a planted fault with an argument should have been counted as {expected:?}, but was \
                     counted as {lent:?}"
                )));
            }
        }
        Ok(None)
    })
}

#[cfg(test)]
mod tests {
    use super::Lent;

    #[test]
    fn a_fault_has_the_right_plural() {
        let lent = |times, calls| Lent {
            calls,
            list_released: times,
            ..Lent::default()
        };
        for (times, calls, expected) in [
            (4, 4, "too often, 4 times in 4 watched calls: "),
            (1, 4, "too often, 1 time in 4 watched calls: "),
            (2, 1, "too often, 2 times in 1 watched call: "),
        ] {
            let faults = lent(times, calls).faults().concat();
            assert!(faults.contains(expected), "{faults}");
        }
    }
}
