//! A Python function, found once and called many times.

use std::sync::atomic::AtomicU32;

use crate::capi::{self, Exception, Held, Kept, Owned};
use crate::convert;
use crate::error::Result;
use crate::interpreter::{Turn, c_name, find, with_python};
use crate::parameter::Parameter;

/// A Python function that takes a list of floats and returns ints or floats, found once and called
/// many times.
///
/// # Threads
///
/// It can be shared between threads. Python's lock (the GIL) lets one thread compute at a time, so
/// several threads together make no more calls than one. Only waiting overlaps, such as for a database.
///
/// Threads that need the lock take turns. Without turns they wake each other too often, and short calls
/// take twice as long. A function that mostly waits, or that computes for more than a few milliseconds,
/// stops taking turns automatically. [`without_turns`](Self::without_turns) is for functions that compute
/// without the lock.
///
/// A free-threaded Python has no lock: threads compute at the same time, and take no turns. Two threads on two cores
/// make 1.8 to 1.9 times the calls of one.
///
/// To use more cores with the lock, start several processes. Let each read its own part of the input and send back
/// only indices: sending the numbers takes about as long as computing with them.
///
/// In an async program, make calls on a thread for blocking work, for example with `tokio::task::spawn_blocking`.
///
/// Calls run on the stack of the calling thread. Python's recursion limit assumes a stack of 8 MiB. Threads
/// of `std` have 2 MiB. Recursion through C code can overflow that, which ends the process: for example a
/// `key` function that itself sorts by that key. `std::thread::Builder::stack_size` sets the size.
#[derive(Debug)]
pub struct Outliers {
    function: Held,
    name: String,
    /// A dictionary, if there are named arguments.
    parameters: Option<Held>,
    /// The list of the previous call.
    kept: Kept,
    /// The most values that a kept list may have.
    most_kept: usize,
    /// The number of calls that the function still makes without turns; `None` if it never takes turns.
    turns: Option<AtomicU32>,
}

/// The default of `keep_up_to`: 131 kB.
const MOST_KEPT: usize = 4096;

impl Outliers {
    /// Finds `function` in `module`. Starts Python if it is not started.
    ///
    /// `module` is a name as in `import`, or a file whose name ends in `.py`. `function` may be
    /// dotted, as in `Class.method`.
    ///
    /// Modules are found where the chosen Python finds them (see [`interpreter`](crate::interpreter)). The
    /// current directory is searched only if `PYTHONPATH` names it, and the directory of a file is not searched for
    /// what the file imports. `pyoutliers` is compiled in.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::Start`](crate::ErrorKind::Start) if Python cannot be started.
    /// - [`ErrorKind::Name`](crate::ErrorKind::Name) if a name holds a NUL byte.
    /// - [`ErrorKind::Import`](crate::ErrorKind::Import) if there is no such module, or if importing it raises.
    /// - [`ErrorKind::Lookup`](crate::ErrorKind::Lookup) if it has no such function.
    /// - [`ErrorKind::NotCallable`](crate::ErrorKind::NotCallable) if the object of that name cannot be called.
    /// - [`ErrorKind::OutOfMemory`](crate::ErrorKind::OutOfMemory).
    ///
    /// ```
    /// # use pyoutliers::{ErrorKind, Outliers};
    /// let sorted = Outliers::new("builtins", "sorted")?;
    /// let from_keys = Outliers::new("builtins", "dict.fromkeys")?;
    /// let error = Outliers::new("no_such_module", "detect").unwrap_err();
    /// assert!(matches!(error.kind(), ErrorKind::Import { .. }));
    /// # Ok::<_, pyoutliers::Error>(())
    /// ```
    pub fn new(module: &str, function: &str) -> Result<Self> {
        Self::find(module, None, function)
    }

    /// Finds `function` in a module made of `source`, such as from `include_str!`. Tracebacks call it `file`.
    /// The same file and source always give the same module. Its code runs once.
    ///
    /// The function may be anything that can be called: also a class, a lambda, or a method of an object in
    /// the module.
    ///
    /// ```
    /// # use pyoutliers::Outliers;
    /// let source = "negative = lambda data: [i for i, value in enumerate(data) if value < 0]";
    /// let negative = Outliers::from_source(source, "negative.py", "negative")?;
    /// assert_eq!(negative.detect(&[1.0, -2.0, 3.0])?, [1]);
    /// # Ok::<_, pyoutliers::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new). Whatever the source raises, also a `SyntaxError`, is
    /// [`ErrorKind::Import`](crate::ErrorKind::Import).
    pub fn from_source(source: &str, file: &str, function: &str) -> Result<Self> {
        Self::find(file, Some(source), function)
    }

