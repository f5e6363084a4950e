//! A meter that is prepared in advance, and a quick look at whether a closure needs a soak at all.

use std::ffi::CStr;
use std::time::{Duration, Instant};

use pyoutliers::capi::{self, Held};
use pyoutliers::with_python;

use crate::counter::{Counter, Reading};
use crate::error::{Error, Result};
use crate::meter::Meter;
use crate::series::Series;
use crate::universe::Window;

/// The calls before the first window.
const WARM_UP: u32 = 4;
/// The most windows, and how many quiet ones in a row are enough.
const MOST_WINDOWS: u32 = 9;
const QUIET: u32 = 3;
/// About how long a window takes, and the most calls in it.
const WINDOW: Duration = Duration::from_millis(8);
const MOST_CALLS: u64 = 20;

/// A meter that has found all objects of this moment.
///
/// Make it once in a process that then forks. Each child screens or soaks one closure with it, and saves the time of
/// finding these objects.
///
/// ```standalone_crate
/// # use pyoutliers::with_python;
/// use refsoak::{Prepared, Soak, Verdict};
///
/// let mut prepared = Prepared::new()?;
/// let call = || with_python(|_| Ok(()));
/// if prepared.screen(call)?.is_suspect {
///     let report = Soak::new(1600).run_prepared(prepared, call, |_| std::ops::ControlFlow::Continue(()))?;
///     println!("{report}");
/// }
/// # Ok::<_, refsoak::Error>(())
/// ```
#[derive(Debug)]
pub struct Prepared {
    pub(crate) meter: Meter,
    freeze: Held,
    unfreeze: Held,
}

/// What a screening showed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Screened {
    /// All calls, including the warm-up.
    pub calls: u64,
    /// The calls of a window: something that grows once in this many calls is seen.
    pub window: u64,
    /// Whether a counter or an object moved in the same direction in each of the last five windows, or a counter grew
    /// in most of them.
    pub is_suspect: bool,
    /// The counters that moved in this way, except those that count objects one by one.
    pub counters: Vec<Counter>,
    /// The objects that moved, by counter, address and direction. It is the same in two children of a process if the
    /// same objects moved. Empty if nothing moved, or only counters without objects.
    pub cause: String,
}

impl Prepared {
    /// Finds all objects.
    ///
    /// # Errors
    ///
    /// If Python cannot be started, or runs out of memory.
    pub fn new() -> Result<Self> {
        let mut meter = Meter::new()?;
        meter.find_objects()?;
        let (freeze, unfreeze) = with_python(|py| {
            let gc = capi::import_module(py, c"gc")?;
            let find = |name: &CStr| capi::object_get_attr_string(&gc, name).map(Held::from);
            Ok((find(c"freeze")?, find(c"unfreeze")?))
        })?;
        Ok(Self {
            meter,
            freeze,
            unfreeze,
        })
    }

    /// Makes a few calls, and reports whether any counter or object moved with them.
    ///
    /// It may suspect a store that is full. It does not see growth that happens less often than once in a window.
    ///
    /// # Errors
    ///
    /// The first error of the closure.
    pub fn screen<E: Into<Box<dyn std::error::Error + Send + Sync>>>(
        &mut self,
        mut call: impl FnMut() -> Result<(), E>,
    ) -> Result<Screened> {
        let mut call = || call().map_err(|error| Error::of_call(error.into()));
        let mut pace = Duration::MAX;
        for _ in 0..WARM_UP {
            let begun = Instant::now();
            call()?;
            pace = pace.min(begun.elapsed());
        }
        // The collector then skips the objects that exist now. Visiting them would take most of the time of a reading.
        with_python(|py| {
            capi::object_call_function_obj_args(&self.freeze.as_borrowed(py), [])?;
            Ok(())
        })?;
        let screened = self.windows(pace, &mut call);
        with_python(|py| {
            capi::object_call_function_obj_args(&self.unfreeze.as_borrowed(py), [])?;
            Ok(())
        })?;
        screened
    }

    fn windows(
        &mut self,
        pace: Duration,
        call: &mut impl FnMut() -> Result<()>,
    ) -> Result<Screened> {
        let affordable = WINDOW.as_nanos() / pace.as_nanos().max(1);
        let window = u64::try_from(affordable)
            .unwrap_or(MOST_CALLS)
            .clamp(1, MOST_CALLS);
        let mut series = Vec::<(Counter, Series)>::with_capacity(16);
        let (mut made, mut quiet) = (WARM_UP.into(), 0);
        let (mut is_suspect, mut counters) = (false, Vec::new());
        self.meter.begin()?;
        let mut before = self.meter.read_quickly(None)?;
        for _ in 0..MOST_WINDOWS {
            self.meter.prepare(window)?;
            for _ in 0..window {
                call()?;
            }
            made += window;
            let reading = self.meter.read_quickly(Some(Window(window)))?;
            let is_quiet = note(&mut series, &reading, &before) && self.meter.universe.is_quiet();
            before = reading;
            quiet = if is_quiet { quiet + 1 } else { 0 };
            if quiet >= QUIET {
                break;
            }
            let moving = series
                .iter()
                .filter(|(_, series)| series.is_steady() || series.mostly_grew());
            counters = moving.map(|(counter, _)| *counter).collect();
            is_suspect = self.meter.universe.is_steady() || !counters.is_empty();
        }
        counters.retain(|counter| !counter.is_by_object());
        Ok(Screened {
            calls: made,
            window,
            is_suspect: is_suspect && quiet < QUIET,
            counters,
            cause: with_python(|py| Ok(self.meter.universe.steady(py)))?,
        })
    }
}

/// Adds a window to the series of each counter. Returns whether none of them moved.
fn note(series: &mut Vec<(Counter, Series)>, reading: &Reading, before: &Reading) -> bool {
    let mut is_quiet = true;
    for (index, (counter, growth)) in reading.growth(before).enumerate() {
        if series.len() == index {
            series.push((counter, Series::default()));
        }
        // Pages come and go.
        let growth = match counter {
            Counter::OutsideMalloc if growth < 64 << 10 => 0,
            _ => growth,
        };
        is_quiet &= growth == 0;
        if let Some((_, series)) = series.get_mut(index) {
            series.note(growth);
        }
    }
    is_quiet
}
