//! A stage: a series of windows, and its results.

use serde::{Deserialize, Serialize};

use crate::counter::Counter;
use crate::member::Moved;
use crate::meter::Unproven;
use crate::reference::Reference;
use crate::series::{MOST_WINDOWS, Paired, Series, grow_behind_items};
use crate::verdict::{self, Finding, Growth, Verdict, conclude, per_call};

/// Why a soak ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Ended {
    /// The caller, or Ctrl-C, ended it.
    Interrupted,
    /// It took too much memory, or memory ran out.
    Memory,
    /// The process has almost reached its limit of open files.
    Files,
    /// The time was up.
    Time,
}

impl Ended {
    /// `interrupted`, `memory`, `files` or `time`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Interrupted => "interrupted",
            Self::Memory => "memory",
            Self::Files => "files",
            Self::Time => "time",
        }
    }
}

/// How the counters grew, window after window. Adding a window allocates nothing.
pub(super) struct Windows {
    /// The calls of the shortest window, and of the warm-up.
    shortest: u64,
    warm_up: u64,
    /// The calls in complete windows.
    calls: u64,
    series: Vec<(Counter, Series)>,
    paired: Vec<Paired>,
}

impl Windows {
    pub fn new(shortest: u64, warm_up: u64) -> Self {
        Self {
            shortest,
            warm_up,
            calls: 0,
            series: Vec::with_capacity(16),
            paired: Vec::with_capacity(MOST_WINDOWS),
        }
    }

    /// Adds a window.
    pub fn note(&mut self, calls: u64, growth: impl Iterator<Item = (Counter, i64)>) {
        let is_first = self.series.is_empty();
        let mut paired = Paired {
            calls,
            blocks: 0,
            items: 0,
        };
        for (index, (counter, growth)) in growth.enumerate() {
            match counter {
                Counter::Blocks => paired.blocks = growth,
                Counter::Items => paired.items = growth,
                _ => {}
            }
            if is_first {
                self.series.push((counter, Series::default()));
            }
            if let Some((_, series)) = self.series.get_mut(index) {
                series.note(growth);
            }
        }
        self.paired.push(paired);
        self.calls += calls;
    }

    /// Judges each counter: some by the objects that moved, the others by their sums.
    fn growths(&self, moved: &[Moved], unproven: &[Unproven]) -> Vec<Growth> {
        let is_unproven = |counter| unproven.iter().any(|&(other, _)| other == counter);
        let growths = self.series.iter().map(|&(counter, series)| {
            let own = moved.iter().filter(|moved| moved.counter == counter);
            let (finding, total) = if counter.is_by_object() {
                let worst = own.clone().map(|moved| moved.finding).min();
                let worst = worst.unwrap_or(Finding::Steady);
                let worst_of_all = own.filter(|moved| moved.finding == worst);
                (worst, worst_of_all.map(|moved| moved.total).sum())
            } else {
                let finding = series.judge(counter);
                // A store that is filled and emptied may hide a leak of blocks.
                let is_hidden = counter == Counter::Blocks
                    && finding == Finding::Cache
                    && grow_behind_items(&self.paired);
                let finding = if is_hidden { Finding::Rare } else { finding };
                (finding, series.total())
            };
            Growth {
                counter,
                finding: if is_unproven(counter) {
                    Finding::Unproven
                } else {
                    finding
                },
                total,
                per_call: per_call(total, self.calls),
            }
        });
        growths.collect()
    }
}

/// The results of one stage.
#[derive(Debug)]
pub(super) struct Stage {
    /// The calls of the shortest window.
    pub shortest: u64,
    /// The calls made before the stage.
    pub warm_up: u64,
    /// The calls in complete windows.
    pub calls: u64,
    /// Why it ended before all windows were complete, if it did.
    pub ended: Option<Ended>,
    pub counters: Vec<Growth>,
    /// The verdict on the counters of this stage alone, before a comparison with an earlier stage.
    pub conclusion: Verdict,
    /// The objects whose references moved, and the containers that grew.
    pub references: Vec<Reference>,
    pub containers: Vec<String>,
    /// The containers whose lengths grew.
    pub items: Vec<Reference>,
    /// The lines that leak, once they have been located.
    pub grown: Vec<String>,
    /// What grew and is allowed.
    pub allowed: Vec<String>,
    /// The counters that could not be proven, and possible reasons.
    pub unproven: Vec<String>,
    pub store: Store,
    /// Whether the leak may be a store that is still filling: there was no time to find out.
    pub may_still_fill: bool,
}

/// The signs that a store may be filling.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Store {
    /// Whether older objects lead to what grows.
    pub is_kept: bool,
    /// How many entries it gains per call.
    pub entries: f64,
    /// The items of the largest container that grows like a leak.
    pub most_items: i64,
    /// Whether the length of that container is limited, as by the `maxlen` of a deque.
    pub is_bounded: bool,
}

impl Stage {
    /// A stage without windows.
    pub fn empty(warm_up: u64, ended: Option<Ended>) -> Self {
        Self::new(&Windows::new(0, warm_up), &[], &[], ended)
    }

    /// Judges the counters. Names are added later.
    pub fn new(
        windows: &Windows,
        moved: &[Moved],
        unproven: &[Unproven],
        ended: Option<Ended>,
    ) -> Self {
        let counters = windows.growths(moved, unproven);
        let unproven = unproven.iter();
        Self {
            shortest: windows.shortest,
            warm_up: windows.warm_up,
            calls: windows.calls,
            ended,
            conclusion: conclude(&counters),
            counters,
            references: Vec::new(),
            containers: Vec::new(),
            items: Vec::new(),
            grown: Vec::new(),
            allowed: Vec::new(),
            unproven: unproven
                .map(|(counter, saw)| format!("{counter} {saw}"))
                .collect(),
            store: Store::default(),
            may_still_fill: false,
        }
    }

    /// Marks counters that moved unevenly in the stage before, and grew at least a third as fast in this one:
    /// they keep growing. One example is a buffer that is doubled once in one stage and twice in the next.
    pub fn compare(&mut self, earlier: &Self) {
        for growth in &mut self.counters {
            let mut earlier = earlier.counters.iter();
            let same = earlier.find(|earlier| earlier.counter == growth.counter);
            let went_on = same.is_some_and(|earlier| {
                earlier.finding == Finding::Rare && 3.0 * growth.per_call >= earlier.per_call
            });
            let is_exact = growth.counter != Counter::OutsideMalloc;
            if went_on && is_exact && growth.finding == Finding::Cache && growth.total > 0 {
                growth.finding = Finding::Rare;
            }
        }
    }

    /// Without a verdict, nothing is called a leak.
    pub fn doubt(&mut self) {
        let counters = self.counters.iter_mut().map(|growth| &mut growth.finding);
        let rows = self.references.iter_mut().chain(&mut self.items);
        for finding in counters.chain(rows.map(|row| &mut row.finding)) {
            if *finding == Finding::Leak {
                *finding = Finding::Growing;
            }
        }
    }

    /// Whether memory outside malloc grew by more than noise, but by too little to be judged.
    pub fn may_grow_outside(&self) -> bool {
        let is_some = |growth: &Growth| {
            growth.counter == Counter::OutsideMalloc
                && matches!(growth.finding, Finding::Steady | Finding::Cache)
                && growth.total >= 256 << 10
        };
        self.counters.iter().any(is_some)
    }

    /// Whether a counter leaks.
    pub fn leaks(&self, counter: Counter) -> bool {
        verdict::of(&self.counters, Finding::Leak).any(|growth| growth.counter == counter)
    }
}
