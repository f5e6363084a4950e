//! Arguments that are lent: a list and its items, watched by spare references during a call.

use crate::spare::SpareReferences;
use pyoutliers::Outliers;
use pyoutliers::Python;
use pyoutliers::Result;
use pyoutliers::capi::{self, Held, Owned};
use pyoutliers::convert;
use pyoutliers::with_python;

/// Calls with arguments that are lent. One sees all; more tell what is kept from what the next call
/// lets go.
const CALLS: usize = 4;
const SPARE: i64 = 16;

/// What the calls did with the arguments that they were lent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lent {
    /// Calls with arguments that were watched.
    pub calls: usize,
    /// In so many of them the list was kept beyond the last call, or an item of it.
    pub kept: usize,
    /// References to the list that were given back too often.
    pub list_released: i64,
    /// References to items that were given back too often.
    pub items_released: i64,
    /// The first item that was given back too often.
    pub first_item: Option<usize>,
    /// In so many of them the list was returned without a reference of its own.
    pub borrowed: usize,
}

impl Lent {
    /// Whether a reference was given back that was nobody's to give.
    pub fn is_over_released(&self) -> bool {
        self.list_released > 0 || self.items_released > 0 || self.borrowed > 0
    }

    /// Whether each call kept the list, or an item of it.
    pub(super) fn is_kept(&self) -> bool {
        self.kept == self.calls && self.kept > 0
    }

    /// A sentence for each thing that was wrong.
    pub fn faults(&self) -> Vec<String> {
        let of = format!("in {} calls that were watched", self.calls);
        let mut faults = Vec::new();
        if self.borrowed > 0 {
            faults.push(format!(
                "it returns its argument without a reference of its own, {} times {of}: that takes \
                 Py_INCREF before the return",
                self.borrowed
            ));
        }
        if self.list_released > 0 {
            faults.push(format!(
                "it gives its argument back too often, {} times {of}: an argument is borrowed",
                self.list_released
            ));
        }
        if let Some(first) = self.first_item {
            faults.push(format!(
                "it gives items of its argument back too often, {} times {of}, first item {first}: \
                 what PyList_GetItem returns is borrowed",
                self.items_released
            ));
        }
        if self.is_kept() {
            faults.push(format!(
                "it keeps its argument or items of it, {} times {of}",
                self.kept
            ));
        }
        faults
    }
}

/// A list and its items, which are let go of first: else those that go with the list look missing.
pub struct WatchedList {
    items: Vec<SpareReferences>,
    list: SpareReferences,
}

impl WatchedList {
    /// Watches a list that nobody else may change meanwhile.
    ///
    /// # Errors
    ///
    /// If there is no memory to do so.
    pub fn new(list: Owned<'_>) -> Result<Self> {
        let py = list.py();
        let item = |_, item: &Owned<'_>| Ok(SpareReferences::new(item.clone(), SPARE));
        let mut items = convert::vec_from_iterable(&list, usize::MAX, item)?;
        items.iter_mut().for_each(|item| item.begin(py));
        let list = SpareReferences::new(list, SPARE);
        Ok(Self { items, list })
    }

    /// Compares with the counts of now on.
    pub fn begin(&mut self, py: Python<'_>) {
        self.list.begin(py);
        self.items.iter_mut().for_each(|item| item.begin(py));
    }

    /// The list, and its items in turn.
    pub fn each(&self) -> impl Iterator<Item = &SpareReferences> {
        std::iter::once(&self.list).chain(&self.items)
    }

    /// Makes a call with the list, and uses its result up: of what items, its caller knows.
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
            // It is not the result's to give: one is given for it.
            std::mem::forget(result.clone());
        }
        convert::vec_from_iterable(&result, self.items.len(), |_, _| Ok(()))?;
        Ok(self)
    }

    /// Looks whether all references are there that should be, and no more.
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

/// A list of some values.
pub(super) fn list(data: &[f64]) -> Result<Held> {
    with_python(|py| Ok(convert::list_from_slice(py, data, None)?.into()))
}

/// Lends arguments to a function. `collect` has Python collect what only cycles keep.
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

/// The positive control: one fault after the other is committed, and has to be seen.
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
                    "a planted fault with an argument should have been seen as {expected:?}, but \
                     was as {lent:?}"
                )));
            }
        }
        Ok(None)
    })
}
