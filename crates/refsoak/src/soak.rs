//! The builder of a soak, with which a caller starts.

use std::ops::ControlFlow;
use std::time::Duration;

use crate::calls::Progress;
use crate::error::{Error, Result};
use crate::prepared::Prepared;
use crate::report::Report;
use crate::run::Run;
use crate::series::PARTS;
use crate::settings::Settings;
use pyoutliers::Outliers;

/// An error of any type that a closure may return.
type CallError = Box<dyn std::error::Error + Send + Sync>;

/// A soak: its number of calls, its time limit, the arguments that it lends, and the growth that it allows.
///
/// ```standalone_crate
/// use std::time::Duration;
///
/// use refsoak::{Soak, Verdict};
/// use pyoutliers::with_python;
///
/// let soak = Soak::new(1600).within(Duration::from_secs(60));
/// let report = soak.run(|| with_python(|_| Ok(())))?;
/// assert_eq!(report.verdict, Verdict::Clean);
/// println!("{report}");
/// # Ok::<_, refsoak::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Soak<'a> {
    settings: Settings<'a>,
}

impl<'a> Soak<'a> {
    /// A soak of `calls` calls, rounded up to a multiple of 20. The warm-up calls are extra.
    pub fn new(calls: u64) -> Self {
        Self {
            settings: Settings {
                calls: calls.div_ceil(PARTS).max(1).saturating_mul(PARTS),
                time: None,
                lent: None,
                allowed: Vec::new(),
                hidden: Vec::new(),
                native: false,
                brief: None,
            },
        }
    }

    /// Warms up with only `warm_up` calls, and does not locate a leak. Use it for many soaks in a row.
    ///
    /// ```standalone_crate
    /// # use pyoutliers::with_python;
    /// # use refsoak::Soak;
    /// let report = Soak::new(160).briefly(16).run(|| with_python(|_| Ok(())))?;
    /// assert!(report.warm_up < 64);
    /// # Ok::<_, refsoak::Error>(())
    /// ```
    pub fn briefly(mut self, warm_up: u64) -> Self {
        self.settings.brief = Some(warm_up);
        self
    }

    /// Sets a time limit. Time that the thread spends waiting for a processor does not count, up to three quarters of
    /// the elapsed time. The soak makes only the calls that there is time for. It makes more than were requested if
    /// they can tell a leak from a store that fills. Locating a leak takes a few more seconds.
    pub fn within(mut self, time: Duration) -> Self {
        self.settings.time = Some(time);
        self
    }

    /// Accepts growth that you know: `types` for references to types, or a pattern for an object or a
    /// container. The pattern must match its variable, its type, or its type and `repr`; `*` stands for any
    /// text.
    ///
    /// The report lists the allowed growth, which does not affect the verdict.
    ///
    /// ```standalone_crate
    /// # use pyoutliers::{capi, with_python};
    /// # use refsoak::Soak;
    /// let leaks = || with_python(|py| Ok(std::mem::forget(capi::import_module(py, c"sys")?)));
    /// let report = Soak::new(1600).allow("module <module 'sys' *").run(leaks)?;
    /// report.assert_clean();
    /// assert_eq!(report.allowed.len(), 1);
    /// # Ok::<_, refsoak::Error>(())
    /// ```
    pub fn allow(mut self, pattern: &str) -> Self {
        self.settings.allowed.push(pattern.into());
        self
    }

    /// Names no lines and no variables of a module or package, such as a test framework that makes the calls: a leak
    /// is charged to the line that leads there.
    pub fn hide(mut self, module: &str) -> Self {
        self.settings.hidden.push(module.into());
        self
    }

    /// After a leak or an over-release of references to an object that lives on, also names the C functions that take
    /// and release them, with the file and line where there is debug information. They may be functions of this program.
    /// `the closure` stands for code that was inlined into the soak.
    ///
    /// It needs gdb, the permission to trace this process, and a processor with hardware watchpoints. Otherwise
    /// [`Report::native`] says what is missing.
    pub fn native(mut self) -> Self {
        self.settings.native = true;
        self
    }

    /// Lends arguments: before the soak, four calls of a function get watched lists. The report says
    /// whether the function keeps its argument, releases the list or an item too often, or returns the list
    /// without adding a reference.
    pub fn lend(mut self, detector: &'a Outliers, data: &'a [f64]) -> Self {
        self.settings.lent = Some((detector, data));
        self
    }

    /// Soaks a closure, which takes Python's lock in its own way.
    ///
    /// # Errors
    ///
    /// The first error of the closure, which ends the soak; or the reason why Python cannot be started. If
    /// the closure fails with [`ErrorKind::OutOfMemory`](pyoutliers::ErrorKind::OutOfMemory), the soak ends
    /// with a report instead.
    pub fn run<E: Into<CallError>>(self, call: impl FnMut() -> Result<(), E>) -> Result<Report> {
        self.run_watched(call, |_| ControlFlow::Continue(()))
    }

    /// Soaks a closure, and calls `watch` with the progress before each call. `Break` ends the soak with the
    /// verdict so far.
    ///
    /// ```standalone_crate
    /// # use std::ops::ControlFlow;
    /// # use pyoutliers::with_python;
    /// # use refsoak::{Ended, Soak};
    /// let call = || with_python(|_| Ok(()));
    /// let report = Soak::new(1600).run_watched(call, |progress| match progress.calls {
    ///     1000.. => ControlFlow::Break(()),
    ///     _ => ControlFlow::Continue(()),
    /// })?;
    /// assert_eq!(report.ended, Some(Ended::Interrupted));
    /// # Ok::<_, refsoak::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The same as [`run`](Self::run).
    pub fn run_watched<E: Into<CallError>>(
        self,
        mut call: impl FnMut() -> Result<(), E>,
        watch: impl FnMut(&Progress) -> ControlFlow<()>,
    ) -> Result<Report> {
        let call = || call().map_err(|error| Error::of_call(error.into()));
        Run::new(self.settings, None, call, watch)?.run()
    }

    /// The same as [`run_watched`](Self::run_watched), with a meter that was prepared in advance.
    ///
    /// # Errors
    ///
    /// The same as [`run`](Self::run).
    pub fn run_prepared<E: Into<CallError>>(
        self,
        prepared: Prepared,
        mut call: impl FnMut() -> Result<(), E>,
        watch: impl FnMut(&Progress) -> ControlFlow<()>,
    ) -> Result<Report> {
        let call = || call().map_err(|error| Error::of_call(error.into()));
        Run::new(self.settings, Some(prepared), call, watch)?.run()
    }
}