    fn find(module: &str, source: Option<&str>, function: &str) -> Result<Self> {
        let name = format!("{module}:{function}");
        let function = with_python(|py| Ok(Held::from(find(py, module, source, function)?)))?;
        Ok(Self {
            function,
            name,
            parameters: None,
            kept: Kept::new(),
            most_kept: MOST_KEPT,
            // Without the lock there is nothing to take turns for.
            turns: (!cfg!(free_threaded)).then(AtomicU32::default),
        })
    }

    /// Passes a named argument with every call: a float, an int, a bool or a string. If a name is set twice, the
    /// last value counts.
    ///
    /// ```
    /// # use pyoutliers::Outliers;
    /// let detector = Outliers::new("pyoutliers", "detect")?.with("threshold", 3)?;
    /// assert_eq!(detector.detect(&[0.0, 1.0, 0.0, 0.0, 0.0, 0.0])?, []); // 2.2 standard deviations
    /// # Ok::<_, pyoutliers::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Name`](crate::ErrorKind::Name) if the name holds a NUL byte, and
    /// [`ErrorKind::OutOfMemory`](crate::ErrorKind::OutOfMemory). If the function takes no such argument,
    /// each call returns an error.
    pub fn with<'a>(mut self, name: &str, value: impl Into<Parameter<'a>>) -> Result<Self> {
        let (name, value) = (c_name(name)?, value.into());
        with_python(|py| {
            let parameters = match &self.parameters {
                Some(parameters) => Owned::clone(&parameters.as_borrowed(py)),
                None => capi::dict_new(py)?, // new
            };
            let value = value.to_object(py)?; // new
            capi::dict_set_item_string(&parameters, &name, &value)?; // borrows: the dict adds its own
            self.parameters = Some(parameters.into());
            Ok(())
        })
        .map_err(|error| error.in_function(&self.name))?;
        Ok(self)
    }

    /// Sets how many values a list may have for calls to reuse it. The default is 4,096.
    ///
    /// Calls reuse the list of the previous call if they have the same number of values, which saves making
    /// and freeing one: a call with 1,000,000 values takes about 0.6 of the time. In return, one list stays
    /// in memory until the next call, or until the `Outliers` is closed: 32 bytes for each value, and whatever
    /// the function has put into the list. A function that keeps its argument gets a new list with each call.
    ///
    /// In a free-threaded Python, up to 32 threads each keep one. If another thread releases it, it is freed when the
    /// thread that made it calls Python again, or ends.
    #[must_use]
    pub fn keep_up_to(mut self, values: usize) -> Self {
        self.most_kept = values;
        self
    }

    /// Lets calls from several threads overlap while the function computes without Python's lock.
    ///
    /// C code may release the lock while it computes, as hashing and compression do. Such calls can
    /// use several cores, so their threads should not take turns. NumPy releases the lock too, but so
    /// briefly that turns are faster.
    #[must_use]
    pub fn without_turns(mut self) -> Self {
        self.turns = None;
        self
    }

    /// Calls the function with a copy of `data` as a list of floats, and returns a copy of its result.
    ///
    /// `pyoutliers.detect` returns the indices, in order, of the values that are more than `threshold`
    /// (2) population standard deviations (as `numpy.std`) from the mean. It raises a `ValueError` for a NaN,
    /// an infinity, or a threshold that is not a finite number of 0 or more.
    ///
    /// Your own function may return any iterable of ints, with at most as many items as `data` has values: a
    /// list, a tuple, a NumPy array of integers, a range, a generator. `-1` is an ordinary int.
    ///
    /// For empty `data` the result is empty, and the function is not called.
    ///
    /// # Errors
    ///
    /// A call returns the whole result or an error.
    ///
    /// - [`ErrorKind::Call`](crate::ErrorKind::Call) if the function raises anything, also `SystemExit`.
    /// - [`ErrorKind::NotIterable`](crate::ErrorKind::NotIterable) if it does not return an iterable, or returns text.
    /// - [`ErrorKind::Item`](crate::ErrorKind::Item) for an item that is not an int (a float, bool or string), or too large.
    /// - [`ErrorKind::Iteration`](crate::ErrorKind::Iteration) if producing or converting an item raises.
    /// - [`ErrorKind::TooManyItems`](crate::ErrorKind::TooManyItems) for more items than values, so that an
    ///   endless iterator ends too.
    /// - [`ErrorKind::OutOfMemory`](crate::ErrorKind::OutOfMemory).
    ///
    /// ```
    /// # use pyoutliers::{ErrorKind, Outliers};
    /// let detector = Outliers::new("pyoutliers", "detect")?;
    /// assert_eq!(detector.detect(&[1.0, 1.0, 1.0, 1.0, 1.0, 9.0])?, [5]);
    /// let sum = Outliers::new("math", "fsum")?; // returns a float
    /// let error = sum.detect(&[1.0, 2.0]).unwrap_err();
    /// assert!(matches!(error.kind(), ErrorKind::NotIterable { .. }));
    /// # Ok::<_, pyoutliers::Error>(())
    /// ```
    pub fn detect(&self, data: &[f64]) -> Result<Vec<i64>> {
        self.call_with(data, convert::ints)
    }

    /// Calls the function as [`detect`](Self::detect) does, but takes floats from it, such as a moving
    /// average or scores.
    ///
    /// An item must be a `float`, as NumPy's float64 is, or one of NumPy's smaller floats. NaN and the
    /// infinities are ordinary values. An int is not a float.
    ///
    /// ```
    /// # use pyoutliers::Outliers;
    /// let sorted = Outliers::new("builtins", "sorted")?.with("reverse", true)?;
    /// assert_eq!(sorted.transform(&[1.5, 2.5, 0.5])?, [2.5, 1.5, 0.5]);
    /// # Ok::<_, pyoutliers::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`detect`](Self::detect), for floats instead of ints.
    pub fn transform(&self, data: &[f64]) -> Result<Vec<f64>> {
        self.call_with(data, convert::floats)
    }

    /// Calls the function with a copy of `data`. `drain` copies the result out.
    #[inline]
    fn call_with<T>(
        &self,
        data: &[f64],
        drain: impl Fn(&Owned<'_>, usize) -> Result<Vec<T>>,
    ) -> Result<Vec<T>> {
        if data.is_empty() {
            return Ok(Vec::new());
        }
        let _turn = self.turns.as_ref().map(Turn::take);
        with_python(|py| {
            let list = convert::list_from_slice(py, data, self.kept.take(py))?; // new, or the kept one
            let result = self.call(&list); // borrows; new
            self.keep(list, data.len()); // for the next call, or released
            drain(&result?, data.len())
        })
        .map_err(|error| error.in_function(&self.name))
    }

    /// Keeps a list if it is not too long and has no other reference. Otherwise releases it.
    #[inline(always)]
    fn keep(&self, list: Owned<'_>, length: usize) {
        if length <= self.most_kept && list.is_unique() {
            self.kept.put(list);
        }
    }

    /// Calls the function with a Python list.
    ///
    /// Reference: borrows `list`; returns new.
    #[inline]
    pub fn call<'p>(&self, list: &Owned<'p>) -> Result<Owned<'p>, Exception> {
        let function = self.function.as_borrowed(list.py()); // borrowed
        match &self.parameters {
            None => capi::object_call_function_obj_args(&function, [list]), // borrows; new
            Some(parameters) => {
                let mut arguments = capi::tuple_new(list.py(), 1)?; // new
                capi::tuple_set_item(&mut arguments, 0, list.clone())?; // steals the clone
                let parameters = parameters.as_borrowed(list.py()); // borrowed
                capi::object_call(&function, &arguments.finish()?, &parameters) // borrows; new
            }
        }
    }

    /// `module:function`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Waits for Python's lock, and releases the function and the kept list. Dropping does not wait: the next
    /// call into this crate then releases them.
    ///
    /// Use after closing does not compile:
    ///
    /// ```compile_fail
    /// # use pyoutliers::Outliers;
    /// let detector = Outliers::new("builtins", "sorted")?;
    /// detector.close();
    /// detector.detect(&[])?;
    /// # Ok::<_, pyoutliers::Error>(())
    /// ```
    ///
    /// The twin that compiles:
    ///
    /// ```
    /// # use pyoutliers::Outliers;
    /// let detector = Outliers::new("builtins", "sorted")?;
    /// detector.detect(&[])?;
    /// detector.close();
    /// # Ok::<_, pyoutliers::Error>(())
    /// ```
    pub fn close(self) {
        // Dropping `self` while this thread holds the lock releases both at once.
        let _ = with_python(|_| {
            drop(self);
            Ok(())
        });
    }
}

/// Calls `pyoutliers.gen_testdata()`: 1,000 random floats, in which indices 7, 113 and 835 stand out.
///
/// # Errors
///
/// As [`Outliers::new`] and [`Outliers::detect`].
///
/// ```
/// assert_eq!(pyoutliers::gen_testdata()?.len(), 1000);
/// # Ok::<_, pyoutliers::Error>(())
/// ```
pub fn gen_testdata() -> Result<Vec<f64>> {
    const LENGTH: usize = 1000;
    let generate = Outliers::new("pyoutliers", "gen_testdata")?;
    with_python(|py| {
        let result = capi::object_call_function_obj_args(&generate.function.as_borrowed(py), [])?;
        convert::floats(&result, LENGTH)
    })
    .map_err(|error| error.in_function(&generate.name))
}
